"""Builds of CodeBuild behind sessions: which project's they were, who started them, and with what changed.

A build takes the role of its duty by AssumeRole, as its own project's service role, in a session that
CodeBuild names after the build (docs/adr/0017-builds-take-a-role.md). Whoever starts one with another
buildspec or source has its duty too, so who started it belongs to the proof.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.audit.chain import stamp
from mlops.audit.event import list_at, text_at
from mlops.audit.names import ROLE
from mlops.audit.verdict import Finding, refer

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from mlops.audit.event import Event
    from mlops.audit.history import History
    from mlops.audit.names import Duty, Names
    from mlops.audit.verdict import Verdict

CODEBUILD = "codebuild.amazonaws.com"
STARTERS = frozenset({"codepipeline.amazonaws.com", "events.amazonaws.com", "scheduler.amazonaws.com"})
SESSION = re.compile(r"AWSCodeBuild-(?P<build>[\w-]+)")
COMMIT = re.compile(r"[0-9a-f]{40}")
# What each duty's role may be taken from, besides the build of its own name (infra/pipeline.yml)
MORE = {"deploy": ("reconcile",), "rollback": ()}
# What people may say when they start a build: the words of the verbs in buildspec/
INPUTS = frozenset({"BASE", "ENVIRONMENT", "MODEL", "NOW"})
VARIABLES = "environmentVariablesOverride"
PLAIN = frozenset({"projectName", "idempotencyToken", "sourceVersion", VARIABLES})
# What no pipeline and no rule of the project says when it starts one
FOREIGN = frozenset({"buildspecOverride", "imageOverride", "serviceRoleOverride", "sourceLocationOverride"})
OUT: Verdict = "out-of-band"
MAIN = frozenset({"main", "refs/heads/main"})


@dataclass(frozen=True)
class Builds:
    """`started`: the call that began a build, by its number; `sessions`: those that CodeBuild opened."""

    started: Mapping[str, Event]
    sessions: Mapping[str, Event]


def read_builds(events: Iterable[Event]) -> Builds:
    """All builds that the trail tells of."""
    started: dict[str, Event] = {}
    sessions: dict[str, Event] = {}
    for event in events:
        if event.error:
            continue
        build = event.answered("build", "id").partition(":")[2]
        if event.name == "StartBuild":
            started[build] = event
        elif event.name == "RetryBuild":  # as it was started first, whoever says so again
            first = started.get(event.asked("id").partition(":")[2])
            started |= {build: first} if first else {}
        elif event.name == "AssumeRole" and event.who.service == CODEBUILD:
            sessions[event.answered("credentials", "accessKeyId")] = event
    return Builds(started, sessions)


def build_of(event: Event) -> str:
    """The number of the build whose session made a call; empty where it was no build's."""
    found = SESSION.fullmatch(event.who.session)
    return found["build"] if found else ""


def project_of(event: Event, names: Names, duty: Duty) -> str:
    """The build project that may take a duty's role and made a call; empty where none did."""
    found = ROLE.fullmatch(event.who.role)
    if found is None or found["account"] != names.project.accounts.training or not build_of(event):
        return ""
    own = duty.kind if duty.kind == "rollback" else f"{duty.kind}-{duty.environment}"
    prefix = names.project.project
    wanted = {f"{prefix}-build-{name}": f"{prefix}-{name}" for name in (own, *MORE[duty.kind])}
    return wanted.get(found["name"], "")


def is_by_project(event: Event, names: Names) -> bool:
    """Whether a pipeline or rule of the project started something, in one of the project's roles."""
    found = ROLE.fullmatch(event.who.role)
    is_own = found is not None and found["account"] == names.project.accounts.training
    return event.who.service in STARTERS and is_own and names.is_own_role(event.who.role)


def find_overrides(event: Event, names: Names, history: History) -> list[str]:
    """What a call put in the place of what a build project says, beyond the inputs of its verbs."""
    if is_by_project(event, names):
        return sorted(FOREIGN & set(event.request))
    found = sorted(member for member in event.request if member not in PLAIN)
    variables = {text_at(one, "name") for one in list_at(event.request, VARIABLES)}
    found += [f"{VARIABLES} {name!r}" for name in sorted(variables - INPUTS)]
    version = event.asked("sourceVersion")
    if version and version not in MAIN and not (COMMIT.fullmatch(version) and has_commit(history, version)):
        found.append(f"sourceVersion {version!r}")
    return found


def has_commit(history: History, commit: str) -> bool:
    """Whether main holds a commit."""
    return history.find(commit) is not None


def judge_starts(events: Iterable[Event], names: Names, history: History) -> Iterator[Finding]:
    """Builds of the project that somebody started as something else than its project says."""
    for event in events:
        if event.error or event.account != names.project.accounts.training:
            continue
        subject, words = describe_start(event, names, history)
        if words and names.is_own_role(subject):
            why = f"{event.who} started {subject} by {event.name} with {', '.join(words)}, past review"
            yield Finding("build-overridden", OUT, subject, why, stamp(event.time), "", refer(event))


def describe_start(event: Event, names: Names, history: History) -> tuple[str, list[str]]:
    """What a call started, and what it put in the place of what main says."""
    if event.name == "StartBuild":
        started = event.answered("build", "id").partition(":")[0]
        return started or event.asked("projectName"), find_overrides(event, names, history)
    if event.source == "codepipeline" and list_at(event.request, "sourceRevisions"):
        return event.asked("name"), ["sourceRevisions"]
    return "", []
