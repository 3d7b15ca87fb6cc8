"""Where an audit got to: the next one verifies and reads only what came after, and reports the same.

It holds the last digest of each chain, to which the next must link, and the wanted events so far. It is as
trustworthy as the place where it is kept: a full audit needs none.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from mlops.audit.digest import Digest
from mlops.audit.event import Event, Who
from mlops.audit.layout import DigestKey, parse_key
from mlops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlops.audit.run import Inquiry
    from mlops.project import Project

SCHEMA = 2
EARLIER = (1,)  # kept fewer kinds of calls: what they lack is read again


@dataclass(frozen=True)
class Checkpoint:
    """What is known already. `seeds` stand for all digests of their chains so far."""

    begin: datetime
    head: str
    digests: int
    seeds: tuple[Digest, ...]
    files: frozenset[str]
    events: tuple[Event, ...]

    def has(self, key: str) -> bool:
        """Whether a log file was verified before."""
        return shorten(key) in self.files


def shorten(key: str) -> str:
    """A key in 16 digits: a checkpoint of years stays small."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def write_checkpoint(path: Path, inquiry: Inquiry) -> bool:
    """Keep where an audit got to. One that could not prove everything leaves the checkpoint as it was."""
    ledger = inquiry.ledger
    if ledger.problems or inquiry.unreadable or not ledger.digests:
        return False
    known = ledger.known
    document = {
        "schema": SCHEMA,
        "project": inquiry.project.project,
        "bucket": inquiry.bucket,
        "begin": (known.begin if known else ledger.asked.since).isoformat(),
        "head": inquiry.history.head,
        "digests": len(ledger.digests) + (known.digests - len(known.seeds) if known else 0),
        "chains": [describe_seed(seed) for seed in last_digests(ledger.digests)],
        "files": sorted({*(known.files if known else ()), *(shorten(log.key) for log in ledger.logs)}),
        "events": [describe_event(event) for event in inquiry.read],
    }
    partial = path.with_name(f".{path.name}.part")
    partial.write_text(json.dumps(document, separators=(",", ":"), ensure_ascii=False), encoding="utf-8")
    os.replace(partial, path)  # noqa: PTH105 - replaces what is there on every system
    return True


def last_digests(digests: Iterable[Digest]) -> list[Digest]:
    """The last digest of each chain, stretched back over all that came before it."""
    found: dict[tuple[Any, str], Digest] = {}
    for digest in sorted(digests, key=lambda digest: digest.end):
        name = (digest.place.source, digest.place.chain)
        start = found[name].start if name in found else digest.start
        found[name] = replace(digest, start=start, previous_key="", logs=())
    return [found[name] for name in sorted(found)]


def describe_seed(digest: Digest) -> dict[str, str]:
    """One chain's end."""
    return {
        "key": digest.place.key,
        "start": digest.start.isoformat(),
        "end": digest.end.isoformat(),
        "sha256": digest.sha256,
        "signature": digest.signature,
    }


def describe_event(event: Event) -> dict[str, Any]:
    """An event without its empty members."""
    found = {name: value for name, value in asdict(event).items() if value}
    who = {name: value for name, value in asdict(event.who).items() if value}
    return {**found, "time": event.time.isoformat(), "who": who}


def read_checkpoint(path: Path, project: Project) -> Checkpoint | None:
    """The checkpoint in a file; None before the first one."""
    try:
        document = json.loads(path.read_bytes())
        if document["project"] == project.project and document["schema"] in EARLIER:
            return None
        if (document["schema"], document["project"]) != (SCHEMA, project.project):
            raise UsageError(
                f"{path}: is a checkpoint of {document['project']!r}; name another file: --checkpoint"
            )
        return parse(document)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{path}: is no checkpoint ({error!r}); delete it, and the audit reads everything"
        ) from None


def parse(document: dict[str, Any]) -> Checkpoint:
    """A checkpoint's content."""
    return Checkpoint(
        datetime.fromisoformat(document["begin"]),
        document["head"],
        document["digests"],
        tuple(parse_seed(entry) for entry in document["chains"]),
        frozenset(document["files"]),
        tuple(parse_event(entry) for entry in document["events"]),
    )


def parse_seed(entry: dict[str, str]) -> Digest:
    """One chain's end, as the digest to which the next one links."""
    place = parse_key(entry["key"])
    if not isinstance(place, DigestKey):
        raise ValueError(f"{entry['key']!r} is no digest's key")
    start, end = (datetime.fromisoformat(entry[name]) for name in ("start", "end"))
    return Digest(place, start, end, entry["sha256"], entry["signature"], "", "", "", ())


def parse_event(entry: dict[str, Any]) -> Event:
    """An event."""
    return Event(
        **{**entry, "time": datetime.fromisoformat(entry["time"]), "who": Who(**{"kind": "", **entry["who"]})}
    )
