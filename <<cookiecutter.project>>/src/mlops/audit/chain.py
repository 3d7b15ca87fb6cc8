"""The chain of digests: whether each links to the one before, and which hours none of them covers.

`aws cloudtrail validate-logs` walks from the newest digest backwards, so that it misses newest ones
that are gone. Here the asked range says which hours must be there.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from mlops.audit.digest import Digest
    from mlops.audit.layout import Source

HOUR = timedelta(hours=1)
DELIVERY = timedelta(hours=2)  # a digest may come so long after its hour


@dataclass(frozen=True)
class Problem:
    """Something that cannot be proved. `hours` are those that are in doubt, of one source."""

    rule: str
    place: str
    message: str
    source: Source | None = None
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Range:
    """What is asked for. From `due` on, digests may still be on their way."""

    since: datetime
    until: datetime
    due: datetime


@dataclass(frozen=True)
class Gap:
    """Hours of a source that no digest covers."""

    source: Source
    since: datetime
    until: datetime


def check_links(digests: Iterable[Digest]) -> Iterator[Problem]:
    """Each digest names the one before it: a link to another is a digest that was exchanged."""
    for _, chain in groupby(sorted(digests, key=order), key=lambda digest: order(digest)[:3]):
        for earlier, later in pairwise(chain):
            if later.previous_key == earlier.place.key and not is_linked(earlier, later):
                yield Problem(
                    "unlinked",
                    earlier.place.key,
                    f"is not the digest that the next one, {later.place.key!r}, was linked to: it was "
                    "exchanged",
                    earlier.place.source,
                    earlier.start,
                    earlier.end,
                )


def is_linked(earlier: Digest, later: Digest) -> bool:
    """Whether a digest carries hash and signature of the one before."""
    return (later.previous_sha256, later.previous_signature) == (earlier.sha256, earlier.signature)


def order(digest: Digest) -> tuple[str, str, str, datetime]:
    """By account, region and chain, then by time."""
    place = digest.place
    return (place.source.account, place.source.region, place.chain, digest.end)


def find_gaps(digests: Iterable[Digest], sources: Iterable[Source], asked: Range) -> list[Gap]:
    """The hours of the range that nothing covers, of every source that must be covered."""
    covered: dict[Source, list[tuple[datetime, datetime]]] = {}
    for digest in digests:
        if not digest.place.is_backfill:
            covered.setdefault(digest.place.source, []).append((digest.start, digest.end))
    return [
        Gap(source, since, until)
        for source in sorted(sources)
        for since, until in subtract(covered.get(source, []), asked.since, asked.until)
    ]


def subtract(
    covered: Sequence[tuple[datetime, datetime]], since: datetime, until: datetime
) -> Iterator[tuple[datetime, datetime]]:
    """What of a range is left when intervals are taken away."""
    for start, end in sorted(covered):
        if start >= until:
            break
        if start > since:
            yield since, start
        since = max(since, end)
    if since < until:
        yield since, until


def split_gap(gap: Gap, due: datetime) -> tuple[Gap | None, Gap | None]:
    """(missing, pending): what should have come by now, and what may still come."""
    if gap.until <= due:
        return gap, None
    if gap.since >= due:
        return None, gap
    return Gap(gap.source, gap.since, due), Gap(gap.source, due, gap.until)


def describe_hours(since: datetime, until: datetime) -> str:
    """A gap in words, with each hour counted."""
    count = -(-(until - since) // HOUR)
    span = f"{stamp(since)} to {stamp(until)}"
    return f"1 hour: {span}" if count == 1 else f"{count} hours: {span}"


def stamp(moment: datetime) -> str:
    """A time as reports say it."""
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
