"""A pull request's body on CodeCommit: what does not fit a description stands in comments below it.

The description then holds the beginning and says which comments hold the whole, so that a reader finds one
body, never half of two: new comments are written first, then the description points at them, then the old
ones are emptied.
"""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

LONGEST = 10_240  # characters of a description, and of a comment
SPARE = 240  # for the line that tells the parts apart
POINTER = re.compile(r"<!-- mlops:body sha256=([0-9a-f]{12}) parts=(\d+) -->\s*\Z")
PART = re.compile(r"\A<!-- mlops:body sha256=([0-9a-f]{12}) part=(\d+) -->\n")


def split_body(body: str) -> tuple[str, list[str]]:
    """The description of a body, and the comments that hold what does not fit."""
    if len(body) <= LONGEST:
        return body, []
    digest = hashlib.sha256(body.encode()).hexdigest()[:12]
    pieces = cut(body, LONGEST - SPARE)
    parts = [f"<!-- mlops:body sha256={digest} part={place} -->\n{text}" for place, text in enumerate(pieces)]
    said = f"\n\n*The whole text stands in the {len(parts)} comments below.*\n\n"
    return f"{pieces[0].rstrip()}{said}<!-- mlops:body sha256={digest} parts={len(parts)} -->", parts


def cut(text: str, longest: int) -> list[str]:
    """A text in pieces, at the ends of lines where there are any."""
    pieces = []
    while text:
        end = len(text) if len(text) <= longest else text.rfind("\n", 1, longest) + 1 or longest
        pieces.append(text[:end])
        text = text[end:]
    return pieces


def join_body(description: str, comments: Iterable[str]) -> str:
    """The whole body of a description; the description itself where its comments are not all there."""
    pointer = POINTER.search(description)
    if pointer is None:
        return description
    found = {int(part[2]): text[part.end() :] for text, part in read_parts(comments) if part[1] == pointer[1]}
    wanted = range(int(pointer[2]))
    if any(place not in found for place in wanted):
        return description
    return "".join(found[place] for place in wanted)


def read_parts(comments: Iterable[str]) -> list[tuple[str, re.Match[str]]]:
    """The comments that hold parts of bodies."""
    return [(text, part) for text in comments if (part := PART.match(text))]


def is_beginning(description: str) -> bool:
    """Whether a description is only the beginning of a body."""
    return POINTER.search(description) is not None


def is_part(text: str) -> bool:
    """Whether a comment is a part of a body, rather than something that was said."""
    return PART.match(text) is not None


def read_comments(groups: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The comments of a pull request, oldest first; emptied ones are gone."""
    found = [comment for group in groups for comment in group.get("comments", [])]
    there = [comment for comment in found if not comment.get("deleted")]
    return sorted(there, key=lambda comment: comment["creationDate"])
