"""Reads the answers that the sandbox needs from the project it runs in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Project:
    """The part of project.yml that names resources."""

    name: str
    region: str
    account: str


def read_project(root: Path) -> Project:
    """Read project.yml of the folder in which the sandbox was started."""
    path = root / "project.yml"
    try:
        answers = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SandboxError(
            f"no project.yml in {str(root)!r}. Run this from the root of a generated project"
        ) from None
    except yaml.YAMLError as error:
        raise SandboxError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    return Project(
        _text(answers, path, "project"),
        _text(answers, path, "region"),
        _text(answers, path, "accounts", "training"),
    )


def _text(answers: Any, path: Path, *keys: str) -> str:
    value = answers
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str):
        raise SandboxError(f"{path}: {'.'.join(keys)} is {value!r}. Write it as a quoted string")
    return value
