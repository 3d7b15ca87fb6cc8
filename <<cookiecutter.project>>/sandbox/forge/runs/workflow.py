"""A workflow file, read as GitHub reads it; what the forge cannot carry out is refused by name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import yaml

from sandbox.forge.runs.errors import WorkflowError

FOLDER = ".github/workflows"
IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]{0,99}")
EVENTS = {
    "push",
    "pull_request",
    "pull_request_review",
    "merge_group",
    "workflow_dispatch",
    "workflow_call",
    "repository_dispatch",
    "schedule",
}
WORKFLOW_KEYS = {"name", "run-name", "on", "permissions", "env", "defaults", "concurrency", "jobs"}
SHARED_KEYS = {"name", "needs", "if", "permissions", "concurrency", "strategy"}
JOB_KEYS = SHARED_KEYS | {
    "runs-on",
    "environment",
    "outputs",
    "env",
    "defaults",
    "steps",
    "timeout-minutes",
    "continue-on-error",
}
CALL_KEYS = SHARED_KEYS | {"uses", "with", "secrets"}
STEP_KEYS = {
    "id",
    "if",
    "name",
    "uses",
    "run",
    "working-directory",
    "shell",
    "with",
    "env",
    "continue-on-error",
    "timeout-minutes",
}


class _Loader(yaml.SafeLoader):
    """YAML 1.2's core schema: `on` is a word, and so is a date."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012


# what is a number or a word, by the tag that YAML gives it and the characters that it begins with
CORE = {
    "bool": (r"(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    "null": (r"(?:~|null|Null|NULL|)$", "~nN"),
    "int": (r"[-+]?[0-9]+$", "-+0123456789"),
    "float": (
        r"[-+]?(?:(?:\.[0-9]+|[0-9]+\.[0-9]*)(?:[eE][-+]?[0-9]+)?|[0-9]+[eE][-+]?[0-9]+)$",
        "-+.0123456789",
    ),
}
for _tag, (_pattern, _first) in CORE.items():
    _starts = [*_first, ""] if _tag == "null" else list(_first)
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(_pattern), _starts)


def _number(loader: yaml.SafeLoader, node: yaml.ScalarNode) -> int | float:
    return (int if node.tag.endswith("int") else float)(loader.construct_scalar(node))


for _tag in ("int", "float"):
    _Loader.add_constructor(f"tag:yaml.org,2002:{_tag}", _number)


@dataclass(frozen=True)
class Job:
    """One job as it is written."""

    id: str
    raw: dict[str, Any]
    needs: tuple[str, ...]

    @property
    def calls(self) -> str:
        """The reusable workflow that it calls, or nothing."""
        return str(self.raw.get("uses", ""))


@dataclass(frozen=True)
class Workflow:
    """One file of .github/workflows."""

    path: str
    name: str
    on: dict[str, dict[str, Any]]
    raw: dict[str, Any]
    jobs: dict[str, Job]

    @property
    def file(self) -> str:
        return self.path.rpartition("/")[2]

    @property
    def on_schedule(self) -> list[str]:
        """Its cron lines."""
        return [str(entry["cron"]) for entry in self.on.get("schedule", {}).get("entries", [])]


def read_workflow(path: str, text: str) -> Workflow:
    """Read a workflow; WorkflowError says what GitHub or this forge would not take."""
    try:
        raw = yaml.load(text, _Loader)  # noqa: S506 — a SafeLoader
    except yaml.YAMLError as error:
        raise WorkflowError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    if not isinstance(raw, dict):
        raise WorkflowError(f"{path}: found {type(raw).__name__}, not a mapping with `on` and `jobs`")
    _check_keys(path, "the workflow", raw, WORKFLOW_KEYS)
    jobs = raw.get("jobs")
    if not isinstance(jobs, dict) or not jobs:
        raise WorkflowError(f"{path}: `jobs` is {jobs!r}. Write at least one job")
    read = {str(name): _read_job(path, str(name), job) for name, job in jobs.items()}
    _check_needs(path, read)
    return Workflow(path, str(raw.get("name") or path), _read_triggers(path, raw.get("on")), raw, read)


def _check_keys(path: str, where: str, found: dict[str, Any], allowed: set[str]) -> None:
    for key in found:
        if key not in allowed:
            raise WorkflowError(
                f"{path}: {where} has {key!r}, which the sandbox does not carry out. "
                f"Known here: {', '.join(sorted(allowed))}"
            )


def _read_triggers(path: str, raw: Any) -> dict[str, dict[str, Any]]:
    named: dict[str, Any]
    if isinstance(raw, str):
        named = {raw: None}
    elif isinstance(raw, list):
        named = dict.fromkeys(raw)
    else:
        named = dict(raw) if isinstance(raw, dict) else {}
    if not named:
        raise WorkflowError(f"{path}: `on` is {raw!r}. Name at least one event")
    for name in named:
        if name not in EVENTS:
            raise WorkflowError(
                f"{path}: `on` names {name!r}, which nothing fires here. Known: {', '.join(sorted(EVENTS))}"
            )
    return {name: _read_trigger(value) for name, value in named.items()}


def _read_trigger(value: Any) -> dict[str, Any]:
    """What stands below an event; a schedule has a list of cron lines there."""
    if isinstance(value, list):
        return {"entries": value}
    return value if isinstance(value, dict) else {}


def _read_job(path: str, name: str, raw: Any) -> Job:
    where = f"job {name!r}"
    if not IDENTIFIER.fullmatch(name):
        raise WorkflowError(f"{path}: {where}: an id is letters, digits, - and _, not first a digit or -")
    if not isinstance(raw, dict):
        raise WorkflowError(f"{path}: {where} is {raw!r}, not a mapping")
    _check_keys(path, where, raw, CALL_KEYS if "uses" in raw else JOB_KEYS)
    needs = raw.get("needs") or []
    if "uses" not in raw:
        _check_steps(path, where, raw)
    return Job(name, raw, tuple([needs] if isinstance(needs, str) else needs))


def _check_steps(path: str, where: str, raw: dict[str, Any]) -> None:
    if "runs-on" not in raw:
        raise WorkflowError(f"{path}: {where} has no `runs-on`")
    steps = raw.get("steps")
    if not isinstance(steps, list) or not steps:
        raise WorkflowError(f"{path}: {where}: `steps` is {steps!r}. Write at least one")
    for place, step in enumerate(steps, 1):
        said = f"{where}, step {place}"
        if not isinstance(step, dict) or ("run" in step) == ("uses" in step):
            raise WorkflowError(f"{path}: {said}: {step!r} needs `run` or `uses`, and not both")
        _check_keys(path, said, step, STEP_KEYS)


def _check_needs(path: str, jobs: dict[str, Job]) -> None:
    for job in jobs.values():
        for need in job.needs:
            if need not in jobs:
                raise WorkflowError(f"{path}: job {job.id!r} needs {need!r}, which is no job of this file")
    for job in jobs.values():
        if job.id in ancestors(jobs, job.id):
            raise WorkflowError(f"{path}: job {job.id!r} needs itself, by way of {', '.join(job.needs)}")


def ancestors(jobs: dict[str, Job], name: str) -> set[str]:
    """Every job that must end before this one starts."""
    found: set[str] = set()
    waiting = list(jobs[name].needs)
    while waiting:
        need = waiting.pop()
        if need not in found:
            found.add(need)
            waiting.extend(jobs[need].needs)
    return found
