"""What the operations of CloudTrail's trails need; channels, event data stores and dashboards ask for all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.iam.part import tag_keys, texts

if TYPE_CHECKING:
    from sandbox.iam.part import Params, Part, Place

BY_NAME = frozenset(
    {"CreateTrail", "DeleteTrail", "GetTrail", "GetTrailStatus", "StartLogging", "StopLogging", "UpdateTrail"}
)
BY_TRAIL_NAME = frozenset(
    {"GetEventSelectors", "GetInsightSelectors", "PutEventSelectors", "PutInsightSelectors"}
)
BY_RESOURCE = {"AddTags": "ResourceId", "RemoveTags": "ResourceId", "ListTags": "ResourceIdList"}


def parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Trails by name or ARN."""
    tags = tag_keys(params.get("TagsList")) if operation in ("AddTags", "CreateTrail") else {}
    found = [place.part(f"cloudtrail:{operation}", arn, tags) for arn in _arns(operation, params, place)]
    if tags and operation == "CreateTrail":
        found.append(place.part("cloudtrail:AddTags", found[0].resource, tags))
    return found


def _arns(operation: str, params: Params, place: Place) -> list[str]:
    if operation in BY_RESOURCE:
        return texts(params.get(BY_RESOURCE[operation]) or "*")
    key = "Name" if operation in BY_NAME else "TrailName" if operation in BY_TRAIL_NAME else ""
    name = str(params.get(key) or "") if key else ""
    if not name:
        return ["*"]
    return [name if name.startswith("arn:") else place.arn("cloudtrail", f"trail/{name}")]
