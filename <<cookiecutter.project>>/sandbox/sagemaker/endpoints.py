"""Endpoints: what they are, what they serve now, and the updates that change it."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from sandbox.errors import SandboxError, ServiceError, invalid
from sandbox.objects import DataError
from sandbox.sagemaker.capture import Capture
from sandbox.sagemaker.deployment import Deployment
from sandbox.sagemaker.fleet import Fleet
from sandbox.sagemaker.rollout import Rollout, read_rollout
from sandbox.sagemaker.store import Record, Shelf, already_exists, could_not_find, page, pick, select
from sandbox.sagemaker.traffic import Router, Version

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.sagemaker.endpoint_configs import EndpointConfigs
    from sandbox.sagemaker.models import Models
    from sandbox.sagemaker.tags import Tags
    from sandbox.world import Call, World

log = logging.getLogger("sandbox")
BUSY = ("Creating", "Updating", "RollingBack", "SystemUpdating", "Deleting")
SUMMARY = ["EndpointName", "EndpointArn", "CreationTime", "LastModifiedTime", "EndpointStatus"]
LONGEST_REASON = 1024
RETAINED = {"DesiredInstanceCount": "InitialInstanceCount", "DesiredWeight": "InitialVariantWeight"}


class Endpoints:
    """Endpoints and the routers in front of their fleets."""

    def __init__(self, world: World, models: Models, configs: EndpointConfigs, tags: Tags) -> None:
        self._world = world
        self._models = models
        self._configs = configs
        self._tags = tags
        self._routers: dict[str, Router] = {}
        self._shelf = Shelf(
            could_not_find("endpoint"), already_exists("endpoint", lambda name: world.arn("endpoint", name))
        )

    def create(self, call: Call) -> dict[str, Any]:
        name, config = call.params["EndpointName"], self._configs.find(call.params["EndpointConfigName"])
        arn, moment = self._world.arn("endpoint", name), self._world.clock.now()
        deployment = call.params.get("DeploymentConfig")
        self._check(config, deployment)
        record = {
            "EndpointName": name,
            "EndpointArn": arn,
            "EndpointConfigName": config["EndpointConfigName"],
            "EndpointStatus": "Creating",
            "CreationTime": moment,
            "LastModifiedTime": moment,
            "LastDeploymentConfig": deployment,
        }
        with self._shelf.lock:
            self._shelf.add(name, record)
            self._routers[name] = Router()
        self._tags.put(arn, call.params.get("Tags"))
        self._start(name, config, Rollout(), deployment, "Failed")
        return {"EndpointArn": arn}

    def update(self, call: Call) -> dict[str, Any]:
        params, name = call.params, call.params["EndpointName"]
        with self._shelf.lock:
            endpoint = self._shelf.get(name)
            config = self._configs.find(params["EndpointConfigName"])
            deployment = params.get("DeploymentConfig")
            if params.get("RetainDeploymentConfig"):
                if deployment:
                    raise invalid("DeploymentConfig and RetainDeploymentConfig cannot both be specified.")
                deployment = endpoint.get("LastDeploymentConfig")
            self._refuse_busy(endpoint)
            if serving := self._routers[name].serving:
                _check_variants(name, serving, config)
                if params.get("RetainAllVariantProperties"):
                    config = _retain(serving, config, params.get("ExcludeRetainedVariantProperties", []))
            rollout = self._check(config, deployment)
            self._shelf.update(
                name, EndpointStatus="Updating", LastModifiedTime=self._world.clock.now(), FailureReason=None
            )
        fallback = "InService" if serving else "Failed"
        self._start(name, config, rollout, deployment, fallback)
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _check(self, config: Record, deployment: Record | None) -> Rollout:
        """Read the rollout of a deployment; refuse one whose alarms would watch nothing."""
        count = min(variant["InitialInstanceCount"] for variant in config["ProductionVariants"])
        rollout = read_rollout(deployment, count)
        if missing := self._world.watch.unknown(list(rollout.alarms)):
            raise invalid(f"Alarms of AutoRollbackConfiguration do not exist: {', '.join(missing)}.")
        return rollout

    @staticmethod
    def _refuse_busy(endpoint: Record) -> None:
        if endpoint["EndpointStatus"] in BUSY:
            raise invalid(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')

    def _start(
        self, name: str, config: Record, rollout: Rollout, deployment: Record | None, fallback: str
    ) -> None:
        creation = self._shelf.get(name)["CreationTime"]
        arguments = (name, config, rollout, deployment, fallback, creation)
        threading.Thread(target=self._deploy, args=arguments, name=f"deploy-{name}", daemon=True).start()

    def _deploy(
        self,
        name: str,
        config: Record,
        rollout: Rollout,
        deployment: Record | None,
        fallback: str,
        creation: Any,
    ) -> None:
        router = self._routers[name]
        done = {"EndpointConfigName": config["EndpointConfigName"], "LastDeploymentConfig": deployment}

        def is_wanted() -> bool:
            return name in self._shelf and self._shelf.get(name)["CreationTime"] == creation

        try:
            version = self._version(name, config)
            note = self._notes(name, creation, version)
            Deployment(self._world, router, version, rollout, note, is_wanted).carry_out()
        except Exception as error:
            reason = error.message if isinstance(error, ServiceError) else str(error)
            if not isinstance(error, SandboxError | ServiceError | DataError):
                log.exception("endpoint %s", name)
            self._rest(name, creation, fallback, reason[:LONGEST_REASON])
            return
        if not self._rest(name, creation, "InService", None, **done):
            version.stop()

    def _notes(self, name: str, creation: Any, version: Version) -> Callable[[str], None]:
        """What publishes the progress of a deployment in DescribeEndpoint."""
        started = self._world.clock.now()

        def note(status: str) -> None:
            if status == "RollingBack":
                self._settle(name, creation, EndpointStatus="RollingBack")
                return
            variants = [
                {**describe_fleet(fleet), "VariantStatus": [{"Status": status}]}
                for fleet in version.fleets.values()
            ]
            pending = {"EndpointConfigName": version.config, "StartTime": started}
            self._settle(name, creation, PendingDeploymentSummary={**pending, "ProductionVariants": variants})

        return note

    def _rest(self, name: str, creation: Any, status: str, reason: str | None, **more: Any) -> bool:
        """Write how a deployment ended."""
        ended = {"EndpointStatus": status, "FailureReason": reason, "PendingDeploymentSummary": None}
        return self._settle(name, creation, **ended, **more)

    def _version(self, name: str, config: Record) -> Version:
        fleets, role = {}, ""
        for variant in config["ProductionVariants"]:
            container = self._models.container(variant["ModelName"])
            fleets[variant["VariantName"]] = Fleet(
                self._world, name, config["EndpointConfigName"], container, variant
            )
            role = container["ExecutionRoleArn"]
        settings = config.get("DataCaptureConfig", {})
        wanted = settings.get("EnableCapture", True) and settings.get("InitialSamplingPercentage")
        capture = Capture(self._world, name, settings, role) if wanted else None
        return Version(config["EndpointConfigName"], fleets, capture)

    def _settle(self, name: str, creation: Any, **members: Any) -> bool:
        """Write a deployment's progress, unless the endpoint was deleted (or made anew) meanwhile."""
        with self._shelf.lock:
            if name not in self._shelf or self._shelf.get(name)["CreationTime"] != creation:
                return False
            self._shelf.update(name, LastModifiedTime=self._world.clock.now(), **members)
            return True

    def update_weights(self, call: Call) -> dict[str, Any]:
        """UpdateEndpointWeightsAndCapacities: weights at once, instances as they come and go."""
        name = call.params["EndpointName"]
        wanted = call.params["DesiredWeightsAndCapacities"]
        with self._shelf.lock:
            endpoint = self._shelf.get(name)
            self._refuse_busy(endpoint)
            serving = self._routers[name].serving
            if serving is None:
                raise invalid(f'Cannot update endpoint "{endpoint["EndpointArn"]}": it is not in service.')
            for change in wanted:
                if change["VariantName"] not in serving.fleets:
                    raise invalid(f'The requested variant name(s) "{change["VariantName"]}" do not exist.')
                if "ServerlessUpdateConfig" in change:
                    raise invalid("the sandbox does not serve ServerlessUpdateConfig; see docs/sandbox.md")
                if change.get("DesiredInstanceCount") == 0:
                    raise invalid("DesiredInstanceCount must be at least 1.")
            for change in wanted:
                fleet = serving.fleets[change["VariantName"]]
                fleet.wanted = change.get("DesiredInstanceCount", fleet.wanted)
            self._shelf.update(name, EndpointStatus="Updating", LastModifiedTime=self._world.clock.now())
        arguments = (name, serving, wanted, endpoint["CreationTime"])
        threading.Thread(target=self._rescale, args=arguments, name=f"scale-{name}", daemon=True).start()
        return {"EndpointArn": endpoint["EndpointArn"]}

    def _rescale(self, name: str, serving: Version, wanted: list[Record], creation: Any) -> None:
        reason = None
        try:
            for change in wanted:
                fleet = serving.fleets[change["VariantName"]]
                fleet.scale(fleet.wanted)
                fleet.weight = change.get("DesiredWeight", fleet.weight)
        except (SandboxError, DataError) as error:
            reason = str(error)[:LONGEST_REASON]
        self._settle(name, creation, EndpointStatus="InService", FailureReason=reason)

    def describe(self, call: Call) -> dict[str, Any]:
        name = call.params["EndpointName"]
        with self._shelf.lock:
            found = self._shelf.get(name)
            serving = self._routers[name].serving
        fleets = serving.fleets.values() if serving else ()
        return {
            **found,
            "ProductionVariants": [describe_fleet(fleet) for fleet in fleets] or None,
            "DataCaptureConfig": serving.capture.described() if serving and serving.capture else None,
        }

    def delete(self, call: Call) -> dict[str, Any]:
        name = call.params["EndpointName"]
        with self._shelf.lock:
            self._shelf.remove(name)
            router = self._routers.pop(name)
        serving = router.serving
        router.settle(None)
        if serving:
            serving.stop()
        return {}

    def list(self, call: Call) -> dict[str, Any]:
        found = select(self._shelf.all(), call.params, "EndpointName", "EndpointStatus")
        return page(found, call.params, "Endpoints", lambda endpoint: pick(endpoint, *SUMMARY))

    def enter(self, name: str, variant: str | None) -> tuple[Version, Fleet]:
        """Who answers the next request, with that request counted in."""
        router = self._routers.get(name)
        if router is None or router.serving is None:
            raise ServiceError(
                "ValidationError", f"Endpoint {name} of account {self._world.account} not found."
            )
        if variant and variant not in router.serving.fleets:
            raise ServiceError("ValidationError", f"Variant {variant} not found for endpoint {name}.")
        chosen = router.enter(variant)
        if chosen is None:
            raise ServiceError("ValidationError", f"No variant of endpoint {name} has a weight above 0.")
        return chosen


def describe_fleet(fleet: Fleet) -> Record:
    """A variant as DescribeEndpoint shows it."""
    image = fleet.container["Image"]
    return {
        "VariantName": fleet.name,
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": fleet.made}],
        "CurrentWeight": fleet.weight,
        "DesiredWeight": fleet.weight,
        "CurrentInstanceCount": len(fleet.instances),
        "DesiredInstanceCount": fleet.wanted,
    }


def _check_variants(name: str, serving: Version, config: Record) -> None:
    """A deployment moves traffic from a variant to its successor of the same name."""
    wanted, found = {variant["VariantName"] for variant in config["ProductionVariants"]}, {*serving.fleets}
    if wanted != found:
        raise invalid(
            f"The variants of endpoint configuration {config['EndpointConfigName']!r} are {sorted(wanted)}, "
            f"those of endpoint {name!r} {sorted(found)}: variant names must not change in an update."
        )


def _retain(serving: Version, config: Record, excluded: list[Record]) -> Record:
    """The configuration with the counts and weights that serve now."""
    kept = {member for kind, member in RETAINED.items() if {"VariantPropertyType": kind} not in excluded}
    variants = []
    for variant in config["ProductionVariants"]:
        fleet = serving.fleets[variant["VariantName"]]
        now = {"InitialInstanceCount": len(fleet.instances), "InitialVariantWeight": fleet.weight}
        variants.append({**variant, **{member: now[member] for member in kept}})
    return {**config, "ProductionVariants": variants}
