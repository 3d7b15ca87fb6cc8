"""Which models a diff affects: those whose fingerprint changes, and no others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.errors import UsageError
from mlops.git import require_full_history
from mlops.plan import make_plan, plan_record, render_plan
from tests.conftest import commit, edit, git

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlops.plan import Plan


def plan_of(root: Path, base: str = "HEAD~1") -> Plan:
    return make_plan(root, git(root, "rev-parse", base), git(root, "rev-parse", "HEAD"))


def reasons(root: Path) -> dict[str, list[str]]:
    return {affected.model: affected.why for affected in plan_of(root).train}


@pytest.mark.parametrize(
    ("path", "old", "new", "why"),
    [
        ("train.py", "train", "Train", ["code or requirements changed"]),
        ("requirements.lock", "1.9.0", "1.9.1", ["code or requirements changed"]),
        ("model.yml", "depth: 3", "depth: 4", ["image or hyperparameters changed"]),
        (
            "data/rows.csv.dvc",
            "0cc175b9c0f1b6a831c399e269772661",
            "92eb5ffee6ae2fec3ad71c777531578f",
            ["data changed: 0cc175b9c0f1b6a831c399e269772661 → 92eb5ffee6ae2fec3ad71c777531578f"],
        ),
    ],
)
def test_what_changes_the_run_affects_the_model(
    root: Path, path: str, old: str, new: str, why: list[str]
) -> None:
    edit(root / "models/guess" / path, old, new)
    commit(root, "Change")
    assert reasons(root) == {"guess": why}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("description: Guesses", "description: Guesses well"),
        ("min: 0.5", "min: 0.6"),
        ("max_minutes: 10", "max_minutes: 9"),
    ],
)
def test_what_does_not_change_the_run_affects_nothing(root: Path, old: str, new: str) -> None:
    edit(root / "models/guess/model.yml", old, new)
    (root / "models/guess/README.md").write_text("more\n")
    commit(root, "Change")
    assert reasons(root) == {}
    assert render_plan(plan_of(root)) == "No model is affected."


def test_a_lib_affects_the_models_that_name_it(root: Path, make_model: Callable[[str], Path]) -> None:
    edit(make_model("second") / "model.yml", "train:", "libs: [maths]\ntrain:")
    (root / "libs/maths").mkdir(parents=True)
    (root / "libs/maths/__init__.py").write_text("ONE = 1\n")
    commit(root, "Add a lib")
    (root / "libs/maths/__init__.py").write_text("ONE = 2\n")
    commit(root, "Change it")
    assert reasons(root) == {"second": ["code or requirements changed"]}


def test_what_main_got_meanwhile_is_not_part_of_the_diff(root: Path) -> None:
    git(root, "checkout", "-q", "-b", "mine")
    (root / "note.md").write_text("mine\n")
    commit(root, "Mine")
    git(root, "checkout", "-q", "main")
    edit(root / "models/guess/train.py", "train", "Train")
    commit(root, "Theirs")
    plan = make_plan(root, git(root, "rev-parse", "main"), git(root, "rev-parse", "mine"))
    assert plan.train == []


def test_more_than_three_models_start_none(root: Path, make_model: Callable[[str], Path]) -> None:
    for model in ("ma", "mb", "mc", "md"):
        make_model(model)
    commit(root, "Add four")
    plan = plan_of(root)
    assert [affected.model for affected in plan.train] == ["ma", "mb", "mc", "md"]
    assert plan.starts == []
    assert render_plan(plan).endswith("Merging starts no training. Start one by hand: mlops train MODEL")


def test_a_manual_model_is_affected_but_not_started(root: Path) -> None:
    edit(root / "models/guess/model.yml", "max_minutes: 10", "max_minutes: 10\n  on_merge: manual")
    edit(root / "models/guess/train.py", "train", "Train")
    commit(root, "Change")
    assert plan_record(plan_of(root))["matrix"] == {"include": []}


def test_the_plan_says_the_most_that_a_run_may_use(root: Path) -> None:
    edit(root / "models/guess/train.py", "train", "Train")
    commit(root, "Change")
    assert render_plan(plan_of(root)) == (
        "guess: code or requirements changed; merging starts a run of at most 55 min of ml.m5.large."
    )


def test_moved_pins_are_listed(root: Path) -> None:
    (root / "releases/prod").mkdir(parents=True)
    (root / "releases/prod/guess.yml").write_text("x: 1\n")
    commit(root, "Pin")
    assert render_plan(plan_of(root)).splitlines()[-1] == "Moves the pin of guess in prod."


def test_a_removed_model_is_not_planned(root: Path) -> None:
    git(root, "rm", "-rq", "models/guess")
    commit(root, "Remove")
    assert reasons(root) == {}


def test_a_project_below_the_repository_root_is_planned(tmp_path: Path, root: Path) -> None:
    outer = tmp_path / "outer"
    outer.mkdir()
    git(outer, "init", "-q", "-b", "main")
    (root / ".git").rename(tmp_path / "gone")
    inner = root.rename(outer / "inner")
    commit(outer, "Start")
    edit(inner / "models/guess/train.py", "train", "Train")
    commit(outer, "Change")
    assert reasons(inner) == {"guess": ["code or requirements changed"]}


def test_a_shallow_clone_is_refused(root: Path, tmp_path: Path) -> None:
    commit(root, "Second")
    git(tmp_path, "clone", "-q", "--depth", "1", f"file://{root}", "shallow")
    with pytest.raises(
        UsageError, match=r"is a shallow clone; history is needed. Type: git fetch --unshallow"
    ):
        require_full_history(tmp_path / "shallow")


def test_an_unknown_base_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["plan", "--base", "nowhere"]) == 2
    assert capsys.readouterr().err == "mlops: 'nowhere' names no commit here. See: git branch --all\n"


def test_the_json_carries_the_matrix(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edit(root / "models/guess/train.py", "train", "Train")
    commit(root, "Change")
    assert cli.run(["plan", "--base", "HEAD~1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["matrix"] == {"include": [{"model": "guess"}]}
