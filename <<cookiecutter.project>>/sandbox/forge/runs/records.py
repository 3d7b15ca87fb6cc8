"""What is kept of runs and jobs between lives of the server: plain data, one file a run."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.forge.events import Event

if TYPE_CHECKING:
    from pathlib import Path

FIRST_RUN = 9_000_001
FIRST_JOB = 21_000_001


@dataclass
class JobRecord:
    """One job of one attempt, as REST shows it."""

    id: int
    run_id: int
    attempt: int
    key: str
    name: str
    head_sha: str
    workflow: str
    created_at: str
    status: str = "queued"  # queued, pending (concurrency), waiting (environment), in_progress, completed
    conclusion: str | None = None
    started_at: str | None = None
    completed_at: str | None = None
    labels: list[str] = field(default_factory=list)
    steps: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    message: str = ""
    environment: str = ""
    permissions: dict[str, str] = field(default_factory=dict)


@dataclass
class RunRecord:
    """One run, as REST shows it."""

    id: int
    number: int
    workflow: str  # path
    name: str
    title: str
    event: Event
    created_at: str
    updated_at: str
    started_at: str
    attempt: int = 1
    status: str = "queued"
    conclusion: str | None = None
    message: str = ""
    actor: str = ""
    triggering_actor: str = ""
    jobs: list[JobRecord] = field(default_factory=list)
    reviews: list[dict[str, Any]] = field(
        default_factory=list
    )  # of environments: names, state, login, comment

    @property
    def latest(self) -> list[JobRecord]:
        """The jobs of the last attempt."""
        return [job for job in self.jobs if job.attempt == self.attempt]


class Records:
    """The runs under a folder: run.json, logs and summaries of each."""

    def __init__(self, home: Path) -> None:
        self.home = home
        home.mkdir(parents=True, exist_ok=True)
        self.runs = {run.id: run for run in map(read_run, sorted(home.glob("*/run.json")))}
        self._jobs = max((job.id for run in self.runs.values() for job in run.jobs), default=FIRST_JOB - 1)

    def next_run(self) -> int:
        return max(self.runs, default=FIRST_RUN - 1) + 1

    def next_number(self, workflow: str) -> int:
        return 1 + sum(run.workflow == workflow for run in self.runs.values())

    def reserve(self, number: int) -> None:
        """Numbers up to this one are taken."""
        self._jobs = max(self._jobs, number)

    def next_job(self) -> int:
        self._jobs += 1
        return self._jobs

    def folder(self, run: int) -> Path:
        return self.home / str(run)

    def log(self, job: JobRecord) -> Path:
        return self.folder(job.run_id) / f"{job.id}.log"

    def summary(self, job: JobRecord) -> Path:
        return self.folder(job.run_id) / f"{job.id}.md"

    def find_job(self, number: int) -> tuple[RunRecord, JobRecord] | None:
        found = ((run, job) for run in self.runs.values() for job in run.jobs if job.id == number)
        return next(found, None)

    def keep(self, run: RunRecord) -> None:
        """Write a run's file; whole or not at all."""
        self.runs[run.id] = run
        folder = self.folder(run.id)
        folder.mkdir(exist_ok=True)
        partial = folder / "run.json.partial"
        partial.write_text(json.dumps(asdict(run)), encoding="utf-8")
        partial.replace(folder / "run.json")

    def drop(self, run: RunRecord) -> None:
        del self.runs[run.id]
        shutil.rmtree(self.folder(run.id), ignore_errors=True)


def read_run(path: Path) -> RunRecord:
    """A run of an earlier life; what had not ended then is cancelled, what was held still is."""
    raw = json.loads(path.read_text(encoding="utf-8"))
    jobs = [JobRecord(**job) for job in raw.pop("jobs")]
    run = RunRecord(event=Event(**raw.pop("event")), jobs=jobs, **raw)
    if run.status != "completed":
        run.status, run.conclusion, run.message = "completed", "cancelled", "the sandbox was stopped"
    for job in run.jobs:
        if job.status != "completed":
            job.status, job.conclusion, job.completed_at = "completed", "cancelled", run.updated_at
    return run
