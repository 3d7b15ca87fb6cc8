"""`mlops data publish` of 1,000 files, beside `dvc pull` and `aws s3 sync`, against one sandbox.

Twice: on loopback, where a request costs processor time only (most of it the sandbox's), and with 30 ms on
the way to S3, as from a CI runner.
"""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from measure import REPOSITORY, Result, run, timed

if TYPE_CHECKING:
    from collections.abc import Iterator

FILES = 1000
BYTES = 4096
AWAY = 0.030  # seconds to S3 in the same continent
AT_LEAST = 5  # times faster, is the budget

Environment = dict[str, str]


def main() -> None:
    """Bake, push two datasets of 1,000 files with DVC, publish each both ways."""
    with tempfile.TemporaryDirectory() as folder:
        root = bake(Path(folder))
        environment = {"PYTHONPATH": f"{root}/src:{root}/libs:{root}", "DVC_NO_ANALYTICS": "1"}
        run([sys.executable, "-m", "sandbox", "up", "--detach"], root, **environment)
        try:
            environment |= exports(run([sys.executable, "-m", "sandbox", "env"], root, **environment))
            for model, delay in (("near", 0.0), ("away", AWAY)):
                add_dataset(root, model, environment)
                with delayed(environment, delay) as seen:
                    measure(root, model, seen, delay)
        finally:
            run([sys.executable, "-m", "sandbox", "down"], root, **environment)


@contextmanager
def delayed(environment: Environment, delay: float) -> Iterator[Environment]:
    """The environment, with its AWS some milliseconds away."""
    if not delay:
        yield environment
        return
    port = environment["AWS_ENDPOINT_URL"].rsplit(":", 1)[1]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        listen = free.getsockname()[1]
    program = str(Path(__file__).with_name("delay.py"))
    relay = subprocess.Popen([sys.executable, program, str(listen), port, str(delay)])
    time.sleep(1)
    try:
        yield {**environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{listen}"}
    finally:
        relay.kill()


def measure(root: Path, model: str, environment: Environment, delay: float) -> None:
    """Publish inside S3; then through the machine, as a script would."""
    mlops = [sys.executable, "-m", "mlops.cli"]
    ours = timed(lambda: run([*mlops, "data", "publish", model], root, **environment))
    shutil.rmtree(root / ".dvc/cache")
    shutil.rmtree(root / f"models/{model}/data/rows")
    pointer = f"models/{model}/data/rows.dvc"
    pull = timed(lambda: run([sys.executable, "-m", "dvc", "pull", "-q", pointer], root, **environment))
    aws = str(Path(sys.executable).with_name("aws"))
    source, target = str(root / f"models/{model}/data/rows"), f"s3://{bucket_of(root)}/by-hand/{model}/"
    sync = timed(lambda: run([aws, "s3", "sync", "--only-show-errors", source, target], root, **environment))
    what = f"data publish, {FILES} files, {1000 * delay:.0f} ms to S3"
    print(Result(what, ours, "dvc pull + aws s3 sync", pull + sync, budget=(pull + sync) / AT_LEAST))


def bucket_of(root: Path) -> str:
    """The bucket of the DVC remote."""
    config = (root / ".dvc/config").read_text()
    return config.partition("s3://")[2].partition("/")[0]


def add_dataset(root: Path, model: str, environment: Environment) -> None:
    """A model whose dataset is a folder of 1,000 files, pushed to the remote."""
    run([sys.executable, "-m", "mlops.cli", "new", model], root, **environment)
    data = root / "models" / model / "data"
    shutil.rmtree(data)
    (data / "rows").mkdir(parents=True)
    noise = random.Random(model)  # noqa: S311 - filler, not a secret
    for number in range(FILES):
        (data / f"rows/{number:04d}.bin").write_bytes(noise.randbytes(BYTES))
    run(["git", "init", "-q"], root)
    run([sys.executable, "-m", "dvc", "add", "-q", f"models/{model}/data/rows"], root, **environment)
    spec = data.parent / "model.yml"
    spec.write_text(spec.read_text().replace("data/rows.csv.dvc", "data/rows.dvc"))
    run([sys.executable, "-m", "dvc", "push", "-q", f"models/{model}/data/rows.dvc"], root, **environment)


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


def exports(text: str) -> Environment:
    """The variables of `export NAME=value` lines."""
    pairs = (
        line.removeprefix("export ").split("=", 1) for line in text.splitlines() if line.startswith("export ")
    )
    return {name: value.strip("'\"") for name, value in pairs}


if __name__ == "__main__":
    main()
