"""The prepare job believes no byte that the manifest does not vouch for."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs.layout import write_bundle


def run(ml: Path, tmp_path: Path) -> None:
    import prepare

    prepare.run(ml, tmp_path / "work")


def refusal(ml: Path, tmp_path: Path) -> str:
    import job

    with pytest.raises(job.JobError) as caught:
        run(ml, tmp_path)
    return str(caught.value)


def edit_manifest(ml: Path, **changes: object) -> None:
    path = ml / "processing/input/data/manifest.json"
    manifest = json.loads(path.read_text())
    manifest["files"][0].update(changes)
    path.write_text(json.dumps(manifest))


def test_the_sides_are_written(ml: Path, tmp_path: Path) -> None:
    run(ml, tmp_path)
    assert (ml / "processing/output/test/truth.csv").read_text() == "y\n1\n2\n"


def test_the_script_sees_what_the_manifest_names_and_nothing_else(ml: Path, tmp_path: Path) -> None:
    (ml / "processing/input/data/left-over.csv").write_text("stray")
    run(ml, tmp_path)
    assert (ml / "processing/output/train/seen.txt").read_text() == "rows.csv"


def test_a_dataset_without_manifest_is_refused(ml: Path, tmp_path: Path) -> None:
    (ml / "processing/input/data/manifest.json").unlink()
    assert (
        refusal(ml, tmp_path)
        == "the dataset has no manifest.json, which is published last. Type: mlops data publish"
    )


def test_a_changed_file_is_refused_by_md5(ml: Path, tmp_path: Path) -> None:
    (ml / "processing/input/data/rows.csv").write_text("x\n1\n3\n")
    assert refusal(ml, tmp_path).startswith("'rows.csv' has md5 ")


def test_sha256_decides_where_it_is_known(ml: Path, tmp_path: Path) -> None:
    edit_manifest(ml, sha256="0" * 64)
    assert refusal(ml, tmp_path).startswith("'rows.csv' has sha256 ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"size": 7}, "'rows.csv' has 6 bytes, manifest.json says 7"),
        ({"path": "gone.csv"}, "'gone.csv' is in manifest.json but not in the dataset"),
        (
            {"path": "../spec/5bec.json"},
            "manifest.json names '../spec/5bec.json', which is outside the dataset",
        ),
    ],
)
def test_a_manifest_that_does_not_fit_is_refused(
    change: dict[str, object], message: str, ml: Path, tmp_path: Path
) -> None:
    edit_manifest(ml, **change)
    assert refusal(ml, tmp_path) == message


def test_a_bundle_whose_content_is_not_its_name_is_refused(ml: Path, tmp_path: Path) -> None:
    [bundle] = (ml / "processing/input/bundle").iterdir()
    bundle.rename(bundle.with_name(f"{'0' * 64}.tar.gz"))
    assert "not the one its name promises" in refusal(ml, tmp_path)


def test_two_bundles_are_refused(ml: Path, tmp_path: Path) -> None:
    (ml / "processing/input/bundle/second.tar.gz").touch()
    assert refusal(ml, tmp_path).startswith("input 'bundle' must hold exactly one *.tar.gz, found ")


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("import sys\nsys.exit('column x: 7 is odd')", "prepare.py: column x: 7 is odd"),
        ("raise KeyError('x')", "prepare.py: KeyError: 'x'"),
        ("import os\nos._exit(3)", "prepare.py: exit status 3, nothing on stderr"),
        ("pass", "prepare.py wrote nothing to train/"),
    ],
)
def test_the_reason_is_the_last_thing_the_script_said(
    script: str, message: str, ml: Path, tmp_path: Path
) -> None:
    write_bundle(ml / "processing/input/bundle", prepare=script)
    assert refusal(ml, tmp_path) == message


def test_the_program_finds_its_folders_and_leaves_its_reason(ml: Path) -> None:
    (ml / "processing/input/data/manifest.json").unlink()
    command = [sys.executable, str(ml / "processing/input/jobs/prepare.py")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert (ml / "output/message").read_text() == done.stderr.strip()
    assert done.stderr.startswith("the dataset has no manifest.json")


def test_test_rows_that_stand_in_train_are_counted_for_the_gate(ml: Path, tmp_path: Path) -> None:
    """The little model writes the same two rows to every side."""
    import prepare

    prepare.run(ml, tmp_path / "work")
    found = json.loads((ml / "processing/output/test/overlap.json").read_text())
    assert found == {"shared": 2, "files": 1}
