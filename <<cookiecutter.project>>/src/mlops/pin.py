"""The pin, releases/<env>/<model>.yml: exactly what is live there. Changed only by pull request."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, StringConstraints

from mlops.digests import record_digest
from mlops.documents import Document, dump_yaml, parse_document
from mlops.errors import UsageError
from mlops.project import ENVIRONMENTS, Environment, ModelName
from mlops.release import Artifact, Digest
from mlops.serving import Serving

if TYPE_CHECKING:
    from mlops.project import Project

Commit = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{40}([0-9a-f]{24})?$")]


class Origin(Document):
    """The pin that this release was promoted from."""

    environment: Environment
    commit: Commit


class Pin(Document):
    """One model in one environment."""

    schema_version: Literal[1] = Field(alias="schema")
    model: ModelName
    release: Digest
    artifact: Artifact
    serving: Serving
    promoted_from: Origin | None = None

    @property
    def release_hex(self) -> str:
        """The release without its prefix, 64 hex digits."""
        return self.release.removeprefix("sha256:")

    @property
    def config_hex(self) -> str:
        """The digest of release and serving: what an endpoint config is named after."""
        return record_digest({"release": self.release, "serving": self.serving.model_dump(exclude_none=True)})

    @property
    def model_hex(self) -> str:
        """What the SageMaker model is named after: the release, and the network, which a model keeps."""
        network = self.serving.network
        if network is None:
            return self.release_hex
        return record_digest({"release": self.release, "network": network.model_dump()})

    def config_name(self, project: Project, environment: str) -> str:
        """The endpoint config of this pin; a name alone shows drift."""
        return f"{project.project}-{self.model}-{environment}-{self.config_hex[:12]}"


class Retired(Document):
    """Since when a model is on its way out, and for how many days its endpoint still answers."""

    since: Annotated[str, StringConstraints(pattern=r"^[0-9]{4}-[0-9]{2}-[0-9]{2}$")]
    drain_days: Annotated[int, Field(ge=0, le=365)]

    def is_over(self, today: date) -> bool:
        """Whether the endpoint has drained."""
        return today >= date.fromisoformat(self.since) + timedelta(days=self.drain_days)


class Tombstone(Document):
    """What a pin becomes when its model is retired: never deleted, so that history stays readable."""

    schema_version: Literal[1] = Field(alias="schema")
    model: ModelName
    retired: Retired
    last_release: Digest


def pin_path(environment: str, model: str) -> str:
    """Where the pin of a model lies, below the project."""
    return f"releases/{environment}/{model}.yml"


def make_pin(model: str, artifact: Artifact, serving: Serving, origin: Origin | None = None) -> Pin:
    """The pin of an artifact."""
    return Pin.model_validate(
        {
            "schema": 1,
            "model": model,
            "release": artifact.release,
            "artifact": artifact,
            "serving": serving,
            "promoted_from": origin,
        }
    )


def parse_pin_file(text: str, environment: str, model: str) -> Pin | Tombstone:
    """Parse and verify what stands in a pin's file: a pin, or the tombstone that took its place."""
    if is_tombstone(text):
        where = pin_path(environment, model)
        tombstone = parse_document(text, Tombstone, where)
        refuse_other_model(where, tombstone.model, model)
        return tombstone
    return parse_pin(text, environment, model)


def is_tombstone(text: str) -> bool:
    """Whether a pin's file holds a tombstone."""
    return re.search(r"^retired:", text, re.MULTILINE) is not None


def refuse_other_model(where: str, found: str, model: str) -> None:
    """Raise unless a file speaks of the model that it is named after."""
    if found != model:
        raise UsageError(f"{where}: model: found {found!r}, but the file pins {model!r}")


def read_past_pin(content: bytes, environment: str, model: str) -> Pin | None:
    """A pin of history; None for one edited by hand: it was never deployed, and must bar no way back."""
    try:
        return parse_pin(content.decode(errors="replace"), environment, model)
    except UsageError:
        return None


def parse_pin(text: str, environment: str, model: str) -> Pin:
    """Parse and verify a pin: its digest must be its artifact's, its name its file's."""
    where = pin_path(environment, model)
    pin = parse_document(text, Pin, where)
    refuse_other_model(where, pin.model, model)
    if pin.release != pin.artifact.release:
        raise UsageError(
            f"{where}: release: found {pin.release!r}, but the artifact's digest is "
            f"{pin.artifact.release!r}; "
            f"the pin was edited by hand. Write it anew: mlops propose {model} --to {environment} --dry-run"
        )
    return pin


def dump_pin(pin: Pin | Tombstone) -> str:
    """The pin's file: canonical, so that the same pin is the same bytes."""
    return dump_yaml(pin.model_dump(by_alias=True, exclude_none=True))


def split_pin_path(path: str) -> tuple[Environment, str] | None:
    """(environment, model) of a pin's path; None for any other path."""
    parts = path.split("/")
    if len(parts) != 3 or parts[0] != "releases" or not parts[2].endswith(".yml"):
        return None
    environment = next((known for known in ENVIRONMENTS if known == parts[1]), None)
    return (environment, parts[2].removesuffix(".yml")) if environment else None
