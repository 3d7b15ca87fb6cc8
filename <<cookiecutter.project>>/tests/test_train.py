"""A run names its commit, code and data; an equal run is not started again."""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from mlops import cli
from mlops.aws import Aws
from mlops.documents import parse_document
from mlops.errors import MlopsError, UsageError
from mlops.network import Networks
from mlops.pin import dump_pin
from mlops.project import Project
from mlops.run import prepare_run
from mlops.spec import ModelSpec, read_spec
from mlops.train import compile_definition, find_execution, find_release, follow, refuse_dirty, upload_jobs
from tests.conftest import PROJECT, REGION, SPEC, commit, edit, git
from tests.networked import NETWORK
from tests.test_pin import make_guess

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3.type_defs import CreateBucketConfigurationTypeDef

    from mlops.run import Run
    from mlops.workspace import Workspace
    from tests.live import Bench

ARN = "arn:aws:sagemaker:eu-west-1:111111111111:pipeline/acme-guess/execution/abc"


def run_of(workspace: Workspace) -> Run:
    return prepare_run(
        workspace, read_spec(workspace.root, "guess"), git(workspace.root, "rev-parse", "HEAD")
    )


@pytest.fixture(scope="module")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """The definitions of the test model, compiled by the SDK: one of each kind."""
    project = parse_document(PROJECT, Project, "project.yml")
    spec = parse_document(SPEC.format(model="guess"), ModelSpec, "model.yml")
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        patch.delenv("XDG_CACHE_HOME", raising=False)
        place: CreateBucketConfigurationTypeDef = {"LocationConstraint": REGION}
        boto3.client("s3").create_bucket(Bucket=project.data_bucket, CreateBucketConfiguration=place)
        aws = Aws(REGION)
        kinds = ("release", "experiment", "weights")
        first = {kind: compile_definition(project, aws, spec, "s3://b/jobs/x", kind) for kind in kinds}
        inside = project.model_copy(update={"network": Networks(training=NETWORK)})
        first["network"] = compile_definition(inside, aws, spec, "s3://b/jobs/x")
        forget(aws, project.data_bucket)
        with pytest.MonkeyPatch.context() as absent:
            absent.setitem(sys.modules, "mlops.pipeline", None)
            kept = compile_definition(project, aws, spec, "s3://b/jobs/x")
        assert kept == first["release"], "what this machine compiled was not kept"
        drivers = aws.s3.list_objects_v2(Bucket=project.data_bucket, Prefix="drivers/")
        assert drivers["KeyCount"], "an account that begins empty lacks the training driver"
        forget(aws, project.data_bucket)
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        again = compile_definition(project, aws, spec, "s3://b/jobs/x")
        assert again == first["release"], "compiling twice gave two texts"
    return {kind: json.loads(text) for kind, text in first.items()}


def forget(aws: Aws, bucket: str) -> None:
    """Empty the bucket: compiled definitions and the training driver."""
    for entry in aws.s3.list_objects_v2(Bucket=bucket)["Contents"]:
        aws.s3.delete_object(Bucket=bucket, Key=entry["Key"])


@pytest.fixture
def definition(definitions: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """The definition of a run that ends in a release."""
    return definitions["release"]


def steps(definition: dict[str, Any]) -> dict[str, Any]:
    gate = definition["Steps"][-1]["Arguments"]
    return {step["Name"]: step for step in [*definition["Steps"], *gate["IfSteps"], *gate["ElseSteps"]]}


def test_the_pipeline_has_the_steps_of_the_design(definition: dict[str, Any]) -> None:
    kinds = {name: step["Type"] for name, step in steps(definition).items()}
    assert kinds == {
        "Prepare": "Processing",
        "Train": "Training",
        "Evaluate": "Processing",
        "Gate": "Condition",
        "Seal": "Processing",
        "GateFailed": "Fail",
    }


def test_an_experiment_seals_nothing(definitions: dict[str, dict[str, Any]]) -> None:
    assert [step["Name"] for step in definitions["experiment"]["Steps"]] == ["Prepare", "Train", "Evaluate"]


def test_given_weights_are_judged_and_sealed_but_not_trained(definitions: dict[str, dict[str, Any]]) -> None:
    definition = definitions["weights"]
    assert set(steps(definition)) == {"Prepare", "Evaluate", "Gate", "Seal", "GateFailed"}
    for step in ("Evaluate", "Seal"):
        inputs = {
            entry["InputName"]: entry for entry in steps(definition)[step]["Arguments"]["ProcessingInputs"]
        }
        assert inputs["model"]["S3Input"]["S3Uri"] == {"Get": "Parameters.WeightsUri"}


def test_every_job_of_a_project_with_a_network_runs_in_it(definitions: dict[str, dict[str, Any]]) -> None:
    jobs = {
        name: step["Arguments"]
        for name, step in steps(definitions["network"]).items()
        if step["Type"] in ("Processing", "Training")
    }
    for name, job in jobs.items():
        network = job if name == "Train" else job["NetworkConfig"]
        assert network["VpcConfig"] == NETWORK.vpc_config, name
        assert network["EnableInterContainerTrafficEncryption"] is True, name
    assert set(jobs) == {"Prepare", "Train", "Evaluate", "Seal"}


def test_a_project_without_network_names_no_vpc(definition: dict[str, Any]) -> None:
    assert "VpcConfig" not in json.dumps(definition)


def test_what_varies_by_run_is_a_parameter(definition: dict[str, Any]) -> None:
    names = [parameter["Name"] for parameter in definition["Parameters"]]
    fixed = ["BundleUri", "DataUri", "SpecUri", "ChampionUri", "Commit", "DataVersion", "Fingerprint"]
    assert names == [*fixed, "Hyperparameter_depth"]
    values = steps(definition)["Train"]["Arguments"]["HyperParameters"]
    assert values == {"depth": {"Get": "Parameters.Hyperparameter_depth"}}


def test_only_a_gate_that_passed_leads_to_the_seal(definition: dict[str, Any]) -> None:
    gate = steps(definition)["Gate"]["Arguments"]
    (condition,) = gate["Conditions"]
    assert condition["Type"] == "Equals"
    assert condition["RightValue"] is True
    assert condition["LeftValue"]["Std:JsonGet"]["Path"] == "passed"
    assert [step["Name"] for step in gate["IfSteps"]] == ["Seal"]
    assert [step["Name"] for step in gate["ElseSteps"]] == ["GateFailed"]


def test_other_hyperparameters_find_the_sides_that_equal_code_and_data_prepared(
    definitions: dict[str, dict[str, Any]],
) -> None:
    for definition in definitions.values():
        prepare = definition["Steps"][0]
        names = {entry["InputName"] for entry in prepare["Arguments"]["ProcessingInputs"]}
        assert names == {"jobs", "bundle", "data"}, "what varies with hyperparameters defeats the cache"
        assert prepare["CacheConfig"] == {"Enabled": True, "ExpireAfter": "P7D"}
        others = [step for step in definition["Steps"][1:] if "CacheConfig" in step]
        assert others == [], "training is as random as its script; what is judged and sealed is of this run"


def test_packages_are_installed_once_a_run(definition: dict[str, Any]) -> None:
    made = {"Get": "Steps.Prepare.ProcessingOutputConfig.Outputs['packages'].S3Output.S3Uri"}
    taken = [
        entry["S3Input"]["S3Uri"]
        for entry in steps(definition)["Evaluate"]["Arguments"]["ProcessingInputs"]
        if entry["InputName"] == "packages"
    ]
    taken += [
        channel["DataSource"]["S3DataSource"]["S3Uri"]
        for channel in steps(definition)["Train"]["Arguments"]["InputDataConfig"]
        if channel["ChannelName"] == "packages"
    ]
    assert taken == [made, made]


def test_every_job_has_a_time_limit(definition: dict[str, Any]) -> None:
    limits = {
        name: step["Arguments"]["StoppingCondition"]["MaxRuntimeInSeconds"]
        for name, step in steps(definition).items()
        if step["Type"] in {"Processing", "Training"}
    }
    assert limits == {"Prepare": 900, "Train": 600, "Evaluate": 900, "Seal": 900}


def test_the_training_driver_is_addressed_by_content(definition: dict[str, Any]) -> None:
    channels = steps(definition)["Train"]["Arguments"]["InputDataConfig"]
    uris = {channel["ChannelName"]: channel["DataSource"]["S3DataSource"]["S3Uri"] for channel in channels}
    assert set(uris) == {"train", "validation", "jobs", "bundle", "spec", "packages", "sm_drivers"}
    assert len(uris["sm_drivers"].rsplit("/", 1)[1]) == 64


def test_the_run_names_commit_code_and_data(workspace: Workspace) -> None:
    run = run_of(workspace)
    bucket = workspace.project.data_bucket
    assert run.parameters["Commit"] == git(workspace.root, "rev-parse", "HEAD")
    assert run.parameters["DataUri"] == f"s3://{bucket}/datasets/guess/0cc175b9c0f1b6a831c399e269772661/"
    assert run.parameters["BundleUri"].removeprefix(f"s3://{bucket}/") in run.keys
    assert run.parameters["ChampionUri"] == f"s3://{bucket}/champions/none.json"
    assert run.parameters["Hyperparameter_depth"] == "3"
    assert run.display_name == f"fingerprint-{run.fingerprint[:32]}"


def test_the_jobs_read_a_spec_with_nothing_left_to_look_up(workspace: Workspace) -> None:
    run = run_of(workspace)
    key = run.parameters["SpecUri"].split("/", 3)[3]
    assert json.loads(run.keys[key]) == {
        "schema": 1,
        "model": "guess",
        "project": "acme",
        "region": REGION,
        "image": f"141502667606.dkr.ecr.{REGION}.amazonaws.com/sagemaker-scikit-learn:1.9-0-cpu-py3",
        "hyperparameters": {"depth": "3"},
        "gate": read_spec(workspace.root, "guess").gate.resolve(),
        "package_group": "acme-guess",
        "releases_bucket": workspace.project.releases_bucket,
    }


def test_given_weights_make_another_run(workspace: Workspace) -> None:
    spec, head = read_spec(workspace.root, "guess"), git(workspace.root, "rev-parse", "HEAD")
    archive = make_guess().artifact.archive
    run = prepare_run(workspace, spec, head, archive)
    assert run.fingerprint != run_of(workspace).fingerprint
    assert run.parameters["WeightsUri"] == f"s3://{archive.bucket}/{archive.key}"
    assert run.pipeline(workspace.project) == "acme-guess-weights"


def test_an_experiment_with_given_weights_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["train", "guess", "--experiment", "--weights", "sha256:00"]) == 2
    assert (
        "--experiment seals nothing, and --weights is for sealing; give one of them"
        in capsys.readouterr().err
    )


def test_the_champion_is_what_prod_pins_before_staging(workspace: Workspace) -> None:
    for environment, data in (("staging", "e" * 32), ("prod", "d" * 32)):
        path = workspace.root / f"releases/{environment}/guess.yml"
        path.parent.mkdir(parents=True)
        artifact_key = f"releases/guess/{environment}/model.tar.gz"
        archive = make_guess().artifact.archive.model_copy(update={"key": artifact_key})
        path.write_text(dump_pin(make_guess(data=data, archive=archive)))
    commit(workspace.root, "Pin")
    assert run_of(workspace).parameters["ChampionUri"] == "s3://b/releases/guess/prod/model.tar.gz"


@pytest.mark.parametrize("path", ["models/guess/train.py", "models/guess/fresh.py"])
def test_uncommitted_work_is_refused(workspace: Workspace, path: str) -> None:
    (workspace.root / path).write_text("print(2)\n")
    expected = f"'{path}': changed, but not committed; a run must name its commit. Commit first"
    with pytest.raises(UsageError) as refused:
        refuse_dirty(workspace.root, read_spec(workspace.root, "guess"))
    assert str(refused.value) == expected


def test_uncommitted_work_elsewhere_does_not_matter(workspace: Workspace) -> None:
    (workspace.root / "notes.md").write_text("later\n")
    refuse_dirty(workspace.root, read_spec(workspace.root, "guess"))


def test_a_project_without_a_commit_says_so(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (root / ".git").rename(root.parent / "gone")
    git(root, "init", "-q")
    git(root, "add", "-A")
    monkeypatch.setattr("mlops.train.refuse_dirty", lambda *_: None)
    assert cli.run(["train", "guess"]) == 2
    assert "has no commit to work from" in capsys.readouterr().err


class Executions:
    """A SageMaker that knows some executions."""

    def __init__(self, *rows: tuple[str, str]) -> None:
        self.rows = rows
        self.exceptions = self
        self.ClientError = ClientError

    def get_paginator(self, _: str) -> Executions:
        return self

    def paginate(self, **_: Any) -> Any:
        keys = ("PipelineExecutionDisplayName", "PipelineExecutionStatus", "PipelineExecutionArn")
        yield {"PipelineExecutionSummaries": [dict(zip(keys, (*row, ARN), strict=True)) for row in self.rows]}


@pytest.mark.parametrize(
    ("status", "found"), [("Succeeded", ARN), ("Executing", ARN), ("Failed", None), ("Stopped", None)]
)
def test_a_run_that_succeeded_or_is_under_way_is_not_run_again(
    workspace: Workspace, status: str, found: str | None
) -> None:
    run = run_of(workspace)
    sagemaker: Any = Executions(("fingerprint-other", "Succeeded"), (run.display_name, status))
    assert find_execution(sagemaker, "acme-guess", run) == found


def test_training_on_a_version_that_is_not_published_says_what_to_type(
    root: Path, aws: None, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["train", "guess"]) == 1
    assert capsys.readouterr().err == (
        "mlops: models/guess/data/rows.csv.dvc: version '0cc175b9c0f1b6a831c399e269772661' is not published "
        "for jobs. Type: mlops data publish guess\n"
    )


def test_job_programs_are_uploaded_once(aws: None, workspace: Workspace) -> None:
    client = Aws(REGION).s3
    sent: list[str] = []
    client.meta.events.register(
        "before-call.s3.PutObject", lambda params, **_: sent.append(params["url_path"])
    )
    uri = upload_jobs(client, workspace.project.data_bucket)
    first = len(sent)
    assert first > 4
    assert upload_jobs(client, workspace.project.data_bucket) == uri
    assert len(sent) == first


def test_the_region_of_an_image_must_have_it(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(root / "project.yml", "region: eu-west-1", "region: xx-west-1")
    commit(root, "Move")
    assert cli.run(["train", "guess"]) == 2
    assert "region 'xx-west-1' has no sklearn image; allowed: af-south-1" in capsys.readouterr().err


def test_a_failed_run_says_why() -> None:
    class Failed(Executions):
        def describe_pipeline_execution(self, **_: Any) -> dict[str, str]:
            return {"PipelineExecutionStatus": "Failed", "FailureReason": "The gate refused the model: x"}

        def paginate(self, **_: Any) -> Any:
            yield {"PipelineExecutionSteps": []}

    failed: Any = Failed()
    with pytest.raises(MlopsError, match=r"abc: Failed: The gate refused the model: x$"):
        follow(failed, ARN, quiet=True)


def test_a_release_is_named_by_as_much_of_its_digest_as_tells_it(bench: Bench, name: str) -> None:
    client, group = bench.aws.sagemaker, bench.project.group(name)
    first, second = (bench.register(name, weights) for weights in ("first", "second"))
    for artifact in (first, second):
        assert find_release(client, group, artifact.release) == artifact
        assert find_release(client, group, artifact.release.removeprefix("sha256:")[:12]) == artifact
    with pytest.raises(UsageError, match=f"'sha256:' begins 2 releases of group '{group}', .*; give more of"):
        find_release(client, group, "sha256:")
    with pytest.raises(MlopsError, match=f"'sha256:zz' is no release of group '{group}'. Pins name releases"):
        find_release(client, group, "sha256:zz")
