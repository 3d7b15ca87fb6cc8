"""Integrity first: which log files CloudTrail vouches for, and which hours nothing is known of.

Only what is listed here is read as evidence.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from mlops.audit.chain import DELIVERY, Gap, Problem, Range, check_links, describe_hours, find_gaps, split_gap
from mlops.audit.digest import Digest, DigestError, Listed, load_keys, read_digest
from mlops.audit.layout import LogKey, Source, is_asked, parse_key

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from datetime import datetime

    from mlops.audit.checkpoint import Checkpoint
    from mlops.audit.store import Store
    from mlops.project import Project

SETUP = timedelta(days=1)  # in which the trails of all accounts are made, one after the other
MINUTE = timedelta(minutes=1)  # a log's name says no seconds
# IAM has one home in each partition; its calls are recorded there alone
GLOBAL = {"cn": "cn-north-1", "us-gov": "us-gov-west-1"}


@dataclass(frozen=True)
class Ledger:
    """What the digests prove."""

    asked: Range
    digests: tuple[Digest, ...]
    logs: tuple[Listed, ...]
    problems: tuple[Problem, ...]
    gaps: tuple[Gap, ...]
    pending: tuple[str, ...]
    known: Checkpoint | None = None


def global_region(region: str) -> str:
    """Where the calls of global services are recorded."""
    return next((home for prefix, home in GLOBAL.items() if region.startswith(f"{prefix}-")), "us-east-1")


def required_sources(project: Project) -> list[Source]:
    """Every account of the project, in its region and in that of global services."""
    accounts = {project.accounts.training, project.accounts.staging, project.accounts.prod}
    regions = {project.region, global_region(project.region)}
    return sorted(Source(account, region) for account in accounts for region in regions)


def check_integrity(
    store: Store,
    project: Project,
    since: datetime | None,
    until: datetime,
    now: datetime,
    known: Checkpoint | None = None,
) -> Ledger:
    """Verify every digest and its place in the chain, then find what is missing."""
    digests, problems = verify_digests(store, known)
    sources = required_sources(project)
    begin = since or first_start(digests, sources) or until
    asked = Range(begin, until, min(until, now - DELIVERY))
    gaps, waiting = [], []
    for gap in find_gaps(digests, sources, asked):
        missing, pending = split_gap(gap, asked.due)
        gaps += [missing] if missing else []
        waiting += [pending] if pending else []
    problems += check_links(digests)
    problems += require_beginning(digests, since)
    problems += describe_gaps(gaps, digests, sources)
    listed = list_logs(digests)
    stray, pending_logs = find_undigested(store, digests, listed, known)
    return Ledger(
        asked,
        tuple(digests),
        tuple(choose_logs(listed, {log.key for log in store.logs}, since)),
        tuple(problems + stray),
        tuple(gaps),
        tuple([f"{gap.source}: {describe_hours(gap.since, gap.until)}" for gap in waiting] + pending_logs),
        known,
    )


def verify_digests(store: Store, known: Checkpoint | None) -> tuple[list[Digest], list[Problem]]:
    """Every digest that can be trusted, and why others cannot; a checkpoint stands for those before it."""
    keys = load_keys(store.keys)
    digests = list(known.seeds) if known else []
    done = {(seed.place.source, seed.place.chain): seed.end for seed in digests}
    problems: list[Problem] = []
    for place in store.digests:
        end = done.get((place.source, place.chain))
        if end and place.end <= end:
            continue
        try:
            digests.append(
                read_digest(place, store.read(place.key), store.signatures.get(place.key), keys, store.bucket)
            )
        except (DigestError, OSError) as error:
            problems.append(Problem("digest", place.key, str(error), place.source, None, place.end))
    return digests, problems


def first_start(digests: Iterable[Digest], sources: Iterable[Source]) -> datetime | None:
    """When the trails were all there, where they came within a day of each other; else when the first was."""
    starts: dict[Source, datetime] = {}
    for digest in digests:
        if not digest.place.is_backfill:
            source = digest.place.source
            starts[source] = min(starts.get(source, digest.start), digest.start)
    first = min(starts.values(), default=None)
    wanted = [starts[source] for source in sources if source in starts]
    together = [start for start in wanted if first and start - first <= SETUP]
    return max(together, default=first)


def require_beginning(digests: Iterable[Digest], since: datetime | None) -> Iterator[Problem]:
    """Unless a start is asked for, the chain must begin where logging began: at a digest without a past."""
    if since is not None:
        return
    first: dict[tuple[Source, str], Digest] = {}
    for digest in digests:
        name = (digest.place.source, digest.place.chain)
        if name not in first or digest.end < first[name].end:
            first[name] = digest
    for (source, _), digest in sorted(first.items(), key=lambda item: item[0]):
        if digest.previous_key:
            yield Problem(
                "beginning",
                digest.place.key,
                f"continues {digest.previous_key!r}, which is not here; fetch it, or say from when on: "
                "--since",
                source,
                None,
                digest.start,
            )


def describe_gaps(gaps: list[Gap], digests: Iterable[Digest], sources: Iterable[Source]) -> Iterator[Problem]:
    """A problem each gap; a source without any digest is a problem of its own."""
    known = {digest.place.source for digest in digests}
    for source in sources:
        if source not in known:
            yield Problem(
                "no-trail",
                str(source),
                "has no digest at all: no trail covers it, or all were deleted",
                source,
            )
    for gap in gaps:
        hours = describe_hours(gap.since, gap.until)
        yield Problem("gap", str(gap.source), f"no digest covers {hours}", gap.source, gap.since, gap.until)


def list_logs(digests: Iterable[Digest]) -> dict[str, Listed]:
    """The log files that some digest lists, in key order."""
    listed = {entry.key: entry for digest in digests for entry in digest.logs}
    return dict(sorted(listed.items()))


def choose_logs(
    listed: Mapping[str, Listed], here: Collection[str], since: datetime | None
) -> Iterator[Listed]:
    """The log files to read. A digest on the border lists some of before, which nobody asked for."""
    for key, entry in listed.items():
        place = parse_key(key)
        if key in here or not isinstance(place, LogKey) or is_asked(place, since):
            yield entry


def find_undigested(
    store: Store, digests: Iterable[Digest], listed: Mapping[str, Listed], known: Checkpoint | None
) -> tuple[list[Problem], list[str]]:
    """Files that no trusted digest lists: forged, or their digest is missing; the newest may be waiting."""
    ends: dict[Source, datetime] = {}
    for digest in digests:
        if not digest.place.is_backfill:
            source = digest.place.source
            ends[source] = max(ends.get(source, digest.end), digest.end)
    stray = [
        Problem("strange", key, "is neither a log nor a digest by its name; it was not read")
        for key in store.strange
    ]
    waiting = []
    for log in store.logs:
        if log.key in listed or (known and known.has(log.key)):
            continue
        if log.source in ends and log.delivered + MINUTE > ends[log.source]:
            waiting.append(log.key)
            continue
        why = "stands in no digest that can be trusted; it was not read"
        stray.append(Problem("quarantined", log.key, why, log.source, None, log.delivered))
    return stray, waiting
