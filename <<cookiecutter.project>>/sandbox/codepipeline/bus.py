"""EventBridge for what has no CloudTrail record: rules that wait for a service's own event, or for an hour.

moto keeps the rules and matches their patterns. A rule's target is called as the rule's role.
"""

from __future__ import annotations

import json
import logging
import queue
import re
import threading
import uuid
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError
from moto.events.models import events_backends

from sandbox.cloudtrail.rules import publish
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from sandbox.codebuild.reach import Reach

log = logging.getLogger("sandbox")
SERVICE = "events.amazonaws.com"
PLACEHOLDER = re.compile(r"<(?P<name>[\w.-]+)>")
Record = dict[str, Any]


class Bus:
    """Tells rules of events, one after the other, on a thread of its own."""

    def __init__(self, reach: Reach) -> None:
        self._reach = reach
        self._waiting: queue.SimpleQueue[tuple[Record, list[Any]]] = queue.SimpleQueue()
        threading.Thread(target=self._run, name="bus", daemon=True).start()

    def tell(self, event: Record) -> None:
        """Hand an event to the rules of its account whose pattern it matches."""
        rules = [
            rule
            for rule in _rules(event["account"], event["region"])
            if rule.event_pattern.get_pattern() and rule.event_pattern.matches_event(event)
        ]
        if rules:
            self._waiting.put((event, rules))

    def strike(self, asked: Record) -> None:
        """Let the hour of a rule come: {"account": …, "rule": …}."""
        account, name = str(asked.get("account", "")), asked.get("rule")
        world = self._reach.worlds.get(account)
        if world is None:
            raise ValueError(f"account is {account!r}; there are {', '.join(self._reach.worlds)}")
        hourly = [rule for rule in _rules(account, world.region) if rule.scheduled_expression]
        found = [rule for rule in hourly if rule.name == name]
        if not found:
            known = ", ".join(sorted(rule.name for rule in hourly)) or "none"
            raise ValueError(f"rule is {name!r}; enabled rules of {account} with a schedule: {known}")
        event = {
            "version": "0",
            "id": str(uuid.uuid4()),
            "detail-type": "Scheduled Event",
            "source": "aws.events",
            "account": account,
            "time": world.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": world.region,
            "resources": [found[0].arn],
            "detail": {},
        }
        self._waiting.put((event, found))

    def _run(self) -> None:
        while True:
            event, rules = self._waiting.get()
            for rule in rules:
                for target in tuple(rule.targets):
                    try:
                        self._call(event, rule, target)
                    except (ServiceError, ClientError, BotoCoreError, ValueError) as error:
                        log.warning("rule %s: target %s: %s", rule.arn, target["Arn"], error)
                    except Exception:  # one target must not end all others
                        log.exception("rule %s: target %s", rule.arn, target["Arn"])

    def _call(self, event: Record, rule: Any, target: Record) -> None:
        service, name = target["Arn"].split(":")[2], target["Arn"].split(":", 5)[5]
        text = made_input(target, event)
        if service == "sns":
            publish(target["Arn"], rule.arn, json.loads(text))
        elif service == "codepipeline":
            found = json.loads(text) if "Input" in target or "InputTransformer" in target else {}
            chosen = {key: found[key] for key in ("variables", "sourceRevisions") if key in found}
            self._client(event, rule, target, service).start_pipeline_execution(name=name, **chosen)
        elif service == "codebuild":
            found = json.loads(text) if "Input" in target or "InputTransformer" in target else {}
            client = self._client(event, rule, target, service)
            client.start_build(projectName=name.removeprefix("project/"), **found)

    def _client(self, event: Record, rule: Any, target: Record, service: str) -> Any:
        world = self._reach.worlds[event["account"]]
        role, name = target.get("RoleArn", ""), rule.name[:64]
        session = world.sts.assume_for(SERVICE, role, name, world.account, rule.arn)
        return world.client(service, session.keys(), SERVICE)


def _rules(account: str, region: str) -> list[Any]:
    backend = events_backends[account].get(region)
    buses = backend.event_buses if backend else {}
    rules = tuple(buses["default"].rules.values()) if buses else ()
    return [rule for rule in rules if rule.state == "ENABLED"]


def made_input(target: Record, event: Record) -> str:
    """What a target is given: the event, a text of the rule's own, or one made from the event."""
    if target.get("Input"):
        return str(target["Input"])
    transformer = target.get("InputTransformer")
    if not transformer:
        return json.dumps(event)
    values = {name: value_at(event, path) for name, path in transformer.get("InputPathsMap", {}).items()}
    return PLACEHOLDER.sub(
        lambda found: str(values.get(found["name"], "")), str(transformer["InputTemplate"])
    )


def value_at(event: Record, path: str) -> Any:
    """The value at `$.detail.name`; empty where there is none."""
    found: Any = event
    for part in path.removeprefix("$.").split("."):
        found = found.get(part, "") if isinstance(found, dict) else ""
    return found
