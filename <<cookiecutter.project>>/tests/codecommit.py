"""CodeCommit over HTTP for tests: the sandbox's own, IAM before it, people as sessions of roles."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import boto3
from botocore.config import Config
from moto.iam.models import iam_backends

from mlops.codecommit_forge import CodecommitForge
from mlops.project import Project
from sandbox import web
from sandbox.access import Access
from sandbox.backend import Moto
from sandbox.clock import Clock
from sandbox.codecommit.door import GitDoor
from sandbox.codecommit.office import Office
from sandbox.identity import Callers, find_role, root_key
from sandbox.layer import Layer
from sandbox.planes import Plane
from sandbox.sessions import Opening, Sessions
from sandbox.sts import Sts
from sandbox.trail import Trail
from tests.conftest import ACCOUNT, PROJECT, REGION

if TYPE_CHECKING:
    from sandbox.codecommit.books import Books

NAME = "models"
ARN = f"arn:aws:codecommit:{REGION}:{ACCOUNT}:{NAME}"
HELPER = '!f() { test "$1" = get && aws codecommit credential-helper get --ignore-host-check; }; f'
ALLOW = {"Effect": "Allow", "Action": "codecommit:*", "Resource": "*"}
# AWS CodeCommit's user guide, "Limit pushes and merges to branches"
NO_PUSH_TO_MAIN = {
    "Effect": "Deny",
    "Action": [
        *("codecommit:GitPush", "codecommit:DeleteBranch", "codecommit:PutFile", "codecommit:CreateCommit"),
        *("codecommit:DeleteFile", "codecommit:MergeBranchesByFastForward"),
        *("codecommit:MergeBranchesBySquash", "codecommit:MergeBranchesByThreeWay"),
    ],
    "Resource": ARN,
    "Condition": {
        "StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]},
        "Null": {"codecommit:References": "false"},
    },
}


def make_project(**changes: Any) -> Project:
    """The test project on CodeCommit."""
    import yaml

    answers = {**yaml.safe_load(PROJECT), "forge": "codecommit", "ci": "codepipeline", "repository": NAME}
    return Project.model_validate({**answers, **changes})


class Port:
    """A web server; each test puts an office of its own behind it."""

    def __init__(self) -> None:
        self.server, self.moto = web.bind(0), Moto()
        self.session: Any = boto3.session.Session()  # one: it loads the services' models once
        threading.Thread(target=self.server.run, daemon=True).start()


@dataclass
class Counter:
    """CodeCommit of one account with one repository, and those who come to it."""

    port: Port
    folder: Path
    events: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        clock, endpoint = Clock(), self.port.server.endpoint
        self.trail, self.sessions = Trail(self.folder / "trail", clock), Sessions(clock)
        self.office = Office([ACCOUNT], REGION, self.folder / "codecommit", clock, endpoint)
        self.office.outbox.on_event.append(self.events.append)
        sts: Any = Sts(self.sessions, None, [ACCOUNT], self.trail, REGION)  # type: ignore[arg-type]
        tables = {"codecommit": self.office.operations(ACCOUNT), "sts": sts.operations}
        planes: Any = {ACCOUNT: Plane(None, tables, None)}  # type: ignore[arg-type]
        callers = Callers([ACCOUNT], self.sessions)
        access = Access(REGION, {}, locate=self.office.locate)
        layer = Layer(self.port.moto, planes, callers, access, sts, self.trail, REGION, clock)
        self.port.server.app = GitDoor(layer, self.office, callers, access, self.trail)

    @property
    def books(self) -> Books:
        """The account's books."""
        return self.office.books[ACCOUNT]

    def keys(self, role: str, name: str) -> dict[str, str]:
        """The keys of a session of a role, which comes into being with its first session."""
        arn = f"arn:aws:iam::{ACCOUNT}:role/{role}"
        if find_role(arn) is None:
            make_role(role, ALLOW, *([] if role == "Admin" else [NO_PUSH_TO_MAIN]))
        found = find_role(arn)
        assert found is not None
        return self.sessions.open(found, name, Opening(3600)).keys()

    def client(self, role: str = "", name: str = "ada", service: str = "codecommit") -> Any:
        """A client as somebody in a role; without one, as the account's root user."""
        keys = self.keys(role, name) if role else {}
        return self.port.session.client(
            service,
            endpoint_url=self.port.server.endpoint,
            region_name=REGION,
            aws_access_key_id=keys.get("AWS_ACCESS_KEY_ID", root_key(ACCOUNT)),
            aws_secret_access_key=keys.get("AWS_SECRET_ACCESS_KEY", "secret"),
            aws_session_token=keys.get("AWS_SESSION_TOKEN"),
            config=Config(proxies={}, retries={"total_max_attempts": 1}),
        )

    def forge(self, role: str = "acme-ci", name: str = "AWSCodeBuild-1") -> CodecommitForge:
        """The forge as somebody in a role sees it."""
        return CodecommitForge(make_project(), self.client(role, name), self.client(service="codebuild"))

    def approve(self, number: int | str, *names: str, role: str = "acme-developer") -> None:
        """People approve what a pull request's branch holds now."""
        for name in names:
            client = self.client(role, name)
            pull = client.get_pull_request(pullRequestId=str(number))["pullRequest"]
            client.update_pull_request_approval_state(
                pullRequestId=str(number), revisionId=pull["revisionId"], approvalState="APPROVE"
            )

    def override(self, number: int | str, name: str) -> None:
        """Break the glass: set the approval rules of a pull request aside."""
        client = self.client("Admin", name)
        pull = client.get_pull_request(pullRequestId=str(number))["pullRequest"]
        client.override_pull_request_approval_rules(
            pullRequestId=str(number), revisionId=pull["revisionId"], overrideStatus="OVERRIDE"
        )

    def merge(self, number: int | str, how: str = "squash", name: str = "dan") -> str:
        """Somebody merges a pull request; the commit that main is at."""
        client = self.client("acme-developer", name)
        merged = getattr(client, f"merge_pull_request_by_{how}")(
            pullRequestId=str(number), repositoryName=NAME
        )
        (target,) = merged["pullRequest"]["pullRequestTargets"]
        return str(target["mergeMetadata"]["mergeCommitId"])

    def require(self, approvals: int, *pool: str) -> None:
        """A template that asks for approvals of every pull request into main."""
        content = {
            "Version": "2018-11-08",
            "DestinationReferences": ["refs/heads/main"],
            "Statements": [
                {
                    "Type": "Approvers",
                    "NumberOfApprovalsNeeded": approvals,
                    **({"ApprovalPoolMembers": list(pool)} if pool else {}),
                }
            ],
        }
        root = self.client()
        root.create_approval_rule_template(
            approvalRuleTemplateName="main", approvalRuleTemplateContent=json.dumps(content)
        )
        root.associate_approval_rule_template_with_repository(
            approvalRuleTemplateName="main", repositoryName=NAME
        )

    def commit(self, branch: str, path: str, text: str, name: str = "ada", address: str = "") -> str:
        """A commit on a branch, which comes into being on main, by somebody in the developers' role."""
        client = self.client("acme-developer" if branch != "main" else "", name)
        holding = self.books.holdings[NAME]
        tip = holding.git.branch(branch)
        if tip is None and branch != "main":
            tip = str(holding.git.branch("main"))
            client.create_branch(repositoryName=NAME, branchName=branch, commitId=tip)
        made = client.put_file(
            repositoryName=NAME,
            branchName=branch,
            filePath=path,
            fileContent=text.encode(),
            commitMessage=f"Change {path}",
            name=name.title(),
            email=address or f"{name}@example.com",
            **({"parentCommitId": tip} if tip else {}),
        )
        return str(made["commitId"])

    def git(self, folder: Path, keys: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
        """git as somebody, with the AWS CLI's own credential helper."""
        settings = {
            "credential.helper": HELPER,
            "credential.UseHttpPath": "true",
            "user.name": "Ada",
            "user.email": "ada@example.com",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        environment = {**os.environ, **keys, "PATH": path, "AWS_REGION": REGION, "GIT_TERMINAL_PROMPT": "0"}
        return subprocess.run(
            ["git", *options, *words],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def url(self, keys: dict[str, str] | None = None) -> str:
        """The repository's address with credentials in it, as the helper makes them; by default root's."""
        keys = keys or {"AWS_ACCESS_KEY_ID": root_key(ACCOUNT)}
        return signed_url(self.port.server.endpoint, NAME, keys)

    def records(self, name: str) -> list[dict[str, Any]]:
        """What the trail has of one kind of event."""
        lines = self.trail.path.read_text().splitlines()
        return [record for record in map(json.loads, lines) if record["eventName"] == name]


def signed_url(endpoint: str, repository: str, keys: dict[str, str]) -> str:
    """An address of git with credentials in it; nobody computes the signature anew."""
    token = keys.get("AWS_SESSION_TOKEN")
    user = quote(keys["AWS_ACCESS_KEY_ID"] + (f"%{token}" if token else ""), safe="")
    return endpoint.replace("//", f"//{user}:20261122T120000Z{'0' * 64}@") + f"/v1/repos/{repository}"


def make_role(name: str, *statements: dict[str, Any]) -> None:
    """A role that may do what the statements say."""
    iam: Any = iam_backends[ACCOUNT]["aws"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    iam.create_role(name, "{}", "/", None, "", [], "3600")
    iam.put_role_policy(name, "work", policy)


def open_counter(port: Port, folder: Path, empty: bool = False) -> Counter:
    """CodeCommit whose repository's main has one commit."""
    for name in list(iam_backends[ACCOUNT]["aws"].roles):
        del iam_backends[ACCOUNT]["aws"].roles[name]
    counter = Counter(port, folder)
    counter.client().create_repository(repositoryName=NAME)
    if not empty:
        counter.commit("main", "README.md", "# models\n")
    return counter
