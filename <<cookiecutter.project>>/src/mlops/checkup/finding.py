"""What a check says: one line for each thing that it looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mlops.checkup.site import Site

Verdict = Literal["ok", "finding", "untold", "none"]


@dataclass(frozen=True)
class Trouble:
    """What was found wrong, and what to type."""

    said: str
    remedy: str


@dataclass(frozen=True)
class Line:
    """One thing, looked at by one check. "untold": it could not be; "none": there is no such thing."""

    check: str
    subject: str
    verdict: Verdict
    said: str = ""
    remedy: str = ""


class UnreadError(Exception):
    """What a check needs to know cannot be known here: no right, no network, no credentials."""


@dataclass(frozen=True)
class Check:
    """One rule. `read` yields (subject, facts); `judge` says what is wrong with the facts, if anything."""

    id: str
    about: str
    read: Callable[[Site], Iterable[tuple[str, Any]]]
    judge: Callable[[Any], Trouble | None]


def run_check(check: Check, site: Site) -> list[Line]:
    """Look, and judge. What cannot be looked at is said to be so, and never to be well."""
    try:
        found = list(check.read(site))
    except UnreadError as reason:
        return [Line(check.id, "", "untold", str(reason))]
    if not found:
        return [Line(check.id, "", "none", "there is nothing of the kind")]
    return [judge_one(check, subject, facts) for subject, facts in found]


def judge_one(check: Check, subject: str, facts: Any) -> Line:
    """The line of one subject; facts that could not be read are themselves the reason."""
    if isinstance(facts, UnreadError):
        return Line(check.id, subject, "untold", str(facts))
    trouble = check.judge(facts)
    if trouble is None:
        return Line(check.id, subject, "ok")
    return Line(check.id, subject, "finding", trouble.said, trouble.remedy)
