"""Which CI job a role session belongs to: joined by access key, since session names repeat.

A job of a workflow shows its token, a build of CodeBuild comes in a session of its own project's role.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.audit.builds import COMMIT, build_of, find_overrides, project_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops.audit.builds import Builds
    from mlops.audit.case import Case
    from mlops.audit.event import Event
    from mlops.audit.history import History
    from mlops.audit.names import Duty, Names
    from mlops.audit.verdict import Verdict
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
    """A session as its opening was recorded. `subject`: of the token, or the ARN of who took the role."""

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

    @property
    def run(self) -> str:
        """The run, or build, that the session's name claims."""
        found = NAME.fullmatch(self.name)
        return found["run"] if found else ""


def find_openings(events: Iterable[Event]) -> dict[str, Opening]:
    """Sessions that somebody opened by a token or by another session, by access key."""
    return {
        event.answered("credentials", "accessKeyId"): Opening(
            event,
            event.asked("roleArn"),
            event.asked("roleSessionName"),
            event.answered("subjectFromWebIdentityToken") or event.who.subject or event.who.arn,
            event.answered("provider") or event.who.web,
            event.answered("audience"),
        )
        for event in events
        if event.name in {"AssumeRole", "AssumeRoleWithWebIdentity"} and not event.error
    }


@dataclass(frozen=True)
class Doubt:
    """What is wrong with a session: by which rule, and how bad it is."""

    message: str
    rule: str = "session"
    verdict: Verdict = "contradicted"


def judge_opening(case: Case, opening: Opening, duty: Duty) -> list[Doubt]:
    """What speaks against a session of a deploy or rollback role being the CI job that it should be."""
    if opening.event.name == "AssumeRole":
        return list(judge_build(opening, duty, case.names, case.builds, case.history))
    return judge_token(opening, case.project, duty, case.repository_id)


def judge_build(
    opening: Opening, duty: Duty, names: Names, builds: Builds, history: History
) -> Iterator[Doubt]:
    """A role that a session took: the session must be of a build that may, and that nobody turned aside."""
    event, build = opening.event, build_of(opening.event)
    project = project_of(event, names, duty)
    if event.who.kind == "AWSAccount":  # the record of the role's account; the caller's tells who it was
        why = f"was opened from account {event.who.account}, whose own record of that is not in the trail"
        yield Doubt(why, "build-unseen", "unproved")
        return
    if not project:
        yield Doubt(f"was opened by {event.who}, which is no build that may take it", verdict="out-of-band")
        return
    if event.who.key not in builds.sessions:
        why = f"was opened by build {build} of {project}, whose own session is not in the trail"
        yield Doubt(why, "build-unseen", "unproved")
    if opening.run != build:
        yield Doubt(f"was opened by build {build} of {project}, which its name does not say")
    started = builds.started.get(build)
    if started is None:
        yield Doubt(
            f"was opened by build {build}, whose start is not in the trail", "build-unseen", "unproved"
        )
    else:
        yield from judge_start(opening, started, project, names, history)


def judge_start(
    opening: Opening, started: Event, project: str, names: Names, history: History
) -> Iterator[Doubt]:
    """Who began the build, as what, and of which commit."""
    said = started.answered("build", "id").partition(":")[0]
    if said != project:
        yield Doubt(f"comes from a build of {said!r} in the role of {project!r}")
    overrides = find_overrides(started, names, history)
    if overrides:
        yield Doubt(f"comes from a build that {started.who} started with {', '.join(overrides)}")
    version = started.asked("sourceVersion")
    if COMMIT.fullmatch(version) and not version.startswith(opening.commit):
        yield Doubt(f"names commit {opening.commit!r}, its build is of {version[:12]!r}")


def judge_token(opening: Opening, project: Project, duty: Duty, repository_id: str) -> list[Doubt]:
    """What speaks against the token that opened a session."""
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
        why = f"has subject {subject!r}, a form that says no repository"
        return [Doubt(why, "session-form", "unproved")]
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
