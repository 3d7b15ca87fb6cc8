"""A firm whose loop is all on AWS: accounts made by bootstrap, IAM users on CodeCommit, builds, pipelines."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

import boto3

from mlops.aws import Aws
from mlops.forge import MAIN
from mlops.project import read_project
from tests.codecommit import signed_url
from tests.conftest import ACCOUNT, REGION
from tests.firm import ACCOUNTS, NAMES, PATIENCE, write_project
from tests.live import PAYLOAD, SPEED, Bench, run_sandbox
from tests.proposals import make_evaluation
from tests.sandbox.forge.conftest import Clone, run_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlops.release import Artifact

REPOSITORY = "models"
AWS_ANSWERS = {
    "forge: github": "forge: codecommit",
    "ci: github-actions": "ci: codepipeline",
    "repository: acme/models": f"repository: {REPOSITORY}",
}
OVER = ("Succeeded", "Failed", "Stopped", "Superseded", "Cancelled")


@dataclass
class Works:
    """A project whose forge and engine are AWS's; `folder` is ada's clone of it."""

    folder: Path
    endpoint: str
    released: dict[tuple[str, str], Artifact] = field(default_factory=dict)

    @cached_property
    def bench(self) -> Bench:
        """The training account, as its root user."""
        return Bench(self.folder, read_project(self.folder), self.sign_in("training"))

    def sign_in(self, duty: str) -> Aws:
        """The root user of an account."""
        aws = Aws(REGION)
        aws.__dict__["session"] = boto3.session.Session(f"AKIAROOT{ACCOUNTS[duty]}", "sandbox", None, REGION)
        return aws

    def client(self, service: str, login: str = "") -> Any:
        """A client of the training account, as one of the people or as root."""
        session = self.people[login] if login else self.sign_in("training").session
        create: Any = session.client
        return create(service, endpoint_url=self.endpoint)

    @cached_property
    def people(self) -> dict[str, Any]:
        """IAM users who may contribute, and nothing else."""
        iam, found = self.client("iam"), {}
        for login in NAMES:
            iam.create_user(UserName=login)
            policy = f"arn:aws:iam::{ACCOUNT}:policy/acme-contribute"
            iam.attach_user_policy(UserName=login, PolicyArn=policy)
            key = iam.create_access_key(UserName=login)["AccessKey"]
            found[login] = boto3.session.Session(
                key["AccessKeyId"], key["SecretAccessKey"], region_name=REGION
            )
        return found

    def remote(self, login: str = "") -> str:
        """The repository's address with somebody's credentials in it."""
        credentials = self.people[login].get_credentials() if login else None
        key = credentials.access_key if credentials else f"AKIAROOT{ACCOUNT}"
        return signed_url(self.endpoint, REPOSITORY, {"AWS_ACCESS_KEY_ID": key})

    def bootstrap(self) -> None:
        """Every account's foundation, as their administrators make it."""
        for account in dict.fromkeys(ACCOUNTS.values()):
            keys = {"AWS_ACCESS_KEY_ID": f"AKIAROOT{account}", "AWS_SECRET_ACCESS_KEY": "x"}
            mlops(self.folder, self.endpoint, keys, "bootstrap", "--yes", "--set", "Queries=none")

    def set_parameter(self, name: str, value: str) -> None:
        """Change a parameter of the pipelines' stack, as `mlops bootstrap --set` does."""
        client = self.client("cloudformation")
        (stack,) = client.describe_stacks(StackName="acme-pipeline")["Stacks"]
        kept = [
            {"ParameterKey": each["ParameterKey"], "UsePreviousValue": True} for each in stack["Parameters"]
        ]
        client.update_stack(
            StackName="acme-pipeline",
            UsePreviousTemplate=True,
            Capabilities=["CAPABILITY_NAMED_IAM"],
            Parameters=[
                {"ParameterKey": name, "ParameterValue": value} if each["ParameterKey"] == name else each
                for each in kept
            ],
        )
        client.get_waiter("stack_update_complete").wait(
            StackName="acme-pipeline", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
        )

    def push(self) -> None:
        """The first push to main."""
        run_git(self.folder, "init", "-q", "-b", MAIN)
        Clone(self.folder, NAMES["ada"], "ada@example.com").commit({}, "Start")
        run_git(self.folder, "push", "-q", self.remote(), f"HEAD:{MAIN}")

    def main(self) -> str:
        """The commit that main is at."""
        found = self.client("codecommit").get_branch(repositoryName=REPOSITORY, branchName=MAIN)
        return str(found["branch"]["commitId"])

    def release(self, model: str, weights: str) -> Artifact:
        """Seal and register a release, built from main; the same one if there is one."""
        evaluation = make_evaluation(model=model).model_dump_json(by_alias=True).encode()
        if (model, weights) not in self.released:
            made = self.bench.register(model, weights, commit=self.main(), evaluation=evaluation)
            self.released[model, weights] = made
        return self.released[model, weights]

    def build(self, name: str, fails: bool = False, **variables: str) -> str:
        """Start a build by hand and wait for its end; its log."""
        overrides = [{"name": key, "value": value} for key, value in variables.items()]
        started = self.client("codebuild").start_build(
            projectName=f"acme-{name}", environmentVariablesOverride=overrides
        )
        return self.await_build(started["build"]["id"], fails)

    def await_build(self, build: str, fails: bool = False) -> str:
        """Wait for the end of a build; its log."""
        client, deadline = self.client("codebuild"), time.monotonic() + PATIENCE
        while True:
            (found,) = client.batch_get_builds(ids=[build])["builds"]
            if found["buildStatus"] != "IN_PROGRESS":
                break
            assert time.monotonic() < deadline, f"build {build} did not end"
            time.sleep(0.1)
        log = self.read_log(found) or str(found["phases"])
        assert (found["buildStatus"] == "SUCCEEDED") != fails, log
        return log

    def read_log(self, build: dict[str, Any]) -> str:
        """What a build printed."""
        place = build["logs"]
        events = self.client("logs").get_log_events(
            logGroupName=place["groupName"], logStreamName=place["streamName"], startFromHead=True
        )["events"]
        return "\n".join(event["message"] for event in events)

    def executions(self, pipeline: str) -> list[dict[str, Any]]:
        """A pipeline's executions, the newest first."""
        found = self.client("codepipeline").list_pipeline_executions(pipelineName=f"acme-{pipeline}")
        return list(found["pipelineExecutionSummaries"])

    def await_pipeline(self, pipeline: str, known: Iterable[str], fails: bool = False) -> str:
        """Wait for the executions that were not known before; the log of the newest one's last build."""
        before, deadline = set(known), time.monotonic() + PATIENCE
        while True:
            fresh = [each for each in self.executions(pipeline) if each["pipelineExecutionId"] not in before]
            if fresh and all(each["status"] in OVER for each in fresh):
                break
            assert time.monotonic() < deadline, f"no execution of {pipeline} ended: {fresh}"
            time.sleep(0.1)
        actions = self.client("codepipeline").list_action_executions(
            pipelineName=f"acme-{pipeline}",
            filter={"pipelineExecutionId": fresh[0]["pipelineExecutionId"]},
        )["actionExecutionDetails"]
        builds = [each for each in actions if each["input"]["actionTypeId"]["provider"] == "CodeBuild"]
        assert builds, actions
        build = builds[0]["output"]["executionResult"]["externalExecutionId"]
        return self.await_build(build, fails)

    def known(self, pipeline: str) -> list[str]:
        """The executions there are."""
        return [each["pipelineExecutionId"] for each in self.executions(pipeline)]

    def titles(self) -> dict[int, str]:
        """The open pull requests."""
        client = self.client("codecommit")
        listed = client.list_pull_requests(repositoryName=REPOSITORY, pullRequestStatus="OPEN")
        pulls = [
            client.get_pull_request(pullRequestId=each)["pullRequest"] for each in listed["pullRequestIds"]
        ]
        return {int(pull["pullRequestId"]): str(pull["title"]) for pull in pulls}

    def approve(self, number: int, *logins: str) -> None:
        for login in logins:
            client = self.client("codecommit", login)
            revision = client.get_pull_request(pullRequestId=str(number))["pullRequest"]["revisionId"]
            client.update_pull_request_approval_state(
                pullRequestId=str(number), revisionId=revision, approvalState="APPROVE"
            )

    def merge(self, number: int, by: str = "ada") -> str:
        """Merge; the commit that main is at."""
        merged = self.client("codecommit", by).merge_pull_request_by_squash(
            pullRequestId=str(number), repositoryName=REPOSITORY
        )
        (target,) = merged["pullRequest"]["pullRequestTargets"]
        return str(target["mergeMetadata"]["mergeCommitId"])

    def await_check(self, number: int, fails: bool = False) -> str:
        """Wait for the build that a pull request started; its log."""
        client = self.client("codecommit")
        (target,) = client.get_pull_request(pullRequestId=str(number))["pullRequest"]["pullRequestTargets"]
        builds, deadline = self.client("codebuild"), time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            ids = builds.list_builds_for_project(projectName="acme-check")["ids"]
            found = builds.batch_get_builds(ids=ids)["builds"] if ids else []
            for each in found:
                if each.get("sourceVersion") == target["sourceCommit"]:
                    return self.await_build(each["id"], fails)
            time.sleep(0.1)
        raise AssertionError(f"#{number} started no check")

    def ask(self, environment: str, model: str) -> str:
        """What an endpoint answers: the weights of the release that it serves."""
        runtime = self.sign_in(environment).runtime
        name = self.bench.project.endpoint(environment, model)
        answer = runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=b"1")
        return str(json.loads(answer["Body"].read()))


def mlops(folder: Path, endpoint: str, keys: dict[str, str], *words: str) -> str:
    """A verb of the tool in a process of its own; what it printed."""
    done = run_verb(folder, endpoint, keys, *words)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_verb(
    folder: Path, endpoint: str, keys: dict[str, str], *words: str
) -> subprocess.CompletedProcess[str]:
    """A verb of the tool in a process of its own, whatever it ends as."""
    path = os.pathsep.join([str(PAYLOAD / "src"), str(PAYLOAD)])
    environment = {**os.environ, **keys, "AWS_ENDPOINT_URL": endpoint, "PYTHONPATH": path}
    command = [sys.executable, "-m", "mlops.cli", *words]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def found_works(folder: Path, models: Iterable[str]) -> Iterator[Works]:
    """Start a firm on AWS: empty accounts, bootstrap, its first push."""
    write_project(folder, models, AWS_ANSWERS)
    run_sandbox(folder, "up", "--detach", "--empty", "--images", "images", "--speed", SPEED)
    try:
        works = Works(folder, json.loads((folder / ".sandbox/sandbox.json").read_text())["endpoint"])
        works.bootstrap()
        works.push()
        yield works
    finally:
        run_sandbox(folder, "down")


def found_asking(folder: Path, models: Iterable[str]) -> Iterator[Works]:
    """Start a firm on AWS where people confirm in prod's pipeline; a push to main starts that one alone."""
    write_project(folder, models, AWS_ANSWERS)
    run_sandbox(folder, "up", "--detach", "--images", "images", "--speed", SPEED)
    try:
        works = Works(folder, json.loads((folder / ".sandbox/sandbox.json").read_text())["endpoint"])
        works.set_parameter("ManualApproval", "prod")
        others = ["train", "deploy-staging", "check"]
        works.client("events").remove_targets(Rule="acme-main-moved-training", Ids=others)
        works.push()
        assert works.people, "they are made when they are asked for"
        for login in ("ada", "dan"):
            works.client("iam").attach_user_policy(
                UserName=login, PolicyArn=f"arn:aws:iam::{ACCOUNT}:policy/acme-confirm"
            )
        yield works
    finally:
        run_sandbox(folder, "down")
