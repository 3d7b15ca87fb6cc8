"""Hand what the first job of a run installed on to the others: an index is asked once a run.

The archive is named after the lock's hashes, Python and the platform: a job with another of these (for a
champion's lock, or on an instance of another kind) finds none of that name and installs for itself.
"""

import json
from pathlib import Path

import needs
import pack

FOLDER = "packages"
FAST = 1  # gzip's level: the archive lives as long as the run


def hand_on(code: Path, site: Path, output: Path) -> None:
    """Pack what was installed for `code`, before any of the model's scripts runs; and say what it is."""
    pins = needs.missing(code)
    output.mkdir(parents=True, exist_ok=True)
    if pins:
        pack.write(installed(site), output / f"{needs.identity(pins)}.tar.gz", FAST)
    # S3 knows no empty folder: there is always something to read.
    names = [pin.requirement for pin in pins]
    (output / "packages.json").write_text(json.dumps({"installed": names}) + "\n")


def installed(site: Path) -> list[tuple[str, Path]]:
    """List what can be imported; commands in bin/ name the interpreter of the job that installed them."""
    return [(name, path) for name, path in pack.files_of(site) if not name.startswith("bin/")]
