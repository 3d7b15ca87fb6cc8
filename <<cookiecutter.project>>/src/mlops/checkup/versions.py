"""What ages: services that closed, pinned actions, images, the tools of this machine.

Offline, "newest" is what a table knew on its day. A table older than `TRUSTED_DAYS` says nothing.
"""

from __future__ import annotations

import re
import sys
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from mlops.checkup.finding import Check, Trouble, UnreadError
from mlops.images import IMAGES
from mlops.pin import Pin, parse_pin_file
from mlops.spec import SPEC_FILE, read_spec
from mlops.workspace import list_models, read_work_pins

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.checkup.site import Site

TRUSTED_DAYS = 180
ACTIONS_READ = date(2026, 8, 31)
# action: (version, commit), from the tags of its repository on ACTIONS_READ
ACTIONS = {
    "actions/checkout": ("v7.0.1", "3d3c42e5aac5ba805825da76410c181273ba90b1"),
    "actions/upload-artifact": ("v7.0.0", "bbbca2ddaa5d8feaa63e36b76fdaad77386f024f"),
    "astral-sh/setup-uv": ("v10.0.1", "20cfd1bf945f4377ade1205e4dbc17946fc9a30d"),
    "aws-actions/configure-aws-credentials": ("v6.2.3", "e6de054238d6b7531b4efff3b6587d9aade6a06c"),
}
USES = re.compile(r"^\s*(?:-\s+)?uses:\s*([\w.-]+/[\w.-]+)(?:/[\w./-]+)?@(\S+)", re.MULTILINE)
# names that only these services have: (service, since when, what to take instead)
MONITOR = ("SageMaker Model Monitor", "30 July 2026", "data capture with Evidently in a processing job")
CLARIFY = ("SageMaker Clarify", "30 July 2026", "SHAP in a processing job")
LAKE = ("CloudTrail Lake", "31 May 2026", "a trail to S3, with Athena")
DEBUGGER = ("SageMaker Debugger", "30 July 2026", "metrics by regular expression")
LABELS = ("SageMaker Ground Truth", "30 July 2026", "labels made elsewhere, brought by DVC")
CLOSED = {
    "MonitoringSchedule": MONITOR,
    "create_monitoring_schedule": MONITOR,
    "DataQualityJobDefinition": MONITOR,
    "ModelQualityJobDefinition": MONITOR,
    "QualityCheckStep": MONITOR,
    "ClarifyCheckStep": CLARIFY,
    "ModelBiasJobDefinition": CLARIFY,
    "ModelExplainabilityJobDefinition": CLARIFY,
    "DebugHookConfig": DEBUGGER,
    "create_labeling_job": LABELS,
    "create_human_loop": ("Amazon A2I", "30 July 2026", "a review of your own"),
    "AWS::CloudTrail::EventDataStore": LAKE,
}
PLACES = ("infra/*.yml", f"models/*/{SPEC_FILE}", "models/*/*.py", "libs/*/*.py")


def read_closed(site: Site) -> Iterator[tuple[str, str]]:
    """Templates, specs and scripts."""
    for pattern in PLACES:
        for path in sorted(site.root.glob(pattern)):
            yield path.relative_to(site.root).as_posix(), path.read_text(encoding="utf-8")


def judge_closed(text: str) -> Trouble | None:
    """They ask for no service that takes no new customers."""
    for name, (service, since, instead) in CLOSED.items():
        if re.search(rf"\b{name}", text):
            said = f"asks for {name}: {service} takes no new customers since {since}"
            return Trouble(said, f"take {instead}")
    return None


@dataclass(frozen=True)
class Use:
    """An action at a commit, as a workflow uses it."""

    action: str
    reference: str


def read_actions(site: Site) -> Iterator[tuple[str, Any]]:
    """Every action of the workflows."""
    uses = {
        (path.name, *found)
        for path in sorted((site.root / ".github/workflows").glob("*.yml"))
        for found in USES.findall(path.read_text(encoding="utf-8"))
    }
    for name, action, reference in sorted(uses):
        known = site.today - ACTIONS_READ <= timedelta(days=TRUSTED_DAYS) and action in ACTIONS
        old = UnreadError(
            f"cannot be told offline: the table knows {', '.join(ACTIONS)} as of {ACTIONS_READ}"
        )
        yield f"{name}: {action}", Use(action, reference) if known or not is_commit(reference) else old


def is_commit(reference: str) -> bool:
    """Whether a reference is a commit, which nobody can move."""
    return re.fullmatch(r"[0-9a-f]{40}", reference) is not None


def judge_action(use: Use) -> Trouble | None:
    """It is pinned by commit, to the newest that was known."""
    if not is_commit(use.reference):
        return Trouble(f"is pinned to {use.reference!r}, which can be moved", "pin the commit of the tag")
    version, commit = ACTIONS[use.action]
    if use.reference == commit:
        return None
    return Trouble(
        f"is at {use.reference[:12]}, on {ACTIONS_READ} {version} was the newest",
        f"uses: {use.action}@{commit} # {version}",
    )


@dataclass(frozen=True)
class ImageUse:
    """A framework image that a spec or a pin names by repository and tag, and the tags that are known."""

    place: str
    model: str
    tag: str
    known: tuple[str, ...]


def read_images(site: Site) -> Iterator[tuple[str, Any]]:
    """The images of specs and pins."""
    for model in list_models(site.root):
        image, where = read_spec(site.root, model).image, f"models/{model}/{SPEC_FILE}"
        if image.framework is None:
            yield where, UnreadError(f"nobody here knows what is newer than {image.uri!r}")
            continue
        known = tuple(version for framework, version in IMAGES if framework == image.framework)
        yield where, ImageUse(where, model, str(image.version), known)
    for where, text in read_work_pins(site.root).items():
        _, environment, name = where.split("/")
        pin = parse_pin_file(text, environment, name.removesuffix(".yml"))
        if isinstance(pin, Pin):
            yield where, pinned_image(where, pin)


def pinned_image(where: str, pin: Pin) -> Any:
    """The image of a pin, if it is one of AWS's frameworks."""
    repository, _, tag = pin.artifact.image.rpartition("/")[2].partition(":")
    known = tuple(image.tag for image in IMAGES.values() if image.repository == repository)
    if known:
        return ImageUse(where, pin.model, tag, known)
    return UnreadError(f"nobody here knows what is newer than {pin.artifact.image!r}")


def judge_image(use: ImageUse) -> Trouble | None:
    """It is the newest that src/mlops/images.py knows of its framework."""
    newest = max(use.known, key=version_key)
    if use.tag == newest:
        return None
    remedy = (
        f"image: {{version: {newest!r}}} in models/{use.model}/{SPEC_FILE}, then make relock"
        if use.place.startswith("models/")
        else f"mlops train {use.model}, and promote what it seals"
    )
    return Trouble(f"is at {use.tag!r}, the newest known is {newest!r}", remedy)


def version_key(tag: str) -> list[int]:
    """The numbers of a version, in order."""
    return [int(number) for number in re.findall(r"\d+", tag)]


@dataclass(frozen=True)
class Tool:
    """A program, the version that it says, and the one that is needed."""

    name: str
    said: str | None
    needed: tuple[int, int]


def read_tools(site: Site) -> Iterator[tuple[str, Tool]]:
    """git, DVC and this Python."""
    for name, needed in (("git", (2, 31)), ("dvc", (3, 0))):
        yield name, Tool(name, site.reads.tool(name, "--version"), needed)
    yield "python", Tool("python", site.reads.tool(sys.executable, "--version"), (3, 11))


def judge_tool(tool: Tool) -> Trouble | None:
    """It is there, and new enough."""
    fix = (
        "make setup"
        if tool.name == "dvc"
        else f"install {tool.name} {tool.needed[0]}.{tool.needed[1]} or newer"
    )
    if tool.said is None:
        return Trouble("is not on PATH", fix)
    found = version_key(tool.said)[:2]
    if len(found) == 2 and tuple(found) >= tool.needed:
        return None
    return Trouble(f"says {tool.said!r}, needed is {tool.needed[0]}.{tool.needed[1]}", fix)


CHECKS = (
    Check("closed", "nothing asks for a service that takes no new accounts", read_closed, judge_closed),
    Check("action-version", "actions are pinned to what is newest", read_actions, judge_action),
    Check("image-version", "images are the newest known", read_images, judge_image),
    Check("tool", "git, DVC and Python are new enough", read_tools, judge_tool),
)
