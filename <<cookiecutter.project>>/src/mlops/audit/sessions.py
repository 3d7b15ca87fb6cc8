"""Which CI job a role session belongs to: joined by access key, since session names repeat."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops.audit.event import Event
    from mlops.audit.names import Duty
    from mlops.project import Project

NAME = re.compile(r"(?:p(?P<pull>[0-9]+)|r)\.(?P<commit>[0-9a-f]{12})\.(?P<run>[\w-]+)")
# The old form, and the immutable one of repositories made since July 2026
SUBJECT = re.compile(
    r"repo:(?P<owner>[^/@:]+)(?:@(?P<owner_id>[0-9]+))?/(?P<name>[^/@:]+)(?:@(?P<id>[0-9]+))?:(?P<context>.+)"
)
PROVIDER = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>[0-9]{12}):oidc-provider/(?P<issuer>.+)")
ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


@dataclass(frozen=True)
class Opening:
    """A session as its opening was recorded."""

    event: Event
    role: str
    name: str
    subject: str
    provider: str
    audience: str

    @property
    def pull(self) -> int | None:
        """The pull request that the session's name claims."""
        found = NAME.fullmatch(self.name)
        return int(found["pull"]) if found and found["pull"] else None

    @property
    def commit(self) -> str:
        """The first digits of main's commit that the session's name claims; empty where it claims none."""
        found = NAME.fullmatch(self.name)
        return found["commit"] if found else ""


def find_openings(events: Iterable[Event]) -> dict[str, Opening]:
    """Sessions opened by a web identity, by access key."""
    return {
        event.answered("credentials", "accessKeyId"): Opening(
            event,
            event.asked("roleArn"),
            event.asked("roleSessionName"),
            event.answered("subjectFromWebIdentityToken") or event.who.subject,
            event.answered("provider") or event.who.web,
            event.answered("audience"),
        )
        for event in events
        if event.name == "AssumeRoleWithWebIdentity" and not event.error
    }


@dataclass(frozen=True)
class Doubt:
    """What is wrong with a session; `is_false` when it says what is untrue, not merely unknown."""

    message: str
    is_false: bool = True


def judge_opening(opening: Opening, project: Project, duty: Duty, repository_id: str) -> list[Doubt]:
    """What speaks against a session of a deploy or rollback role being the CI job that it should be."""
    doubts = []
    provider = PROVIDER.fullmatch(opening.provider)
    if (
        provider is None
        or provider["issuer"] != ISSUER
        or provider["account"] != project.account(duty.environment)
    ):
        doubts.append(Doubt(f"was opened through {opening.provider!r}, not through the forge's provider"))
    if opening.audience != AUDIENCE:
        doubts.append(Doubt(f"was opened for audience {opening.audience!r}, not {AUDIENCE!r}"))
    return doubts + judge_subject(opening.subject, project, duty, repository_id)


def judge_subject(subject: str, project: Project, duty: Duty, repository_id: str) -> list[Doubt]:
    """What speaks against the `sub` of the token."""
    found = SUBJECT.fullmatch(subject)
    if found is None:
        return [Doubt(f"has subject {subject!r}, a form that says no repository", is_false=False)]
    repository = f"{found['owner']}/{found['name']}"
    wanted = duty.environment if duty.kind == "deploy" else f"rollback-{duty.environment}"
    doubts = []
    if repository.lower() != project.repository.lower():
        doubts.append(Doubt(f"comes from repository {repository!r}, not {project.repository!r}"))
    elif found["id"] and repository_id and found["id"] != repository_id:
        doubts.append(
            Doubt(
                f"comes from repository number {found['id']}, which was {repository_id} before: it was "
                "made anew"
            )
        )
    if found["context"] != f"environment:{wanted}":
        doubts.append(Doubt(f"comes from {found['context']!r}, not from environment {wanted!r}"))
    return doubts


def first_repository_id(openings: Iterable[Opening], project: Project) -> str:
    """The number that the repository had when it was first seen."""
    for opening in sorted(openings, key=lambda opening: (opening.event.time, opening.event.id)):
        found = SUBJECT.fullmatch(opening.subject)
        if (
            found
            and found["id"]
            and f"{found['owner']}/{found['name']}".lower() == project.repository.lower()
        ):
            return found["id"]
    return ""
