"""The repository as the verbs see it: its models and pins, in the work tree or at a commit."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops import git
from mlops.documents import parse_document
from mlops.errors import UsageError
from mlops.pin import Pin, Tombstone, parse_pin_file, pin_path, split_pin_path
from mlops.project import ENVIRONMENTS, Environment, find_root, read_project
from mlops.spec import SPEC_FILE, ModelSpec, require_folder_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from mlops.project import Project

MODEL_FOLDER = re.compile(r"^[a-z][a-z0-9-]{0,15}[a-z0-9]$")


@dataclass(frozen=True)
class Workspace:
    """A project's folder and its answers."""

    root: Path
    project: Project


def open_workspace() -> Workspace:
    """The project around the current folder."""
    root = find_root()
    return Workspace(root, read_project(root))


def list_models(root: Path) -> list[str]:
    """The models of the work tree: the folders of models/ that hold a model.yml, in name order."""
    return sorted(path.parent.name for path in (root / "models").glob(f"*/{SPEC_FILE}"))


def require_model(root: Path, model: str) -> str:
    """The model's name, when there is such a model."""
    known = list_models(root)
    if model not in known:
        raise UsageError(
            f"{model!r} is no model here; there are: {', '.join(known) or 'none'}. Add it: mlops new {model}"
        )
    return model


def require_environment(name: str) -> Environment:
    """The environment of that name."""
    found = next((environment for environment in ENVIRONMENTS if environment == name), None)
    if found is None:
        raise UsageError(f"{name!r} is no environment; allowed: {', '.join(ENVIRONMENTS)}")
    return found


def read_specs_at(root: Path, commit: str, models: Iterable[str]) -> dict[str, ModelSpec | None]:
    """The specs that a commit holds, in one git process; None for a model that it does not know."""
    paths = {f"models/{model}/{SPEC_FILE}": model for model in models}
    specs: dict[str, ModelSpec | None] = {}
    for path, content in git.read_files(root, commit, list(paths)).items():
        specs[paths[path]] = None if content is None else parse_spec(content, paths[path], commit)
    return specs


def parse_spec(content: bytes, model: str, commit: str) -> ModelSpec:
    """The spec of a model as a commit holds it."""
    where = f"models/{model}/{SPEC_FILE}"
    spec = parse_document(content.decode(), ModelSpec, f"{where} at {commit[:12]}")
    require_folder_name(spec, model)
    return spec


def read_pins_at(root: Path, commit: str, environment: Environment, model: str | None = None) -> list[Pin]:
    """The verified pins of an environment as a commit holds them, in model order."""
    files = read_pin_files_at(root, commit, environment, model)
    return [pin for pin in files if isinstance(pin, Pin)]


def read_tombstones_at(root: Path, commit: str, environment: Environment) -> list[Tombstone]:
    """The retired models of an environment as a commit holds them, in model order."""
    return [pin for pin in read_pin_files_at(root, commit, environment) if isinstance(pin, Tombstone)]


def read_pin_files_at(
    root: Path, commit: str, environment: Environment, model: str | None = None
) -> list[Pin | Tombstone]:
    """Pins and tombstones, from git and not from the work tree: an edit that nobody merged is not live."""
    wanted = (
        [pin_path(environment, model)] if model else git.list_files(root, commit, f"releases/{environment}/")
    )
    places = {path: place for path in wanted if (place := split_pin_path(path))}
    files = git.read_files(root, commit, list(places))
    return [
        parse_pin_file(content.decode(), *places[path]) for path, content in sorted(files.items()) if content
    ]


def read_work_pins(root: Path) -> dict[str, str]:
    """The pin files of the work tree, every one of them: path below the project → text."""
    found = sorted((root / "releases").glob("*/*.yml"))
    return {path.relative_to(root).as_posix(): path.read_text(encoding="utf-8") for path in found}
