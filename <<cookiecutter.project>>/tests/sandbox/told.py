"""What a service told, and how it is put into CloudFormation's words."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from collections.abc import Callable

Found = dict[str, Any]


def maybe(call: Callable[[], Any]) -> Any:
    """What a call gives; None where the service says that there is none."""
    with suppress(ClientError):
        return call()
    return None


def pairs(found: dict[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in found.items()]


class Seen(dict[str, Any]):
    """What a service described; None for what it did not."""

    def __missing__(self, name: str) -> None:
        return None
