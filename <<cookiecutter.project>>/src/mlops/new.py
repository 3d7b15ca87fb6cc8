"""`mlops new MODEL`: a model that passes `make check` at once, to change from there."""

from __future__ import annotations

import re
import shutil
import tempfile
from pathlib import Path

import click

from mlops.errors import UsageError
from mlops.project import ENVIRONMENTS
from mlops.spec import read_spec
from mlops.workspace import MODEL_FOLDER, list_models, open_workspace, require_model

SCAFFOLD = Path(__file__).parent / "scaffold" / "model"
TOKEN = "MODEL_NAME"  # noqa: S105 - stands for the model's name in the scaffold's files
OWNERS = Path(".github/CODEOWNERS")
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.pyc", ".pytest_cache")


@click.command("new")
@click.argument("model")
@click.option("--from", "source", metavar="OTHER", help="Copy this model instead of the scaffold.")
def command(model: str, source: str | None) -> None:
    """Add MODEL: spec, scripts, tests, sample and data pointer."""
    workspace = open_workspace()
    folder = add_model(workspace.root, model, source)
    add_owner(workspace.root, model, workspace.project.owner_team)
    click.echo(f"{folder.relative_to(workspace.root).as_posix()} is there and passes `make check`.")
    click.echo(f"Next: put the data into {folder.name}/data, `dvc add` it, and read models/{model}/README.md")


def add_model(root: Path, model: str, source: str | None = None) -> Path:
    """Make models/<model>/ from the scaffold or another model; all of it or nothing."""
    refuse_name(root, model)
    origin = root / "models" / require_model(root, source) if source else SCAFFOLD
    target = root / "models" / model
    target.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".new-") as draft:
        copy = Path(draft) / model
        shutil.copytree(origin, copy, ignore=NOT_COPIED)
        rename_model(copy, source or TOKEN, model)
        copy.rename(target)
    read_spec(root, model)
    return target


def refuse_name(root: Path, model: str) -> None:
    """Raise for a name that AWS or the repository would not take."""
    if not MODEL_FOLDER.match(model) or "--" in model:
        raise UsageError(
            f"{model!r} is no model name; allowed: 2 to 17 of a-z, 0-9 and single hyphens, a letter first: "
            "it ends up in SageMaker names of 63 characters"
        )
    if words := set(model.split("-")) & set(ENVIRONMENTS):
        raise UsageError(
            f"{model!r} is no model name: it has the word {min(words)!r}, by which names on AWS tell "
            "environments apart. Leave it out"
        )
    if (root / "models" / model).exists():
        there = ", ".join(list_models(root)) or "none"
        raise UsageError(f"models/{model} exists already; there are: {there}. Choose another name")


def rename_model(folder: Path, old: str, new: str) -> None:
    """Write the new name wherever the old one stands as a word of its own."""
    word = re.compile(rf"(?<![\w-]){re.escape(old)}(?![\w-])")
    for path in folder.rglob("*"):
        if path.suffix in {".yml", ".py", ".md"} and path.is_file():
            text = path.read_text(encoding="utf-8")
            path.write_text(word.sub(new, text), encoding="utf-8")


def add_owner(root: Path, model: str, owner: str) -> None:
    """Give the model's folder an owner line, where the forge reads such a file."""
    path = root / OWNERS
    line = f"/models/{model}/ {owner}\n"
    if path.is_file() and line not in path.read_text(encoding="utf-8"):
        with path.open("a", encoding="utf-8") as owners:
            owners.write(line)
