"""Record what the roles of the loop ask for: `python -m sandbox.record`, or `make record`.

Rehearses the project's models, runs the tests whose verbs act as the roles whose job they are, goes a round
on each engine whose files are there (tests/tour*.py), and writes each kind of decision once, in order, into
tests/recorded/decisions.jsonl. `--check FILE` says which kinds of a rehearsal's decisions the record lacks.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.kinds import RECORD, in_order, kinds, read_line

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.kinds import Kind


def main(arguments: list[str] | None = None) -> None:
    """Record, or compare with the record."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.record", description=__doc__.splitlines()[0])
    parser.add_argument("--check", type=Path, metavar="FILE", help="name what the record lacks of FILE")
    parser.add_argument("--of", type=Path, metavar="FILE", nargs="+", help="record FILEs; run nothing")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        check(read_kinds([chosen.check]))
        return
    started = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        found = read_kinds(chosen.of or run_all(Path(folder)))
    played = {kind.on for kind in found}
    found = in_order([*found, *(kind for kind in read_record() if kind.on not in played)])
    RECORD.write_text("".join(f"{kind.line()}\n" for kind in found), encoding="utf-8")
    minutes = (time.monotonic() - started) / 60
    sys.stdout.write(f"{RECORD}: {len(found)} kinds of decisions, in {minutes:.0f} minutes\n")


def read_kinds(files: Iterable[Path]) -> list[Kind]:
    """The kinds of several sandboxes, a file each: in one file would stand projects of different forges."""
    lines = (file.read_text(encoding="utf-8").splitlines() for file in files)
    return in_order(kind for each in lines for kind in kinds(each))


def read_record() -> list[Kind]:
    """What was recorded last."""
    return [read_line(line) for line in RECORD.read_text(encoding="utf-8").splitlines()]


def check(found: list[Kind]) -> None:
    """Stop when a run did what the record does not have."""
    known = {kind.line() for kind in read_record()}
    lacking = [kind.line() for kind in found if kind.line() not in known]
    if lacking:
        raise SystemExit(
            "\n".join([*lacking, f"{RECORD} lacks these {len(lacking)}; record anew: make record"])
        )
    sys.stdout.write(f"{RECORD} has all {len(found)} kinds of this run\n")


def run_all(folder: Path) -> list[Path]:
    """The rehearsal of every model that can be rehearsed, each verb as the role whose job it is, and a round
    on CodePipeline past what is seldom needed. Tests come to one process: it shares its sandbox."""
    if not Path(".github/workflows").is_dir():
        raise SystemExit("the record begins with GitHub Actions, and this project's engine is another")
    models = sorted(path.parent.name for path in Path("models").glob("*/rehearsal.yml"))
    files = "python_files=test_*.py tour*.py"
    run("sandbox.rehearse", "--decisions", str(folder / "rehearsal.jsonl"), *models)
    run("pytest", "-q", "-n", "0", "-m", "recorded", "-o", files, "tests", SANDBOX_DECISIONS=str(folder))
    return sorted(folder.glob("*.jsonl"))


def run(module: str, *words: str, **settings: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, *words], env={**os.environ, **settings}, check=False)
    if done.returncode:
        raise SystemExit(f"{module} ended with exit code {done.returncode}; nothing was recorded")


if __name__ == "__main__":
    main()
