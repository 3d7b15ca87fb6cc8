"""model.yml: what a model is. Data, image, training, gate, serving."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from mlops.documents import Document, read_document
from mlops.errors import UsageError
from mlops.gates import Gate
from mlops.project import ModelName
from mlops.serving import Instance, Serve

if TYPE_CHECKING:
    from pathlib import Path

SPEC_FILE = "model.yml"

Minutes = Annotated[int, Field(ge=1, le=28 * 24 * 60)]  # SageMaker stops a job after 28 days at most
Parameter = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_-]{0,254}$")]
Folder = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]*$")]


def refuse_escape(path: str) -> str:
    """A path in a spec stays inside the model's folder."""
    if path.startswith("/") or ".." in path.split("/"):
        raise ValueError("leaves the model's folder; name a path below it")
    return path


class Data(Document):
    """The dataset: a DVC pointer below the model's folder."""

    pointer: Annotated[str, StringConstraints(pattern=r"\.dvc$"), AfterValidator(refuse_escape)]


class Image(Document):
    """The container: a framework image of AWS by version, or an own image by URI."""

    framework: Literal["sklearn", "xgboost"] | None = None
    version: str | None = None
    uri: (
        Annotated[str, StringConstraints(pattern=r"^[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com/.+$")]
        | None
    ) = None

    @model_validator(mode="after")
    def require_one_kind(self) -> Image:
        """Either a framework with its version, or a URI."""
        by_framework = self.framework is not None and self.version is not None
        if by_framework == (self.uri is not None) or (self.uri and (self.framework or self.version)):
            raise ValueError("give framework and version, or uri, and not both")
        return self


class Train(Document):
    """The training job."""

    instance: Instance
    max_minutes: Minutes
    on_merge: Literal["auto", "manual"] = "auto"
    hyperparameters: dict[Parameter, str | int | float | bool] = Field(default_factory=dict)


class Processing(Document):
    """The jobs around training: prepare, evaluate, seal."""

    instance: Instance = "ml.m5.large"
    max_minutes: Minutes = 15


class ModelSpec(Document):
    """One model. The gate has no default: a model without one is refused."""

    schema_version: Literal[1] = Field(alias="schema")
    model: ModelName
    description: str
    data: Data
    image: Image
    libs: list[Folder] = Field(default_factory=list)
    train: Train
    processing: Processing = Processing()
    gate: Gate
    serve: Serve

    def training_inputs(self) -> dict[str, Any]:
        """What of the spec makes a trained model what it is: image and hyperparameters, as strings.

        `instance`, `max_minutes` and `on_merge` say where and when, not what.
        """
        parameters = {name: scalar_text(value) for name, value in self.train.hyperparameters.items()}
        return {"image": self.image.model_dump(exclude_none=True), "hyperparameters": parameters}


def scalar_text(value: str | float | bool) -> str:
    """A hyperparameter as SageMaker carries it: text that JSON or the script reads back."""
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def read_spec(root: Path, model: str) -> ModelSpec:
    """Read models/<model>/model.yml; its `model:` must be the folder's name."""
    where = f"models/{model}/{SPEC_FILE}"
    spec = read_document(root / where, ModelSpec, where)
    require_folder_name(spec, model)
    return spec


def require_folder_name(spec: ModelSpec, model: str) -> None:
    """Raise unless the spec names the model that its folder is called after."""
    if spec.model != model:
        raise UsageError(
            f"models/{model}/{SPEC_FILE}: model: found {spec.model!r}, but the folder is {model!r}; "
            "they must be equal"
        )
