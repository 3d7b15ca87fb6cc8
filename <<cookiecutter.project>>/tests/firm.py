"""A firm in the sandbox: three accounts, people on its forge, models sealed by hand and never trained."""

from __future__ import annotations

import json
import os
import shutil
import signal
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest
import yaml
from github import Auth, Github

from mlops.aws import Aws
from mlops.forge import MAIN
from mlops.github_forge import GithubForge
from mlops.pin import dump_pin, make_pin, pin_path
from mlops.project import read_project
from mlops.serving import Serve
from mlops.spec import read_spec
from sandbox.cast import Member
from tests.conftest import ACCOUNT, POINTER, PROJECT, REGION, SPEC
from tests.live import EMPTY, PAYLOAD, SPEED, Bench, run_sandbox
from tests.proposals import make_evaluation
from tests.sandbox.forge.conftest import Clone, run_git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from mlops.project import Environment
    from mlops.release import Artifact
    from mlops.serving import Serving

ACCOUNTS = {"training": ACCOUNT, "staging": "222222222222", "prod": "333333333333"}
NAMES = {"ada": "Ada Quist", "ben": "Ben Okafor", "cleo": "Cleo Marsh", "dan": "Dan Ivers", "eve": "Eve Lund"}
SERVE = """\
serve:
  instance: ml.m5.large
  soak_minutes: 0
  rollout: {strategy: all-at-once, bake_minutes: 0}
"""
NEEDS_WORKFLOWS = pytest.mark.skipif(
    not (PAYLOAD / ".github/workflows").is_dir(), reason="this project's CI is not GitHub Actions"
)
RULESETS = "/rulesets"
REPOSITORY = "acme/models"
PATIENCE = 60.0


@dataclass
class Firm:
    """A project that people work on; `folder` is ada's clone of it."""

    folder: Path
    endpoint: str
    forge: str
    tokens: dict[str, str]
    people: dict[str, Member] = field(init=False)
    released: dict[tuple[str, str], Artifact] = field(default_factory=dict)

    def __post_init__(self) -> None:
        api = f"{self.forge}/api/v3/repos/{REPOSITORY}"
        self.people = {login: Member(login, self.tokens[login], api) for login in NAMES}

    @property
    def ada(self) -> Member:
        return self.people["ada"]

    @cached_property
    def bench(self) -> Bench:
        """The training account, as its root user."""
        return Bench(self.folder, read_project(self.folder), self.sign_in("training"))

    def sign_in(self, duty: str) -> Aws:
        """The root user of an account."""
        aws = Aws(REGION)
        # the session that boto3 would make of the environment, which here has one account only
        aws.__dict__["session"] = boto3.session.Session(f"AKIAROOT{ACCOUNTS[duty]}", "sandbox", None, REGION)
        return aws

    def clone(self, login: str, repository: str = REPOSITORY) -> Clone:
        """A clone of somebody's own."""
        place = self.folder.parent / f"{login}{len(list(self.folder.parent.iterdir()))}"
        run_git(self.folder.parent, "clone", "-q", self.remote(login, repository), str(place))
        return Clone(place, NAMES[login], f"{login}@example.com")

    def remote(self, login: str, repository: str = REPOSITORY) -> str:
        return f"{self.forge.replace('://', f'://{login}:{self.tokens[login]}@')}/{repository}.git"

    @property
    def own(self) -> Clone:
        """Ada's clone."""
        return Clone(self.folder, NAMES["ada"], "ada@example.com")

    def release(self, model: str, weights: str) -> Artifact:
        """Seal and register a release, built from main; the same one if there is one."""
        evaluation = make_evaluation(model=model).model_dump_json(by_alias=True).encode()
        if (model, weights) not in self.released:
            made = self.bench.register(model, weights, commit=self.main(), evaluation=evaluation)
            self.released[model, weights] = made
        return self.released[model, weights]

    def hub(self, login: str) -> GithubForge:
        """The forge as the tool uses it, with somebody's token."""
        client = Github(
            auth=Auth.Token(self.tokens[login]),
            base_url=f"{self.forge}/api/v3",
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        return GithubForge(client, REPOSITORY)

    def pin(self, artifact: Artifact, model: str, **serve: Any) -> str:
        """The pin of a release in staging, as text."""
        return dump_pin(make_pin(model, artifact, self.serving(model, "staging", **serve)))

    def serving(self, model: str, environment: Environment, **serve: Any) -> Serving:
        """How a model's spec has it served, with some answers of its own."""
        asked = read_spec(self.folder, model).serve.model_dump() | serve
        return Serve.model_validate(asked).resolve(environment)

    def main(self) -> str:
        """The commit that main is at."""
        return str(self.ada.call("GET", f"/git/ref/heads/{MAIN}")["object"]["sha"])

    def pull(self, title: str) -> int:
        """The number of the open pull request whose title begins so, of which there is one."""
        (number,) = [number for number, found in self.titles().items() if found.startswith(title)]
        return number

    def titles(self) -> dict[int, str]:
        """The open pull requests."""
        pulls = self.ada.call("GET", "/pulls?state=open&per_page=100")
        return {int(pull["number"]): str(pull["title"]) for pull in pulls}

    def run(self, workflow: str, name: str, fails: bool = False, **inputs: str) -> dict[str, str]:
        """Start a workflow by hand and wait for its end; what its jobs printed, by name."""
        known = self.ada.known_runs()
        self.ada.dispatch(workflow, **inputs)
        return self.await_run(name, known, fails)

    def await_run(self, name: str, known: Iterable[int], fails: bool = False) -> dict[str, str]:
        """Wait for the run that something started; what its jobs printed, by name."""
        before = set(known)
        self.ada.await_run(name, before, fails)
        fresh = [run for run in self.ada.runs() if run["id"] not in before and run["name"] == name]
        return self.read_logs(fresh[0]["id"])

    def read_logs(self, run: int) -> dict[str, str]:
        jobs = self.ada.call("GET", f"/actions/runs/{run}/jobs?per_page=100")["jobs"]
        return {job["name"]: self.ada.read_log(job["id"]) for job in jobs if job["conclusion"] != "skipped"}

    def approve(self, number: int, *logins: str) -> None:
        for login in logins:
            self.people[login].approve(number)

    def merge(self, number: int, method: str = "squash", by: str = "ada", title: str = "") -> str:
        """Merge; the commit that main is at."""
        named = {"commit_title": title} if title else {}
        return str(
            self.people[by].call("PUT", f"/pulls/{number}/merge", False, merge_method=method, **named)["sha"]
        )

    def enforce(self, is_on: bool) -> None:
        """What an admin can do: switch main's rules off, and on again."""
        (ruleset,) = self.ada.call("GET", RULESETS)
        state = "active" if is_on else "disabled"
        self.ada.call("PUT", f"{RULESETS}/{ruleset['id']}", enforcement=state)

    def kill(self, verb: str, sign: Callable[[], object]) -> None:
        """End a verb that a workflow runs by SIGKILL, as soon as there is a sign of it."""
        await_true(sign)
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and self._runs(entry, verb):
                os.kill(int(entry.name), signal.SIGKILL)
                return
        raise AssertionError(f"no job runs `mlops {verb}`")

    def _runs(self, process: Path, verb: str) -> bool:
        try:
            words = (process / "cmdline").read_bytes().split(b"\0")
            return [b"mlops.cli", verb.encode()] == words[2:4] and self._is_ours(process)
        except OSError:  # it has ended
            return False

    def _is_ours(self, process: Path) -> bool:
        return (process / "cwd").resolve().is_relative_to(self.folder / ".sandbox")

    def fail(self, status: int, count: int, match: str) -> None:
        """Let the forge answer some requests so."""
        fault = {"status": status, "count": count, "match": match}
        self.ada.session.post(f"{self.forge}/_faults", json=fault, timeout=5).raise_for_status()

    def ask(self, environment: str, model: str) -> str:
        """What an endpoint answers: the weights of the release that it serves."""
        runtime = self.sign_in(environment).runtime
        name = self.bench.project.endpoint(environment, model)
        answer = runtime.invoke_endpoint(EndpointName=name, ContentType="application/json", Body=b"1")
        return str(json.loads(answer["Body"].read()))

    def read_pin(self, environment: Any, model: str, ref: str = MAIN) -> dict[str, Any]:
        """A pin as a branch or commit of the forge holds it."""
        run_git(self.folder, "fetch", "-q", "origin", ref)
        text = run_git(self.folder, "show", f"FETCH_HEAD:{pin_path(environment, model)}").stdout
        pin: dict[str, Any] = yaml.safe_load(text)
        return pin


def await_true(sign: Callable[[], object]) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not sign():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.02)


def found(folder: Path, models: Iterable[str]) -> Iterator[Firm]:
    """Start a firm: its first push, and the sandbox that it lives in."""
    write_project(folder, models)
    run_sandbox(folder, "up", "--detach", "--images", "images", "--speed", SPEED)
    try:
        address = json.loads((folder / ".sandbox/sandbox.json").read_text())
        tokens = json.loads((folder / ".sandbox/forge/tokens.json").read_text())
        firm = Firm(folder, address["endpoint"], address["forge"], tokens)
        run_git(folder, "init", "-q", "-b", MAIN)
        firm.own.commit({}, "Start [skip ci]")
        run_git(folder, "remote", "add", "origin", firm.remote("ada"))
        run_git(folder, "push", "-q", "-u", "origin", MAIN)
        yield firm
    finally:
        run_sandbox(folder, "down")


def write_project(folder: Path, models: Iterable[str], answers: Mapping[str, str] | None = None) -> None:
    """What the loop needs of a project: the tool, its CI, some models; `answers` replaces its lines."""
    folder.mkdir()
    caches = shutil.ignore_patterns("__pycache__", ".*_cache")
    for part in ("bin", "src", "buildspec" if answers else ".github", "infra"):
        shutil.copytree(PAYLOAD / part, folder / part, ignore=caches)
    shutil.copy(PAYLOAD / "Makefile", folder)
    text = PROJECT
    for old, new in (answers or {}).items():
        text = text.replace(old, new)
    for duty in ("staging", "prod"):
        text = text.replace(f'{duty}: "{ACCOUNT}"', f'{duty}: "{ACCOUNTS[duty]}"')
    files = {
        "project.yml": text,
        ".gitignore": ".sandbox\nimages\n",
        ".github/CODEOWNERS": "* @acme/ml\n",
        "images/empty-1.txt": EMPTY,
    }
    for model in models:
        files |= model_files(model)
    for path, content in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)


def model_files(model: str) -> dict[str, str]:
    """The files of a model that is never trained."""
    spec = SPEC.format(model=model).partition("serve:")[0] + SERVE
    scripts = {f"{name}.py": "" for name in ("prepare", "train", "evaluate", "inference")}
    lock = "scikit-learn==1.9.0 \\\n    --hash=sha256:00\n"
    pointer = POINTER.replace("0cc175b9c0f1b6a831c399e269772661", "d" * 32)  # what Bench.register says
    parts = {"model.yml": spec, "data/rows.csv.dvc": pointer, "requirements.lock": lock, **scripts}
    return {f"models/{model}/{name}": content for name, content in parts.items()}
