"""Runs the commands of one build, one after the other, in one environment: what CodeBuild's agent does.

    python agent.py FOLDER

Standard library only: it is started by path, as the build's first process. FOLDER/steps is a pipe that gives
a command a line; FOLDER/<number>.json tells how it ended. What a command exports, and where it has gone,
the next one finds; what it left running stays until the build ends.
"""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

# a variable that a command sets is there for the next one, exported or not, as in one and the same shell
SCRIPT = "trap 'code=$?; env -0 > {left}; pwd -P > {place}; exit $code' EXIT; set -a; eval {command}"
OWN = ("_", "code", "SHLVL", "PWD", "OLDPWD")


def main(folder: Path) -> None:
    """Serve commands until the pipe is closed."""
    start = json.loads((folder / "start.json").read_text(encoding="utf-8"))
    environment: dict[str, str] = start["environment"]
    place: str = start["place"]
    with (folder / "steps").open(encoding="utf-8") as steps:
        for number, line in enumerate(steps):
            step = json.loads(line)
            environment.update(step["set"])
            code, environment, place = run(folder, start["shell"], step["command"], environment, place)
            write(folder / f"{number}.json", {"code": code, "environment": environment})


def run(
    folder: Path, shell: str, command: str, environment: dict[str, str], place: str
) -> tuple[int, dict[str, str], str]:
    """Run one command; its exit code, and the environment and folder that it leaves."""
    left, went = folder / "left", folder / "place"
    left.unlink(missing_ok=True)
    script = SCRIPT.format(
        left=shlex.quote(str(left)), place=shlex.quote(str(went)), command=shlex.quote(command)
    )
    done = subprocess.run([shell, "-c", script], env=environment, cwd=place, check=False)
    code = done.returncode if done.returncode >= 0 else 128 - done.returncode
    if left.exists():  # not after `exec`, or a trap of the command's own
        entries = (entry.split("=", 1) for entry in left.read_bytes().decode(errors="replace").split("\0"))
        kept = {entry[0]: entry[1] for entry in entries if len(entry) == 2 and entry[0] not in OWN}
        environment = kept
        place = went.read_text(encoding="utf-8").rstrip("\n")
    return code, environment, place if Path(place).is_dir() else os.getcwd()  # noqa: PTH109


def write(path: Path, document: dict[str, Any]) -> None:
    """Write a file whole or not at all."""
    partial = path.with_suffix(".part")
    partial.write_text(json.dumps(document), encoding="utf-8")
    partial.replace(path)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
