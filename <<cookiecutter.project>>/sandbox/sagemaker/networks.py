"""VPCs that jobs and models name: what must be there, and where traffic from their subnets gets to."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore.exceptions import ClientError

from sandbox.errors import SandboxError, invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox import launch
    from sandbox.sagemaker.store import Record
    from sandbox.world import World

# SageMaker's own words, as users quote them
NO_STORAGE = (
    "Please ensure that the subnet's route table has a route to an S3 VPC endpoint or a NAT device, and both "
    "the security groups and the subnet's network ACL allow outbound traffic to S3"
)


@dataclass(frozen=True)
class Reach:
    """What a container gets to: the internet, and S3."""

    internet: bool = True
    storage: bool = True


EVERYTHING = Reach()


def require(world: World, role: str, vpc: Record | None) -> None:
    """Refuse subnets and security groups that are not there; SageMaker asks EC2 as the job's own role."""
    if not vpc:
        return
    ec2 = world.client("ec2", world.assume(role))
    try:
        subnets = ec2.describe_subnets(SubnetIds=vpc["Subnets"])["Subnets"]
        groups = ec2.describe_security_groups(GroupIds=vpc["SecurityGroupIds"])["SecurityGroups"]
    except ClientError as error:
        raise invalid(f"Invalid VpcConfig: {error.response['Error']['Message']}") from None
    found = sorted({each["VpcId"] for each in (*subnets, *groups)})
    if len(found) != 1:
        raise invalid(f"Invalid VpcConfig: subnets and security groups lie in several VPCs: {found}")


def reach(world: World, vpc: Record | None) -> Reach:
    """Where traffic gets to from every one of the subnets: a network interface may lie in any."""
    if not vpc:
        return EVERYTHING
    # moto reads account and region when it is imported, which the server has done by now
    from moto.ec2.models import ec2_backends

    ec2 = ec2_backends[world.account][world.region]
    tables = [route_table(ec2, subnet) for subnet in vpc["Subnets"]]
    doors = [door for door in ec2.vpc_end_points.values() if door.service_name.endswith(".s3")]
    open_to_s3 = {name for door in doors for name in door.route_table_ids or ()}
    internet = all(has_way_out(table) for table in tables)
    return Reach(internet, internet or all(table.id in open_to_s3 for table in tables))


def route_table(ec2: Any, subnet: str) -> Any:
    """The route table of a subnet: its own, else its VPC's main one."""
    own = ec2.describe_route_tables(filters={"association.subnet-id": [subnet]})
    vpc = ec2.get_subnet(subnet).vpc_id
    return (own or ec2.describe_route_tables(filters={"vpc-id": [vpc], "association.main": ["true"]}))[0]


def has_way_out(table: Any) -> bool:
    """Whether a NAT leads out: a container has no public address, with which a gateway alone would do."""
    return any(route.destination_cidr_block == "0.0.0.0/0" and route.nat_gateway for route in table.routes)


def confine(command: launch.Command, found: Reach, world: World) -> launch.Command:
    """Leave a container that has no way to the internet the sandbox's endpoint alone."""
    return command if found.internet else replace(command, door=urlsplit(world.endpoint).port or 0)


@contextmanager
def joined(world: World, role: str, vpc: Record | None) -> Iterator[None]:
    """Hold a network interface in the VPC while a container runs, by the right of the container's role."""
    if not vpc:
        yield
        return
    ec2 = world.client("ec2", world.assume(role))
    try:
        made = ec2.create_network_interface(SubnetId=vpc["Subnets"][0], Groups=vpc["SecurityGroupIds"])
    except ClientError as error:
        raise SandboxError(f"no network interface in the VPC: {error}") from None
    name = made["NetworkInterface"]["NetworkInterfaceId"]
    try:
        yield
    finally:
        ec2.delete_network_interface(NetworkInterfaceId=name)
