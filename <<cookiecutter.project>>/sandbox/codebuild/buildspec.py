"""What a buildspec says, version 0.2; what this CodeBuild does not do is refused by name and place.

https://docs.aws.amazon.com/codebuild/latest/userguide/build-spec-ref.html
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import yaml

PHASES = ("install", "pre_build", "build", "post_build")
ON_FAILURE = ("ABORT", "CONTINUE")
SHELLS = ("bash", "/bin/sh")
JUNIT = "JUNITXML"
# What a section may hold; a section that the sandbox does not serve has a reason instead.
REFUSED = {
    "run-as": "every command runs as the user that the sandbox runs as",
    "proxy": "builds here have no proxy of their own",
    "batch": "batch builds are not served",
    "enable-symlinks": "artifacts follow no links",
    "s3-prefix": "artifacts have no prefix",
    "fallback-keys": "a cache has one key",
    "action": "a cache is restored and saved",
}
TOP = ("version", "env", "phases", "reports", "artifacts", "cache")
ENV = (
    "shell",
    "variables",
    "parameter-store",
    "secrets-manager",
    "exported-variables",
    "git-credential-helper",
)
PHASE = ("on-failure", "commands", "finally")
REPORT = ("files", "base-directory", "discard-paths", "file-format")
ARTIFACT = ("files", "name", "discard-paths", "base-directory", "exclude-paths")


class BuildspecError(Exception):
    """A buildspec that cannot be run; becomes the context of the phase that reads it."""


@dataclass(frozen=True)
class Phase:
    """The commands of one phase, and what a failure of theirs means."""

    commands: tuple[str, ...] = ()
    last: tuple[str, ...] = ()  # `finally`: runs whatever became of the commands
    on_failure: str = ""


@dataclass(frozen=True)
class Selection:
    """Files of a build: those of an artifact, or of a report."""

    files: tuple[str, ...]
    base: str = ""
    exclude: tuple[str, ...] = ()
    discard_paths: bool = False
    name: str = ""


@dataclass(frozen=True)
class Buildspec:
    """A whole buildspec, with every default filled in."""

    shell: str = "/bin/sh"
    variables: dict[str, str] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, str] = field(default_factory=dict)
    exported: tuple[str, ...] = ()
    git_credentials: bool = False
    runtimes: dict[str, str] = field(default_factory=dict)
    phases: dict[str, Phase] = field(default_factory=dict)
    reports: dict[str, Selection] = field(default_factory=dict)
    artifacts: Selection | None = None
    secondary: dict[str, Selection] = field(default_factory=dict)
    cached: tuple[str, ...] = ()
    cache_key: str = ""


def read_buildspec(text: str, where: str) -> Buildspec:
    """Parse a buildspec; raises BuildspecError with the place of what is wrong."""
    try:
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BuildspecError(f"{where}: not YAML: {' '.join(str(error).split())}") from None
    top = _Section(document, where, "")
    top.allow(*TOP)
    if str(top.get("version")) != "0.2":
        raise BuildspecError(f"{where}: version is {top.get('version')!r}; the sandbox reads 0.2")
    env, phases = top.section("env"), top.section("phases")
    env.allow(*ENV)
    phases.allow(*PHASES)
    if not phases.names:
        raise BuildspecError(f"{where}: phases has no phase; allowed: {', '.join(PHASES)}")
    artifacts, cache = top.section("artifacts"), top.section("cache")
    cache.allow("paths", "key")
    secondary = artifacts.section("secondary-artifacts")
    artifacts.allow(*ARTIFACT, "secondary-artifacts")
    return Buildspec(
        env.choice("shell", SHELLS, "/bin/sh"),
        env.section("variables").texts(),
        env.section("parameter-store").texts(),
        env.section("secrets-manager").texts(),
        env.list("exported-variables"),
        env.flag("git-credential-helper"),
        phases.section("install").section("runtime-versions").texts(),
        {name: _phase(phases.section(name), name) for name in phases.names},
        _reports(top.section("reports")),
        _selection(artifacts) if "files" in artifacts.names else None,
        {name: _artifact(secondary.section(name)) for name in secondary.names},
        cache.list("paths"),
        cache.text("key"),
    )


def _phase(section: _Section, name: str) -> Phase:
    section.allow(*PHASE, *(["runtime-versions"] if name == "install" else []))
    if not {"commands", "runtime-versions"} & {*section.names}:
        raise BuildspecError(f"{section.where}: {section.place} has no commands")
    return Phase(
        section.list("commands"), section.list("finally"), section.choice("on-failure", ON_FAILURE, "")
    )


def _reports(reports: _Section) -> dict[str, Selection]:
    return {name: _report(reports.section(name)) for name in reports.names}


def _report(section: _Section) -> Selection:
    section.allow(*REPORT)
    section.choice("file-format", (JUNIT,), JUNIT)
    return _selection(section)


def _artifact(section: _Section) -> Selection:
    section.allow(*ARTIFACT)
    return _selection(section)


def _selection(section: _Section) -> Selection:
    files = section.list("files")
    if not files:
        raise BuildspecError(f"{section.where}: {section.place}.files names nothing")
    return Selection(
        files,
        section.text("base-directory"),
        section.list("exclude-paths"),
        section.flag("discard-paths"),
        section.text("name"),
    )


class _Section:
    """A mapping of the document, read with its place at hand."""

    def __init__(self, value: Any, where: str, place: str) -> None:
        self.where, self.place = where, place
        if value is None and place:
            value = {}
        if not isinstance(value, dict):
            raise BuildspecError(f"{where}: {place or 'the buildspec'} is {value!r}, not a mapping")
        self._value: dict[str, Any] = {str(name): member for name, member in value.items()}

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._value)

    def get(self, name: str) -> Any:
        return self._value.get(name)

    def allow(self, *names: str) -> None:
        for name in self._value:
            if name in names:
                continue
            if name in REFUSED:
                raise BuildspecError(
                    f"{self.where}: the sandbox does not serve {self._at(name)}: {REFUSED[name]}"
                )
            raise BuildspecError(f"{self.where}: unknown key {self._at(name)}; allowed: {', '.join(names)}")

    def section(self, name: str) -> _Section:
        return _Section(self._value.get(name), self.where, self._at(name))

    def text(self, name: str) -> str:
        found = self._value.get(name, "")
        if isinstance(found, dict | list) or found is None:
            raise BuildspecError(f"{self.where}: {self._at(name)} is {found!r}, not a text")
        return str(found)

    def texts(self) -> dict[str, str]:
        """A mapping of names to texts."""
        return {name: self.text(name) for name in self._value}

    def list(self, name: str) -> tuple[str, ...]:
        found = self._value.get(name) or []
        if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
            raise BuildspecError(f"{self.where}: {self._at(name)} is {found!r}, not a list of texts")
        return tuple(found)

    def flag(self, name: str) -> bool:
        found = self._value.get(name, False)
        if not isinstance(found, bool):  # YAML reads `yes` and `no` as such
            raise BuildspecError(f"{self.where}: {self._at(name)} is {found!r}; allowed: yes, no")
        return found

    def choice(self, name: str, allowed: tuple[str, ...], default: str) -> str:
        found = self.text(name) or default
        if found not in (*allowed, default):
            raise BuildspecError(
                f"{self.where}: {self._at(name)} is {found!r}; allowed here: {', '.join(allowed)}"
            )
        return found

    def _at(self, name: str) -> str:
        return f"{self.place}.{name}" if self.place else name
