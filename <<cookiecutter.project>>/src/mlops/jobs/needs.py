"""Meet a bundle's lock: check what the image has, install the rest beside the bundle.

The image's own packages are never changed, and two bundles in one job cannot disturb each other.
"""

import hashlib
import importlib
import importlib.metadata
import json
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LOCK = "requirements.txt"


class NeedsError(Exception):
    """The lock cannot be met."""


@dataclass(frozen=True)
class Pin:
    """One entry of a lock: the requirement, and the entry with its hashes as pip takes it."""

    requirement: str
    entry: str


def read_pins(text: str) -> list[Pin]:
    """Read a hashed lock: entries may go on after a backslash; comments and options are skipped."""
    lines = (line.strip() for line in text.replace("\\\n", " ").splitlines())
    entries = [line for line in lines if line and not line.startswith(("#", "--"))]
    return [Pin(entry.partition("--hash=")[0].strip(), entry) for entry in entries]


def unmet(pins: list[Pin]) -> list[Pin]:
    """Return the pins that apply to this interpreter and are not installed in that very version."""
    parse = _requirement_parser()
    missing = []
    for pin in pins:
        requirement = parse(pin.requirement)
        applies = requirement.marker is None or requirement.marker.evaluate()
        if applies and not _met(requirement):
            missing.append(pin)
    return missing


def missing(code: Path) -> list[Pin]:
    """Return what the lock in `code` names and the interpreter lacks."""
    lock = code / LOCK
    return unmet(read_pins(lock.read_text())) if lock.is_file() else []


def identity(pins: list[Pin]) -> str:
    """Name an installation by all that decides its content: the hashed pins, Python and the platform."""
    where = [sys.implementation.cache_tag, sysconfig.get_platform()]
    return hashlib.sha256(json.dumps([where, [pin.entry for pin in pins]]).encode()).hexdigest()


def install(pins: list[Pin], code: Path, site: Path) -> None:
    """Install into `site` what the interpreter lacks, checked by hash."""
    names = ", ".join(pin.requirement for pin in pins)
    print(f"installing {names}", flush=True)  # noqa: T201
    site.mkdir(parents=True, exist_ok=True)
    wanted = site / "missing.txt"
    wanted.write_text("".join(f"{pin.entry}\n" for pin in pins))
    done = subprocess.run(_pip(wanted, site, code / "wheels"), capture_output=True, text=True, check=False)
    if done.returncode:
        raise NeedsError(f"pip could not install {names}: {_last_error(done.stderr)}")


def _pip(wanted: Path, site: Path, wheels: Path) -> list[str]:
    offline = ["--no-index", "--find-links", str(wheels)] if wheels.is_dir() else []
    # A job imports a few of the modules, once: compiling all of them costs more than it saves.
    quiet = ["--quiet", "--no-input", "--disable-pip-version-check", "--no-compile"]
    install = [sys.executable, "-m", "pip", "install", *quiet, "--require-hashes", "--no-deps"]
    return [*install, *offline, "--target", str(site), "-r", str(wanted)]


def _last_error(stderr: str) -> str:
    lines = [line for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line or "No module named" in line]
    return (errors or lines or ["no message"])[-1]


def _met(requirement: Any) -> bool:
    try:
        version = importlib.metadata.version(requirement.name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return bool(requirement.specifier.contains(version, prereleases=True))


def _requirement_parser() -> Any:
    # Markers and versions have a grammar that only `packaging` reads in full. Images without it have pip,
    # which carries a copy; without pip nothing could be installed anyway.
    for name in ("packaging.requirements", "pip._vendor.packaging.requirements"):
        try:
            return importlib.import_module(name).Requirement
        except ImportError:
            continue
    raise NeedsError(f"neither packaging nor pip is installed for {sys.executable}: {LOCK} cannot be checked")
