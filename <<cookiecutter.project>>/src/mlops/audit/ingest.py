"""Read the log files that digests list: check their bytes, then decode only files that hold a wanted call."""

from __future__ import annotations

import hashlib
import json
import os
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.audit.chain import Problem
from mlops.audit.event import Event, parse_event
from mlops.audit.layout import Source, parse_key
from mlops.audit.unpack import UnpackError, unpack
from mlops.audit.wanted import is_wanted, may_matter

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from mlops.audit.digest import Listed

BATCH = 8  # files handed to a process at a time
FEW = 64  # files for which starting processes does not pay


@dataclass(frozen=True)
class Read:
    """What a file held: the wanted events, or why it proves nothing; records of no known form are counted."""

    key: str
    events: tuple[Event, ...] = ()
    error: str = ""
    size: int = 0


def read_logs(root: Path, logs: Sequence[Listed], project: str) -> Iterator[Read]:
    """Each file, in the order given; on all processors where there are many."""
    name = project.encode()
    batches = [(root, logs[place : place + BATCH], name) for place in range(0, len(logs), BATCH)]
    if len(logs) < FEW:
        for batch in batches:
            yield from read_batch(*batch)
        return
    with ProcessPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(read_batch, *zip(*batches, strict=True)):
            yield from found


def read_batch(root: Path, logs: Sequence[Listed], project: bytes) -> list[Read]:
    """Some files, one after the other."""
    return [read_log(root, log, project) for log in logs]


def read_log(root: Path, log: Listed, project: bytes) -> Read:
    """One file: whole, unaltered, and then its wanted events."""
    try:
        content = unpack((root / log.key).read_bytes())
    except FileNotFoundError:
        return Read(log.key, error="is missing, and a digest lists it: it was deleted, or not fetched")
    except (OSError, UnpackError) as error:
        return Read(log.key, error=str(error))
    if hashlib.sha256(content).hexdigest() != log.sha256:
        return Read(log.key, error="was altered: its SHA-256 is not what its digest says")
    if not may_matter(content, project):
        return Read(log.key, size=len(content))
    try:
        records = json.loads(content)["Records"]
    except (ValueError, KeyError, TypeError) as error:
        return Read(log.key, error=f"holds no list of records ({error!r})")
    return Read(log.key, tuple(parse_wanted(records, log, project)), size=len(content))


def parse_wanted(records: Any, log: Listed, project: bytes) -> Iterator[Event]:
    """The wanted events of a file; a record of another form is none of them."""
    for record in records if isinstance(records, list) else []:
        if isinstance(record, dict) and is_wanted(record, project):
            event = parse_event(record, log.key, log.digest)
            if event:
                yield event


def describe_unreadable(reads: Iterable[Read]) -> list[Problem]:
    """A problem for each file that proves nothing."""
    found = []
    for read in reads:
        place = parse_key(read.key)
        source = place.source if place else Source("", "")
        found.append(Problem("log", read.key, read.error, source))
    return found


def arrange(events: Iterable[Event]) -> list[Event]:
    """Each call once, in the order in which it happened.

    Copies come by second delivery (one eventID), by a second region, and by the other account of a call
    across accounts (one sharedEventID): the caller's own record is kept.
    """
    unique: dict[str, Event] = {}
    for event in sorted(events, key=lambda event: (event.account != event.who.account, event.file, event.id)):
        unique.setdefault(event.id, event)
    calls: dict[str, Event] = {}
    for event in unique.values():
        calls.setdefault(event.shared or event.id, event)
    return sorted(calls.values(), key=lambda event: (event.time, RANKS.get(event.name, 5), event.id))


# Within one second, what is needed comes before what needs it
RANKS = {
    "StartBuild": 0,
    "AssumeRole": 0,
    "AssumeRoleWithWebIdentity": 0,
    "CreateModelPackage": 1,
    "CreateModel": 2,
    "CreateEndpointConfig": 3,
    "UpdateModelPackage": 4,
    "DeleteEndpoint": 5,
    "CreateEndpoint": 6,
    "UpdateEndpoint": 6,
}
