"""Follow a model from data to an answer over HTTP, on this machine: `python -m sandbox.rehearse [MODEL …]`.

Works on a copy of the project, so that no commit, pin or data of yours changes. Every step is the command
that a user or a workflow would type; nothing here does what a command could do.
"""

from __future__ import annotations

import argparse
import json
import os
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
SHOWN_LINES = 12  # of a command's output; the rest is in its log

console = Console(highlight=False)


@dataclass
class Stage:
    """A copy of the project, the environment its commands run in, and how long each act took."""

    folder: Path
    environment: dict[str, str]
    seconds: dict[str, float] = field(default_factory=dict)

    def run(self, *command: str, shown: str | None = None, quiet: bool = False) -> str:
        """Type a command; show it with its output. Raises SystemExit with all it said when it fails."""
        console.print(f"[bold cyan]$ {shown or ' '.join(command)}[/]")
        done = subprocess.run(
            command, cwd=self.folder, env=self.environment, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            console.print(done.stdout + done.stderr, markup=False)
            raise SystemExit(f"{' '.join(command)!r} ended with exit code {done.returncode}; see above")
        if not quiet:
            show(done.stdout)
        return done.stdout

    def python(self, module: str, *arguments: str, shown: str, quiet: bool = False) -> str:
        """Run a module of this interpreter, shown as the command that a user types."""
        return self.run(sys.executable, "-m", module, *arguments, shown=shown, quiet=quiet)

    def mlops(self, *arguments: str, quiet: bool = False) -> str:
        """A verb of the tool, from the copy's own source."""
        return self.python("mlops.cli", *arguments, shown=f"mlops {' '.join(arguments)}", quiet=quiet)

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
        stage.python("sandbox", "up", "--detach", shown="python -m sandbox up --detach")
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
    """One model: data, training, gate, package, pin, endpoint, answer."""
    push_data(stage, model)
    with stage.act(f"Train {model}: prepare, train, evaluate, gate, seal; all of it real"):
        stage.mlops("plan", "--base", "HEAD")
        stage.mlops("train", model, "--wait")
    pin(stage, model, "staging")
    with stage.act(f"Deploy {model}: make AWS match the pin"):
        stage.mlops("deploy", "staging", model)
    with stage.act(f"Ask {model} for a prediction"):
        ask(stage, model)


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


def pin(stage: Stage, model: str, environment: str) -> None:
    """Write the pin of the newest release and commit it: that commit is the promotion."""
    with stage.act(f"Promote {model} to {environment}: commit its pin"):
        path = stage.folder / "releases" / environment / f"{model}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        text = stage.mlops("propose", model, "--to", environment, "--dry-run", quiet=True)
        path.write_text(text, encoding="utf-8")
        show(text)
        stage.mlops("check")
        stage.run("git", "add", "releases")
        stage.run("git", "commit", "-q", "-m", f"Promote {model} to {environment}")


def ask(stage: Stage, model: str) -> None:
    """Send one row of the run's own test set to the endpoint."""
    session = boto3.session.Session(
        aws_access_key_id=stage.environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=stage.environment["AWS_SECRET_ACCESS_KEY"],
        region_name=stage.environment["AWS_DEFAULT_REGION"],
    )
    endpoint_url = stage.environment["AWS_ENDPOINT_URL"]
    body = sample_request(stage, model)
    console.print(body.decode(), markup=False, style="dim", overflow="ellipsis", no_wrap=True)
    runtime = session.client("sagemaker-runtime", endpoint_url=endpoint_url)
    name = json.loads(stage.mlops("status", "--json", quiet=True))[0]["endpoint"]
    answer = runtime.invoke_endpoint(
        EndpointName=name, ContentType="text/csv", Accept="application/json", Body=body
    )
    console.print(f"[bold green]{answer['Body'].read().decode().strip()}[/]")


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
