"""The trail: writing, everywhere, signed, into a bucket that keeps, under a key that works."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.checkup.finding import Check, Trouble, UnreadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops.checkup.site import Site

TRAIL = "AWS::CloudTrail::Trail"


@dataclass(frozen=True)
class Trail:
    """A trail that a stack made; `there` is CloudTrail's description, None where it has none."""

    name: str
    duty: str
    there: Mapping[str, Any] | None
    more: Any = None


def read_trails(site: Site) -> Iterator[tuple[str, Trail]]:
    """The trails of the stacks."""
    for stack, _, name in site.made(TRAIL):
        listed = site.reads.aws("cloudtrail", "describe_trails", trailNameList=[name])["trailList"]
        yield name, Trail(name, stack.duty, listed[0] if listed else None)


def read_statuses(site: Site) -> Iterator[tuple[str, Trail]]:
    """With their status."""
    for name, trail in read_trails(site):
        status = site.reads.aws("cloudtrail", "get_trail_status", Name=name) if trail.there else None
        yield name, Trail(name, trail.duty, trail.there, status)


def judge_logging(trail: Trail) -> Trouble | None:
    """It is there, writes, and what it writes arrives."""
    if trail.there is None:
        return Trouble(
            "the trail is gone", f"mlops bootstrap {trail.duty}; then mlops audit, to see who did it"
        )
    if not trail.more["IsLogging"]:
        return Trouble("does not log", f"aws cloudtrail start-logging --name {trail.name}; then mlops audit")
    if trail.more.get("LatestDeliveryError"):
        return Trouble(
            f"cannot deliver: {trail.more['LatestDeliveryError']}", f"mlops bootstrap {trail.duty}"
        )
    return None


def existing(site: Site) -> Iterator[tuple[str, Trail]]:
    """Those that are there."""
    return ((name, trail) for name, trail in read_trails(site) if trail.there is not None)


def judge_reach(trail: Trail) -> Trouble | None:
    """It sees every region, and IAM and STS."""
    there = trail.there or {}
    wrong = [
        said
        for key, said in (
            ("IsMultiRegionTrail", "sees one region only"),
            ("IncludeGlobalServiceEvents", "does not see IAM and STS"),
        )
        if not there.get(key)
    ]
    remedy = f"aws cloudtrail update-trail --name {trail.name} --is-multi-region-trail"
    remedy = f"{remedy} --include-global-service-events"
    return Trouble(" and ".join(wrong), remedy) if wrong else None


def judge_validation(trail: Trail) -> Trouble | None:
    """Its files are signed."""
    if (trail.there or {}).get("LogFileValidationEnabled"):
        return None
    return Trouble(
        "signs nothing: an altered file would not show",
        f"aws cloudtrail update-trail --name {trail.name} --enable-log-file-validation",
    )


def read_selectors(site: Site) -> Iterator[tuple[str, Trail]]:
    """With what they record."""
    for name, trail in existing(site):
        found = site.reads.aws("cloudtrail", "get_event_selectors", TrailName=name)
        yield name, Trail(name, trail.duty, trail.there, found)


def judge_events(trail: Trail) -> Trouble | None:
    """It records all management events: taking a role counts as a read."""
    plain = trail.more.get("EventSelectors") or []
    if any(each.get("IncludeManagementEvents") and each.get("ReadWriteType") == "All" for each in plain):
        return None
    for each in trail.more.get("AdvancedEventSelectors") or []:
        fields = {field["Field"]: field.get("Equals") for field in each["FieldSelectors"]}
        if fields == {"eventCategory": ["Management"]}:
            return None
    return Trouble("does not record all management events", f"mlops bootstrap {trail.duty}")


def read_keys(site: Site) -> Iterator[tuple[str, Any]]:
    """The key of each trail that has one; a description tells nothing of a key in another account."""
    for name, trail in existing(site):
        key = (trail.there or {}).get("KmsKeyId")
        if not key:
            yield name, Trail(name, trail.duty, trail.there)
            continue
        try:
            found = site.reads.aws("kms", "describe_key", KeyId=key)
        except UnreadError as reason:
            yield name, reason
            continue
        yield (
            name,
            Trail(name, trail.duty, trail.there, (found or {}).get("KeyMetadata", {"KeyState": "gone"})),
        )


def judge_key(trail: Trail) -> Trouble | None:
    """Its files are encrypted with a key that works."""
    if trail.more is None:
        return Trouble("its files are not encrypted with a key of yours", f"mlops bootstrap {trail.duty}")
    state = trail.more.get("KeyState")
    if state == "Enabled":
        return None
    acts = {"Disabled": "aws kms enable-key", "PendingDeletion": "aws kms cancel-key-deletion"}
    key = trail.more.get("KeyId", "")
    return Trouble(
        f"its key is {state}: logs cannot be written or read",
        f"{acts[state]} --key-id {key}" if state in acts else f"mlops bootstrap {trail.duty}",
    )


CHECKS = (
    Check("trail-logging", "the trail is there and writes", read_statuses, judge_logging),
    Check("trail-reach", "it sees every region and global services", existing, judge_reach),
    Check("trail-validation", "its files are signed", existing, judge_validation),
    Check("trail-events", "it records reads and writes", read_selectors, judge_events),
    Check("trail-key", "its key works", read_keys, judge_key),
)
