"""A model in a few lines, and how SageMaker lays out what a job reads."""

import gzip
import hashlib
import io
import json
import tarfile
from pathlib import Path
from textwrap import dedent
from typing import Any

from mlops.gates import Gate

JOBS = Path(__file__).parents[2] / "src/mlops/jobs"

BUNDLE = {
    "prepare.py": """
        import argparse, pathlib
        parser = argparse.ArgumentParser()
        parser.add_argument("--input", type=pathlib.Path)
        parser.add_argument("--output", type=pathlib.Path)
        options = parser.parse_args()
        rows = (options.input / "rows.csv").read_text()
        for side in ("train", "validation", "test"):
            (options.output / side / "features.csv").write_text(rows)
            (options.output / side / "truth.csv").write_text(rows.replace("x", "y", 1))
        seen = sorted(path.name for path in options.input.iterdir())
        (options.output / "train/seen.txt").write_text(" ".join(seen))
        """,
    "train.py": """
        import os, pathlib, sys
        print("arguments", *sys.argv[1:])
        weights = (pathlib.Path(os.environ["SM_CHANNEL_TRAIN"]) / "features.csv").read_text()
        (pathlib.Path(os.environ["SM_MODEL_DIR"]) / "weights.txt").write_text(weights)
        """,
    "inference.py": """
        import pathlib
        def model_fn(model_dir): return float((pathlib.Path(model_dir) / "offset.txt").read_text())
        def input_fn(body, content_type): return [float(line) for line in body.decode().split()[1:]]
        def predict_fn(data, model): return [value + model for value in data]
        def output_fn(prediction, accept): return "".join(f"{value}\\n" for value in ["y", *prediction])
        """,
    "evaluate.py": """
        def metrics(truth, predictions):
            return {"error": (truth["y"] - predictions["y"]).abs().mean(), "rows": len(truth)}
        """,
}


def resolve_gate(**parts: Any) -> dict[str, Any]:
    """The gate of the little model as jobs read it."""
    few = {"resamples": 200, **parts.pop("champion", {})}  # draws, so that tests are quick
    metrics = [{"metric": "error", "max": 0.6}]
    return Gate.model_validate({"metrics": metrics, "champion": few, **parts}).resolve()


SPEC: dict[str, Any] = {
    "schema": 1,
    "model": "adder",
    "project": "acme",
    "region": "eu-west-1",
    "image": "111111111111.dkr.ecr.eu-west-1.amazonaws.com/image:1",
    "hyperparameters": {},
    "gate": resolve_gate(),
    "package_group": "acme-adder",
    "releases_bucket": "acme-releases",
}
PROFILE: dict[str, Any] = {
    "rows": {"train": 2, "validation": 2, "test": 2},
    "side": "train",
    "profiled": 2,
    "columns": [{"name": "x", "kind": "integer", "missing": 0.0, "distinct": 2, "values": {}, "rest": 2}],
    "left_out": 0,
}
EVALUATION = {
    "schema": 3,
    "passed": True,
    "reason": "all 7 gates passed",
    "metrics": {"error": {"value": 0.5, "low": 0.4, "high": 0.6}, "odd": {"value": None}},
}


def write_json(path: Path, content: Any) -> None:
    """Write a JSON file and its folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def write_files(folder: Path, files: dict[str, bytes]) -> None:
    """Write files and their folders."""
    for name, content in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def write_archive(path: Path, files: dict[str, bytes]) -> None:
    """Write a .tar.gz."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(tar(files)))


def write_dataset(folder: Path, files: dict[str, bytes]) -> None:
    """Write a published dataset version."""
    write_files(folder, files)
    entries = [
        {"path": name, "size": len(content), "md5": hashlib.md5(content).hexdigest(), "sha256": None}  # noqa: S324
        for name, content in sorted(files.items())
    ]
    write_json(folder / "manifest.json", {"schema": 1, "dataset": "adder", "version": "v", "files": entries})


def tar(files: dict[str, bytes]) -> bytes:
    """Pack files into a tar in memory."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
    return buffer.getvalue()


def write_bundle(folder: Path, **changes: str) -> Path:
    """Pack the little model above, with other texts for some of its scripts or its `requirements`."""
    scripts = {f"{name}.py": text for name, text in changes.items() if name != "requirements"}
    files = {**BUNDLE, **scripts, "requirements.txt": changes.get("requirements", "")}
    return pack_bundle(folder, {name: dedent(text).encode() for name, text in files.items()})


def pack_bundle(folder: Path, files: dict[str, bytes]) -> Path:
    """Pack a bundle, named by the hash of its tar as the tool names it; it replaces what was there."""
    content = tar(files)
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    path = folder / f"{hashlib.sha256(content).hexdigest()}.tar.gz"
    path.write_bytes(gzip.compress(content, mtime=0))
    return path
