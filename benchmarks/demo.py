"""`make demo` from a fresh clone with a fresh virtualenv, and once more: packages cached, as on a second day.

What a user would do otherwise has no command: AWS's samples need an account before their first line runs.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from measure import REPOSITORY, run, timed

FIRST, SECOND = 120, 45  # seconds


def main() -> None:
    """Clone, demo, demo."""
    with tempfile.TemporaryDirectory() as folder:
        clone = Path(folder) / "clone"
        run(["git", "clone", "-q", str(REPOSITORY), str(clone)], REPOSITORY)
        for what, budget in (("fresh clone to demo finished", FIRST), ("second demo", SECOND)):
            seconds = timed(lambda: run(["make", "demo"], clone))
            verdict = "within" if seconds <= budget else "OVER"
            print(f"{what}: {seconds:.0f} s ({verdict} {budget} s)", flush=True)


if __name__ == "__main__":
    main()
