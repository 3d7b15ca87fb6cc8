"""What CodeBuild's operations share: its refusals, pages, ARNs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from sandbox.world import World

Record = dict[str, Any]
PAGE = 100


def bad(message: str) -> ServiceError:
    return ServiceError("InvalidInputException", message)


def missing(message: str) -> ServiceError:
    return ServiceError("ResourceNotFoundException", message)


def taken(message: str) -> ServiceError:
    return ServiceError("ResourceAlreadyExistsException", message)


def arn(world: World, kind: str, name: str) -> str:
    return f"arn:aws:codebuild:{world.region}:{world.account}:{kind}/{name}"


def name_of(text: str) -> str:
    """A name, given as such or as an ARN."""
    return text.split(":", 5)[5].partition("/")[2] if text.startswith("arn:") else text


def page(names: list[str], params: Record, member: str) -> Record:
    """One page of names; the token is the position."""
    token = params.get("nextToken") or "0"
    if not token.isdigit():
        raise bad(f"Invalid nextToken {token!r}")
    start, size = int(token), int(params.get("maxResults") or PAGE)
    rest = {"nextToken": str(start + size)} if start + size < len(names) else {}
    return {member: names[start : start + size], **rest}
