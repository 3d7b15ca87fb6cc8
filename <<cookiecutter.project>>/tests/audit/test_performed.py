"""Scenarios performed in the sandbox, not told: its own trail, fetched and audited."""

from __future__ import annotations

import json
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from mlops import cli
from mlops.deploy import deploy
from mlops.target import read_targets
from tests.conftest import ACCOUNT, REGION, commit, edit, write_model
from tests.duties import token
from tests.live import run_sandbox

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.live import Bench


VARIABLES = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")


def members(credentials: dict[str, str]) -> list[str]:
    """A session's key, secret and token."""
    return [credentials[name] for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]


class Stage:
    """A model under git whose releases jobs of the sandbox deploy."""

    def __init__(self, bench: Bench, live: Path, url: str, model: str, patch: pytest.MonkeyPatch) -> None:
        self.bench, self.live, self.url, self.model, self.patch = bench, live, url, model, patch
        self.runs = 0
        self.set_date()
        folder = write_model(bench.root, model)
        edit(folder / "data/rows.csv.dvc", "0cc175b9c0f1b6a831c399e269772661", "d" * 32)
        self.source = commit(bench.root, "Add a model")

    def set_date(self) -> None:
        """Commits are of the sandbox's time, as the forge's are of the world's."""
        said = self.bench.aws.s3.list_buckets()["ResponseMetadata"]["HTTPHeaders"]["date"]
        for name in ("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"):
            self.patch.setenv(name, f"{parsedate_to_datetime(said):%s} +0000")

    def promote(self, weights: str) -> None:
        """Seal, pin and deploy a release, the last as its CI job."""
        artifact = self.bench.register(self.model, weights, commit=self.source)
        self.set_date()
        pinned = self.bench.pin(self.model, artifact)
        self.act_as("deploy-staging", f"p7.{pinned[:12]}", self.deploy)

    def deploy(self) -> None:
        targets = read_targets(self.bench.root, self.bench.project, "staging", self.model)
        (done,) = deploy(type(self.bench.aws)(REGION), targets, self.bench.orders)
        assert done.error == ""

    def act_as(self, role: str, name: str, act: Callable[[], object]) -> None:
        """Do something in a session that a CI job opened."""
        self.runs += 1
        arn = f"arn:aws:iam::{ACCOUNT}:role/acme-{role}"
        sts: Any = boto3.session.Session().client("sts", endpoint_url=self.url, region_name=REGION)
        text = token(self.live, role)
        session = f"{name}.{self.runs}"
        keys = sts.assume_role_with_web_identity(RoleArn=arn, RoleSessionName=session, WebIdentityToken=text)
        with pytest.MonkeyPatch.context() as patch:
            for name, value in zip(VARIABLES, members(keys["Credentials"]), strict=True):
                patch.setenv(name, value)
            act()

    def configs(self) -> list[str]:
        """The endpoint configs of this model, oldest first."""
        found = self.bench.aws.sagemaker.list_endpoint_configs(
            NameContains=f"acme-{self.model}-staging-", SortBy="CreationTime", SortOrder="Ascending"
        )
        return [entry["EndpointConfigName"] for entry in found["EndpointConfigs"]]

    def audit(self, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
        """Deliver, fetch, audit: what concerns this model."""
        run_sandbox(self.live, "trail")
        capsys.readouterr()
        code = cli.run(["audit", "--fetch", "--format", "json"])
        said = capsys.readouterr()
        assert code in {0, 1, 2}, said.err
        report: dict[str, Any] = json.loads(said.out)
        return report


@pytest.fixture
def stage(bench: Bench, live: Path, endpoint_url: str, name: str, monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(bench, live, endpoint_url, name, monkeypatch)


def own(stage: Stage, report: dict[str, Any], member: str) -> set[str]:
    """What a report says of this test's model: other tests use the same sandbox."""
    kind, key = member.split(".")
    return {entry[key] for entry in report[kind] if stage.model in json.dumps(entry)}


def test_what_the_sandbox_recorded_proves_a_promotion(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.promote("first")
    stage.promote("second")
    report = stage.audit(capsys)
    assert report["problems"] == []
    assert own(stage, report, "changes.verdict") == {"proved"}


def test_what_strangers_did_in_the_sandbox_is_found(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.promote("first")
    stage.promote("second")
    sagemaker, endpoint = stage.bench.aws.sagemaker, f"acme-staging-{stage.model}"
    first = stage.configs()[0]
    package = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/acme-{stage.model}/1"
    sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    for _ in range(2):
        with pytest.raises(ClientError, match="AccessDenied"):
            stage.act_as("train", "r.none", lambda: approve_as_train(package))
    sagemaker.update_endpoint(EndpointName=endpoint, EndpointConfigName=first)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=endpoint, WaiterConfig={"Delay": 1})
    report = stage.audit(capsys)
    assert own(stage, report, "findings.rule") == {"console-approval", "attempt", "stranger"}


def test_a_rollback_by_hand_in_the_sandbox_is_break_glass(
    stage: Stage, capsys: pytest.CaptureFixture[str]
) -> None:
    stage.promote("first")
    stage.promote("second")
    rollback = ["rollback", stage.model, "--env", "staging", "--now"]
    head = stage.source[:12]
    stage.act_as("rollback-staging", f"r.{head}", lambda: cli.run(rollback))
    assert own(stage, stage.audit(capsys), "findings.rule") == {"break-glass"}


def approve_as_train(package: str) -> None:
    """The train role tries to approve."""
    client = boto3.session.Session().client("sagemaker", region_name=REGION)
    client.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
