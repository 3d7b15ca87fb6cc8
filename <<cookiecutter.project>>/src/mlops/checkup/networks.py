"""Private networks: what project.yml names is there, leads to all that the loop needs, and is what runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.checkup.finding import Check, Trouble
from mlops.foundation.networking import STEM, offered_network
from mlops.network import render_network
from mlops.pin import Pin, parse_pin_file
from mlops.workspace import read_work_pins

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops.checkup.site import Site
    from mlops.network import Network

GATEWAY = "s3"
# Images, logs, metrics, keys, and what the jobs themselves call
INTERFACES = (
    "ecr.api",
    "ecr.dkr",
    "kms",
    "logs",
    "monitoring",
    "sagemaker.api",
    "sagemaker.runtime",
    "sts",
)


@dataclass(frozen=True)
class Parts:
    """A duty's network, and what EC2 knows in its VPC."""

    network: Network
    subnets: set[str]
    groups: set[str]


@dataclass(frozen=True)
class Ways:
    """Where a duty's subnets lead: their route tables, and the endpoints of the VPC."""

    duty: str
    network: Network
    region: str
    tables: Sequence[Mapping[str, Any]]
    endpoints: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Use:
    """What project.yml names, what the stack made, and the pins that say otherwise."""

    duty: str
    named: Network | None
    offered: Network | None
    pins: Sequence[str]


def named_networks(site: Site) -> Iterator[tuple[str, Network]]:
    """The networks of project.yml for the duties looked at."""
    for duty in site.duties:
        network: Network | None = getattr(site.project.network, duty)
        if network:
            yield duty, network


def within(network: Network) -> list[dict[str, Any]]:
    """The filter that keeps to the network's VPC."""
    return [{"Name": "vpc-id", "Values": [network.vpc]}]


def read_parts(site: Site) -> Iterator[tuple[str, Parts]]:
    """The subnets and security groups of each network's VPC."""
    for duty, network in named_networks(site):
        subnets = site.reads.aws("ec2", "describe_subnets", Filters=within(network))["Subnets"]
        groups = site.reads.aws("ec2", "describe_security_groups", Filters=within(network))["SecurityGroups"]
        yield (
            duty,
            Parts(network, {each["SubnetId"] for each in subnets}, {each["GroupId"] for each in groups}),
        )


def judge_parts(parts: Parts) -> Trouble | None:
    """All that project.yml names is in the VPC."""
    missing = [each for each in parts.network.subnets if each not in parts.subnets]
    missing += [each for each in parts.network.security_groups if each not in parts.groups]
    if not missing:
        return None
    said = f"{', '.join(missing)}: not in {parts.network.vpc}"
    return Trouble(said, "mlops bootstrap --with network prints what there is; write it into project.yml")


def read_ways(site: Site) -> Iterator[tuple[str, Ways]]:
    """The routes and endpoints of each network's VPC."""
    for duty, network in named_networks(site):
        tables = site.reads.aws("ec2", "describe_route_tables", Filters=within(network))["RouteTables"]
        found = site.reads.aws("ec2", "describe_vpc_endpoints", Filters=within(network))["VpcEndpoints"]
        yield duty, Ways(duty, network, site.project.region, tables, found)


def judge_ways(ways: Ways) -> Trouble | None:
    """Every subnet leads to what the loop needs: by endpoints, or out by a NAT."""
    tables = [table_of(subnet, ways.tables) for subnet in ways.network.subnets]
    if all(map(leads_out, tables)):
        return None
    prefix = f"com.amazonaws.{ways.region}."
    usable = [each for each in ways.endpoints if str(each.get("State", "")).lower() == "available"]
    there = {
        str(each["ServiceName"]).removeprefix(prefix) for each in usable if each.get("PrivateDnsEnabled")
    }
    missing = [name for name in INTERFACES if name not in there]
    gateways = [each for each in usable if each["ServiceName"] == f"{prefix}{GATEWAY}"]
    routed = {name for each in gateways for name in each.get("RouteTableIds", [])}
    if any(table.get("RouteTableId") not in routed for table in tables):
        missing.insert(0, f"{GATEWAY} (gateway, in every subnet's route table)")
    if not missing:
        return None
    said = f"{ways.network.vpc} has no endpoint of {', '.join(missing)} and no NAT: jobs there cannot work"
    return Trouble(
        said, f"mlops bootstrap {ways.duty} --with network, or make the endpoints with private DNS"
    )


def table_of(subnet: str, tables: Sequence[Mapping[str, Any]]) -> Mapping[str, Any]:
    """A subnet's own route table, else the VPC's main one."""
    for table in tables:
        if any(each.get("SubnetId") == subnet for each in table.get("Associations", [])):
            return table
    main = (each for each in tables if any(way.get("Main") for way in each.get("Associations", [])))
    return next(main, {})


def leads_out(table: Mapping[str, Any]) -> bool:
    """Whether a NAT or a transit gateway takes what goes to the internet."""
    ways = [each for each in table.get("Routes", []) if each.get("DestinationCidrBlock") == "0.0.0.0/0"]
    return any(each.get("NatGatewayId") or each.get("TransitGatewayId") for each in ways)


def read_use(site: Site) -> Iterator[tuple[str, Use]]:
    """What each duty's network is in project.yml, in the stack's outputs and in the pins."""
    for duty in site.duties:
        named: Network | None = getattr(site.project.network, duty)
        offered = read_offered(site)
        pins = pins_elsewhere(site, duty, named)
        if named or offered or pins:
            yield duty, Use(duty, named, offered, pins)


def read_offered(site: Site) -> Network | None:
    """What the account's stack of infra/network.yml made; None without one."""
    for stack in site.stacks:
        if stack.template.stem == STEM:
            answer = site.reads.aws("cloudformation", "describe_stacks", StackName=stack.name)
            return offered_network(answer["Stacks"][0]) if answer else None
    return None


def pins_elsewhere(site: Site, duty: str, named: Network | None) -> list[str]:
    """The models of an environment whose pins have another network than project.yml."""
    found = []
    for path, text in read_work_pins(site.root).items():
        _, environment, name = path.split("/")
        pin = parse_pin_file(text, environment, name.removesuffix(".yml")) if environment == duty else None
        if isinstance(pin, Pin) and pin.serving.network != named:
            found.append(pin.model)
    return found


def judge_use(use: Use) -> Trouble | None:
    """The network that costs money is used, and pins run where project.yml says."""
    if use.offered and not use.named:
        line = render_network(use.duty, use.offered).strip()
        return Trouble(
            "is there, but project.yml names none: nothing runs in it",
            f"into project.yml: network: {{{line}}}",
        )
    if use.pins:
        said = f"pinned in another network than project.yml's: {', '.join(use.pins)}"
        return Trouble(said, f"mlops propose {use.pins[0]} --to {use.duty} --serving")
    return None


CHECKS = (
    Check("network", "subnets and groups of project.yml are in its VPC", read_parts, judge_parts),
    Check("network-endpoints", "private subnets lead to all that jobs need", read_ways, judge_ways),
    Check("network-used", "networks that are there are what runs", read_use, judge_use),
)
