"""What an environment asks of a job before it starts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.forge.runs.patterns import matches

if TYPE_CHECKING:
    from sandbox.forge.ground import Environment


def judge(name: str, environment: Environment | None, ref: str) -> str:
    """`pass`, `wait` for a reviewer, or why the job may not use the environment."""
    if not name or environment is None:  # naming one that nobody set up creates it, without rules
        return "pass"
    if environment.branches is not None and not _fits(environment.branches, ref):
        kind, _, short = ref.removeprefix("refs/").partition("/")
        what = {"heads": "Branch", "tags": "Tag"}.get(kind, "Ref")
        said = short if what != "Ref" else ref
        return f'{what} "{said}" is not allowed to deploy to {name} due to environment protection rules.'
    if environment.wait_minutes:
        return f"environment {name!r} has a wait timer, which the sandbox does not keep. Remove it there"
    return "wait" if environment.reviewers else "pass"


def _fits(branches: tuple[str, ...], ref: str) -> bool:
    return ref.startswith("refs/heads/") and matches(branches, ref.removeprefix("refs/heads/"))
