"""Endpoints: blue/green, all at once. A new fleet serves only after it answered; else the old one stays."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from sandbox.errors import SandboxError, ServiceError, invalid
from sandbox.objects import DataError
from sandbox.sagemaker.fleet import Fleet
from sandbox.sagemaker.store import Record, Shelf, already_exists, could_not_find, page, pick, select
from sandbox.world import Call, World, now

if TYPE_CHECKING:
    from sandbox.sagemaker.endpoint_configs import EndpointConfigs
    from sandbox.sagemaker.models import Models
    from sandbox.sagemaker.tags import Tags

log = logging.getLogger("sandbox")
BUSY = ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting")
SUMMARY = ["EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus"]


class Endpoints:
    """Endpoints and the fleets behind them."""

    def __init__(self, world: World, models: Models, configs: EndpointConfigs, tags: Tags) -> None:
        self._world = world
        self._models = models
        self._configs = configs
        self._tags = tags
        self._fleets: dict[str, Fleet] = {}
        self._shelf = Shelf(
            could_not_find("endpoint"), already_exists("endpoint", lambda name: world.arn("endpoint", name))
        )

    def create(self, call: Call) -> dict[str, Any]:
        name, config = call.params["EndpointName"], self._configs.find(call.params["EndpointConfigName"])
        arn, moment = self._world.arn("endpoint", name), now()
        check_deployment(call.params)
        self._shelf.add(
            name,
            {
                "EndpointName": name,
                "EndpointArn": arn,
                "EndpointConfigName": config["EndpointConfigName"],
                "EndpointStatus": "Creating",
                "CreationTime": moment,
                "LastModifiedTime": moment,
            },
        )
        self._tags.put(arn, call.params.get("Tags"))
        self._deploy(name, config, "Failed")
        return {"EndpointArn": arn}

    def update(self, call: Call) -> dict[str, Any]:
        params, name = call.params, call.params["EndpointName"]
        check_deployment(params)
        with self._shelf.lock:
            endpoint = self._shelf.get(name)
            config = self._configs.find(params["EndpointConfigName"])
            if endpoint["EndpointStatus"] in BUSY:
                raise invalid(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')
            self._shelf.update(name, EndpointStatus="Updating", LastModifiedTime=now(), FailureReason=None)
        fallback = "InService" if name in self._fleets else "Failed"
        self._deploy(name, config, fallback, params.get("DeploymentConfig"))
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _deploy(self, name: str, config: Record, fallback: str, deployment: Record | None = None) -> None:
        creation = self._shelf.get(name)["CreationTime"]
        arguments = (name, config, fallback, deployment, creation)
        threading.Thread(target=self._replace, args=arguments, name=f"deploy-{name}", daemon=True).start()

    def _replace(
        self, name: str, config: Record, fallback: str, deployment: Record | None, creation: Any
    ) -> None:
        variant = config["ProductionVariants"][0]
        try:
            container = self._models.container(variant["ModelName"])
            fleet = Fleet(self._world, name, container, variant)
        except ServiceError as error:
            self._settle(name, creation, EndpointStatus=fallback, FailureReason=error.message)
            return
        try:
            fleet.start()
        except Exception as error:
            fleet.stop()
            if not isinstance(error, SandboxError | DataError):
                log.exception("endpoint %s", name)
            self._settle(name, creation, EndpointStatus=fallback, FailureReason=str(error))
            return
        with self._shelf.lock:
            serves = self._settle(
                name,
                creation,
                EndpointStatus="InService",
                FailureReason=None,
                EndpointConfigName=config["EndpointConfigName"],
                ProductionVariants=[describe_variant(variant, container)],
                LastDeploymentConfig=deployment,
            )
            old = self._fleets.get(name) if serves else fleet
            if serves:
                self._fleets[name] = fleet
        if old:
            old.stop()

    def _settle(self, name: str, creation: Any, **members: Any) -> bool:
        """Write a deployment's outcome, unless the endpoint was deleted (or made anew) meanwhile."""
        with self._shelf.lock:
            if name not in self._shelf or self._shelf.get(name)["CreationTime"] != creation:
                return False
            self._shelf.update(name, LastModifiedTime=now(), **members)
            return True

    def describe(self, call: Call) -> dict[str, Any]:
        return self._shelf.get(call.params["EndpointName"])

    def delete(self, call: Call) -> dict[str, Any]:
        name = call.params["EndpointName"]
        with self._shelf.lock:
            self._shelf.remove(name)
            fleet = self._fleets.pop(name, None)
        if fleet:
            fleet.stop()
        return {}

    def list(self, call: Call) -> dict[str, Any]:
        found = select(self._shelf.all(), call.params, "EndpointName", "EndpointStatus")
        return page(found, call.params, "Endpoints", lambda endpoint: pick(endpoint, *SUMMARY))

    def serving(self, name: str) -> Fleet:
        """The fleet that answers now."""
        fleet = self._fleets.get(name)
        if fleet is None:
            raise ServiceError(
                "ValidationError", f"Endpoint {name} of account {self._world.account} not found."
            )
        return fleet


def describe_variant(variant: Record, container: Record) -> Record:
    """A variant as DescribeEndpoint shows it."""
    count, weight = variant["InitialInstanceCount"], variant["InitialVariantWeight"]
    image = {
        "SpecifiedImage": container["Image"],
        "ResolvedImage": container["Image"],
        "ResolutionTime": now(),
    }
    return {
        "VariantName": variant["VariantName"],
        "DeployedImages": [image],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


def check_deployment(params: Record) -> None:
    """Refuse a rollout that would not happen as asked."""
    deployment = params.get("DeploymentConfig", {})
    policy = deployment.get("BlueGreenUpdatePolicy", {}).get("TrafficRoutingConfiguration", {})
    kind = "ROLLING" if "RollingUpdatePolicy" in deployment else policy.get("Type", "ALL_AT_ONCE")
    if kind != "ALL_AT_ONCE":
        raise invalid(f"the sandbox serves ALL_AT_ONCE deployments, not {kind!r}; see docs/sandbox.md")
    if deployment.get("AutoRollbackConfiguration", {}).get("Alarms"):
        raise invalid("the sandbox does not serve AutoRollbackConfiguration yet; see docs/sandbox.md")
    for member in ("RetainAllVariantProperties", "RetainDeploymentConfig"):
        if params.get(member):
            raise invalid(f"the sandbox does not serve {member}; see docs/sandbox.md")
