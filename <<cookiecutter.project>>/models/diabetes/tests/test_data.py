"""The dataset that is put in place is the one the pointer names, and on it the gate means something."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest
import yaml

MODEL = Path(__file__).parents[1]
GATE = yaml.safe_load((MODEL / "model.yml").read_text())["gate"]["metrics"]
Load = Callable[[str], ModuleType]


@pytest.fixture
def raw(load: Load, tmp_path: Path) -> Path:
    """The real dataset, as a job finds it."""
    fetched: Path = load("data/fetch").fetch(tmp_path)
    return fetched if fetched.is_dir() else fetched.parent


def missed(load: Load, raw: Path, **hyperparameters: float) -> list[str]:
    """Train on the real data and list the metrics that miss the gate."""
    load("prepare").prepare(raw, raw / "sides")
    train, handler = load("train"), load("inference")
    features, truth = train.read_side(raw / "sides/train")
    pipeline = train.fit(features, truth, hyperparameters.get("alpha", train.ALPHA))
    train.save(pipeline, list(features.columns), raw / "model")
    answer = handler.predict_fn(
        handler.input_fn((raw / "sides/test/features.csv").read_bytes(), "text/csv"),
        handler.model_fn(str(raw / "model")),
    )
    test_truth = pd.read_csv(raw / "sides/test/truth.csv")
    found = load("evaluate").metrics(test_truth, pd.DataFrame(answer))
    return [rule["metric"] for rule in GATE if not holds(rule, found[rule["metric"]])]


def holds(rule: dict[str, Any], value: float) -> bool:
    return bool(rule.get("min", value) <= value <= rule.get("max", value))


def test_the_real_data_passes_the_gate(load: Load, raw: Path) -> None:
    assert missed(load, raw) == []


def test_a_bad_hyperparameter_does_not_pass_the_gate(load: Load, raw: Path) -> None:
    assert missed(load, raw, alpha=1000.0) == ["rmse", "mae", "r2"]


def test_other_bytes_than_the_pointers_are_refused(
    load: Load, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fetch = load("data/fetch")
    pointer = tmp_path / "other.dvc"
    pointer.write_text(fetch.POINTER.read_text().replace("md5: ", "md5: 0"))
    monkeypatch.setattr(fetch, "POINTER", pointer)
    with pytest.raises(SystemExit) as caught:
        fetch.fetch(tmp_path)
    assert "of the installed scikit-learn has md5 " in str(caught.value)
    assert list(tmp_path.iterdir()) == [pointer]


def test_the_sample_is_part_of_the_dataset(load: Load, raw: Path, tmp_path: Path) -> None:
    prepare = load("prepare").prepare
    prepare(raw, tmp_path / "whole")
    prepare(MODEL / "sample", tmp_path / "part")
    rows = {
        name: set((tmp_path / name / "train/features.csv").read_text().splitlines())
        for name in ("whole", "part")
    }
    assert rows["part"] < rows["whole"]
