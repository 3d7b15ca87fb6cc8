"""Connections to the forge: made pending, authorised by a person, used by pipelines and builds.

On AWS the hand-shake is a click in the console, which no API and no template makes. Here it is
POST /_sandbox/connections {"arn": "…"}.
"""

from __future__ import annotations

import threading
import uuid
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.world import Call, World

Record = dict[str, Any]
PENDING, AVAILABLE = "PENDING", "AVAILABLE"
SERVICES = ("codeconnections", "codestar-connections")


class Connections:
    """The connections of an account, under the service's new name and its old one."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._connections: dict[str, Record] = {}
        self._tags: dict[str, dict[str, str]] = {}
        self._lock = threading.RLock()

    def operations(self, service: str) -> dict[str, Callable[[Call], Record]]:
        """What one of the two services serves; ARNs carry the name under which a connection was made."""
        return {
            "CreateConnection": lambda call: self._create(service, call),
            "GetConnection": lambda call: {"Connection": self._find(call.params["ConnectionArn"])},
            "DeleteConnection": self._delete,
            "ListConnections": self._list,
            "TagResource": self._tag,
            "UntagResource": self._untag,
            "ListTagsForResource": self._list_tags,
        }

    def _create(self, service: str, call: Call) -> Record:
        params, world = call.params, self._world
        if params.get("ProviderType", "GitHub") != "GitHub" or params.get("HostArn"):
            raise ServiceError(
                "InvalidInputException", "the sandbox's forge stands for GitHub: ProviderType: GitHub"
            )
        arn = f"arn:aws:{service}:{world.region}:{world.account}:connection/{uuid.uuid4()}"
        with self._lock:
            self._connections[arn] = {
                "ConnectionName": params["ConnectionName"],
                "ConnectionArn": arn,
                "ProviderType": "GitHub",
                "OwnerAccountId": world.account,
                "ConnectionStatus": PENDING,
            }
            self._tags[arn] = {tag["Key"]: tag["Value"] for tag in params.get("Tags", [])}
        return {"ConnectionArn": arn, "Tags": params.get("Tags", [])}

    def _find(self, arn: str) -> Record:
        # the same connection answers under both names of the service
        wanted = arn.partition(":connection/")[2]
        for known, found in self._connections.items():
            if known.partition(":connection/")[2] == wanted:
                return found
        raise ServiceError("ResourceNotFoundException", f"Connection not found: {arn}")

    def _delete(self, call: Call) -> Record:
        arn = self._find(call.params["ConnectionArn"])["ConnectionArn"]
        with self._lock:
            self._connections.pop(arn)
            self._tags.pop(arn)
        return {}

    def _list(self, call: Call) -> Record:
        wanted = call.params.get("ProviderTypeFilter", "GitHub")
        return {
            "Connections": [each for each in self._connections.values() if each["ProviderType"] == wanted]
        }

    def _tag(self, call: Call) -> Record:
        arn = self._find(call.params["ResourceArn"])["ConnectionArn"]
        self._tags[arn] |= {tag["Key"]: tag["Value"] for tag in call.params["Tags"]}
        return {}

    def _untag(self, call: Call) -> Record:
        arn = self._find(call.params["ResourceArn"])["ConnectionArn"]
        for key in call.params["TagKeys"]:
            self._tags[arn].pop(key, None)
        return {}

    def _list_tags(self, call: Call) -> Record:
        tags = self._tags[self._find(call.params["ResourceArn"])["ConnectionArn"]]
        return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}

    def authorise(self, arn: str) -> None:
        """What a person does in the console."""
        self._find(arn)["ConnectionStatus"] = AVAILABLE

    def check(self, arn: str) -> None:
        """Refuse a connection that nobody has authorised."""
        found = self._find(arn)
        if found["ConnectionStatus"] != AVAILABLE:
            raise ServiceError(
                "ConnectionUnavailableException",
                f"Connection {arn} is {found['ConnectionStatus']}. On AWS authorise it in the console; here: "
                'POST /_sandbox/connections {"arn": …}',
            )
