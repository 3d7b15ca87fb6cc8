"""The words of an audit: flags that rules raise, changes that they judge, findings that people read."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from mlops.audit.chain import stamp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from mlops.audit.event import Event

Verdict = Literal["out-of-band", "contradicted", "break-glass", "unproved", "pending", "proved"]
WORST_FIRST: tuple[Verdict, ...] = (
    "out-of-band",
    "contradicted",
    "break-glass",
    "unproved",
    "pending",
    "proved",
)
LEVELS = {"out-of-band": "error", "contradicted": "error", "break-glass": "warning", "unproved": "warning"}


@dataclass(frozen=True)
class Flag:
    """What one rule has against a change. `incomplete`: evidence is missing, so nothing is known."""

    rule: str
    verdict: Verdict
    message: str
    incomplete: bool = False


@dataclass(frozen=True)
class Reference:
    """An event, where it was read, and which digest vouches for that file."""

    id: str
    name: str
    time: str
    file: str
    digest: str


@dataclass(frozen=True)
class Change:
    """One approval or endpoint change, judged."""

    kind: str
    time: datetime
    environment: str
    model: str
    what: str
    before: str
    after: str
    who: str
    flags: tuple[Flag, ...] = ()
    commit: str = ""
    pull: int | None = None
    url: str = ""
    approvers: tuple[str, ...] = ()
    events: tuple[Reference, ...] = ()
    ratified: str = ""
    proof: str = ""  # what tells of its pull request: evidence, trail, or both

    @property
    def approval(self) -> str:
        """The pull request, who approved it, and what says so."""
        said = f"(by the {self.proof})" if self.proof else ""
        return " ".join(filter(None, [f"#{self.pull}" if self.pull else "", *self.approvers, said]))

    @property
    def verdict(self) -> Verdict:
        """The worst that a rule found."""
        return worst(self.flags)


def worst(flags: Iterable[Flag]) -> Verdict:
    """The worst of some flags; proved where there is none."""
    found = {flag.verdict for flag in flags}
    return next((verdict for verdict in WORST_FIRST if verdict in found), "proved")


@dataclass(frozen=True)
class Finding:
    """Something that a person must look at."""

    rule: str
    verdict: Verdict
    subject: str
    message: str
    time: str = ""
    path: str = ""
    events: tuple[Reference, ...] = ()
    incomplete: bool = False

    @property
    def level(self) -> str:
        """error, or warning; what was only tried changed nothing."""
        if self.rule == "attempt":
            return "warning"
        return LEVELS.get(self.verdict, "warning")

    @property
    def id(self) -> str:
        """The same finding has the same id in every run, also where more of the same followed."""
        first = min((event.time, event.id) for event in self.events)[1] if self.events else self.time
        return hashlib.sha256("\n".join([self.rule, self.subject, first]).encode()).hexdigest()[:16]

    @property
    def last(self) -> str:
        """When it happened last."""
        return max((event.time for event in self.events), default=self.time)


def refer(*events: Event) -> tuple[Reference, ...]:
    """References to events."""
    return tuple(
        Reference(event.id, event.name, stamp(event.time), event.file, event.digest) for event in events
    )


def find_in(changes: Iterable[Change]) -> list[Finding]:
    """A finding each flag of a change that nobody ratified."""
    return [
        Finding(
            flag.rule,
            flag.verdict,
            f"{change.environment}/{change.model}" if change.model else change.environment,
            f"{change.what}: {flag.message}",
            stamp(change.time),
            f"releases/{change.environment}/{change.model}.yml" if change.model else "",
            change.events,
            flag.incomplete,
        )
        for change in changes
        for flag in change.flags
        if not change.ratified and flag.verdict not in {"pending", "proved"}
    ]


def in_order(findings: Sequence[Finding]) -> list[Finding]:
    """Worst first, then oldest first; each once, with all that there is to say of it."""
    unique: dict[str, Finding] = {}
    for finding in findings:
        known = unique.setdefault(finding.id, finding)
        if finding.message not in known.message:
            incomplete = known.incomplete or finding.incomplete
            message = f"{known.message}; {finding.message}"
            unique[finding.id] = replace(known, message=message, incomplete=incomplete)
    return sorted(
        unique.values(),
        key=lambda finding: (
            WORST_FIRST.index(finding.verdict), finding.time, finding.subject, finding.rule, finding.message
        ),
    )  # fmt: skip
