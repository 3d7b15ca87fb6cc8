"""A stack applied through CloudFormation in the sandbox: its records are proved by main, or are findings."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import boto3

from mlops import cli
from mlops.aws import answered_at
from tests.conftest import REGION, commit
from tests.live import run_sandbox

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.live import Bench

TEMPLATE = """\
AWSTemplateFormatVersion: "2010-09-09"
Description: One role of a test
Metadata:
  AppliedTo: training
Parameters:
  Project: {{Type: String}}
Resources:
  Role:
    Type: AWS::IAM::Role
    Properties:
      RoleName: !Sub "${{Project}}-{name}"
      AssumeRolePolicyDocument:
        Version: "2012-10-17"
        Statement:
          - Effect: Allow
            Principal: {{Service: !Sub "sagemaker.${{AWS::URLSuffix}}"}}
            Action: sts:AssumeRole
      Policies:
        - PolicyName: read
          PolicyDocument:
            Version: "2012-10-17"
            Statement:
              - Effect: Allow
                Action: s3:GetObject
                Resource: !Sub "arn:${{AWS::Partition}}:s3:::${{Project}}-x/*"
"""


class Stack:
    """A stack of one role, and what the audit says of that role."""

    def __init__(self, bench: Bench, live: Path, url: str, name: str) -> None:
        self.root, self.live, self.role = bench.root, live, f"acme-{name}"
        self.s3 = bench.aws.s3
        create: Any = boto3.session.Session().client
        self.client = create("cloudformation", endpoint_url=url, region_name=REGION)
        self.text = TEMPLATE.format(name=name)

    def apply(self, act: str, text: str) -> None:
        """Create or update it, to the end."""
        values = [{"ParameterKey": "Project", "ParameterValue": "acme"}]
        given = {"StackName": self.role, "TemplateBody": text, "Parameters": values}
        getattr(self.client, f"{act}_stack")(**given, Capabilities=["CAPABILITY_NAMED_IAM"])
        waiter = self.client.get_waiter(f"stack_{act}_complete")
        waiter.wait(StackName=self.role, WaiterConfig={"Delay": 1})

    def merge(self, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
        """Have main say it, at the sandbox's time: another test may have moved its clock."""
        now = answered_at(self.s3.list_buckets()).isoformat()
        for who in ("AUTHOR", "COMMITTER"):
            monkeypatch.setenv(f"GIT_{who}_DATE", now)
        (self.root / "infra").mkdir(exist_ok=True)
        (self.root / "infra/extra.yml").write_text(text)
        commit(self.root, "Change the foundation")

    def findings(self, capsys: pytest.CaptureFixture[str], *options: str) -> list[str]:
        capsys.readouterr()
        assert cli.run(["audit", "--format", "json", *options]) in {0, 1, 2}
        report = json.loads(capsys.readouterr().out)
        return [found["rule"] for found in report["findings"] if self.role in json.dumps(found)]


def test_what_cloudformation_did_is_held_against_main(
    bench: Bench,
    live: Path,
    endpoint_url: str,
    name: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    stack = Stack(bench, live, endpoint_url, name)
    stack.merge(stack.text, monkeypatch)
    stack.apply("create", stack.text)
    run_sandbox(live, "trail")
    assert stack.findings(capsys, "--fetch") == [], "the making of what main says"
    wider = stack.text.replace("s3:GetObject", "s3:*")
    stack.apply("update", wider)
    run_sandbox(live, "trail")
    assert stack.findings(capsys, "--fetch") == ["widened-role"], "a policy that main does not say"
    stack.merge(wider, monkeypatch)
    assert stack.findings(capsys) == [], "what main has come to say"
