"""Record what the roles of the loop ask for: `python -m sandbox.record`, or `make record`.

Rehearses the project's models, then runs the tests whose verbs act as the roles whose job they are, and
writes each kind of decision once into tests/recorded/decisions.jsonl. `--check FILE` says which kinds of a
rehearsal's decisions the record lacks.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.kinds import RECORD, kinds, read_line


def main(arguments: list[str] | None = None) -> None:
    """Record, or compare with the record."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.record", description=__doc__.splitlines()[0])
    parser.add_argument("--check", type=Path, metavar="FILE", help="name what the record lacks of FILE")
    parser.add_argument("--of", type=Path, metavar="FILE", nargs="+", help="record FILEs; run nothing")
    chosen = parser.parse_args(arguments)
    if chosen.check:
        check(read_lines([chosen.check]))
        return
    with tempfile.TemporaryDirectory() as folder:
        lines = read_lines(chosen.of or [run_all(Path(folder) / "decisions.jsonl")])
    RECORD.write_text("".join(f"{kind.line()}\n" for kind in kinds(lines)), encoding="utf-8")
    sys.stdout.write(f"{RECORD}: {len(kinds(lines))} kinds of decisions, of {len(lines)}\n")


def read_lines(files: list[Path]) -> list[str]:
    return [line for file in files for line in file.read_text(encoding="utf-8").splitlines()]


def check(lines: list[str]) -> None:
    """Stop when a run did what the record does not have."""
    known = {read_line(line).line() for line in RECORD.read_text(encoding="utf-8").splitlines()}
    lacking = [kind.line() for kind in kinds(lines) if kind.line() not in known]
    if lacking:
        raise SystemExit(
            "\n".join([*lacking, f"{RECORD} lacks these {len(lacking)}; record anew: make record"])
        )
    sys.stdout.write(f"{RECORD} has all {len(kinds(lines))} kinds of this run\n")


def run_all(file: Path) -> Path:
    """The rehearsal of every model that can be rehearsed, and each verb as the role whose job it is."""
    models = sorted(path.parent.name for path in Path("models").glob("*/rehearsal.yml"))
    run("sandbox.rehearse", "--decisions", str(file), *models)
    run("pytest", "-q", "-n", "0", "-m", "recorded", "tests", SANDBOX_DECISIONS=str(file))
    return file


def run(module: str, *words: str, **settings: str) -> None:
    done = subprocess.run([sys.executable, "-m", module, *words], env={**os.environ, **settings}, check=False)
    if done.returncode:
        raise SystemExit(f"{module} ended with exit code {done.returncode}; nothing was recorded")


if __name__ == "__main__":
    main()
