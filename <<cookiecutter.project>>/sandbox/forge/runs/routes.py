"""The REST routes of actions/* and check-runs, and what each needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.forge.calls import Route
from sandbox.forge.runs.acting import Acting
from sandbox.forge.runs.reading import Reading

if TYPE_CHECKING:
    from sandbox.forge.runs.service import Runs

REPOSITORY = "/repos/<owner>/<name>"
ACTIONS = f"{REPOSITORY}/actions"
RUN = f"{ACTIONS}/runs/<int:run>"


def routes(runs: Runs) -> list[Route]:
    """What the forge serves of the runs."""
    reading, acting, artifacts = Reading(runs), Acting(runs), runs.artifacts
    file = f"{ACTIONS}/workflows/<workflow>"
    return [
        Route("POST", "/_schedule", acting.schedule),
        Route("POST", f"{REPOSITORY}/dispatches", acting.dispatch_repository, "contents", "write", "write"),
        Route("POST", f"{file}/dispatches", acting.dispatch, "actions", "write", "write"),
        Route("POST", f"{RUN}/approve", acting.approve, "actions", "write", "write"),
        Route("POST", f"{RUN}/cancel", acting.cancel, "actions", "write", "write"),
        Route("POST", f"{RUN}/force-cancel", acting.cancel, "actions", "write", "write"),
        Route("POST", f"{RUN}/rerun", acting.rerun, "actions", "write", "write"),
        Route("POST", f"{RUN}/rerun-failed-jobs", acting.rerun_failed, "actions", "write", "write"),
        Route("POST", f"{RUN}/pending_deployments", acting.review, "deployments", "write"),
        Route("GET", f"{RUN}/pending_deployments", reading.waiting, "actions"),
        Route("GET", f"{RUN}/approvals", reading.approvals, "actions"),
        Route("GET", f"{ACTIONS}/workflows", reading.list_workflows, "actions"),
        Route("GET", file, reading.get_workflow, "actions"),
        Route("GET", f"{file}/runs", reading.list_runs, "actions"),
        Route("POST", "/_artifacts", artifacts.upload),
        Route("GET", "/_artifacts/<int:artifact>.zip", artifacts.archive),
        Route("GET", f"{ACTIONS}/artifacts", artifacts.list_all, "actions"),
        Route("GET", f"{ACTIONS}/artifacts/<int:artifact>", artifacts.get, "actions"),
        Route("DELETE", f"{ACTIONS}/artifacts/<int:artifact>", artifacts.delete, "actions", "write", "write"),
        Route("GET", f"{ACTIONS}/artifacts/<int:artifact>/<form>", artifacts.download, "actions"),
        Route("GET", f"{RUN}/artifacts", artifacts.list_of_run, "actions"),
        Route("GET", "/_logs/<int:job>.txt", reading.log_file),
        Route("GET", "/_logs/<int:run>.zip", reading.log_archive),
        Route("GET", f"{RUN}/logs", reading.logs, "actions"),
        Route("GET", f"{RUN}/attempts/<int:attempt>/jobs", reading.list_attempt, "actions"),
        Route("GET", f"{REPOSITORY}/commits/<path:ref>/check-suites", reading.list_suites, "checks"),
        Route("POST", f"{REPOSITORY}/check-runs", acting.create_check, "checks", "write", "admin"),
        Route("PATCH", f"{REPOSITORY}/check-runs/<int:job>", acting.update_check, "checks", "write", "admin"),
        Route("GET", "/_oidc", reading.oidc),
        Route("GET", "/_oidc/.well-known/jwks", reading.keys),
        Route("GET", f"{ACTIONS}/oidc/customization/sub", reading.subject, "actions"),
        Route("GET", f"{ACTIONS}/runs", reading.list_runs, "actions"),
        Route("GET", RUN, reading.get_run, "actions"),
        Route("GET", f"{RUN}/jobs", reading.list_jobs, "actions"),
        Route("GET", f"{ACTIONS}/jobs/<int:job>", reading.get_job, "actions"),
        Route("GET", f"{ACTIONS}/jobs/<int:job>/logs", reading.log, "actions"),
        Route("GET", f"{REPOSITORY}/commits/<path:ref>/check-runs", reading.list_checks, "checks"),
        Route("GET", f"{REPOSITORY}/check-runs/<int:job>", reading.get_check, "checks"),
    ]
