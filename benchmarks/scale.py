"""`plan` and `check` on a repository of 1,000 models and 2,000 pins.

Beside them: `git diff --stat` with every spec parsed at both commits (what a script for `plan` would do), and
the pure-Python YAML parser over the same files (what a script for `check` would do first).
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import yaml
from measure import PAYLOAD, REPOSITORY, Result, run, timed

sys.path.insert(0, str(PAYLOAD / "src"))
sys.path.insert(0, str(PAYLOAD))

from mlops.pin import dump_pin, make_pin
from mlops.release import Archive, Artifact
from mlops.serving import Fleet, Serving

MODELS = 1000
HEX = "ab" * 32


def main() -> None:
    """Make the repository once; measure both verbs in it."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        build_repository(root)
        mlops = [sys.executable, "-m", "mlops.cli"]
        environment = {"PYTHONPATH": str(PAYLOAD / "src")}
        run([*mlops, "--help"], root, **environment)
        one = timed(lambda: run([*mlops, "plan", "--base", "HEAD~1", "--json"], root, **environment))
        naive = timed(lambda: parse_both_sides(root))
        print(Result("plan, 1,000 models, 1 changed", one, "parse every spec twice", naive, budget=1.0))
        shared = timed(lambda: run([*mlops, "plan", "--base", "HEAD~2", "--json"], root, **environment))
        print(
            Result("plan, a lib of 100 models changed", shared, "parse every spec twice", naive, budget=1.0)
        )
        whole = timed(lambda: run([*mlops, "check"], root, **environment))
        parse = timed(lambda: [yaml.safe_load(path.read_text()) for path in root.rglob("*.yml")])
        print(Result("check, 1,000 specs and 2,000 pins", whole, "yaml.safe_load alone", parse, budget=3.0))


def build_repository(root: Path) -> None:
    """A project with 1,000 copies of the scaffold and both pins of each; then two commits of change."""
    project = (PAYLOAD / "project.yml").read_text()
    answers = run([sys.executable, "-c", BAKED_PROJECT, str(REPOSITORY)], root)
    (root / "project.yml").write_text(answers or project)
    for number in range(MODELS):
        add_model(root, f"m{number:04d}", lib=number < 100)
    (root / "libs/shared").mkdir(parents=True)
    (root / "libs/shared/__init__.py").write_text("ONE = 1\n")
    commit(root, "Start")
    (root / "libs/shared/__init__.py").write_text("ONE = 2\n")
    commit(root, "Change a lib")
    with (root / "models/m0007/train.py").open("a") as script:
        script.write("# slower\n")
    commit(root, "Change a model")


BAKED_PROJECT = """
import sys, tempfile, pathlib
from cookiecutter.main import cookiecutter
with tempfile.TemporaryDirectory() as folder:
    made = cookiecutter(sys.argv[1], no_input=True, output_dir=folder, default_config=True)
    print(pathlib.Path(made, "project.yml").read_text())
"""


def add_model(root: Path, model: str, lib: bool) -> None:
    """One copy of the scaffold under a name of its own, pinned in both environments."""
    folder = root / "models" / model
    shutil.copytree(PAYLOAD / "src/mlops/scaffold/model", folder)
    spec = (folder / "model.yml").read_text().replace("MODEL_NAME", model)
    (folder / "model.yml").write_text(spec.replace("libs: []", "libs: [shared]") if lib else spec)
    pin = dump_pin(make_pin(model, artifact(model), Serving(serve=Fleet(instance="ml.m5.large"))))
    for environment in ("staging", "prod"):
        path = root / f"releases/{environment}/{model}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(pin)


def artifact(model: str) -> Artifact:
    """An artifact that nothing registered: `check` reads files only."""
    return Artifact(
        package=f"arn:aws:sagemaker:eu-west-1:111111111111:model-package/p-{model}/1",
        archive=Archive(bucket="b", key=f"releases/{model}/{HEX}/model.tar.gz", sha256=HEX, size=1),
        image=f"111111111111.dkr.ecr.eu-west-1.amazonaws.com/x@sha256:{HEX}",
        data="d" * 32,
        bundle=HEX,
        commit="c" * 40,
        execution="execution",
        evaluation=HEX,
    )


def commit(root: Path, message: str) -> None:
    """Commit everything, with an identity of its own."""
    if not (root / ".git").exists():
        run(["git", "init", "-q"], root)
    run(["git", "add", "-A"], root)
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
    run(["git", *identity, "commit", "-q", "-m", message], root)


def parse_both_sides(root: Path) -> None:
    """Read every spec at both commits with one `git show` each batch, and parse it."""
    for commit_id in ("HEAD~1", "HEAD"):
        listing = run(["git", "ls-tree", "-r", "--name-only", commit_id, "models/"], root).split()
        specs = [path for path in listing if path.endswith("/model.yml")]
        texts = run(["git", "show", *(f"{commit_id}:{path}" for path in specs)], root)
        list(yaml.safe_load_all(texts.replace("# yaml-language-server", "---\n# yaml-language-server")))


if __name__ == "__main__":
    main()
