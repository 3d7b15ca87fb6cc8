"""Who wrote what a release brings: recomputed from git, to hold against who approved it.

Git knows people by their addresses. Those that the forge gives out say a person's number; whom the others
belong to, the evidence says, commit by commit (docs/adr/0012-four-eyes.md).
"""

from __future__ import annotations

import heapq
import re
from bisect import bisect_left
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from mlops import git
from mlops.approvals import JOBS, source_commits
from mlops.approvals import Move as Counted
from mlops.audit.verdict import Flag
from mlops.codecommit_people import BOT, BOT_ADDRESS, unite
from mlops.pin import Pin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from mlops.audit.history import History, Move
    from mlops.audit.witness import Witness

# https://docs.github.com/en/account-and-profile/reference/email-addresses-reference
NUMBERED = re.compile(r"(?P<id>[0-9]+)\+[^@]+@users\.noreply\.github\.com", re.IGNORECASE)
FORM = "%x01%H%x00%P%x00%an%x00%ae%x00%ce%x00%(trailers:key=Co-authored-by,valueonly,separator=%x2C)"
CO_AUTHOR = re.compile(r"([^<>,]*)<([^<>]*)>")
Touched = list[tuple[int, str]]  # places and commits
WITHIN = ("models", "libs", JOBS)  # all that any release is made of


@dataclass(frozen=True)
class Commit:
    """A commit of any branch that main holds. `place` counts from the tip: parents come after children."""

    place: int
    parents: tuple[str, ...]
    authors: frozenset[int | str]
    committer: frozenset[int | str]
    names: frozenset[str] = frozenset()


@dataclass
class Work:
    """The commits of main and their paths, read once, when the first release is asked about."""

    root: Path
    head: str
    history: History
    brought_by: Callable[[str], frozenset[str]] | None = None  # where people are names, not numbers
    _commits: dict[str, Commit] = field(default_factory=dict)
    _touched: dict[str, Touched] = field(default_factory=dict)
    _is_straight: bool = True
    _brought: dict[tuple[str, str, str], list[str]] = field(default_factory=dict)

    def judge(self, move: Move, pin: Pin, witness: Witness) -> Iterator[Flag]:
        """What git says against the approvals of a pin."""
        approvers = {approval.person: approval.login for approval in witness.approvals}
        live = self.live_before(move)
        suspects = [
            commit
            for commit in self.brought(pin.model, live, pin.artifact.commit)
            if self.people(commit, witness) & set(approvers) or self.is_uncounted(commit, witness)
        ]
        if not suspects:
            return
        wanted = Counted(move.environment, pin.model, pin.release, pin.artifact.commit)
        # just what `deploy` counts; a commit that is not in this clone bounds nothing
        counted = set(source_commits(self.root, wanted, live if live in self._commits else ""))
        for commit in suspects:
            if commit in counted:
                yield from self.describe(commit, witness, approvers)

    def describe(self, commit: str, witness: Witness, approvers: Mapping[int | str, str]) -> Iterator[Flag]:
        """What is wrong with a commit that the release brings."""
        for person in sorted(self.people(commit, witness) & set(approvers), key=str):
            why = f"@{approvers[person]} (number {person}) wrote or merged {commit[:12]}, which it brings"
            yield Flag("own-work", "contradicted", f"{why}, and approved it")
        if self.is_uncounted(commit, witness):
            why = f"{witness.key} does not say who wrote {commit[:12]}, which the release brings"
            yield Flag("uncounted", "contradicted", why)

    def live_before(self, move: Move) -> str:
        """The source commit of the release that was pinned before; empty where there was none."""
        older = self.history.at(*move.key, move.place + 1)
        while older:
            pin = self.history.content(older)
            if isinstance(pin, Pin):
                return pin.artifact.commit
            older = self.history.at(*move.key, older.place + 1)
        return ""

    def people(self, commit: str, witness: Witness) -> frozenset[int | str]:
        """Who wrote a commit, and who brought it into main, as far as git and the evidence say."""
        said = (witness.brought or {}).get(commit, ())
        known = self._commits[commit]
        named = known.names | self.brought_by(commit) if self.brought_by else frozenset()
        return (known.authors | known.committer | frozenset(said) | named) - {0}

    def is_uncounted(self, commit: str, witness: Witness) -> bool:
        """Whether the evidence says who wrote the others, but not this one."""
        return witness.brought is not None and commit not in witness.brought

    def brought(self, model: str, live: str, candidate: str) -> list[str]:
        """The commits between two that touch what a release of a model may be made of."""
        asked = (model, live, candidate)
        if asked not in self._brought:
            self._read()
            touched = [self._touched.get(group, []) for group in (f"models/{model}", "libs", JOBS)]
            if self._is_straight:
                self._brought[asked] = list(dict.fromkeys(self._between(touched, live, candidate)))
            else:
                own = {commit for group in touched for _, commit in group}
                self._brought[asked] = [one for one in walk(self._commits, candidate, live) if one in own]
        return self._brought[asked]

    def _between(self, touched: Sequence[Touched], live: str, candidate: str) -> Iterator[str]:
        """The same without a walk, where no commit of main is a merge."""
        if candidate not in self._commits:
            return
        begin = self._commits[candidate].place
        end = self._commits[live].place if live in self._commits else len(self._commits)
        for group in touched:
            first = bisect_left(group, (begin, ""))
            yield from (commit for _, commit in group[first : bisect_left(group, (end, ""))])

    def _read(self) -> None:
        """Two processes, however many releases are asked about."""
        if self._commits:
            return
        first = set(git.git(self.root, "rev-list", "--first-parent", self.head).decode().split())
        listing = git.git(self.root, "log", "--topo-order", f"--format={FORM}", self.head)
        for place, chunk in enumerate(listing.decode(errors="replace").split("\x01")[1:]):
            name, parents, called, author, committer, others = chunk.rstrip("\n").split("\x00", 5)
            authors = numbers([author, *others.split(",")])
            merger = numbers([committer]) if name in first else frozenset()
            names = name_people(called, author, others) if self.brought_by else frozenset()
            self._commits[name] = Commit(place, tuple(parents.split()), authors, merger, names)
        self._is_straight = all(len(commit.parents) < 2 for commit in self._commits.values())
        for name, groups in read_groups(self.root, self.head).items():
            for group in groups:
                self._touched.setdefault(group, []).append((self._commits[name].place, name))
        for found in self._touched.values():
            found.sort()


def read_groups(root: Path, head: str) -> dict[str, frozenset[str]]:
    """What each commit touched, below the project: a model, the libs, the job programs."""
    prefix = git.project_prefix(root)
    options = ["--full-history", "-m", "--no-renames", "--name-only", "-z", "--format=%x01%H"]
    listing = git.git(root, "log", *options, head, "--", *WITHIN)
    found: dict[str, frozenset[str]] = {}
    for chunk in listing.decode(errors="surrogateescape").split("\x01")[1:]:
        name, *paths = [part.strip("\n") for part in chunk.split("\0") if part.strip("\n")]
        own = {group_of(path.removeprefix(prefix)) for path in paths if path.startswith(prefix)}
        found[name] = found.get(name, frozenset()) | own
    return found


def group_of(path: str) -> str:
    """What a path belongs to."""
    top, _, rest = path.partition("/")
    return f"models/{rest.partition('/')[0]}" if top == "models" else JOBS if top == "src" else top


def name_people(name: str, address: str, others: str) -> frozenset[str]:
    """Whom a commit names, by name and by address; its co-authors stand in one line."""
    if (name, address) == (BOT, BOT_ADDRESS):
        return frozenset(person.login for person in unite(CO_AUTHOR.findall(others)))
    return frozenset(person.login for person in unite([(name, address), *CO_AUTHOR.findall(others)]))


def numbers(addresses: Sequence[str]) -> frozenset[int | str]:
    """The people whose numbers stand in addresses."""
    found = (NUMBERED.search(address) for address in addresses)
    return frozenset(int(match["id"]) for match in found if match)


def walk(commits: Mapping[str, Commit], candidate: str, live: str) -> Iterator[str]:
    """The commits that one holds and another does not: from the newest backwards, as far as need be."""
    if candidate not in commits:
        return
    wanted = {candidate: True}
    if live in commits:
        wanted[live] = False
    queue = [(commits[name].place, name) for name in wanted]
    heapq.heapify(queue)
    open_ones = sum(wanted.values())
    while queue and open_ones:
        _, name = heapq.heappop(queue)
        is_wanted = wanted[name]
        if is_wanted:
            open_ones -= 1
            yield name
        for parent in commits[name].parents:
            if parent not in commits:
                continue
            if parent not in wanted:
                wanted[parent] = is_wanted
                open_ones += is_wanted
                heapq.heappush(queue, (commits[parent].place, parent))
            elif wanted[parent] and not is_wanted:
                wanted[parent] = False
                open_ones -= 1
