"""The kinds of a network. They have no names: one is its project's by a group in it, or by a tag."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from mlops.aws import pauses
from mlops.errors import AwsError
from mlops.teardown.item import Clients, Item, Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

PATIENCE = 10 * 60  # seconds that the interfaces of endpoints take to go


def tagged_name(entry: Mapping[str, Any]) -> str:
    """What the tags of a thing call it: its Name, or its project."""
    tags = {tag["Key"]: tag["Value"] for tag in entry.get("Tags") or []}
    return str(tags.get("Name") or tags.get("project") or "")


def name_networks(clients: Clients) -> dict[str, str]:
    """Network → the name of a security group in it, or its own by tag; the default group names nothing."""
    vpcs = clients.pages("ec2", "describe_vpcs", "Vpcs")
    names = {each["VpcId"]: tagged_name(each) for each in vpcs if not each.get("IsDefault")}
    for group in clients.pages("ec2", "describe_security_groups", "SecurityGroups"):
        if group["GroupName"] != "default" and group.get("VpcId") in names:
            names[group["VpcId"]] = names[group["VpcId"]] or group["GroupName"]
    return names


def finder(kind: str, operation: str, member: str, key: str) -> Callable[[Clients], Iterator[Item]]:
    """How parts of networks are listed: each under the name of its network, where it has none of its own."""

    def find(clients: Clients) -> Iterator[Item]:
        names = name_networks(clients)
        for each in clients.pages("ec2", operation, member):
            if is_part(each) and each.get("VpcId") in names:
                name = tagged_name(each) or each.get("GroupName") or names[each["VpcId"]]
                yield Item(kind, each[key], name)

    return find


def is_part(entry: Mapping[str, Any]) -> bool:
    """Whether a part goes by itself: default groups and main tables go with their network."""
    is_main = any(each.get("Main") for each in entry.get("Associations") or [])
    return (
        entry.get("GroupName") != "default"
        and not is_main
        and entry.get("State") not in ("deleted", "deleting")
    )


def find_networks(clients: Clients) -> Iterator[Item]:
    """Networks, but for the account's default one."""
    for number, name in name_networks(clients).items():
        yield Item("network", number, name)


def remove_endpoint(clients: Clients, item: Item) -> None:
    """Delete it and wait: its interfaces hold subnets and groups."""
    ec2 = clients.of("ec2")
    refused = ec2.delete_vpc_endpoints(VpcEndpointIds=[item.id]).get("Unsuccessful")
    if refused:
        raise AwsError(f"{item}: {refused[0]['Error'].get('Message', refused[0]['Error'])}")
    deadline, pause = time.monotonic() + PATIENCE, pauses(5.0)
    while time.monotonic() < deadline:
        listed = clients.pages("ec2", "describe_vpc_endpoints", "VpcEndpoints")
        if all(each["VpcEndpointId"] != item.id or each["State"] == "deleted" for each in listed):
            return
        time.sleep(next(pause))


def remove_table(clients: Clients, item: Item) -> None:
    """A table goes after what it is associated with."""
    ec2 = clients.of("ec2")
    for each in ec2.describe_route_tables(RouteTableIds=[item.id])["RouteTables"][0]["Associations"]:
        ec2.disassociate_route_table(AssociationId=each["RouteTableAssociationId"])
    ec2.delete_route_table(RouteTableId=item.id)


def remove_group(clients: Clients, item: Item) -> None:
    """A group goes after the rules that name it, its own and others'."""
    ec2 = clients.of("ec2")
    for group in clients.pages("ec2", "describe_security_groups", "SecurityGroups"):
        for way, revoke in (
            ("IpPermissions", ec2.revoke_security_group_ingress),
            ("IpPermissionsEgress", ec2.revoke_security_group_egress),
        ):
            naming = [
                {**rule, "UserIdGroupPairs": pairs, "IpRanges": [], "Ipv6Ranges": [], "PrefixListIds": []}
                for rule in group.get(way) or []
                if (pairs := [pair for pair in rule["UserIdGroupPairs"] if pair.get("GroupId") == item.id])
            ]
            if naming:
                revoke(GroupId=group["GroupId"], IpPermissions=naming)
    ec2.delete_security_group(GroupId=item.id)


KINDS = (
    Kind(
        "network-endpoint",
        finder("network-endpoint", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
        remove_endpoint,
        ("AWS::EC2::VPCEndpoint",),
    ),
    Kind(
        "subnet",
        finder("subnet", "describe_subnets", "Subnets", "SubnetId"),
        lambda clients, item: clients.of("ec2").delete_subnet(SubnetId=item.id),
        ("AWS::EC2::Subnet", "AWS::EC2::SubnetRouteTableAssociation"),
    ),
    Kind(
        "route-table",
        finder("route-table", "describe_route_tables", "RouteTables", "RouteTableId"),
        remove_table,
        ("AWS::EC2::RouteTable",),
    ),
    Kind(
        "security-group",
        finder("security-group", "describe_security_groups", "SecurityGroups", "GroupId"),
        remove_group,
        ("AWS::EC2::SecurityGroup",),
    ),
    Kind(
        "network",
        find_networks,
        lambda clients, item: clients.of("ec2").delete_vpc(VpcId=item.id),
        ("AWS::EC2::VPC",),
    ),
)
