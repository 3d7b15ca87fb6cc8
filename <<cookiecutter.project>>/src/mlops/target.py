"""A pin in its environment, and every AWS name that follows from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops import git
from mlops.errors import MlopsError
from mlops.live import OWNER
from mlops.pin import pin_path
from mlops.workspace import read_pins_at

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_sagemaker.type_defs import TagTypeDef

    from mlops.pin import Pin
    from mlops.project import Environment, Project

VARIANT = "main"  # SageMaker refuses an update that renames a variant


@dataclass(frozen=True)
class Target:
    """One pin, where it is to be live."""

    project: Project
    environment: Environment
    pin: Pin

    @property
    def endpoint(self) -> str:
        """The endpoint's name."""
        return self.project.endpoint(self.environment, self.pin.model)

    @property
    def path(self) -> str:
        """The pin's file."""
        return pin_path(self.environment, self.pin.model)

    @property
    def config(self) -> str:
        """The endpoint config's name: it ends in the digest of release and serving."""
        return self.pin.config_name(self.project, self.environment)

    @property
    def model(self) -> str:
        """The SageMaker model's name: it ends in the release, or the digest of release and network."""
        return self.project.model_name(self.environment, self.pin.model, self.pin.model_hex)

    @property
    def family(self) -> str:
        """What the names of all configs and models of this model and environment begin with."""
        return f"{self.project.project}-{self.pin.model}-{self.environment}-"

    @property
    def tags(self) -> list[TagTypeDef]:
        """What bills and inventories group by."""
        names = {
            OWNER: self.project.project,
            "mlops:environment": self.environment,
            "mlops:model": self.pin.model,
            "mlops:release": self.pin.release_hex,
        }
        return [{"Key": key, "Value": value} for key, value in names.items()]


def read_targets(root: Path, project: Project, environment: Environment, model: str | None) -> list[Target]:
    """The pins to deploy, from git's HEAD."""
    pins = read_pins_at(root, git.head_commit(root), environment, model)
    if model and not pins:
        raise MlopsError(
            f"{model!r} is not pinned in {environment} at HEAD. "
            f"Pin it: mlops propose {model} --to {environment} --dry-run"
        )
    return [Target(project, environment, pin) for pin in pins]
