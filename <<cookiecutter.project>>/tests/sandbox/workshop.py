"""A forge with people and runs for the tests of workflows: commits are made in it, jobs really run."""

from __future__ import annotations

import subprocess
import threading
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pygit2
import requests
import yaml

from sandbox import web
from sandbox.clock import Clock
from sandbox.forge.app import Forge
from sandbox.forge.events import ZERO, Event
from sandbox.oidc import Issuer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.forge.runs.records import JobRecord, RunRecord

SECONDS = 30.0


@dataclass(frozen=True)
class Answers:
    repository: str = "acme/models"
    owner_team: str = "@acme/ml"


@dataclass
class Workshop:
    """A forge that serves; its repository is written to directly."""

    forge: Forge

    @property
    def root(self) -> Path:
        """The project of these tests."""
        return Path(__file__).resolve().parents[2]

    @property
    def runs(self) -> Any:
        return self.forge.runs

    def commit(self, files: dict[str, Any], branch: str = "main", message: str = "Change") -> str:
        """Commit files on a branch; workflows may be given as mappings."""
        git = self.forge.repository.git
        parent = self.forge.repository.branch(branch) or self.forge.repository.branch("main")
        index = pygit2.Index()
        if parent:
            index.read_tree(self.forge.repository.commit(parent).tree)
        for path, content in files.items():
            text = content if isinstance(content, str) else yaml.safe_dump(content, sort_keys=False)
            index.add(pygit2.IndexEntry(path, git.create_blob(text.encode()), pygit2.enums.FileMode.BLOB))
        who = pygit2.Signature("Ada", "ada@example.com")
        parents = [parent] if parent else []
        made = git.create_commit(None, who, who, message, index.write_tree(git), parents)
        self.forge.repository.set_ref(f"refs/heads/{branch}", str(made))
        return str(made)

    def event(self, name: str, branch: str = "main", **changes: Any) -> Event:
        """An event on the tip of a branch, by ada."""
        sha = self.forge.repository.branch(branch) or ZERO
        payload = {"ref": f"refs/heads/{branch}", "before": ZERO, "after": sha}
        plain = Event(name, f"refs/heads/{branch}", sha, sha, "ada", 5001, payload=payload)
        return replace(plain, **changes)

    def pull(self, branch: str, **changes: Any) -> Event:
        """A pull request that was opened from a branch."""
        event = self.event("pull_request", branch)
        self.forge.repository.set_ref("refs/pull/7/merge", event.sha)
        given = {"ref": "refs/pull/7/merge", "head_ref": branch, "base_ref": "main", "action": "opened"}
        return replace(event, **{**given, "payload": {"number": 7}, **changes})

    def start(self, event: Event) -> list[RunRecord]:
        """Hand over an event; the runs it started."""
        return [self.runs.records.runs[number] for number in self.runs.handle(event)]

    def wait(self, run: RunRecord, *states: str) -> RunRecord:
        """Wait until a run is in one of these states."""
        wanted = states or ("completed",)
        assert self.runs.engine.wait(lambda: run.status in wanted, SECONDS), (run.status, run.latest)
        return run

    def run(self, event: Event) -> RunRecord:
        """The one run that an event starts, ended."""
        (run,) = self.start(event)
        return self.wait(run)

    def try_workflow(self, workflow: dict[str, Any], **event: Any) -> RunRecord:
        """Commit a workflow under a name of its own on main, and push it."""
        self.commit({".github/workflows/try.yml": {"on": "push", **workflow}})
        return self.run(self.event("push", **event))

    def protect(self, name: str, *branches: str, reviewers: tuple[str, ...] = (), alone: bool = True) -> None:
        """An environment for some branches and after some people's approval."""
        people = [self.forge.ground.people.find(login) for login in reviewers]
        policy = {"protected_branches": False, "custom_branch_policies": True} if branches else None
        body: dict[str, Any] = {
            "deployment_branch_policy": policy,
            "reviewers": [{"type": "User", "id": person.id} for person in people if person],
            "prevent_self_review": not alone,
        }
        assert self.ask("PUT", f"environments/{name}", **body).ok
        for branch in branches:
            assert self.ask("POST", f"environments/{name}/deployment-branch-policies", name=branch).ok

    def processes(self, text: str) -> list[str]:
        """The commands of this machine that hold a text."""
        found = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
        return [line for line in found.splitlines() if text in line and "ps -eo" not in line]

    def log(self, job: JobRecord) -> str:
        return str(self.runs.records.log(job).read_text())

    def get(self, url: str, bearer: str) -> requests.Response:
        return requests.get(url, headers={"Authorization": f"Bearer {bearer}"}, timeout=10)

    def post(self, path: str, body: dict[str, Any]) -> requests.Response:
        """Call what is open to this machine alone."""
        return requests.post(self.forge.ground.url + path, json=body, timeout=10)

    def ask(self, method: str, path: str, login: str = "ada", /, **body: Any) -> requests.Response:
        """Call the forge's API as a person."""
        return self.ask_with(self.forge.token_of(login), method, path, **body)

    def ask_with(self, token: str, method: str, path: str, /, **body: Any) -> requests.Response:
        """Call the forge's API with a token."""
        headers = {"Authorization": f"Bearer {token}"}
        url = f"{self.forge.ground.url}/api/v3/repos/acme/models/{path}"
        return requests.request(method, url, headers=headers, json=body or None, timeout=10)


def conclusions(run: RunRecord) -> dict[str, str | None]:
    """How each job of the last attempt ended, by name."""
    return {job.name: job.conclusion for job in run.latest}


def job(*commands: str, **members: Any) -> dict[str, Any]:
    """A job of shell commands, one step each."""
    return {"runs-on": "ubuntu-24.04", "steps": [{"run": command} for command in commands], **members}


def nap() -> str:
    """A command that sleeps long, and that no other test runs."""
    return f"sleep 9{uuid.uuid4().int % 10**8:08}"


def open_workshop(home: Path) -> Iterator[Workshop]:
    forge = Forge(home / "forge", Answers(), Issuer(home), Clock(), "http://127.0.0.1:9")
    server = web.bind(0)
    server.app = forge.wsgi
    threading.Thread(target=server.run, daemon=True).start()
    forge.start(server.endpoint, home)
    yield Workshop(forge)
    forge.close()
