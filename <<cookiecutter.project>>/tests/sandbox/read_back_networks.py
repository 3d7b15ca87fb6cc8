"""Networks as EC2 tells them; see read_back.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from .told import Found, Seen

if TYPE_CHECKING:
    from sandbox.cloudformation.kinds import Making


def flow_log(client: Any, making: Making) -> Found:
    found = client("ec2").describe_flow_logs(FlowLogIds=[making.id])["FlowLogs"][0]
    return Seen({**found, "ResourceType": "VPC"})


def route_table(client: Any, making: Making) -> Found:
    (found,) = client("ec2").describe_route_tables(RouteTableIds=[making.id])["RouteTables"]
    return dict(found)


def permissions(found: list[Any], group: str) -> list[Found]:
    rules = []
    for each in found:
        ports = {key: each[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in each}
        ranges = [{"CidrIp": one["CidrIp"], **said(one)} for one in each["IpRanges"]]
        groups = [{group: one["GroupId"], **said(one)} for one in each["UserIdGroupPairs"]]
        rules += [{**ports, **one} for one in (*ranges, *groups)]
    return rules


def said(found: Any) -> Found:
    return {"Description": found["Description"]} if found.get("Description") else {}


def security_group(client: Any, making: Making) -> Found:
    (found,) = client("ec2").describe_security_groups(GroupIds=[making.id])["SecurityGroups"]
    return {
        **found,
        "GroupDescription": found["Description"],
        "SecurityGroupIngress": permissions(found["IpPermissions"], "SourceSecurityGroupId"),
        "SecurityGroupEgress": permissions(found["IpPermissionsEgress"], "DestinationSecurityGroupId"),
    }


def subnet(client: Any, making: Making) -> Found:
    return dict(client("ec2").describe_subnets(SubnetIds=[making.id])["Subnets"][0])


def association(client: Any, making: Making) -> Found:
    for table in client("ec2").describe_route_tables()["RouteTables"]:
        for each in table["Associations"]:
            if each["RouteTableAssociationId"] == making.id:
                return dict(each)
    raise KeyError(making.id)


def vpc(client: Any, making: Making) -> Found:
    api = client("ec2")
    found = api.describe_vpcs(VpcIds=[making.id])["Vpcs"][0]
    for name, key in (("enableDnsSupport", "EnableDnsSupport"), ("enableDnsHostnames", "EnableDnsHostnames")):
        found[key] = api.describe_vpc_attribute(VpcId=making.id, Attribute=name)[key]["Value"]
    return dict(found)


def vpc_endpoint(client: Any, making: Making) -> Found:
    found = client("ec2").describe_vpc_endpoints(VpcEndpointIds=[making.id])["VpcEndpoints"][0]
    if found["State"] == "deleted":
        raise KeyError(making.id)
    return {
        **found,
        "PolicyDocument": json.loads(found["PolicyDocument"]),
        "SecurityGroupIds": [each["GroupId"] for each in found["Groups"]],
    }
