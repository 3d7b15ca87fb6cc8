"""`serve:` of a model, and the same resolved for one environment: fleet, rollout, alarms, data capture."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, StringConstraints, model_validator

from mlops.documents import Document
from mlops.network import Network, Networks
from mlops.project import Environment

Instance = Annotated[str, StringConstraints(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")]
Count = Annotated[int, Field(ge=1, le=100)]
Percent = Annotated[int, Field(ge=1, le=100)]
Strategy = Literal["all-at-once", "canary", "linear", "rolling"]

# https://docs.aws.amazon.com/sagemaker/latest/dg/deployment-guardrails.html
PERCENTS = {"canary": (1, 50), "linear": (10, 50), "rolling": (5, 50)}


class Fleet(Document):
    """The instances behind an endpoint."""

    instance: Instance
    count: Count = 1


class Rollout(Document):
    """How a new release takes over. `percent` of the fleet first, or at a time; `bake_minutes` after each."""

    strategy: Strategy = "canary"
    percent: Percent = 10
    bake_minutes: Annotated[int, Field(ge=0, le=60)] = 10

    @model_validator(mode="after")
    def require_range(self) -> Rollout:
        """SageMaker's own bounds of each strategy."""
        low, high = PERCENTS.get(self.strategy, (1, 100))
        if not low <= self.percent <= high:
            raise ValueError(f"{self.strategy} takes {low} to {high} percent, found {self.percent}")
        return self


class Alarms(Document):
    """What rolls a release back: errors and latency of requests, and scores that leave the test set's."""

    errors_percent: Annotated[float, Field(gt=0, le=100, strict=False)] = 1.0
    p95_ms: Annotated[int, Field(ge=1, le=60_000)] = 1000
    score_sigmas: Annotated[float, Field(gt=0, le=100, strict=False)] = 6.0


NO_NETWORKS = Networks()
SoakMinutes = Annotated[int, Field(ge=0, le=43_200)]  # up to 30 days


class Capture(Document):
    """Data capture: off unless a percentage says otherwise, as it stores what clients send."""

    percent: Annotated[int, Field(ge=0, le=100)] = 0


class Change(Document):
    """What one environment changes."""

    instance: Instance | None = None
    count: Count | None = None
    rollout: Rollout | None = None
    alarms: Alarms | None = None
    capture: Capture | None = None
    soak_minutes: SoakMinutes | None = None


class Serving(Document):
    """How a release is served in one environment, with nothing left to look up elsewhere."""

    serve: Fleet
    rollout: Rollout = Rollout()
    alarms: Alarms = Alarms()
    capture: Capture = Capture()
    soak_minutes: SoakMinutes = 30  # in service here, without alarm, before it may go to the next environment
    network: Network | None = None  # of project.yml, as it was when the pin was written


class Serve(Document):
    """`serve:` of model.yml."""

    instance: Instance
    count: Count = 1
    rollout: Rollout = Rollout()
    alarms: Alarms = Alarms()
    capture: Capture = Capture()
    soak_minutes: SoakMinutes = 30
    environments: dict[Environment, Change] = Field(default_factory=dict)

    def resolve(self, environment: Environment, networks: Networks = NO_NETWORKS) -> Serving:
        """The serving of one environment: what it changes, over what holds for all; and its network."""
        base = self.model_dump(exclude={"environments"})
        change = self.environments.get(environment, Change()).model_dump(exclude_none=True)
        merged: dict[str, Any] = {**base, **change}
        fleet = {"instance": merged.pop("instance"), "count": merged.pop("count")}
        network: Network | None = getattr(networks, environment)
        return Serving.model_validate({"serve": fleet, **merged, "network": network})
