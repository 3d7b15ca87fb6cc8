"""The manual approval before prod, as infra/pipeline.yml has it: who is asked, what is deployed or refused.

One story in one sandbox, acts in order: pins are merged on CodeCommit, the event starts the pipeline, builds
run `mlops deploy`, people type `mlops approve`. What staging proves is laid down beforehand.
"""

from __future__ import annotations

import io
import time
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pytest

from mlops import cli
from mlops.forge import MAIN
from mlops.pin import dump_pin, make_pin, pin_path
from mlops.serving import Serve
from mlops.soak import soak_key
from tests.audit.engines import audit
from tests.firm import PATIENCE
from tests.live import PAYLOAD, run_sandbox
from tests.sandbox.forge.conftest import run_git
from tests.works import OVER, REPOSITORY, Works, found_asking

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.release import Artifact

pytestmark = [
    pytest.mark.recorded,
    pytest.mark.skipif(
        not (PAYLOAD / "infra/pipeline.yml").exists(), reason="this project's engine is GitHub Actions alone"
    ),
]
PIPELINE = "acme-deploy-prod"
AGAIN = f"aws codepipeline start-pipeline-execution --name {PIPELINE}"


@dataclass
class Gate:
    """Prod's pipeline, and the people before it."""

    works: Works

    @cached_property
    def client(self) -> Any:
        """CodePipeline as the account's root user: somebody in the console."""
        return self.works.client("codepipeline")

    def stage(self, name: str) -> dict[str, Any]:
        found = self.client.get_pipeline_state(name=PIPELINE)["stageStates"]
        return next(dict(each) for each in found if each["stageName"] == name)

    def start(self) -> str:
        """Have the pipeline ask again, as one of those who may confirm."""
        client = self.works.client("codepipeline", "dan")
        return str(client.start_pipeline_execution(name=PIPELINE)["pipelineExecutionId"])

    def status(self, execution: str) -> dict[str, Any]:
        found = self.client.get_pipeline_execution(pipelineName=PIPELINE, pipelineExecutionId=execution)
        return dict(found["pipelineExecution"])

    def newest(self) -> str:
        return self.works.known("deploy-prod")[0]

    def await_start(self, known: list[str]) -> str:
        """Wait for the execution that an event starts."""
        await_sign(lambda: self.works.known("deploy-prod") != known, "no event started the pipeline")
        return self.newest()

    def await_asking(self, execution: str) -> str:
        """Wait until an execution waits for people; what they are told."""

        def asks() -> bool:
            state = self.stage("Approve")
            run = state["actionStates"][0].get("latestExecution", {})
            is_own = state.get("latestExecution", {}).get("pipelineExecutionId") == execution
            assert self.status(execution)["status"] == "InProgress", self.log(execution)
            return is_own and run.get("status") == "InProgress" and "token" in run

        await_sign(asks, f"{execution} asks nobody")
        (asked,) = [each for each in self.actions(execution) if each["stageName"] == "Approve"]
        return str(asked["input"]["resolvedConfiguration"]["CustomData"])

    def await_behind(self, execution: str) -> None:
        """Wait until an execution waits for the one that is asking."""
        await_sign(
            lambda: self.stage("Approve").get("inboundExecution", {}).get("pipelineExecutionId") == execution,
            f"{execution} does not wait",
        )

    def await_end(self, execution: str) -> str:
        """Wait for the end of an execution; its status."""
        await_sign(lambda: self.status(execution)["status"] in OVER, f"{execution} does not end")
        return str(self.status(execution)["status"])

    def actions(self, execution: str) -> list[dict[str, Any]]:
        """What ran in an execution, the newest first."""
        found = self.client.list_action_executions(
            pipelineName=PIPELINE, filter={"pipelineExecutionId": execution}
        )
        return list(found["actionExecutionDetails"])

    def log(self, execution: str) -> str:
        """What the builds of an execution printed."""
        results = [each["output"]["executionResult"] for each in self.actions(execution)]
        ids = [
            each["externalExecutionId"]
            for each in results
            if "build/" in each.get("externalExecutionUrl", "")
        ]
        client = self.works.client("codebuild")
        found = client.batch_get_builds(ids=ids)["builds"] if ids else []
        told = [str(each.get("errorDetails", "")) for each in results]
        return "\n".join([*map(self.works.read_log, found), *told])

    def click(self, summary: str, status: str = "Approved") -> None:
        """Answer in the console."""
        token = self.stage("Approve")["actionStates"][0]["latestExecution"]["token"]
        result = {"summary": summary, "status": status}
        self.client.put_approval_result(
            pipelineName=PIPELINE, stageName="Approve", actionName="Approve", result=result, token=token
        )

    def approve(self, login: str, *words: str) -> tuple[int, str]:
        """`mlops approve alpha --env prod` typed by one of the people in their clone."""
        run_git(self.works.folder, "fetch", "-q", self.works.remote(), MAIN)
        credentials, said = self.works.people[login].get_credentials(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(said), redirect_stderr(said):
            patch.setenv("AWS_ACCESS_KEY_ID", credentials.access_key)
            patch.setenv("AWS_SECRET_ACCESS_KEY", credentials.secret_key)
            patch.chdir(self.works.folder)
            code = cli.run(["approve", "alpha", "--env", "prod", *words])
        return code, said.getvalue()

    def promote(self, artifact: Artifact) -> str:
        """Merge a pin of prod that two people approved; the execution that it starts."""
        known, client = self.works.known("deploy-prod"), self.works.client("codecommit", "dan")
        serving = Serve.model_validate({"instance": "ml.m5.large", "soak_minutes": 0}).resolve("prod")
        text, branch = dump_pin(make_pin("alpha", artifact, serving)), f"pin-{artifact.archive.sha256[:12]}"
        tip = self.works.main()
        client.create_branch(repositoryName=REPOSITORY, branchName=branch, commitId=tip)
        client.create_commit(
            repositoryName=REPOSITORY,
            branchName=branch,
            parentCommitId=tip,
            putFiles=[{"filePath": pin_path("prod", "alpha"), "fileContent": text.encode()}],
            authorName="Dan Ivers",
            email="dan@example.com",
        )
        target = {"repositoryName": REPOSITORY, "sourceReference": branch, "destinationReference": MAIN}
        made = client.create_pull_request(title=f"Promote {branch}", targets=[target])["pullRequest"]
        self.works.approve(int(made["pullRequestId"]), "ben", "cleo")
        self.works.merge(int(made["pullRequestId"]))
        return self.await_start(known)


def await_sign(sign: Any, otherwise: str) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + PATIENCE
    while not sign():
        assert time.monotonic() < deadline, otherwise
        time.sleep(0.4)  # each look costs the sandbox a call or three


@pytest.fixture
def gate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    with contextmanager(found_asking)(tmp_path / "project", ["alpha"]) as works:
        monkeypatch.setenv("AWS_ENDPOINT_URL", works.endpoint)
        yield Gate(works)


def soak(works: Works, *artifacts: Artifact) -> None:
    """What `deploy staging` leaves of releases that served there without an alarm."""
    for artifact in artifacts:
        works.bench.aws.sagemaker.update_model_package(
            ModelPackageArn=artifact.package, ModelApprovalStatus="Approved"
        )
        works.bench.seal(soak_key("staging", "alpha", artifact.release.removeprefix("sha256:")), b"{}")


def test_prod_gets_what_people_confirmed_by_its_digest_and_nothing_else(gate: Gate) -> None:
    works = gate.works
    one, two = works.release("alpha", "alpha one"), works.release("alpha", "alpha two")
    soak(works, one, two)
    unmoved = ask_nobody(gate)
    refuse_an_empty_click(gate, one)
    newer = overtake(gate, two)
    refuse_another_digest(gate, newer, one, two)
    assert works.sign_in("prod").sagemaker.list_endpoints()["Endpoints"] == [], "nothing was deployed so far"
    confirm(gate, two)
    keep_what_is_pinned(gate, unmoved)
    tell(gate, two.release)
    hold(gate)


def ask_nobody(gate: Gate) -> str:
    """An execution that moves nothing in prod asks nobody, and succeeds."""
    unmoved = gate.start()
    assert gate.await_end(unmoved) == "Succeeded", gate.log(unmoved)
    assert gate.stage("Approve")["latestExecution"]["status"] == "Skipped"
    return unmoved


def refuse_an_empty_click(gate: Gate, pinned: Artifact) -> None:
    """A click in the console confirms nothing; `approve` says so afterwards, and how to be asked again."""
    empty = gate.promote(pinned)
    assert f"alpha {pinned.release}. Type: mlops approve" in gate.await_asking(empty)
    gate.click("")
    assert gate.await_end(empty) == "Failed"
    assert f"the approval says nothing, not 'alpha {pinned.release}'" in gate.log(empty)
    code, said = gate.approve("ada")
    assert (code, "is 'Succeeded', says nothing" in said, said.endswith(f"{AGAIN}\n")) == (1, True, True), (
        said
    )


def overtake(gate: Gate, two: Artifact) -> str:
    """A newer pin waits behind an older one, which nobody can confirm any more; a week ends that one."""
    older = gate.start()
    gate.await_asking(older)
    newer = gate.promote(two)
    gate.await_behind(newer)
    code, said = gate.approve("ada")
    assert (code, "moves alpha again" in said) == (1, True), said
    code, said = gate.approve("eve")
    assert (code, "AccessDenied" in said) == (1, True), said
    run_sandbox(gate.works.folder, "clock", "--forward", "169h")
    assert gate.await_end(older) == "Failed"
    assert "no answer within 10080 minutes" in gate.log(older)
    return newer


def refuse_another_digest(gate: Gate, newer: str, one: Artifact, two: Artifact) -> None:
    """What was asked for in another execution is not what this one deploys."""
    assert f"alpha {two.release}." in gate.await_asking(newer)
    gate.click(f"alpha {one.release}")
    assert gate.await_end(newer) == "Failed"
    assert f"the approval says 'alpha {one.release}', not 'alpha {two.release}'" in gate.log(newer)


def confirm(gate: Gate, pinned: Artifact) -> None:
    """`mlops approve` has the release deployed; typed again it is no failure."""
    asked = gate.start()
    gate.await_asking(asked)
    code, said = gate.approve("dan")
    assert (code, said.endswith(f": alpha {pinned.release}\n")) == (0, True), said
    assert gate.await_end(asked) == "Succeeded", gate.log(asked)
    assert gate.works.ask("prod", "alpha") == "alpha two"
    code, said = gate.approve("dan")
    assert (code, said.startswith("already approved")) == (0, True), said


def keep_what_is_pinned(gate: Gate, unmoved: str) -> None:
    """Rolling the stage back brings no older commit back: `deploy` does nothing, and `status` says drift."""
    asked = {"pipelineName": PIPELINE, "stageName": "Deploy", "targetPipelineExecutionId": unmoved}
    back = gate.client.rollback_stage(**asked)["pipelineExecutionId"]
    assert gate.await_end(back) == "Failed", gate.log(back)
    assert gate.works.ask("prod", "alpha") == "alpha two"


def tell(gate: Gate, confirmed: str) -> None:
    """The audit finds both clicks, and lists the one confirmation that named what was pinned."""
    run_sandbox(gate.works.folder, "clock", "--forward", "25h")
    run_sandbox(gate.works.folder, "trail")
    run_git(gate.works.folder, "pull", "-q", gate.works.remote(), MAIN)
    answer = audit(gate.works.folder, gate.works.endpoint, "--fetch")
    found = [each["message"] for each in answer.report["findings"] if each["rule"] == "empty-approval"]
    assert [("says nothing" in each, "which was not pinned then" in each) for each in found] == [
        (True, False),
        (False, True),
    ]
    listed = [each for each in answer.report["changes"] if each["kind"] == "confirmation"]
    assert [(each["after"], each["who"].rpartition("/")[2]) for each in listed] == [(confirmed, "dan")]


def hold(gate: Gate) -> None:
    """A window that does not open lets nothing into prod; the stage is there to be let in by a person."""
    gate.works.set_parameter("ProdWindow", "* * * * * ? 2199")
    held = gate.start()
    assert gate.await_end(held) == "Failed"
    state = gate.stage("Deploy")["beforeEntryConditionState"]["latestExecution"]
    assert "'* * * * * ? 2199' UTC does not open within a year" in state["summary"]
    assert "Deploy" not in {each["stageName"] for each in gate.actions(held)}
