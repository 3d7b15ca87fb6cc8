"""Put the dataset beside its pointer: the bytes come from the installed scikit-learn, no network needed.

python models/diabetes/data/fetch.py
"""

import hashlib
import json
import sys
from importlib import resources
from pathlib import Path

import yaml

POINTER = Path(__file__).with_name("diabetes.dvc")
FILES = ("diabetes_data_raw.csv.gz", "diabetes_target.csv.gz")


def md5(content: bytes) -> str:
    """Hash as DVC does."""
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def directory_md5(contents: dict[str, bytes]) -> str:
    """Hash a directory as DVC does: the md5 of its listing as JSON, and `.dir`."""
    listing = [{"md5": md5(contents[name]), "relpath": name} for name in sorted(contents)]
    return md5(json.dumps(listing, sort_keys=True).encode()) + ".dir"


def fetch(folder: Path) -> Path:
    """Copy the files; refuse bytes that are not the version the pointer names."""
    [out] = yaml.safe_load(POINTER.read_text())["outs"]
    contents = {name: resources.files("sklearn.datasets.data").joinpath(name).read_bytes() for name in FILES}
    found = directory_md5(contents)
    if found != out["md5"]:
        sys.exit(
            f"{out['path']} of the installed scikit-learn has md5 {found}, {POINTER.name} says {out['md5']}. "
            "Install the version in requirements.lock"
        )
    target = folder / str(out["path"])
    target.mkdir(exist_ok=True)
    for name, content in contents.items():
        (target / name).write_bytes(content)
    return target


if __name__ == "__main__":
    print(fetch(POINTER.parent))
