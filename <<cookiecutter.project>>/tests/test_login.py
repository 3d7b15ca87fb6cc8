"""A CI job signs in to AWS with its own identity, and stays signed in for as long as it works."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import boto3
import pytest

from mlops import cli
from tests.conftest import ACCOUNT, REGION
from tests.duties import token
from tests.live import start_sandbox
from tests.paper import Paper

if TYPE_CHECKING:
    from collections.abc import Iterator

    Said = pytest.CaptureFixture[str]

ROLE = f"arn:aws:iam::{ACCOUNT}:role/acme-deploy-staging"


@dataclass
class Ci:
    """The token endpoint of a CI: what it answers, and what it was asked."""

    url: str = ""
    status: int = 200
    body: bytes = b""
    asked: list[dict[str, list[str]]] = field(default_factory=list)

    def issue(self, text: str) -> None:
        self.body = json.dumps({"value": text}).encode()


@pytest.fixture
def ci(root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Ci]:
    """A job of a CI in the project: its token endpoint and its files; it has no AWS keys."""
    ci = Ci()

    class Endpoint(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = parse_qs(urlsplit(self.path).query)
            ci.asked.append({**asked, "as": [self.headers["Authorization"]]})
            self.send_response(ci.status)
            self.end_headers()
            self.wfile.write(ci.body)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    ci.url = f"http://127.0.0.1:{server.server_port}/_oidc?job=7"
    settings = {
        "ACTIONS_ID_TOKEN_REQUEST_URL": ci.url,
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "bearer",
        "GITHUB_ENV": str(tmp_path / "github_env"),
        "RUNNER_TEMP": str(tmp_path / "runner"),
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    yield ci
    server.shutdown()
    server.server_close()


@pytest.fixture
def job(ci: Ci, live: Path, endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> Ci:
    """The same with the sandbox for AWS, and the identity of staging's deployment."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
    ci.issue(token(live, "deploy-staging"))
    return ci


def settings(tmp_path: Path) -> dict[str, str]:
    """What the job's later steps find in their environment."""
    lines = (tmp_path / "github_env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def who(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A client of a later step."""
    for name, value in settings(tmp_path).items():
        monkeypatch.setenv(name, value)
    return boto3.session.Session().client("sts")


def kept(tmp_path: Path) -> Path:
    """The file that holds the credentials."""
    (path,) = (tmp_path / "runner/mlops-login").glob("*.json")
    return path


def test_later_steps_act_as_the_role(
    job: Ci, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    assert cli.run(["login", "deploy-staging"]) == 0
    assert capsys.readouterr().out == f"signed in as {ROLE} (session r.none.42)\n"
    assert job.asked == [{"job": ["7"], "audience": ["sts.amazonaws.com"], "as": ["Bearer bearer"]}]
    assert settings(tmp_path)["AWS_REGION"] == settings(tmp_path)["AWS_DEFAULT_REGION"] == REGION
    arn = who(tmp_path, monkeypatch).get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/acme-deploy-staging/r.none.42"
    assert len(job.asked) == 1, "the credentials of the first exchange last"


def test_a_deployments_session_is_named_by_its_pull_request(
    job: Ci, root: Path, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    forge = Paper(root)
    forge.merge("project.yml", "a" * 40)
    monkeypatch.setattr("mlops.forge.open_forge", lambda project: forge)
    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    for sha, name in (("a" * 40, "p1.aaaaaaaaaaaa.42"), ("b" * 40, "r.bbbbbbbbbbbb.42")):
        monkeypatch.setenv("GITHUB_SHA", sha)
        assert cli.run(["login", "deploy-staging"]) == 0
        assert capsys.readouterr().out.endswith(f"(session {name})\n")


def test_other_tools_get_credentials_by_the_same_config(job: Ci, tmp_path: Path) -> None:
    assert cli.run(["login", "deploy-staging"]) == 0
    aws = [str(Path(sys.executable).with_name("aws")), "sts", "get-caller-identity", "--output", "json"]
    environment = {**os.environ, **settings(tmp_path)}
    done = subprocess.run(
        aws, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "assumed-role/acme-deploy-staging/" in json.loads(done.stdout)["Arn"]


def test_nobody_else_may_read_what_it_keeps(job: Ci, tmp_path: Path) -> None:
    cli.run(["login", "deploy-staging"])
    folder = kept(tmp_path).parent
    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}
    assert modes.pop("mlops-login") == 0o700
    assert set(modes.values()) == {0o600}


@pytest.mark.parametrize("left", ["", "{", '{"Expiration": "soon"}', "[]"])
def test_credentials_that_are_no_use_are_fetched_anew(job: Ci, tmp_path: Path, left: str) -> None:
    cli.run(["login", "deploy-staging"])
    kept(tmp_path).write_text(left)
    assert cli.run(["login", "deploy-staging"]) == 0
    assert json.loads(kept(tmp_path).read_text())["Version"] == 1


@pytest.mark.parametrize(("minutes", "exchanges"), [(11, 1), (9, 2), (-1, 2)])
def test_credentials_are_renewed_before_they_end(
    job: Ci, tmp_path: Path, minutes: int, exchanges: int, capsys: Said
) -> None:
    cli.run(["login", "deploy-staging"])
    found = json.loads(kept(tmp_path).read_text())
    found["Expiration"] = (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()
    kept(tmp_path).write_text(json.dumps(found))
    capsys.readouterr()
    again = ["login", ROLE, "--process", "--session", "r.none.none", "--region", REGION]
    assert cli.run(again) == 0
    given = json.loads(capsys.readouterr().out)
    assert len(job.asked) == exchanges
    assert (given["AccessKeyId"] == found["AccessKeyId"]) is (exchanges == 1)


def test_work_that_outlasts_a_session_goes_on_with_the_next(
    ci: Ci, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "short"
    for url in start_sandbox(folder, "1", "--session-seconds", "4"):
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        ci.issue(token(folder, "deploy-staging"))
        assert cli.run(["login", "deploy-staging"]) == 0
        client, deadline = who(tmp_path, monkeypatch), time.monotonic() + 9
        while time.monotonic() < deadline:
            assert "acme-deploy-staging" in client.get_caller_identity()["Arn"]
    assert len(ci.asked) >= 3, "one session would have been enough"


@pytest.mark.parametrize(
    ("status", "body", "why"),
    [
        (403, b"", "403 Client Error"),
        (500, b"", "500 Server Error"),
        (200, b"<html>", "JSONDecodeError"),
        (200, b"{}", "KeyError"),
        (200, b"[]", "TypeError"),
    ],
)
def test_a_ci_that_gives_no_token_is_one_line(
    ci: Ci, status: int, body: bytes, why: str, capsys: Said
) -> None:
    ci.status, ci.body = status, body
    assert cli.run(["login", "ci"]) == 1
    said = capsys.readouterr().err
    assert "the CI gave no identity token (" in said
    assert why in said
    assert said.endswith("run the same command again\n")
    assert said.count("\n") == 1
    assert "bearer" not in said


def test_a_ci_that_is_not_there_is_one_line(ci: Ci, monkeypatch: pytest.MonkeyPatch, capsys: Said) -> None:
    monkeypatch.setenv("ACTIONS_ID_TOKEN_REQUEST_URL", "http://127.0.0.1:1/")
    assert cli.run(["login", "ci"]) == 1
    assert capsys.readouterr().err.count("\n") == 1


def test_a_role_that_does_not_trust_the_job_says_what_it_trusts(job: Ci, capsys: Said) -> None:
    assert cli.run(["login", "deploy-prod"]) == 1
    said = capsys.readouterr().err
    assert "AccessDenied: Not authorized to perform sts:AssumeRoleWithWebIdentity" in said
    assert "trusts this repository's workflow, branch and environment only: see infra/identity.yml" in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("missing", "remedy"),
    [
        ("ACTIONS_ID_TOKEN_REQUEST_URL", "permissions: id-token: write"),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "permissions: id-token: write"),
        ("GITHUB_ENV", "GITHUB_ENV is not set"),
    ],
)
def test_outside_a_job_it_is_said_what_is_missing(
    job: Ci, missing: str, remedy: str, monkeypatch: pytest.MonkeyPatch, capsys: Said
) -> None:
    monkeypatch.delenv(missing)
    assert cli.run(["login", "deploy-staging"]) == 2
    assert remedy in capsys.readouterr().err


def test_a_role_that_no_job_has_is_refused(ci: Ci, capsys: Said) -> None:
    assert cli.run(["login", "developer"]) == 2
    said = "'developer' is no role of a CI job; allowed: train, ci, audit, deploy-staging"
    assert said in capsys.readouterr().err
    assert ci.asked == []
