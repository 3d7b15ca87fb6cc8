"""Runs, jobs and checks as GitHub's API shows them, and the variables that jobs find."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge import shapes
from sandbox.forge.runs.permissions import read_permissions

if TYPE_CHECKING:
    from sandbox.forge.events import Event
    from sandbox.forge.ground import Ground
    from sandbox.forge.runs.records import JobRecord, Records, RunRecord

STAMPS = ("created_at", "updated_at")
ACTIONS_APP = 15368  # GitHub Actions' number on github.com
SETTINGS = {
    "GITHUB_REPOSITORY": "repository",
    "GITHUB_REPOSITORY_OWNER": "repository_owner",
    "GITHUB_REF": "ref",
    "GITHUB_REF_NAME": "ref_name",
    "GITHUB_REF_TYPE": "ref_type",
    "GITHUB_HEAD_REF": "head_ref",
    "GITHUB_BASE_REF": "base_ref",
    "GITHUB_RUN_ID": "run_id",
    "GITHUB_RUN_NUMBER": "run_number",
    "GITHUB_RUN_ATTEMPT": "run_attempt",
    "GITHUB_ACTOR": "actor",
    "GITHUB_SERVER_URL": "server_url",
    "GITHUB_API_URL": "api_url",
    "GITHUB_GRAPHQL_URL": "graphql_url",
    "SHA_REF": "sha",  # where act reads github.sha from
}
EXTRA = {
    "GITHUB_REPOSITORY_ID": "repository_id",
    "GITHUB_REPOSITORY_OWNER_ID": "repository_owner_id",
    "GITHUB_ACTOR_ID": "actor_id",
    "GITHUB_TRIGGERING_ACTOR": "triggering_actor",
    "GITHUB_WORKFLOW_REF": "workflow_ref",
    "GITHUB_WORKFLOW_SHA": "workflow_sha",
}


def settings(github: dict[str, Any]) -> dict[str, str]:
    """What no job may change."""
    return {name: str(github[member]) for name, member in SETTINGS.items()}


def surroundings(github: dict[str, Any], ground: Ground) -> dict[str, str]:
    """What act does not set, and where AWS is."""
    return {
        **{name: str(github[member]) for name, member in EXTRA.items()},
        "AWS_ENDPOINT_URL": ground.aws_endpoint,
        "RUNNER_ENVIRONMENT": "github-hosted",
        "RUNNER_NAME": "sandbox",
    }


def api(ground: Ground) -> str:
    return f"{ground.url}/api/v3/repos/{ground.repository.full_name}"


def page(ground: Ground) -> str:
    return f"{ground.url}/{ground.repository.full_name}"


def run(ground: Ground, record: RunRecord) -> dict[str, Any]:
    """A workflow run."""
    event = record.event
    url = f"{api(ground)}/actions/runs/{record.id}"
    head = ground.repository.commit(event.head_sha)
    return {
        "id": record.id,
        "name": record.name,
        "node_id": shapes.node_id("WFR", record.id),
        "check_suite_id": record.id,
        "check_suite_node_id": shapes.node_id("CS", record.id),
        "head_branch": head_branch(event),
        "head_sha": event.head_sha,
        "path": record.workflow,
        "run_number": record.number,
        "run_attempt": record.attempt,
        "event": event.name,
        "display_title": record.title,
        "status": record.status,
        "conclusion": record.conclusion,
        "workflow_id": workflow_id(record.workflow),
        "url": url,
        "html_url": f"{page(ground)}/actions/runs/{record.id}",
        "pull_requests": pulls(event),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "run_started_at": record.started_at,
        "actor": shapes.by_login(ground, record.actor),
        "triggering_actor": shapes.by_login(ground, record.triggering_actor),
        "jobs_url": f"{url}/jobs",
        "logs_url": f"{url}/logs",
        "check_suite_url": f"{api(ground)}/check-suites/{record.id}",
        "artifacts_url": f"{url}/artifacts",
        "cancel_url": f"{url}/cancel",
        "rerun_url": f"{url}/rerun",
        "previous_attempt_url": f"{url}/attempts/{record.attempt - 1}" if record.attempt > 1 else None,
        "workflow_url": f"{api(ground)}/actions/workflows/{workflow_id(record.workflow)}",
        "head_commit": {
            "id": event.head_sha,
            "tree_id": str(head.tree_id),
            "message": head.message.rstrip("\n"),
            "timestamp": shapes.stamp(head.commit_time),
            "author": {"name": head.author.name, "email": head.author.email},
            "committer": {"name": head.committer.name, "email": head.committer.email},
        },
        "repository": shapes.repository_urls(ground, ground.repository),
        "head_repository": shapes.repository_urls(ground, ground.repository),
    }


def pulls(event: Event) -> list[dict[str, Any]]:
    """The pull request that a run is of; GitHub names none where the branch is a fork's."""
    found = event.payload.get("pull_request")
    if not found or event.is_fork:
        return []
    sides = {
        side: {
            "ref": found[side]["ref"],
            "sha": found[side]["sha"],
            "repo": {name: found[side]["repo"][name] for name in ("id", "url", "name")},
        }
        for side in ("head", "base")
    }
    return [{**{name: found[name] for name in ("id", "number", "url")}, **sides}]


def head_branch(event: Event) -> str:
    return event.head_ref or event.ref.removeprefix("refs/heads/").removeprefix("refs/tags/")


def workflow_id(path: str) -> int:
    """A number for a file, the same as long as it keeps its name."""
    number = 0
    for byte in path.encode():
        number = (number * 131 + byte) % 100_000_007
    return 1000 + number


def job(ground: Ground, run_record: RunRecord, record: JobRecord) -> dict[str, Any]:
    """A job of a run."""
    url = f"{api(ground)}/actions/jobs/{record.id}"
    return {
        "id": record.id,
        "run_id": record.run_id,
        "run_url": f"{api(ground)}/actions/runs/{record.run_id}",
        "run_attempt": record.attempt,
        "node_id": shapes.node_id("CR", record.id),
        "head_sha": record.head_sha,
        "head_branch": head_branch(run_record.event),
        "workflow_name": record.workflow,
        "url": url,
        "html_url": details_url(ground, record),
        "status": record.status,
        "conclusion": record.conclusion,
        "created_at": record.created_at,
        "started_at": record.started_at or record.created_at,
        "completed_at": record.completed_at,
        "name": record.name,
        "steps": [{key: value for key, value in step.items() if key != "id"} for step in record.steps],
        "check_run_url": f"{api(ground)}/check-runs/{record.id}",
        "labels": record.labels,
        "runner_id": 1 if record.steps else None,
        "runner_name": "sandbox" if record.steps else None,
        "runner_group_id": 0 if record.steps else None,
        "runner_group_name": "GitHub Actions" if record.steps else None,
    }


def details_url(ground: Ground, record: JobRecord) -> str:
    return f"{page(ground)}/actions/runs/{record.run_id}/job/{record.id}"


def check(ground: Ground, records: Records, record: JobRecord) -> dict[str, Any]:
    """A job as the check run that rules look at."""
    summary = records.summary(record)
    waits = {"pending": "queued"}
    return {
        "id": record.id,
        "name": record.name,
        "node_id": shapes.node_id("CR", record.id),
        "head_sha": record.head_sha,
        "external_id": record.key,
        "url": f"{api(ground)}/check-runs/{record.id}",
        "html_url": details_url(ground, record),
        "details_url": details_url(ground, record),
        "status": waits.get(record.status, record.status),
        "conclusion": record.conclusion,
        "started_at": record.started_at or record.created_at,
        "completed_at": record.completed_at,
        "output": {
            "title": record.message or None,
            "summary": summary.read_text(encoding="utf-8") if summary.exists() else None,
            "text": None,
            "annotations_count": int(bool(record.message)),
            "annotations_url": f"{api(ground)}/check-runs/{record.id}/annotations",
        },
        "check_suite": {"id": record.run_id},
        "app": app(ground),
        "pull_requests": [],
    }


def app(ground: Ground) -> dict[str, Any]:
    return {
        "id": ACTIONS_APP,
        "slug": "github-actions",
        "node_id": shapes.node_id("A", ACTIONS_APP),
        "client_id": "Iv1.sandbox",
        "owner": shapes.owner(ground, ground.repository),
        "name": "GitHub Actions",
        "description": "Runs the repository's workflows",
        "external_url": ground.url,
        "html_url": f"{ground.url}/apps/github-actions",
        "created_at": shapes.BORN,
        "updated_at": shapes.BORN,
        "permissions": read_permissions("the app", "write-all"),
        "events": [],
    }


def checks(ground: Ground, records: Records, sha: str) -> list[dict[str, Any]]:
    """The jobs of the last attempts at runs on a commit."""
    runs = [found for found in records.runs.values() if found.event.head_sha == sha]
    return [check(ground, records, record) for found in runs for record in found.latest]


def suite(ground: Ground, record: RunRecord) -> dict[str, Any]:
    """A run as the suite that its checks belong to."""
    shape = run(ground, record)
    copied = ("head_branch", "head_sha", "status", "conclusion", "created_at", "updated_at", "head_commit")
    return {
        "id": record.id,
        "node_id": shape["check_suite_node_id"],
        **{name: shape[name] for name in copied},
        "url": shape["check_suite_url"],
        "before": record.event.payload.get("before"),
        "after": record.event.head_sha,
        "pull_requests": [],
        "app": app(ground),
        "repository": shape["repository"],
        "latest_check_runs_count": len(record.latest),
        "check_runs_url": f"{shape['check_suite_url']}/check-runs",
    }


def workflow(ground: Ground, path: str, name: str) -> dict[str, Any]:
    """A workflow file."""
    number = workflow_id(path)
    return {
        "id": number,
        "node_id": shapes.node_id("W", number),
        "name": name,
        "path": path,
        "state": "active",
        "created_at": shapes.BORN,
        "updated_at": shapes.BORN,
        "url": f"{api(ground)}/actions/workflows/{number}",
        "html_url": f"{page(ground)}/blob/main/{path}",
        "badge_url": f"{page(ground)}/workflows/{name}/badge.svg",
    }


def environment_id(ground: Ground, name: str) -> int:
    """The number of an environment; one that nobody set up has one of its own too."""
    found = ground.environment(name)
    return found.id if found else workflow_id(name)


def environment(ground: Ground, name: str) -> dict[str, Any]:
    """An environment, in short."""
    number = environment_id(ground, name)
    return {
        "id": number,
        "node_id": shapes.node_id("EN", number),
        "name": name,
        "url": f"{api(ground)}/environments/{name}",
        "html_url": f"{page(ground)}/deployments/activity_log?environments_filter={name}",
    }


def deployment(ground: Ground, record: RunRecord, name: str) -> dict[str, Any]:
    """What a review of an environment lets go on."""
    url = f"{api(ground)}/deployments/{record.id}"
    return {
        "url": url,
        "id": record.id,
        "node_id": shapes.node_id("DE", record.id),
        "sha": record.event.sha,
        "ref": head_branch(record.event),
        "task": "deploy",
        "payload": {},
        "original_environment": name,
        "environment": name,
        "description": None,
        "creator": shapes.by_login(ground, record.actor),
        "created_at": record.created_at,
        "updated_at": record.updated_at,
        "statuses_url": f"{url}/statuses",
        "repository_url": api(ground),
    }
