"""Whether a pull request can be merged now: its test merge, the facts for the rules, GitHub's word for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.forge import codeowners, merging, verdict
from sandbox.forge.records import Issue, Pull, Review

if TYPE_CHECKING:
    from sandbox.forge.board import Board
    from sandbox.forge.people import Person


def test(board: Board, pull: Pull) -> Pull:
    """Merge head into base on trial, once for each pair of them; refs/pull/N/merge points at the result."""
    base = board.repository.branch(pull.base_ref)
    if base is None or pull.merged_at is not None or pull.tested == (base, pull.head_sha):
        return pull
    try:
        moment = int(board.now())
        sha: str | None = merging.test_merge(board.repository, base, pull.head_sha, moment)
    except merging.ConflictError:
        sha = None
    if sha:
        board.repository.set_ref(f"refs/pull/{pull.number}/merge", sha)
    return board.records.change(pull, tested=(base, pull.head_sha), test_sha=sha)


def state(board: Board, issue: Issue, pull: Pull) -> tuple[bool | None, str]:
    """`mergeable` and `mergeable_state` of a pull request whose test merge is current."""
    if issue.state == "closed":
        return None, "unknown"
    if pull.test_sha is None:
        return False, "dirty"
    if pull.draft:
        return True, "draft"
    rules = board.rules(f"refs/heads/{pull.base_ref}", None, by_pull=True)
    found = facts(board, issue, pull)
    if verdict.blockers(rules, found):
        return True, "blocked"
    if rules.strict and rules.checks and found.behind:
        return True, "behind"
    passed = all(check.conclusion in verdict.PASSED for check in found.checks.values())
    return True, "clean" if passed else "unstable"


def blockers(board: Board, issue: Issue, pull: Pull, person: Person, method: str) -> list[str]:
    """Every rule that keeps somebody from merging, in GitHub's words."""
    rules = board.rules(f"refs/heads/{pull.base_ref}", person, by_pull=True)
    found = facts(board, issue, pull)
    said = verdict.blockers(rules, found)
    if rules.strict and rules.checks and found.behind:
        said.append("Head branch is out of date with the base branch.")
    methods = rules.reviews.methods if rules.reviews else merging.METHODS
    if method not in methods:
        said.append(f"This branch must be merged by one of: {', '.join(methods)}.")
    if method == "merge" and "required_linear_history" in rules.forbidden:
        said.append("This branch must not contain merge commits.")
    return said


def facts(board: Board, issue: Issue, pull: Pull) -> verdict.Facts:
    """What is so about a pull request now."""
    people = board.ground.people
    base = board.repository.branch(pull.base_ref) or pull.base_sha
    return verdict.Facts(
        frozenset(person.login for person in people if person.may("write")) | {"github-actions[bot]"},
        tuple(board.records.all(Review, f"{pull.number}/")),
        _owners(board, pull, base),
        pull.pusher,
        pull.reviewed_before,
        board.checks(pull.head_sha),
        not board.repository.contains(base, pull.head_sha),
    )


def _owners(board: Board, pull: Pull, base: str) -> dict[str, frozenset[str]]:
    """Each set of code owners that a changed file has, with the people that it stands for."""
    texts = (board.repository.file(base, path) for path in codeowners.PLACES)
    found = next((text for text in texts if text is not None), None)
    if found is None:
        return {}
    lines = codeowners.parse(found.decode(errors="replace"))
    paths = sorted({path for change in board.proposed(pull) for path in change.paths})
    groups = dict.fromkeys(codeowners.owners(lines, path) for path in paths)
    named = {" and/or ".join(group): _logins(board, group) for group in groups}
    return {name: logins for name, logins in named.items() if logins}


def _logins(board: Board, owners: tuple[str, ...]) -> frozenset[str]:
    """Who a line of CODEOWNERS means; GitHub takes no notice of a name that nobody has."""
    people = board.ground.people
    teams = {person.login for owner in owners for person in people.in_team(owner)}
    named = (people.find(owner.removeprefix("@")) or people.by_email(owner) for owner in owners)
    return frozenset(teams | {person.login for person in named if person and person.may("write")})
