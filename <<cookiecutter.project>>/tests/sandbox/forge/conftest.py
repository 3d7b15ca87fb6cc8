"""A forge of its own for each test, without workflows: what would start them is recorded."""

from __future__ import annotations

import os
import subprocess
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pygit2
import pytest
from github import Auth, Github
from werkzeug.test import Client

from sandbox import web
from sandbox.clock import Clock
from sandbox.forge.app import Forge
from sandbox.oidc import Issuer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from github.Repository import Repository as HubRepository
    from werkzeug.test import TestResponse

    from sandbox.forge.calls import Route
    from sandbox.forge.events import Event
    from sandbox.forge.ground import Ground

NAME = "acme/shop"
API = f"/api/v3/repos/{NAME}"


@dataclass(frozen=True)
class Answers:
    """What the forge reads of project.yml."""

    repository: str = NAME
    owner_team: str = "@acme/ml-team"


@dataclass
class Recorder:
    """Stands in for the runs: remembers events, and says what a test makes it say of a commit's checks."""

    ground: Ground
    events: list[Event] = field(default_factory=list)
    results: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    routes: list[Route] = field(default_factory=list)

    def handle(self, event: Event) -> list[int]:
        self.events.append(event)
        return [len(self.events)]

    def checks(self, sha: str) -> list[dict[str, Any]]:
        return self.results.get(sha, [])

    def finish(self, sha: str, name: str, conclusion: str | None) -> None:
        """Let a check of a commit end, or (None) begin."""
        status = "completed" if conclusion else "in_progress"
        found = self.results.setdefault(sha, [])
        found.append({"id": len(found) + 1, "name": name, "status": status, "conclusion": conclusion})

    def close(self) -> None:
        """Nothing runs."""


@dataclass
class Desk:
    """A forge, its address, and whoever uses it."""

    forge: Forge
    url: str
    folder: Path

    @property
    def runs(self) -> Recorder:
        found = self.forge.runs
        assert isinstance(found, Recorder)
        return found

    def token(self, login: str) -> str:
        return self.forge.token_of(login)

    def job(self, **permissions: str) -> str:
        """The token of a job with such `permissions:`."""
        granted = {name.replace("_", "-"): level for name, level in permissions.items()}
        return self.forge.ground.tokens.mint_job(granted, 1, "build", "ada")

    def call(self, who: str, method: str, path: str, body: Any = None) -> TestResponse:
        """One request by a person, or with a token; paths are the repository's unless they start in `//`."""
        token = self.token(who) if self.forge.ground.people.find(who) else who
        full = f"/api/v3{path[1:]}" if path.startswith("//") else f"{API}{path}"
        headers = {"Authorization": f"Bearer {token}"}
        return Client(self.forge.wsgi).open(full, method=method, json=body, headers=headers)

    def ask(self, who: str, method: str, path: str, body: Any = None) -> Any:
        """The same, which has to succeed: the answer's JSON."""
        answer = self.call(who, method, path, body)
        assert answer.status_code < 400, answer.get_data(as_text=True)
        return answer.get_json(silent=True)

    def hub(self, who: str) -> HubRepository:
        """The repository as PyGithub shows it to somebody."""
        client = Github(
            base_url=f"{self.url}/api/v3",
            auth=Auth.Token(self.token(who)),
            retry=None,
            seconds_between_requests=None,
            seconds_between_writes=None,
        )
        return client.get_repo(NAME)

    def clone(self, who: str) -> Clone:
        """A clone that pushes as a person, or with a token."""
        known = self.forge.ground.people.find(who)
        token = self.token(who) if known else who
        folder = self.folder / f"clone{len(list(self.folder.glob('clone*')))}"
        remote = self.url.replace("http://", f"http://x:{token}@") + f"/{NAME}.git"
        made = Clone(folder, known.name if known else who, known.email if known else "x@example.com")
        run_git(self.folder, "clone", "-q", remote, str(folder))
        return made

    def commit(self, branch: str, files: dict[str, str | None], who: str = "ben", base: str = "main") -> str:
        """A commit on a branch, through the API; its hash."""
        found = self.call(who, "GET", f"/git/ref/heads/{branch}")
        fresh = found.status_code == 404
        parent = self.ask(who, "GET", f"/branches/{base}")["commit"] if fresh else found.get_json()["object"]
        entries = [entry(path, text) for path, text in files.items()]
        tree = self.ask(who, "POST", "/git/trees", {"base_tree": parent["sha"], "tree": entries})
        body = {"message": f"Change {', '.join(files)}", "tree": tree["sha"], "parents": [parent["sha"]]}
        made: str = self.ask(who, "POST", "/git/commits", body)["sha"]
        if fresh:
            self.ask(who, "POST", "/git/refs", {"ref": f"refs/heads/{branch}", "sha": made})
        else:
            self.ask(who, "PATCH", f"/git/refs/heads/{branch}", {"sha": made})
        return made

    def refusal(self, who: str, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """A request that has to be refused: status, and message with its errors."""
        answer = self.call(who, method, path, body)
        assert answer.status_code >= 400, answer.get_data(as_text=True)
        said = answer.get_json()
        errors = [
            one if isinstance(one, str) else " ".join(map(str, one.values()))
            for one in said.get("errors", [])
        ]
        return answer.status_code, " | ".join([said["message"], *errors])

    def merge(self, number: int, who: str = "ben", **body: Any) -> str:
        """Merge; the commit that main is at."""
        return str(self.ask(who, "PUT", f"/pulls/{number}/merge", body)["sha"])

    def propose(self, branch: str = "topic", who: str = "ben", **members: Any) -> int:
        """Open a pull request; its number."""
        body = {"title": "A change", "head": branch, "base": "main", **members}
        return int(self.ask(who, "POST", "/pulls", body)["number"])

    def approve(self, number: int, who: str) -> int:
        return int(self.ask(who, "POST", f"/pulls/{number}/reviews", {"event": "APPROVE"})["id"])

    def rule(self, **parameters: Any) -> dict[str, Any]:
        """Ask of main a pull request with one approval, and what is given."""
        found: dict[str, Any] = self.ask("ada", "POST", "/rulesets", ruleset(**parameters))
        return found


@dataclass(frozen=True)
class Clone:
    """A working copy."""

    folder: Path
    name: str
    email: str

    def git(self, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        identity = ("-c", f"user.name={self.name}", "-c", f"user.email={self.email}")
        return run_git(self.folder, *identity, *arguments, check=check)

    def commit(self, files: dict[str, str], message: str = "Change") -> str:
        for path, text in files.items():
            (self.folder / path).parent.mkdir(parents=True, exist_ok=True)
            (self.folder / path).write_text(text)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", message)
        return self.git("rev-parse", "HEAD").stdout.strip()

    def remote(self) -> str:
        return self.git("remote", "get-url", "origin").stdout.strip()

    def push(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.git("push", *(arguments or ("origin", "HEAD")), check=False)


def entry(path: str, text: str | None) -> dict[str, Any]:
    """An entry of POST git/trees; without text the file goes."""
    shape = {"path": path, "mode": "100644", "type": "blob"}
    return {**shape, "sha": None} if text is None else {**shape, "content": text}


def ruleset(name: str = "main", checks: tuple[str, ...] = (), strict: bool = False, **more: Any) -> Any:
    """A ruleset for main as GitHub exports it."""
    parameters = {
        "required_approving_review_count": 1,
        "dismiss_stale_reviews_on_push": False,
        "require_code_owner_review": False,
        "require_last_push_approval": False,
        "required_review_thread_resolution": False,
        **{key: value for key, value in more.items() if key not in ("bypass_actors", "enforcement")},
    }
    wanted = {
        "strict_required_status_checks_policy": strict,
        "required_status_checks": [{"context": check} for check in checks],
    }
    rules = [{"type": "pull_request", "parameters": parameters}, {"type": "non_fast_forward"}]
    rules += [{"type": "deletion"}]
    rules += [{"type": "required_status_checks", "parameters": wanted}] if checks else []
    return {
        "name": name,
        "target": "branch",
        "enforcement": more.get("enforcement", "active"),
        "conditions": {"ref_name": {"include": ["~DEFAULT_BRANCH"], "exclude": []}},
        "bypass_actors": more.get("bypass_actors", []),
        "rules": rules,
    }


def run_git(folder: Path, *arguments: str, check: bool = True) -> subprocess.CompletedProcess[str]:
    kept = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    config = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}
    return subprocess.run(
        ["git", *arguments],
        cwd=folder,
        env={**kept, **config, "LC_ALL": "C"},
        capture_output=True,
        text=True,
        check=check,
        timeout=30,
    )


@pytest.fixture(scope="session")
def port() -> web.Server:
    """One web server; each test puts its own forge behind it."""
    server = web.bind(0)
    threading.Thread(target=server.run, daemon=True).start()
    return server


@pytest.fixture(scope="session")
def issuer(tmp_path_factory: pytest.TempPathFactory) -> Issuer:
    """One for all: a key takes long to make."""
    return Issuer(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def make_forge(tmp_path: Path, issuer: Issuer) -> Callable[[], Forge]:
    """Opens the forge of one state folder, as each life of the sandbox does."""

    def make() -> Forge:
        return Forge(tmp_path / "forge", Answers(), issuer, Clock(), "http://127.0.0.1:1", Recorder)

    return make


@pytest.fixture
def empty(port: web.Server, make_forge: Callable[[], Forge], tmp_path: Path) -> Iterator[Desk]:
    """A forge whose repository has no commit yet."""
    forge = make_forge()
    port.app = forge.wsgi
    forge.start(port.endpoint, tmp_path)
    yield Desk(forge, port.endpoint, tmp_path)
    forge.close()


@pytest.fixture
def desk(empty: Desk) -> Desk:
    """A forge whose main has one commit."""
    git = empty.forge.repository.git
    tree = git.TreeBuilder()
    tree.insert("README.md", git.create_blob(b"# shop\n"), 0o100644)
    by = pygit2.Signature("Ada Quist", "ada@example.com")
    git.create_commit("refs/heads/main", by, by, "Begin\n", tree.write(), [])
    return empty
