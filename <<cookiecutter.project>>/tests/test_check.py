"""Every rule of `mlops check`, from the refusing side."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.pin import dump_pin
from tests.conftest import commit, edit
from tests.test_pin import make_guess

if TYPE_CHECKING:
    from pathlib import Path


def findings(capsys: pytest.CaptureFixture[str]) -> list[str]:
    cli.run(["check", "--json"])
    return [f"{row['path']}: {row['message']}" for row in json.loads(capsys.readouterr().out)]


def write_pin(root: Path, environment: str, text: str) -> None:
    path = root / f"releases/{environment}/guess.yml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def test_a_sound_project_has_no_findings(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pin(root, "staging", dump_pin(make_guess()))
    write_pin(root, "prod", dump_pin(make_guess()))
    assert cli.run(["check"]) == 0
    assert capsys.readouterr().out == "0 findings in 1 models and 2 pins\n"


@pytest.mark.parametrize(
    ("path", "old", "new", "message"),
    [
        ("model.yml", "train:", "trian:", "models/guess/model.yml: unknown key 'trian'"),
        ("model.yml", "1.9-0", "0.1-0", "image: sklearn '0.1-0' is not known; allowed: 1.9-0"),
        (
            "model.yml",
            'framework: sklearn, version: "1.9-0"',
            "uri: 123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1",
            "amazonaws.com/own:1' names a tag, which can be moved to other content",
        ),
        ("model.yml", "depth: 3", "api_token: abc", "train.hyperparameters.api_token: looks like a secret"),
        (
            "model.yml",
            "depth: 3",
            "key: AKIAABCDEFGHIJKLMNOP",
            "train.hyperparameters.key: looks like a secret",
        ),
        (
            "requirements.lock",
            "1.9.0",
            "1.8.0",
            "scikit-learn: found '1.8.0', but image sagemaker-scikit-learn:1.9-0-cpu-py3 has '1.9.0'",
        ),
        ("data/rows.csv.dvc", "outs", "ouch", "needs exactly one entry under 'outs'"),
    ],
)
def test_a_broken_rule_is_a_finding(
    root: Path, path: str, old: str, new: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(root / "models/guess" / path, old, new)
    found = findings(capsys)
    assert any(message in finding for finding in found), found


def test_findings_are_exit_1_and_a_line_each(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "models/guess/train.py").unlink()
    (root / "models/guess/data/rows.csv.dvc").unlink()
    assert cli.run(["check"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 3
    assert lines[-1] == "2 findings in 1 models and 0 pins"


def test_a_folder_without_a_spec_is_a_finding(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "models/draft").mkdir()
    assert findings(capsys) == ["models/draft/model.yml: models/draft/model.yml: no such file"]


def test_a_folder_that_is_no_model_name_is_a_finding(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (root / "models/Draft_1").mkdir()
    assert "'Draft_1' is no model name" in findings(capsys)[0]


def test_a_lock_may_differ_outside_the_image(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pins = ("numpy==2.4.6 ; python_full_version < '3.12'", "numpy==2.5.1 ; python_full_version >= '3.12'")
    lock = "".join(f"{pin} \\\n    --hash=sha256:00\n" for pin in pins)
    (root / "models/guess/requirements.lock").write_text(lock)
    assert findings(capsys) == []


def test_a_pin_edited_by_hand_is_a_finding(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pin(root, "staging", dump_pin(make_guess()).replace("size: 7", "size: 8"))
    assert "the pin was edited by hand" in findings(capsys)[0]


def test_a_pin_whose_image_is_a_tag_is_a_finding(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    image = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/own:1"
    write_pin(root, "staging", dump_pin(make_guess(image=image)))
    (found,) = findings(capsys)
    assert found.startswith(f"releases/staging/guess.yml: image '{image}' names a tag")


def test_a_pin_of_no_environment_is_a_finding(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pin(root, "moon", dump_pin(make_guess()))
    assert findings(capsys) == ["releases/moon/guess.yml: 'moon' is no environment; allowed: staging, prod"]


def test_a_prod_pin_that_was_never_in_staging_is_a_finding(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pin(root, "prod", dump_pin(make_guess()))
    assert (
        "was never pinned in staging. Promote it there first: mlops propose guess --to staging"
        in findings(capsys)[0]
    )


def test_a_prod_pin_may_be_an_earlier_one_of_staging(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_pin(root, "staging", dump_pin(make_guess()))
    commit(root, "Pin")
    write_pin(root, "staging", dump_pin(make_guess(data="e" * 32)))
    commit(root, "Pin the next")
    write_pin(root, "prod", dump_pin(make_guess()))
    assert findings(capsys) == []
