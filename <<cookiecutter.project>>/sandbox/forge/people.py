"""Who has an account on the forge, and what each may do in the repository."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LEVELS = ("none", "read", "triage", "write", "maintain", "admin")


@dataclass(frozen=True)
class Person:
    """An account; a bot acts only for a job."""

    login: str
    id: int
    role: str
    name: str
    kind: str = "User"

    @property
    def email(self) -> str:
        return self.noreply if self.kind == "Bot" else f"{self.login}@example.com"

    @property
    def noreply(self) -> str:
        return f"{self.id}+{self.login}@users.noreply.github.com"

    def may(self, level: str) -> bool:
        """Whether the role in the repository includes a level."""
        return LEVELS.index(self.role) >= LEVELS.index(level)


BOT = Person("github-actions[bot]", 41898282, "write", "github-actions[bot]", "Bot")
ADA = Person("ada", 5001, "admin", "Ada Quist")
PEOPLE = (
    ADA,
    Person("ben", 5002, "write", "Ben Okafor"),
    Person("cleo", 5003, "write", "Cleo Marsh"),
    Person("dan", 5004, "write", "Dan Ivers"),
    Person("eve", 5005, "read", "Eve Lund"),
)
# GitHub's stand-in for commits that it makes itself
WEB_FLOW = Person("web-flow", 19864447, "none", "GitHub")


class People:
    """The accounts, found by login, id or a commit's e-mail; and the one team, which holds the writers."""

    def __init__(self, team: str, owner: str) -> None:
        self.team = team
        self.owner = owner
        self._known = (*PEOPLE, BOT, WEB_FLOW)
        self._by_login = {person.login: person for person in self._known}
        self._by_email = {mail: person for person in self._known for mail in (person.email, person.noreply)}
        self._by_email["noreply@github.com"] = WEB_FLOW

    def __iter__(self) -> Iterator[Person]:
        return iter(PEOPLE)

    def find(self, login: str) -> Person | None:
        return self._by_login.get(login.lower())

    def by_id(self, number: int) -> Person | None:
        return next((person for person in self._known if person.id == number), None)

    def by_email(self, email: str) -> Person | None:
        """The account that a commit's author or committer is shown as."""
        return self._by_email.get(email.lower())

    def in_team(self, name: str) -> list[Person]:
        """The members of a team, named as CODEOWNERS does: `@owner/team`."""
        return [person for person in PEOPLE if person.may("write")] if name == self.team else []
