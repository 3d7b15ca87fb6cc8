"""AWS::EC2: networks, their subnets, routes, security groups, endpoints and flow logs."""

from __future__ import annotations

import json
from typing import Any

from sandbox.cloudformation.errors import ResourceError
from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    if put:
        making.client("ec2").create_tags(Resources=[making.id], Tags=put)
    if removed:
        making.client("ec2").delete_tags(Resources=[making.id], Tags=[{"Key": key} for key in removed])


def chosen(making: Making, *names: str) -> dict[str, Any]:
    """Those of the properties that are set."""
    return {name: making.get(name) for name in names if name in making.properties}


def set_dns(making: Making, before: Properties) -> None:
    for name, default in (("EnableDnsSupport", True), ("EnableDnsHostnames", False)):
        making.client("ec2").modify_vpc_attribute(
            VpcId=making.id, **{name: {"Value": making.get(name, default)}}
        )


class Vpc(Kind):
    name = "AWS::EC2::VPC"
    schema = {
        "CidrBlock": str,
        "EnableDnsHostnames": bool,
        "EnableDnsSupport": bool,
        "InstanceTenancy": str,
        "Tags": TAGS,
    }
    required = frozenset({"CidrBlock"})
    fixed = frozenset({"CidrBlock", "InstanceTenancy"})
    tags = "Tags"
    attributes = frozenset({"CidrBlock", "DefaultSecurityGroup", "VpcId"})
    setters = {"EnableDnsSupport": set_dns, "EnableDnsHostnames": set_dns, "Tags": set_tags}

    def make(self, making: Making) -> None:
        made = making.client("ec2").create_vpc(**chosen(making, "CidrBlock", "InstanceTenancy"))
        making.id = made["Vpc"]["VpcId"]

    def describe(self, making: Making) -> dict[str, Any]:
        mine = [{"Name": "vpc-id", "Values": [making.id]}, {"Name": "group-name", "Values": ["default"]}]
        groups = making.client("ec2").describe_security_groups(Filters=mine)["SecurityGroups"]
        return {
            "CidrBlock": making.get("CidrBlock"),
            "DefaultSecurityGroup": groups[0]["GroupId"] if groups else "",
            "VpcId": making.id,
        }

    def delete(self, making: Making) -> None:
        making.client("ec2").delete_vpc(VpcId=making.id)


def set_public(making: Making, before: Properties) -> None:
    making.client("ec2").modify_subnet_attribute(
        SubnetId=making.id, MapPublicIpOnLaunch={"Value": making.get("MapPublicIpOnLaunch", False)}
    )


class Subnet(Kind):
    name = "AWS::EC2::Subnet"
    schema = {
        "AvailabilityZone": str,
        "CidrBlock": str,
        "MapPublicIpOnLaunch": bool,
        "Tags": TAGS,
        "VpcId": str,
    }
    required = frozenset({"CidrBlock", "VpcId"})
    fixed = frozenset({"AvailabilityZone", "CidrBlock", "VpcId"})
    tags = "Tags"
    attributes = frozenset({"AvailabilityZone", "CidrBlock", "SubnetId", "VpcId"})
    setters = {"MapPublicIpOnLaunch": set_public, "Tags": set_tags}

    def make(self, making: Making) -> None:
        made = making.client("ec2").create_subnet(**chosen(making, "AvailabilityZone", "CidrBlock", "VpcId"))
        making.id = made["Subnet"]["SubnetId"]
        zone = made["Subnet"]["AvailabilityZone"]
        making.attributes = {
            "AvailabilityZone": zone,
            "SubnetId": making.id,
            **chosen(making, "CidrBlock", "VpcId"),
        }

    def delete(self, making: Making) -> None:
        making.client("ec2").delete_subnet(SubnetId=making.id)


class RouteTable(Kind):
    name = "AWS::EC2::RouteTable"
    schema = {"Tags": TAGS, "VpcId": str}
    required = frozenset({"VpcId"})
    fixed = frozenset({"VpcId"})
    tags = "Tags"
    attributes = frozenset({"RouteTableId"})
    setters = {"Tags": set_tags}

    def make(self, making: Making) -> None:
        made = making.client("ec2").create_route_table(VpcId=making.get("VpcId"))
        making.id = made["RouteTable"]["RouteTableId"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"RouteTableId": making.id}

    def delete(self, making: Making) -> None:
        making.client("ec2").delete_route_table(RouteTableId=making.id)


class SubnetRouteTableAssociation(Kind):
    name = "AWS::EC2::SubnetRouteTableAssociation"
    schema = {"RouteTableId": str, "SubnetId": str}
    required = frozenset(schema)
    fixed = frozenset(schema)
    attributes = frozenset({"Id"})

    def make(self, making: Making) -> None:
        made = making.client("ec2").associate_route_table(**chosen(making, "RouteTableId", "SubnetId"))
        making.id = made["AssociationId"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Id": making.id}

    def delete(self, making: Making) -> None:
        making.client("ec2").disassociate_route_table(AssociationId=making.id)


PORTS: Any = {
    "CidrIp": str,
    "CidrIpv6": str,
    "Description": str,
    "FromPort": int,
    "IpProtocol": str,
    "ToPort": int,
}
EVERYWHERE: Any = {"IpProtocol": "-1", "CidrIp": "0.0.0.0/0"}


def _permission(rule: Any) -> dict[str, Any]:
    """A rule as the API writes it: who may, apart from what."""
    said = {"Description": rule["Description"]} if "Description" in rule else {}
    found = {key: rule[key] for key in ("FromPort", "IpProtocol", "ToPort") if key in rule}
    group = rule.get("SourceSecurityGroupId") or rule.get("DestinationSecurityGroupId")
    if "CidrIp" in rule:
        found["IpRanges"] = [{"CidrIp": rule["CidrIp"], **said}]
    if "CidrIpv6" in rule:
        found["Ipv6Ranges"] = [{"CidrIpv6": rule["CidrIpv6"], **said}]
    if group:
        found["UserIdGroupPairs"] = [{"GroupId": group, **said}]
    return found


def set_ingress(making: Making, before: Properties) -> None:
    _set_rules(making, before.get("SecurityGroupIngress") or [], "Ingress", [])


def set_egress(making: Making, before: Properties) -> None:
    """A new group lets everything out, until rules say otherwise."""
    _set_rules(making, before.get("SecurityGroupEgress") or [EVERYWHERE], "Egress", [EVERYWHERE])


def _set_rules(making: Making, old: list[Any], way: str, default: list[Any]) -> None:
    client, new = making.client("ec2"), making.get(f"SecurityGroup{way}") or default
    for verb, rules in (
        ("revoke", [rule for rule in old if rule not in new]),
        ("authorize", [rule for rule in new if rule not in old]),
    ):
        if rules:
            call = getattr(client, f"{verb}_security_group_{way.lower()}")
            call(GroupId=making.id, IpPermissions=[_permission(rule) for rule in rules])


class SecurityGroup(Kind):
    name = "AWS::EC2::SecurityGroup"
    schema = {
        "GroupDescription": str,
        "GroupName": str,
        "SecurityGroupEgress": [{**PORTS, "DestinationSecurityGroupId": str}],
        "SecurityGroupIngress": [{**PORTS, "SourceSecurityGroupId": str}],
        "Tags": TAGS,
        "VpcId": str,
    }
    required = frozenset({"GroupDescription"})
    fixed = frozenset({"GroupDescription", "GroupName", "VpcId"})
    named_by = "GroupName"
    tags = "Tags"
    attributes = frozenset({"GroupId", "VpcId"})
    setters = {"SecurityGroupIngress": set_ingress, "SecurityGroupEgress": set_egress, "Tags": set_tags}

    def make(self, making: Making) -> None:
        made = making.client("ec2").create_security_group(
            GroupName=making.named("GroupName", 255),
            Description=making.get("GroupDescription"),
            **chosen(making, "VpcId"),
        )
        making.id = made["GroupId"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"GroupId": making.id, "VpcId": making.get("VpcId", "")}

    def delete(self, making: Making) -> None:
        making.client("ec2").delete_security_group(GroupId=making.id)


LISTS = ("RouteTableIds", "SecurityGroupIds", "SubnetIds")


def set_endpoint(making: Making, before: Properties) -> None:
    asked: dict[str, Any] = {}
    for key in LISTS:
        old, new = (each.get(key) or [] for each in (before, making.properties))
        added, gone = [each for each in new if each not in old], [each for each in old if each not in new]
        asked |= {**({f"Add{key}": added} if added else {}), **({f"Remove{key}": gone} if gone else {})}
    if before.get("PolicyDocument") != making.get("PolicyDocument"):
        policy = making.get("PolicyDocument")
        asked |= {"PolicyDocument": json.dumps(policy)} if policy else {"ResetPolicy": True}
    if before.get("PrivateDnsEnabled") != making.get("PrivateDnsEnabled"):
        asked["PrivateDnsEnabled"] = making.get("PrivateDnsEnabled", False)
    making.client("ec2").modify_vpc_endpoint(VpcEndpointId=making.id, **asked)


class VpcEndpoint(Kind):
    name = "AWS::EC2::VPCEndpoint"
    schema = {
        "PolicyDocument": dict,
        "PrivateDnsEnabled": bool,
        "RouteTableIds": [str],
        "SecurityGroupIds": [str],
        "ServiceName": str,
        "SubnetIds": [str],
        "Tags": TAGS,
        "VpcEndpointType": str,
        "VpcId": str,
    }
    required = frozenset({"ServiceName", "VpcId"})
    fixed = frozenset({"ServiceName", "VpcEndpointType", "VpcId"})
    born = frozenset({"PolicyDocument", "PrivateDnsEnabled", *LISTS})
    tags = "Tags"
    attributes = frozenset({"Id"})
    setters = {
        **dict.fromkeys(("PolicyDocument", "PrivateDnsEnabled", *LISTS), set_endpoint),
        "Tags": set_tags,
    }

    def make(self, making: Making) -> None:
        policy = making.get("PolicyDocument")
        named = ("PrivateDnsEnabled", "ServiceName", "VpcEndpointType", "VpcId", *LISTS)
        made = making.client("ec2").create_vpc_endpoint(
            **chosen(making, *named), **({"PolicyDocument": json.dumps(policy)} if policy else {})
        )
        making.id = made["VpcEndpoint"]["VpcEndpointId"]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Id": making.id}

    def delete(self, making: Making) -> None:
        making.client("ec2").delete_vpc_endpoints(VpcEndpointIds=[making.id])


FLOW = (
    "DeliverLogsPermissionArn",
    "LogDestination",
    "LogDestinationType",
    "LogFormat",
    "LogGroupName",
    "TrafficType",
)


class FlowLog(Kind):
    name = "AWS::EC2::FlowLog"
    schema = {
        **dict.fromkeys((*FLOW, "ResourceId", "ResourceType"), str),
        "MaxAggregationInterval": int,
        "Tags": TAGS,
    }
    required = frozenset({"ResourceId", "ResourceType"})
    fixed = frozenset({*FLOW, "MaxAggregationInterval", "ResourceId", "ResourceType"})
    tags = "Tags"
    attributes = frozenset({"Id"})
    setters = {"Tags": set_tags}

    def make(self, making: Making) -> None:
        named = (*FLOW, "MaxAggregationInterval", "ResourceType")
        made = making.client("ec2").create_flow_logs(
            ResourceIds=[making.get("ResourceId")], **chosen(making, *named)
        )
        if made.get("Unsuccessful"):
            fault = made["Unsuccessful"][0]["Error"]
            raise ResourceError("InvalidRequest", fault["Message"])
        making.id = made["FlowLogIds"][0]

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Id": making.id}

    def delete(self, making: Making) -> None:
        making.client("ec2").delete_flow_logs(FlowLogIds=[making.id])


KINDS = (
    Vpc(),
    Subnet(),
    RouteTable(),
    SubnetRouteTableAssociation(),
    SecurityGroup(),
    VpcEndpoint(),
    FlowLog(),
)
