"""Runs: takes events, starts workflows, answers for checks. What each job is given is put together here."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

from sandbox.forge.calls import missing
from sandbox.forge.runs import graph as plan
from sandbox.forge.runs import source, views
from sandbox.forge.runs.artifacts import Artifacts
from sandbox.forge.runs.claims import Bearer
from sandbox.forge.runs.engine import Engine
from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.execution import Executor, Outcome, Task
from sandbox.forge.runs.expressions import Scope, evaluate_template, evaluate_tree
from sandbox.forge.runs.gate import judge
from sandbox.forge.runs.grants import check_grants, final_grant, job_grant, workflow_grant
from sandbox.forge.runs.inputs import resolve_inputs
from sandbox.forge.runs.permissions import default_permissions
from sandbox.forge.runs.records import Records, RunRecord
from sandbox.forge.runs.reported import Reported
from sandbox.forge.runs.rewrite import Literals
from sandbox.forge.runs.routes import routes
from sandbox.forge.runs.run import Run, Work, github_context
from sandbox.forge.runs.values import as_number, as_text

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable

    from sandbox.forge.calls import Route
    from sandbox.forge.events import Event
    from sandbox.forge.ground import Ground
    from sandbox.forge.runs.graph import Graph, Leg
    from sandbox.forge.runs.records import JobRecord
    from sandbox.forge.runs.workflow import Workflow

LONGEST_MINUTES = 360
LATER = ("job", "token", "event")  # members of `github` that act itself knows best


class Runs:
    """Every run of the repository's workflows."""

    def __init__(self, ground: Ground) -> None:
        self.ground = ground
        self.records = Records(ground.home / "runs")
        self.reported = Reported(self.records.home / "checks.json", ground, self.records)
        self.bearers: dict[str, Bearer] = {}
        self.artifacts = Artifacts(self)
        self._executor = Executor()
        self.engine = Engine(
            self.records, Work(self._execute, self._call, self._gate, self._permit, self.now)
        )
        self.routes: list[Route] = routes(self)

    def now(self) -> str:
        return self.ground.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def handle(self, event: Event) -> list[int]:
        """Start what an event starts; the ids of the runs."""
        return [self._begin(event, found).id for found in source.select(self.ground.repository, event)]

    def checks(self, sha: str) -> list[dict[str, Any]]:
        """The check runs of a commit, newest first: jobs, and what was reported."""
        with self.engine.lock:
            found = [*views.checks(self.ground, self.records, sha), *self.reported.of(sha)]
        return sorted(found, key=lambda check: int(check["id"]), reverse=True)

    def check(self, number: int) -> dict[str, Any]:
        """One check run."""
        if reported := self.reported.find(number):
            return reported
        found = self.records.find_job(number)
        if found is None:
            raise missing()
        return views.check(self.ground, self.records, found[1])

    def close(self) -> None:
        self.engine.close()

    def _begin(self, event: Event, found: Workflow | source.Broken) -> RunRecord:
        with self.engine.lock:
            record = self._record(event, found)
            if isinstance(found, source.Broken):
                self._refuse(record, found.reason)
            elif event.held:
                record.status, record.conclusion = "completed", "action_required"
            else:
                self.start(record)
            self.records.keep(record)
        return record

    def _record(self, event: Event, found: Workflow | source.Broken) -> RunRecord:
        moment = self.now()
        name = found.name if not isinstance(found, source.Broken) else found.path
        message = self.ground.repository.commit(event.head_sha).message.split("\n")[0]
        title = str((event.payload.get("pull_request") or {}).get("title") or message)
        record = RunRecord(
            self.records.next_run(),
            self.records.next_number(found.path),
            found.path,
            name,
            name if event.name in ("workflow_dispatch", "schedule", "repository_dispatch") else title,
            event,
            moment,
            moment,
            moment,
            actor=event.actor,
            triggering_actor=event.actor,
        )
        self.records.keep(record)
        return record

    def _refuse(self, record: RunRecord, reason: str) -> None:
        record.status, record.conclusion, record.message = "completed", "startup_failure", reason
        record.updated_at = self.now()
        self.records.keep(record)

    def start(self, record: RunRecord, kept: dict[str, JobRecord] | None = None) -> None:
        """Put an attempt of a run to work; what cannot start is a startup_failure."""
        try:
            run = self._make(record, kept or {})
        except WorkflowError as error:
            self._refuse(record, str(error))
            return
        record.status, record.conclusion, record.message = "queued", None, ""
        record.started_at = self.now()
        self.engine.add(run)

    def rerun(self, record: RunRecord, login: str, kept: dict[str, JobRecord]) -> None:
        """Another attempt at a run that has ended, for somebody; `kept` need not run again."""
        with self.engine.lock:
            record.attempt += 1
            record.triggering_actor = login
            self.start(record, kept)

    def review(self, record: RunRecord, names: list[str], is_approved: bool) -> None:
        """Let the jobs that wait for these environments go on, or end them."""
        with self.engine.lock:
            run = self.engine.runs[record.id]
            waiting = [leg for leg in plan.legs_of(run.graph) if leg.environment in names]
            self.engine.review(run, [leg for leg in waiting if not leg.approval], is_approved)

    def _make(self, record: RunRecord, kept: dict[str, JobRecord]) -> Run:
        event, repository = record.event, self.ground.repository
        workflow = source.load(repository, event.sha, record.workflow)
        github = github_context(record, repository, self.ground.url)
        declared = workflow.on.get("workflow_dispatch", {}).get("inputs")
        inputs = resolve_inputs(declared, event.inputs) if event.name == "workflow_dispatch" else {}
        default = default_permissions(self.ground.default_permissions())
        check_grants(workflow, default, lambda uses: source.called(repository, event.sha, uses))
        scope = Scope({"github": github, "inputs": inputs, "vars": {}}, {})
        group, cancels = plan.group_of(workflow.raw.get("concurrency"), scope)
        if "run-name" in workflow.raw:
            record.title = as_text(evaluate_template(as_text(workflow.raw["run-name"]), scope))
        whole = plan.Graph(workflow, github, inputs)
        return Run(record, whole, workflow_grant(workflow, default), group, cancels, kept=kept)

    def _call(self, run: Run, leg: Leg) -> Graph:
        """Open the workflow that a job calls."""
        node = leg.node
        workflow = source.called(self.ground.repository, run.record.event.sha, node.job.calls)
        given = evaluate_tree(node.job.raw.get("with") or {}, plan.scope(leg))
        try:
            inputs = resolve_inputs(workflow.on["workflow_call"].get("inputs"), given)
        except WorkflowError as error:
            raise WorkflowError(f"job {node.job.id!r} calls {workflow.path}: {error}") from None
        granted = job_grant(node.graph.workflow, node.job, self._allowed(run, node.graph))
        key, names = f"{leg.key}/", f"{leg.name} / "
        return plan.Graph(workflow, node.graph.github, inputs, key, names, granted, caller=leg)

    def _allowed(self, run: Run, found: Graph) -> dict[str, str]:
        return run.permissions if found.allowed is None else found.allowed

    def _permit(self, run: Run, leg: Leg) -> None:
        asked = job_grant(leg.node.graph.workflow, leg.node.job, self._allowed(run, leg.node.graph))
        leg.permissions = final_grant(asked, run.record.event.is_fork)
        if leg.record:
            leg.record.permissions = leg.permissions
            labels = evaluate_tree(leg.node.job.raw["runs-on"], plan.scope(leg))
            leg.record.labels = [labels] if isinstance(labels, str) else [as_text(one) for one in labels]

    def _gate(self, run: Run, leg: Leg) -> str:
        leg.environment = plan.environment_of(leg)
        if leg.record:
            leg.record.environment = leg.environment
        return judge(leg.environment, self.ground.environment(leg.environment), run.record.event.ref)

    def _execute(
        self, run: Run, leg: Leg, stop: threading.Event, report: Callable[[list[dict[str, Any]]], None]
    ) -> Outcome:
        """Run a job with a token and, where it may, an identity that end with it."""
        record = leg.record
        if record is None:
            raise WorkflowError(f"job {leg.key!r} has no record")
        scopes = {scope: level for scope, level in leg.permissions.items() if scope != "id-token"}
        token = self.ground.tokens.mint_job(scopes, run.record.id, str(record.id), run.record.actor)
        identity = secrets.token_urlsafe(32) if leg.permissions.get("id-token") == "write" else ""
        if identity:
            path = leg.node.graph.workflow.path
            self.bearers[identity] = Bearer(run.record, record, leg.node.graph.github, path)
        try:
            with self.artifacts.uploader(run.record) as upload:
                task = self._task(run, leg, record, token, (identity, upload))
                outcome = self._executor.run(task, stop, report)
        finally:
            self.ground.tokens.revoke(token)
            self.bearers.pop(identity, None)
        self.records.summary(record).write_text(outcome.summary, encoding="utf-8")
        return outcome

    def _task(self, run: Run, leg: Leg, record: JobRecord, token: str, secret: tuple[str, str]) -> Task:
        github, event = leg.node.graph.github, run.record.event
        identity, upload = secret
        found = plan.scope(leg)
        contexts = {name: found.contexts[name] for name in ("inputs", "needs", "matrix", "strategy", "vars")}
        minutes = as_number(evaluate_tree(leg.node.job.raw.get("timeout-minutes", LONGEST_MINUTES), found))
        if not minutes > 0:
            raise WorkflowError(f"job {leg.node.job.id!r}: `timeout-minutes` is no number above 0")
        folder = self.records.folder(run.record.id)
        known = {name: as_text(value) for name, value in github.items() if name not in LATER}
        return Task(
            folder / f"{record.id}.work",
            self.records.log(record),
            leg.node.graph.workflow.raw,
            leg.node.job.id,
            leg.node.job.raw,
            Literals(contexts, known),
            event.payload,
            event.name,
            views.settings(github),
            {
                **views.surroundings(github, self.ground),
                **self._identity(record, identity),
                "ACTIONS_RESULTS_URL": f"{self.ground.url}/_artifacts",
                "ACTIONS_RUNTIME_TOKEN": upload,
            },
            token,
            tuple(filter(None, secret)),
            minutes * 60,
            self.now,
        )

    def _identity(self, record: JobRecord, bearer: str) -> dict[str, str]:
        if not bearer:
            return {}
        return {
            "ACTIONS_ID_TOKEN_REQUEST_URL": f"{self.ground.url}/_oidc?job={record.id}",
            "ACTIONS_ID_TOKEN_REQUEST_TOKEN": bearer,
        }
