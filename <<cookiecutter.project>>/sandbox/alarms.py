"""How an alarm's state follows from its data points; pure, by the rules that CloudWatch documents."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
# CloudWatch asks for more points than it needs, so that a late one does not count as missing.
EXTRA_POINTS = 2
COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
MISSING = ("missing", "ignore", "breaching", "notBreaching")


@dataclass(frozen=True)
class Rule:
    """When an alarm is in ALARM: `needed` of the last `periods` points breach."""

    periods: int
    needed: int
    comparison: str
    threshold: float
    missing: str = "missing"

    def breaches(self, value: float) -> bool:
        return COMPARISONS[self.comparison][0](value, self.threshold)


@dataclass(frozen=True)
class Verdict:
    """A state and the sentence that explains it."""

    state: State
    reason: str


def judge(rule: Rule, points: Sequence[float | None], current: State) -> Verdict:
    """Judge the points of the evaluation range, newest last; `current` stays where data does not tell."""
    real = [value for value in points if value is not None][-rule.periods :]
    breaching = [value for value in real if rule.breaches(value)]
    filled = rule.periods - len(real)
    if not real and rule.missing in ("missing", "ignore"):
        return _untold(rule, current)
    if filled and rule.missing == "breaching":
        state: State = "ALARM" if len(breaching) + filled >= rule.needed else "OK"
        return Verdict(state, _reason(rule, real, state, filled))
    if filled and rule.missing != "notBreaching" and len(breaching) == len(real) < rule.needed:
        # breaching points only, but too few: alarm once the oldest is old enough to have been enough
        oldest = len(points) - next(at for at, value in enumerate(points) if value is not None)
        if oldest < rule.needed or rule.missing == "ignore":
            return _untold(rule, current)
        return Verdict("ALARM", _reason(rule, real, "ALARM", filled))
    state = "ALARM" if len(breaching) >= rule.needed else "OK"
    return Verdict(state, _reason(rule, real, state, filled))


def _untold(rule: Rule, current: State) -> Verdict:
    if rule.missing == "ignore":
        return Verdict(current, "Insufficient Data: the current state is kept (ignore).")
    return Verdict("INSUFFICIENT_DATA", f"Insufficient Data: {rule.periods} datapoints were unknown.")


def _reason(rule: Rule, real: Sequence[float], state: State, filled: int) -> str:
    said = COMPARISONS[rule.comparison][1]
    wanted = state == "ALARM"
    found = [value for value in real if rule.breaches(value) == wanted]
    missing = f" and {filled} missing datapoints were treated as [{rule.missing}]" if filled else ""
    number = f"{len(found)} out of the last {rule.periods} datapoints [{', '.join(map(repr, found))}]"
    verb = "was" if wanted else "was not"
    return f"Threshold Crossed: {number} {verb} {said} the threshold ({rule.threshold}){missing}."
