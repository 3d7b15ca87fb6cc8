"""EventBridge for trails: a recorded call that a rule's pattern matches is published to the rule's topics.

moto keeps rules and topics and matches patterns; it hears of no call, and hands nothing to a topic.
"""

from __future__ import annotations

import json
import logging
import queue
import threading
import uuid
from typing import TYPE_CHECKING, Any

from moto.events.models import events_backends
from moto.sns.models import sns_backends

from sandbox import iam

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.cloudtrail.records import Record

log = logging.getLogger("sandbox")
SERVICE = "events.amazonaws.com"
DETAIL_TYPE = "AWS API Call via CloudTrail"


class Rules:
    """Tells rules of management events that change something: others reach no rule on AWS either."""

    def __init__(self, region: str) -> None:
        self._region = region
        self._waiting: queue.SimpleQueue[Record] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="eventbridge", daemon=True).start()

    def take(self, record: Record, line: bytes) -> None:
        """Keep a record for the rules of its account; the call does not wait for them."""
        if record["managementEvent"] and not record["readOnly"] and self._enabled(record):
            self._waiting.put(record)

    def _enabled(self, record: Record) -> list[Any]:
        """The rules that hear of a record: those of its account and region."""
        regions = events_backends[record["recipientAccountId"]]
        backend = regions.get(record["awsRegion"])
        buses = backend.event_buses if backend else {}
        return (
            [rule for rule in tuple(buses["default"].rules.values()) if rule.state == "ENABLED"]
            if buses
            else []
        )

    def _run(self) -> None:
        while True:
            record = self._waiting.get()
            try:
                self._tell(record)
            except Exception:  # one message that cannot be made must not end all others
                log.exception("no rule was told of %s", record.get("eventName"))

    def _tell(self, record: Record) -> None:
        message = event_of(record)
        for rule in self._enabled(record):
            if rule.event_pattern.matches_event(message):
                for arn in _topics(rule):
                    publish(arn, rule.arn, message)


def event_of(record: Record) -> dict[str, Any]:
    """A record as EventBridge hands it on."""
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "detail-type": DETAIL_TYPE,
        "source": f"aws.{record['eventSource'].partition('.')[0]}",
        "account": record["recipientAccountId"],
        "time": record["eventTime"],
        "region": record["awsRegion"],
        "resources": [],
        "detail": record,
    }


def _topics(rule: Any) -> Iterator[str]:
    for target in rule.targets:
        if target["Arn"].split(":")[2] == "sns":
            yield target["Arn"]


def publish(arn: str, rule: str, message: dict[str, Any]) -> None:
    """Publish to a topic whose policy lets the rule."""
    _, _, _, region, account, _ = arn.split(":", 5)
    topic = sns_backends[account][region].topics.get(arn)
    if topic is None or not _may(topic.policy, arn, account, rule):
        log.warning("rule %s may not publish to %s", rule, arn)
        return
    topic.publish(json.dumps(message))


def _may(policy: str, arn: str, account: str, rule: str) -> bool:
    principal = iam.Principal(account, SERVICE, "service")
    context = {"aws:SourceArn": [rule], "aws:SourceAccount": [account]}
    request = iam.Request(principal, "sns:Publish", arn, account, context)
    try:
        return iam.evaluate(request, iam.Policies(resource=[policy])).allowed
    except iam.PolicyError:
        return False
