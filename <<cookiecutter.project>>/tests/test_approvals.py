"""Approvals are counted by `deploy` itself: who reviewed what was merged, and may judge it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from mlops.approvals import Move, require_approvals
from mlops.errors import MlopsError
from mlops.forge import Authorship
from mlops.pin import dump_pin, make_pin
from mlops.serving import Fleet, Serving
from tests.conftest import ACCOUNT, REGION, commit, edit, git
from tests.paper import ADA, BEN, BOT, CLEO, EVE, Paper

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.forge import PullRequest, Review

PATH = "releases/prod/guess.yml"


def move(root: Path, source: str, salt: str = "a") -> Move:
    """Commit a pin of a release that was built from a commit."""
    from mlops.release import Archive, Artifact

    artifact = Artifact(
        package=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/acme-guess/1",
        archive=Archive(bucket="b", key="k", sha256=salt * 64, size=1),
        image="i",
        data="d",
        bundle="b" * 64,
        commit=source,
        execution="e",
        evaluation="e" * 64,
    )
    pin = make_pin("guess", artifact, Serving(serve=Fleet(instance="ml.m5.large")))
    (root / PATH).parent.mkdir(parents=True, exist_ok=True)
    (root / PATH).write_text(dump_pin(pin))
    commit(root, "Promote")
    return Move("prod", "guess", pin.release, source, "c")


@pytest.fixture
def forge(root: Path) -> Paper:
    """Ada wrote what the pin brings, and merged its pull request."""
    return Paper(root)


@pytest.fixture
def pinned(root: Path) -> Move:
    """The first release in prod."""
    return move(root, git(root, "rev-parse", "HEAD"))


@pytest.fixture
def pull(root: Path, forge: Paper, pinned: Move) -> PullRequest:
    """The bot's pull request of the pin, merged."""
    return forge.merge(PATH, git(root, "rev-parse", "HEAD"))


def approvers(forge: Paper, move: Move, required: int = 2) -> list[str]:
    """The logins that count."""
    reviews: tuple[Review, ...] = require_approvals(forge, forge.root, move, required).reviews
    return [review.person.login for review in reviews]


def test_two_who_reviewed_what_was_merged_count(forge: Paper, pinned: Move, pull: PullRequest) -> None:
    forge.review(pull, BEN)
    forge.review(pull, CLEO)
    assert approvers(forge, pinned) == ["ben", "cleo"]


def test_too_few_are_refused_with_names_and_what_to_do(forge: Paper, pinned: Move, pull: PullRequest) -> None:
    forge.review(pull, BEN)
    with pytest.raises(
        MlopsError,
        match=r"#1 has 1 of 2 approvals \(@ben counts\)\. Nothing was deployed: another person approves",
    ):
        require_approvals(forge, forge.root, pinned, 2)


@pytest.mark.parametrize(
    ("who", "state", "head", "why"),
    [
        (ADA, "APPROVED", "", "wrote [0-9a-f]{12}, which it brings"),
        (BOT, "APPROVED", "", "is a bot"),
        (EVE, "APPROVED", "", "may not push to the repository"),
        (CLEO, "APPROVED", "0" * 40, "approved 000000000000, merged was 000000000000"),
        (CLEO, "CHANGES_REQUESTED", "", "said CHANGES_REQUESTED"),
        (CLEO, "DISMISSED", "", "said DISMISSED"),
    ],
)
def test_a_review_that_does_not_count_is_named_with_its_reason(
    forge: Paper, pinned: Move, pull: PullRequest, who: object, state: str, head: str, why: str
) -> None:
    forge.review(pull, BEN)
    forge.review(pull, who, state, head)  # type: ignore[arg-type]
    with pytest.raises(MlopsError, match=rf"1 of 2 approvals \(@ben counts; .* does not: {why}\)"):
        require_approvals(forge, forge.root, pinned, 2)


def test_one_person_counts_once(forge: Paper, pinned: Move, pull: PullRequest) -> None:
    forge.review(pull, BEN)
    forge.review(pull, replace(BEN, login="ben-renamed"))
    with pytest.raises(MlopsError, match=r"1 of 2 approvals \(@ben-renamed counts\)"):
        require_approvals(forge, forge.root, pinned, 2)


def test_a_comment_takes_no_approval_back_but_a_request_for_changes_does(
    forge: Paper, pinned: Move, pull: PullRequest
) -> None:
    for person in (BEN, CLEO):
        forge.review(pull, person)
    forge.review(pull, BEN, "COMMENTED")
    assert approvers(forge, pinned) == ["ben", "cleo"]
    forge.review(pull, BEN, "CHANGES_REQUESTED")
    with pytest.raises(MlopsError, match="@ben does not: said CHANGES_REQUESTED"):
        require_approvals(forge, forge.root, pinned, 2)


def test_who_merged_the_sources_may_not_judge_them(
    forge: Paper, root: Path, pinned: Move, pull: PullRequest
) -> None:
    forge.merge("models/guess/train.py", pinned.commit, by=CLEO, author=ADA)
    for person in (BEN, CLEO):
        forge.review(pull, person)
    with pytest.raises(MlopsError, match="@cleo does not: merged #2, which it brings"):
        require_approvals(forge, root, pinned, 2)


def test_a_co_author_may_not_judge(forge: Paper, root: Path, pinned: Move, pull: PullRequest) -> None:
    forge.wrote[pinned.commit] = Authorship(pinned.commit, (ADA, CLEO))
    for person in (BEN, CLEO):
        forge.review(pull, person)
    with pytest.raises(MlopsError, match="@cleo does not: wrote"):
        require_approvals(forge, root, pinned, 2)


def test_who_pushed_to_the_pin_itself_may_not_judge(forge: Paper, pinned: Move, pull: PullRequest) -> None:
    forge.wrote[pull.head] = Authorship(pull.head, (BOT, CLEO))
    for person in (BEN, CLEO):
        forge.review(pull, person)
    with pytest.raises(MlopsError, match=r"@cleo does not: wrote .* of the pull request"):
        require_approvals(forge, forge.root, pinned, 2)


def test_an_author_whom_the_forge_does_not_know_stops_the_count(
    forge: Paper, pinned: Move, pull: PullRequest
) -> None:
    forge.wrote[pinned.commit] = Authorship(pinned.commit, (), ("x@laptop",))
    for person in (BEN, CLEO):
        forge.review(pull, person)
    with pytest.raises(MlopsError, match="was written by 'x@laptop', whom the forge does not know"):
        require_approvals(forge, forge.root, pinned, 2)


def test_only_what_the_release_brings_bars_its_authors(
    forge: Paper, root: Path, pinned: Move, pull: PullRequest
) -> None:
    edit(root / "models/guess/train.py", "train", "Train")
    source = commit(root, "Change")
    (root / "README.md").write_text("Other\n")
    forge.wrote[commit(root, "Other")] = Authorship("", (BEN,))
    second = move(root, git(root, "rev-parse", "HEAD"), "b")
    forge.wrote[pinned.commit] = Authorship(pinned.commit, (BEN,))
    forge.wrote[source] = Authorship(source, (CLEO,))
    pull = forge.merge(PATH, git(root, "rev-parse", "HEAD"))
    for person in (ADA, BEN, CLEO):
        forge.review(pull, person)
    assert approvers(forge, second) == ["ada", "ben"]


def test_a_direct_push_was_approved_by_nobody(forge: Paper, pinned: Move) -> None:
    with pytest.raises(MlopsError, match="came into main without a pull request; nobody approved it"):
        require_approvals(forge, forge.root, pinned, 1)


def test_a_pull_request_that_touches_more_than_the_pin_is_refused(
    forge: Paper, pinned: Move, pull: PullRequest
) -> None:
    forge.paths[1].append(".github/workflows/deploy.yml")
    with pytest.raises(MlopsError, match=r"#1 also changes '\.github/workflows/deploy\.yml'"):
        require_approvals(forge, forge.root, pinned, 1)


def test_what_was_merged_must_be_what_was_reviewed(forge: Paper, pinned: Move, pull: PullRequest) -> None:
    forge.files[pull.head] = {PATH: b"something else"}
    with pytest.raises(MlopsError, match=r"is not what its head 0000000.* held; nobody reviewed it"):
        require_approvals(forge, forge.root, pinned, 1)


def test_an_old_run_does_not_bring_back_what_was_reverted(
    forge: Paper, root: Path, pinned: Move, pull: PullRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forge, "read_file", lambda path, ref: b"newer")
    with pytest.raises(MlopsError, match="main pins something else by now than"):
        require_approvals(forge, root, pinned, 1)


def test_a_forged_pin_before_it_does_not_bar_the_repair(
    forge: Paper, root: Path, pinned: Move, pull: PullRequest
) -> None:
    (root / PATH).write_text((root / PATH).read_text() + "forged: true\n")
    commit(root, "Edit a pin")
    again = move(root, pinned.commit)
    forge.review(forge.merge(PATH, git(root, "rev-parse", "HEAD")), BEN)
    assert approvers(forge, again, 1) == ["ben"]


def test_a_release_that_comes_back_names_the_commits_that_pinned_it(
    forge: Paper, root: Path, pinned: Move, pull: PullRequest
) -> None:
    first = git(root, "rev-parse", "HEAD")
    move(root, pinned.commit, "b")
    again = move(root, pinned.commit)
    forge.review(forge.merge(PATH, git(root, "rev-parse", "HEAD")), BEN)
    assert require_approvals(forge, root, again, 1).earlier == (first,)
