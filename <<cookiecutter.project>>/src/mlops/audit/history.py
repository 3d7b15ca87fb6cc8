"""Which pins main has held, and since which commit: read by a fixed number of git processes."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlops import git
from mlops.audit.chain import Problem
from mlops.errors import UsageError
from mlops.pin import Pin, Tombstone, parse_pin_file, split_pin_path

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence
    from pathlib import Path

    from mlops.project import Environment

FORM = "%x01%H %ce %s"
SHORT = 12  # digits of a commit in a session's name
ABSENT = "0" * 40
AHEAD = timedelta(minutes=15)  # between the clocks of those who commit


@dataclass(frozen=True)
class Move:
    """A commit of main that changed one pin. `place` counts from the tip of main backwards; `time` is what
    `dated` says, or where that cannot be, the time of the last commit before whose date is believed.
    """

    commit: str
    time: datetime
    place: int
    subject: str
    committer: str
    dated: datetime
    environment: Environment
    model: str
    path: str
    blob: str
    paths: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Which pin it moved."""
        return (self.environment, self.model)

    @property
    def is_misdated(self) -> bool:
        """Whether its date runs against those of main."""
        return self.dated != self.time


@dataclass
class History:
    """First-parent main. Moves of each pin stand newest first."""

    head: str
    places: Mapping[str, int]
    times: Sequence[datetime]
    moves: Mapping[tuple[str, str], list[Move]]
    texts: Mapping[str, str]
    _indexes: dict[tuple[str, str], dict[str, int]] = field(default_factory=dict)
    _parsed: dict[str, Pin | Tombstone | str] = field(default_factory=dict)

    def find(self, short: str) -> int | None:
        """The place of the commit that a session names; None when main does not hold it."""
        return self.places.get(short[:SHORT])

    def at(self, environment: str, model: str, place: int) -> Move | None:
        """The move that a pin was at, when main was at a place."""
        moves = self.moves.get((environment, model), [])
        found = bisect_left(moves, place, key=lambda move: move.place)
        return moves[found] if found < len(moves) else None

    def by_commit(self, environment: str, model: str, commit: str) -> Move | None:
        """The move that a commit made to a pin."""
        moves = self.moves.get((environment, model), [])
        found = self._index(environment, model).get(commit)
        return None if found is None else moves[found]

    def next_after(self, move: Move) -> Move | None:
        """The move that took a pin's place."""
        place = self._index(*move.key)[move.commit]
        return self.moves[move.key][place - 1] if place else None

    def _index(self, environment: str, model: str) -> dict[str, int]:
        """Where each commit stands among the moves of a pin."""
        key = (environment, model)
        if key not in self._indexes:
            self._indexes[key] = {move.commit: place for place, move in enumerate(self.moves.get(key, []))}
        return self._indexes[key]

    def content(self, move: Move) -> Pin | Tombstone | str:
        """What the pin's file held; a text says why it is none, and is empty where the file was deleted."""
        if move.blob not in self._parsed:
            self._parsed[move.blob] = parse(self.texts.get(move.blob, ""), move)
        return self._parsed[move.blob]

    def pin(self, move: Move | None) -> Pin | None:
        """The pin of a move; None for a tombstone, a deletion, and what does not parse."""
        found = self.content(move) if move else None
        return found if isinstance(found, Pin) else None


def parse(text: str, move: Move) -> Pin | Tombstone | str:
    """A pin's file."""
    if not text:
        return ""
    try:
        return parse_pin_file(text, move.environment, move.model)
    except UsageError as error:
        return str(error)


def read_history(root: Path, commit: str = "HEAD") -> History:
    """Main's history. Raises for a shallow clone: what is not there proves nothing."""
    git.require_full_history(root)
    head = git.resolve_commit(root, commit)
    lines = git.git(root, "log", "--first-parent", "--format=%H %ct", head).decode().split("\n")
    commits = [line.split() for line in lines if line]
    places = {name: place for place, (name, _) in enumerate(commits)}
    times = [datetime.fromtimestamp(int(seconds), UTC) for _, seconds in commits]
    moves = list(read_moves(root, head, places, times))
    texts = read_blobs(root, sorted({move.blob for move in moves} - {ABSENT}))
    short = {name[:SHORT]: place for name, place in reversed(places.items())}
    return History(head, short, times, group(moves), texts)


def find_misdated(times: Sequence[datetime]) -> dict[int, datetime]:
    """Commits whose dates run against those of main, by place, and when the last believed one before came.
    Who pushes a commit chooses its date.
    """
    oldest_first = list(reversed(times))
    honest = set(longest_rise(oldest_first))
    found, last = {}, min(honest, default=0)
    for index, moment in enumerate(oldest_first):
        if index in honest:
            last = index
        elif moment < oldest_first[last] - AHEAD or is_past(oldest_first, honest, index):
            found[len(times) - 1 - index] = oldest_first[last]
    return found


def is_past(times: Sequence[datetime], honest: Container[int], index: int) -> bool:
    """Whether a commit says that it is younger than the next one whose date is believed."""
    later = (times[other] for other in range(index + 1, len(times)) if other in honest)
    return times[index] > next(later, times[index]) + AHEAD


def longest_rise(values: Sequence[datetime]) -> Iterator[int]:
    """The places of a longest subsequence that never falls: most dates are true."""
    tails: list[datetime] = []
    ends: list[int] = []
    before: list[int] = []
    for index, value in enumerate(values):
        length = bisect_right(tails, value)
        before.append(ends[length - 1] if length else -1)
        tails[length : length + 1], ends[length : length + 1] = [value], [index]
    place = ends[-1] if ends else -1
    while place >= 0:
        yield place
        place = before[place]


def read_moves(root: Path, head: str, places: Mapping[str, int], times: Sequence[datetime]) -> Iterator[Move]:
    """Every change of a pin, newest first, with all that its commit changed."""
    prefix, misdated = git.project_prefix(root), find_misdated(times)
    options = [
        "--first-parent",
        "--diff-merges=first-parent",
        "--full-diff",
        "--no-renames",
        "--raw",
        "--no-abbrev",
    ]
    listing = git.git(root, "log", *options, "-z", f"--format={FORM}", head, "--", "releases")
    for chunk in listing.decode(errors="surrogateescape").split("\x01")[1:]:
        header, *entries = [part for part in chunk.split("\0") if part]
        name, committer, subject = ([*header.strip("\n").split(" ", 2), ""])[:3]
        changes = dict(pair(entries))
        paths = tuple(sorted(changes))
        for path, blob in sorted(changes.items()):
            place = split_pin_path(path.removeprefix(prefix)) if path.startswith(prefix) else None
            if place:
                at = places[name]
                moment = misdated.get(at, times[at])
                yield Move(name, moment, at, subject, committer, times[at], *place, path, blob, paths)


def pair(entries: Sequence[str]) -> Iterator[tuple[str, str]]:
    """(path, blob) of git's raw lines: `:modes blobs status`, then the path."""
    for line, path in zip(entries[::2], entries[1::2], strict=False):
        yield path, line.split()[3]


def group(moves: Sequence[Move]) -> dict[tuple[str, str], list[Move]]:
    """The moves of each pin, newest first."""
    found: dict[tuple[str, str], list[Move]] = {}
    for move in moves:
        found.setdefault(move.key, []).append(move)
    return found


def read_blobs(root: Path, names: Sequence[str]) -> dict[str, str]:
    """The texts of blobs, in one process."""
    if not names:
        return {}
    answer = git.git(root, "cat-file", "--batch", stdin="".join(f"{name}\n" for name in names).encode())
    contents = git.split_batch(answer, len(names))
    return {name: (text or b"").decode(errors="replace") for name, text in zip(names, contents, strict=True)}


def require_descent(root: Path, commit: str, head: str) -> list[Problem]:
    """Whether what was main at the last audit is still part of main: history was rewritten otherwise."""
    if git.is_ancestor(root, commit, head):
        return []
    why = f"was main when it was audited last; {head[:12]} does not descend from it: ask the forge who pushed"
    return [Problem("rewritten", commit, why)]
