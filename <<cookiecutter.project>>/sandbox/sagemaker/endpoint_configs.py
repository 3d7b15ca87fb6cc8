"""Endpoint configurations: which model, how many, on what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.errors import invalid
from sandbox.sagemaker.store import Record, Shelf, already_exists, could_not_find, page, pick, select

if TYPE_CHECKING:
    from sandbox.sagemaker.models import Models
    from sandbox.sagemaker.tags import Tags
    from sandbox.world import Call, World

UNSERVED = ("ShadowProductionVariants", "AsyncInferenceConfig", "ExplainerConfig")


class EndpointConfigs:
    """Immutable; refuses what a fleet here could not honour."""

    def __init__(self, world: World, models: Models, tags: Tags) -> None:
        self._world = world
        self._models = models
        self._tags = tags
        self._shelf = Shelf(
            could_not_find("endpoint configuration"),
            already_exists("endpoint configuration", lambda name: world.arn("endpoint-config", name)),
        )

    def create(self, call: Call) -> dict[str, Any]:
        params = call.params
        for member in UNSERVED:
            if member in params:
                raise invalid(f"the sandbox does not serve {member}; see docs/sandbox.md")
        for variant in params["ProductionVariants"]:
            self._check(variant)
        capture = params.get("DataCaptureConfig", {}).get("InitialSamplingPercentage", 0)
        if not 0 <= capture <= 100:
            raise invalid(f"InitialSamplingPercentage must be between 0 and 100, not {capture}.")
        names = [variant["VariantName"] for variant in params["ProductionVariants"]]
        if len({*names}) != len(names):
            raise invalid(f"Duplicate production variant names: {', '.join(names)}.")
        arn = self._world.arn("endpoint-config", params["EndpointConfigName"])
        kept = {key: value for key, value in params.items() if key != "Tags"}
        self._shelf.add(
            params["EndpointConfigName"],
            {**kept, "EndpointConfigArn": arn, "CreationTime": self._world.clock.now()},
        )
        self._tags.put(arn, params.get("Tags"))
        return {"EndpointConfigArn": arn}

    def _check(self, variant: Record) -> None:
        if "ServerlessConfig" in variant:
            raise invalid("the sandbox does not serve ServerlessConfig; see docs/sandbox.md")
        if "ModelName" not in variant:
            raise invalid(
                "the sandbox does not serve inference components: name a model; see docs/sandbox.md"
            )
        for member in ("InstanceType", "InitialInstanceCount"):
            if member not in variant:
                raise invalid(f"{member} is required for production variant {variant['VariantName']!r}.")
        variant.setdefault("InitialVariantWeight", 1.0)
        self._models.find(variant["ModelName"])

    def find(self, name: str) -> Record:
        return self._shelf.get(name)

    def describe(self, call: Call) -> dict[str, Any]:
        return self.find(call.params["EndpointConfigName"])

    def delete(self, call: Call) -> dict[str, Any]:
        self._shelf.remove(call.params["EndpointConfigName"])
        return {}

    def list(self, call: Call) -> dict[str, Any]:
        found = select(self._shelf.all(), call.params, "EndpointConfigName")
        return page(
            found,
            call.params,
            "EndpointConfigs",
            lambda config: pick(config, "EndpointConfigName", "EndpointConfigArn", "CreationTime"),
        )
