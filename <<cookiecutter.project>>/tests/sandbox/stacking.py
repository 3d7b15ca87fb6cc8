"""Stacks of tests: templates as documents, operations followed to their end."""

from __future__ import annotations

import json
import time
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import Sandbox


def topic(name: str, **properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": name, **properties}}


def template(resources: dict[str, Any], **sections: Any) -> str:
    return json.dumps({"Resources": resources, **sections})


@dataclass(frozen=True)
class Bench:
    """CloudFormation as one caller has it, and one stack's name."""

    sandbox: Sandbox
    api: Any
    name: str

    def create(self, resources: dict[str, Any], sections: dict[str, Any] | None = None, **asked: Any) -> str:
        body = template(resources, **(sections or {}))
        self.api.create_stack(StackName=self.name, TemplateBody=body, **asked)
        return self.end()

    def update(self, resources: dict[str, Any], sections: dict[str, Any] | None = None, **asked: Any) -> str:
        body = template(resources, **(sections or {}))
        self.api.update_stack(StackName=self.name, TemplateBody=body, **asked)
        return self.end()

    def delete(self, **asked: Any) -> str:
        stack = self.stack()["StackId"]
        self.api.delete_stack(StackName=self.name, **asked)
        return self.end(stack)

    def plan(self, resources: dict[str, Any], kind: str = "UPDATE", **asked: Any) -> dict[str, Any]:
        """A change set, described once it is made."""
        where = {"StackName": self.name, "ChangeSetName": asked.pop("ChangeSetName", "change")}
        body = template(resources, **asked.pop("sections", {}))
        self.api.create_change_set(**where, ChangeSetType=kind, TemplateBody=body, **asked)
        return dict(self.api.describe_change_set(**where))

    def execute(self, **asked: Any) -> str:
        self.api.execute_change_set(StackName=self.name, ChangeSetName="change", **asked)
        return self.end()

    def stack(self, name: str = "") -> dict[str, Any]:
        return dict(self.api.describe_stacks(StackName=name or self.name)["Stacks"][0])

    def end(self, name: str = "", seconds: float = 30) -> str:
        """The state in which the stack comes to rest."""
        deadline = time.monotonic() + seconds
        while (status := self.stack(name)["StackStatus"]).endswith("_IN_PROGRESS"):
            assert time.monotonic() < deadline, status
        return str(status)

    def events(self) -> list[tuple[str, str]]:
        """Who came into which state, in order."""
        found = self.api.describe_stack_events(StackName=self.name)["StackEvents"]
        return [(each["LogicalResourceId"], each["ResourceStatus"]) for each in reversed(found)]

    def reasons(self, logical: str) -> str:
        found = self.api.describe_stack_events(StackName=self.name)["StackEvents"]
        return " ".join(
            each.get("ResourceStatusReason", "") for each in found if each["LogicalResourceId"] == logical
        )

    def plant(self, **fault: Any) -> None:
        request = urllib.request.Request(  # noqa: S310  # the sandbox's own endpoint
            f"{self.sandbox.endpoint}/_sandbox/stacks",
            json.dumps(fault).encode(),
            {"Content-Type": "application/json"},
        )
        urllib.request.urlopen(request).close()  # noqa: S310

    def topics(self) -> set[str]:
        found = self.sandbox.client("sns").list_topics()["Topics"]
        return {each["TopicArn"].rpartition(":")[2] for each in found}


def two(unique: str, **second: Any) -> dict[str, Any]:
    """Two topics, of which the second needs the first."""
    return {
        "First": topic(f"{unique}-a"),
        "Second": topic(f"{unique}-b", DisplayName={"Fn::GetAtt": ["First", "TopicName"]}, **second),
    }
