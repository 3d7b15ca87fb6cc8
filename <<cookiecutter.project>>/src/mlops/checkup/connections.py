"""What pipelines reach GitHub by: a connection that somebody authorised, a token in a secret."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.checkup.finding import Check, Trouble
from mlops.foundation.connecting import AVAILABLE, CONNECTION, NAMED_BY, authorise, keep_token

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.checkup.site import Site


@dataclass(frozen=True)
class Link:
    """A connection as AWS has it."""

    name: str
    status: str
    region: str


def read_links(site: Site) -> Iterator[tuple[str, Link]]:
    """The connections that the stacks made."""
    for _, _, arn in site.made(CONNECTION):
        found = site.reads.aws("codeconnections", "get_connection", ConnectionArn=arn)
        kept = found["Connection"] if found else {"ConnectionName": arn, "ConnectionStatus": "gone"}
        yield (
            kept["ConnectionName"],
            Link(kept["ConnectionName"], kept["ConnectionStatus"], site.project.region),
        )


def judge_link(link: Link) -> Trouble | None:
    """Somebody has authorised it."""
    if link.status == AVAILABLE:
        return None
    return Trouble(
        f"it is {link.status}: no pull request and no push starts a pipeline", authorise(link.region)
    )


@dataclass(frozen=True)
class Token:
    """The secret that builds take the forge's token from."""

    name: str
    is_there: bool


def read_tokens(site: Site) -> Iterator[tuple[str, Token]]:
    """The secret that each stack with a connection names."""
    for stack in {stack.name: stack for stack, _, _ in site.made(CONNECTION)}.values():
        told = site.reads.aws("cloudformation", "describe_stacks", StackName=stack.name)["Stacks"][0]
        given = {each["ParameterKey"]: each["ParameterValue"] for each in told.get("Parameters", [])}
        name = given.get(NAMED_BY, "")
        kept = site.reads.aws("secretsmanager", "describe_secret", SecretId=name)
        yield name, Token(name, kept is not None and "DeletedDate" not in kept)


def judge_token(token: Token) -> Trouble | None:
    """It is there."""
    if token.is_there:
        return None
    return Trouble(
        "there is no such secret: builds can neither count reviews nor propose", keep_token(token.name)
    )


CHECKS = (
    Check("connection", "pipelines hear of the forge", read_links, judge_link),
    Check("forge-token", "builds reach the forge", read_tokens, judge_token),
)
