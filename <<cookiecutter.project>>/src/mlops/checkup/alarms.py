"""Alarms: each live endpoint has its own, they act, a rollback hangs on them, and somebody hears."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.alarms import alarm_prefix
from mlops.checkup.finding import Check, Trouble
from mlops.live import OWNER
from mlops.project import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops.checkup.site import Site

TOPIC = "AWS::SNS::Topic"
PENDING = ("PendingConfirmation", "Deleted")
NEEDED = ("errors", "latency")  # those of scores only where a release has scores


@dataclass(frozen=True)
class Guard:
    """A live endpoint, the alarms of the config that it serves, and those that its last update hung on."""

    endpoint: str
    environment: str
    model: str
    alarms: Mapping[str, bool]  # name → whether its actions are enabled
    guards: frozenset[str]
    was_updated: bool
    digest: str

    @property
    def missing(self) -> list[str]:
        """The alarms that there should be, and are not."""
        names = [f"{alarm_prefix(self.endpoint)}{kind}.{self.digest}" for kind in NEEDED]
        return [name for name in names if name not in self.alarms]

    @property
    def remedy(self) -> str:
        """`deploy` makes what is missing, also for an endpoint that serves its pin."""
        return f"mlops deploy {self.environment} {self.model}"


def read_guards(site: Site) -> Iterator[tuple[str, Guard]]:
    """Every endpoint of the environments here."""
    for environment in ENVIRONMENTS:
        if environment not in site.duties:
            continue
        prefix = site.project.endpoint(environment, "")
        listed = site.reads.aws("sagemaker", "list_endpoints", NameContains=prefix)["Endpoints"]
        for entry in listed:
            name = entry["EndpointName"]
            if name.startswith(prefix) and is_own(site, entry["EndpointArn"]):
                found = site.reads.aws("sagemaker", "describe_endpoint", EndpointName=name)
                if found:
                    yield name, read_guard(site, environment, name, found)


def is_own(site: Site, arn: str) -> bool:
    """Whether an endpoint is not tagged as another project's, whose name may begin with this one's."""
    tags = (site.reads.aws("sagemaker", "list_tags", ResourceArn=arn) or {}).get("Tags", [])
    owner = next((tag["Value"] for tag in tags if tag["Key"] == OWNER), site.project.project)
    return bool(owner == site.project.project)


def read_guard(site: Site, environment: str, name: str, found: Mapping[str, Any]) -> Guard:
    """What guards one endpoint."""
    answer = site.reads.aws("cloudwatch", "describe_alarms", AlarmNamePrefix=alarm_prefix(name))
    last = found.get("LastDeploymentConfig") or {}
    guards = last.get("AutoRollbackConfiguration", {}).get("Alarms", [])
    digest = found.get("EndpointConfigName", "").rpartition("-")[2]
    return Guard(
        name,
        environment,
        name.removeprefix(site.project.endpoint(environment, "")),
        {
            each["AlarmName"]: bool(each.get("ActionsEnabled"))
            for each in answer["MetricAlarms"]
            if each["AlarmName"].endswith(f".{digest}")
        },
        frozenset(each["AlarmName"] for each in guards),
        bool(last),
        digest,
    )


def judge_alarms(guard: Guard) -> Trouble | None:
    """The alarms of what it serves are there."""
    return Trouble(f"lacks alarms {', '.join(guard.missing)}", guard.remedy) if guard.missing else None


def judge_rollback(guard: Guard) -> Trouble | None:
    """Its last update hung on them; an endpoint that was never updated has had nothing to go back to."""
    loose = sorted(set(guard.alarms) - guard.guards) if guard.was_updated else []
    if not loose:
        return None
    return Trouble(
        f"its last update would not have rolled back on {', '.join(loose)}: was it made by hand?",
        f"mlops audit; the next {guard.remedy} wires them",
    )


def judge_actions(guard: Guard) -> Trouble | None:
    """They act."""
    mute = sorted(name for name, acts in guard.alarms.items() if not acts)
    if not mute:
        return None
    return Trouble(
        f"alarms are muted: {', '.join(mute)}",
        f"aws cloudwatch enable-alarm-actions --alarm-names {' '.join(mute)}",
    )


def read_topics(site: Site) -> Iterator[tuple[str, tuple[str, list[Mapping[str, Any]]]]]:
    """The subscriptions of the topics of the stacks."""
    for _, _, arn in site.made(TOPIC):
        answer = site.reads.aws("sns", "list_subscriptions_by_topic", TopicArn=arn) or {}
        yield arn.rpartition(":")[2], (arn, answer.get("Subscriptions", []))


def judge_topic(facts: tuple[str, list[Mapping[str, Any]]]) -> Trouble | None:
    """Somebody has confirmed that they listen."""
    arn, found = facts
    if any(each["SubscriptionArn"] not in PENDING for each in found):
        return None
    waiting = [str(each.get("Endpoint")) for each in found if each["SubscriptionArn"] == PENDING[0]]
    if waiting:
        return Trouble(
            f"{', '.join(waiting)} has not confirmed", "follow the link in the mail of AWS Notifications"
        )
    return Trouble(
        "nobody listens",
        f"aws sns subscribe --topic-arn {arn} --protocol email --notification-endpoint you@example.com",
    )


CHECKS = (
    Check("alarm", "live endpoints have their alarms", read_guards, judge_alarms),
    Check("alarm-rollback", "their updates roll back on them", read_guards, judge_rollback),
    Check("alarm-actions", "the alarms are not muted", read_guards, judge_actions),
    Check("topic", "somebody listens to each topic", read_topics, judge_topic),
)
