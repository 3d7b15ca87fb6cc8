"""The schema of the JSON report: docs/schemas/audit.schema.json."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mlops.documents import Document

VerdictName = Literal["out-of-band", "contradicted", "break-glass", "unproved", "pending", "proved"]


class EventReference(Document):
    """An event, the file in which it was read, and the digest that vouches for that file."""

    id: str
    name: str
    time: str
    file: str
    digest: str


class FlagRecord(Document):
    """What one rule has against a change."""

    rule: str
    verdict: VerdictName
    message: str
    incomplete: bool


class ProblemRecord(Document):
    """Something that cannot be proved; the hours in doubt, where they are known."""

    rule: str
    place: str
    message: str
    account: str
    region: str
    since: str
    until: str


class FindingRecord(Document):
    """Something that a person must look at. `id` is the same in every run."""

    id: str
    level: Literal["error", "warning"]
    rule: str
    verdict: VerdictName
    subject: str
    message: str
    time: str
    path: str
    events: list[EventReference]
    incomplete: bool


class RatifiedRecord(Document):
    """A finding that people ratified by a reviewed pull request."""

    finding: FindingRecord
    why: str
    commit: str
    pull: int
    url: str
    author: str
    approvers: list[str]


class ChangeRecord(Document):
    """A merge, an approval or an endpoint change, with its verdict."""

    kind: Literal["pin", "approval", "confirmation", "endpoint", "state"]
    time: str
    environment: str
    model: str
    what: str
    before: str
    after: str
    who: str
    flags: list[FlagRecord]
    commit: str
    pull: int | None
    url: str
    approvers: list[str]
    events: list[EventReference]
    ratified: str
    proof: Literal["", "evidence", "trail", "evidence and trail"]
    verdict: VerdictName


class AuditReport(Document):
    """One audit's answer."""

    schema_version: Literal[1] = Field(alias="schema")
    project: str
    since: str
    until: str
    head: str
    outcome: Literal["clean", "findings", "incomplete"]
    summary: str
    checked: dict[str, int]
    verdicts: dict[VerdictName, int]
    problems: list[ProblemRecord]
    findings: list[FindingRecord]
    ratified: list[RatifiedRecord]
    changes: list[ChangeRecord]
    pending: list[str]
