"""What the stack of infra/network.yml offers, as project.yml wants it (ADR 0019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.network import Network, render_network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlops.project import Project

STEM = "network"


def offered_network(stack: Mapping[str, Any]) -> Network | None:
    """The network that a stack of the template made, by its outputs; None where it has not made them."""
    found = {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
    if not {"VpcId", "SubnetIds", "SecurityGroupId"} <= found.keys():
        return None
    return Network(
        vpc=found["VpcId"],
        subnets=found["SubnetIds"].split(","),
        security_groups=[found["SecurityGroupId"]],
    )


def tell_network(project: Project, duties: Sequence[str], offered: Network | None) -> Iterator[str]:
    """The lines that project.yml needs before anything runs in the account's network."""
    missing = [duty for duty in duties if getattr(project.network, duty) is None] if offered else []
    if not missing or offered is None:
        return
    yield "nothing runs in the network yet. Into project.yml, by pull request; then mlops bootstrap again:"
    yield "network:"
    yield from (render_network(duty, offered) for duty in missing)
