"""The private network in which a duty's jobs or endpoints run, as project.yml and pins name it (ADR 0019)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints

from mlops.documents import Document

if TYPE_CHECKING:
    from collections.abc import Mapping

# https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_VpcConfig.html says how many of each
VpcId = Annotated[str, StringConstraints(pattern=r"^vpc-[0-9a-f]{8,17}$")]
SubnetId = Annotated[str, StringConstraints(pattern=r"^subnet-[0-9a-f]{8,17}$")]
GroupId = Annotated[str, StringConstraints(pattern=r"^sg-[0-9a-f]{8,17}$")]


class Network(Document):
    """A VPC, and the subnets and security groups of it that network interfaces are given."""

    vpc: VpcId
    subnets: Annotated[list[SubnetId], Field(min_length=1, max_length=16)]
    security_groups: Annotated[list[GroupId], Field(min_length=1, max_length=5)]

    @property
    def vpc_config(self) -> dict[str, list[str]]:
        """The same as SageMaker takes it."""
        return {"SecurityGroupIds": self.security_groups, "Subnets": self.subnets}


class Networks(Document):
    """The network of each duty; a duty without one runs in SageMaker's own, which has internet."""

    training: Network | None = None
    staging: Network | None = None
    prod: Network | None = None


def is_same(vpc_config: Mapping[str, Any] | None, network: Network | None) -> bool:
    """Whether SageMaker's answer names a network, in whatever order; None is SageMaker's own."""
    if network is None or not vpc_config:
        return network is None and not vpc_config
    return {name: sorted(ids) for name, ids in network.vpc_config.items()} == {
        name: sorted(vpc_config.get(name, [])) for name in network.vpc_config
    }


def render_network(duty: str, network: Network) -> str:
    """A duty's network as a line below `network:` of project.yml."""
    settings: dict[str, Any] = network.model_dump()
    words = {name: ids if isinstance(ids, str) else f"[{', '.join(ids)}]" for name, ids in settings.items()}
    return f"  {duty}: {{{', '.join(f'{name}: {word}' for name, word in words.items())}}}"
