"""The runs behind the forge: a real push starts them, REST shows them, a restart remembers them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import time
import zipfile
from typing import TYPE_CHECKING

import pytest
import yaml
from github import Auth, Github

from tests.sandbox.workshop import Workshop, job, nap, open_workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.forge.runs.records import RunRecord


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    yield from open_workshop(tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def run(shop: Workshop) -> RunRecord:
    """A run with a job that passed, one that failed and one that was skipped."""
    jobs = {"good": job("echo fine", name="Good"), "bad": job("exit 1"), "after": job("true", needs="bad")}
    return shop.try_workflow({"name": "Try", "jobs": jobs})


def git(folder: Path, *words: str) -> None:
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "ada@example.com"}
    identity |= {name.replace("AUTHOR", "COMMITTER"): value for name, value in identity.items()}
    subprocess.run(
        ["git", *words], cwd=folder, check=True, env={**os.environ, **identity}, capture_output=True
    )


def test_a_push_over_http_runs_the_workflows_of_what_was_pushed(tmp_path: Path) -> None:
    for shop in open_workshop(tmp_path / "state"):
        folder = tmp_path / "clone"
        (folder / ".github/workflows").mkdir(parents=True)
        workflow = {"on": {"push": {"branches": ["main"]}}, "jobs": {"a": job("echo by ${{ github.actor }}")}}
        (folder / ".github/workflows/ci.yml").write_text(yaml.safe_dump(workflow))
        git(folder, "init", "-q", "-b", "main")
        git(folder, "add", ".")
        git(folder, "commit", "-q", "-m", "Start")
        url = shop.forge.ground.url.replace("//", f"//ada:{shop.forge.token_of('ada')}@")
        git(folder, "push", f"{url}/acme/models.git", "main")
        (found,) = shop.runs.records.runs.values()
        assert "by ada" in shop.log(shop.wait(found).latest[0])


def test_a_client_library_reads_runs_jobs_and_checks(shop: Workshop, run: RunRecord) -> None:
    client = Github(base_url=f"{shop.forge.ground.url}/api/v3", auth=Auth.Token(shop.forge.token_of("eve")))
    repository = client.get_repo("acme/models")
    found = repository.get_workflow_run(run.id)
    assert (found.conclusion, found.event, found.head_branch, found.name) == (
        "failure",
        "push",
        "main",
        "Try",
    )
    assert {one.name: one.conclusion for one in found.jobs()} == {
        "Good": "success",
        "bad": "failure",
        "after": "skipped",
    }
    checks = repository.get_commit(run.event.head_sha).get_check_runs()
    assert {one.name: (one.status, one.conclusion, one.app.slug) for one in checks}["bad"] == (
        "completed",
        "failure",
        "github-actions",
    )
    assert [one.path for one in repository.get_workflows()] == [".github/workflows/try.yml"]


def test_runs_are_found_by_branch_event_and_conclusion(shop: Workshop, run: RunRecord) -> None:
    def count(query: str) -> int:
        return int(shop.ask("GET", f"actions/runs?{query}").json()["total_count"])

    assert count(f"head_sha={run.event.head_sha}&status=failure&event=push&branch=main") == 1
    assert count("event=schedule") == 0
    listed = shop.ask("GET", "actions/workflows/try.yml/runs").json()
    assert run.id in [found["id"] for found in listed["workflow_runs"]]


def test_a_log_is_behind_a_link_and_a_runs_logs_are_an_archive(shop: Workshop, run: RunRecord) -> None:
    good = next(found for found in run.latest if found.name == "Good")
    assert "fine" in shop.ask("GET", f"actions/jobs/{good.id}/logs").text
    archive = zipfile.ZipFile(io.BytesIO(shop.ask("GET", f"actions/runs/{run.id}/logs").content))
    assert archive.namelist() == ["0_Good.txt", "1_bad.txt"]


UPLOAD = {"uses": "actions/upload-artifact@bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"}


def test_what_a_job_uploads_is_kept_with_its_run(shop: Workshop) -> None:
    make = {"run": "mkdir -p out/.hidden; echo 1 > out/a.txt; echo 2 > out/.hidden/b; echo 3 > c.html"}
    keep = {**UPLOAD, "id": "up", "with": {"name": "report", "path": "out\n*.html", "retention-days": "7"}}
    say = {"run": "echo number ${{ steps.up.outputs.artifact-id }}"}
    run = shop.try_workflow({"name": "Try", "jobs": {"a": {"runs-on": "x", "steps": [make, keep, say]}}})
    assert run.conclusion == "success", shop.log(run.latest[0])
    (found,) = shop.ask("GET", f"actions/runs/{run.id}/artifacts").json()["artifacts"]
    assert f"number {found['id']}" in shop.log(run.latest[0])
    content = shop.ask("GET", f"actions/artifacts/{found['id']}/zip").content
    assert zipfile.ZipFile(io.BytesIO(content)).namelist() == ["c.html", "out/a.txt"]
    assert found["digest"] == f"sha256:{hashlib.sha256(content).hexdigest()}"
    assert shop.ask("GET", f"actions/artifacts/{found['id']}").json() == found
    assert shop.ask("DELETE", f"actions/artifacts/{found['id']}").status_code == 204
    assert shop.ask("GET", "actions/artifacts?name=report").json()["total_count"] == 0


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"path": "none.txt", "if-no-files-found": "error"}, "No files were found"),
        ({"path": "a.txt", "overwrite": "true"}, "with overwrite, which its stand-in does not know"),
        ({"path": "a.txt", "name": "a/b"}, "The artifact name is not valid: 'a/b'"),
        ({"path": "a.txt", "retention-days": "91"}, "retention-days is '91'; allowed: 1 to 90"),
    ],
)
def test_an_upload_that_cannot_be_fails_its_job(shop: Workshop, given: dict[str, str], said: str) -> None:
    steps = [{"run": "touch a.txt"}, {**UPLOAD, "with": given}]
    run = shop.try_workflow({"name": "Try", "jobs": {"a": {"runs-on": "x", "steps": steps}}})
    assert run.conclusion == "failure"
    assert said in shop.log(run.latest[0])


def test_a_job_is_its_check_under_the_same_number(shop: Workshop, run: RunRecord) -> None:
    number = next(found.id for found in run.latest if found.name == "bad")
    found, check = (shop.ask("GET", f"{kind}/{number}").json() for kind in ("actions/jobs", "check-runs"))
    assert (found["name"], found["conclusion"], found["labels"]) == ("bad", "failure", ["ubuntu-24.04"])
    assert [found[name] for name in ("name", "status", "head_sha")] == [
        check[name] for name in ("name", "status", "head_sha")
    ]
    suites = shop.ask("GET", f"commits/{run.event.head_sha}/check-suites").json()["check_suites"]
    assert [suite["id"] for suite in suites] == [check["check_suite"]["id"]] == [run.id]


def test_a_workflow_is_found_by_its_file_and_by_its_number(shop: Workshop, run: RunRecord) -> None:
    found = shop.ask("GET", "actions/workflows/try.yml").json()
    assert (found["name"], found["path"]) == ("Try", run.workflow)
    assert shop.ask("GET", f"actions/workflows/{found['id']}").json() == found


def test_the_repository_says_how_subjects_of_its_identities_begin(shop: Workshop) -> None:
    found = shop.ask("GET", "actions/oidc/customization/sub").json()
    assert (found["use_immutable_subject"], found["sub_claim_prefix"]) == (
        True,
        "repo:acme@600100/models@700100200",
    )


def test_the_run_of_a_pull_request_names_it(shop: Workshop, run: RunRecord) -> None:
    workflow = {"on": "pull_request", "jobs": {"a": job("echo n ${{ github.event.pull_request.number }}")}}
    shop.commit({".github/workflows/try.yml": workflow}, "topic")
    pull = shop.ask("POST", "pulls", title="Change", head="topic", base="main").json()
    found = shop.wait(max(shop.runs.records.runs.values(), key=lambda one: one.id))
    shown = shop.ask("GET", f"actions/runs/{found.id}").json()
    assert [one["number"] for one in shown["pull_requests"]] == [pull["number"]]
    assert (shown["head_sha"], shown["display_title"]) == (pull["head"]["sha"], "Change")
    assert f"n {pull['number']}" in shop.log(found.latest[0])


@pytest.mark.parametrize("path", ["actions/runs/1", "actions/jobs/1", "actions/jobs/1/logs", "check-runs/1"])
def test_what_is_not_there_is_not_found(shop: Workshop, path: str) -> None:
    assert shop.ask("GET", path).status_code == 404


def test_a_check_that_an_app_reports_is_beside_those_of_jobs(shop: Workshop, run: RunRecord) -> None:
    made = shop.ask("POST", "check-runs", name="scan", head_sha=run.event.head_sha, status="in_progress")
    assert (made.status_code, made.json()["conclusion"]) == (201, None)
    path = f"check-runs/{made.json()['id']}"
    assert shop.ask("PATCH", path, status="completed").status_code == 422
    assert shop.ask("PATCH", path, conclusion="neutral", output={"title": "t", "summary": "s"}).ok
    found = {check["name"]: check["conclusion"] for check in shop.runs.checks(run.event.head_sha)}
    assert found == {"Good": "success", "bad": "failure", "after": "skipped", "scan": "neutral"}


def test_a_person_who_is_no_admin_reports_no_check(shop: Workshop, run: RunRecord) -> None:
    body = {"name": "scan", "head_sha": run.event.head_sha}
    assert shop.ask("POST", "check-runs", "ben", **body).status_code == 403


def test_a_restart_remembers_what_ended_and_cancels_what_had_not(tmp_path: Path) -> None:
    for shop in open_workshop(tmp_path):
        ended = shop.try_workflow({"jobs": {"a": job("true")}})
        shop.commit({".github/workflows/try.yml": {"on": "push", "jobs": {"a": job(nap())}}})
        (running,) = shop.start(shop.event("push"))
        shop.wait(running, "in_progress")
    for shop in open_workshop(tmp_path):
        kept = shop.runs.records.runs
        assert (kept[ended.id].conclusion, kept[running.id].conclusion) == ("success", "cancelled")
        assert [found.conclusion for found in kept[running.id].latest] == ["cancelled"]
        assert shop.try_workflow({"jobs": {"a": job("true")}}).id == running.id + 1


SERVER = """
import sys, time
from pathlib import Path
sys.path[:0] = [sys.argv[1], sys.argv[1] + "/tests/sandbox"]
from workshop import job, open_workshop
for shop in open_workshop(Path(sys.argv[2])):
    jobs = {"a": job(f"setsid {sys.argv[3]} & {sys.argv[3]}")}
    shop.commit({".github/workflows/try.yml": {"on": "push", "jobs": jobs}})
    (run,) = shop.start(shop.event("push"))
    shop.runs.engine.wait(lambda: bool(run.latest and run.latest[0].steps), 20)
    time.sleep(0.3)
    print("ready", flush=True)
    time.sleep(60)
"""


def test_a_killed_server_leaves_no_process_of_a_job(shop: Workshop, tmp_path: Path) -> None:
    root = str(shop.root)
    wait = nap()
    words = [sys.executable, "-c", SERVER, root, str(tmp_path), wait]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, cwd=root) as server:
        assert server.stdout is not None
        assert server.stdout.readline() == "ready\n"
        assert [line for line in shop.processes(wait) if "-c" not in line]
        server.kill()
    deadline = time.monotonic() + 10
    while [line for line in shop.processes(wait) if "-c" not in line] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not [line for line in shop.processes(wait) if "-c" not in line]


def test_run_files_hold_no_token(shop: Workshop, run: RunRecord) -> None:
    for path in shop.runs.records.home.rglob("*"):
        if path.is_file():
            assert b"ghs_" not in path.read_bytes(), path
    assert json.loads((shop.runs.records.folder(run.id) / "run.json").read_text())["id"] == run.id
