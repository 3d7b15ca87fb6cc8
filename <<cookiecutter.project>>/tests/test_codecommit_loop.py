"""The loop on CodeCommit in the sandbox: proposed, approved by two, merged, deployed."""

from __future__ import annotations

import contextlib
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from mlops import cli
from mlops.approvals import Approved, Move, require_approvals
from mlops.audit.codecommit import person, read_pulls
from mlops.audit.event import parse_event
from mlops.deploy import Orders, deploy
from mlops.forge import open_forge
from mlops.pin import dump_pin, make_pin, pin_path
from mlops.project import read_project
from mlops.pulls import Change, publish
from mlops.serving import Serve
from mlops.target import read_targets
from sandbox.identity import root_key
from tests.codecommit import signed_url
from tests.conftest import ACCOUNT, REGION, commit, edit, git

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.project import Project
    from mlops.release import Artifact
    from tests.live import Bench

ALLOW = {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"}


@dataclass
class Firm:
    """A project whose repository is on the sandbox's CodeCommit, and IAM users who review there."""

    bench: Bench
    project: Project
    url: str

    def person(self, name: str) -> Any:
        """CodeCommit as an IAM user sees it."""
        iam: Any = boto3.client("iam")
        with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
            iam.create_user(UserName=name)
        policy = json.dumps({"Version": "2012-10-17", "Statement": [ALLOW]})
        iam.put_user_policy(UserName=name, PolicyName="codecommit", PolicyDocument=policy)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return boto3.client(
            "codecommit",
            aws_access_key_id=key["AccessKeyId"],
            aws_secret_access_key=key["SecretAccessKey"],
        )

    def propose(self, model: str, artifact: Artifact) -> int:
        """Open the pull request of a release; its number."""
        serving = Serve.model_validate({"instance": "ml.m5.large", "soak_minutes": 0}).resolve("staging")
        text = dump_pin(make_pin(model, artifact, serving))
        path = pin_path("staging", model)
        change = Change("staging", model, f"mlops/staging/{model}", path, text, f"Promote {model}", text)
        said = publish(open_forge(self.project), change, asked=False)
        assert said.startswith("opened #"), said
        return int(said.split()[1].strip("#:"))

    def merge(self, number: int, *names: str) -> None:
        """People approve, the last one merges; the clone follows."""
        for name in names:
            person = self.person(name)
            revision = person.get_pull_request(pullRequestId=str(number))["pullRequest"]["revisionId"]
            person.update_pull_request_approval_state(
                pullRequestId=str(number), revisionId=revision, approvalState="APPROVE"
            )
        person.merge_pull_request_by_squash(pullRequestId=str(number), repositoryName=self.project.repository)
        git(self.bench.root, "pull", "-q", self.url, "main")

    def count(self, move: Move) -> Approved:
        """What `deploy` counts."""
        return require_approvals(open_forge(self.project), self.bench.root, move, 2)

    def deploy(self, model: str) -> str:
        """Deploy to staging; what was done, or why not."""
        targets = read_targets(self.bench.root, self.project, "staging", model)
        (done,) = deploy(self.bench.aws, targets, Orders(self.count))
        return done.error or done.did


@pytest.fixture
def firm(bench: Bench, endpoint_url: str, name: str) -> Firm:
    """A project whose main is on CodeCommit."""
    repository = f"models-{name}"
    boto3.client("codecommit").create_repository(repositoryName=repository)
    for old, new in (
        ("forge: github", "forge: codecommit"),
        ("repository: acme/models", f"repository: {repository}"),
        ("ci: github-actions", "ci: codepipeline"),
    ):
        edit(bench.root / "project.yml", old, new)
    commit(bench.root, "Move to CodeCommit")
    url = signed_url(endpoint_url, repository, {"AWS_ACCESS_KEY_ID": root_key(ACCOUNT)})
    git(bench.root, "push", "-q", url, "HEAD:refs/heads/main")
    return Firm(bench, read_project(bench.root), url)


def test_what_two_people_approved_is_deployed_with_evidence(
    live: Path, firm: Firm, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    source = git(firm.bench.root, "rev-parse", "HEAD")
    artifact = firm.bench.register(name, "first", commit=source)
    number = firm.propose(name, artifact)
    firm.merge(number, "ben", "cleo")
    assert firm.deploy(name) == "create"
    assert firm.bench.ask(name) == "first"
    evidence = read_evidence(firm, name)
    people = [approval["by"]["arn"] for approval in evidence["approvals"]]
    assert people == [f"arn:aws:iam::{ACCOUNT}:user/{person}" for person in ("ben", "cleo")]
    assert evidence["pull_request"]["number"] == number
    assert firm.deploy(name) == "nothing"
    audited(live, firm, number)
    retired(firm, name, capsys)


def make_check_project(repository: str) -> None:
    """The CodeBuild project whose builds are a pull request's checks; none has run."""
    builds: Any = boto3.client("codebuild")
    principal = {"Service": "codebuild.amazonaws.com"}
    trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    iam: Any = boto3.client("iam")
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="check-build", AssumeRolePolicyDocument=document)
    with contextlib.suppress(builds.exceptions.ResourceAlreadyExistsException):
        builds.create_project(
            name="acme-check",
            source={
                "type": "CODECOMMIT",
                "location": f"https://git-codecommit.{REGION}.amazonaws.com/v1/repos/{repository}",
            },
            artifacts={"type": "NO_ARTIFACTS"},
            environment={
                "type": "LINUX_CONTAINER",
                "image": "aws/codebuild/standard:7.0",
                "computeType": "BUILD_GENERAL1_SMALL",
            },
            serviceRole=f"arn:aws:iam::{ACCOUNT}:role/check-build",
        )


def retired(firm: Firm, model: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The verb by itself finds the forge that project.yml names; twice, it is one pull request."""
    make_check_project(firm.project.repository)
    for said in ("opened #", "#"):
        assert cli.run(["retire", model, "--env", "staging"]) == 0
        assert capsys.readouterr().out.startswith(said)
    found = open_forge(firm.project).find_pull(f"mlops/retire/staging/{model}")
    assert found is not None
    assert found.title == f"Retire {model} from staging"


def audited(live: Path, firm: Firm, number: int) -> None:
    """The trail's own records tell the audit the same story."""
    lines = (line for path in (live / ".sandbox/trail").glob("*.jsonl") for line in path.open())
    events = [event for line in lines if '"codecommit.' in line and (event := parse_event(json.loads(line)))]
    found = read_pulls(events, firm.project.repository)
    pull = found.by_number[str(number)]
    assert pull.commit == git(firm.bench.root, "rev-parse", "HEAD")
    assert [person(event) for event in pull.approvals] == ["ben", "cleo"]
    assert [event.name for event in found.direct] == ["GitPush"], (
        "the first push alone went past pull requests"
    )


def test_what_one_person_approved_is_not_deployed(firm: Firm, name: str) -> None:
    artifact = firm.bench.register(name, "first", commit=git(firm.bench.root, "rev-parse", "HEAD"))
    number = firm.propose(name, artifact)
    firm.merge(number, "ben")
    assert f"pull request #{number} has 1 of 2 approvals (ben counts)" in firm.deploy(name)


def read_evidence(firm: Firm, model: str) -> Any:
    """The one evidence object of a model in staging."""
    s3, bucket = firm.bench.aws.s3, firm.project.releases_bucket
    (entry,) = s3.list_objects_v2(Bucket=bucket, Prefix=f"evidence/staging/{model}/")["Contents"]
    return json.loads(s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read())
