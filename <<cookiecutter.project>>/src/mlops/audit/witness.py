"""The evidence that `deploy` wrote of each approval, read from the audit's folder."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops.audit.event import list_at, mapping_at, text_at
from mlops.audit.store import parse_time

if TYPE_CHECKING:
    from datetime import datetime
    from pathlib import Path

ROLLBACK = ".rollback.json"  # beside the evidence of the pin that did not stay


@dataclass(frozen=True)
class Approval:
    """A review that counted."""

    person: int | str  # a number of the forge, or a name of AWS
    login: str
    commit: str
    at: datetime | None


@dataclass(frozen=True)
class Witness:
    """One evidence object. `content` is empty where the file is no evidence."""

    key: str
    sha256: str
    content: dict[str, Any]

    @property
    def pull(self) -> int | None:
        """The pull request's number."""
        found = mapping_at(self.content, "pull_request").get("number")
        return found if isinstance(found, int) else None

    @property
    def url(self) -> str:
        """The pull request's address."""
        return text_at(self.content, "pull_request", "url")

    @property
    def head(self) -> str:
        """The commit that was reviewed and merged."""
        return text_at(self.content, "pull_request", "head")

    @property
    def author(self) -> int | str | None:
        """The person who opened the pull request."""
        found = mapping_at(self.content, "pull_request", "author").get("id")
        return found if isinstance(found, int | str) else None

    @property
    def required(self) -> int:
        """How many approvals were asked for."""
        found = self.content.get("required")
        return found if isinstance(found, int) else 1

    @property
    def rules(self) -> list[Any]:
        """The rules of main that were in force."""
        return list_at(self.content, "rules")

    @property
    def approvals(self) -> list[Approval]:
        """The reviews that counted."""
        return [
            read_approval(entry) for entry in list_at(self.content, "approvals") if isinstance(entry, dict)
        ]

    @property
    def brought(self) -> dict[str, tuple[int | str, ...]] | None:
        """Who wrote each commit that the release brings, as the forge said; None where that is not in it."""
        if "brought" not in self.content:
            return None
        entries = (entry for entry in list_at(self.content, "brought") if isinstance(entry, dict))
        return {
            text_at(entry, "commit"): tuple(read_id(person) for person in list_at(entry, "people"))
            for entry in entries
        }

    def speaks_of(self) -> tuple[str, str, str, str, str]:
        """(environment, model, release, config, pin commit) that it is evidence of."""
        members = ("environment", "model", "release", "config")
        environment, model, release, config = (text_at(self.content, member) for member in members)
        return environment, model, release, config, text_at(self.content, "pin", "commit")


def read_approval(entry: dict[str, Any]) -> Approval:
    """One review."""
    person = mapping_at(entry, "by")
    return Approval(
        read_id(person),
        text_at(person, "login"),
        text_at(entry, "commit"),
        parse_time(text_at(entry, "at")),
    )


def read_id(person: Any) -> int | str:
    """A person's number, or name; nought where there is none."""
    found = person.get("id") if isinstance(person, dict) else None
    return found if isinstance(found, int | str) else 0


@dataclass(frozen=True)
class Witnesses:
    """All evidence in the folder."""

    root: Path
    _read: dict[str, Witness | None] = field(default_factory=dict, compare=False)

    def find(self, environment: str, model: str, commit: str) -> Witness | None:
        """The evidence of a merged pin; None where there is none in the folder."""
        return self.read(f"evidence/{environment}/{model}/{commit}.json")

    def rollbacks(self) -> list[Witness]:
        """What `deploy` wrote each time when SageMaker took a release back."""
        found = (
            path.relative_to(self.root).as_posix() for path in self.root.glob(f"evidence/*/*/*{ROLLBACK}")
        )
        return [witness for key in sorted(found) if (witness := self.read(key))]

    def read(self, key: str) -> Witness | None:
        """One object, read once."""
        if key not in self._read:
            self._read[key] = self._open(key)
        return self._read[key]

    def _open(self, key: str) -> Witness | None:
        try:
            body = (self.root / key).read_bytes()
        except OSError:
            return None
        try:
            content = json.loads(body)
        except ValueError:
            content = {}
        return Witness(key, hashlib.sha256(body).hexdigest(), content if isinstance(content, dict) else {})
