"""The rule DeploymentWindow: a cron expression whose minutes are those in which a stage may be entered.

https://docs.aws.amazon.com/codepipeline/latest/userguide/rule-reference-DeploymentWindow.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
DAYS = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
FIELDS = (
    ("seconds", 0, 59, ()),
    ("minutes", 0, 59, ()),
    ("hours", 0, 23, ()),
    ("day of month", 1, 31, ()),
    ("month", 1, 12, MONTHS),
    ("day of week", 1, 7, DAYS),
    ("year", 1970, 2199, ()),
)
MOST_FIELDS, FEWEST_FIELDS = 7, 6
PART = re.compile(r"(?P<first>\*|\w+)(?:-(?P<last>\w+))?(?:/(?P<step>\d+))?")
LONGEST_DAYS, DAY_MINUTES = 366, 24 * 60


class WindowError(ValueError):
    """What is no window; the message says what is allowed."""


@dataclass(frozen=True)
class Window:
    """The values of each field that are within; None where all are."""

    allowed: tuple[frozenset[int] | None, ...]
    zone: tzinfo

    def has(self, moment: datetime) -> bool:
        """Whether a moment is within; seconds do not count."""
        local = moment.astimezone(self.zone)
        return self._has_day(local) and self._has_minute(local.hour, local.minute)

    def opens(self, after: datetime) -> datetime | None:
        """The first minute within, from a moment on; None where there is none for a year."""
        now = after.astimezone(self.zone).replace(second=0, microsecond=0)
        first = now.hour * 60 + now.minute
        for days in range(LONGEST_DAYS):
            day = now + timedelta(days=days)
            for minute in range(first if days == 0 else 0, DAY_MINUTES) if self._has_day(day) else ():
                if self._has_minute(*divmod(minute, 60)):
                    opens = day.replace(hour=minute // 60, minute=minute % 60)
                    return max(opens.astimezone(UTC), after)
        return None

    def _has_day(self, local: datetime) -> bool:
        _, _, _, *allowed = self.allowed
        weekday = local.isoweekday() % 7 + 1  # Sunday is 1
        return _within(allowed, (local.day, local.month, weekday, local.year))

    def _has_minute(self, hour: int, minute: int) -> bool:
        return _within(self.allowed[1:3], (minute, hour))


def _within(allowed: Sequence[frozenset[int] | None], values: tuple[int, ...]) -> bool:
    return all(some is None or value in some for some, value in zip(allowed, values, strict=True))


def read_window(expression: str, zone: str = "") -> Window:
    """A window; raises WindowError for what is none, or not served here."""
    words = expression.split()
    if not FEWEST_FIELDS <= len(words) <= MOST_FIELDS:
        raise WindowError(
            f"Cron is {expression!r}; it has {len(words)} fields, not seconds, minutes, hours, day of month, "
            "month, day of week and perhaps the year"
        )
    words += ["*"] * (MOST_FIELDS - len(words))
    allowed = tuple(_field(word, *field) for word, field in zip(words, FIELDS, strict=True))
    return Window(allowed, _zone(zone))


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name) if name else UTC
    except (ZoneInfoNotFoundError, ValueError):
        raise WindowError(f"TimeZone is {name!r}; served here: names such as Europe/Berlin, or UTC") from None


def _field(word: str, name: str, least: int, most: int, names: tuple[str, ...]) -> frozenset[int] | None:
    if word in ("*", "?"):
        return None
    found: set[int] = set()
    for part in word.split(","):
        match = PART.fullmatch(part)
        if match is None:
            raise WindowError(
                f"Cron: {name} is {word!r}; served here: numbers, {'names, ' if names else ''}* ? , - /"
            )
        first = least if match["first"] == "*" else _number(match["first"], name, least, most, names)
        is_open = match["first"] == "*" or (match["step"] and not match["last"])
        last = (
            _number(match["last"], name, least, most, names)
            if match["last"]
            else (most if is_open else first)
        )
        found.update(range(first, last + 1, int(match["step"] or 1)))
    return frozenset(found)


def _number(text: str, name: str, least: int, most: int, names: tuple[str, ...]) -> int:
    if text.upper() in names:
        return names.index(text.upper()) + 1
    if not text.isdigit() or not least <= int(text) <= most:
        said = f", {names[0]} to {names[-1]}" if names else ""
        raise WindowError(f"Cron: {name} has {text!r}; served here: {least} to {most}{said}")
    return int(text)
