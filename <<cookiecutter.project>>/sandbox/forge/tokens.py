"""Tokens: one per person, kept with the state; one per job, which ends with the job."""

from __future__ import annotations

import json
import secrets
import string
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sandbox.forge.people import BOT

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.forge.people import People, Person

LETTERS = string.ascii_letters + string.digits


@dataclass(frozen=True)
class Token:
    """A credential. `permissions` is None for a person's, which may do all that its owner may."""

    value: str
    owner: Person
    permissions: dict[str, str] | None = None
    run: int = 0
    job: str = ""
    actor: str = ""  # who the job runs for

    def allows(self, scope: str, level: str) -> bool:
        """Whether a permission, as workflows name it (`contents`, `pull-requests`), reaches a level."""
        if self.permissions is None:
            return True
        granted = self.permissions.get(scope.replace("_", "-"), "none")
        return granted == "write" or granted == level == "read"


class Tokens:
    """Every token that opens something, by value."""

    def __init__(self, file: Path, people: People) -> None:
        self._lock = threading.Lock()
        kept = _keep(file, people)
        self._people = {login: Token(value, _person(people, login)) for login, value in kept.items()}
        self._by_value = {token.value: token for token in self._people.values()}

    def of(self, login: str) -> str:
        """The token of a person; KeyError for a login that has none."""
        return self._people[login].value

    def lookup(self, value: str) -> Token | None:
        with self._lock:
            return self._by_value.get(value)

    def mint_job(self, permissions: dict[str, str], run: int, job: str, actor: str) -> str:
        """A GITHUB_TOKEN that may do what a job's `permissions:` say, until it is revoked."""
        token = Token("ghs_" + _random(36), BOT, dict(permissions), run, job, actor)
        with self._lock:
            self._by_value[token.value] = token
        return token.value

    def revoke(self, value: str) -> None:
        with self._lock:
            self._by_value.pop(value, None)


def _keep(file: Path, people: People) -> dict[str, str]:
    """The people's tokens: the same in every life of a state folder."""
    kept: dict[str, str] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    made = {person.login: f"ghp_{person.login}{_random(32)}" for person in people if person.login not in kept}
    if made:
        kept |= made
        partial = file.with_suffix(".partial")
        partial.touch(mode=0o600)
        partial.write_text(json.dumps(kept), encoding="utf-8")
        partial.replace(file)
    return kept


def _person(people: People, login: str) -> Person:
    found = people.find(login)
    if found is None:
        raise KeyError(login)
    return found


def _random(length: int) -> str:
    return "".join(secrets.choice(LETTERS) for _ in range(length))
