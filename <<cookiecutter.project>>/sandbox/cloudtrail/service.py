"""CloudTrail's API: trails of each account, their public keys, the event history."""

from __future__ import annotations

import functools
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.cloudtrail import history, selectors
from sandbox.cloudtrail.trails import Settings, Trail
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.cloudtrail.keys import Keyring
    from sandbox.cloudtrail.recorder import Recorder
    from sandbox.cloudtrail.store import Store
    from sandbox.world import Call

NAME = re.compile(r"(?!.*[._-]{2})(?!\d+\.\d+\.\d+\.\d+$)[A-Za-z0-9][A-Za-z0-9._-]{1,126}[A-Za-z0-9]")
MOST = 5
UNSERVED = ("CloudWatchLogsLogGroupArn", "CloudWatchLogsRoleArn", "RecursiveLogging", "SnsTopicName")
GIVEN = {
    "S3BucketName": "bucket",
    "S3KeyPrefix": "prefix",
    "KmsKeyId": "key",
    "IncludeGlobalServiceEvents": "global_events",
    "IsMultiRegionTrail": "multi_region",
    "EnableLogFileValidation": "validation",
}


class CloudTrail:
    """One account's CloudTrail; its trails are at home in the sandbox's region."""

    def __init__(
        self,
        account: str,
        region: str,
        clock: Clock,
        recorder: Recorder,
        store: Store,
        keyring: Keyring,
        journal: Path,
    ) -> None:
        self._account = account
        self._region = region
        self._clock = clock
        self._recorder = recorder
        self._trails = recorder.trails_of(account)
        self._store = store
        self._keyring = keyring
        self._journal = journal
        self.operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            name: functools.partial(self._serve, handler)
            for name, handler in {
                "CreateTrail": self.create_trail,
                "UpdateTrail": self.update_trail,
                "DeleteTrail": self.delete_trail,
                "DescribeTrails": self.describe_trails,
                "GetTrail": self.get_trail,
                "ListTrails": self.list_trails,
                "GetTrailStatus": self.get_trail_status,
                "StartLogging": self.start_logging,
                "StopLogging": self.stop_logging,
                "PutEventSelectors": self.put_event_selectors,
                "GetEventSelectors": self.get_event_selectors,
                "AddTags": self.add_tags,
                "RemoveTags": self.remove_tags,
                "ListTags": self.list_tags,
                "ListPublicKeys": self.list_public_keys,
                "LookupEvents": self.lookup_events,
            }.items()
        }

    def _serve(self, handler: Callable[[Call], dict[str, Any]], call: Call) -> dict[str, Any]:
        with self._recorder.lock:
            return handler(call)

    def create_trail(self, call: Call) -> dict[str, Any]:
        name = call.params["Name"]
        if not NAME.fullmatch(name):
            raise ServiceError("InvalidTrailNameException", f"{name!r} is no name of a trail")
        if name in self._trails:
            raise ServiceError("TrailAlreadyExistsException", f"Trail {name} already exists")
        if len(self._trails) >= MOST:
            raise ServiceError("MaximumNumberOfTrailsExceededException", f"An account has {MOST} trails")
        settings = self._settings(Settings(self._account, name, self._region, ""), call.params)
        tags = {each["Key"]: each.get("Value", "") for each in call.params.get("TagsList", [])}
        self._trails[name] = Trail(settings, tags)
        return settings.described()

    def update_trail(self, call: Call) -> dict[str, Any]:
        trail = self._find(call.params["Name"])
        trail.update(self._settings(trail.settings, call.params), self._recorder.second())
        return trail.settings.described()

    def _settings(self, before: Settings, params: dict[str, Any]) -> Settings:
        """What a trail is to be; refused where the bucket or key would not let it."""
        if unserved := [name for name in UNSERVED if params.get(name)]:
            raise ServiceError("UnsupportedOperationException", f"the sandbox's trails have no {unserved[0]}")
        if params.get("IsOrganizationTrail"):
            raise ServiceError("OrganizationsNotInUseException", "the sandbox has no organization")
        found = replace(before, **{name: params[key] for key, name in GIVEN.items() if key in params})
        if found.multi_region and not found.global_events:
            raise ServiceError(
                "InvalidParameterCombinationException",
                "Multi-Region trail must include global service events.",
            )
        key = self._store.check(found.place(self._region), found.key)
        return replace(found, key=key)

    def delete_trail(self, call: Call) -> dict[str, Any]:
        trail = self._find(call.params["Name"])
        trail.ending = trail.logging
        del self._trails[trail.settings.name]
        self._recorder.ending.append(trail)
        return {}

    def start_logging(self, call: Call) -> dict[str, Any]:
        trail = self._find(call.params["Name"])
        self._store.check(trail.settings.place(self._region), trail.settings.key)
        if not trail.logging:
            trail.start(self._recorder.second(trail.stopped))
        return {}

    def stop_logging(self, call: Call) -> dict[str, Any]:
        trail = self._find(call.params["Name"])
        trail.ending = trail.logging
        self._recorder.ending.append(trail)
        return {}

    def describe_trails(self, call: Call) -> dict[str, Any]:
        names = call.params.get("trailNameList")
        return {
            "trailList": [
                self._described(trail)
                for trail in self._trails.values()
                if not names or trail.settings.name in names or trail.settings.arn in names
            ]
        }

    def get_trail(self, call: Call) -> dict[str, Any]:
        return {"Trail": self._described(self._find(call.params["Name"]))}

    def list_trails(self, call: Call) -> dict[str, Any]:
        found = [trail.settings for trail in self._trails.values()]
        return {"Trails": [{"TrailARN": s.arn, "Name": s.name, "HomeRegion": s.home} for s in found]}

    @staticmethod
    def _described(trail: Trail) -> dict[str, Any]:
        return {
            **trail.settings.described(),
            "HomeRegion": trail.settings.home,
            "HasCustomEventSelectors": trail.is_custom,
            "HasInsightSelectors": False,
        }

    def get_trail_status(self, call: Call) -> dict[str, Any]:
        trail = self._find(call.params["Name"])
        return {
            "IsLogging": trail.logging,
            "LatestDeliveryError": trail.error or None,
            "LatestDeliveryTime": trail.delivered,
            "LatestDigestDeliveryTime": trail.digested,
            "LatestDigestDeliveryError": trail.error or None,
            "StartLoggingTime": trail.started,
            "StopLoggingTime": trail.stopped,
        }

    def put_event_selectors(self, call: Call) -> dict[str, Any]:
        trail = self._find(call.params["TrailName"])
        basic = [{**selectors.DEFAULT, **each} for each in call.params.get("EventSelectors", [])]
        advanced = call.params.get("AdvancedEventSelectors", [])
        selectors.check(basic, advanced)
        trail.basic, trail.advanced = basic, advanced
        return self._selectors(trail)

    def get_event_selectors(self, call: Call) -> dict[str, Any]:
        return self._selectors(self._find(call.params["TrailName"]))

    @staticmethod
    def _selectors(trail: Trail) -> dict[str, Any]:
        chosen = (
            {"AdvancedEventSelectors": trail.advanced} if trail.advanced else {"EventSelectors": trail.basic}
        )
        return {"TrailARN": trail.settings.arn, **chosen}

    def add_tags(self, call: Call) -> dict[str, Any]:
        tags = self._find(call.params["ResourceId"]).tags
        tags |= {each["Key"]: each.get("Value", "") for each in call.params["TagsList"]}
        return {}

    def remove_tags(self, call: Call) -> dict[str, Any]:
        tags = self._find(call.params["ResourceId"]).tags
        for each in call.params["TagsList"]:
            tags.pop(each["Key"], None)
        return {}

    def list_tags(self, call: Call) -> dict[str, Any]:
        return {
            "ResourceTagList": [
                {
                    "ResourceId": arn,
                    "TagsList": [{"Key": k, "Value": v} for k, v in self._find(arn).tags.items()],
                }
                for arn in call.params["ResourceIdList"]
            ]
        }

    def list_public_keys(self, call: Call) -> dict[str, Any]:
        """The keys of the region that is asked: each region signs with its own."""
        now = self._clock.now()
        end = _moment(call.params.get("EndTime"), now)
        start = _moment(call.params.get("StartTime"), min(now, end))
        if end < start:
            raise ServiceError("InvalidTimeRangeException", "StartTime must be before EndTime.")
        found = self._keyring.published(call.region or self._region, start, end)
        return {"PublicKeyList": [key.described() for key in found]}

    def lookup_events(self, call: Call) -> dict[str, Any]:
        region = call.region or self._region
        return history.lookup(self._journal, self._account, region, call.params, self._clock.now())

    def _find(self, name: str) -> Trail:
        for trail in self._trails.values():
            if name in (trail.settings.name, trail.settings.arn):
                return trail
        raise ServiceError("TrailNotFoundException", f"Unknown trail: {name} for the user: {self._account}")


def _moment(value: Any, default: datetime) -> datetime:
    if value is None:
        return default
    return value if isinstance(value, datetime) else datetime.fromtimestamp(float(value), UTC)
