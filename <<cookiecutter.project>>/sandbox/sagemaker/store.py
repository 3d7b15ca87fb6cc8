"""Resources by kind and name, with the two things that all List operations do: filter and page."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError, invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

Record = dict[str, Any]


class Shelf:
    """The resources of one kind; a record is replaced or updated only under the shelf's lock."""

    def __init__(self, missing: Callable[[str], ServiceError], taken: Callable[[str], ServiceError]) -> None:
        self._records: dict[str, Record] = {}
        self._missing = missing
        self._taken = taken
        self.lock = threading.RLock()

    def add(self, name: str, record: Record) -> Record:
        with self.lock:
            if name in self._records:
                raise self._taken(name)
            self._records[name] = record
        return record

    def get(self, name: str) -> Record:
        with self.lock:
            if name not in self._records:
                raise self._missing(name)
            return dict(self._records[name])

    def update(self, name: str, **members: Any) -> None:
        """Set members of a resource; one that was deleted meanwhile stays deleted."""
        with self.lock:
            if name in self._records:
                self._records[name].update(members)

    def remove(self, name: str) -> Record:
        with self.lock:
            record = self.get(name)
            del self._records[name]
        return record

    def all(self) -> list[Record]:
        with self.lock:
            return [dict(record) for record in self._records.values()]

    def __contains__(self, name: str) -> bool:
        return name in self._records


def select(
    records: Iterable[Record], params: dict[str, Any], name: str, status: str | None = None
) -> list[Record]:
    """Apply the filters that List operations share, then their order."""
    part = params.get("NameContains", "").lower()
    wanted = params.get("StatusEquals")
    chosen = [
        record
        for record in records
        if part in str(record.get(name, "")).lower()
        and (wanted is None or (status is not None and record[status] == wanted))
        and _in_time(record, params)
    ]
    key = {"Name": name, "Status": status}.get(params.get("SortBy", ""), "CreationTime")
    descending = params.get("SortOrder", "Ascending" if key == name else "Descending") == "Descending"
    return sorted(chosen, key=lambda record: record.get(key or "CreationTime"), reverse=descending)  # type: ignore[arg-type,return-value]


def _in_time(record: Record, params: dict[str, Any]) -> bool:
    for member in ("CreationTime", "LastModifiedTime"):
        moment = record[member].timestamp() if member in record else 0
        before = params.get(f"{member}Before", params.get("CreatedBefore"))
        after = params.get(f"{member}After", params.get("CreatedAfter"))
        if (before is not None and moment >= before) or (after is not None and moment <= after):
            return False
    return True


def page(
    records: list[Record], params: dict[str, Any], member: str, shape: Callable[[Record], Record]
) -> Record:
    """Cut one page; the token is the position, which stays right while nothing is deleted."""
    token = params.get("NextToken", "0")
    if not token.isdigit():
        raise invalid(f"Invalid NextToken {token!r}")
    start, size = int(token), params.get("MaxResults", 100)
    rest = {"NextToken": str(start + size)} if start + size < len(records) else {}
    return {member: [shape(record) for record in records[start : start + size]], **rest}


def pick(record: Record, *members: str) -> Record:
    """The members of a record that an answer has."""
    return {member: record[member] for member in members if record.get(member) is not None}


def could_not_find(what: str, name: Callable[[str], str] = str) -> Callable[[str], ServiceError]:
    return lambda key: invalid(f'Could not find {what} "{name(key)}".')


def already_exists(what: str, name: Callable[[str], str] = str) -> Callable[[str], ServiceError]:
    return lambda key: invalid(f'Cannot create already existing {what} "{name(key)}".')
