"""The course of one build: phase by phase, from its source to its artifacts."""

from __future__ import annotations

import logging
import shutil
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox import identity
from sandbox.codebuild import artifacts, buildspec, cache, sources, variables
from sandbox.codebuild.logbook import Covered, Logbook
from sandbox.codebuild.outputs import Outputs
from sandbox.codebuild.phases import FAILED, FAULT, SUCCEEDED, PhaseError, Phases
from sandbox.codebuild.records import arn
from sandbox.codebuild.shell import EndedError, Outset, Shell
from sandbox.errors import ServiceError
from sandbox.logs import Stream

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.codebuild.outputs import Site
    from sandbox.codebuild.records import Record

log = logging.getLogger("sandbox")
SERVICE = "codebuild.amazonaws.com"
SHIP_SECONDS = 0.3
BUILDSPEC = "buildspec.yml"
# the sandbox's host is no amazonaws.com
GIT_CONFIG = """\
[credential]
	UseHttpPath = true
	helper = "!f() { test \\"$1\\" = get && aws codecommit credential-helper get --ignore-host-check; }; f"
"""


@dataclass
class Control:
    """How others reach a running build."""

    stop: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)


class Course:
    """One build, on a thread of its own. `update` writes members of the build's record."""

    def __init__(
        self, site: Site, build: Record, project: Record, control: Control, update: Callable[..., None]
    ) -> None:
        self._site, self._build, self._project = site, build, project
        self._control, self._update = control, update
        self._name = build["id"].partition(":")[2]
        self._home = site.folder / self._name
        self._source = self._home / "src"
        self._home.mkdir(parents=True)
        self._book = Logbook(self._home / "log.txt", site.world.clock)
        self._phases = Phases(site.world.clock, self._book, update)
        self._spec = buildspec.Buildspec()
        self._shell: Shell | None = None
        self._stream: Stream | None = None
        self._shipped = self._started = time.monotonic()
        self._moved = site.world.clock.moved
        self._vended = ""

    def run(self) -> None:
        """Go through all phases; the record is complete afterwards, whatever happens."""
        try:
            self._go()
        except EndedError as ended:
            log.info("build %s: %s", self._build["id"], ended)
        except Exception:  # a fault of the sandbox's own must not leave a build that never ends
            log.exception("build %s", self._build["id"])
        finally:
            self._close()

    def _close(self) -> None:
        if self._shell:
            self._shell.close()
        self._site.reach.vending.close(self._vended)
        if self._stream:
            try:
                self._stream.ship(last=True)
            except (ClientError, BotoCoreError) as error:
                log.warning("log of build %s: %s", self._build["id"], error)
        shutil.rmtree(self._home, ignore_errors=True)
        ended = self._site.world.clock.now()
        self._update(**self._phases.complete(), endTime=ended, buildComplete=True)
        self._control.done.set()

    def _go(self) -> None:
        for name in ("SUBMITTED", "QUEUED"):
            self._phase(name, lambda: None)
        if not self._phase("PROVISIONING", self._provision) or not self._phase(
            "DOWNLOAD_SOURCE", self._download
        ):
            self._phase("FINALIZING", lambda: None)
            return
        if self._build_phases():
            self._phase("UPLOAD_ARTIFACTS", self._upload)
        self._phase("FINALIZING", lambda: None)

    def _build_phases(self) -> bool:
        """Run what the buildspec says; whether the build comes as far as its artifacts.

        https://docs.aws.amazon.com/codebuild/latest/userguide/view-build-details.html#view-build-details-phases
        """
        for name in buildspec.PHASES:
            phase = self._spec.phases.get(name, buildspec.Phase())
            if self._phase(name.upper(), lambda phase=phase: self._commands(phase)):  # type: ignore[misc]
                continue
            goes_on = phase.on_failure == "CONTINUE" or (name == "build" and phase.on_failure != "ABORT")
            if not goes_on and name != "post_build":
                return False
        return True

    def _phase(self, name: str, act: Callable[[], None]) -> bool:
        self._phases.open(name)
        try:
            self._watch()
            act()
        except EndedError as ended:
            code = "BUILD_TIMED_OUT" if ended.status == "TIMED_OUT" else ""
            self._phases.close(ended.status, code, str(ended))
            raise
        except PhaseError as error:
            self._phases.close(FAILED, error.code, str(error))
            return False
        except ServiceError as error:
            self._phases.close(
                FAILED, "ACCESS_DENIED" if error.status == 403 else "CLIENT_ERROR", error.message
            )
            return False
        except (ClientError, BotoCoreError) as error:
            self._phases.close(FAILED, "CLIENT_ERROR", str(error))
            return False
        except Exception as error:
            self._phases.close(FAULT, "INTERNAL_SERVICE_ERROR", f"sandbox fault: {error!r}")
            raise
        self._phases.close(SUCCEEDED)
        return True

    def _watch(self) -> None:
        """Raise when the build is stopped or out of time; ship its log meanwhile."""
        if self._control.stop.is_set():
            raise EndedError("STOPPED", "")
        # a process runs by the wall's clock; a clock that is moved forward counts as time that went by
        gone = time.monotonic() - self._started + self._site.world.clock.moved - self._moved
        if gone > self._build["timeoutInMinutes"] * 60:
            raise EndedError("TIMED_OUT", "Build has timed out. ")
        if self._stream and time.monotonic() - self._shipped > SHIP_SECONDS:
            self._stream.ship()
            self._shipped = time.monotonic()

    def _provision(self) -> None:
        """Take the service role, and open the log in its name."""
        world = self._site.world
        try:
            session = world.sts.assume_for(
                SERVICE,
                self._build["serviceRole"],
                f"AWSCodeBuild-{self._name}",
                world.account,
                arn(world, "project", self._build["projectName"]),
            )
        except ServiceError as error:
            raise PhaseError("ACCESS_DENIED", error.message) from None
        self._keys, self._caller = session.keys(), identity.of_session(session)
        self._vended = self._site.reach.vending.open(self._build["serviceRole"], self._keys)
        self._s3 = self._client("s3")
        self._logs = Covered(self._client("logs"))
        place = self._build["logs"]
        if place.get("groupName"):
            try:
                self._stream = Stream(self._logs, place["groupName"], place["streamName"], self._book.path)
            except ClientError as error:
                raise PhaseError(
                    "ACCESS_DENIED",
                    f"Service role {self._build['serviceRole']} does not allow AWS CodeBuild to create "
                    f"Amazon CloudWatch Logs log streams for build {self._build['arn']}. "
                    f"Error message: {error}",
                ) from None

    def _client(self, service: str) -> Any:
        return self._site.world.client(service, self._keys, SERVICE)

    def _download(self) -> None:
        build = self._build
        try:
            bringer = sources.Bringer(self._s3, self._caller, self._site.world.region, self._site.reach)
            found = bringer.bring(build["source"], build.get("sourceVersion", ""), self._source)
            if found:
                build["resolvedSourceVersion"] = found
                self._update(resolvedSourceVersion=found)
            others = self._secondary(bringer)
            self._spec = self._read_spec()
            environment = self._environment(others)
        except sources.SourceError as error:
            raise PhaseError("CLIENT_ERROR", str(error)) from None
        except buildspec.BuildspecError as error:
            raise PhaseError("YAML_FILE_ERROR", str(error)) from None
        except variables.SecretsError as error:
            raise PhaseError(error.code, str(error)) from None
        self._restore()
        if self._spec.git_credentials:
            write_git_config(self._home / "home", build["source"]["type"])
        outset = Outset(self._home / "agent", self._source, self._book.path, self._spec.shell, environment)
        self._shell = Shell(self._site.launcher, outset, self._watch)

    def _secondary(self, bringer: sources.Bringer) -> dict[str, str]:
        """Bring the other sources; the variables that say where they are."""
        versions = {
            each["sourceIdentifier"]: each["sourceVersion"]
            for each in self._build.get("secondarySourceVersions", [])
        }
        found = {}
        for source in self._build.get("secondarySources", []):
            name = source["sourceIdentifier"]
            folder = self._home / f"src-{name}"
            bringer.bring(source, versions.get(name, ""), folder)
            found[f"CODEBUILD_SRC_DIR_{name}"] = str(folder)
        return found

    def _read_spec(self) -> buildspec.Buildspec:
        """The buildspec: written into the project, or a file of the source."""
        given = str(self._build["source"].get("buildspec") or BUILDSPEC)
        if "\n" in given:
            return buildspec.read_buildspec(given, "buildspec")
        path = self._source / given
        if not path.resolve().is_relative_to(self._source.resolve()) or not path.is_file():
            raise buildspec.BuildspecError(f"stat {given}: no such file or directory")
        return buildspec.read_buildspec(path.read_text(encoding="utf-8"), given)

    def _environment(self, others: dict[str, str]) -> dict[str, str]:
        world, build = self._site.world, self._build
        project = build["environment"].get("environmentVariables", [])
        declared = variables.declare(self._spec, project)
        secret: dict[str, str] = {}
        if declared.parameters:
            secret |= variables.read_parameters(self._client("ssm"), declared.parameters)
        if declared.secrets:
            secret |= variables.read_secrets(self._client("secretsmanager"), declared.secrets)
        self._logs.hide([*secret.values(), self._vended])
        self._note_runtimes()
        return {
            **variables.machine(self._home),
            "AWS_REGION": world.region,
            "AWS_DEFAULT_REGION": world.region,
            "AWS_ENDPOINT_URL": world.endpoint,
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": f"{world.endpoint}/_sandbox/credentials/{self._vended}",
            **self._site.reach.settings(),
            **declared.plain,
            **secret,
            **variables.of_build(build, self._project["arn"], self._source),
            **others,
        }

    def _note_runtimes(self) -> None:
        """Say which runtimes there are: the sandbox has the Python that it runs on, and no other."""
        here = ".".join(map(str, sys.version_info[:2]))
        for name, version in self._spec.runtimes.items():
            if name != "python":
                raise buildspec.BuildspecError(f"Unknown runtime named {name!r}; the sandbox has python")
            if version not in (here, "latest"):
                self._book.say(f"runtime-versions: python {version}; the sandbox has {here}")

    def _commands(self, phase: buildspec.Phase) -> None:
        failure = self._first_failure(phase.commands)
        last = self._first_failure(phase.last)
        if failure or last:
            raise PhaseError("COMMAND_EXECUTION_ERROR", failure or last)

    def _first_failure(self, commands: tuple[str, ...]) -> str:
        """Run commands until one fails; what failed, or nothing."""
        assert self._shell is not None  # noqa: S101  # _download() started it
        for command in commands:
            self._book.say(f"Running command {command}")
            succeeding = "1" if self._phases.status == SUCCEEDED else "0"
            code = self._shell.run(command, {"CODEBUILD_BUILD_SUCCEEDING": succeeding})
            if code:
                self._book.say(f"Command did not exit successfully {command} exit status {code}")
                return f"Error while executing command: {command}. Reason: exit status {code}"
        return ""

    def _upload(self) -> None:
        assert self._shell is not None  # noqa: S101  # _download() started it
        outputs = Outputs(self._site, self._build, self._project, self._spec, self._source, self._s3)
        outputs.export(self._shell.environment, self._logs.cover, self._update)
        outputs.report(self._caller, self._book, self._update)
        self._save()
        try:
            outputs.put_all(self._update)
        except artifacts.ArtifactError as error:
            raise PhaseError("CLIENT_ERROR", str(error)) from None

    def _cache(self) -> tuple[cache.Store | None, cache.Roots]:
        store = cache.store_of(
            self._build["cache"],
            self._project["name"],
            self._spec.cache_key,
            self._s3,
            self._site.folder / "cache",
        )
        return store, cache.Roots(self._source, self._home / "home")

    def _restore(self) -> None:
        store, roots = self._cache()
        kept = store.read() if store and self._spec.cached else None
        if kept:
            self._book.say(f"Cache restored: {cache.restore(kept, roots)} files")

    def _save(self) -> None:
        store, roots = self._cache()
        if store and self._spec.cached and self._phases.status == SUCCEEDED:
            store.write(cache.save(self._spec.cached, roots))


def write_git_config(home: Path, source: str) -> None:
    """Let git sign in to CodeCommit as the build's role: what `git-credential-helper: yes` is for."""
    if source not in ("CODECOMMIT", "CODEPIPELINE"):
        raise PhaseError(
            "YAML_FILE_ERROR",
            f"git-credential-helper: the sandbox has it for CodeCommit, not for a source of type {source}",
        )
    (home / ".gitconfig").write_text(GIT_CONFIG, encoding="utf-8")
