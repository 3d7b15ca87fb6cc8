"""`mlops data publish` of 1,000 files, beside `dvc pull` and `aws s3 sync`, against one sandbox."""

from __future__ import annotations

import random
import shutil
import sys
import tempfile
from pathlib import Path

from measure import REPOSITORY, Result, run, timed

FILES = 1000
BYTES = 4096


def main() -> None:
    """Bake, push a dataset of 1,000 files with DVC, publish it both ways."""
    with tempfile.TemporaryDirectory() as folder:
        root = bake(Path(folder))
        environment = {"PYTHONPATH": f"{root}/src:{root}/libs:{root}", "DVC_NO_ANALYTICS": "1"}
        run([sys.executable, "-m", "sandbox", "up", "--detach"], root, **environment)
        try:
            environment |= exports(run([sys.executable, "-m", "sandbox", "env"], root, **environment))
            measure(root, environment)
        finally:
            run([sys.executable, "-m", "sandbox", "down"], root, **environment)


def measure(root: Path, environment: dict[str, str]) -> None:
    """Publish inside S3; then through the machine, as a script would."""
    add_dataset(root, environment)
    ours = timed(
        lambda: run([sys.executable, "-m", "mlops.cli", "data", "publish", "bulk"], root, **environment)
    )
    shutil.rmtree(root / ".dvc/cache")
    shutil.rmtree(root / "models/bulk/data/rows")
    pull = timed(lambda: run([sys.executable, "-m", "dvc", "pull", "-q"], root, **environment))
    bucket = next(
        line.split("//")[1].split("/")[0]
        for line in (root / ".dvc/config").read_text().splitlines()
        if "s3://" in line
    )
    aws = str(Path(sys.executable).with_name("aws"))
    source, target = str(root / "models/bulk/data/rows"), f"s3://{bucket}/by-hand/"
    sync = timed(lambda: run([aws, "s3", "sync", "--only-show-errors", source, target], root, **environment))
    print(
        Result(
            "data publish, 1,000 files", ours, "dvc pull + aws s3 sync", pull + sync, budget=(pull + sync) / 5
        )
    )


def add_dataset(root: Path, environment: dict[str, str]) -> None:
    """A model whose dataset is a folder of 1,000 files, pushed to the remote."""
    run([sys.executable, "-m", "mlops.cli", "new", "bulk"], root, **environment)
    data = root / "models/bulk/data"
    shutil.rmtree(data)
    (data / "rows").mkdir(parents=True)
    noise = random.Random(7)  # noqa: S311 - filler, not a secret
    for number in range(FILES):
        (data / f"rows/{number:04d}.bin").write_bytes(noise.randbytes(BYTES))
    run(["git", "init", "-q"], root)
    run([sys.executable, "-m", "dvc", "add", "-q", "models/bulk/data/rows"], root, **environment)
    spec = root / "models/bulk/model.yml"
    spec.write_text(spec.read_text().replace("data/rows.csv.dvc", "data/rows.dvc"))
    run([sys.executable, "-m", "dvc", "push", "-q", "models/bulk/data/rows.dvc"], root, **environment)


def bake(folder: Path) -> Path:
    """A project with default answers and no example model."""
    from cookiecutter.main import cookiecutter

    made = cookiecutter(
        str(REPOSITORY),
        no_input=True,
        output_dir=str(folder),
        default_config=True,
        extra_context={"examples": "no"},
    )
    return Path(made)


def exports(text: str) -> dict[str, str]:
    """The variables of `export NAME=value` lines."""
    pairs = (
        line.removeprefix("export ").split("=", 1) for line in text.splitlines() if line.startswith("export ")
    )
    return {name: value.strip("'\"") for name, value in pairs}


if __name__ == "__main__":
    main()
