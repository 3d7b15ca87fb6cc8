"""`mlops plan`: which models a diff affects, which pins it moves, what merging would start."""

from __future__ import annotations

import json
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import click

from mlops import git
from mlops.bundle import changes_bundle
from mlops.dataset import parse_pointer, pointer_path
from mlops.pin import split_pin_path
from mlops.spec import SPEC_FILE, read_spec
from mlops.workspace import open_workspace, read_specs_at, require_model

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from mlops.spec import ModelSpec

# Where the tool and its tests live: a change there is tested whole
TOOL = (
    "src/",
    "sandbox/",
    "tests/",
    "infra/",
    "requirements/",
    "pyproject.toml",
    "Makefile",
    ".github/",
    "bin/",
)
UNLINTED = re.compile(r"^releases/|^audit/|^models/[^/]+/model\.yml$|\.(dvc|md|csv)$")
MAX_AUTO_TRAIN = 3  # more at once is a refactoring: someone should say which are worth their cost


@dataclass(frozen=True)
class Affected:
    """A model whose next run would differ, and the job time that run may use at most."""

    model: str
    why: list[str]
    starts: bool
    instance_minutes: dict[str, int]


@dataclass(frozen=True)
class MovedPin:
    """A pin that the diff adds, changes or removes."""

    environment: str
    model: str


@dataclass(frozen=True)
class Plan:
    """What merging a diff would do."""

    base: str
    head: str
    train: list[Affected]
    pins: list[MovedPin]
    models: list[str]
    touches_code: bool
    touches_tool: bool

    @property
    def starts(self) -> list[str]:
        """The models whose training starts on merge."""
        return [affected.model for affected in self.train if affected.starts]


@click.command("plan")
@click.option("--base", default="origin/main", show_default=True, help="What the diff is against.")
@click.option("--head", default="HEAD", show_default=True, help="What would be merged.")
@click.option("--train", "asked", metavar="MODEL", help="Start this one, whatever the diff says.")
@click.option("--json", "as_json", is_flag=True, help="Affected models, pins, what starts, as JSON.")
@click.option(
    "--outputs", type=click.Path(path_type=Path), help="Append name=value lines, as a workflow's outputs are."
)
def command(base: str, head: str, asked: str | None, as_json: bool, outputs: Path | None) -> None:
    """Say which models and pins a diff affects, and what merging would start."""
    root = open_workspace().root
    plan = make_plan(root, base, git.resolve_commit(root, head))
    if asked:
        spec = read_spec(root, require_model(root, asked))
        plan = replace(plan, train=[Affected(asked, ["asked for"], True, instance_minutes(spec))])
    if outputs:
        with outputs.open("a", encoding="utf-8") as file:
            file.writelines(f"{name}={json.dumps(value)}\n" for name, value in plan_outputs(plan).items())
    click.echo(json.dumps(plan_record(plan), indent=1) if as_json else render_plan(plan))


def make_plan(root: Path, base: str, head: str) -> Plan:
    """Compare `head` with the commit at which it left `base`."""
    fork = git.fork(root, base, head)
    paths = git.changed_paths(root, fork, head)
    suspects = suspect_models(paths, lambda lib: models_that_name(root, head, lib))
    now = read_specs_at(root, head, suspects)
    before = read_specs_at(root, fork, suspects)
    versions = data_versions(root, fork, head, now)
    affected = find_affected(paths, before, now, versions)
    known = [model for model, spec in now.items() if spec]
    tool = any(path.startswith(TOOL) for path in paths)
    return Plan(fork, head, affected, moved_pins(paths), known, touches_code(paths), tool)


def touches_code(paths: Iterable[str]) -> bool:
    """Whether linters have anything to say: specs, pins, data pointers and prose have rules of their own."""
    return any(not UNLINTED.search(path) for path in paths)


def suspect_models(paths: Iterable[str], find_users: Callable[[str], list[str]]) -> list[str]:
    """The models whose spec is worth reading: those touched, and those that may use a changed lib."""
    folders = [path.split("/") for path in paths]
    touched = {parts[1] for parts in folders if parts[0] == "models" and len(parts) > 2}
    libs = {parts[1] for parts in folders if parts[0] == "libs" and len(parts) > 2}
    return sorted(touched.union(*(find_users(lib) for lib in libs)))


def models_that_name(root: Path, commit: str, word: str) -> list[str]:
    """The models whose spec holds a word: git searches a thousand specs faster than we parse ten."""
    paths = git.search_files(root, commit, word, f"models/*/{SPEC_FILE}")
    return [path.split("/")[1] for path in paths]


def data_versions(
    root: Path, base: str, head: str, specs: Mapping[str, ModelSpec | None]
) -> dict[str, tuple[str, str]]:
    """For each model, the dataset version at both commits; empty text where there is none."""
    paths = {pointer_path(spec): model for model, spec in specs.items() if spec}
    before = git.read_files(root, base, list(paths))
    now = git.read_files(root, head, list(paths))
    return {
        model: (version_of(before[path], path), version_of(now[path], path)) for path, model in paths.items()
    }


def version_of(content: bytes | None, where: str) -> str:
    """The dataset version in a pointer's bytes."""
    return parse_pointer(content.decode(), where).version if content else ""


def find_affected(
    paths: list[str],
    before: Mapping[str, ModelSpec | None],
    now: Mapping[str, ModelSpec | None],
    versions: Mapping[str, tuple[str, str]],
) -> list[Affected]:
    """The models whose fingerprint changes, with the reasons."""
    known = [(model, spec) for model, spec in now.items() if spec]
    reasons = [(spec, why_affected(paths, before.get(model), spec, versions[model])) for model, spec in known]
    return decide_starts([(spec, why) for spec, why in reasons if why])


def why_affected(
    paths: list[str], before: ModelSpec | None, now: ModelSpec, versions: tuple[str, str]
) -> list[str]:
    """Why the next run of a model would differ; empty when it would not."""
    if before is None:
        return ["new model"]
    why = ["code or requirements changed"] if any(changes_bundle(path, now) for path in paths) else []
    if before.libs != now.libs:
        why.append("libs changed")
    if versions[0] != versions[1]:
        why.append(f"data changed: {versions[0] or 'none'} → {versions[1] or 'none'}")
    if before.training_inputs() != now.training_inputs():
        why.append("image or hyperparameters changed")
    return why


def decide_starts(found: list[tuple[ModelSpec, list[str]]]) -> list[Affected]:
    """Which of the affected models train on merge: none when there are more than three."""
    automatic = [spec.model for spec, _ in found if spec.train.on_merge == "auto"]
    allowed = set(automatic) if len(automatic) <= MAX_AUTO_TRAIN else set()
    return [Affected(spec.model, why, spec.model in allowed, instance_minutes(spec)) for spec, why in found]


def instance_minutes(spec: ModelSpec) -> dict[str, int]:
    """The most job time of one run, in minutes by instance type: train, prepare, evaluate, seal."""
    minutes = {spec.train.instance: spec.train.max_minutes}
    around = spec.processing
    minutes[around.instance] = minutes.get(around.instance, 0) + 3 * around.max_minutes
    return minutes


def moved_pins(paths: Iterable[str]) -> list[MovedPin]:
    """The pins among changed paths."""
    return [MovedPin(*place) for path in paths if (place := split_pin_path(path))]


def plan_outputs(plan: Plan) -> dict[str, object]:
    """What a workflow's later jobs depend on; lists are matrices."""
    return {
        "models": plan.models,
        "starts": plan.starts,
        "code": plan.touches_code,
        "tool": plan.touches_tool,
    }


def plan_record(plan: Plan) -> dict[str, object]:
    """The plan as JSON; `matrix` is what a workflow's strategy takes."""
    matrix = {"include": [{"model": model} for model in plan.starts]}
    return {**asdict(plan), "matrix": matrix}


def render_plan(plan: Plan) -> str:
    """The plan in sentences."""
    lines = [render_affected(affected) for affected in plan.train] or ["No model is affected."]
    if plan.train and not plan.starts:
        lines.append("Merging starts no training. Start one by hand: mlops train MODEL")
    lines += [f"Moves the pin of {pin.model} in {pin.environment}." for pin in plan.pins]
    return "\n".join(lines)


def render_affected(affected: Affected) -> str:
    """One affected model in a sentence."""
    most = ", ".join(
        f"{minutes} min of {instance}" for instance, minutes in affected.instance_minutes.items()
    )
    start = f"merging starts a run of at most {most}" if affected.starts else "merging does not start a run"
    return f"{affected.model}: {'; '.join(affected.why)}; {start}."
