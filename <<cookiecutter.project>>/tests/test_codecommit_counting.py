"""Four eyes on CodeCommit: whose approvals `deploy` counts, where people are identities of AWS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from mlops.approvals import Approved, Move, require_approvals
from mlops.errors import MlopsError
from mlops.evidence import evidence_record, name_of
from mlops.pin import dump_pin, make_pin
from mlops.release import Archive, Artifact
from mlops.serving import Fleet, Serving
from tests.codecommit import Counter, make_project, open_counter
from tests.conftest import ACCOUNT, REGION, commit, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.codecommit import Port

PIN = "releases/prod/guess.yml"
BRANCH = "mlops/prod/guess"
DEVELOPER = f"arn:aws:sts::{ACCOUNT}:assumed-role/acme-developer"


@dataclass
class Firm:
    """A project whose main is on CodeCommit, and a clone of it."""

    counter: Counter
    root: Path

    def propose(self) -> int:
        """The bot's pull request of a release that was built from what main holds."""
        self.source = git(self.root, "rev-parse", "HEAD")
        artifact = Artifact(
            package=f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/acme-guess/1",
            archive=Archive(bucket="b", key="k", sha256="a" * 64, size=1),
            image="i",
            data="d",
            bundle="b" * 64,
            commit=self.source,
            execution="e",
            evaluation="e" * 64,
        )
        pin = make_pin("guess", artifact, Serving(serve=Fleet(instance="ml.m5.large")))
        self.release = pin.release
        forge = self.counter.forge()
        forge.push_file(BRANCH, PIN, dump_pin(pin), "Promote")
        return forge.open_pull(BRANCH, "Promote", "the body").number

    def pull(self) -> None:
        """Bring the clone up to date."""
        git(self.root, "pull", "-q", self.counter.url(), "main")

    def count(self, required: int = 2) -> Approved:
        """What `deploy prod` counts."""
        self.pull()
        forge = self.counter.forge("acme-deploy-prod", "AWSCodeBuild-7")
        return require_approvals(forge, self.root, Move("prod", "guess", self.release, self.source), required)

    def refusal(self, required: int = 2) -> str:
        """Why `deploy prod` refuses."""
        with pytest.raises(MlopsError) as refused:
            self.count(required)
        return str(refused.value)


@pytest.fixture
def firm(root: Path, codecommit_port: Port, tmp_path: Path) -> Firm:
    """Ada wrote what main holds."""
    counter = open_counter(codecommit_port, tmp_path / "aws", empty=True)
    git(root, "push", "-q", counter.url(), "HEAD:refs/heads/main")
    return Firm(counter, root)


def test_two_who_reviewed_what_was_merged_count(firm: Firm) -> None:
    number = firm.propose()
    firm.counter.approve(number, "ben", "cleo")
    firm.counter.merge(number)
    approved = firm.count()
    assert [review.person.arn for review in approved.reviews] == [f"{DEVELOPER}/ben", f"{DEVELOPER}/cleo"]
    assert approved.pull.author.is_bot


def test_evidence_names_people_by_arn(firm: Firm) -> None:
    number = firm.propose()
    firm.counter.approve(number, "ben", "cleo")
    firm.counter.merge(number)
    record = evidence_record(make_project(), Move("prod", "guess", firm.release), firm.count())
    assert record["approvals"][0]["by"] == {"id": "ben", "login": "ben", "arn": f"{DEVELOPER}/ben"}
    assert record["pull_request"]["merged_by"]["arn"] == f"{DEVELOPER}/dan"
    assert "overridden_by" not in record["pull_request"]


def test_an_arn_fits_the_registrys_metadata(firm: Firm) -> None:
    number = firm.propose()
    firm.counter.approve(number, "ben", "cleo,jr")
    firm.counter.merge(number)
    names = [name_of(review.person) for review in firm.count().reviews]
    assert names == [f"{DEVELOPER}/ben", f"{DEVELOPER}/cleo-jr"]


def test_the_author_of_what_it_brings_does_not_count(firm: Firm) -> None:
    number = firm.propose()
    firm.counter.approve(number, "ada", "ben")
    firm.counter.merge(number)
    assert "1 of 2 approvals (ben counts; ada does not: wrote" in firm.refusal()


def test_a_second_role_makes_nobody_another_person(firm: Firm) -> None:
    number = firm.propose()
    firm.counter.approve(number, "Ada@example.com", role="AWSReservedSSO_Admin_1")
    firm.counter.approve(number, "ben", role="AWSReservedSSO_Admin_1")
    firm.counter.approve(number, "ben")
    firm.counter.merge(number)
    said = firm.refusal()
    assert "1 of 2 approvals (ben counts; Ada@example.com does not: wrote" in said


def test_whose_session_name_could_be_any_does_not_count(firm: Firm) -> None:
    number = firm.propose()
    firm.counter.approve(number, "cleo", role="Contractor")
    firm.counter.approve(number, "ben")
    firm.counter.merge(number)
    assert "cleo does not: may not push to the repository" in firm.refusal()


def test_an_approval_pool_says_whose_sessions_are_people(firm: Firm) -> None:
    firm.counter.require(1, f"arn:aws:sts::{ACCOUNT}:assumed-role/Contractor/*")
    number = firm.propose()
    firm.counter.approve(number, "cleo", role="Contractor")
    firm.counter.approve(number, "ben")
    firm.counter.merge(number)
    assert "(cleo counts; ben does not: may not push to the repository)" in firm.refusal()
    assert firm.count(1).rules[0]["parameters"] == {"required_approving_review_count": 1}


def test_a_robots_approval_does_not_count(firm: Firm) -> None:
    number = firm.propose()
    firm.counter.approve(number, "AWSCodeBuild-9", role="acme-train")
    firm.counter.merge(number)
    assert "acme-train does not: is a bot" in firm.refusal()


def test_a_push_takes_the_approvals_before_it_away(firm: Firm) -> None:
    number = firm.propose()
    firm.counter.approve(number, "ben", "cleo")
    seen = firm.counter.forge().find_branch(BRANCH) or ""
    text = (firm.counter.forge().read_file(PIN, BRANCH) or b"").decode()
    head = firm.counter.commit(BRANCH, PIN, text.replace("count: 1", "count: 2"), "dan")
    firm.counter.merge(number)
    assert f"ben does not: approved {seen[:12]}, merged was {head[:12]}" in firm.refusal()


def test_the_same_commit_pushed_again_is_another_revision(firm: Firm) -> None:
    number = firm.propose()
    firm.counter.approve(number, "ben", "cleo")
    firm.counter.commit(BRANCH, "README.md", "mine\n", "dan")
    git(firm.root, "fetch", "-q", firm.counter.url(), BRANCH)
    git(firm.root, "push", "-q", "--force", firm.counter.url(), f"FETCH_HEAD~1:refs/heads/{BRANCH}")
    firm.counter.merge(number)
    assert "ben does not: said DISMISSED" in firm.refusal()


def test_a_revoked_approval_does_not_count(firm: Firm) -> None:
    number = firm.propose()
    firm.counter.approve(number, "ben", "cleo")
    client = firm.counter.client("acme-developer", "ben")
    revision = client.get_pull_request(pullRequestId=str(number))["pullRequest"]["revisionId"]
    client.update_pull_request_approval_state(
        pullRequestId=str(number), revisionId=revision, approvalState="REVOKE"
    )
    firm.counter.merge(number)
    assert "cleo counts; ben does not: said DISMISSED" in firm.refusal()


def test_who_pushed_under_anothers_name_does_not_count(firm: Firm) -> None:
    """A name in a commit is a claim; who moved the branch is not."""
    number = firm.propose()
    text = (firm.counter.forge().read_file(PIN, BRANCH) or b"").decode()
    keys = firm.counter.keys("acme-developer", "ben")
    git(firm.root, "fetch", "-q", firm.counter.url(), BRANCH)
    git(firm.root, "checkout", "-q", "-b", "forged", "FETCH_HEAD")
    (firm.root / PIN).write_text(text.replace("count: 1", "count: 2"))
    commit(firm.root, "By ghost")
    git(firm.root, "push", "-q", firm.counter.url(keys), f"HEAD:refs/heads/{BRANCH}")
    git(firm.root, "checkout", "-q", "main")
    firm.counter.approve(number, "ben", "cleo")
    firm.counter.merge(number)
    assert "cleo counts; ben does not: wrote" in firm.refusal()


def test_who_brought_the_sources_does_not_count(firm: Firm) -> None:
    firm.counter.commit("topic", "models/guess/train.py", "# better\n", "ghost")
    opened = firm.counter.forge("acme-developer", "ben").open_pull("topic", "Better", "").number
    firm.counter.merge(opened, "three_way", "eve")
    firm.pull()
    number = firm.propose()
    firm.counter.approve(number, "ben", "eve", "cleo")
    firm.counter.merge(number)
    said = firm.refusal()
    assert "1 of 2 approvals (cleo counts; ben does not: wrote" in said
    assert f"eve does not: merged #{opened}, which it brings" in said


def test_the_name_of_a_co_author_bars_too(firm: Firm) -> None:
    (firm.root / "models/guess/train.py").write_text("# better\n")
    commit(firm.root, "Better\n\nCo-authored-by: Ben Okafor <ben@example.com>")
    git(firm.root, "push", "-q", firm.counter.url(), "HEAD:refs/heads/main")
    number = firm.propose()
    firm.counter.approve(number, "ben", "cleo")
    firm.counter.merge(number)
    assert "cleo counts; ben does not: wrote" in firm.refusal()


def test_an_override_merges_but_nothing_is_deployed(firm: Firm) -> None:
    firm.counter.require(2)
    number = firm.propose()
    firm.counter.override(number, "dan")
    firm.counter.merge(number)
    said = firm.refusal()
    assert (
        "0 of 2 approvals (nobody reviewed it). Nothing was deployed: nobody can approve it any more" in said
    )


def test_evidence_tells_of_an_override(firm: Firm) -> None:
    firm.counter.require(3)
    number = firm.propose()
    firm.counter.approve(number, "ben", "cleo")
    firm.counter.override(number, "dan")
    firm.counter.merge(number)
    record = evidence_record(make_project(), Move("prod", "guess", firm.release), firm.count())
    by = record["pull_request"]["overridden_by"]
    assert by == {"id": "dan", "login": "dan", "arn": f"arn:aws:sts::{ACCOUNT}:assumed-role/Admin/dan"}


def test_a_pin_pushed_past_pull_requests_is_refused(firm: Firm) -> None:
    firm.propose()
    git(firm.root, "fetch", "-q", firm.counter.url(), BRANCH)
    git(firm.root, "push", "-q", firm.counter.url(), "FETCH_HEAD:refs/heads/main")
    assert "came into main without a pull request" in firm.refusal()
