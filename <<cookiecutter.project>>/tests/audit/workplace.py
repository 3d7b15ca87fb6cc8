"""A project at work in the sandbox: people merge pins on the forge, jobs deploy them, others go round it."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from mlops import cli
from mlops.aws import Aws
from mlops.pin import Origin, dump_pin, make_pin, parse_pin, pin_path
from tests.conftest import ACCOUNT, PROJECT, REGION
from tests.duties import token
from tests.firm import Firm, model_files
from tests.live import PAYLOAD, run_sandbox
from tests.sandbox.forge.conftest import run_git

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlops.project import Environment
    from mlops.release import Artifact

ADMINISTRATOR = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}
KEYS = {
    "AWS_ACCESS_KEY_ID": "AccessKeyId",
    "AWS_SECRET_ACCESS_KEY": "SecretAccessKey",
    "AWS_SESSION_TOKEN": "SessionToken",
}
APPROVERS = {"staging": ("cleo",), "prod": ("cleo", "dan")}


@dataclass(frozen=True)
class Merged:
    """A pin that a pull request brought into main."""

    commit: str
    pull: int
    release: str
    config: str

    def session(self, run: int) -> str:
        """The name of a session that a job opens at this commit."""
        return f"p{self.pull}.{self.commit[:12]}.{run}"


@dataclass
class Workplace:
    """One account, one forge; `folder` of the firm is the clone that verbs run in."""

    firm: Firm
    live: Path
    runs: int = 0
    since: str = ""

    @property
    def folder(self) -> Path:
        return self.firm.folder

    def begin(self, models: Iterable[str]) -> None:
        """The first push: a project and its models, without workflows."""
        files = {"project.yml": PROJECT, ".gitignore": ".audit\n"}
        for model in models:
            files |= model_files(model)
            pointer = f"models/{model}/data/rows.csv.dvc"
            files[pointer] = files[pointer].replace("0cc175b9c0f1b6a831c399e269772661", "d" * 32)
        run_git(self.folder, "init", "-q", "-b", "main")
        self.firm.own.commit(files, "Start")
        run_git(self.folder, "remote", "add", "origin", self.firm.remote("ada"))
        run_git(self.folder, "push", "-q", "-u", "origin", "main")
        self.since = self.now()

    def merge(self, model: str, weights: str, environment: Environment = "staging", **serve: Any) -> Merged:
        """Pin a release by a pull request that people approve."""
        return self.merge_artifact(model, self.firm.release(model, weights), environment, **serve)

    def merge_artifact(
        self, model: str, artifact: Artifact, environment: Environment = "staging", **serve: Any
    ) -> Merged:
        """Pin an artifact, true or not, by a pull request that people approve."""
        serving = self.firm.serving(model, environment, **serve)
        origin = Origin(environment="staging", commit="e" * 40) if environment == "prod" else None
        text = dump_pin(make_pin(model, artifact, serving, origin))
        self.runs += 1
        branch = f"pin/{environment}/{model}/{self.runs}"
        self.firm.hub("ben").push_file(branch, pin_path(environment, model), text, f"Promote {model}")
        number = self.firm.people["ben"].open_pull(branch, f"Promote {model} to {environment}")
        return self.approve(number, model, environment)

    def approve(self, number: int, model: str, environment: Environment = "staging") -> Merged:
        """Approve and merge what is proposed; the clone follows."""
        self.firm.approve(number, *APPROVERS[environment])
        commit = self.firm.merge(number)
        run_git(self.folder, "pull", "-q", "origin", "main")
        text = (self.folder / pin_path(environment, model)).read_text()
        pin = parse_pin(text, environment, model)
        return Merged(commit, number, pin.release, pin.config_name(self.firm.bench.project, environment))

    def deploy(self, at: Merged, environment: Environment, *more: str) -> str:
        """`mlops deploy` as the job of a commit; what it said."""
        with self.acting(f"deploy-{environment}", at):
            return self.run("deploy", environment, *more)

    def run(self, *words: str) -> str:
        """A verb in the current folder; its exit code and what it said."""
        said = io.StringIO()
        with redirect_stdout(said), redirect_stderr(said):
            code = cli.run(list(words))
        return f"{code}\n{said.getvalue()}"

    @contextmanager
    def acting(self, role: str, at: Merged | str) -> Iterator[Aws]:
        """Be a CI job's session of a role."""
        self.runs += 1
        session = at if isinstance(at, str) else at.session(self.runs)
        sts: Any = boto3.session.Session().client("sts", region_name=REGION)
        opened = sts.assume_role_with_web_identity(
            RoleArn=f"arn:aws:iam::{ACCOUNT}:role/acme-{role}",
            RoleSessionName=session,
            WebIdentityToken=token(self.live, role),
        )
        with pytest.MonkeyPatch.context() as patch:
            for name, member in KEYS.items():
                patch.setenv(name, opened["Credentials"][member])
            yield Aws(REGION)

    def hire_administrator(self, name: str) -> Any:
        """The session of a user who may do everything."""
        iam: Any = boto3.session.Session().client("iam", region_name=REGION)
        iam.create_user(UserName=name)
        iam.put_user_policy(UserName=name, PolicyName="all", PolicyDocument=json.dumps(ADMINISTRATOR))
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return boto3.session.Session(key["AccessKeyId"], key["SecretAccessKey"], None, REGION)

    def now(self) -> str:
        """The time as AWS has it."""
        said = self.firm.bench.aws.s3.list_buckets()["ResponseMetadata"]["HTTPHeaders"]["date"]
        return parsedate_to_datetime(said).isoformat()

    def wait(self, duration: str) -> None:
        """Let the sandbox's time pass."""
        run_sandbox(self.live, "clock", "--forward", duration)

    def audit(self, models: Iterable[str]) -> Report:
        """A day later the trail is delivered, fetched and audited by the job that does it every night."""
        self.wait("25h")
        run_sandbox(self.live, "trail")
        since = ("--since", self.since) if self.since else ()
        with self.acting("audit", f"r.{self.firm.main()[:12]}.{self.runs}"):
            code, _, said = self.run_apart("audit", "--fetch", *since, "--format", "json")
        return Report(code, json.loads(said), self.read_journal(), tuple(models))

    def run_apart(self, *words: str) -> tuple[int, str, str]:
        """A verb in a process of its own; exit code, standard error and output."""
        command = [sys.executable, "-m", "mlops.cli", *words]
        environment = {**os.environ, "PYTHONPATH": str(PAYLOAD / "src")}
        done = subprocess.run(
            command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False
        )
        assert done.stdout, done.stderr
        return done.returncode, done.stderr, done.stdout

    def read_journal(self) -> dict[str, str]:
        """Request id → event id of every call that the sandbox has recorded."""
        lines = max((self.live / ".sandbox/trail").glob("*.jsonl")).read_text().splitlines()
        records = (json.loads(line) for line in lines)
        return {record["requestID"]: record["eventID"] for record in records if record.get("requestID")}


@dataclass(frozen=True)
class Report:
    """What the audit said, and the events by which it can be checked."""

    code: int
    content: dict[str, Any]
    journal: dict[str, str] = field(repr=False)
    models: tuple[str, ...] = ()

    def model_of(self, subject: str) -> str:
        """The model that a finding is about; the whole subject where it is about none."""
        known = (model for model in self.models if re.search(rf"[/-]{model}(/|$)", subject))
        return next(known, subject)

    @property
    def rules(self) -> dict[str, list[str]]:
        """Which rules speak of which model, each once. Findings of no model stand under their subjects."""
        found: dict[str, set[str]] = {}
        for entry in self.content["findings"]:
            found.setdefault(self.model_of(entry["subject"]), set()).add(entry["rule"])
        return {model: sorted(rules) for model, rules in sorted(found.items())}

    def one(self, model: str, rule: str) -> dict[str, Any]:
        """The one finding of a rule."""
        findings = self.content["findings"]
        (found,) = [
            entry for entry in findings if (self.model_of(entry["subject"]), entry["rule"]) == (model, rule)
        ]
        return dict(found)

    def events(self, model: str, rule: str) -> set[str]:
        """The ids of the events that a finding names."""
        return {event["id"] for event in self.one(model, rule)["events"]}

    def verdicts(self, model: str, kind: str) -> list[str]:
        """The verdicts of a model's changes, oldest first."""
        changes = self.content["changes"]
        return [entry["verdict"] for entry in changes if (entry["model"], entry["kind"]) == (model, kind)]

    def event_of(self, answer: Mapping[str, Any]) -> str:
        """The id of the event that recorded a call."""
        return self.journal[answer["ResponseMetadata"]["RequestId"]]
