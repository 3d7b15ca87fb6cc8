"""CreateModel and its siblings: what an endpoint can serve."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.errors import invalid
from sandbox.sagemaker import networks
from sandbox.sagemaker.store import Record, Shelf, already_exists, could_not_find, page, pick, select
from sandbox.world import Call, World, now

if TYPE_CHECKING:
    from sandbox.sagemaker.registry import Registry
    from sandbox.sagemaker.tags import Tags


class Models:
    """Models; one made from a package needs that package's approval."""

    def __init__(self, world: World, registry: Registry, tags: Tags) -> None:
        self._world = world
        self._registry = registry
        self._tags = tags
        self._shelf = Shelf(
            could_not_find("model", lambda name: world.arn("model", name)),
            already_exists("model", lambda name: world.arn("model", name)),
        )

    def create(self, call: Call) -> dict[str, Any]:
        params = call.params
        if ("PrimaryContainer" in params) == ("Containers" in params):
            raise invalid("You must provide either PrimaryContainer or Containers, and not both.")
        self._world.check_role(params.get("ExecutionRoleArn", ""))
        networks.require(self._world, params.get("ExecutionRoleArn", ""), params.get("VpcConfig"))
        for container in [params.get("PrimaryContainer"), *params.get("Containers", [])]:
            if container:
                self._check(container)
        arn = self._world.arn("model", params["ModelName"])
        kept = {key: value for key, value in params.items() if key != "Tags"}
        isolation = {"EnableNetworkIsolation": params.get("EnableNetworkIsolation", False)}
        self._shelf.add(params["ModelName"], {**kept, **isolation, "ModelArn": arn, "CreationTime": now()})
        self._tags.put(arn, params.get("Tags"))
        return {"ModelArn": arn}

    def _check(self, container: Record) -> None:
        if "ModelPackageName" not in container:
            if "Image" not in container:
                raise invalid("A container definition needs Image or ModelPackageName.")
            return
        if "Image" in container or "ModelDataUrl" in container:
            raise invalid("ModelPackageName cannot be given together with Image or ModelDataUrl.")
        package = self._registry.find(container["ModelPackageName"])
        status = package.get("ModelApprovalStatus", "Approved")
        if status != "Approved":
            raise invalid(
                f"Cannot create Model from ModelPackage {package['ModelPackageArn']}: "
                f"its ModelApprovalStatus is {status}, and only Approved packages can be deployed."
            )

    def find(self, name: str) -> Record:
        return self._shelf.get(name)

    def container(self, name: str) -> Record:
        """Resolve a model to image, archive and environment, through its package if it has one."""
        model = self.find(name)
        container = model.get("PrimaryContainer") or model["Containers"][0]
        own = {key: model[key] for key in ("ExecutionRoleArn", "VpcConfig") if key in model}
        if "ModelPackageName" not in container:
            return {**container, **own}
        packaged = self._registry.find(container["ModelPackageName"])["InferenceSpecification"]["Containers"][
            0
        ]
        settings = {**packaged.get("Environment", {}), **container.get("Environment", {})}
        return {**packaged, "Environment": settings, **own}

    def describe(self, call: Call) -> dict[str, Any]:
        return self.find(call.params["ModelName"])

    def delete(self, call: Call) -> dict[str, Any]:
        self._shelf.remove(call.params["ModelName"])
        return {}

    def list(self, call: Call) -> dict[str, Any]:
        found = select(self._shelf.all(), call.params, "ModelName")
        return page(
            found, call.params, "Models", lambda model: pick(model, "ModelName", "ModelArn", "CreationTime")
        )
