"""Whose a thing is, by its name: of which project, and for which duty.

The name of one project may begin that of another (`shop`, `shop-eu`): then the longest that is known in the
account decides, and a tag that names a project always does.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlops.foundation import DUTIES

if TYPE_CHECKING:
    from collections.abc import Iterable

ENDS = "-._ "  # what may follow a project's name
# names that only a project's own buckets and stacks have
BUCKET = re.compile(r"^(?P<project>[a-z][a-z0-9-]+)-(?:data|releases|trail)-\d{12}-[a-z0-9-]+$")
STACK = re.compile(r"^(?P<project>[a-z][a-z0-9-]+?)-(?:identity-(?:training|staging|prod)|data)$")
DIGEST = re.compile(r"-(?P<duty>staging|prod)-[0-9a-f]{12}$")


def find_neighbours(project: str, buckets: Iterable[str], stacks: Iterable[str]) -> set[str]:
    """The other projects of an account whose names begin with this one's."""
    found = {match["project"] for name in buckets if (match := BUCKET.match(name))}
    found |= {match["project"] for name in stacks if (match := STACK.match(name))}
    return {each for each in found if each.startswith(f"{project}-")}


def is_named_after(name: str, project: str) -> bool:
    """Whether a name is the project's, or begins with it and a mark."""
    return name == project or (name.startswith(project) and name[len(project)] in ENDS)


def owner_of(name: str, project: str, neighbours: Iterable[str]) -> str:
    """The project of a name: the longest that begins it; empty where none does."""
    named = [each for each in (project, *neighbours) if is_named_after(name, each)]
    return max(named, key=len, default="")


def duty_by_name(rest: str) -> str:
    """The duty of `<duty>-…` or `…-<duty>`; empty for what a whole account shares."""
    for duty in DUTIES:
        if rest == duty or rest.startswith((f"{duty}-", f"{duty}.")):
            return duty
    return next((duty for duty in DUTIES if rest.endswith(f"-{duty}")), "")


def duty_by_digest(rest: str) -> str:
    """The duty of `<model>-<duty>-<digest>`."""
    match = DIGEST.search(f"-{rest}")
    return match["duty"] if match else ""


def training_alone(rest: str) -> str:
    """Training's, whatever the model is called."""
    return "training"
