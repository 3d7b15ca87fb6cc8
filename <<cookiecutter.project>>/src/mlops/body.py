"""The body of a pull request that moves a pin: what a reviewer decides from.

The first screen says what goes where, how good it is, what clients notice, what merging does and how to undo
it; tables follow, then what opens on a click. The last line is a hidden marker by which the request is found
again. Equal proposals give equal bytes, so that an update without news changes nothing.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, NamedTuple

from mlops import sections
from mlops.compare import compare_all, compare_lineage
from mlops.concerns import find_concerns
from mlops.markdown import code, details, plain
from mlops.pin import pin_path
from mlops.proposal import Proposal, Retirement
from mlops.words import clients_words, merging_words, move_words, short, undo_words, verdict_words

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mlops.compare import Differences

__all__ = ["Marker", "Proposal", "Retirement", "read_marker", "render_body", "render_tombstone_body"]

LIMIT = 65_536  # characters that GitHub takes; counted here in bytes, of which there are never fewer
SPARE = 200  # for the sentence that says what was left out
MARKER = re.compile(
    r"<!-- mlops:proposal environment=([a-z]+) model=([a-z0-9-]+) release=(sha256:[0-9a-f]{64}) -->\s*\Z"
)


class Marker(NamedTuple):
    """What a body says of itself, for programs."""

    environment: str
    model: str
    release: str

    def render(self) -> str:
        """The hidden last line."""
        named = f"environment={self.environment} model={self.model} release={self.release}"
        return f"<!-- mlops:proposal {named} -->"


def read_marker(body: str) -> Marker | None:
    """The marker of a body that `render_body` wrote; None where the last line is none."""
    found = MARKER.search(body.replace("\r\n", "\n"))
    return Marker(*found.groups()) if found else None


def render_body(proposal: Proposal) -> str:
    """The body of a promotion, a rollback or a change of serving."""
    found = compare_all(proposal.pin, proposal.live, proposal.evaluation, proposal.live_evaluation)
    marker = Marker(proposal.environment, proposal.model, proposal.pin.release)
    first = [first_screen(proposal, found), warning(find_concerns(proposal, found))]
    return assemble([*first, *tables(proposal, found)], proposal.commits, marker)


def first_screen(proposal: Proposal, found: Differences) -> str:
    """The decision."""
    lines = [
        move_words(proposal),
        verdict_words(proposal, found.models),
        clients_words(proposal, found),
        merging_words(proposal),
        undo_words(proposal),
    ]
    if proposal.soak:
        lines.insert(2, f"**Soak:** {plain(proposal.soak)}.")
    return bullets(lines)


def bullets(lines: Iterable[str]) -> str:
    """A list."""
    return "\n".join(f"- {line}" for line in lines)


def warning(concerns: Sequence[str]) -> str:
    """What not to overlook, as GitHub shows warnings."""
    return "\n".join(["> [!WARNING]", *(f"> - {concern}" for concern in concerns)]) if concerns else ""


def tables(proposal: Proposal, found: Differences) -> list[str]:
    """What the first screen rests on, in the order of its weight."""
    is_first, evaluation, before = proposal.live is None, proposal.evaluation, proposal.live_evaluation
    same_data = proposal.live is not None and proposal.live.artifact.data == proposal.pin.artifact.data
    parts = {
        "model": [sections.metrics(found.models), sections.slices(found.models)],
        "data": [sections.data(found.data, evaluation.data, same_data)],
        "serving": [sections.serving(found.serving, is_first)],
        "more": [
            sections.gates(evaluation),
            sections.curves(evaluation),
            sections.answers(evaluation, before),
            sections.lineage(found.lineage, is_first),
            sections.pages(proposal.links),
        ],
    }
    order = ["model", "data", "serving", "more"]
    if proposal.kind == "serving":
        order = ["serving", "more"]
    return [section for name in order for section in parts[name]]


def assemble(parts: Iterable[str], commits: Sequence[tuple[str, str, str]], marker: Marker) -> str:
    """Join the parts, then as many commits as there is room for, then the marker."""
    kept: list[str] = []
    room = LIMIT - SPARE - size(marker.render())
    for part in filter(None, parts):
        if size(part) <= room:
            kept.append(part)
            room -= size(part)
        else:
            kept.append("*A part that is too long for a pull request was left out here.*")
            room -= size(kept[-1])
    listed = list_commits(commits, room)
    return "\n\n".join([*kept, *([listed] if listed else []), marker.render()]) + "\n"


def size(part: str) -> int:
    """The bytes of a part and of the empty line after it."""
    return len(part.encode()) + 2


def list_commits(commits: Sequence[tuple[str, str, str]], room: int) -> str:
    """The commits that a release brings, newest first, as far as they fit."""
    if not commits:
        return ""
    summary = (
        "1 commit since what is live" if len(commits) == 1 else f"{len(commits)} commits since what is live"
    )
    room -= size(details(summary, ""))
    lines: list[str] = []
    for sha, subject, author in commits:
        line = f"- {code(sha[:12])} {plain(subject)} ({plain(author)})"
        if len(line.encode()) + 1 > room:
            break
        lines.append(line)
        room -= len(line.encode()) + 1
    left = len(commits) - len(lines)
    more = [f"\n… and {left} more: `git log {commits[len(lines)][0][:12]}`."] if left else []
    return details(summary, "\n".join([*lines, *more]))


def render_tombstone_body(retirement: Retirement) -> str:
    """The body of a request that takes a model out of an environment."""
    tombstone, where = retirement.tombstone, retirement.environment
    retired, count = tombstone.retired, retirement.required_approvals
    gone = (date.fromisoformat(retired.since) + timedelta(days=retired.drain_days)).isoformat()
    people = "1 approval" if count == 1 else f"{count} approvals"
    out = f"**Out of {where}:** {code(tombstone.model)}, release {short(retirement.live)}, leaves endpoint"
    clients = (
        f"the endpoint answers until {gone} ({retired.drain_days} days from {retired.since}), then no more"
    )
    merging = (
        f"puts a tombstone into {code(pin_path(where, tombstone.model))}. It needs {people}. From {gone} on"
    )
    lines = [
        f"{out} {code(retirement.endpoint)}.",
        f"**For clients:** {clients}.",
        f"**Merging** {merging} `mlops deploy {where}` takes away endpoint and alarms; the rest stays.",
        "**Undo:** revert this pull request; once the endpoint is gone, that makes it anew.",
    ]
    lineage = sections.lineage(compare_lineage(None, retirement.live), is_first=True)
    marker = Marker(where, tombstone.model, tombstone.last_release)
    return assemble([bullets(lines), lineage, sections.pages(retirement.links)], [], marker)
