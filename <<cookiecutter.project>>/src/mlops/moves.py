"""The rules of a diff that moves a pin: one pin, and nothing else. `check --base` reads by them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops import git
from mlops.findings import Finding
from mlops.pin import split_pin_path

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def check_moves(root: Path, base: str, head: str = "HEAD") -> Iterator[Finding]:
    """What a diff breaks: other files beside a pin, a second pin, a pin that is deleted."""
    fork = git.fork(root, base, head)
    paths = git.changed_paths(root, fork, head)
    pins = [path for path in paths if split_pin_path(path)]
    if not pins:
        return
    yield from check_alone(paths, pins)
    there = git.read_files(root, head, pins)
    for path in pins:
        if there[path] is None:
            yield Finding(
                path, "a pin is never deleted; write its tombstone: mlops retire MODEL --env ENV --dry-run"
            )


def check_alone(paths: list[str], pins: list[str]) -> Iterator[Finding]:
    """A pull request that moves a pin changes nothing else, so that its reviewers judge one release."""
    others = [path for path in paths if path not in pins]
    if others:
        yield Finding(
            pins[0],
            f"moves with {', '.join(map(repr, others[:3]))}; a pull request that moves a pin changes nothing "
            "else: take the others into one of their own",
        )
    for path in pins[1:]:
        yield Finding(path, f"moves with {pins[0]!r}; one pin a pull request: take it into one of its own")
