"""AWS::CloudTrail: trails."""

from __future__ import annotations

from typing import Any

from sandbox.cloudformation.kinds import TAGS, Kind, Making, Properties, tag_changes

# A property, and what CreateTrail calls it.
SETTINGS = {
    "EnableLogFileValidation": "EnableLogFileValidation",
    "IncludeGlobalServiceEvents": "IncludeGlobalServiceEvents",
    "IsMultiRegionTrail": "IsMultiRegionTrail",
    "KMSKeyId": "KmsKeyId",
    "S3BucketName": "S3BucketName",
    "S3KeyPrefix": "S3KeyPrefix",
}
DEFAULTS = {
    "EnableLogFileValidation": False,
    "IncludeGlobalServiceEvents": True,
    "IsMultiRegionTrail": False,
    "KMSKeyId": "",
    "S3KeyPrefix": "",
}
SELECTORS = ("AdvancedEventSelectors", "EventSelectors")
WHOLE = {"ReadWriteType": "All", "IncludeManagementEvents": True}
FIELDS = ("EndsWith", "Equals", "NotEndsWith", "NotEquals", "NotStartsWith", "StartsWith")


def _settings(making: Making) -> dict[str, Any]:
    found = {**DEFAULTS, **making.properties}
    return {name: found[key] for key, name in SETTINGS.items() if key in found}


def set_trail(making: Making, before: Properties) -> None:
    making.client("cloudtrail").update_trail(Name=making.id, **_settings(making))


def set_selectors(making: Making, before: Properties) -> None:
    chosen = {key: making.get(key) for key in SELECTORS if making.get(key)}
    making.client("cloudtrail").put_event_selectors(
        TrailName=making.id, **(chosen or {"EventSelectors": [WHOLE]})
    )


def set_logging(making: Making, before: Properties) -> None:
    client = making.client("cloudtrail")
    switch = client.start_logging if making.get("IsLogging") else client.stop_logging
    if making.get("IsLogging") or before.get("IsLogging"):
        switch(Name=making.id)


def set_tags(making: Making, before: Properties) -> None:
    put, removed = tag_changes("Tags", before, making)
    client, arn = making.client("cloudtrail"), making.place.arn("cloudtrail", f"trail/{making.id}")
    if put:
        client.add_tags(ResourceId=arn, TagsList=put)
    if removed:
        client.remove_tags(ResourceId=arn, TagsList=[{"Key": key} for key in removed])


class Trail(Kind):
    name = "AWS::CloudTrail::Trail"
    schema = {
        "AdvancedEventSelectors": [
            {"FieldSelectors": [{"Field": str, **{name: [str] for name in FIELDS}}], "Name": str}
        ],
        "EnableLogFileValidation": bool,
        "EventSelectors": [
            {
                "DataResources": [{"Type": str, "Values": [str]}],
                "ExcludeManagementEventSources": [str],
                "IncludeManagementEvents": bool,
                "ReadWriteType": str,
            }
        ],
        "IncludeGlobalServiceEvents": bool,
        "IsLogging": bool,
        "IsMultiRegionTrail": bool,
        "KMSKeyId": str,
        "S3BucketName": str,
        "S3KeyPrefix": str,
        "Tags": TAGS,
        "TrailName": str,
    }
    required = frozenset({"IsLogging", "S3BucketName"})
    fixed = frozenset({"TrailName"})
    born = frozenset({*SETTINGS, "Tags"})
    named_by = "TrailName"
    tags = "Tags"
    attributes = frozenset({"Arn"})
    setters = {
        **dict.fromkeys(SETTINGS, set_trail),
        **dict.fromkeys(SELECTORS, set_selectors),
        "Tags": set_tags,
        "IsLogging": set_logging,
    }

    def make(self, making: Making) -> None:
        name = making.named("TrailName", 128)
        making.client("cloudtrail").create_trail(
            Name=name, TagsList=making.get("Tags", []), **_settings(making)
        )
        making.id = name

    def describe(self, making: Making) -> dict[str, Any]:
        return {"Arn": making.place.arn("cloudtrail", f"trail/{making.id}")}

    def delete(self, making: Making) -> None:
        making.client("cloudtrail").delete_trail(Name=making.id)


KINDS = (Trail(),)
