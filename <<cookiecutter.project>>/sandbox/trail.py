"""CloudTrail: every call, ours or moto's, becomes one record of a JSON-lines file."""

from __future__ import annotations

import errno
import json
import os
import threading
import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

READS = (
    "Describe",
    "List",
    "Get",
    "Head",
    "Search",
    "BatchGet",
    "BatchDescribe",
    "Lookup",
    "Query",
    "AssumeRole",
)
DATA_EVENTS = frozenset({"InvokeEndpoint", "PutMetricData"})
OBJECT_EVENTS = ("Object", "Part", "MultipartUpload")
# Written on AWS by no trail, whatever its selectors.
UNRECORDED = frozenset({("logs", "PutLogEvents")})
LEFT_OUT = frozenset({"WebIdentityToken"})  # a member that records lack; others are only hidden


@dataclass(frozen=True)
class Event:
    """One call, ready to be written."""

    service: str
    name: str
    region: str
    accounts: tuple[str, ...]
    identity: dict[str, Any]
    request: Any
    response: Any
    error: tuple[str, str] | None
    source_ip: str
    user_agent: str
    request_id: str


class Trail:
    """Appends records; one file for each life of the server."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.path = folder / f"{datetime.now(UTC):%Y%m%dT%H%M%S.%fZ}.jsonl"
        self._lock = threading.Lock()
        self._file = self.path.open("ab", buffering=0)

    def append(self, event: Event) -> None:
        """Write one record, whole, before the caller gets its answer; on a full disk none of it stays."""
        found = (json.dumps(each, default=str, ensure_ascii=False) for each in records(event))
        line = "".join(f"{text}\n" for text in found).encode()
        with self._lock:
            end = self._file.seek(0, os.SEEK_END)
            try:
                if self._file.write(line) != len(line):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            except OSError:
                self._file.truncate(end)
                raise

    def close(self) -> None:
        self._file.close()


def is_read_only(name: str) -> bool:
    return name.startswith(READS)


def records(event: Event) -> list[dict[str, Any]]:
    """One record for each account that a call concerns; equal ones share an id of their own."""
    shared = {"sharedEventID": str(uuid.uuid4())} if len(event.accounts) > 1 else {}
    return [{**record(event, account), **shared} for account in event.accounts]


def record(event: Event, account: str) -> dict[str, Any]:
    """Shape an event as CloudTrail does; a failed call carries errorCode and no answer."""
    data = event.name in DATA_EVENTS or (event.service == "s3" and event.name.endswith(OBJECT_EVENTS))
    source = event.service.removesuffix("-runtime")
    failure = {"errorCode": event.error[0], "errorMessage": event.error[1]} if event.error else {}
    return {
        "eventVersion": "1.11",
        "userIdentity": event.identity,
        "eventTime": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "eventSource": f"{source}.amazonaws.com",
        "eventName": event.name,
        "awsRegion": event.region,
        "sourceIPAddress": event.source_ip,
        "userAgent": event.user_agent,
        **failure,
        "requestParameters": event.request or None,
        "responseElements": event.response or None,
        "requestID": event.request_id,
        "eventID": str(uuid.uuid4()),
        "readOnly": is_read_only(event.name),
        "eventType": "AwsApiCall",
        "managementEvent": not data,
        "recipientAccountId": account,
        "eventCategory": "Data" if data else "Management",
    }
