"""What the operations on network interfaces need; all else of EC2 is decided on `*`.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonec2.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.iam.part import given, texts

if TYPE_CHECKING:
    from sandbox.iam.part import Params, Part, Place


def parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Making one concerns the subnet and the security groups too."""
    if operation == "CreateNetworkInterface":
        subnet = str(params.get("SubnetId", ""))
        groups = texts(params.get("Groups") or [])
        named = [("subnet", subnet), *(("security-group", group) for group in groups)]
        interface = place.part(f"ec2:{operation}", place.arn("ec2", "network-interface/*"))
        return [*(_part(operation, kind, name, place) for kind, name in named), interface]
    if operation == "DeleteNetworkInterface":
        name = str(params.get("NetworkInterfaceId", ""))
        return [_part(operation, "network-interface", name, place)]
    return []


def _part(operation: str, kind: str, name: str, place: Place) -> Part:
    keys = given({"ec2:Vpc": _vpc_of(kind, name, place)})
    return place.part(f"ec2:{operation}", place.arn("ec2", f"{kind}/{name}"), keys)


def _vpc_of(kind: str, name: str, place: Place) -> str:
    """The ARN of the VPC in which something lies; empty where there is no such thing."""
    # moto reads account and region when it is imported, which the server has done by now
    from moto.ec2.models import ec2_backends

    ec2 = ec2_backends[place.account][place.region]
    subnets = (each for zone in ec2.subnets.values() for each in zone.values())
    known = {
        "network-interface": ((each.id, each.subnet.vpc_id) for each in ec2.enis.values()),
        "security-group": (
            (each.id, each.vpc_id) for groups in ec2.groups.values() for each in groups.values()
        ),
        "subnet": ((each.id, each.vpc_id) for each in subnets),
    }
    vpc = dict(known[kind]).get(name)
    return place.arn("ec2", f"vpc/{vpc}") if vpc else ""
