"""Jobs and endpoints in a VPC: it must be there, and without a way out they reach the sandbox alone."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from .conftest import (
    ACCOUNT,
    IMAGE,
    PAYLOAD,
    STAGING,
    Sandbox,
    processing,
    processing_input,
    processing_output,
    run_processing,
    run_training,
    training,
)
from .test_endpoints import ENVIRONMENT, ask, publish, settled

if TYPE_CHECKING:
    from collections.abc import Iterator

Vpc = dict[str, list[str]]
OFTEN = {"Delay": 1, "MaxAttempts": 60}
LOOK_AROUND = """
import os, shutil, socket

def reaches(port):
    try:
        socket.create_connection(("127.0.0.1", int(port)), timeout=5).close()
        return True
    except OSError:
        return False

sandbox = os.environ["AWS_ENDPOINT_URL"].rsplit(":", 1)[1]
with open("/opt/ml/output/message", "w") as message:
    print("sandbox", reaches(sandbox), "beside", reaches(os.environ["BESIDE"]), file=message)
shutil.copy(__file__, "/opt/ml/processing/output/copy")
"""


@dataclass(frozen=True)
class Ground:
    """The network that infra/network.yml makes, and a subnet beside it from which nothing is reached."""

    ec2: Any
    vpc: str
    subnets: list[str]
    bare: str
    group: str

    def config(self, *subnets: str) -> Vpc:
        return {"Subnets": list(subnets or self.subnets), "SecurityGroupIds": [self.group]}


@pytest.fixture(scope="module")
def ground(sandbox: Sandbox) -> Ground:
    cloud, ec2 = sandbox.client("cloudformation"), sandbox.client("ec2")
    given = [
        {"ParameterKey": "Project", "ParameterValue": "shop"},
        {"ParameterKey": "TrainingAccount", "ParameterValue": ACCOUNT},
    ]
    body = (PAYLOAD / "infra/network.yml").read_text()
    cloud.create_stack(StackName="shop-network-training", TemplateBody=body, Parameters=given)
    cloud.get_waiter("stack_create_complete").wait(StackName="shop-network-training", WaiterConfig=OFTEN)
    (stack,) = cloud.describe_stacks(StackName="shop-network-training")["Stacks"]
    found = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    for name in ("shop-boundary-training", "shop-runtime-training"):
        let_in(cloud, name, found["VpcId"])
    ec2.associate_vpc_cidr_block(VpcId=found["VpcId"], CidrBlock="10.70.0.0/20")
    bare = make_subnet(ec2, found["VpcId"], 0)
    return Ground(ec2, found["VpcId"], found["SubnetIds"].split(","), bare, found["SecurityGroupId"])


def let_in(cloud: Any, stack: str, vpc: str) -> None:
    """Give the roles of training what a network in project.yml gives them."""
    (before,) = cloud.describe_stacks(StackName=stack)["Stacks"]
    names = [each["ParameterKey"] for each in before["Parameters"] if each["ParameterKey"] != "Vpc"]
    kept = [{"ParameterKey": name, "UsePreviousValue": True} for name in names]
    cloud.update_stack(
        StackName=stack,
        UsePreviousTemplate=True,
        Parameters=[*kept, {"ParameterKey": "Vpc", "ParameterValue": vpc}],
        Capabilities=["CAPABILITY_NAMED_IAM"],
    )
    cloud.get_waiter("stack_update_complete").wait(StackName=stack, WaiterConfig=OFTEN)


def make_subnet(ec2: Any, vpc: str, number: int) -> str:
    return str(ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.70.{number}.0/24")["Subnet"]["SubnetId"])


@pytest.fixture(scope="module")
def beside() -> Iterator[int]:
    """A server of this machine that a job without a network of its own reaches."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def look_around(sandbox: Sandbox, name: str, beside: int, vpc: Vpc | None) -> str:
    """What a job in a network says that it reaches, once it has read from S3 and written there."""
    uri = sandbox.put(f"datasets/{name}/look.py", LOOK_AROUND)
    result = f"s3://{sandbox.bucket}/runs/{name}"
    more: dict[str, Any] = {"NetworkConfig": {"VpcConfig": vpc}} if vpc else {}
    job = run_processing(
        sandbox,
        name,
        "python3 /opt/ml/processing/input/word/look.py",
        Environment={"BESIDE": str(beside)},
        ProcessingInputs=[processing_input("word", uri.rpartition("/")[0])],
        ProcessingOutputConfig={"Outputs": [processing_output("copy", result)]},
        **more,
    )
    assert job["ProcessingJobStatus"] == "Completed", job["FailureReason"]
    assert sandbox.read(f"{result}/look.py") == LOOK_AROUND.encode()
    return str(job["ExitMessage"])


def test_a_job_outside_every_vpc_has_the_machines_network(sandbox: Sandbox, unique: str, beside: int) -> None:
    assert look_around(sandbox, unique, beside, None) == "sandbox True beside True"


def test_a_job_in_a_vpc_without_a_nat_reaches_the_sandbox_and_nothing_else(
    sandbox: Sandbox, ground: Ground, unique: str, beside: int
) -> None:
    assert look_around(sandbox, unique, beside, ground.config()) == "sandbox True beside False"


def test_a_nat_leads_out(sandbox: Sandbox, ground: Ground, unique: str, beside: int) -> None:
    ec2 = ground.ec2
    subnet = make_subnet(ec2, ground.vpc, 1)
    table = ec2.create_route_table(VpcId=ground.vpc)["RouteTable"]["RouteTableId"]
    ec2.associate_route_table(RouteTableId=table, SubnetId=subnet)
    address = ec2.allocate_address(Domain="vpc")["AllocationId"]
    nat = ec2.create_nat_gateway(SubnetId=ground.bare, AllocationId=address)["NatGateway"]["NatGatewayId"]
    ec2.create_route(RouteTableId=table, DestinationCidrBlock="0.0.0.0/0", NatGatewayId=nat)
    assert look_around(sandbox, unique, beside, ground.config(subnet)) == "sandbox True beside True"


def test_data_stays_out_of_reach_where_no_route_leads_to_s3(
    sandbox: Sandbox, ground: Ground, unique: str
) -> None:
    job = run_training(sandbox, unique, "true", VpcConfig=ground.config(ground.subnets[0], ground.bare))
    assert job["FailureReason"].startswith(
        "ClientError: Data download failed: Please ensure that the subnet's"
    )
    assert job["VpcConfig"]["Subnets"] == [ground.subnets[0], ground.bare]


def test_a_job_leaves_no_interface_in_the_vpc(sandbox: Sandbox, ground: Ground, unique: str) -> None:
    run_training(sandbox, unique, "true", VpcConfig=ground.config())
    made = [
        record
        for record in sandbox.records()
        if record["eventName"] in ("CreateNetworkInterface", "DeleteNetworkInterface")
    ]
    assert made[-1]["userIdentity"]["sessionContext"]["sessionIssuer"]["userName"] == "shop-execution"
    assert len(made) % 2 == 0, "an interface was made and not taken away"
    mine = [{"Name": "group-id", "Values": [ground.group]}]
    assert ground.ec2.describe_network_interfaces(Filters=mine)["NetworkInterfaces"] == []


@pytest.mark.parametrize("kind", ["training", "processing", "model"])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"Subnets": ["subnet-0123456789abcdef0"]}, "subnet ID 'subnet-0123456789abcdef0' does not exist"),
        (
            {"SecurityGroupIds": ["sg-0123456789abcdef0"]},
            "security group '.*sg-0123456789abcdef0.*' does not",
        ),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    sandbox: Sandbox, ground: Ground, unique: str, kind: str, changes: Vpc, said: str
) -> None:
    vpc = {**ground.config(), **changes}
    with pytest.raises(ClientError, match=rf"\(ValidationException\).*Invalid VpcConfig: The {said}"):
        create(sandbox, kind, unique, vpc)


def create(sandbox: Sandbox, kind: str, name: str, vpc: Vpc, role: str = "") -> None:
    client, role = sandbox.client("sagemaker"), role or sandbox.role
    if kind == "training":
        client.create_training_job(**training(sandbox, name, "true", VpcConfig=vpc, RoleArn=role))
    elif kind == "processing":
        network = {"VpcConfig": vpc}
        client.create_processing_job(**processing(sandbox, name, "true", NetworkConfig=network, RoleArn=role))
    else:
        container = {"Image": IMAGE}
        client.create_model(ModelName=name, PrimaryContainer=container, ExecutionRoleArn=role, VpcConfig=vpc)


def test_a_security_group_of_another_vpc_is_refused(sandbox: Sandbox, ground: Ground, unique: str) -> None:
    other = ground.ec2.create_vpc(CidrBlock="10.65.0.0/20")["Vpc"]["VpcId"]
    group = ground.ec2.create_security_group(GroupName=unique, Description="x", VpcId=other)["GroupId"]
    with pytest.raises(ClientError, match="lie in several VPCs"):
        create(sandbox, "model", unique, {**ground.config(), "SecurityGroupIds": [group]})


def test_a_role_joins_the_vpc_of_project_yml_and_no_other(
    sandbox: Sandbox, ground: Ground, unique: str
) -> None:
    other = ground.ec2.create_vpc(CidrBlock="10.66.0.0/20")["Vpc"]["VpcId"]
    group = ground.ec2.create_security_group(GroupName=unique, Description="x", VpcId=other)["GroupId"]
    subnet = ground.ec2.create_subnet(VpcId=other, CidrBlock="10.66.0.0/24")["Subnet"]["SubnetId"]
    vpc = {"Subnets": [subnet], "SecurityGroupIds": [group]}
    service = f"com.amazonaws.{ground.ec2.meta.region_name}.s3"
    (table,) = ground.ec2.describe_route_tables(Filters=[{"Name": "vpc-id", "Values": [other]}])[
        "RouteTables"
    ]
    ground.ec2.create_vpc_endpoint(
        VpcId=other, ServiceName=service, VpcEndpointType="Gateway", RouteTableIds=[table["RouteTableId"]]
    )
    job = run_training(sandbox, unique, "true", VpcConfig=vpc)
    assert "not authorized to perform: ec2:CreateNetworkInterface on resource: " in job["FailureReason"]


def test_the_roles_of_a_project_without_network_join_none(sandbox: Sandbox, unique: str) -> None:
    role = f"arn:aws:iam::{STAGING}:role/shop-serve-staging"
    vpc = {"Subnets": ["subnet-0123456789abcdef0"], "SecurityGroupIds": ["sg-0123456789abcdef0"]}
    client = sandbox.client("sagemaker", f"AKIAROOT{STAGING}")
    with pytest.raises(ClientError, match=r"shop-serve-staging.* is not authorized to perform: ec2:Describe"):
        client.create_model(
            ModelName=unique, PrimaryContainer={"Image": IMAGE}, ExecutionRoleArn=role, VpcConfig=vpc
        )


LOOKING = """
import json, os, socket

def model_fn(folder):
    return ""

def input_fn(body, kind):
    return int(body)

def predict_fn(port, model):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
        return True
    except OSError:
        return False

def output_fn(prediction, accept):
    return json.dumps(prediction), "application/json"
"""


def serve(sandbox: Sandbox, name: str, vpc: Vpc) -> dict[str, Any]:
    """Create an endpoint whose model lies in a VPC, and wait for it."""
    client = sandbox.client("sagemaker")
    container = {
        "Image": IMAGE,
        "ModelDataUrl": publish(sandbox, name, "", LOOKING),
        "Environment": ENVIRONMENT,
    }
    client.create_model(
        ModelName=name, PrimaryContainer=container, ExecutionRoleArn=sandbox.role, VpcConfig=vpc
    )
    variant = {
        "VariantName": "v",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    client.create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])
    client.create_endpoint(EndpointName=name, EndpointConfigName=name)
    return settled(sandbox, name)


def test_an_endpoint_in_a_vpc_answers_and_reaches_nothing_beside_the_sandbox(
    sandbox: Sandbox, ground: Ground, unique: str, beside: int
) -> None:
    assert serve(sandbox, unique, ground.config())["EndpointStatus"] == "InService"
    port = int(sandbox.endpoint.rpartition(":")[2])
    assert [ask(sandbox, unique, each) for each in (port, beside)] == [True, False]
    sandbox.client("sagemaker").delete_endpoint(EndpointName=unique)


def test_an_endpoint_that_cannot_reach_s3_fails(sandbox: Sandbox, ground: Ground, unique: str) -> None:
    ended = serve(sandbox, unique, ground.config(ground.bare))
    assert ended["EndpointStatus"] == "Failed"
    assert "Please ensure that an S3 VPC endpoint exists in route table" in ended["FailureReason"]
