"""`mlops --help`, beside the other command lines of the loop."""

from __future__ import annotations

import sys
from functools import partial
from pathlib import Path

from measure import PAYLOAD, Result, median_seconds, run


def main() -> None:
    """Each command in a process of its own, as a shell starts it."""
    ours = median_seconds(
        lambda: run([sys.executable, "-m", "mlops.cli", "--help"], PAYLOAD, PYTHONPATH="src"), repeats=15
    )
    for name in ("dvc", "aws"):
        theirs = median_seconds(
            partial(run, [str(Path(sys.executable).with_name(name)), "--version"], PAYLOAD)
        )
        print(Result("mlops --help", ours, f"{name} --version", theirs, budget=0.150))


if __name__ == "__main__":
    main()
