"""Runs a pipeline: steps start when what they depend on has succeeded; the first failure ends it."""

from __future__ import annotations

import json
import logging
import queue
import secrets
import string
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox import objects
from sandbox.sagemaker import caching
from sandbox.sagemaker.definition import Definition, Json, dependencies
from sandbox.sagemaker.expressions import ExpressionError, Scope, holds, resolve
from sandbox.sagemaker.retries import Retries
from sandbox.world import World, now

if TYPE_CHECKING:
    from collections.abc import Callable

log = logging.getLogger("sandbox")
LETTERS = string.ascii_lowercase + string.digits
STEP_FAILURE = "Step failure: One or multiple steps failed."


class StepError(Exception):
    """A step's end without success; the text is its FailureReason."""


@dataclass(frozen=True)
class JobKind:
    """How a pipeline starts, follows and stops the jobs of one step type."""

    create: str
    stop: str
    noun: str
    wait: Callable[[str], Json]
    shown: str  # how a step's metadata calls it
    longest_name: int = 63


@dataclass
class Execution:
    """One run of one version of a pipeline."""

    world: World
    record: Json
    definition: Definition
    parameters: Json
    role: str
    kinds: dict[str, JobKind]
    earlier: Callable[[], tuple[Execution, ...]]
    most_parallel: int = 50
    steps: dict[str, Json] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)
    keys: dict[str, str] = field(default_factory=dict)
    jobs: dict[str, Json] = field(default_factory=dict)
    _branches: dict[str, list[str]] = field(default_factory=dict)
    _running: dict[str, tuple[JobKind, str]] = field(default_factory=dict)
    _stop: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        keys = self.world.assume(self.role)
        self._sagemaker = self.world.client("sagemaker", keys)
        self._s3 = self.world.client("s3", keys)
        self._scope = Scope(self.parameters, self._variables(), self._described, self._property_file)
        self.record["PipelineExperimentConfig"] = resolve(self.definition.experiment, self._scope) or None

    @property
    def id(self) -> str:
        return str(self.record["PipelineExecutionArn"]).rsplit("/", 1)[-1]

    def run(self) -> None:
        """Run to the end; never raises, as nobody waits for this thread."""
        try:
            status = self._schedule()
        except Exception as error:
            log.exception("execution %s", self.id)
            self._set(PipelineExecutionStatus="Failed", FailureReason=f"sandbox fault: {error!r}")
            return
        self._set(PipelineExecutionStatus=status, FailureReason=STEP_FAILURE if status == "Failed" else None)

    def _schedule(self) -> str:
        pending = self._pending()
        ended: queue.Queue[str] = queue.Queue()
        active: set[str] = set()
        while True:
            if not self._stop.is_set() and not self._any("Failed"):
                for name in [name for name in pending if self._is_ready(pending[name])]:
                    if len(active) < self.most_parallel:
                        active.add(name)
                        self._start(pending.pop(name), ended)
            if not active:
                break
            name = ended.get()
            active.discard(name)
            pending.update(self._branch(name))
        if self._any("Failed"):
            return "Failed"
        return "Stopped" if self._stop.is_set() else "Succeeded"

    def _pending(self) -> dict[str, Json]:
        """The steps to run: all of them, or what an execution that is tried again has not done."""
        branches = [inner for names in self._branches.values() for inner in names]
        known = self.definition.by_name()
        names = [*(step["Name"] for step in self.definition.steps), *branches]
        return {name: known[name] for name in names if name not in self.steps}

    def retry(self, most_parallel: int | None) -> None:
        """Forget the steps that did not succeed, so that a second run starts with them."""
        with self.lock:
            self.most_parallel = most_parallel or self.most_parallel
            for name in [name for name, step in self.steps.items() if step["StepStatus"] != "Succeeded"]:
                del self.steps[name]
            self._stop.clear()
            self._set(PipelineExecutionStatus="Executing", FailureReason=None)

    def _any(self, status: str) -> bool:
        return any(step["StepStatus"] == status for step in self.steps.values())

    def _is_ready(self, step: Json) -> bool:
        return all(self._is_done(name) for name in dependencies(step))

    def _is_done(self, name: str) -> bool:
        """A condition is done when the branch that it chose is."""
        succeeded = self.steps.get(name, {}).get("StepStatus") == "Succeeded"
        return succeeded and all(self._is_done(inner) for inner in self._branches.get(name, []))

    def _branch(self, name: str) -> dict[str, Json]:
        step = self.definition.by_name()[name]
        outcome = self.steps[name].get("Metadata", {}).get("Condition", {}).get("Outcome")
        if step["Type"] != "Condition" or outcome is None:
            return {}
        chosen = step["Arguments"].get("IfSteps" if outcome == "True" else "ElseSteps", [])
        self._branches[name] = [inner["Name"] for inner in chosen]
        return {inner["Name"]: inner for inner in chosen}

    def _start(self, step: Json, ended: queue.Queue[str]) -> None:
        name = step["Name"]
        shown = {key: step[key] for key in ("DisplayName", "Description") if step.get(key)}
        with self.lock:
            self.steps[name] = {
                "StepName": name,
                **{f"Step{key}": value for key, value in shown.items()},
                "StartTime": now(),
                "StepStatus": "Executing",
                "AttemptCount": 1,
            }
        threading.Thread(
            target=self._run_step, args=(step, ended), name=f"{self.id}-{name}", daemon=True
        ).start()

    def _run_step(self, step: Json, ended: queue.Queue[str]) -> None:
        name = step["Name"]
        acts = {"Condition": self._decide, "Fail": self._fail}
        try:
            acts.get(step["Type"], self._run_job)(step)
            self._set_step(name, StepStatus="Succeeded")
        except StepError as error:
            stopped = self._stop.is_set() and not str(error)
            outcome = {} if stopped else {"FailureReason": str(error)}
            self._set_step(name, StepStatus="Stopped" if stopped else "Failed", **outcome)
        except (ExpressionError, ClientError, BotoCoreError, objects.DataError) as error:
            self._set_step(name, StepStatus="Failed", FailureReason=f"ClientError: {error}")
        except Exception as error:
            log.exception("step %s of %s", name, self.id)
            self._set_step(name, StepStatus="Failed", FailureReason=f"sandbox fault: {error!r}")
        self._set_step(name, EndTime=now())
        ended.put(name)

    def _decide(self, step: Json) -> None:
        outcome = all(holds(condition, self._scope) for condition in step["Arguments"]["Conditions"])
        self._set_step(step["Name"], Metadata={"Condition": {"Outcome": str(outcome)}})

    def _fail(self, step: Json) -> None:
        message = resolve(step["Arguments"].get("ErrorMessage", ""), self._scope)
        self._set_step(step["Name"], Metadata={"Fail": {"ErrorMessage": message}})
        raise StepError(message)

    def _run_job(self, step: Json) -> None:
        arguments = resolve(step["Arguments"], self._scope)
        if self._reuse(step, arguments):
            return
        retries = Retries(step.get("RetryPolicies") or ())
        while True:
            try:
                self._attempt(step, arguments)
            except (StepError, ClientError) as error:
                delay = retries.delay(error)
                if delay is None or self._stop.wait(self.world.clock.real(delay)):
                    raise
                self._set_step(step["Name"], AttemptCount=self.steps[step["Name"]]["AttemptCount"] + 1)
            else:
                return

    def _reuse(self, step: Json, arguments: Json) -> bool:
        """Take over what an earlier execution's equal step did, if that is asked for and recent enough."""
        name, config = step["Name"], step.get("CacheConfig") or {}
        if not config.get("Enabled"):
            return False
        self.keys[name] = caching.key(step["Type"], arguments)
        oldest = now() - caching.period(config["ExpireAfter"])
        for source in self.earlier():
            done = source.ran(name, self.keys[name])
            if source is not self and done and done["EndTime"] >= oldest:
                arn = source.record["PipelineExecutionArn"]
                self._set_step(
                    name,
                    Metadata=done["Metadata"],
                    CacheHitResult={"SourcePipelineExecutionArn": arn},
                )
                self.jobs[name] = source.jobs[name]
                return True
        return False

    def ran(self, name: str, key: str) -> Json | None:
        """A step that this execution itself ran to success with that cache key."""
        with self.lock:
            step = self.steps.get(name, {})
            ended = step.get("StepStatus") == "Succeeded" and "EndTime" in step
            own = self.keys.get(name) == key and "CacheHitResult" not in step
            return dict(step) if ended and own else None

    def _attempt(self, step: Json, arguments: Json) -> None:
        name, kind = step["Name"], self.kinds[step["Type"]]
        noun, job = kind.noun, self._job_name(name, kind.longest_name)
        answer = getattr(self._sagemaker, kind.create)(**{**arguments, f"{noun}Name": job})
        self._set_step(name, Metadata={kind.shown: {"Arn": answer[f"{noun}Arn"]}})
        with self.lock:
            self._running[name] = (kind, job)
            stop_now = self._stop.is_set()
        if stop_now:
            self._stop_job(kind, job)
        ended = kind.wait(job)
        with self.lock:
            del self._running[name]
            self.jobs[name] = ended
        if ended[f"{noun}Status"] != "Completed":
            reason = ended.get("FailureReason") or f"ClientError: the job was {ended[f'{noun}Status']}"
            raise StepError("" if self._stop.is_set() and ended[f"{noun}Status"] == "Stopped" else reason)

    def _job_name(self, step: str, longest: int) -> str:
        tail = "".join(secrets.choice(LETTERS) for _ in range(10))
        # a tuning job's name has room for half of it
        start, tail = (f"pipelines-{self.id}", tail) if longest > 32 else (self.id, tail[:6])
        room = longest - len(f"{start}--{tail}")
        return f"{start}-{step[:room].strip('-')}-{tail}"

    def stop(self) -> None:
        """Ask running jobs to stop and start no more."""
        with self.lock:
            self._stop.set()
            running = list(self._running.values())
            self._set(PipelineExecutionStatus="Stopping")
        for kind, job in running:
            self._stop_job(kind, job)

    def _stop_job(self, kind: JobKind, job: str) -> None:
        try:
            getattr(self._sagemaker, kind.stop)(**{f"{kind.noun}Name": job})
        except ClientError as error:
            log.info("stop of %s: %s", job, error)

    def _variables(self) -> Json:
        record, started = self.record, self.record["CreationTime"].isoformat()
        return {
            "PipelineName": record["PipelineArn"].rsplit("/", 1)[-1],
            "PipelineArn": record["PipelineArn"],
            "PipelineExecutionId": self.id,
            "PipelineExecutionArn": record["PipelineExecutionArn"],
            "StartDateTime": started,
            "CurrentDateTime": started,
        }

    def _described(self, step: str) -> Json:
        if step not in self.jobs:
            raise ExpressionError(f"step {step!r} has not run")
        return self.jobs[step]

    def _property_file(self, step: str, file: str) -> Any:
        declared = {
            entry["PropertyFileName"]: entry
            for entry in self.definition.by_name()[step].get("PropertyFiles", [])
        }
        if file not in declared:
            raise ExpressionError(f"step {step!r} has no property file {file!r}")
        outputs = self._described(step)["ProcessingOutputConfig"]["Outputs"]
        uris = {output["OutputName"]: output["S3Output"]["S3Uri"] for output in outputs}
        place = objects.parse_uri(
            f"{uris[declared[file]['OutputName']].rstrip('/')}/{declared[file]['FilePath']}"
        )
        body = self._s3.get_object(Bucket=place.bucket, Key=place.key)["Body"].read()
        try:
            return json.loads(body)
        except ValueError as error:
            raise ExpressionError(f"property file {file!r} of step {step!r} is not JSON: {error}") from None

    def _set(self, **members: Any) -> None:
        with self.lock:
            self.record.update(members, LastModifiedTime=now())

    def _set_step(self, name: str, **members: Any) -> None:
        with self.lock:
            self.steps[name].update(members)
