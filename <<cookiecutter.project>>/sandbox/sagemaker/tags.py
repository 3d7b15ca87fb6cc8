"""Tags of whatever SageMaker resource, by ARN."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.world import Call


class Tags:
    """AddTags, DeleteTags, ListTags; Create operations hand their tags over."""

    def __init__(self) -> None:
        self._tags: dict[str, dict[str, str]] = {}

    def put(self, arn: str, tags: list[dict[str, str]] | None) -> None:
        self._tags.setdefault(arn, {}).update({tag["Key"]: tag["Value"] for tag in tags or []})

    def read(self, arn: str) -> list[dict[str, str]]:
        return [{"Key": key, "Value": value} for key, value in self._tags.get(arn, {}).items()]

    def add(self, call: Call) -> dict[str, Any]:
        self.put(call.params["ResourceArn"], call.params["Tags"])
        return {"Tags": self.read(call.params["ResourceArn"])}

    def delete(self, call: Call) -> dict[str, Any]:
        for key in call.params["TagKeys"]:
            self._tags.get(call.params["ResourceArn"], {}).pop(key, None)
        return {}

    def list(self, call: Call) -> dict[str, Any]:
        return {"Tags": self.read(call.params["ResourceArn"])}
