"""A new model: complete at once, or not there at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.new import SCAFFOLD

if TYPE_CHECKING:
    from pathlib import Path


def test_a_new_model_passes_check_at_once(root: Path) -> None:
    assert cli.run(["new", "fresh-one"]) == 0
    assert cli.run(["check"]) == 0


def test_a_new_model_has_every_file_of_the_scaffold(root: Path) -> None:
    cli.run(["new", "fresh-one"])
    made = {path.relative_to(root / "models/fresh-one") for path in (root / "models/fresh-one").rglob("*")}
    expected = {path.relative_to(SCAFFOLD) for path in SCAFFOLD.rglob("*") if "__pycache__" not in path.parts}
    assert made == expected
    assert not list((root / "models").glob(".new-*"))


def test_no_token_of_the_scaffold_is_left(root: Path) -> None:
    cli.run(["new", "fresh-one"])
    texts = [
        path.read_text()
        for path in (root / "models/fresh-one").rglob("*")
        if path.suffix in {".yml", ".md", ".py"}
    ]
    assert not any("MODEL_NAME" in text for text in texts)
    assert any("fresh-one" in text for text in texts)


def test_a_model_can_be_made_from_another(root: Path) -> None:
    (root / "models/guess/train.py").write_text('"""Train guess, not guesswork."""\n')
    assert cli.run(["new", "second", "--from", "guess"]) == 0
    assert (root / "models/second/train.py").read_text() == '"""Train second, not guesswork."""\n'
    assert cli.run(["check"]) == 0


def test_a_new_model_gets_its_owner_once(root: Path) -> None:
    (root / ".github").mkdir()
    (root / ".github/CODEOWNERS").write_text("* @acme/ml\n")
    cli.run(["new", "second"])
    assert (root / ".github/CODEOWNERS").read_text() == "* @acme/ml\n/models/second/ @acme/ml\n"


def test_a_name_by_which_policies_could_mistake_environments_is_refused(
    root: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["new", "churn-staging"]) == 2
    assert "has the word 'staging', by which names on AWS tell environments apart" in capsys.readouterr().err


@pytest.mark.parametrize(
    "name", ["x", "Upper", "under_score", "two--hyphens", "-lead", "trail-", "a" * 18, "../up"]
)
def test_a_bad_name_is_refused(name: str, root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["new", "--", name]) == 2
    assert (
        f"{name!r} is no model name; allowed: 2 to 17 of a-z, 0-9 and single hyphens"
        in capsys.readouterr().err
    )


def test_an_existing_model_is_not_overwritten(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["new", "guess"]) == 2
    expected = "mlops: models/guess exists already; there are: guess. Choose another name\n"
    assert capsys.readouterr().err == expected
