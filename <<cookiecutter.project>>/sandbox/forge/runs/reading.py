"""Routes that only show: runs, jobs, checks, logs, what waits; and the identity of a job."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

from sandbox.forge import shapes
from sandbox.forge.calls import Answer, Call, Refusal, missing
from sandbox.forge.paging import page
from sandbox.forge.repository import DEFAULT_BRANCH
from sandbox.forge.runs import source, views
from sandbox.forge.runs.claims import make_claims, subject_prefix
from sandbox.forge.runs.errors import WorkflowError

if TYPE_CHECKING:
    from sandbox.forge.runs.records import JobRecord, RunRecord
    from sandbox.forge.runs.service import Runs


class Reading:
    """Handlers of GET."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._ground = runs.ground

    def oidc(self, call: Call) -> Answer:
        """The token of a job, for whom it was asked."""
        bearer = self._runs.bearers.get(call.bearer)
        if bearer is None or call.query.get("job") != str(bearer.job.id):
            raise Refusal(401, "this job may not have an identity, or has ended")
        audience = call.query.get("audience") or f"https://github.com/{self._ground.repository.owner}"
        token = self._ground.issuer.sign(make_claims(self._ground.repository, bearer, audience))
        return Answer({"count": len(token), "value": token})

    def keys(self, call: Call) -> Answer:
        """The keys that tokens are verified with, as the issuer publishes them."""
        return Answer(self._ground.issuer.jwks())

    def subject(self, call: Call) -> Answer:
        prefix = subject_prefix(self._ground.repository)
        return Answer({"use_default": True, "use_immutable_subject": True, "sub_claim_prefix": prefix})

    def list_runs(self, call: Call) -> Answer:
        wanted = [run for run in self._newest() if _fits(run, call.query)]
        if "workflow" in call.arguments:
            path = self.find_workflow(call)
            wanted = [run for run in wanted if run.workflow == path]
        return page(call, wanted, lambda run: views.run(self._ground, run), "workflow_runs")

    def get_run(self, call: Call) -> Answer:
        return Answer(views.run(self._ground, find_run(self._runs, call)))

    def list_jobs(self, call: Call) -> Answer:
        run = find_run(self._runs, call)
        found = run.jobs if call.query.get("filter") == "all" else run.latest
        return page(call, found, lambda job: views.job(self._ground, run, job), "jobs")

    def list_attempt(self, call: Call) -> Answer:
        run = find_run(self._runs, call)
        found = [job for job in run.jobs if job.attempt == int(call.arguments["attempt"])]
        return page(call, found, lambda job: views.job(self._ground, run, job), "jobs")

    def get_job(self, call: Call) -> Answer:
        run, job = self._find_job(call)
        return Answer(views.job(self._ground, run, job))

    def log(self, call: Call) -> Answer:
        """Where the log is: GitHub answers with a link that opens it, too."""
        job = self._find_job(call)[1]
        return Answer(b"", 302, {"Location": f"{call.url}/_logs/{job.id}.txt"})

    def log_file(self, call: Call) -> Answer:
        file = self._runs.records.log(self._find_job(call)[1])
        if not file.exists():
            raise missing()
        return Answer(file.read_bytes(), content_type="text/plain; charset=utf-8")

    def logs(self, call: Call) -> Answer:
        run = find_run(self._runs, call)
        return Answer(b"", 302, {"Location": f"{call.url}/_logs/{run.id}.zip"})

    def log_archive(self, call: Call) -> Answer:
        run = find_run(self._runs, call)
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
            for place, job in enumerate(run.latest):
                file = self._runs.records.log(job)
                if file.exists():
                    archive.write(file, f"{place}_{job.name.replace('/', '_')}.txt")
        return Answer(packed.getvalue(), content_type="application/zip")

    def waiting(self, call: Call) -> Answer:
        """The environments that jobs of a run wait for."""
        run = find_run(self._runs, call)
        return Answer([self._waiting(name, call) for name in waiting_for(run)])

    def _waiting(self, name: str, call: Call) -> dict[str, Any]:
        environment = self._ground.environment(name)
        reviewers = environment.reviewers if environment else ()
        return {
            "environment": views.environment(self._ground, name),
            "wait_timer": 0,
            "wait_timer_started_at": None,
            "current_user_can_approve": call.person.login in reviewers,
            "reviewers": [
                {"type": "User", "reviewer": shapes.by_login(self._ground, login)} for login in reviewers
            ],
        }

    def approvals(self, call: Call) -> Answer:
        """Who has let this run into an environment, or has not."""
        found = find_run(self._runs, call).reviews
        return Answer(
            [
                {
                    "environments": [
                        {**views.environment(self._ground, name), **dict.fromkeys(views.STAMPS, shapes.BORN)}
                        for name in review["names"]
                    ],
                    "state": review["state"],
                    "user": shapes.by_login(self._ground, review["login"]),
                    "comment": review["comment"],
                }
                for review in found
            ]
        )

    def list_workflows(self, call: Call) -> Answer:
        return page(call, self._paths(), self._workflow, "workflows")

    def get_workflow(self, call: Call) -> Answer:
        return Answer(self._workflow(self.find_workflow(call)))

    def find_workflow(self, call: Call) -> str:
        """The path of a workflow that is named by its file or its number."""
        return find_workflow(self._runs, call.arguments["workflow"])

    def _paths(self) -> list[str]:
        sha = self._ground.repository.branch(DEFAULT_BRANCH)
        return source.list_files(self._ground.repository, sha) if sha else []

    def _workflow(self, path: str) -> dict[str, Any]:
        sha = self._ground.repository.branch(DEFAULT_BRANCH) or ""
        try:
            name = source.load(self._ground.repository, sha, path).name
        except WorkflowError:
            name = path
        return views.workflow(self._ground, path, name)

    def list_checks(self, call: Call) -> Answer:
        found = [check for check in self._runs.checks(self._commit(call)) if _fits_check(check, call.query)]
        return page(call, found, lambda check: check, "check_runs")

    def list_suites(self, call: Call) -> Answer:
        sha = self._commit(call)
        found = [run for run in self._newest() if run.event.head_sha == sha]
        return page(call, found, lambda run: views.suite(self._ground, run), "check_suites")

    def get_check(self, call: Call) -> Answer:
        return Answer(self._runs.check(int(call.arguments["job"])))

    def _commit(self, call: Call) -> str:
        sha = self._ground.repository.find(call.arguments["ref"])
        if sha is None:
            raise Refusal(422, f"No commit found for SHA: {call.arguments['ref']}")
        return sha

    def _find_job(self, call: Call) -> tuple[RunRecord, JobRecord]:
        found = self._runs.records.find_job(int(call.arguments["job"]))
        if found is None:
            raise missing()
        return found

    def _newest(self) -> list[RunRecord]:
        return sorted(self._runs.records.runs.values(), key=lambda run: run.id, reverse=True)


def find_run(runs: Runs, call: Call) -> RunRecord:
    found = runs.records.runs.get(int(call.arguments["run"]))
    if found is None:
        raise missing()
    return found


def find_workflow(runs: Runs, name: str) -> str:
    """A workflow of any branch's tip: dispatches may name one that main has not."""
    repository = runs.ground.repository
    for _, tip in repository.refs("refs/heads/"):
        for path in source.list_files(repository, str(tip.id)):
            if name in (path.rpartition("/")[2], str(views.workflow_id(path))):
                return path
    raise missing()


def waiting_for(run: RunRecord) -> list[str]:
    """The environments that a run's jobs wait for, each once."""
    return list(dict.fromkeys(job.environment for job in run.latest if job.status == "waiting"))


def _fits(run: RunRecord, query: dict[str, str]) -> bool:
    found = {
        "actor": run.actor,
        "branch": views.head_branch(run.event),
        "event": run.event.name,
        "head_sha": run.event.head_sha,
    }
    wanted = query.get("status")
    return all(found[name] == query[name] for name in found if name in query) and (
        wanted is None or wanted in (run.status, run.conclusion)
    )


def _fits_check(check: dict[str, Any], query: dict[str, str]) -> bool:
    named = {"check_name": "name", "status": "status"}
    return all(check[member] == query[name] for name, member in named.items() if name in query)
