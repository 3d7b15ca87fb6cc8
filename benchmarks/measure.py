"""Time commands and calls the same way in every benchmark; print a budget and a ratio for each."""

from __future__ import annotations

import os
import statistics
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

REPOSITORY = Path(__file__).resolve().parent.parent
PAYLOAD = REPOSITORY / "<<cookiecutter.project>>"


@dataclass(frozen=True)
class Result:
    """One thing measured in one run beside what a user would do otherwise; times in seconds."""

    what: str
    seconds: float
    instead: str
    instead_seconds: float
    budget: float

    def __str__(self) -> str:
        """One line: time, budget, ratio."""
        verdict = "within" if self.seconds <= self.budget else "OVER"
        ratio = self.instead_seconds / self.seconds
        return (
            f"{self.what}: {self.seconds:.3f} s ({verdict} {self.budget:g} s); "
            f"{self.instead}: {self.instead_seconds:.3f} s; {ratio:.1f}x"
        )


def median_seconds(act: Callable[[], object], repeats: int = 5) -> float:
    """The median time of an act, after one run to warm caches."""
    act()
    return statistics.median(timed(act) for _ in range(repeats))


def timed(act: Callable[[], object]) -> float:
    """How long one call takes."""
    begun = time.perf_counter()
    act()
    return time.perf_counter() - begun


def run(command: Sequence[str], folder: Path, **environment: str) -> str:
    """Run a command to its end; its output. Bytecode is kept, as on a user's machine."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        command, cwd=folder, env={**inherited, **environment}, capture_output=True, text=True, check=False
    )
    if done.returncode not in (0, 1):
        raise SystemExit(f"{' '.join(command)}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
