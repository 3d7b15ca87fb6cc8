"""A new project whose accounts are still empty, for tests of what makes the foundation."""

from __future__ import annotations

import json
import re
import shutil
import urllib.request
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import boto3
from botocore.config import Config

from tests.conftest import ACCOUNT, PROJECT, REGION
from tests.live import PAYLOAD, run_sandbox

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

STAGING, PROD = "222222222222", "333333333333"
STORE = """\
Metadata: {AppliedTo: training, Order: 10, Because: Things must lie somewhere}
Parameters:
  Project: {Type: String}
  Color: {Type: String, Default: red, AllowedValues: [red, green]}
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    DeletionPolicy: Retain
    UpdateReplacePolicy: Retain
    Properties: {BucketName: !Sub "${Project}-data-${AWS::AccountId}-${AWS::Region}"}
  Topic:
    Type: AWS::SNS::Topic
    DependsOn: Bucket
    Properties: {TopicName: !Sub "${Project}-${Color}"}
"""
PEOPLE = """\
Metadata: {AppliedTo: every duty, Order: 20, Because: Somebody must act}
Parameters:
  Project: {Type: String}
  Duty: {Type: String}
  OidcProvider: {Type: String, Default: create, AllowedValues: [create, exists]}
Conditions: {Makes: !Equals [!Ref OidcProvider, create]}
Resources:
  Provider:
    Type: AWS::IAM::OIDCProvider
    Condition: Makes
    Properties: {Url: "https://token.actions.githubusercontent.com", ClientIdList: [sts.amazonaws.com]}
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub "${Project}-${Duty}"}}
"""
BELL = """\
Metadata: {AppliedTo: every account, Order: 30, Because: It may ring, Optional: true}
Parameters:
  Project: {Type: String}
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: !Sub "${Project}-bell"}}
"""


@dataclass(frozen=True)
class Place:
    """An empty sandbox: where AWS and the forge are, and whose tokens there are."""

    endpoint: str
    forge: str
    tokens: dict[str, str]

    def plant(self, **fault: Any) -> None:
        """Have CloudFormation fail, hold or throttle; see sandbox/cloudformation/faults.py."""
        body = json.dumps(fault).encode()
        request = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.endpoint}/_sandbox/stacks", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=10):  # noqa: S310 - loopback
            pass

    def repository(self) -> dict[str, Any]:
        """The repository as the forge tells of it."""
        headers = {"Authorization": f"Bearer {self.tokens['ada']}"}
        request = urllib.request.Request(f"{self.forge}/repos/acme/models", headers=headers)  # noqa: S310
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310 - loopback
            return dict(json.load(answer))

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        """A client of an account's root user, whoever the environment says that one is."""
        create: Any = boto3.session.Session().client
        return create(
            service,
            endpoint_url=self.endpoint,
            region_name=REGION,
            aws_access_key_id=f"AKIAROOT{account}",
            aws_secret_access_key="test",  # noqa: S106
            config=Config(proxies={}),
        )


def open_place(folder: Path) -> Iterator[Place]:
    """Serve empty accounts and an empty forge."""
    folder.mkdir()
    (folder / "project.yml").write_text(project_text("acme", STAGING, PROD))
    run_sandbox(folder, "up", "--detach", "--empty")
    found = json.loads((folder / ".sandbox/sandbox.json").read_text())
    tokens = json.loads((folder / ".sandbox/forge/tokens.json").read_text())
    try:
        yield Place(found["endpoint"], f"{found['forge']}/api/v3", tokens)
    finally:
        run_sandbox(folder, "down")


def settle(
    place: Place, folder: Path, monkeypatch: pytest.MonkeyPatch, *accounts: str, **templates: str
) -> Newcomer:
    """Begin a project: its accounts of staging and prod where they differ, its templates by name."""
    name = f"b{uuid.uuid4().hex[:8]}"
    write_project(folder / name, name, templates, *accounts)
    monkeypatch.chdir(folder / name)
    return Newcomer(name, folder / name, place)


def project_text(name: str, staging: str = ACCOUNT, prod: str = ACCOUNT) -> str:
    """project.yml of the test project, under another name and with other accounts."""
    text = PROJECT.replace("project: acme", f"project: {name}")
    text = text.replace(f'staging: "{ACCOUNT}"', f'staging: "{staging}"')
    return text.replace(f'prod: "{ACCOUNT}"', f'prod: "{prod}"')


def write_project(root: Path, name: str, templates: dict[str, str], *accounts: str) -> None:
    """A project's answers, templates and forge settings."""
    (root / "infra").mkdir(parents=True)
    (root / "project.yml").write_text(project_text(name, *accounts))
    for stem, text in templates.items():
        (root / f"infra/{stem}.yml").write_text(text)
    for folder in ("rulesets", "environments"):
        shutil.copytree(PAYLOAD / ".github" / folder, root / ".github" / folder)


@dataclass(frozen=True)
class Newcomer:
    """A project of its own in an account that others use too."""

    name: str
    root: Path
    place: Place

    def stacks(self, account: str = ACCOUNT) -> dict[str, str]:
        """The project's stacks that are there, with their states."""
        pages = self.place.client("cloudformation", account).get_paginator("list_stacks").paginate()
        found = [each for page in pages for each in page["StackSummaries"]]
        ours = [each for each in found if each["StackName"].startswith(f"{self.name}-")]
        return {
            each["StackName"]: each["StackStatus"] for each in ours if "DELETE" not in each["StackStatus"]
        }

    def inventory(self) -> str:
        """All that there is of the project in its account, without its name."""
        client = self.place.client("cloudformation")
        found: dict[str, Any] = {}
        for name, status in self.stacks().items():
            stack = client.describe_stacks(StackName=name)["Stacks"][0]
            sets = client.list_change_sets(StackName=name)["Summaries"]
            listed = client.list_stack_resources(StackName=name)["StackResourceSummaries"]
            found[name] = {
                "status": status,
                "resources": sorted(each["PhysicalResourceId"] for each in listed),
                "protected": stack["EnableTerminationProtection"],
                "planned": sum(each["ExecutionStatus"] == "AVAILABLE" for each in sets),
            }
        buckets = [each["Name"] for each in self.place.client("s3").list_buckets()["Buckets"]]
        found["buckets"] = [bucket for bucket in buckets if bucket.startswith(f"{self.name}-")]
        return re.sub(self.name, "NAME", json.dumps(found, sort_keys=True))

    def make_administrator(self, account: str = ACCOUNT, but: str = "") -> dict[str, str]:
        """Somebody of an account who may do all but one action; what signs them in."""
        iam, user = self.place.client("iam", account), f"{self.name}-administrator{but.partition(':')[0]}"
        rules = [("Allow", "*"), *([("Deny", but)] if but else [])]
        statements = [{"Effect": effect, "Action": action, "Resource": "*"} for effect, action in rules]
        policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam.create_user(UserName=user)
        iam.put_user_policy(UserName=user, PolicyName="rules", PolicyDocument=policy)
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}

    def delete(self, stem: str) -> None:
        """Delete a stack that is protected, as somebody does who means it."""
        client, name = self.place.client("cloudformation"), f"{self.name}-{stem}"
        client.update_termination_protection(StackName=name, EnableTerminationProtection=False)
        client.delete_stack(StackName=name)
        client.get_waiter("stack_delete_complete").wait(StackName=name, WaiterConfig={"Delay": 1})

    def edit(self, stem: str, old: str, new: str) -> None:
        """Replace a text of a template that must be there."""
        path = self.root / f"infra/{stem}.yml"
        text = path.read_text()
        assert old in text, f"{old!r} is not in {path}"
        path.write_text(text.replace(old, new))
