"""Routes that start, hold, release and end runs, and checks that others report."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge import shapes
from sandbox.forge.calls import Answer, Call, Refusal, invalid
from sandbox.forge.events import Event
from sandbox.forge.repository import DEFAULT_BRANCH
from sandbox.forge.runs import source, views
from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.inputs import resolve_inputs
from sandbox.forge.runs.reading import find_run, find_workflow, waiting_for
from sandbox.forge.runs.values import as_text

if TYPE_CHECKING:
    from sandbox.forge.runs.records import RunRecord
    from sandbox.forge.runs.service import Runs

MOST_INPUTS = 25
STATES = {"approved": True, "rejected": False}


class Acting:
    """Handlers of POST and PATCH."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._ground = runs.ground

    def dispatch(self, call: Call) -> Answer:
        """Start a workflow by hand, or by a job's token: what a job asks for runs, here as on GitHub."""
        path = find_workflow(self._runs, call.arguments["workflow"])
        ref, sha = self._find_ref(call.body.get("ref"))
        inputs = self._inputs(path, sha, call.body.get("inputs") or {})
        payload = self._payload(call, inputs=inputs, ref=ref, workflow=path)
        event = self._event("workflow_dispatch", ref, sha, call, payload, inputs, path.rpartition("/")[2])
        (number,) = self._runs.handle(event)
        if not call.body.get("return_run_details"):
            return Answer(b"", 204)
        api = f"{views.api(self._ground)}/actions/runs/{number}"
        page = f"{views.page(self._ground)}/actions/runs/{number}"
        return Answer({"workflow_run_id": number, "run_url": api, "html_url": page})

    def _find_ref(self, given: Any) -> tuple[str, str]:
        repository = self._ground.repository
        for ref in (f"refs/heads/{given}", f"refs/tags/{given}", str(given)):
            if given and (sha := repository.resolve(ref)):
                return ref, sha
        raise Refusal(422, f"No ref found for: {given}")

    def _inputs(self, path: str, sha: str, given: Any) -> dict[str, str]:
        """The inputs as texts, defaults filled in; what the workflow does not take is refused."""
        try:
            workflow = source.load(self._ground.repository, sha, path)
            if "workflow_dispatch" not in workflow.on:
                raise Refusal(422, "Workflow does not have 'workflow_dispatch' trigger")
            if not isinstance(given, dict) or len(given) > MOST_INPUTS:
                raise Refusal(422, f"inputs is {given!r}. Allowed: at most {MOST_INPUTS} names with values")
            found = resolve_inputs(workflow.on["workflow_dispatch"].get("inputs"), given)
        except WorkflowError as error:
            raise Refusal(422, str(error)) from None
        return {name: as_text(value) for name, value in found.items()}

    def dispatch_repository(self, call: Call) -> Answer:
        """Start what waits for a repository_dispatch of a type."""
        kind, payload = call.body.get("event_type"), call.body.get("client_payload") or {}
        if not isinstance(kind, str) or not 1 <= len(kind) <= 100:
            raise invalid("RepositoryDispatch", "event_type")
        if not isinstance(payload, dict) or len(payload) > 10:
            raise invalid("RepositoryDispatch", "client_payload")
        said = self._payload(call, action=kind, client_payload=payload, branch=DEFAULT_BRANCH)
        self._on_main("repository_dispatch", call, said, action=kind)
        return Answer(b"", 204)

    def schedule(self, call: Call) -> Answer:
        """Let the hour of a workflow come; nothing here looks at its cron line."""
        name = str(call.body.get("workflow", ""))
        path = find_workflow(self._runs, name)
        sha = self._ground.repository.branch(DEFAULT_BRANCH) or ""
        crons = source.load(self._ground.repository, sha, path).on_schedule
        if not crons:
            raise Refusal(422, f"{path} has no `schedule` on {DEFAULT_BRANCH}")
        payload = {"schedule": crons[0], "repository": self._repository()}
        return Answer({"runs": self._on_main("schedule", call, payload, workflow=name)})

    def _on_main(
        self, name: str, call: Call, payload: dict[str, Any], action: str = "", workflow: str = ""
    ) -> list[int]:
        ref = f"refs/heads/{DEFAULT_BRANCH}"
        sha = self._ground.repository.resolve(ref)
        if sha is None:
            raise Refusal(422, f"No ref found for: {DEFAULT_BRANCH}")
        return self._runs.handle(self._event(name, ref, sha, call, payload, {}, workflow, action))

    def _event(
        self,
        name: str,
        ref: str,
        sha: str,
        call: Call,
        payload: dict[str, Any],
        inputs: dict[str, str],
        workflow: str = "",
        action: str = "",
    ) -> Event:
        who = call.person
        if name == "schedule":  # runs as whoever last wrote to the branch
            author = self._ground.repository.commit(sha).author.email
            who = self._ground.people.by_email(author) or next(iter(self._ground.people))
        return Event(
            name, ref, sha, sha, who.login, who.id, action, payload=payload, workflow=workflow, inputs=inputs
        )

    def _payload(self, call: Call, **members: Any) -> dict[str, Any]:
        sender = shapes.user(self._ground, call.person)
        return {**members, "repository": self._repository(), "sender": sender}

    def _repository(self) -> dict[str, Any]:
        return shapes.repository(self._ground, self._ground.repository)

    def approve(self, call: Call) -> Answer:
        """Let a held run start; nobody but a person who may write."""
        self._person(call)
        run = find_run(self._runs, call)
        with self._runs.engine.lock:
            if run.conclusion != "action_required":
                raise Refusal(403, "This run is not waiting for approval")
            self._runs.start(run)
        return Answer({}, 201)

    def cancel(self, call: Call) -> Answer:
        run = find_run(self._runs, call)
        with self._runs.engine.lock:
            found = self._runs.engine.runs.get(run.id)
            if found is None:
                raise Refusal(409, "Cannot cancel a workflow run that is completed.")
            self._runs.engine.cancel(found)
        return Answer({}, 202)

    def rerun(self, call: Call) -> Answer:
        run = self._ended(call)
        self._runs.rerun(run, call.person.login, {})
        return Answer({}, 201)

    def rerun_failed(self, call: Call) -> Answer:
        run = self._ended(call)
        kept = {job.key: job for job in run.latest if job.conclusion == "success"}
        if len(kept) == len([job for job in run.latest if job.conclusion != "skipped"]):
            raise Refusal(403, "This workflow run has no failed jobs")
        self._runs.rerun(run, call.person.login, kept)
        return Answer({}, 201)

    def _ended(self, call: Call) -> RunRecord:
        run = find_run(self._runs, call)
        if run.status != "completed":
            raise Refusal(403, "This workflow is already running")
        if run.conclusion in ("action_required", "startup_failure"):
            raise Refusal(403, f"Unable to retry this workflow run because it ended as {run.conclusion}")
        return run

    def review(self, call: Call) -> Answer:
        """Approve or reject the environments that a run's jobs wait for."""
        self._person(call)
        run = find_run(self._runs, call)
        names = self._asked(run, call.body.get("environment_ids"))
        state = call.body.get("state")
        if state not in STATES:
            raise invalid("Deployment", "state")
        for name in names:
            self._may_review(run, name, call.person.login)
        comment = str(call.body.get("comment", ""))
        run.reviews.append({"names": names, "state": state, "login": call.person.login, "comment": comment})
        self._runs.review(run, names, STATES[state])
        return Answer([views.deployment(self._ground, run, name) for name in names])

    def _asked(self, run: RunRecord, numbers: Any) -> list[str]:
        waiting = {views.environment_id(self._ground, name): name for name in waiting_for(run)}
        if not isinstance(numbers, list) or not numbers or any(number not in waiting for number in numbers):
            raise Refusal(422, f"environment_ids is {numbers!r}. This run waits for {waiting}")
        return [waiting[number] for number in numbers]

    def _may_review(self, run: RunRecord, name: str, login: str) -> None:
        environment = self._ground.environment(name)
        if environment is None or login not in environment.reviewers:
            raise Refusal(403, f"{login} is not a reviewer of environment {name}")
        if environment.prevent_self_review and login == run.triggering_actor:
            raise Refusal(422, f"{login} started this run and may not approve its deployment to {name}")

    def _person(self, call: Call) -> None:
        if call.token.permissions is not None:
            raise Refusal(403, "Resource not accessible by integration")

    def create_check(self, call: Call) -> Answer:
        name, sha = call.body.get("name"), call.body.get("head_sha")
        if not isinstance(name, str) or not name:
            raise invalid("CheckRun", "name", "missing_field")
        if not isinstance(sha, str) or self._ground.repository.find(sha) != sha:
            raise Refusal(422, f"No commit found for SHA: {sha}")
        return Answer(self._runs.reported.create(call.body, self._runs.now()), 201)

    def update_check(self, call: Call) -> Answer:
        return Answer(self._runs.reported.update(int(call.arguments["job"]), call.body, self._runs.now()))
