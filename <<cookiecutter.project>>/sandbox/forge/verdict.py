"""Whether a pull request may be merged, and which sentence says why not: decided from facts alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.forge.records import Review
    from sandbox.forge.rulesets import Check, Reviews, Rules

PASSED = ("success", "neutral", "skipped")
OPINIONS = ("APPROVED", "CHANGES_REQUESTED", "DISMISSED")


@dataclass(frozen=True)
class CheckState:
    """The newest result of a check: `pending`, or its conclusion; and the app it came from."""

    conclusion: str
    app: int | None


@dataclass(frozen=True)
class Facts:
    """What is so about a pull request and its head."""

    writers: frozenset[str]
    reviews: tuple[Review, ...]  # oldest first
    owners: Mapping[str, frozenset[str]]  # who a file's owners are called → their logins
    pusher: str
    reviewed_before: int
    checks: Mapping[str, CheckState]
    behind: bool


def latest(reviews: tuple[Review, ...], writers: frozenset[str]) -> dict[str, Review]:
    """The opinion of each person with write access that stands; a comment changes none."""
    return {
        review.author: review for review in reviews if review.state in OPINIONS and review.author in writers
    }


def blockers(rules: Rules, facts: Facts) -> list[str]:
    """Every rule that is not met, in GitHub's words."""
    asked = _review_blockers(rules.reviews, facts) if rules.reviews else []
    return [*asked, *missing_checks(rules.checks, facts.checks)]


def _review_blockers(asked: Reviews, facts: Facts) -> list[str]:
    standing = latest(facts.reviews, facts.writers)
    approved = [review for review in standing.values() if review.state == "APPROVED"]
    against = sorted(name for name, review in standing.items() if review.state == "CHANGES_REQUESTED")
    found = (
        [f"Changes were requested by a reviewer with write access: {', '.join(against)}."] if against else []
    )
    if len(approved) < asked.count:
        found.append(_too_few(asked.count))
    approvers = {review.author for review in approved}
    if asked.code_owner:
        waiting = [name for name, logins in facts.owners.items() if not approvers & logins]
        found += [f"Waiting on code owner review from {name.removeprefix('@')}." for name in waiting]
    if asked.last_push and not _last_push_approved(approved, facts):
        found.append(
            "New changes require approval from someone other than "
            f"{facts.pusher} because they were the last pusher."
        )
    return found


def _too_few(count: int) -> str:
    noun = "approving review is" if count == 1 else "approving reviews are"
    return f"At least {count} {noun} required by reviewers with write access."


def _last_push_approved(approved: list[Review], facts: Facts) -> bool:
    return any(review.author != facts.pusher and review.id > facts.reviewed_before for review in approved)


def missing_checks(wanted: tuple[Check, ...], found: Mapping[str, CheckState]) -> list[str]:
    """The required checks that have not passed, each with its reason."""
    reasons = [(check.context, _reason(check, found.get(check.context))) for check in wanted]
    return [f'Required status check "{name}" is {reason}.' for name, reason in reasons if reason]


def _reason(check: Check, state: CheckState | None) -> str | None:
    if state is None or check.app not in (None, -1, state.app):
        return "expected"
    if state.conclusion == "pending":
        return "in progress"
    return None if state.conclusion in PASSED else "failing"
