"""`deploy` makes AWS match the pins, trusts nothing, and leaves what works alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import Stubber

from mlops import cli
from mlops.alarms import list_alarms
from mlops.deploy import Deployed, decide, foresee, summarise
from mlops.endpoint import ensure_config
from mlops.errors import MlopsError
from mlops.live import Live
from mlops.pin import make_pin, pin_path
from mlops.serving import Fleet, Serving
from mlops.target import Target
from tests.conftest import git
from tests.live import EMPTY_REPOSITORY, HANDLER, evaluation_key, pack
from tests.test_pin import make_guess

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ProductionVariantTypeDef

    from mlops.endpoint import Act
    from mlops.workspace import Workspace
    from tests.live import Bench

Said = pytest.CaptureFixture[str]


@pytest.mark.parametrize(
    ("live", "act"),
    [
        (None, "create"),
        (Live("e", "wanted", "InService"), "nothing"),
        (Live("e", "other", "InService"), "update"),
        (Live("e", "wanted", "Creating"), "wait"),
        (Live("e", "other", "Updating"), "wait"),
        (Live("e", "other", "RollingBack"), "wait"),
        (Live("e", "wanted", "Failed"), "replace"),
    ],
)
def test_the_state_of_an_endpoint_decides_what_is_done(live: Live | None, act: Act) -> None:
    assert decide(live, "wanted") == act


def test_a_pinned_release_answers(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact)
    assert cli.run(["deploy", "staging", name]) == 0
    assert capsys.readouterr().out == f"{name}: create, release {artifact.release}\n1 pins in staging\n"
    assert bench.ask(name) == "first"


def test_the_names_on_aws_show_the_release(bench: Bench, name: str) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact)
    cli.run(["deploy", "staging", name])
    pin = make_pin(name, artifact, Serving(serve=Fleet(instance="ml.m5.large"), soak_minutes=0))
    live = bench.aws.sagemaker.describe_endpoint(EndpointName=f"acme-staging-{name}")
    config = bench.aws.sagemaker.describe_endpoint_config(EndpointConfigName=live["EndpointConfigName"])
    assert live["EndpointConfigName"] == f"acme-{name}-staging-{pin.config_hex[:12]}"
    assert config["ProductionVariants"][0]["ModelName"] == f"acme-{name}-staging-{pin.release_hex[:12]}"


def test_a_second_deploy_does_nothing(bench: Bench, name: str, capsys: Said) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    capsys.readouterr()
    assert cli.run(["deploy", "staging", name]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: nothing, release")


def test_reverting_the_pin_is_the_rollback(bench: Bench, name: str) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    bench.pin(name, bench.register(name, "second"))
    cli.run(["deploy", "staging", name])
    assert bench.ask(name) == "second"
    git(bench.root, "revert", "--no-edit", "HEAD")
    assert cli.run(["deploy", "staging", name]) == 0
    assert bench.ask(name) == "first"


def test_a_pin_that_nobody_committed_is_not_deployed(bench: Bench, name: str, capsys: Said) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    path = bench.root / pin_path("staging", name)
    committed = path.read_text()
    bench.pin(name, bench.register(name, "second"))
    edited = path.read_text()
    git(bench.root, "reset", "-q", "--hard", "HEAD~1")
    path.write_text(edited)
    assert path.read_text() != committed
    cli.run(["deploy", "staging", name])
    assert bench.ask(name) == "first"


def test_deploying_to_staging_approves_the_package(bench: Bench, name: str) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact)
    cli.run(["deploy", "staging", name])
    package = bench.aws.sagemaker.describe_model_package(ModelPackageName=artifact.package)
    assert package["ModelApprovalStatus"] == "Approved"
    assert package["ApprovalDescription"] == f"#7: {artifact.release}"


def test_prod_does_not_approve(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact, "prod")
    assert cli.run(["deploy", "prod", name]) == 1
    assert (
        f"is PendingManualApproval; staging approves first: mlops deploy staging {name}"
        in capsys.readouterr().out
    )
    bench.pin(name, artifact, "staging")
    assert cli.run(["deploy", "staging", name]) == 0
    assert cli.run(["deploy", "prod", name]) == 0
    assert bench.ask(name, "prod") == "first"


def test_an_archive_changed_after_registration_is_refused(bench: Bench, name: str, capsys: Said) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    artifact = bench.register(name, "second")
    bench.pin(name, artifact)
    bench.replace_sealed(artifact.archive.key, b"forged")
    assert cli.run(["deploy", "staging", name]) == 1
    said = capsys.readouterr().out
    assert "was changed after it was registered: its SHA-256 is" in said
    assert "Do not serve it; pin another release" in said
    assert bench.ask(name) == "first"


def test_an_archive_that_is_gone_is_named(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact)
    bench.aws.s3.delete_object(Bucket=artifact.archive.bucket, Key=artifact.archive.key)
    assert cli.run(["deploy", "staging", name]) == 1
    place = f"s3://{artifact.archive.bucket}/{artifact.archive.key}"
    assert f"{name}: the archive {place!r} of the pin does not exist" in capsys.readouterr().out


def test_a_pin_that_lies_about_its_package_is_refused(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact.model_copy(update={"data": "f" * 32}))
    assert cli.run(["deploy", "staging", name]) == 1
    assert "the pin or the package was changed by hand" in capsys.readouterr().out


def test_a_rejected_package_is_refused(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact)
    bench.aws.sagemaker.update_model_package(ModelPackageArn=artifact.package, ModelApprovalStatus="Rejected")
    assert cli.run(["deploy", "staging", name]) == 1
    assert "is Rejected in the registry; pin another release" in capsys.readouterr().out


def test_a_package_that_does_not_exist_is_named(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact.model_copy(update={"package": artifact.package + "9"}))
    assert cli.run(["deploy", "staging", name]) == 1
    assert f"package '{artifact.package}9' of the pin does not exist" in capsys.readouterr().out


def test_a_release_that_does_not_start_leaves_the_old_one_serving(
    bench: Bench, name: str, capsys: Said
) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    bench.pin(name, bench.register(name, "broken"))
    assert cli.run(["deploy", "staging", name]) == 1
    assert f"endpoint 'acme-staging-{name}' is InService with config" in capsys.readouterr().out
    assert bench.ask(name) == "first"


def test_a_first_release_that_does_not_start_is_replaced_by_the_next(bench: Bench, name: str) -> None:
    bench.pin(name, bench.register(name, "broken"))
    assert cli.run(["deploy", "staging", name]) == 1
    bench.pin(name, bench.register(name, "first"))
    assert cli.run(["deploy", "staging", name]) == 0
    assert bench.ask(name) == "first"


def test_a_config_name_taken_by_other_content_is_refused(bench: Bench, name: str, capsys: Said) -> None:
    first = bench.register(name, "first")
    bench.pin(name, first)
    cli.run(["deploy", "staging", name])
    second = bench.register(name, "second")
    pin = make_pin(name, second, Serving(serve=Fleet(instance="ml.m5.large"), soak_minutes=0))
    other: ProductionVariantTypeDef = {
        "VariantName": "main",
        "ModelName": f"acme-{name}-staging-{first.release[7:19]}",
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    config = pin.config_name(bench.project, "staging")
    bench.aws.sagemaker.create_endpoint_config(EndpointConfigName=config, ProductionVariants=[other])
    bench.pin(name, second)
    assert cli.run(["deploy", "staging", name]) == 1
    assert "exists, but serves" in capsys.readouterr().out
    assert bench.ask(name) == "first"


def test_a_config_that_sends_copies_to_another_model_is_refused(workspace: Workspace) -> None:
    pin = make_guess()
    target = Target(workspace.project, "staging", pin)
    variant: Any = {"VariantName": "main", "ModelName": target.model}
    shadow: Any = {"VariantName": "copy", "ModelName": "acme-guess-staging-other"}
    answer = {
        "EndpointConfigName": target.config,
        "EndpointConfigArn": f"arn:aws:sagemaker:eu-west-1:111111111111:endpoint-config/{target.config}",
        "CreationTime": datetime(2026, 11, 20, tzinfo=UTC),
        "ProductionVariants": [variant],
        "ShadowProductionVariants": [shadow],
    }
    client = boto3.client("sagemaker", region_name="eu-west-1")
    stub = Stubber(client)
    stub.add_response("describe_endpoint_config", answer, {"EndpointConfigName": target.config})
    with stub, pytest.raises(MlopsError, match=r"exists, but serves .*-other'\]"):
        ensure_config(client, target)


def test_an_image_by_tag_is_refused(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first").model_copy(update={"image": f"{EMPTY_REPOSITORY}:1"})
    bench.pin(name, artifact)
    assert cli.run(["deploy", "staging", name]) == 1
    assert f"image '{EMPTY_REPOSITORY}:1' names a tag" in capsys.readouterr().out


def test_an_archive_replaced_between_check_and_use_is_found(
    bench: Bench, name: str, capsys: Said, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact)

    forged = pack({"weights.txt": "forged", "code/inference.py": HANDLER})

    def replace(sagemaker: SageMakerClient, target: Target) -> None:
        bench.replace_sealed(artifact.archive.key, forged)
        ensure_config(sagemaker, target)

    monkeypatch.setattr("mlops.deploy.ensure_config", replace)
    assert cli.run(["deploy", "staging", name]) == 1
    assert bench.ask(name) == "forged", "the test did not reach what it is about"
    assert "was changed after it was registered" in capsys.readouterr().out


def test_an_alarm_that_somebody_deleted_is_made_again(bench: Bench, name: str) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    prefix = f"acme-staging-{name}."
    made = list_alarms(bench.aws.cloudwatch, prefix)
    bench.aws.cloudwatch.delete_alarms(AlarmNames=[next(alarm for alarm in made if "errors" in alarm)])
    assert cli.run(["deploy", "staging", name]) == 0
    assert list_alarms(bench.aws.cloudwatch, prefix) == made


def test_an_endpoint_deleted_under_us_is_made_again(bench: Bench, name: str) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    bench.aws.sagemaker.delete_endpoint(EndpointName=f"acme-staging-{name}")
    assert cli.run(["deploy", "staging", name]) == 0
    assert bench.ask(name) == "first"


def test_an_evaluation_changed_after_the_seal_is_refused(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact)
    key = evaluation_key(artifact.archive.key, artifact.evaluation)
    bench.replace_sealed(key, b"{}")
    assert cli.run(["deploy", "staging", name]) == 1
    assert "is missing or was changed: the pin says SHA-256" in capsys.readouterr().out


def test_an_endpoint_that_does_not_answer_its_smoke_request_is_an_error(
    bench: Bench, name: str, capsys: Said
) -> None:
    mute = HANDLER.replace("    return model\n", "    raise RuntimeError('mute')\n")
    bench.pin(name, bench.register(name, "first", mute))
    assert cli.run(["deploy", "staging", name]) == 1
    assert f"endpoint 'acme-staging-{name}' does not answer its smoke request" in capsys.readouterr().out


def test_one_bad_pin_does_not_stop_the_others(bench: Bench, name: str, capsys: Said) -> None:
    good, bad = f"{name}a", f"{name}b"
    artifact = bench.register(bad, "first")
    bench.pin(bad, artifact.model_copy(update={"data": "f" * 32}))
    bench.pin(good, bench.register(good, "first"))
    assert cli.run(["deploy", "staging"]) == 1
    assert "2 pins in staging" in capsys.readouterr().out
    assert bench.ask(good) == "first"


def test_a_dry_run_changes_nothing(bench: Bench, name: str, capsys: Said) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact)
    assert cli.run(["deploy", "staging", "--dry-run"]) == 0
    assert capsys.readouterr().out == f"{name}: would create, release {artifact.release}\n1 pins in staging\n"
    assert bench.aws.sagemaker.list_endpoints(NameContains=name)["Endpoints"] == []


def test_a_summary_names_what_would_be_deployed_as_people_confirm_it(
    bench: Bench, name: str, capsys: Said
) -> None:
    artifact = bench.register(name, "first")
    bench.pin(name, artifact)
    assert cli.run(["deploy", "staging", "--summary"]) == 0
    assert capsys.readouterr().out == f"{name} {artifact.release}\n"
    assert bench.aws.sagemaker.list_endpoints(NameContains=name)["Endpoints"] == []


@pytest.mark.parametrize(
    ("act", "is_held", "did"),
    [
        ("nothing", False, "nothing"),
        ("update", False, "would update"),
        ("update", True, "held"),
        ("nothing", True, "would ratify"),
    ],
)
def test_a_model_on_hold_is_foreseen_to_stay(act: Act, is_held: bool, did: str) -> None:
    assert foresee(act, is_held) == did


def test_a_summary_leaves_out_what_stays_and_has_an_end() -> None:
    stays = [Deployed("a", "r", did) for did in ("nothing", "held")]
    assert summarise(stays) == "nothing"
    moves = [Deployed(f"m{number}", "r", "would update") for number in range(7)]
    assert summarise([*stays, *moves]) == "m0 r; m1 r; m2 r; m3 r; m4 r; and 2 more"


def test_a_model_without_a_pin_is_refused(bench: Bench, name: str, capsys: Said) -> None:
    assert cli.run(["deploy", "staging", name]) == 1
    remedy = f"Pin it: mlops propose {name} --to staging --dry-run"
    assert capsys.readouterr().err == f"mlops: {name!r} is not pinned in staging at HEAD. {remedy}\n"
