"""What people have written: issues, pull requests, reviews, comments, statuses. Kept in the store."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.forge.store import Store

FIRST_ID = 2_400_000_001


@dataclass(frozen=True)
class Issue:
    """A numbered conversation; a pull request has one of the same number."""

    number: int
    id: int
    title: str
    body: str | None
    author: str
    created_at: float
    updated_at: float
    is_pull: bool = False
    state: str = "open"
    state_reason: str | None = None
    closed_at: float | None = None
    closed_by: str | None = None
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()


@dataclass(frozen=True)
class Pull:
    """What a pull request adds to its issue."""

    number: int
    head_repository: str
    head_ref: str
    head_sha: str
    base_ref: str
    base_sha: str
    pusher: str  # of the last change that reviewers have to look at
    reviewed_before: int = 0  # the newest review that was there when it came
    draft: bool = False
    reviewers: tuple[str, ...] = ()
    merged_at: float | None = None
    merged_by: str | None = None
    merge_sha: str | None = None
    tested: tuple[str, str] = ("", "")  # base and head of the test merge
    test_sha: str | None = None  # None: they conflict


@dataclass(frozen=True)
class Review:
    """One person's verdict on one commit."""

    id: int
    pull: int
    author: str
    state: str
    body: str
    commit: str
    submitted_at: float


@dataclass(frozen=True)
class Comment:
    id: int
    issue: int
    author: str
    body: str
    created_at: float
    updated_at: float


@dataclass(frozen=True)
class Status:
    """What something outside says of a commit under a name."""

    id: int
    sha: str
    context: str
    state: str
    description: str | None
    target_url: str | None
    creator: str
    created_at: float


Record = TypeVar("Record", Issue, Pull, Review, Comment, Status)
KEYS: dict[type, Callable[[Any], object]] = {
    Issue: lambda record: record.number,
    Pull: lambda record: record.number,
    Review: lambda record: f"{record.pull}/{record.id}",
    Comment: lambda record: record.id,
    Status: lambda record: f"{record.sha}/{record.id}",
}


class Records:
    """The store, typed."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def find(self, kind: type[Record], key: object) -> Record | None:
        found = self._store.get(kind.__name__, key)
        return _load(kind, found) if found else None

    def all(self, kind: type[Record], prefix: str = "") -> list[Record]:
        """Every record of a kind (whose key begins so), oldest first."""
        return [_load(kind, found) for found in self._store.all(kind.__name__, prefix)]

    def save(self, record: Record) -> Record:
        kind = type(record)
        self._store.put(kind.__name__, KEYS[kind](record), asdict(record))
        return record

    def change(self, record: Record, **members: Any) -> Record:
        """Save a record with other members."""
        return self.save(replace(record, **members))

    def new_id(self) -> int:
        """An id that nothing else has."""
        return self._store.next("id", FIRST_ID)

    def new_number(self) -> int:
        """The number of the next issue or pull request."""
        return self._store.next("number")


def _load(kind: type[Record], found: dict[str, Any]) -> Record:
    members: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in found.items()
    }
    return kind(**members)
