"""`mlops check`: every spec, lock, pointer and pin against the rules. Reads files only."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from mlops import git
from mlops.bundle import LOCK, WHEELS, bundle_files
from mlops.dataset import read_pointer
from mlops.errors import MlopsError, UsageError
from mlops.findings import Finding
from mlops.images import framework_image, image_uri, require_fixed
from mlops.locks import find_disagreements
from mlops.moves import check_moves
from mlops.network import Networks
from mlops.pin import Pin, parse_pin_file, pin_path, split_pin_path
from mlops.spec import read_spec
from mlops.workspace import MODEL_FOLDER, list_models, open_workspace, read_work_pins

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlops.project import Project
    from mlops.spec import ModelSpec

# AWS access key ids, private key blocks: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html
SECRET = re.compile(r"\b(AKIA|ASIA)[A-Z0-9]{16}\b|-----BEGIN [A-Z ]*PRIVATE KEY-----")
SECRET_NAME = re.compile(r"password|passwd|secret|token|api_?key", re.IGNORECASE)


@click.command("check")
@click.option("--base", help="Check the diff against this too: what a pull request may change at once.")
@click.option("--json", "as_json", is_flag=True, help="The findings as JSON.")
def command(base: str | None, as_json: bool) -> int:
    """Check every spec, lock and pin against the rules."""
    workspace = open_workspace()
    findings = [*check_models(workspace.root, workspace.project), *check_pins(workspace.root)]
    findings += check_ratifications(workspace.root)
    if base:
        findings += check_moves(workspace.root, base)
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=1))
    else:
        report(findings, len(list_models(workspace.root)), len(read_work_pins(workspace.root)))
    return 1 if findings else 0


def report(findings: list[Finding], models: int, pins: int) -> None:
    """Say each finding on a line, then the count of what was looked at."""
    for finding in findings:
        click.echo(
            finding.message
            if finding.message.startswith(finding.path)
            else f"{finding.path}: {finding.message}"
        )
    click.echo(f"{len(findings)} findings in {models} models and {pins} pins")


def check_models(root: Path, project: Project) -> Iterator[Finding]:
    """Every rule on every model."""
    for folder in sorted(path for path in (root / "models").glob("*") if is_model_folder(path)):
        yield from check_model(root, project, folder.name)


def is_model_folder(path: Path) -> bool:
    """A folder that should be a model: not a cache, not hidden."""
    return path.is_dir() and not path.name.startswith((".", "_"))


def check_model(root: Path, project: Project, model: str) -> Iterator[Finding]:
    """Every rule on one model; the later ones need a spec that parses."""
    where = f"models/{model}/model.yml"
    if not MODEL_FOLDER.match(model):
        yield Finding(
            f"models/{model}", f"{model!r} is no model name; allowed: 2 to 17 of a-z, 0-9 and hyphens"
        )
        return
    try:
        spec = read_spec(root, model)
    except UsageError as error:
        yield from (Finding(where, line) for line in str(error).splitlines())
        return
    for rule in (check_files, check_data, check_image, check_wheels):
        yield from collect(where, lambda rule=rule: rule(root, project, spec))  # type: ignore[misc]
    yield from check_secrets(where, spec)


def collect(where: str, rule: Callable[[], list[Finding]]) -> list[Finding]:
    """A rule's findings; what it raises is one too."""
    try:
        return rule()
    except MlopsError as error:
        return [Finding(where, str(error))]


def check_files(root: Path, _: Project, spec: ModelSpec) -> list[Finding]:
    """All that the bundle needs is there."""
    bundle_files(root, spec)
    return []


def check_data(root: Path, _: Project, spec: ModelSpec) -> list[Finding]:
    """The pointer is one that `dvc add` wrote."""
    read_pointer(root, spec)
    return []


def check_image(root: Path, project: Project, spec: ModelSpec) -> list[Finding]:
    """The image exists in this region, and the lock agrees with what is inside it."""
    image_uri(spec.image, project.region)
    image = framework_image(spec.image)
    if image is None:
        return []
    where = f"models/{spec.model}/{LOCK}"
    text = (root / where).read_text(encoding="utf-8")
    return [Finding(where, message) for message in find_disagreements(text, image)]


def check_wheels(root: Path, project: Project, spec: ModelSpec) -> list[Finding]:
    """Where project.yml names a network, everything that the image lacks travels in the bundle."""
    from mlops.wheels import find_missing

    image = framework_image(spec.image)
    if image is None or project.network == Networks():
        return []
    folder = root / "models" / spec.model
    lock = (folder / LOCK).read_text(encoding="utf-8")
    return [Finding(f"models/{spec.model}", each) for each in find_missing(folder / WHEELS, lock, image)]


def check_secrets(where: str, spec: ModelSpec) -> Iterator[Finding]:
    """No secret stands in a spec: a job asks Secrets Manager by ARN."""
    for name, value in spec.train.hyperparameters.items():
        text = str(value)
        if SECRET.search(text) or (SECRET_NAME.search(name) and not text.startswith("arn:")):
            yield Finding(
                where,
                f"train.hyperparameters.{name}: looks like a secret; name a Secrets Manager ARN and "
                "read it in the job",
            )


def check_pins(root: Path) -> Iterator[Finding]:
    """Every pin parses, its digest is its artifact's, its image is fixed, prod's artifact was staging's."""
    for path, text in read_work_pins(root).items():
        place = split_pin_path(path)
        if place is None:
            yield Finding(path, f"{path.split('/')[1]!r} is no environment; allowed: staging, prod")
            continue
        try:
            pin = parse_pin_file(text, *place)
        except UsageError as error:
            yield from (Finding(path, line) for line in str(error).splitlines())
            continue
        if isinstance(pin, Pin):
            yield from collect(path, functools.partial(check_pinned_image, pin))
        if place[0] == "prod" and isinstance(pin, Pin):
            yield from check_origin(root, path, pin)


def check_pinned_image(pin: Pin) -> list[Finding]:
    """The image that serves a release is the one that made it."""
    require_fixed(pin.artifact.image)
    return []


def check_ratifications(root: Path) -> Iterator[Finding]:
    """Every file that ratifies a finding of the audit says what it must, of a rule that can be ratified."""
    from mlops.audit.ratification import FOLDER, parse_ratification

    for place in sorted((root / FOLDER).glob("*")):
        path = place.relative_to(root).as_posix()
        try:
            parse_ratification(place.read_text(encoding="utf-8", errors="replace"), path)
        except UsageError as error:
            yield from (Finding(path, line) for line in str(error).splitlines())
        except OSError as error:
            yield Finding(path, f"cannot be read: {error}")


def check_origin(root: Path, path: str, pin: Pin) -> Iterator[Finding]:
    """A release reaches prod only from staging, byte for byte."""
    source = pin_path("staging", pin.model)
    current = root / source
    if current.is_file() and f"release: {pin.release}\n" in current.read_text(encoding="utf-8"):
        return
    commits = git.last_versions(root, source)
    earlier = (git.read_files(root, commit, [source])[source] or b"" for commit in commits)
    if not any(f"release: {pin.release}\n".encode() in content for content in earlier):
        yield Finding(
            path,
            f"release {pin.release!r} was never pinned in staging. Promote it there first: "
            f"mlops propose {pin.model} --to staging",
        )
