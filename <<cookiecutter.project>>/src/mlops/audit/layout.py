"""Where CloudTrail puts its files, read from their keys.

See "CloudTrail digest file structure" and "Finding your CloudTrail log files" in AWS's user guide.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

PLACE = re.compile(
    r"(?:.*/)?AWSLogs/(?:o-[a-z0-9]+/)?(?P<account>[0-9]{12})/CloudTrail(?P<kind>[A-Za-z-]*)/"
    r"(?P<region>[a-z0-9-]+)/[0-9]{4}/[0-9]{2}/[0-9]{2}/(?P<name>[^/]+)"
)
LOG = re.compile(
    r"(?P<account>[0-9]{12})_CloudTrail_(?P<region>[a-z0-9-]+)_"
    r"(?P<time>[0-9]{8}T[0-9]{4}Z)_[A-Za-z0-9]{16}\.json\.gz"
)
DIGEST = re.compile(
    r"(?P<account>[0-9]{12})_CloudTrail-Digest_(?P<region>[a-z0-9-]+)_(?P<trail>.+)_(?P<home>[a-z0-9-]+)_"
    r"(?P<time>[0-9]{8}T[0-9]{6}Z)(?P<backfill>_backfill)?\.json\.gz"
)
SPARE = timedelta(days=1)  # before the start that is asked for: what is delivered late, and the digest before
OTHER_SCHEMAS = ("-Insight", "-Aggregated", "-NetworkActivity")


@dataclass(frozen=True, order=True)
class Source:
    """An account and a region: what has a chain of digests."""

    account: str
    region: str

    def __str__(self) -> str:
        return f"account {self.account}, {self.region}"


@dataclass(frozen=True)
class LogKey:
    """A log file's key, and when it was delivered."""

    key: str
    source: Source
    delivered: datetime


@dataclass(frozen=True)
class DigestKey:
    """A digest's key. `chain` names the chain that it belongs to: a trail's own, or that of its backfills."""

    key: str
    source: Source
    end: datetime
    chain: str
    is_backfill: bool


def is_asked(key: DigestKey | LogKey, since: datetime | None) -> bool:
    """Whether a file may speak of the time that is asked for."""
    moment = key.end if isinstance(key, DigestKey) else key.delivered
    return since is None or moment >= since - SPARE


def parse_key(key: str) -> LogKey | DigestKey | None:
    """What a key names; None for anything that is neither a log nor a digest."""
    place = PLACE.fullmatch(key)
    if place is None or place["kind"].startswith(OTHER_SCHEMAS):
        return None
    source = Source(place["account"], place["region"])
    if place["kind"] == "":
        return parse_log(key, place["name"], source)
    return parse_digest(key, place["name"], source) if place["kind"] == "-Digest" else None


def parse_log(key: str, name: str, source: Source) -> LogKey | None:
    """A log's key; None where its name disagrees with its folder."""
    found = LOG.fullmatch(name)
    if found is None or (found["account"], found["region"]) != (source.account, source.region):
        return None
    moment = parse_moment(found["time"], "%Y%m%dT%H%MZ")
    return LogKey(key, source, moment) if moment else None


def parse_digest(key: str, name: str, source: Source) -> DigestKey | None:
    """A digest's key; None where its name disagrees with its folder."""
    found = DIGEST.fullmatch(name)
    if found is None or (found["account"], found["region"]) != (source.account, source.region):
        return None
    moment = parse_moment(found["time"], "%Y%m%dT%H%M%SZ")
    chain = f"{found['trail']}@{found['home']}{found['backfill'] or ''}"
    return DigestKey(key, source, moment, chain, bool(found["backfill"])) if moment else None


def parse_moment(text: str, form: str) -> datetime | None:
    """A time of a file's name; None for one that no calendar has."""
    try:
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except ValueError:
        return None
