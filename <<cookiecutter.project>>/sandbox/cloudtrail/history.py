"""LookupEvents: the management events of the last 90 days, newest first, read from the sandbox's own file."""

from __future__ import annotations

import json
import mmap
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

from sandbox.cloudtrail.records import STAMP
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from sandbox.cloudtrail.records import Record

DAYS = timedelta(days=90)
MOST = 50
ATTRIBUTES: dict[str, Callable[[Record], list[str]]] = {
    "EventId": lambda record: [record["eventID"]],
    "EventName": lambda record: [record["eventName"]],
    "EventSource": lambda record: [record["eventSource"]],
    "ReadOnly": lambda record: [str(record["readOnly"]).lower()],
    "AccessKeyId": lambda record: [record["userIdentity"].get("accessKeyId", "")],
    "Username": lambda record: [user_name(record)],
    "ResourceType": lambda record: [each["type"] for each in record.get("resources", [])],
    "ResourceName": lambda record: [each.get("ARN", "") for each in record.get("resources", [])],
}


def lookup(path: Path, account: str, region: str, params: dict[str, Any], now: datetime) -> dict[str, Any]:
    """One page of an account's events in a region."""
    wanted = params.get("LookupAttributes", [])
    if len(wanted) > 1:
        raise ServiceError("InvalidLookupAttributesException", "Only one lookup attribute may be given.")
    skip, most = _offset(params.get("NextToken")), int(params.get("MaxResults", MOST))
    if not 1 <= most <= MOST:
        raise ServiceError("InvalidMaxResultsException", f"MaxResults is between 1 and {MOST}; found {most}")
    since = max(_moment(params.get("StartTime")) or now - DAYS, now - DAYS)
    until = _moment(params.get("EndTime")) or now
    if until < since:
        raise ServiceError("InvalidTimeRangeException", "StartTime must be before EndTime.")
    found = (
        (record, line)
        for record, line in _newest_first(path, account)
        if since.strftime(STAMP) <= record["eventTime"] <= until.strftime(STAMP)
        and record["awsRegion"] == region
        and all(each["AttributeValue"] in ATTRIBUTES[each["AttributeKey"]](record) for each in wanted)
    )
    page = list(islice(found, skip, skip + most + 1))
    more = {"NextToken": str(skip + most)} if len(page) > most else {}
    return {"Events": [_described(record, line) for record, line in page[:most]], **more}


def _offset(token: str | None) -> int:
    if token is not None and not token.isdecimal():
        raise ServiceError("InvalidNextTokenException", f"{token!r} is no token of a page before")
    return int(token or 0)


def _moment(value: Any) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime.fromtimestamp(float(value), UTC)


def _newest_first(path: Path, account: str) -> Iterator[tuple[Record, str]]:
    own = f'"recipientAccountId":"{account}"'.encode()
    for line in _lines_from_end(path):
        if own in line and b'"managementEvent":true' in line:
            record = json.loads(line)
            if record["recipientAccountId"] == account and record["managementEvent"]:
                yield record, line.decode()


def _lines_from_end(path: Path) -> Iterator[bytes]:
    if not path.stat().st_size:
        return
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as found:
        end = len(found)
        while (start := found.rfind(b"\n", 0, max(end - 1, 0))) >= 0 or end > 0:
            yield found[start + 1 : end]
            end = start + 1


def user_name(record: Record) -> str:
    """Who, as the event history names it: a user, a session, or the account's root."""
    who = record["userIdentity"]
    if who["type"] == "Root":
        return "root"
    return str(who.get("userName") or who.get("principalId", "").rpartition(":")[2])


def _described(record: Record, line: str) -> dict[str, Any]:
    resources = [
        {"ResourceType": each["type"], "ResourceName": each["ARN"]}
        for each in record.get("resources", [])
        if "ARN" in each
    ]
    return {
        "EventId": record["eventID"],
        "EventName": record["eventName"],
        "ReadOnly": str(record["readOnly"]).lower(),
        "AccessKeyId": record["userIdentity"].get("accessKeyId"),
        "EventTime": datetime.strptime(record["eventTime"], STAMP).replace(tzinfo=UTC),
        "EventSource": record["eventSource"],
        "Username": user_name(record),
        "Resources": resources,
        "CloudTrailEvent": line.strip(),
    }
