"""One issue of the forge per finding: opened once, kept up to date, closed with the finding, opened again."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from mlops.audit.rules import PROBLEMS, RULES
from mlops.audit.summary import describe_finding, plain_long
from mlops.markdown import code, one_line, plain, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from mlops.audit.ratification import Settled
    from mlops.audit.report import Report
    from mlops.audit.verdict import Finding
    from mlops.forge import Issue, Issues

LABEL = "audit"
INCOMPLETE = "incomplete"  # stands for all that cannot be proved, in one issue
TITLE = 200  # characters
ROWS = 50  # of problems in one issue
# At the very beginning of a body, where no value of a finding can come to stand
MARK = re.compile(r"\A<!-- mlops-audit (?P<project>[a-z0-9-]+) (?P<id>\w+) (?P<time>[0-9TZ:-]*) -->")

Deed = Literal["opened", "updated", "opened again", "closed"]


@dataclass(frozen=True)
class Topic:
    """What an issue is about: a finding, or all that cannot be proved."""

    id: str
    title: str
    body: str


@dataclass(frozen=True)
class Step:
    """One thing to do on the forge. `number` is nought for an issue that is not there yet."""

    deed: Deed
    number: int
    title: str = ""
    body: str = ""
    comment: str = ""


def list_topics(report: Report) -> list[Topic]:
    """A topic per finding, and one for all problems."""
    topics = [describe_topic(report, finding) for finding in report.findings]
    if report.problems:
        topics.append(describe_problems(report))
    return topics


def describe_topic(report: Report, finding: Finding) -> Topic:
    """The issue of a finding. It says nothing that changes from run to run."""
    title = one_line(f"Audit: {RULES[finding.rule]}: {finding.subject}", TITLE)
    ratify = f"mlops audit ratify {finding.id} --why REASON"
    remedy = (
        f"Undo what was done, or let people ratify it: `{ratify}` writes a file, whose reviewed pull "
        "request closes this issue (docs/audit.md)."
    )
    body = f"{mark(report, finding.id, finding.time)}\n{describe_finding(finding)}\n\n{remedy}\n"
    return Topic(finding.id, title, body)


def describe_problems(report: Report) -> Topic:
    """The issue about what cannot be proved: nothing that people say makes up for it."""
    rows = [
        [code(problem.place), plain_long(problem.message), PROBLEMS[problem.rule]]
        for problem in report.problems
    ]
    listed = table(["Where", "What", "Which means"], rows, ROWS, "problems")
    remedy = (
        "Nobody can ratify this. Bring what is missing, or begin after it by a reviewed change of the "
        "workflow: `mlops audit --since`."
    )
    body = f"{mark(report, INCOMPLETE, '')}\n{listed}\n\n{remedy}\n"
    return Topic(INCOMPLETE, f"Audit: the evidence of {report.project} is incomplete", body)


def mark(report: Report, topic: str, time: str) -> str:
    """By what an issue is found again."""
    return f"<!-- mlops-audit {report.project} {topic} {time} -->"


def plan_issues(report: Report, known: Sequence[Issue]) -> list[Step]:
    """What makes the forge's issues say what the report says; nothing where they do."""
    first, doubles = sort_issues(report.project, known)
    topics = list_topics(report)
    steps = [step for topic in topics for step in plan_topic(topic, first.get(topic.id))]
    closed = {settled.finding.id: describe_settled(settled) for settled in report.ratified}
    there = {topic.id for topic in topics}
    for name, (issue, time) in first.items():
        why = closed.get(name) or describe_gone(report, name, time)
        if issue.is_open and name not in there and why:
            steps.append(Step("closed", issue.number, comment=why))
    return [*steps, *plan_doubles(doubles)]


def sort_issues(
    project: str, known: Iterable[Issue]
) -> tuple[dict[str, tuple[Issue, str]], list[tuple[Issue, Issue]]]:
    """The oldest issue of each topic with the time in its mark; and later ones, each with the oldest."""
    first: dict[str, tuple[Issue, str]] = {}
    doubles = []
    for issue in sorted(known, key=lambda issue: issue.number):
        found = MARK.match(issue.body)
        if found is None or found["project"] != project:
            continue
        if found["id"] in first:
            doubles.append((issue, first[found["id"]][0]))
        else:
            first[found["id"]] = (issue, found["time"])
    return first, doubles


def plan_topic(topic: Topic, known: tuple[Issue, str] | None) -> Iterator[Step]:
    """Open, open again, or write anew."""
    if known is None:
        yield Step("opened", 0, topic.title, topic.body)
        return
    issue = known[0]
    if not issue.is_open:
        yield Step("opened again", issue.number, comment="The audit still finds this.")
    if (issue.title, normal(issue.body)) != (topic.title, normal(topic.body)):
        yield Step("updated", issue.number, topic.title, topic.body)


def normal(text: str) -> str:
    """A body as the forge may give it back."""
    return text.replace("\r\n", "\n").rstrip()


def describe_settled(settled: Settled) -> str:
    """Who ratified a finding, and why."""
    people = ", ".join(plain(person) for person in settled.approvers)
    who = f"by {plain(settled.author)}, approved by {people}"
    return f"Ratified in #{settled.pull} {who}: {plain_long(settled.why)}"


def describe_gone(report: Report, name: str, time: str) -> str:
    """Why an issue may be closed that nothing is found for; empty where that proves nothing.

    What was not looked at is not gone: the audit must have seen the whole time of the finding.
    """
    if name == INCOMPLETE:
        return "" if report.problems else "The evidence is complete."
    if report.outcome == "incomplete" or (time and time < report.since):
        return ""
    return f"The audit of {report.since} to {report.until} no longer finds this."


def plan_doubles(doubles: Iterable[tuple[Issue, Issue]]) -> Iterator[Step]:
    """Close what a lost connection opened twice."""
    for issue, first in doubles:
        if issue.is_open:
            yield Step("closed", issue.number, comment=f"The same as #{first.number}.")


def keep_issues(issues: Issues, report: Report) -> Counter[str]:
    """Make the forge's issues say what the report says. A second run finishes what a first left."""
    done: Counter[str] = Counter()
    steps = plan_issues(report, issues.list_issues(LABEL))
    for step in steps:
        take(issues, step)
        done[step.deed] += 1
    if done["opened"]:  # a call that was sent twice may have opened two
        _, doubles = sort_issues(report.project, issues.list_issues(LABEL))
        for step in plan_doubles(doubles):
            take(issues, step)
    return done


def describe_step(step: Step) -> str:
    """A step, for whoever wants to see it first."""
    place = f"#{step.number} " if step.number else ""
    return f"would be {step.deed}: {place}{step.title or step.comment}"


def take(issues: Issues, step: Step) -> None:
    """One step."""
    if step.deed == "opened":
        issues.open_issue(step.title, step.body, LABEL)
    elif step.deed == "updated":
        issues.update_issue(step.number, step.title, step.body)
    elif step.deed == "closed":
        issues.close_issue(step.number, step.comment)
    else:
        issues.reopen_issue(step.number, step.comment)


def summarize(done: Mapping[str, int]) -> str:
    """What was done, in one line."""
    counts = ", ".join(f"{count} {deed}" for deed, count in done.items())
    return f"issues: {counts or 'nothing to change'}"
