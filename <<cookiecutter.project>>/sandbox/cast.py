"""The people of a rehearsal: they push, open, review and merge, each with a token of their own."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import requests

from sandbox.stage import console

if TYPE_CHECKING:
    from collections.abc import Iterable

LOGINS = ("ada", "ben", "cleo")
PATIENCE = 300.0  # seconds for a workflow's run; a training job is not waited for by any
LOOK = 0.2  # each look costs both ends a hundredth of a second
GONE_WELL = {"success", "skipped", "neutral"}


@dataclass
class Member:
    """Somebody with a token; `api` is the repository's place on the forge."""

    login: str
    token: str
    api: str
    session: requests.Session = field(default_factory=requests.Session)

    def call(self, method: str, path: str, refused: bool = False, **body: Any) -> Any:
        """One request to the repository; the answer. Raises SystemExit when it does not go as it should."""
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = self.session.request(method, self.api + path, json=body or None, headers=headers, timeout=60)
        if answer.ok == refused:
            raise SystemExit(
                f"{self.login}: {method} {path} was answered {answer.status_code}: {answer.text}"
            )
        return answer.json() if answer.content else None

    def say(self, what: str) -> None:
        """Tell what this person does."""
        console.print(f"[bold magenta]{self.login}[/] {what}")

    def open_pull(self, branch: str, title: str) -> int:
        """Open a pull request; its number."""
        pull = self.call("POST", "/pulls", head=branch, base="main", title=title)
        number: int = pull["number"]
        self.say(f"opens #{number}: {title}")
        return number

    def approve(self, number: int) -> None:
        """Review what stands there, and approve it."""
        head = self.call("GET", f"/pulls/{number}")["head"]["sha"]
        self.call("POST", f"/pulls/{number}/reviews", event="APPROVE", commit_id=head)
        self.say(f"approves #{number}")

    def merge(self, number: int, method: str = "squash") -> str:
        """Merge a pull request; the commit on main."""
        merged = self.call("PUT", f"/pulls/{number}/merge", merge_method=method)
        self.say(f"merges #{number}")
        commit: str = merged["sha"]
        return commit

    def dispatch(self, workflow: str, **inputs: str) -> None:
        """Start a workflow by hand."""
        path = f"/actions/workflows/{workflow}/dispatches"
        self.call("POST", path, ref="main", inputs=inputs)
        words = "".join(f" {name}={value}" for name, value in inputs.items())
        self.say(f"starts {workflow}{words}")

    def find_pull(self, title: str) -> int | None:
        """The number of the open pull request whose title begins so."""
        pulls = self.call("GET", "/pulls?state=open&per_page=100")
        return next((pull["number"] for pull in pulls if pull["title"].startswith(title)), None)

    def await_check(self, number: int, fails: bool = False) -> None:
        """Wait until the check that main requires has an answer for a pull request's head."""
        head = self.call("GET", f"/pulls/{number}")["head"]["sha"]
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            runs = self.call("GET", f"/commits/{head}/check-runs?per_page=100")["check_runs"]
            found = [run for run in runs if run["name"] == "check" and run["status"] == "completed"]
            if found:
                show_checks(runs)
                if (found[-1]["conclusion"] == "success") == fails:
                    raise SystemExit(f"the checks of #{number} ended as {found[-1]['conclusion']!r}")
                return
            time.sleep(LOOK)
        raise SystemExit(f"#{number} has no check after {PATIENCE:.0f} s")

    def known_runs(self) -> set[int]:
        """The newest of the runs that there are."""
        return {run["id"] for run in self.runs()}

    def runs(self) -> list[dict[str, Any]]:
        """The newest runs: more than one event starts."""
        found: list[dict[str, Any]] = self.call("GET", "/actions/runs?per_page=20")["workflow_runs"]
        return found

    def await_run(self, workflow: str, known: Iterable[int], fails: bool = False) -> None:
        """Wait for a run of a workflow that was not known before, and for its end; show its jobs."""
        before, deadline = set(known), time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            fresh = [run for run in self.runs() if run["id"] not in before and run["name"] == workflow]
            if fresh and all(run["status"] == "completed" for run in fresh):
                self.show_run(fresh[0], fails)
                return
            time.sleep(LOOK)
        raise SystemExit(f"no run of {workflow!r} ended within {PATIENCE:.0f} s")

    def show_run(self, run: dict[str, Any], fails: bool) -> None:
        """A run's jobs in a line each; its logs when it did not end as it should."""
        jobs = self.call("GET", f"/actions/runs/{run['id']}/jobs?per_page=100")["jobs"]
        for job in jobs:
            if job["conclusion"] != "skipped":
                console.print(f"  {run['name']} / {job['name']}: {job['conclusion']}", style="dim")
        if (run["conclusion"] in GONE_WELL) == fails:
            for job in jobs:
                console.print(self.read_log(job["id"]), markup=False)
            raise SystemExit(f"run {run['id']} of {run['name']!r} ended as {run['conclusion']!r}; see above")

    def read_log(self, job: int) -> str:
        """What a job printed."""
        headers = {"Authorization": f"Bearer {self.token}"}
        return self.session.get(f"{self.api}/actions/jobs/{job}/logs", headers=headers, timeout=60).text


def show_checks(runs: Iterable[dict[str, Any]]) -> None:
    """The checks of a commit in one line."""
    words = [f"{run['name']} {run['conclusion']}" for run in runs if run["conclusion"] != "skipped"]
    console.print(f"  checks: {', '.join(words)}", style="dim", markup=False)
