"""A run: all that one training pipeline execution reads, named by content."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.bundle import build_bundle, fingerprint
from mlops.dataset import dataset_prefix, read_pointer
from mlops.digests import canonical_json, record_digest, sha256_hex
from mlops.images import image_uri
from mlops.workspace import read_pins_at

if TYPE_CHECKING:
    from mlops.pin import Pin
    from mlops.project import Project
    from mlops.release import Archive
    from mlops.spec import ModelSpec
    from mlops.workspace import Workspace

NO_CHAMPION = "champions/none.json"


@dataclass(frozen=True)
class Run:
    """All that one run reads, by content. `keys` are objects to upload: key in the data bucket → bytes."""

    model: str
    fingerprint: str
    parameters: dict[str, str]
    keys: dict[str, bytes]
    kind: str = "release"

    def pipeline(self, project: Project) -> str:
        """The pipeline that runs it; experiments and reused weights have their own, beside the model's."""
        group = project.group(self.model)
        return group if self.kind == "release" else f"{group}-{self.kind}"

    @property
    def display_name(self) -> str:
        """What the execution is called: equal runs have equal names."""
        return f"fingerprint-{self.fingerprint[:32]}"


def prepare_run(workspace: Workspace, spec: ModelSpec, commit: str, weights: Archive | None = None) -> Run:
    """Gather what the run reads; touches nothing outside the repository.

    With `weights`, the run judges and seals those of an earlier release instead of training.
    """
    project = workspace.project
    bundle = build_bundle(workspace.root, spec)
    pointer = read_pointer(workspace.root, spec)
    mark = fingerprint(bundle, pointer, spec)
    if weights:
        mark = record_digest({"fingerprint": mark, "weights": weights.sha256})
    job_spec = canonical_json(resolve_spec(project, spec))
    spec_key = f"specs/{sha256_hex(job_spec)}.json"
    parameters = {
        "BundleUri": f"s3://{project.data_bucket}/{bundle.key}",
        "DataUri": f"s3://{project.data_bucket}/{dataset_prefix(spec.model, pointer.version)}",
        "SpecUri": f"s3://{project.data_bucket}/{spec_key}",
        "ChampionUri": champion_uri(workspace, spec.model, commit),
        "Commit": commit,
        "DataVersion": pointer.version,
        "Fingerprint": mark,
    }
    if weights:
        parameters["WeightsUri"] = f"s3://{weights.bucket}/{weights.key}"
    else:
        values = spec.training_inputs()["hyperparameters"]
        parameters |= {hyperparameter(name): value for name, value in values.items()}
    keys = {bundle.key: bundle.content, spec_key: job_spec, NO_CHAMPION: b"{}\n"}
    return Run(spec.model, mark, parameters, keys, "weights" if weights else "release")


def hyperparameter(name: str) -> str:
    """The pipeline parameter that carries a hyperparameter."""
    return f"Hyperparameter_{name}"


def resolve_spec(project: Project, spec: ModelSpec) -> dict[str, Any]:
    """What jobs read of the spec, with nothing left to look up."""
    return {
        "schema": 1,
        "model": spec.model,
        "project": project.project,
        "region": project.region,
        "image": image_uri(spec.image, project.region),
        "hyperparameters": spec.training_inputs()["hyperparameters"],
        "gate": spec.gate.resolve(),
        "package_group": project.group(spec.model),
        "releases_bucket": project.releases_bucket,
    }


def champion_uri(workspace: Workspace, model: str, commit: str) -> str:
    """The archive to beat: what is pinned in prod, else in staging, else nothing."""
    pins: list[Pin] = []
    for environment in ("prod", "staging"):
        pins += read_pins_at(workspace.root, commit, environment, model)
    if not pins:
        return f"s3://{workspace.project.data_bucket}/{NO_CHAMPION}"
    return f"s3://{pins[0].artifact.archive.bucket}/{pins[0].artifact.archive.key}"
