"""GitHub and CodePipeline: how a check's end reaches the forge, and where training's diff begins."""

from __future__ import annotations

import json
import re
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber
from moto.events.models import EventPattern

from mlops import git, since
from mlops.errors import AwsError, MlopsError, UsageError
from mlops.foundation.templates import parse_template
from mlops.plan import make_plan
from mlops.since import NOTHING, choose, succeeded
from mlops.tell import LONGEST, read_actions, read_status, tell
from sandbox.clock import Clock
from sandbox.codepipeline.happenings import execution_event
from sandbox.codepipeline.records import Execution, Trigger
from tests.codecommit import make_project
from tests.conftest import ACCOUNT, REGION, commit, write_model
from tests.live import PAYLOAD

if TYPE_CHECKING:
    from pathlib import Path

PIPELINE, EXECUTION, COMMIT = "acme-check", "e" * 8, "c" * 40


def action(name: str, status: str, message: str = "", **result: str) -> dict[str, Any]:
    """One action as ListActionExecutions has it."""
    details = {"errorDetails": {"code": "JobFailed", "message": message}} if message else {}
    return {"actionName": name, "status": status, "output": {"executionResult": {**result, **details}}}


SOURCE = action("Source", "Succeeded", externalExecutionId=COMMIT)


@pytest.mark.parametrize(
    ("check", "state", "said"),
    [
        (action("Check", "Succeeded"), "success", "acme-check: Succeeded"),
        (action("Check", "Failed", "Phase: BUILD\nexit status 1"), "failure", "Phase: BUILD exit status 1"),
        (action("Check", "Failed"), "failure", "Failed"),
        (action("Check", "Abandoned"), "error", "acme-check: Abandoned"),
        (None, "error", "acme-check: Stopped"),
    ],
)
def test_a_commit_is_told_how_its_check_ended(check: Any, state: str, said: str) -> None:
    found = read_status([check, SOURCE] if check else [SOURCE], PIPELINE, EXECUTION, REGION)
    assert (found.commit, found.state, found.description) == (COMMIT, state, said)
    assert found.url.startswith(f"https://{REGION}.console.aws.amazon.com/")
    assert f"/{PIPELINE}/executions/{EXECUTION}/" in found.url


def test_the_last_attempt_counts() -> None:
    listed = [action("Check", "Succeeded"), action("Check", "Failed"), SOURCE]
    assert read_status(listed, PIPELINE, EXECUTION, REGION).state == "success"


def test_a_long_reason_fits_into_a_status() -> None:
    listed = [action("Check", "Failed", "x" * 500), SOURCE]
    assert len(read_status(listed, PIPELINE, EXECUTION, REGION).description) == LONGEST


def test_an_execution_without_a_commit_says_why_in_one_line() -> None:
    refused = action("Source", "Failed", "Connection arn:… is PENDING")
    with pytest.raises(MlopsError, match=r"came to no commit: Connection arn:… is PENDING$"):
        read_status([refused], PIPELINE, EXECUTION, REGION)
    with pytest.raises(UsageError, match="acme-check has no execution 'eeeeeeee'"):
        read_status([], PIPELINE, EXECUTION, REGION)


def pipelines() -> Any:
    create: Any = boto3.client
    return create("codepipeline", REGION, aws_access_key_id="x", aws_secret_access_key="x")  # noqa: S106


def test_a_pipeline_that_is_not_there_is_one_line() -> None:
    client = pipelines()
    with Stubber(client) as stub:
        stub.add_client_error("list_action_executions", "PipelineNotFoundException", "no such pipeline")
        with pytest.raises(AwsError, match="acme-check: ListActionExecutions was refused"):
            read_actions(client, PIPELINE, EXECUTION)


def test_only_a_pipeline_on_github_has_to_be_told() -> None:
    with pytest.raises(UsageError, match="EXECUTION names no execution"):
        tell(make_project(), "")
    with pytest.raises(UsageError, match="forge 'codecommit' with ci 'codepipeline' tells itself"):
        tell(make_project(), EXECUTION)


def summary(status: str, *revisions: tuple[str, str]) -> dict[str, Any]:
    """One execution as ListPipelineExecutions has it."""
    sources = [{"actionName": name, "revisionId": revision} for name, revision in revisions]
    return {"pipelineExecutionId": EXECUTION, "status": status, "sourceRevisions": sources}


def test_what_failed_or_still_runs_has_looked_at_nothing() -> None:
    client = pipelines()
    listed = [
        summary("InProgress", ("Source", "d" * 40)),
        summary("Failed"),
        summary("Succeeded", ("Source", "b" * 40)),
        summary("Succeeded", ("Source", "a" * 40)),
    ]
    with Stubber(client) as stub:
        stub.add_response(
            "list_pipeline_executions", {"pipelineExecutionSummaries": listed[:2], "nextToken": "2"}
        )
        stub.add_response("list_pipeline_executions", {"pipelineExecutionSummaries": listed[2:]})
        assert list(succeeded(client, PIPELINE)) == ["b" * 40, "a" * 40]


@pytest.fixture
def pushed(root: Path) -> list[str]:
    """Commits of main: one with two models, then three, of which the last touches none."""
    write_model(root, "churn")
    commits = [commit(root, "Begin")]
    for path in ("models/churn/train.py", "models/guess/train.py", "README.md"):
        (root / path).write_text("# changed\n")
        commits.append(commit(root, f"Change {path}"))
    return commits


def test_a_push_of_three_commits_starts_both_models_that_they_touch(root: Path, pushed: list[str]) -> None:
    base = choose(root, [pushed[0]], "-")
    assert make_plan(root, base, "HEAD").starts == ["churn", "guess"]
    assert make_plan(root, "HEAD^", "HEAD").starts == [], "the last commit alone tells of neither"


def test_a_commit_that_main_has_left_behind_is_passed_over(root: Path, pushed: list[str]) -> None:
    assert choose(root, ["f" * 40, pushed[1], pushed[0]], "-") == pushed[1]


def test_the_event_says_where_to_begin_where_no_run_went_well(root: Path, pushed: list[str]) -> None:
    assert choose(root, [], pushed[2]) == pushed[2]
    for unknown in ("-", ""):
        assert choose(root, [], unknown) == NOTHING
    assert make_plan(root, NOTHING, git.head_commit(root)).starts == ["churn", "guess"]


def test_a_refused_reading_is_one_line(
    root: Path, pushed: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = pipelines()
    monkeypatch.chdir(root)
    monkeypatch.setattr("mlops.codebuild_job.client", lambda *_: client)
    monkeypatch.setattr("sys.argv", ["since", "-"])
    with Stubber(client) as stub:
        stub.add_client_error("list_pipeline_executions", "AccessDeniedException", "not authorized")
        assert since.main() == 1
    assert capsys.readouterr().err.startswith("mlops: acme-train: ListPipelineExecutions was refused")


def rules() -> dict[str, Any]:
    """The rules of infra/pipeline.yml that wait for pipelines: their patterns."""
    document = parse_template((PAYLOAD / "infra/pipeline.yml").read_text().replace("${Project}", "acme"))
    found = {name: each["Properties"] for name, each in document["Resources"].items()}
    patterns = {name: found[name]["EventPattern"] for name in ("CheckEnded", "PipelineFailed")}
    text = json.dumps(patterns)
    loaded: dict[str, Any] = json.loads(re.sub(r'\{"Fn::Sub": ("[^"]*")\}', r"\1", text))
    return loaded


@pytest.mark.skipif(not (PAYLOAD / "infra/pipeline.yml").exists(), reason="this project has no pipelines")
@pytest.mark.parametrize(
    ("pipeline", "state", "heard"),
    [
        ("acme-check", "Started", set()),
        ("acme-check", "Succeeded", {"CheckEnded"}),
        ("acme-check", "Failed", {"CheckEnded", "PipelineFailed"}),
        ("acme-check", "Stopped", {"CheckEnded"}),
        ("acme-train", "Failed", {"PipelineFailed"}),
        ("acme-train", "Superseded", set()),
        ("other-check", "Failed", set()),
    ],
)
def test_the_end_of_an_execution_reaches_the_rules_that_wait_for_it(
    pipeline: str, state: str, heard: set[str]
) -> None:
    world: Any = SimpleNamespace(account=ACCOUNT, region=REGION, clock=Clock())
    execution = Execution({"name": pipeline, "version": 1}, Trigger("WebhookV2", ""), Clock().now(), {})
    event: Any = execution_event(world, execution, state)
    matching = {
        name for name, each in rules().items() if EventPattern.load(json.dumps(each)).matches_event(event)
    }
    assert matching == heard


@pytest.mark.skipif(not (PAYLOAD / "infra/pipeline.yml").exists(), reason="this project has no pipelines")
def test_no_check_supersedes_another_as_each_commit_has_a_status_of_its_own() -> None:
    document = parse_template((PAYLOAD / "infra/pipeline.yml").read_text())
    assert document["Resources"]["CheckPipeline"]["Properties"]["ExecutionMode"] == "PARALLEL"
