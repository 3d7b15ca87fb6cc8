"""Worlds for `mlops doctor`: the sandbox's answers, any of them changed, over files that may be edited."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any

from mlops.checkup.finding import UnreadError
from mlops.checkup.reads import Reads
from mlops.checkup.site import Site
from mlops.doctor import examine
from mlops.foundation import read_templates
from mlops.project import read_project

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops.checkup.finding import Line
    from mlops.foundation import Template

    Change = Callable[[Any], Any]

ENDPOINT, DIGEST = "acme-staging-guess", "ab12ab12ab12"
TODAY = date(2026, 11, 22)


@dataclass(frozen=True)
class Given:
    """An answer that nobody asks for."""

    answer: Any

    def __call__(self, answer: Any) -> Any:
        """As a change: whatever there was before."""
        return self.answer


class Altered(Reads):
    """Answers of the sandbox, changed on their way."""

    def __init__(self, true: Reads, changes: dict[Any, Change]) -> None:
        self._true, self._changes = true, changes

    def aws(self, service: str, operation: str, **parameters: Any) -> Any:
        """AWS's answer; a change is named by operation, or by operation and one parameter's value."""
        found = self._change((service, operation), lambda: self._true.aws(service, operation, **parameters))
        for value in parameters.values():
            key = (service, operation, value if isinstance(value, str) else str(value))
            found = self._change(key, lambda: found) if key in self._changes else found  # noqa: B023
        return found

    def forge(self, path: str) -> Any:
        """The forge's answer."""
        return self._change(path, lambda: self._true.forge(path))

    def tool(self, *command: str) -> str | None:
        """What a program says."""
        said: str | None = self._change(("tool", command[0]), lambda: self._true.tool(*command))
        return said

    def regions(self, service: str) -> list[str]:
        """Where a service is."""
        found: list[str] = self._change(("regions", service), lambda: self._true.regions(service))
        return found

    def _change(self, key: Any, ask: Callable[[], Any]) -> Any:
        change = self._changes.get(key)
        if isinstance(change, Given):
            return change.answer
        return change(copy.deepcopy(ask())) if change else ask()


@dataclass
class Patient:
    """One world. `change(key, how)` alters an answer; `edit` alters a file."""

    root: Path
    true: Reads
    changes: dict[Any, Change] = field(default_factory=dict)
    asked: str | None = None
    today: date = TODAY

    def change(self, key: Any, how: Change) -> None:
        """Alter an answer of AWS by (service, operation[, parameter]), of the forge by its path."""
        self.changes[key] = how

    def replace(self, key: Any, answer: Any) -> None:
        """Give an answer without asking."""
        self.changes[key] = Given(answer)

    def put(self, key: Any, **members: Any) -> None:
        """Alter members of an answer."""
        self.change(key, lambda answer: {**(answer or {}), **members})

    def edit(self, path: str, old: str, new: str) -> None:
        """Alter a file of the project."""
        text = (self.root / path).read_text()
        assert old in text, f"{old!r} is not in {path}"
        (self.root / path).write_text(text.replace(old, new))

    @property
    def templates(self) -> tuple[Template, ...]:
        """Those of the project."""
        return read_templates(self.root)

    @property
    def lines(self) -> list[Line]:
        """What the doctor says."""
        reads = Altered(self.true, self.changes)
        project = read_project(self.root)
        return examine(Site(self.root, project, self.asked, self.today, self.templates, reads))

    @property
    def findings(self) -> list[Line]:
        """What it finds wrong."""
        return [line for line in self.lines if line.verdict == "finding"]


def refuse(answer: Any) -> Any:
    """What a role sees that may not look."""
    raise UnreadError("GetAnything was refused: AccessDenied")


def serve_one(patient: Patient) -> None:
    """Let one endpoint be live, guarded as `deploy` leaves it."""
    alarms = [f"{ENDPOINT}.{kind}.{DIGEST}" for kind in ("errors", "latency")]
    arn = f"arn:aws:sagemaker:eu-west-1:111111111111:endpoint/{ENDPOINT}"
    listed = {"Endpoints": [{"EndpointName": ENDPOINT, "EndpointArn": arn}]}
    guards = {"AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in alarms]}}
    described = {"EndpointConfigName": f"acme-guess-staging-{DIGEST}", "LastDeploymentConfig": guards}
    patient.change(("sagemaker", "list_endpoints"), lambda _: {"Endpoints": []})
    patient.change(("sagemaker", "list_endpoints", "acme-staging-"), lambda _: listed)
    patient.change(("sagemaker", "describe_endpoint"), lambda _: described)
    patient.change(("sagemaker", "list_tags"), lambda _: {"Tags": []})
    metric = [{"AlarmName": name, "ActionsEnabled": True} for name in alarms]
    patient.change(("cloudwatch", "describe_alarms"), lambda _: {"MetricAlarms": metric})
