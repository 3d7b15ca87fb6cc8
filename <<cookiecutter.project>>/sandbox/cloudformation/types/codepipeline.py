"""AWS::CodePipeline: pipelines, which the sandbox runs from what a template says of them."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes
from sandbox.cloudformation.spelling import api_tags, lowered

TYPE: Any = {"Category": str, "Owner": str, "Provider": str, "Version": str}
NAMED: Any = [{"Name": str}]
CHOICE: Any = {"Excludes": [str], "Includes": [str]}
RULE: Any = {"Configuration": {"*": str}, "InputArtifacts": NAMED, "Name": str, "RuleTypeId": TYPE}
CONDITIONS: Any = [{"Result": str, "Rules": [RULE]}]
ACTION: Any = {
    "ActionTypeId": TYPE,
    "Configuration": {"*": str},
    "InputArtifacts": NAMED,
    "Name": str,
    "Namespace": str,
    "OutputArtifacts": NAMED,
    "Region": str,
    "RunOrder": int,
    "TimeoutInMinutes": int,
}
STAGE: Any = {
    "Actions": [ACTION],
    "BeforeEntry": {"Conditions": CONDITIONS},
    "Name": str,
    "OnFailure": {"Conditions": CONDITIONS, "Result": str, "RetryConfiguration": {"RetryMode": str}},
    "OnSuccess": {"Conditions": CONDITIONS},
}
GIT: Any = {
    "PullRequest": [{"Branches": CHOICE, "Events": [str], "FilePaths": CHOICE}],
    "Push": [{"Branches": CHOICE, "FilePaths": CHOICE, "Tags": CHOICE}],
    "SourceActionName": str,
}
MEMBERS: Any = {
    "ArtifactStore": {"EncryptionKey": {"Id": str, "Type": str}, "Location": str, "Type": str},
    "ExecutionMode": str,
    "PipelineType": str,
    "RoleArn": str,
    "Stages": [STAGE],
    "Triggers": [{"GitConfiguration": GIT, "ProviderType": str}],
    "Variables": [{"DefaultValue": str, "Description": str, "Name": str}],
}
KEPT = ("Configuration",)  # whose keys are the action's own


def _declared(making: Making, name: str) -> dict[str, Any]:
    members = {key: making.get(key) for key in MEMBERS if key in making.properties}
    return {"name": name, **lowered(members, KEPT)}


def set_pipeline(making: Making, before: Properties) -> None:
    making.client("codepipeline").update_pipeline(pipeline=_declared(making, making.id))


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    client, arn = making.client("codepipeline"), making.place.arn("codepipeline", making.id)
    if put:
        client.tag_resource(resourceArn=arn, tags=api_tags(put))
    if removed:
        client.untag_resource(resourceArn=arn, tagKeys=removed)


def set_transitions(making: Making, before: Properties) -> None:
    """Close the ways into stages that a template names, and open those that it no longer names."""
    client, name = making.client("codepipeline"), making.id
    wanted = {
        each["StageName"]: each["Reason"] for each in making.get("DisableInboundStageTransitions") or ()
    }
    for stage, reason in wanted.items():
        client.disable_stage_transition(
            pipelineName=name, stageName=stage, transitionType="Inbound", reason=reason
        )
    for each in before.get("DisableInboundStageTransitions") or ():
        if each["StageName"] not in wanted:
            client.enable_stage_transition(
                pipelineName=name, stageName=each["StageName"], transitionType="Inbound"
            )


class Pipeline(Kind):
    name = "AWS::CodePipeline::Pipeline"
    schema = {
        **MEMBERS,
        "DisableInboundStageTransitions": [{"Reason": str, "StageName": str}],
        "Name": str,
        "Tags": TAGS,
    }
    required = frozenset({"RoleArn", "Stages"})
    fixed = frozenset({"Name"})
    born = frozenset({*MEMBERS, "Tags"})
    named_by = "Name"
    tags = "Tags"
    attributes = frozenset({"Version"})
    setters = {
        **dict.fromkeys(MEMBERS, set_pipeline),
        "DisableInboundStageTransitions": set_transitions,
        "Tags": set_tags,
    }

    def make(self, making: Making) -> None:
        name = making.named("Name", 100)
        making.client("codepipeline").create_pipeline(
            pipeline=_declared(making, name), tags=api_tags(making.get("Tags"))
        )
        making.id = name

    def describe(self, making: Making) -> dict[str, Any]:
        found = making.client("codepipeline").get_pipeline(name=making.id)["pipeline"]
        return {"Version": str(found["version"])}

    def delete(self, making: Making) -> None:
        making.client("codepipeline").delete_pipeline(name=making.id)


KINDS = (Pipeline(),)
