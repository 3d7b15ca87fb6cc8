"""What was approved is written down once, where nobody can change it, before anything else changes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops import cli
from mlops.evidence import evidence_key

if TYPE_CHECKING:
    from tests.live import Bench

    Said = pytest.CaptureFixture[str]


def versions(bench: Bench, model: str) -> list[Any]:
    """Every version of every evidence of a model in staging."""
    bucket, prefix = bench.project.releases_bucket, f"evidence/staging/{model}/"
    answer = bench.aws.s3.list_object_versions(Bucket=bucket, Prefix=prefix)
    assert "DeleteMarkers" not in answer
    return list(answer.get("Versions", []))


def read(bench: Bench, version: Any) -> bytes:
    """The bytes of a version."""
    answer = bench.aws.s3.get_object(
        Bucket=bench.project.releases_bucket, Key=version["Key"], VersionId=version["VersionId"]
    )
    return answer["Body"].read()


def endpoints(bench: Bench, model: str) -> list[str]:
    found = bench.aws.sagemaker.list_endpoints(NameContains=model)["Endpoints"]
    return [endpoint["EndpointName"] for endpoint in found]


def test_it_says_who_approved_what_and_which_run_counted(
    bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GITHUB_RUN_ID", "42")
    artifact = bench.register(name, "first")
    commit = bench.pin(name, artifact)
    assert cli.run(["deploy", "staging", name]) == 0
    (version,) = versions(bench, name)
    assert version["Key"] == evidence_key("staging", name, commit)
    found = json.loads(read(bench, version))
    assert (found["release"], found["pin"]["commit"]) == (artifact.release, commit)
    assert [approval["by"] for approval in found["approvals"]] == [
        {"id": 2, "login": "ben"},
        {"id": 3, "login": "cleo"},
    ]
    assert found["pull_request"]["number"] == 7
    assert found["run"]["run_id"] == "42"


def test_the_first_evidence_stays_when_a_later_run_deploys_again(
    bench: Bench, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.pin(name, bench.register(name, "first"))
    assert cli.run(["deploy", "staging", name]) == 0
    before = versions(bench, name)
    bench.aws.sagemaker.delete_endpoint(EndpointName=f"acme-staging-{name}")
    monkeypatch.setenv("GITHUB_RUN_ID", "43")
    assert cli.run(["deploy", "staging", name]) == 0
    assert versions(bench, name) == before


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"not JSON", "the whole file"),
        (b"[]", "the whole file"),
        (b"{}", "environment, model, release, pin, pull_request"),
    ],
)
def test_evidence_that_deploy_did_not_write_stops_it(
    bench: Bench, name: str, content: bytes, named: str, capsys: Said
) -> None:
    commit = bench.pin(name, bench.register(name, "first"))
    bench.seal(evidence_key("staging", name, commit), content)
    assert cli.run(["deploy", "staging", name]) == 1
    said = capsys.readouterr().out
    assert f"the evidence there differs in {named}; it was not written by `deploy`. Nothing was" in said
    assert endpoints(bench, name) == []


@pytest.mark.parametrize("member", ["release", "model", "environment", "pull_request", "pin"])
def test_evidence_that_was_altered_in_one_member_stops_it(
    bench: Bench, name: str, member: str, capsys: Said
) -> None:
    commit = bench.pin(name, bench.register(name, "first"))
    assert cli.run(["deploy", "staging", name]) == 0
    (version,) = versions(bench, name)
    altered = {**json.loads(read(bench, version)), member: "other"}
    bench.aws.sagemaker.delete_endpoint(EndpointName=f"acme-staging-{name}")
    bench.replace_sealed(evidence_key("staging", name, commit), json.dumps(altered).encode())
    assert cli.run(["deploy", "staging", name]) == 1
    assert f"the evidence there differs in {member};" in capsys.readouterr().out
    assert endpoints(bench, name) == []


def test_the_registry_leads_to_it(bench: Bench, name: str) -> None:
    artifact = bench.register(name, "first")
    commit = bench.pin(name, artifact)
    assert cli.run(["deploy", "staging", name]) == 0
    (version,) = versions(bench, name)
    digest = hashlib.sha256(read(bench, version)).hexdigest()
    package = bench.aws.sagemaker.describe_model_package(ModelPackageName=artifact.package)
    cycle, known = package["ModelLifeCycle"], package["CustomerMetadataProperties"]
    assert (cycle["Stage"], cycle["StageStatus"]) == ("staging", "Approved")
    described = {"release": artifact.release, "pr": 7, "commit": commit, "evidence": version["Key"]}
    assert json.loads(cycle["StageDescription"]) == {**described, "sha256": digest}
    assert {key: value for key, value in known.items() if key.startswith("staging.")} == {
        "staging.pr": "7",
        "staging.commit": commit,
        "staging.evidence": digest,
        "staging.by.1": "ben:2",
        "staging.by.2": "cleo:3",
    }
    assert (package["ModelApprovalStatus"], package["ApprovalDescription"]) == (
        "Approved",
        f"#7: {artifact.release}",
    )


def test_prod_writes_its_own_stage_and_leaves_stagings_words(bench: Bench, name: str) -> None:
    artifact = bench.register(name, "first")
    for environment in ("staging", "prod"):
        bench.pin(name, artifact, environment)
        assert cli.run(["deploy", environment, name]) == 0
    package = bench.aws.sagemaker.describe_model_package(ModelPackageName=artifact.package)
    assert package["ModelLifeCycle"]["Stage"] == "prod"
    known = package["CustomerMetadataProperties"]
    assert {f"{environment}.evidence" for environment in ("staging", "prod")} <= set(known)
    assert known["staging.evidence"] != known["prod.evidence"]
