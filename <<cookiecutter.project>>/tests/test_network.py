"""The network of a duty: what project.yml may name, what a pin and a SageMaker model make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from mlops.checkup.networks import Use, judge_use
from mlops.documents import parse_document
from mlops.endpoint import ensure_model
from mlops.errors import MlopsError, UsageError
from mlops.foundation.networking import offered_network, tell_network
from mlops.network import Network, Networks, is_same, render_network
from mlops.pin import Pin, dump_pin, make_pin, parse_pin
from mlops.project import Project, read_project
from mlops.serving import Serve
from mlops.target import Target
from tests.conftest import PROJECT
from tests.test_pin import make_artifact, make_guess

if TYPE_CHECKING:
    from pathlib import Path

VPC = "vpc-0a1b2c3d"
HERE = Network(vpc=VPC, subnets=["subnet-0a1b2c3d", "subnet-1a1b2c3d"], security_groups=["sg-0a1b2c3d"])
ELSEWHERE = Network(vpc=VPC, subnets=["subnet-2a1b2c3d"], security_groups=["sg-0a1b2c3d"])


def pinned(network: Network | None) -> Pin:
    serve = Serve.model_validate({"instance": "ml.m5.large"})
    return make_pin("guess", make_artifact(), serve.resolve("staging", Networks(staging=network)))


def test_a_project_without_networks_runs_in_sagemakers_own(tmp_path: Path) -> None:
    (tmp_path / "project.yml").write_text(PROJECT)
    assert read_project(tmp_path).network == Networks()


def test_the_line_that_bootstrap_prints_is_one_that_project_yml_takes() -> None:
    text = f"{PROJECT}network:\n{render_network('prod', HERE)}\n"
    assert parse_document(text, Project, "project.yml").network == Networks(prod=HERE)


@pytest.mark.parametrize(
    ("network", "said"),
    [
        (
            {"vpc": VPC, "subnets": [], "security_groups": ["sg-0a1b2c3d"]},
            "project.yml: network.prod.subnets: found []",
        ),
        (
            {"vpc": VPC, "subnets": ["subnet-0a1b2c3d"]},
            "project.yml: key 'network.prod.security_groups' is missing",
        ),
        (
            {"vpc": VPC, "subnets": ["vpc-0a1b2c3d"], "security_groups": ["sg-0a1b2c3d"]},
            "project.yml: network.prod.subnets.0: found 'vpc-0a1b2c3d': string should match",
        ),
        ("vpc-0a1b2c3d", "project.yml: network.prod: found 'vpc-0a1b2c3d'"),
    ],
)
def test_a_network_that_sagemaker_could_not_take_is_refused(network: Any, said: str) -> None:
    text = f"{PROJECT}network: {{prod: {network!r}}}\n"
    with pytest.raises(UsageError, match=r"^project.yml: ") as caught:
        parse_document(text, Project, "project.yml")
    assert str(caught.value).startswith(said)


def test_only_the_environment_that_names_one_is_served_in_a_network() -> None:
    serve, networks = Serve.model_validate({"instance": "ml.m5.large"}), Networks(prod=HERE)
    assert serve.resolve("staging", networks).network is None
    assert serve.resolve("prod", networks).network == HERE


def test_a_pin_carries_its_network_through_its_file() -> None:
    assert parse_pin(dump_pin(pinned(HERE)), "staging", "guess") == pinned(HERE)


def test_a_pin_without_network_says_nothing_of_it_and_keeps_its_names() -> None:
    # the digest of the serving's canonical record as it was before networks were known
    assert "network" not in dump_pin(make_guess())
    assert make_guess().config_hex == "31cc4ba0f2c5de619fef4b37064a26aee6c16459244f9d418ec502894106a8b7"
    assert make_guess().model_hex == make_guess().release_hex


def test_another_network_is_another_config_and_another_model_of_the_same_release() -> None:
    pins = [pinned(network) for network in (None, HERE, ELSEWHERE)]
    assert len({pin.release for pin in pins}) == 1
    assert len({pin.config_hex for pin in pins}) == 3, "status could not tell them apart"
    assert len({pin.model_hex for pin in pins}) == 3, "a model keeps the network that it was made with"


@pytest.mark.parametrize(
    ("answer", "network", "same"),
    [
        (None, None, True),
        (HERE.vpc_config, HERE, True),
        ({**HERE.vpc_config, "Subnets": HERE.subnets[::-1]}, HERE, True),
        (HERE.vpc_config, None, False),
        (None, HERE, False),
        (ELSEWHERE.vpc_config, HERE, False),
    ],
)
def test_what_sagemaker_answers_is_compared_whatever_its_order(
    answer: dict[str, list[str]] | None, network: Network | None, same: bool
) -> None:
    assert is_same(answer, network) is same


STACK = {
    "Outputs": [
        {"OutputKey": "VpcId", "OutputValue": VPC},
        {"OutputKey": "SubnetIds", "OutputValue": ",".join(HERE.subnets)},
        {"OutputKey": "SecurityGroupId", "OutputValue": "sg-0a1b2c3d"},
    ]
}


def test_bootstrap_says_what_project_yml_lacks_and_then_falls_silent() -> None:
    before = parse_document(PROJECT, Project, "project.yml")
    offered = offered_network(STACK)
    assert offered == HERE
    first, *lines = tell_network(before, ("training", "prod"), offered)
    assert first.endswith("then mlops bootstrap again:")
    after = parse_document(PROJECT + "\n".join(lines), Project, "project.yml")
    assert after.network == Networks(training=HERE, prod=HERE)
    assert list(tell_network(after, ("training", "prod"), offered)) == []
    assert list(tell_network(before, ("training",), None)) == []


def test_a_stack_that_is_half_made_offers_nothing() -> None:
    assert offered_network({"Outputs": STACK["Outputs"][:1]}) is None


def test_a_network_that_costs_and_serves_nobody_is_found() -> None:
    found = judge_use(Use("prod", None, HERE, []))
    assert found is not None
    assert found.said == "is there, but project.yml names none: nothing runs in it"
    assert found.remedy.startswith("into project.yml: network: {prod: {vpc: vpc-0a1b2c3d, subnets: [")


def target_in(network: Network | None) -> Target:
    return Target(parse_document(PROJECT, Project, "project.yml"), "staging", pinned(network))


def test_the_model_of_a_pin_is_made_in_its_network() -> None:
    target, client = target_in(HERE), boto3.client("sagemaker")
    with Stubber(client) as stub:
        stub.add_client_error("describe_model", "ValidationException", "Could not find model")
        wanted = {
            "ModelName": target.model,
            "ExecutionRoleArn": ANY,
            "Containers": ANY,
            "Tags": ANY,
            "VpcConfig": HERE.vpc_config,
        }
        stub.add_response("create_model", {"ModelArn": "arn:aws:sagemaker:x:y:model/z"}, wanted)
        ensure_model(client, target)
        stub.assert_no_pending_responses()


@pytest.mark.parametrize(("there", "pinned_in"), [({}, HERE), ({"VpcConfig": HERE.vpc_config}, None)])
def test_a_model_that_somebody_made_in_another_network_is_not_served(
    there: dict[str, Any], pinned_in: Network | None
) -> None:
    target, client = target_in(pinned_in), boto3.client("sagemaker")
    answer = {
        "ModelName": target.model,
        "CreationTime": 0,
        "ModelArn": "arn:aws:sagemaker:x:y:model/z",
        "Containers": [{"ModelPackageName": target.pin.artifact.package}],
        **there,
    }
    with Stubber(client) as stub:
        stub.add_response("describe_model", answer)
        with pytest.raises(MlopsError, match=r"exists, but its network is .*; delete it, then deploy again"):
            ensure_model(client, target)
