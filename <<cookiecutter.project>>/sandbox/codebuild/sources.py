"""Brings a build's source: a zip of S3 or of a pipeline, a real clone, or nothing."""

from __future__ import annotations

import io
import json
import re
import subprocess
import zipfile
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.codebuild.reach import Reach, Repository
    from sandbox.identity import Caller

GITHUB = re.compile(r"https://github\.com/(?P<name>[^/]+/[^/]+?)(?:\.git)?/?")
CODECOMMIT = re.compile(r"https://git-codecommit\.[\w.-]+/v1/repos/(?P<name>[\w.-]+)")
OBJECT = re.compile(r"(?:arn:aws:s3:::)?(?P<bucket>[^/:]+)/(?P<key>.+)")
CLONE = "codepipeline-clone-reference"  # metadata of an artifact that names a commit instead of files
REVISION = "codepipeline-revision"
COMMIT = re.compile(r"[0-9a-f]{40}")
MISSING_TYPES = "CODECOMMIT, CODEPIPELINE, GITHUB, NO_SOURCE, S3"


class SourceError(Exception):
    """A source that cannot be brought; becomes the context of DOWNLOAD_SOURCE."""


@dataclass(frozen=True)
class Bringer:
    """Brings sources by the leave of a build's role."""

    s3: Any
    caller: Caller
    region: str
    reach: Reach

    def bring(self, source: dict[str, Any], version: str, folder: Path) -> str:
        """Fill the folder; the version that this turned out to be."""
        folder.mkdir(parents=True, exist_ok=True)
        kind = source["type"]
        try:
            if kind == "NO_SOURCE":
                return ""
            if kind == "CODEPIPELINE":
                return self._artifact(version, folder)
            if kind == "S3":
                return self._object(str(source.get("location", "")), version, folder)
            return self._clone(source, version, folder)
        except ServiceError as error:
            raise SourceError(f"{error.code}: {error.message}") from None
        except (ClientError, BotoCoreError) as error:
            raise SourceError(str(error)) from None

    def _clone(self, source: dict[str, Any], version: str, folder: Path) -> str:
        repository = self._repository(source)
        return clone(repository, version or "HEAD", folder, int(source.get("gitCloneDepth") or 0))

    def _repository(self, source: dict[str, Any]) -> Repository:
        kind, location = source["type"], str(source.get("location", ""))
        if kind == "GITHUB":
            connection = str(source.get("auth", {}).get("resource", ""))
            return self.reach.through_connection(self.caller, connection, _name(GITHUB, location))
        return self.reach.through_codecommit(self.caller, self.region, _name(CODECOMMIT, location))

    def _object(self, location: str, version: str, folder: Path) -> str:
        found = self._get(location, {"VersionId": version} if version else {})
        unpack(found["Body"].read(), location, folder)
        return str(found.get("VersionId", ""))

    def _get(self, location: str, chosen: dict[str, str]) -> Any:
        place = OBJECT.fullmatch(location)
        if place is None:
            raise SourceError(f"{location!r} names no object: bucket/key")
        return self.s3.get_object(Bucket=place["bucket"], Key=place["key"], **chosen)

    def _artifact(self, location: str, folder: Path) -> str:
        """A pipeline's artifact: files, or a reference to what is to be cloned."""
        found = self._get(location, {})
        body, said = found["Body"].read(), found["Metadata"]
        if CLONE not in said:
            unpack(body, location, folder)
            return str(said.get(REVISION, ""))
        reference = json.loads(body)
        name, commit = reference["repository"], reference["commit"]
        if reference["connection"]:
            repository = self.reach.through_connection(self.caller, reference["connection"], name)
        else:
            repository = self.reach.through_codecommit(self.caller, self.region, name)
        return clone(repository, commit, folder, 0)


def _name(pattern: re.Pattern[str], location: str) -> str:
    found = pattern.fullmatch(location)
    if found is None:
        raise SourceError(f"source location {location!r} is not of the form {pattern.pattern}")
    return found["name"]


def clone(repository: Repository, version: str, folder: Path, depth: int) -> str:
    """Clone and check out a branch, tag, commit or `pr/<number>`; the commit."""
    place = f"file://{repository.path.absolute()}"
    # a depth cannot reach a commit that is no branch's tip
    few = [f"--depth={depth}", "--no-single-branch"] if depth and not COMMIT.fullmatch(version) else []
    _git("clone", "--quiet", "--no-checkout", *few, place, str(folder))
    wanted = version.removeprefix("refs/heads/")
    if wanted.startswith("pr/"):
        _git("-C", str(folder), "fetch", "--quiet", "origin", f"refs/pull/{wanted[3:]}/head")
        wanted = "FETCH_HEAD"
    for name in (f"refs/remotes/origin/{wanted}", f"refs/tags/{wanted}", wanted):
        found = _run("-C", str(folder), "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
        if found.returncode == 0:
            commit = found.stdout.strip()
            _git("-C", str(folder), "checkout", "--quiet", "--detach", commit)
            _git("-C", str(folder), "remote", "set-url", "origin", repository.url)
            return commit
    raise SourceError(f"reference not found for primary source and source version {version}")


def _git(*arguments: str) -> None:
    done = _run(*arguments)
    if done.returncode != 0:
        raise SourceError(f"git {arguments[0]}: {' '.join(done.stderr.split())}")


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)


def unpack(body: bytes, location: str, folder: Path) -> None:
    """Unpack a zip, with the modes of its files; nothing may land outside."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            for entry in archive.infolist():
                target = folder / entry.filename
                if not target.resolve().is_relative_to(folder.resolve()):
                    raise SourceError(f"{location} holds {entry.filename!r}, which is outside of it")
                archive.extract(entry, folder)
                if mode := entry.external_attr >> 16 & 0o777:
                    target.chmod(mode | 0o600)
    except zipfile.BadZipFile:
        raise SourceError(f"{location} is not a zip file") from None
