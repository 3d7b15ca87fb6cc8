"""Follow a model from data to an answer over HTTP, on this machine: `python -m sandbox.rehearse [MODEL …]`.

Works on a copy of the project, so that no commit, pin or data of yours changes. Every step is the command
that a user or a workflow would type; nothing here does what a command could do.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import yaml
from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Iterator

NOT_COPIED = shutil.ignore_patterns(
    ".git", ".venv*", ".sandbox", "build", "__pycache__", ".*_cache", "cache", "tmp"
)
GIT_IDENTITY = {
    "GIT_AUTHOR_NAME": "Rehearsal",
    "GIT_AUTHOR_EMAIL": "rehearsal@example.com",
    "GIT_COMMITTER_NAME": "Rehearsal",
    "GIT_COMMITTER_EMAIL": "rehearsal@example.com",
}
SPEED = "300"  # ten minutes of canary in two seconds
SHOWN_LINES = 12  # of a command's output; the rest is in its log

console = Console(highlight=False)


@dataclass
class Stage:
    """A copy of the project, the environment its commands run in, and how long each act took."""

    folder: Path
    environment: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, *command: str, shown: str | None = None, quiet: bool = False, fails: bool = False) -> str:
        """Type a command; show it with its output. Raises SystemExit unless it ends as it should."""
        console.print(f"[bold cyan]$ {shown or ' '.join(command)}[/]")
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != (1 if fails else 0):
            console.print(done.stdout + done.stderr, markup=False)
            raise SystemExit(f"{' '.join(command)!r} ended with exit code {done.returncode}; see above")
        if not quiet:
            show(done.stdout)
        if fails:
            console.print(f"  {done.stderr.strip()}", markup=False, style="yellow")
        return done.stdout

    def python(self, module: str, *arguments: str, shown: str) -> str:
        """Run a module of this interpreter, shown as the command that a user types."""
        return self.run(sys.executable, "-m", module, *arguments, shown=shown)

    def mlops(self, *arguments: str, quiet: bool = False, fails: bool = False) -> str:
        """A verb of the tool, from the copy's own source."""
        command = (sys.executable, "-m", "mlops.cli", *arguments)
        return self.run(*command, shown=f"mlops {' '.join(arguments)}", quiet=quiet, fails=fails)

    @contextmanager
    def act(self, title: str) -> Iterator[None]:
        """Announce a step and time it."""
        console.print(f"\n[bold]{title}[/]")
        begun = time.monotonic()
        yield
        self.seconds[title] = time.monotonic() - begun
        console.print(f"[dim]{self.seconds[title]:.1f} s[/]")


def main(arguments: list[str] | None = None) -> None:
    """Rehearse the models named, or the first one of the project."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.rehearse", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="models to follow; by default the first one")
    parser.add_argument("--folder", type=Path, default=Path(".sandbox/rehearsal"), help="where the copy goes")
    chosen = parser.parse_args(arguments)
    project = Path.cwd()
    models = chosen.models or first_model(project)
    stage = set_stage(project, chosen.folder.resolve())
    with sandbox(stage):
        for model in models:
            rehearse(stage, model)
        with stage.act("Compare git with what is live"):
            stage.mlops("status")
    report(stage)


def first_model(project: Path) -> list[str]:
    """The first model of the project; stops where there is none."""
    specs = sorted((project / "models").glob("*/model.yml"))
    if not specs:
        raise SystemExit(f"{str(project)!r} has no model to follow. Add one: mlops new MODEL")
    return [specs[-1].parent.name]


def set_stage(project: Path, folder: Path) -> Stage:
    """Copy the project into a repository of its own, with one commit."""
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(project, folder, ignore=NOT_COPIED, symlinks=True)
    binaries = str(Path(sys.executable).parent)
    environment = {**os.environ, **GIT_IDENTITY, "PYTHONPATH": os.pathsep.join(["src", "libs", "."])}
    environment["PATH"] = os.pathsep.join([binaries, os.environ.get("PATH", "")])
    environment["DVC_NO_ANALYTICS"] = "1"
    environment.pop(
        "PYTHONDONTWRITEBYTECODE", None
    )  # the SDK's import takes seconds when nothing is compiled
    stage = Stage(folder, environment)
    with stage.act("Copy the project and commit it"):
        for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Start"]):
            stage.run("git", *command)
    return stage


@contextmanager
def sandbox(stage: Stage) -> Iterator[None]:
    """AWS on this machine, for as long as the rehearsal lasts."""
    with stage.act("Start the sandbox: AWS on this machine, the project's foundation deployed"):
        up = ["up", "--detach", "--speed", SPEED]
        stage.python("sandbox", *up, shown=f"python -m sandbox {' '.join(up)}")
        stage.environment.update(read_exports(stage.python("sandbox", "env", shown="python -m sandbox env")))
    try:
        yield
    finally:
        stage.python("sandbox", "down", shown="python -m sandbox down")


def read_exports(text: str) -> dict[str, str]:
    """The variables of `export NAME=value` lines."""
    pairs = (
        line.removeprefix("export ").split("=", 1) for line in text.splitlines() if line.startswith("export ")
    )
    return {name: value.strip("'\"") for name, value in pairs}


def rehearse(stage: Stage, model: str) -> None:
    """One model's life: to prod, a better one, a worse one, and back."""
    push_data(stage, model)
    train(stage, model, "Train {model}: prepare, train, evaluate, gate, seal; all of it real")
    promote(stage, model)
    with stage.act(f"Ask {model} in prod"):
        before = ask(stage, model)
    changes = read_changes(stage, model)
    change(stage, model, changes["other"])
    train(stage, model, "Train {model} again: the champion is scored on the same rows")
    promote(stage, model)
    with stage.act(f"Ask {model} in prod the same"):
        between = ask(stage, model)
    change(stage, model, changes["worse"])
    refuse_worse(stage, model)
    roll_back(stage, model)
    with stage.act(f"Ask {model} in prod the same once more"):
        after = ask(stage, model)
    if not before == after != between:
        raise SystemExit(f"the answers do not tell the releases apart: {before!r}, {between!r}, {after!r}")
    console.print("Before the promotion and after the rollback: the same answer. In between: another one.")


def train(stage: Stage, model: str, title: str) -> None:
    """Start a run on what is committed, and follow it."""
    with stage.act(title.format(model=model)):
        stage.mlops("train", model, "--wait")


def promote(stage: Stage, model: str) -> None:
    """Through staging into prod: a commit each, and `deploy` makes AWS match it."""
    for environment in ("staging", "prod"):
        with stage.act(f"Promote {model} to {environment}: commit its pin; make AWS match it"):
            commit_pin(stage, model, environment, "propose", model, "--to", environment, "--dry-run")
            stage.mlops("deploy", environment, model)


def commit_pin(stage: Stage, model: str, environment: str, *verb: str) -> None:
    """Write the pin that a verb prints, check it, commit it: that commit is the promotion."""
    path = stage.folder / "releases" / environment / f"{model}.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(stage.mlops(*verb, quiet=True), encoding="utf-8")
    stage.mlops("check")
    stage.run("git", "add", "releases")
    stage.run("git", "commit", "-q", "-m", f"{verb[0].capitalize()} {model} in {environment}")


def read_changes(stage: Stage, model: str) -> dict[str, dict[str, float]]:
    """models/<model>/rehearsal.yml: hyperparameters of another good model, and of a worse one."""
    path = stage.folder / "models" / model / "rehearsal.yml"
    if not path.is_file():
        raise SystemExit(
            f"{path}: no such file. It says which hyperparameters make another model and a worse one"
        )
    changes: dict[str, dict[str, float]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return changes


def change(stage: Stage, model: str, hyperparameters: dict[str, float]) -> None:
    """Commit other hyperparameters: what a data scientist's pull request does."""
    words = ", ".join(f"{name} {value}" for name, value in hyperparameters.items())
    with stage.act(f"Change {model}: {words}"):
        path = stage.folder / "models" / model / "model.yml"
        text = path.read_text(encoding="utf-8")
        for name, value in hyperparameters.items():
            text = re.sub(rf"^(    {name}: ).*$", rf"\g<1>{value}", text, flags=re.MULTILINE)
        path.write_text(text, encoding="utf-8")
        stage.run("git", "commit", "-q", "-a", "-m", f"Set {words}")
        stage.mlops("plan", "--base", "HEAD~1")


def refuse_worse(stage: Stage, model: str) -> None:
    """A worse model is trained like any other, and ends at the gate."""
    with stage.act(f"Train the worse {model}: the gate stops it, and says why"):
        stage.mlops("train", model, "--wait", fails=True)


def roll_back(stage: Stage, model: str) -> None:
    """Return prod to the release before: a commit, as every change of what is live."""
    with stage.act(f"Roll {model} back in prod"):
        commit_pin(stage, model, "prod", "rollback", model, "--env", "prod", "--dry-run")
        stage.mlops("deploy", "prod", model)


def push_data(stage: Stage, model: str) -> None:
    """Put the model's bytes into the DVC remote and publish the version."""
    with stage.act(f"Version the data of {model} with DVC, publish it inside S3"):
        fetch = stage.folder / "models" / model / "data/fetch.py"
        if fetch.is_file():
            stage.run(sys.executable, str(fetch), shown=f"python models/{model}/data/fetch.py")
        pointers = [str(path.relative_to(stage.folder)) for path in fetch.parent.glob("*.dvc")]
        data = [pointer.removesuffix(".dvc") for pointer in pointers]
        stage.python("dvc", "add", "-q", *data, shown=f"dvc add {' '.join(data)}")
        stage.python("dvc", "push", "-q", *pointers, shown=f"dvc push {' '.join(pointers)}")
        stage.mlops("data", "publish", model)


def ask(stage: Stage, model: str) -> str:
    """Send one row of the model's sample to its endpoint in prod; the answer."""
    session = boto3.session.Session(
        aws_access_key_id=stage.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=stage.environment["AWS_SECRET_ACCESS_KEY"],
        region_name=stage.environment["AWS_DEFAULT_REGION"],
    )
    endpoint_url = stage.environment["AWS_ENDPOINT_URL"]
    body = sample_request(stage, model)
    console.print(body.decode(), markup=False, style="dim", overflow="ellipsis", no_wrap=True)
    runtime = session.client("sagemaker-runtime", endpoint_url=endpoint_url)
    rows = json.loads(stage.mlops("status", "--json", quiet=True))
    name = next(row["endpoint"] for row in rows if (row["environment"], row["model"]) == ("prod", model))
    answer = runtime.invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Accept="application/json", Body=body
    )
    text: str = answer["Body"].read().decode().strip()
    console.print(f"[bold green]{text}[/]")
    return text


def sample_request(stage: Stage, model: str) -> bytes:
    """The header and the first row of the committed sample's test side, as prepare.py writes it anywhere."""
    with tempfile.TemporaryDirectory() as prepared:
        script, sample = f"models/{model}/prepare.py", f"models/{model}/sample"
        shown = f"python {script} --input {sample} --output {prepared}"
        stage.run(sys.executable, script, "--input", sample, "--output", prepared, shown=shown, quiet=True)
        lines = (Path(prepared) / "test/features.csv").read_bytes().splitlines(keepends=True)
    return b"".join(lines[:2])


def show(text: str) -> None:
    """The first lines of an output, indented."""
    lines = text.rstrip().splitlines()
    for line in lines[:SHOWN_LINES]:
        console.print(f"  {line}", markup=False, overflow="ellipsis", no_wrap=True)
    if len(lines) > SHOWN_LINES:
        console.print(f"  … {len(lines) - SHOWN_LINES} more lines", style="dim")


def report(stage: Stage) -> None:
    """How long each act took, and what to try next."""
    console.print(f"\n[bold]Done in {sum(stage.seconds.values()):.0f} s.[/] The copy is in {stage.folder}")
    console.print("Next: change a hyperparameter in the copy, commit, and type the commands above by hand:")
    console.print(f"  cd {stage.folder} && python -m sandbox up", markup=False)


if __name__ == "__main__":
    main()
