"""The `train` program of AWS's framework images, for jobs that name no entry point of their own.

Tuning jobs cannot name one: their script is `sagemaker_program` in `sagemaker_submit_directory`.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox import objects
from sandbox.errors import invalid

if TYPE_CHECKING:
    from sandbox.sagemaker.store import Record

PROGRAM, SUBMITTED = "sagemaker_program", "sagemaker_submit_directory"
COMMAND = ("python3", str(Path(__file__).parent.parent / "script_mode.py"))


def check(params: Record) -> None:
    """Refuse a job that asks for an image's built-in algorithm: only the user's own script runs here."""
    if not setting(params, PROGRAM):
        raise invalid(
            f"without AlgorithmSpecification.ContainerEntrypoint the sandbox runs the script that the "
            f"hyperparameter {PROGRAM!r} names, and there is none; see docs/sandbox.md"
        )


def inputs(params: Record) -> dict[str, objects.Source]:
    """The submitted source, which the image's program brings to /opt/ml/code itself."""
    if "ContainerEntrypoint" in params["AlgorithmSpecification"]:
        return {}
    uri = setting(params, SUBMITTED)
    return {"code": objects.Source(uri)} if uri.startswith("s3://") else {}


def setting(params: Record, name: str) -> str:
    """A hyperparameter of the image itself; some clients wrap strings in JSON."""
    value = params.get("HyperParameters", {}).get(name, "")
    try:
        decoded = json.loads(value)
    except ValueError:
        return str(value)
    return decoded if isinstance(decoded, str) else str(value)
