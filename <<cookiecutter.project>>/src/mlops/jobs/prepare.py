"""Prepare job: verify the dataset against its manifest, then run the model's prepare.py on it."""

import json
import tempfile
from pathlib import Path
from typing import Any

import handed
import job
import overlap
import profiles

SIDES = ("train", "validation", "test")
MANIFEST = "manifest.json"


def run(ml: Path, work: Path) -> None:
    """Write the three sides to the job's outputs, and what the lock needed."""
    inputs, outputs = ml / "processing/input", ml / "processing/output"
    data = stage(inputs / "data", work / "data")
    code = job.open_bundle(inputs / "bundle", work)
    handed.hand_on(code.folder, work / "site", outputs / handed.FOLDER)
    for side in SIDES:
        (outputs / side).mkdir(parents=True, exist_ok=True)
    job.run_script(code, [code.folder / "prepare.py", "--input", data, "--output", outputs])
    check_sides(outputs)
    shared = overlap.find(outputs / "train", outputs / "test/features.csv")
    for name, content in ((overlap.FILE, shared), (profiles.FILE, profiles.describe(outputs))):
        (outputs / "test" / name).write_text(json.dumps(content) + "\n")


def stage(source: Path, folder: Path) -> Path:
    """Verify every file that the manifest names and show the script these and no others."""
    if not (source / MANIFEST).is_file():
        published = "which is published last. Type: mlops data publish"
        raise job.JobError(f"the dataset has no {MANIFEST}, {published}")
    files = job.read_json(source / MANIFEST)["files"]
    if not files:
        raise job.JobError(f"{MANIFEST} names no files")
    for entry in files:
        original, target = source / entry["path"], folder / entry["path"]
        verify(original, entry)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.symlink_to(original)
    return folder


def verify(path: Path, entry: dict[str, Any]) -> None:
    """Compare a file with its manifest entry; sha256 decides where it is known, md5 otherwise."""
    name = entry["path"]
    if Path(name).is_absolute() or ".." in Path(name).parts:
        raise job.JobError(f"{MANIFEST} names {name!r}, which is outside the dataset")
    if not path.is_file():
        raise job.JobError(f"{name!r} is in {MANIFEST} but not in the dataset")
    if path.stat().st_size != entry["size"]:
        raise job.JobError(f"{name!r} has {path.stat().st_size} bytes, {MANIFEST} says {entry['size']}")
    algorithm = "sha256" if entry.get("sha256") else "md5"
    found = job.digest(path, algorithm)
    if found != entry[algorithm]:
        raise job.JobError(f"{name!r} has {algorithm} {found}, {MANIFEST} says {entry[algorithm]}")


def check_sides(outputs: Path) -> None:
    """Refuse a prepare.py that left a side empty or the test side without features and truth."""
    for side in SIDES:
        if not any((outputs / side).iterdir()):
            raise job.JobError(f"prepare.py wrote nothing to {side}/")
    for name in ("features.csv", "truth.csv"):
        if not (outputs / "test" / name).is_file():
            raise job.JobError(f"prepare.py wrote no test/{name}")


def main() -> None:
    """Run as SageMaker runs it."""
    with tempfile.TemporaryDirectory() as work:
        job.guarded(lambda: run(job.ML, Path(work)), job.ML / "output/message")


if __name__ == "__main__":
    main()
