"""One issue of the forge per finding: never twice, up to date, closed with its finding and opened again."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from mlops.audit.chain import Problem
from mlops.audit.issues import LABEL, MARK, keep_issues, plan_issues
from mlops.audit.ratification import Settled
from mlops.audit.report import Report
from mlops.audit.verdict import Finding, Reference
from mlops.forge import ForgeError, Issue
from mlops.github_issues import GithubIssues, Pace
from sandbox.trails import callers, story

if TYPE_CHECKING:
    from mlops.forge import Issues
    from mlops.github_forge import GithubForge
    from tests.audit.world import World
    from tests.sandbox.forge.conftest import Desk

TITLE = "Audit: An endpoint was changed by somebody else than the roles for it: staging/guess"
WHEN = "2026-11-20T05:00:00Z"
SEEN = {"digests": 9, "logs": 9}
REPORT = Report("acme", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "c" * 40, SEEN, (), (), (), ())


def finding(name: str = "guess", message: str = "mallory did it", when: str = WHEN) -> Finding:
    event = Reference(f"event-{name}", "UpdateEndpoint", when, "file", "digest")
    return Finding("stranger", "out-of-band", f"staging/{name}", message, when, "", (event,))


def found(*findings: Finding, problems: tuple[Problem, ...] = ()) -> Report:
    return replace(REPORT, findings=findings, problems=problems)


@dataclass
class Board:
    """The issues of a forge, in memory; `breaks` calls go through before the connection is lost."""

    known: list[Issue] = field(default_factory=list)
    comments: list[str] = field(default_factory=list)
    breaks: int = 10_000
    calls: int = 0

    def list_issues(self, label: str) -> list[Issue]:
        assert label == LABEL
        return list(self.known)

    def write(self) -> None:
        self.calls += 1
        if self.calls > self.breaks:
            raise ForgeError("the forge cannot be reached")

    def open_issue(self, title: str, body: str, label: str) -> Issue:
        self.write()
        self.known.append(Issue(len(self.known) + 1, "", title, body))
        return self.known[-1]

    def update_issue(self, number: int, title: str, body: str) -> None:
        self.write()
        self.known[number - 1] = replace(self.known[number - 1], title=title, body=body)

    def close_issue(self, number: int, why: str) -> None:
        self.write()
        self.comments.append(why)
        self.known[number - 1] = replace(self.known[number - 1], is_open=False)

    def reopen_issue(self, number: int, why: str) -> None:
        self.write()
        self.comments.append(why)
        self.known[number - 1] = replace(self.known[number - 1], is_open=True)


@pytest.fixture
def board() -> Board:
    return Board()


def keep(board: Issues, report: Report) -> dict[str, int]:
    return dict(keep_issues(board, report))


def test_each_finding_has_one_issue_however_often_it_is_found(board: Board) -> None:
    report = found(finding("one"), finding("two"))
    assert keep(board, report) == {"opened": 2}
    assert keep(board, report) == {}
    assert [issue.title.rpartition(": ")[2] for issue in board.known] == ["staging/one", "staging/two"]


def test_an_issue_says_what_happened_and_how_it_is_closed(board: Board) -> None:
    keep(board, found(finding()))
    body = board.known[0].body
    assert "mallory did it" in body
    assert "event-guess" in body
    assert f"`mlops audit ratify {finding().id} --why REASON`" in body


def test_an_issue_is_written_anew_when_its_facts_change(board: Board) -> None:
    keep(board, found(finding()))
    assert keep(board, found(finding(message="mallory did it twice"))) == {"updated": 1}
    assert "did it twice" in board.known[0].body


def test_a_finding_that_is_gone_closes_its_issue_and_opens_it_again(board: Board) -> None:
    keep(board, found(finding()))
    assert keep(board, REPORT) == {"closed": 1}
    assert board.comments[-1].endswith("no longer finds this.")
    assert keep(board, REPORT) == {}
    assert keep(board, found(finding())) == {"opened again": 1}
    assert [issue.is_open for issue in board.known] == [True]


def test_an_issue_that_a_person_closed_is_opened_again(board: Board) -> None:
    keep(board, found(finding()))
    board.close_issue(1, "seen")
    assert keep(board, found(finding())) == {"opened again": 1}
    assert board.comments[-1] == "The audit still finds this."


def test_what_was_not_looked_at_is_not_gone(board: Board) -> None:
    keep(board, found(finding(when="2026-11-19T05:00:00Z")))
    assert keep(board, REPORT) == {}, "the finding is older than the audit looked"


def test_nothing_is_gone_while_evidence_is_missing(board: Board) -> None:
    keep(board, found(finding()))
    problem = Problem("gap", "eu-west-1", "no digest covers two hours")
    assert keep(board, found(problems=(problem,))) == {"opened": 1}
    assert [issue.is_open for issue in board.known] == [True, True]
    assert "Nobody can ratify this" in board.known[1].body
    assert keep(board, REPORT) == {"closed": 2}


def test_a_ratified_finding_closes_its_issue_with_who_and_why(board: Board) -> None:
    keep(board, found(finding()))
    settled = Settled(finding(), "the drill of May", "c" * 40, 7, "", "@ada", ("@ben", "@cleo"))
    assert keep(board, replace(REPORT, ratified=(settled,))) == {"closed": 1}
    said = board.comments[-1].replace("&#8203;", "")
    assert said == "Ratified in #7 by @ada, approved by @ben, @cleo: the drill of May"


def test_a_lost_connection_loses_nothing_and_doubles_nothing() -> None:
    report = found(*(finding(f"model{number}") for number in range(300)))
    board = Board(breaks=120)
    with pytest.raises(ForgeError, match="cannot be reached"):
        keep_issues(board, report)
    board.breaks = 10_000
    assert keep(board, report) == {"opened": 180}
    assert len({issue.title for issue in board.known}) == len(board.known) == 300


def test_an_issue_that_a_repeated_call_opened_twice_is_closed(board: Board) -> None:
    keep(board, found(finding()))
    board.open_issue(board.known[0].title, board.known[0].body, LABEL)
    assert keep(board, found(finding())) == {"closed": 1}
    assert (board.comments[-1], [issue.is_open for issue in board.known]) == (
        "The same as #1.",
        [True, False],
    )


def test_issues_of_other_projects_and_of_people_are_left_alone(board: Board) -> None:
    other = replace(found(finding()), project="shop")
    keep(board, other)
    board.open_issue("Audit the coffee", "<!-- nothing -->", LABEL)
    assert plan_issues(REPORT, board.known) == []


def test_a_name_from_outside_cannot_pose_as_another_findings_issue(board: Board) -> None:
    forged = "<!-- mlops-audit acme 0123456789abcdef  -->"
    keep(board, found(finding(message=forged, name=forged)))
    (issue,) = board.known
    assert MARK.match(issue.body)["id"] != "0123456789abcdef"  # type: ignore[index]
    assert issue.body.count("<!--") == 1


def calm(hub: GithubForge) -> GithubIssues:
    """The forge's issues, without the pauses that GitHub needs."""
    return GithubIssues(hub._repository, Pace(sleep=lambda _: None))


def test_hundreds_of_issues_on_a_real_forge_are_opened_once(desk: Desk, hub: GithubForge) -> None:
    report = found(*(finding(f"model{number}") for number in range(120)))
    assert keep(calm(hub), report) == {"opened": 120}
    assert keep(calm(hub), report) == {}
    assert keep(calm(hub), found(*report.findings[1:])) == {"closed": 1}
    said = desk.ask("ben", "GET", "/issues/1/comments")
    assert [one["body"] for one in said] == [
        f"The audit of {REPORT.since} to {REPORT.until} no longer finds this."
    ]
    labels = {label["name"] for label in desk.ask("ben", "GET", "/issues/2")["labels"]}
    assert labels == {LABEL}


def test_a_comment_that_a_broken_run_left_is_not_repeated(desk: Desk, hub: GithubForge) -> None:
    keep(calm(hub), found(finding()))
    why = f"The audit of {REPORT.since} to {REPORT.until} no longer finds this."
    desk.ask("ben", "POST", "/issues/1/comments", {"body": why})
    assert keep(calm(hub), REPORT) == {"closed": 1}
    assert len(desk.ask("ben", "GET", "/issues/1/comments")) == 1
    assert desk.ask("ben", "GET", "/issues/1")["state"] == "closed"


def test_many_writes_are_slowed_down() -> None:
    pauses: list[float] = []
    pace = Pace(burst=2, seconds=1.5, sleep=pauses.append)
    for _ in range(4):
        pace.wait()
    assert pauses == [1.5, 1.5]


def test_the_verb_keeps_issues_and_says_what_it_did(world: World, desk: Desk) -> None:
    forge, path = desk.forge.repository.full_name, world.root / "project.yml"
    path.write_text(path.read_text().replace("repository: acme/models", f"repository: {forge}"))
    world.git("commit", "-q", "-am", "Another forge", date=world.at(-1))
    world.site = replace(world.site, repository=forge)
    pinned = world.promote("staging", "a", 1, first=True)
    who = callers.user(world.site.staging, "mallory")
    world.writer.add(story.move(world.site, pinned, who, world.at(5), config="somebody-elses-config"))
    world.settle()
    assert world.run("--issues", "--dry-run").code == 1
    assert desk.ask("ben", "GET", "/issues?state=all") == []
    assert world.run("--issues").code == 1
    issues = desk.ask("ben", "GET", "/issues?labels=audit")
    assert [issue["title"] for issue in issues] == [TITLE]
