"""Which pins main has held, and since which commit: read by a fixed number of git processes."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from mlops import git
from mlops.audit.chain import Problem
from mlops.errors import UsageError
from mlops.pin import Pin, Tombstone, parse_pin_file, split_pin_path

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from mlops.project import Environment

FORM = "%x01%H %ct %s"
SHORT = 12  # digits of a commit in a session's name
ABSENT = "0" * 40


@dataclass(frozen=True)
class Move:
    """A commit of main that changed one pin. `place` counts from the tip of main backwards."""

    commit: str
    time: datetime
    place: int
    subject: str
    environment: Environment
    model: str
    path: str
    blob: str
    paths: tuple[str, ...]

    @property
    def key(self) -> tuple[str, str]:
        """Which pin it moved."""
        return (self.environment, self.model)


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
    moves = list(read_moves(root, head, places))
    texts = read_blobs(root, sorted({move.blob for move in moves} - {ABSENT}))
    short = {name[:SHORT]: place for name, place in reversed(places.items())}
    return History(head, short, times, group(moves), texts)


def read_moves(root: Path, head: str, places: Mapping[str, int]) -> Iterator[Move]:
    """Every change of a pin, newest first, with all that its commit changed."""
    prefix = git.project_prefix(root)
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
        name, seconds, subject = ([*header.strip("\n").split(" ", 2), ""])[:3]
        changes = dict(pair(entries))
        paths = tuple(sorted(changes))
        for path, blob in sorted(changes.items()):
            place = split_pin_path(path.removeprefix(prefix)) if path.startswith(prefix) else None
            if place:
                moment = datetime.fromtimestamp(int(seconds), UTC)
                yield Move(name, moment, places[name], subject, *place, path, blob, paths)


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
    done = git.run(root, ["merge-base", "--is-ancestor", commit, head])
    if done.returncode == 0:
        return []
    why = f"was main when it was audited last; {head[:12]} does not descend from it: ask the forge who pushed"
    return [Problem("rewritten", commit, why)]
