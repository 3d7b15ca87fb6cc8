"""`mlops approve`: what it says, what it refuses, and that a second run is no failure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from mlops import cli, codebuild_job
from mlops.approve import summarise
from mlops.errors import UsageError
from mlops.pin import dump_pin, make_pin, pin_path
from mlops.serving import Serve
from tests.conftest import commit, edit
from tests.proposals import make_artifact

if TYPE_CHECKING:
    from pathlib import Path

    Said = pytest.CaptureFixture[str]

PIPELINE = "acme-deploy-prod"
FIRST, SECOND = make_artifact(1).release, make_artifact(2).release
AGAIN = f"To be asked again: aws codepipeline start-pipeline-execution --name {PIPELINE}"


class Pipelines:
    """CodePipeline with one pipeline, whose executions are commits."""

    def __init__(self) -> None:
        self.commits: dict[str, str] = {}
        self.stage: dict[str, Any] = {"stageName": "Approve", "actionStates": [{"actionName": "Approve"}]}
        self.answers: list[dict[str, str]] = []
        self.refuses = ""

    def ask(self, execution: str, commit: str, status: str = "InProgress", **run: Any) -> None:
        """Let an execution come to the approval."""
        self.commits[execution] = commit
        latest = {"status": status, "token": "t", **run}
        self.stage["actionStates"] = [{"actionName": "Approve", "latestExecution": latest}]
        self.stage["latestExecution"] = {"pipelineExecutionId": execution, "status": status}

    def line_up(self, execution: str, commit: str) -> None:
        """Let another wait behind it."""
        self.commits[execution] = commit
        self.stage["inboundExecution"] = {"pipelineExecutionId": execution, "status": "InProgress"}

    def get_pipeline_state(self, name: str) -> dict[str, Any]:
        assert name == PIPELINE
        return {"pipelineName": name, "stageStates": [{"stageName": "Source"}, self.stage]}

    def get_pipeline_execution(self, pipelineName: str, pipelineExecutionId: str) -> dict[str, Any]:  # noqa: N803
        revisions = (
            [{"revisionId": self.commits[pipelineExecutionId]}] if self.commits[pipelineExecutionId] else []
        )
        return {"pipelineExecution": {"artifactRevisions": revisions}}

    def put_approval_result(self, result: dict[str, str], **place: str) -> None:
        if self.refuses:
            raise ClientError({"Error": {"Code": self.refuses, "Message": "no"}}, "PutApprovalResult")
        assert place == {
            "pipelineName": PIPELINE, "stageName": "Approve", "actionName": "Approve", "token": "t"
        }  # fmt: skip
        self.answers.append(result)


@pytest.fixture
def pipelines(monkeypatch: pytest.MonkeyPatch) -> Pipelines:
    made = Pipelines()
    monkeypatch.setattr(codebuild_job, "client", lambda region, service: made)
    return made


@pytest.fixture
def site(root: Path) -> Path:
    """The project, on CodePipeline."""
    edit(root / "project.yml", "forge: github", "forge: codecommit")
    edit(root / "project.yml", "ci: github-actions", "ci: codepipeline")
    edit(root / "project.yml", "repository: acme/models", "repository: models")
    return root


def pin(root: Path, number: int) -> str:
    """Commit the `number`-th release as prod's; the commit."""
    path = root / pin_path("prod", "guess")
    path.parent.mkdir(parents=True, exist_ok=True)
    serving = Serve.model_validate({"instance": "ml.m5.large"}).resolve("prod")
    path.write_text(dump_pin(make_pin("guess", make_artifact(number), serving)))
    return commit(root, f"Pin {number}")


def run(*words: str) -> int:
    return cli.run(["approve", "guess", "--env", "prod", *words])


def test_the_summary_names_the_release_that_the_waiting_execution_pins(
    site: Path, pipelines: Pipelines, capsys: Said
) -> None:
    asked = pin(site, 1)
    pin(site, 2)  # main has moved since, nothing waits for it
    pipelines.ask("e-1", asked)
    assert run() == 0
    assert pipelines.answers == [{"summary": f"guess {FIRST}", "status": "Approved"}]
    assert capsys.readouterr().out == f"approved in {PIPELINE}, commit {asked[:12]}: guess {FIRST}\n"


def test_a_no_is_said_with_the_release_too(site: Path, pipelines: Pipelines) -> None:
    pipelines.ask("e-1", pin(site, 1))
    assert run("--reject") == 0
    assert pipelines.answers == [{"summary": f"guess {FIRST}", "status": "Rejected"}]


@pytest.mark.parametrize(("words", "status"), [((), "Succeeded"), (("--reject",), "Failed")])
def test_what_was_said_before_is_not_said_again(
    site: Path, pipelines: Pipelines, capsys: Said, words: tuple[str, ...], status: str
) -> None:
    pipelines.ask("e-1", pin(site, 1), status, summary=f"guess {FIRST}")
    assert run(*words) == 0
    assert not pipelines.answers
    assert capsys.readouterr().out.startswith("already ")


@pytest.mark.parametrize(
    ("status", "run_says", "said"),
    [
        ("Succeeded", {"summary": ""}, "is 'Succeeded', says nothing"),
        ("Succeeded", {"summary": f"guess {SECOND}"}, f"says 'guess {SECOND}'"),
        ("Failed", {"errorDetails": {"message": "no answer"}}, "is 'Failed', says nothing: no answer"),
        ("Skipped", {"summary": f"guess {FIRST}"}, "is 'Skipped', says nothing"),
    ],
)  # fmt: skip
def test_where_nothing_waits_it_is_said_how_the_last_one_stands(
    site: Path, pipelines: Pipelines, capsys: Said, status: str, run_says: dict[str, Any], said: str
) -> None:
    pipelines.ask("e-1", pin(site, 1), status, **run_says)
    assert run() == 1
    told = capsys.readouterr().err
    assert told.startswith(f"mlops: {PIPELINE} waits for nobody now: its last approval, of execution e-1, ")
    assert said in told
    assert told.endswith(f"{AGAIN}\n")


def test_a_pipeline_that_has_asked_nobody_yet_says_so(site: Path, pipelines: Pipelines, capsys: Said) -> None:
    pin(site, 1)
    assert run() == 2
    assert capsys.readouterr().err == f"mlops: {PIPELINE} has asked nobody yet. {AGAIN}\n"


def test_a_release_that_a_newer_execution_moves_again_is_not_confirmed(
    site: Path, pipelines: Pipelines, capsys: Said
) -> None:
    pipelines.ask("e-1", pin(site, 1))
    newer = pin(site, 2)
    pipelines.line_up("e-2", newer)
    assert run() == 1
    assert (
        f"commit {newer[:12]}, which waits behind in {PIPELINE}, moves guess again" in capsys.readouterr().err
    )
    assert run("--reject") == 0
    assert [answer["status"] for answer in pipelines.answers] == ["Rejected"]


def test_one_that_waits_behind_with_the_same_pin_is_no_hindrance(site: Path, pipelines: Pipelines) -> None:
    pipelines.ask("e-1", pin(site, 1))
    pipelines.line_up("e-2", commit(site, "Write a README"))
    assert run() == 0


@pytest.mark.parametrize("code", ["ApprovalAlreadyCompletedException", "InvalidApprovalTokenException"])
def test_an_answer_that_comes_too_late_is_told_in_one_line(
    site: Path, pipelines: Pipelines, capsys: Said, code: str
) -> None:
    pipelines.ask("e-1", pin(site, 1))
    pipelines.refuses = code
    assert run() == 1
    assert "was answered, or is over, since it was looked at; nothing was changed" in capsys.readouterr().err


def test_who_may_not_confirm_is_told_by_aws(site: Path, pipelines: Pipelines, capsys: Said) -> None:
    pipelines.ask("e-1", pin(site, 1))
    pipelines.refuses = "AccessDeniedException"
    assert run() == 1
    assert "PutApprovalResult was refused: AccessDeniedException" in capsys.readouterr().err


def test_a_clone_without_the_commit_says_how_to_get_it(
    site: Path, pipelines: Pipelines, capsys: Said
) -> None:
    pipelines.ask("e-1", "0" * 40)
    assert run() == 2
    assert "this clone has no commit 000000000000" in capsys.readouterr().err


def test_a_model_that_the_commit_does_not_pin_is_refused(
    site: Path, pipelines: Pipelines, capsys: Said
) -> None:
    pipelines.ask("e-1", commit(site, "Pin nothing"))
    assert run() == 2
    assert "releases/prod/guess.yml is not in commit" in capsys.readouterr().err


def test_a_summary_has_each_release_and_an_end() -> None:
    assert summarise({"tumor": FIRST, "diabetes": SECOND}) == f"tumor {FIRST}; diabetes {SECOND}"
    with pytest.raises(UsageError, match="7 releases do not fit into 512 characters"):
        summarise({f"model-{number}": FIRST for number in range(7)})
