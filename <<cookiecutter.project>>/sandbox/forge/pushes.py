"""Moves of branches and tags: which the rules refuse, and what follows from those that happened."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import quote

from sandbox.forge import changes, conversations, happenings, verdict
from sandbox.forge.events import ZERO
from sandbox.forge.records import Pull, Review
from sandbox.forge.repository import DEFAULT_BRANCH

if TYPE_CHECKING:
    from sandbox.forge.board import Board
    from sandbox.forge.repository import Repository
    from sandbox.forge.tokens import Token
    from sandbox.gitserver import Move

WORKFLOWS = ".github/workflows"
NO_WORKFLOWS = (
    f"refusing to allow a GitHub App to create or update workflow in `{WORKFLOWS}` "
    "without `workflows` permission"
)


@dataclass(frozen=True)
class Policy:
    """What a push of one ref must not do; only the pushed objects tell whether it does the last two."""

    refused: tuple[str, ...] = ()
    forced: tuple[str, ...] = ()  # refused if the move loses commits
    workflows: tuple[str, ...] = ()  # refused if a new commit touches a workflow


def policy(board: Board, repository: Repository, token: Token, move: Move) -> Policy:
    """What rules and permissions say of a move before its objects are looked at."""
    by_app = token.permissions is not None and not token.allows("workflows", "write")
    workflows = (NO_WORKFLOWS,) if by_app else ()
    if repository is not board.repository or _is_first(board, token, move):
        return Policy(workflows=workflows)
    rules = board.rules(move.ref, token.owner, by_pull=False)
    refused = _refused(board, move, rules.forbidden)
    if move.new != ZERO and rules.reviews:
        refused.append("Changes must be made through a pull request.")
    if move.new != ZERO:
        refused += verdict.missing_checks(rules.checks, board.checks(move.new))
    force = ("Cannot force-push to this branch",) if "non_fast_forward" in rules.forbidden else ()
    return Policy(tuple(refused), force, workflows)


def _is_first(board: Board, token: Token, move: Move) -> bool:
    """An admin's push of the branch that everything starts from."""
    return (
        move.ref == f"refs/heads/{DEFAULT_BRANCH}"
        and board.repository.branch(DEFAULT_BRANCH) is None
        and token.owner.may("admin")
    )


def _refused(board: Board, move: Move, forbidden: frozenset[str]) -> list[str]:
    kind = {(True, False): "creation", (False, True): "deletion", (False, False): "update"}
    said = {
        "creation": "Cannot create ref due to creations being restricted.",
        "deletion": "Cannot delete this branch",
        "update": "Cannot update this protected ref.",
    }
    found = kind.get((move.old == ZERO, move.new == ZERO), "")
    if move.ref == f"refs/heads/{DEFAULT_BRANCH}" and found == "deletion" and found not in forbidden:
        return [f"refusing to delete the current branch: {move.ref}"]
    return [said[found]] if found in forbidden else []


def violations(board: Board, ref: str, said: tuple[str, ...]) -> str:
    """How git tells the person who pushed."""
    lines = "".join(f"\n- {one}\n" for one in said)
    short = quote(ref, safe="")
    return (
        f"error: GH013: Repository rule violations found for {ref}.\n"
        f"Review all repository rules at {conversations.page(board)}/rules?ref={short}\n{lines}"
    )


def check(board: Board, repository: Repository, token: Token, move: Move) -> tuple[str, ...]:
    """Every reason to refuse a move whose objects are here already."""
    found = policy(board, repository, token, move)
    said = found.refused
    moves = ZERO not in (move.old, move.new)
    if found.forced and moves and not repository.contains(move.old, move.new):
        said += found.forced
    if found.workflows and move.new != ZERO and _touches_workflows(repository, move):
        said += found.workflows
    return said


def _touches_workflows(repository: Repository, move: Move) -> bool:
    known = move.old if move.old != ZERO else repository.branch(DEFAULT_BRANCH)
    common = repository.merge_base(known, move.new) if known else None
    return any(
        path.startswith(f"{WORKFLOWS}/") for path in changes.changed_paths(repository, common, move.new)
    )


def after(board: Board, repository: Repository, token: Token, move: Move) -> None:
    """Everything that follows from a move: pull requests that grow, merge or close, and events."""
    if repository is board.repository:
        happenings.push(board, token, move.ref, move.old, move.new)
    branch = move.ref.removeprefix("refs/heads/")
    for pull in board.open_pulls():
        if (pull.head_repository, pull.head_ref) == (repository.full_name, branch):
            _sync(board, token, pull, move)
        elif repository is board.repository and pull.base_ref == branch and move.new != ZERO:
            _merged_by_push(board, token, pull, move)


def _sync(board: Board, token: Token, pull: Pull, move: Move) -> None:
    """A pull request's branch has moved, or is gone."""
    issue = board.issue(pull.number)
    if move.new == ZERO:
        now = board.now()
        closed = board.records.change(issue, state="closed", closed_at=now, closed_by=token.owner.login)
        happenings.pull(board, token, "closed", closed, pull)
        return
    found = board.repository_named(pull.head_repository)
    if found is not None:
        board.repository.take(found, move.new)
    board.repository.set_ref(f"refs/pull/{pull.number}/head", move.new)
    grown = _note_change(board, token, pull, move)
    issue = board.records.change(issue, updated_at=board.now())
    happenings.pull(board, token, "synchronize", issue, grown, before=move.old, after=move.new)


def _note_change(board: Board, token: Token, pull: Pull, move: Move) -> Pull:
    """Dismiss stale approvals, unless the branch only took in its base: then nothing new is proposed."""
    base = board.repository.branch(pull.base_ref) or pull.base_sha
    before = changes.fingerprint(board.repository, base, pull.head_sha)
    if changes.fingerprint(board.repository, base, move.new) == before:
        return board.records.change(pull, head_sha=move.new)
    reviews = board.records.all(Review, f"{pull.number}/")
    rules = board.rules(f"refs/heads/{pull.base_ref}", None, by_pull=True)
    for review in reviews if rules.reviews and rules.reviews.dismiss_stale else ():
        if review.state == "APPROVED":
            board.records.change(review, state="DISMISSED")
    newest = max((review.id for review in reviews), default=0)
    return board.records.change(pull, head_sha=move.new, pusher=token.owner.login, reviewed_before=newest)


def _merged_by_push(board: Board, token: Token, pull: Pull, move: Move) -> None:
    """Someone pushed the pull request's commits to its base: that merges it."""
    if not board.repository.contains(pull.head_sha, move.new):
        return
    now, login = board.now(), token.owner.login
    merged = board.records.change(pull, merged_at=now, merged_by=login, merge_sha=move.new, base_sha=move.old)
    issue = board.records.change(
        board.issue(pull.number), state="closed", closed_at=now, closed_by=login, updated_at=now
    )
    happenings.pull(board, token, "closed", issue, merged)
