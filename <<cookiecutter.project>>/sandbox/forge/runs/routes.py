"""The REST routes of actions/* and check-runs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge.calls import Answer, Call, Refusal, Route, missing
from sandbox.forge.runs import views
from sandbox.forge.runs.claims import make_claims, subject_prefix

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.forge.runs.records import JobRecord, RunRecord
    from sandbox.forge.runs.service import Runs

REPOSITORY = "/repos/<owner>/<name>"
ACTIONS = f"{REPOSITORY}/actions"
RUN = f"{ACTIONS}/runs/<int:run>"
MOST = 100


def routes(runs: Runs) -> list[Route]:
    """What the forge serves of the runs."""
    reading = Reading(runs)
    return [
        Route("GET", "/_oidc", reading.oidc),
        Route("GET", f"{ACTIONS}/oidc/customization/sub", reading.subject, "actions"),
        Route("GET", f"{ACTIONS}/runs", reading.list_runs, "actions"),
        Route("GET", RUN, reading.get_run, "actions"),
        Route("GET", f"{RUN}/jobs", reading.list_jobs, "actions"),
        Route("GET", f"{ACTIONS}/jobs/<int:job>", reading.get_job, "actions"),
        Route("GET", f"{ACTIONS}/jobs/<int:job>/logs", reading.log, "actions"),
        Route("GET", f"{REPOSITORY}/commits/<path:ref>/check-runs", reading.list_checks, "checks"),
        Route("GET", f"{REPOSITORY}/check-runs/<int:job>", reading.get_check, "checks"),
    ]


class Reading:
    """Routes that change nothing."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs

    def oidc(self, call: Call) -> Answer:
        """The token of a job, for whom it was asked."""
        bearer = self._runs.bearers.get(call.bearer)
        if bearer is None or call.query.get("job") != str(bearer.job.id):
            raise Refusal(401, "this job may not have an identity, or has ended")
        audience = call.query.get("audience") or f"https://github.com/{self._runs.ground.repository.owner}"
        token = self._runs.ground.issuer.sign(make_claims(self._runs.ground.repository, bearer, audience))
        return Answer({"count": len(token), "value": token})

    def subject(self, call: Call) -> Answer:
        prefix = subject_prefix(self._runs.ground.repository)
        return Answer({"use_default": True, "use_immutable_subject": True, "sub_claim_prefix": prefix})

    def list_runs(self, call: Call) -> Answer:
        wanted = [run for run in self._newest() if _fits(run, call.query)]
        return page_of(call, "workflow_runs", wanted, lambda run: views.run(self._runs.ground, run))

    def get_run(self, call: Call) -> Answer:
        return Answer(views.run(self._runs.ground, self.find_run(call)))

    def list_jobs(self, call: Call) -> Answer:
        run = self.find_run(call)
        found = run.jobs if call.query.get("filter") == "all" else run.latest
        return page_of(call, "jobs", found, lambda job: views.job(self._runs.ground, run, job))

    def get_job(self, call: Call) -> Answer:
        run, job = self._find_job(call)
        return Answer(views.job(self._runs.ground, run, job))

    def log(self, call: Call) -> Answer:
        file = self._runs.records.log(self._find_job(call)[1])
        if not file.exists():
            raise missing()
        return Answer(file.read_bytes(), content_type="text/plain; charset=utf-8")

    def list_checks(self, call: Call) -> Answer:
        sha = self._runs.ground.repository.find(call.arguments["ref"])
        if sha is None:
            raise Refusal(422, f"No commit found for SHA: {call.arguments['ref']}")
        found = [check for check in self._runs.checks(sha) if _fits_check(check, call.query)]
        return page_of(call, "check_runs", found, lambda check: check)

    def get_check(self, call: Call) -> Answer:
        return Answer(views.check(self._runs, self._find_job(call)[1]))

    def find_run(self, call: Call) -> RunRecord:
        found = self._runs.records.runs.get(int(call.arguments["run"]))
        if found is None:
            raise missing()
        return found

    def _find_job(self, call: Call) -> tuple[RunRecord, JobRecord]:
        found = self._runs.records.find_job(int(call.arguments["job"]))
        if found is None:
            raise missing()
        return found

    def _newest(self) -> list[RunRecord]:
        return sorted(self._runs.records.runs.values(), key=lambda run: run.id, reverse=True)


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


def page_of(call: Call, name: str, found: Sequence[Any], show: Callable[[Any], Any]) -> Answer:
    """One page of a list that says how many there are in all, with links to its neighbours."""
    size = min(int(call.query.get("per_page", 30)), MOST)
    page = max(int(call.query.get("page", 1)), 1)
    shown = [show(item) for item in found[(page - 1) * size : page * size]]
    return Answer({"total_count": len(found), name: shown}, headers=_links(call, page, size, len(found)))


def _links(call: Call, page: int, size: int, total: int) -> dict[str, str]:
    last = max(-(-total // size), 1)
    wanted = {"prev": page - 1, "next": page + 1, "last": last, "first": 1}
    if page == 1:
        wanted = {"next": page + 1, "last": last}
    said = [
        f'<{call.url}/api/v3{call.path}?per_page={size}&page={number}>; rel="{name}"'
        for name, number in wanted.items()
        if 1 <= number <= last and last > 1 and not (page == last and name in ("next", "last"))
    ]
    return {"Link": ", ".join(said)} if said else {}
