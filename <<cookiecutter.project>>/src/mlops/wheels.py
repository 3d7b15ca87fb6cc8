"""Wheels that travel in a model's bundle, for jobs and endpoints in a network that reaches no package index.

`python -m mlops.wheels [MODEL …]`, or `make wheels` for all, downloads what the lock names and the image
lacks into models/<model>/wheels, checked by hash.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from mlops.bundle import LOCK, WHEELS
from mlops.digests import sha256_hex
from mlops.errors import MlopsError
from mlops.images import framework_image
from mlops.locks import PINNED, applies
from mlops.project import find_root
from mlops.spec import read_spec
from mlops.workspace import list_models, require_model

if TYPE_CHECKING:
    from mlops.images import FrameworkImage

# What AWS's framework images run on: glibc 2.28 and later, 64 bits of Intel or AMD
PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "manylinux2014_x86_64", "linux_x86_64")


def needed(lock: str, image: FrameworkImage) -> dict[str, str]:
    """What a lock installs beside the image's own: `name==version` → its whole entry, hashes too."""
    entries = (line.strip() for line in lock.replace("\\\n", " ").splitlines())
    found = {}
    for entry in entries:
        pin = PINNED.match(entry)
        if not pin or not applies((pin["marker"] or "").partition("--hash=")[0], image.python):
            continue
        name = canonicalize_name(pin["name"])
        if image.packages.get(name) != pin["version"]:
            found[f"{name}=={pin['version']}"] = entry
    return found


def find_missing(folder: Path, lock: str, image: FrameworkImage) -> list[str]:
    """What the wheels of a model lack, one message each; empty when its jobs need no index."""
    there = {path: describe_wheel(path) for path in sorted(folder.glob("*.whl"))}
    wrong = [
        f"{path.name}: its SHA-256 is not one that {LOCK} names. Type: make wheels"
        for path in there
        if f"sha256:{sha256_hex(path.read_bytes())}" not in lock
    ]
    lacking = [pin for pin in needed(lock, image) if pin not in there.values()]
    return wrong + [
        f"{pin} has no wheel in {WHEELS}/, and the network of project.yml reaches no package index. "
        "Type: make wheels"
        for pin in lacking
    ]


def describe_wheel(path: Path) -> str:
    """The package and version of a wheel, as a lock pins it; empty for a file that is named otherwise."""
    try:
        name, version, _, _ = parse_wheel_filename(path.name)
    except InvalidWheelFilename:
        return ""
    return f"{name}=={version}"


def download(root: Path, model: str) -> list[str]:
    """Download a model's wheels in the place of those that are there; their names."""
    image = framework_image(read_spec(root, model).image)
    if image is None:
        raise MlopsError(
            f"models/{model}/model.yml: what image.uri has installed is not known here; install all that "
            f"{LOCK} names into the image, or put the wheels into models/{model}/{WHEELS} yourself"
        )
    folder = root / "models" / model / WHEELS
    entries = needed((root / "models" / model / LOCK).read_text(encoding="utf-8"), image)
    with tempfile.TemporaryDirectory() as scratch:
        fetched = fetch(list(entries.values()), image.python, Path(scratch)) if entries else []
        folder.mkdir(exist_ok=True)
        for path in folder.glob("*.whl"):
            path.unlink()
        for path in fetched:
            (folder / path.name).write_bytes(path.read_bytes())
    return [path.name for path in fetched]


def fetch(entries: list[str], python: str, scratch: Path) -> list[Path]:
    """Let pip download wheels for the image's Python. Raises MlopsError with pip's last word."""
    wanted = scratch / "wanted.txt"
    # the markers hold in the image, whatever machine this is
    wanted.write_text("".join(f"{without_marker(entry)}\n" for entry in entries), encoding="utf-8")
    version = python.replace(".", "")
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
    command += ["--no-deps", "--require-hashes", "--only-binary=:all:", "--python-version", python]
    command += ["--implementation", "cp", *words("--abi", (f"cp{version}", "abi3", "none"))]
    command += [*words("--platform", (*PLATFORMS, "any")), "--dest", str(scratch), "-r", str(wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "ERROR" in line] or ["no message"]
        raise MlopsError(f"pip found no wheel for Python {python} on Linux: {said[-1].strip()}")
    return sorted(scratch.glob("*.whl"))


def without_marker(entry: str) -> str:
    """An entry of a lock without its marker."""
    requirement, hashes, digests = entry.partition("--hash=")
    return f"{requirement.partition(';')[0].strip()} {hashes}{digests}"


def words(option: str, values: tuple[str, ...]) -> list[str]:
    """An option given once for each value."""
    return [word for value in values for word in (option, value)]


def main() -> None:
    """Download the wheels of the models named, or of every one."""
    root = find_root()
    for model in [require_model(root, name) for name in sys.argv[1:]] or list_models(root):
        found = download(root, model)
        print(f"models/{model}/{WHEELS}: {len(found)} wheels")  # noqa: T201


if __name__ == "__main__":
    try:
        main()
    except MlopsError as error:
        sys.exit(str(error))
