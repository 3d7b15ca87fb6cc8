"""A project with a private network, as `mlops doctor` reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.checkup.networks import INTERFACES
from mlops.network import Network, render_network
from mlops.pin import dump_pin, make_pin
from tests.conftest import REGION
from tests.test_check import write_pin
from tests.test_pin import make_guess

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.patient import Patient

VPC, SUBNET, GROUP, TABLE = "vpc-0a1b2c3d", "subnet-0a1b2c3d", "sg-0a1b2c3d", "rtb-0a1b2c3d"
NETWORK = Network(vpc=VPC, subnets=[SUBNET], security_groups=[GROUP])
S3 = {"ServiceName": f"com.amazonaws.{REGION}.s3", "State": "available", "RouteTableIds": [TABLE]}
ENDPOINTS: list[dict[str, Any]] = [
    *(
        {"ServiceName": f"com.amazonaws.{REGION}.{name}", "State": "available", "PrivateDnsEnabled": True}
        for name in INTERFACES
    ),
    S3,
]


def give_network(
    patient: Patient,
    duty: str = "training",
    subnets: Sequence[str] = (SUBNET,),
    endpoints: Sequence[dict[str, Any]] = ENDPOINTS,
    nat: str = "",
) -> None:
    """Let project.yml name a network whose VPC has these subnets and endpoints."""
    with (patient.root / "project.yml").open("a") as file:
        file.write(f"network:\n{render_network(duty, NETWORK)}\n")
    for name in (f"acme-boundary-{duty}", f"acme-runtime-{duty}"):
        patient.change(("cloudformation", "describe_stacks", name), let_in)
    routes = [{"DestinationCidrBlock": "0.0.0.0/0", "NatGatewayId": nat}] if nat else []
    table = {"RouteTableId": TABLE, "Associations": [{"SubnetId": SUBNET}], "Routes": routes}
    answers: dict[str, dict[str, Any]] = {
        "describe_subnets": {"Subnets": [{"SubnetId": each} for each in subnets]},
        "describe_security_groups": {"SecurityGroups": [{"GroupId": GROUP}]},
        "describe_route_tables": {"RouteTables": [table]},
        "describe_vpc_endpoints": {"VpcEndpoints": list(endpoints)},
    }
    for operation, answer in answers.items():
        patient.put(("ec2", operation), **answer)


def let_in(answer: Any) -> Any:
    """The stack's answer, with the VPC as its parameter."""
    given = [each for each in answer["Stacks"][0]["Parameters"] if each["ParameterKey"] != "Vpc"]
    parameters = [*given, {"ParameterKey": "Vpc", "ParameterValue": VPC}]
    return {"Stacks": [{**answer["Stacks"][0], "Parameters": parameters}]}


def pin_elsewhere(patient: Patient) -> None:
    """Pin a model in a network that project.yml does not name."""
    pin = make_guess()
    serving = pin.serving.model_copy(update={"network": NETWORK})
    write_pin(patient.root, "staging", dump_pin(make_pin(pin.model, pin.artifact, serving)))
