"""A job's entry in its run's record: opened when the job may start, closed when it has ended."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.forge.runs.execution import Outcome
from sandbox.forge.runs.records import JobRecord

if TYPE_CHECKING:
    from sandbox.forge.runs.graph import Leg
    from sandbox.forge.runs.records import Records
    from sandbox.forge.runs.run import Run

REPEATED = ("created_at", "started_at", "completed_at", "steps", "environment", "permissions", "labels")


def open_entry(records: Records, run: Run, leg: Leg, moment: str) -> JobRecord:
    """Enter a job; a call is entered only if it ends before its jobs are known."""
    entry = JobRecord(
        0 if leg.node.job.calls else records.next_job(),
        run.record.id,
        run.record.attempt,
        leg.key,
        leg.name,
        run.record.event.head_sha,
        run.record.name,
        moment,
    )
    leg.record = entry
    if entry.id:
        run.record.jobs.append(entry)
    return entry


def close_entry(records: Records, run: Run, leg: Leg, outcome: Outcome, moment: str) -> None:
    """Say how a job ended."""
    entry = leg.record or open_entry(records, run, leg, moment)
    if not entry.id:  # a call that never opened is shown under its caller's name
        entry.id = records.next_job()
        run.record.jobs.append(entry)
    leg.result, leg.outputs = outcome.conclusion, outcome.outputs
    entry.status, entry.conclusion = "completed", outcome.conclusion
    entry.message, entry.outputs = outcome.message, dict(outcome.outputs)
    entry.completed_at = entry.completed_at or moment
    entry.started_at = entry.started_at or entry.completed_at
    entry.steps = outcome.steps or entry.steps


def repeat_entry(records: Records, run: Run, leg: Leg, moment: str) -> Outcome:
    """Enter a job as it ended in the attempt before."""
    before = run.kept[leg.key]
    entry = open_entry(records, run, leg, moment)
    for name in REPEATED:
        setattr(entry, name, getattr(before, name))
    log = records.log(before)
    if log.exists():
        records.log(entry).write_bytes(log.read_bytes())
    return Outcome("success", "", dict(before.outputs))
