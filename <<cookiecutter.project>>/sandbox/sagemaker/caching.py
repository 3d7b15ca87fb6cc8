"""Step caching by SageMaker's rules: what makes two runs of a step the same, and how long that holds."""

from __future__ import annotations

import hashlib
import json
import re
from datetime import timedelta
from typing import Any

from sandbox.errors import invalid

# AWS's table of default cache keys: a step whose attributes are all equal is not run again. Where code or
# data lie is compared, not what lies there.
KEYS = {
    "Processing": ("AppSpecification", "Environment", "ProcessingInputs"),
    "Training": (
        "AlgorithmSpecification",
        "CheckpointConfig",
        "DebugHookConfig",
        "DebugRuleConfigurations",
        "Environment",
        "HyperParameters",
        "InputDataConfig",
    ),
    "Tuning": ("HyperParameterTuningJobConfig", "TrainingJobDefinition", "TrainingJobDefinitions"),
}
DEFINITION = (
    "AlgorithmSpecification",
    "HyperParameterRanges",
    "InputDataConfig",
    "StaticHyperParameters",
    "TuningObjective",
)
PERIOD = re.compile(
    r"P?(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", re.IGNORECASE
)


def key(kind: str, arguments: dict[str, Any]) -> str:
    """What two runs of a step must have in common."""
    compared = {name: arguments[name] for name in KEYS[kind] if name in arguments}
    if "TrainingJobDefinition" in compared:
        definition = compared["TrainingJobDefinition"]
        compared["TrainingJobDefinition"] = {name: definition.get(name) for name in DEFINITION}
    return hashlib.sha256(json.dumps(compared, sort_keys=True, default=str).encode()).hexdigest()


def period(text: str) -> timedelta:
    """Read an ISO 8601 duration; a year is 365 days and a month 30."""
    found = PERIOD.fullmatch(text)
    if found is None or not any(found.groups()):
        raise invalid(f"ExpireAfter {text!r} is not an ISO 8601 duration, such as 'P30D' or 'PT12H'")
    years, months, weeks, days, hours, minutes, seconds = (int(group or 0) for group in found.groups())
    return timedelta(
        days=365 * years + 30 * months + days, weeks=weeks, hours=hours, minutes=minutes, seconds=seconds
    )


def check(step: dict[str, Any], said: str) -> None:
    """Refuse a CacheConfig that says no more than that it is on."""
    config = step.get("CacheConfig") or {}
    if not config.get("Enabled"):
        return
    if step["Type"] not in KEYS:
        raise invalid(f"{said}: CacheConfig is for steps of type {', '.join(KEYS)}, not {step['Type']!r}")
    if not isinstance(config.get("ExpireAfter"), str):
        raise invalid(f"{said}: CacheConfig that is enabled needs ExpireAfter, such as 'P30D'")
    period(config["ExpireAfter"])
