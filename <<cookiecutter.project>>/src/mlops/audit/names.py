"""What AWS names speak of: which environment, model and duty of this project, if any."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.project import ENVIRONMENTS

if TYPE_CHECKING:
    from mlops.project import Environment, Project

ROLE = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>[0-9]{12}):role/(?P<name>[\w+=,.@-]+)")
DUTIES = ("deploy", "rollback")
ENDPOINT = re.compile(r"(?:arn:aws[a-z-]*:sagemaker:[^:]+:[0-9]{12}:endpoint/)?(?P<name>[A-Za-z0-9-]+)")


@dataclass(frozen=True)
class Duty:
    """A role of the project that may change what is live, where it is the real one: in its own account."""

    kind: str
    environment: Environment


@dataclass(frozen=True)
class Names:
    """The names of one project."""

    project: Project

    def endpoint(self, name: str) -> tuple[Environment, str] | None:
        """(environment, model) of an endpoint's name; None for another project's."""
        found = ENDPOINT.fullmatch(name)
        if found is None:
            return None
        for environment in ENVIRONMENTS:
            prefix = self.project.endpoint(environment, "")
            if found["name"].startswith(prefix) and len(found["name"]) > len(prefix):
                return environment, found["name"].removeprefix(prefix)
        return None

    def package(self, arn: str) -> str | None:
        """The model of a package's ARN; None for another project's."""
        place = f"{self.project.region}:{self.project.accounts.training}"
        family = f":sagemaker:{place}:model-package/{self.project.project}-"
        head, found, rest = arn.partition(family)
        if not found or not head.startswith("arn:aws"):
            return None
        return rest.rpartition("/")[0] or rest

    def duty(self, role: str) -> Duty | None:
        """What a role is for; None for any that is not the project's own for deploying or rolling back."""
        found = ROLE.fullmatch(role)
        if found is None:
            return None
        for kind in DUTIES:
            for environment in ENVIRONMENTS:
                wanted = (self.project.account(environment), f"{self.project.project}-{kind}-{environment}")
                if (found["account"], found["name"]) == wanted:
                    return Duty(kind, environment)
        return None

    def is_own_role(self, name: str) -> bool:
        """Whether a role is one of the project's."""
        return name.rpartition("/")[2].startswith(f"{self.project.project}-")

    def build_role(self, name: str) -> str:
        """The service role of a build project or of a pipeline's builds (infra/pipeline.yml)."""
        prefix = f"{self.project.project}-"
        return f"{prefix}build-{name.removeprefix(prefix)}"

    @property
    def buckets(self) -> tuple[str, ...]:
        """The buckets whose locks and policies carry the proof."""
        trail = f"{self.project.project}-trail-{self.project.accounts.training}-{self.project.region}"
        return (trail, self.project.releases_bucket)

    @property
    def accounts(self) -> frozenset[str]:
        """The accounts of the project."""
        accounts = self.project.accounts
        return frozenset({accounts.training, accounts.staging, accounts.prod})
