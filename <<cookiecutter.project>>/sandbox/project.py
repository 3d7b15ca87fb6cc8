"""Reads the answers that the sandbox needs from the project it runs in."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Any

import yaml

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from pathlib import Path

DUTIES = ("training", "staging", "prod")


@dataclass(frozen=True)
class Accounts:
    """The AWS account of each duty; they may be equal."""

    training: str
    staging: str
    prod: str

    def of(self, duty: str) -> str:
        return self.by_duty()[duty]

    def by_duty(self) -> dict[str, str]:
        return dict(zip(DUTIES, astuple(self), strict=True))

    def distinct(self) -> tuple[str, ...]:
        """Each account once, training's first."""
        return tuple(dict.fromkeys(astuple(self)))


@dataclass(frozen=True)
class Project:
    """The part of project.yml that names resources."""

    name: str
    region: str
    accounts: Accounts
    repository: str
    owner_team: str
    forge: str
    ci: str


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
        Accounts(*(_account(answers, path, duty) for duty in DUTIES)),
        _repository(answers, path),
        _text(answers, path, "owner_team"),
        str(answers.get("forge", "github")),
        str(answers.get("ci", "github-actions")),
    )


def _account(answers: Any, path: Path, duty: str) -> str:
    account = _text(answers, path, "accounts", duty)
    if len(account) != 12 or not account.isdecimal():
        raise SandboxError(f"{path}: accounts.{duty} is {account!r}. Write the 12 digits of an AWS account")
    return account


def _repository(answers: Any, path: Path) -> str:
    repository = _text(answers, path, "repository")
    if answers.get("forge") == "codecommit":  # whose repositories have no owner
        return repository
    owner, _, name = repository.partition("/")
    if not owner or not name or "/" in name:
        raise SandboxError(f"{path}: repository is {repository!r}. Write it as owner/name")
    return repository


def _text(answers: Any, path: Path, *keys: str) -> str:
    value = answers
    for key in keys:
        value = value.get(key) if isinstance(value, dict) else None
    if not isinstance(value, str):
        raise SandboxError(f"{path}: {'.'.join(keys)} is {value!r}. Write it as a quoted string")
    return value
