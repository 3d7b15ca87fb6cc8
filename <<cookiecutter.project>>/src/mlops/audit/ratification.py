"""Findings that people ratified: a file of main each, which a reviewed pull request brought.

docs/adr/0015-ratification.md says what can be ratified, and why the rest cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from mlops import git
from mlops.audit.chain import stamp
from mlops.audit.claims import SKEW
from mlops.audit.rules import LASTING, RULES
from mlops.audit.verdict import find_in
from mlops.documents import Document, dump_yaml, parse_document
from mlops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlops.audit.reviews import Review
    from mlops.audit.verdict import Change, Finding

FOLDER = "audit/ratified"
Moment = Annotated[str, StringConstraints(pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$")]
Reason = Annotated[str, StringConstraints(strip_whitespace=True, min_length=10, max_length=600)]


class Ratification(Document):
    """One file: a finding as it was when people looked at it, and why it may stand."""

    schema_version: Literal[1] = Field(alias="schema")
    finding: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{16}$")]
    rule: str
    until: Moment
    why: Reason


@dataclass(frozen=True)
class Brought:
    """A ratification of main, the commit that brought it, and its review; a text says why it is none."""

    path: str
    sha256: str
    commit: str
    time: datetime
    content: Ratification | str
    review: Review | None


@dataclass(frozen=True)
class Settled:
    """A finding that people ratified, and who."""

    finding: Finding
    why: str
    commit: str
    pull: int
    url: str
    author: str
    approvers: tuple[str, ...]


def ratified_path(finding: str) -> str:
    """Where the ratification of a finding stands in the repository."""
    return f"{FOLDER}/{finding}.yml"


def parse_ratification(text: str, where: str) -> Ratification:
    """A file's content. Raises UsageError for what it may not say."""
    found = parse_document(text, Ratification, where)
    if ratified_path(found.finding) != where:
        raise UsageError(
            f"{where}: finding is {found.finding!r}; its file is {ratified_path(found.finding)!r}"
        )
    if found.rule not in RULES:
        raise UsageError(f"{where}: rule {found.rule!r} is none of the audit's; take the finding's own")
    if found.rule in LASTING:
        raise UsageError(f"{where}: rule {found.rule!r} cannot be ratified: {LASTING[found.rule]}")
    return found


def dump_ratification(finding: Finding, why: str) -> str:
    """The file that ratifies a finding. Raises UsageError where that cannot be."""
    content = {
        "schema": 1, "finding": finding.id, "rule": finding.rule, "until": finding.last, "why": why.strip(),
    }  # fmt: skip
    text = dump_yaml(content)
    parse_ratification(text, ratified_path(finding.id))
    return text


def list_brought(root: Path, commit: str) -> list[tuple[str, str]]:
    """(path, commit that brought it last) of each ratification that main holds."""
    paths = [path for path in git.list_files(root, commit, FOLDER) if path.endswith(".yml")]
    return [(path, git.last_versions(root, path, commit)[0]) for path in sorted(paths)]


def commit_times(root: Path, commits: Iterable[str]) -> dict[str, datetime]:
    """When commits were made."""
    wanted = sorted(set(commits))
    if not wanted:
        return {}
    lines = git.git(root, "show", "-s", "--format=%H %ct", *wanted).decode().split("\n")
    pairs = (line.split() for line in lines if line)
    return {commit: datetime.fromtimestamp(int(seconds), UTC) for commit, seconds in pairs}


def read_ratified(root: Path, commit: str, reviews: Mapping[str, Review]) -> dict[str, Brought]:
    """The ratifications of main by finding."""
    listed = list_brought(root, commit)
    texts = git.read_files(root, commit, [path for path, _ in listed])
    times = commit_times(root, [brought for _, brought in listed])
    found = {}
    for path, brought in listed:
        content = texts[path] or b""
        finding = path.rpartition("/")[2].removesuffix(".yml")
        digest = sha256(content).hexdigest()
        review, moment = reviews.get(brought), times[brought]
        found[finding] = Brought(path, digest, brought, moment, read_one(content, path), review)
    return found


def read_one(content: bytes, path: str) -> Ratification | str:
    """A file's content, or why it is none."""
    try:
        return parse_ratification(content.decode(errors="replace"), path)
    except UsageError as error:
        return str(error)


@dataclass(frozen=True)
class Ratifications:
    """What people ratified. `required`: how many approvals of others it takes."""

    known: Mapping[str, Brought]
    required: int

    def settle(self, finding: Finding) -> Settled | None:
        """The ratification of a finding that counts."""
        brought = self.known.get(finding.id)
        if brought is None or self.why_not(brought, finding):
            return None
        review, content = brought.review, brought.content
        if review is None or isinstance(content, str):
            return None
        return Settled(
            finding, content.why, brought.commit, review.number, review.url, review.author, review.approvers
        )

    def why_not(self, brought: Brought, finding: Finding) -> str:
        """Why a ratification does not count; empty where it does."""
        content, review = brought.content, brought.review
        if isinstance(content, str):
            return content
        if content.rule != finding.rule or finding.incomplete:
            return f"it is about rule {content.rule!r}"
        if content.until > stamp(brought.time + SKEW):
            return f"it knows of what happened until {content.until}, and came on {stamp(brought.time)}"
        if finding.last > content.until:
            return f"it knows of what happened until {content.until}; more happened at {finding.last}"
        if review is None:
            return f"the review of {brought.commit[:12]} is not in the folder; bring it: mlops audit --fetch"
        return review.why_not(brought.path, brought.sha256, FOLDER, self.required)

    def close(self, change: Change) -> Change:
        """A change whose every finding people ratified."""
        found = find_in([change])
        settled = [self.settle(finding) for finding in found]
        if not settled or not all(settled):
            return change
        return replace(change, ratified=next(one.commit for one in settled if one))

    def part(self, findings: Iterable[Finding]) -> tuple[list[Finding], list[Settled]]:
        """The findings that are open, and those that were ratified."""
        still, settled = [], []
        for finding in findings:
            done = self.settle(finding)
            if done:
                settled.append(done)
            else:
                still.append(self.explain(finding))
        return still, settled

    def explain(self, finding: Finding) -> Finding:
        """A finding; where its ratification does not count, with why."""
        brought = self.known.get(finding.id)
        if brought is None:
            return finding
        why = self.why_not(brought, finding)
        return replace(finding, message=f"{finding.message}. {brought.path} does not count: {why}")

    def covers(self, findings: Sequence[Finding]) -> bool:
        """Whether people ratified all of these."""
        return bool(findings) and all(self.settle(finding) for finding in findings)
