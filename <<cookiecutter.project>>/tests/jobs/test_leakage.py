"""Labels among the features and test rows among the training rows are found."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.jobs.layout import write_files


def find(features: dict[str, Any], label: Any, *trusted: str) -> list[dict[str, str]]:
    import leakage

    noise = np.random.default_rng(0).random(len(label))
    return leakage.find(pd.DataFrame({"noise": noise, **features}), pd.DataFrame({"y": label}), trusted)


LABEL = np.arange(40) % 2
SCORE = np.random.default_rng(1).permutation(40) / 7


@pytest.mark.parametrize(
    ("feature", "label", "how"),
    [
        (LABEL, LABEL, "equals"),
        (LABEL.astype(float), LABEL, "equals"),
        (np.array(["no", "yes"])[LABEL], np.array(["no", "yes"])[LABEL], "equals"),
        (LABEL * 5 + np.linspace(0, 1, 40), LABEL, "perfectly ranks"),
        (-SCORE, SCORE, "perfectly ranks"),
        (np.exp(SCORE), SCORE, "perfectly ranks"),
    ],
)
def test_a_feature_that_tells_the_label_is_named(feature: Any, label: Any, how: str) -> None:
    assert find({"x": feature}, label) == [{"feature": "x", "label": "y", "how": how}]


def test_a_good_feature_is_no_leak() -> None:
    feature = LABEL * 5 + np.linspace(0, 1, 40)
    feature[3] = 0
    assert find({"x": feature, "word": list("ab" * 20)}, LABEL) == []


def test_a_feature_with_gaps_ranks_nothing() -> None:
    assert find({"x": np.where(LABEL == 1, 1.0, np.nan)}, LABEL) == []


def test_a_trusted_feature_may_tell_everything() -> None:
    assert find({"x": LABEL}, LABEL, "x") == []


def test_few_rows_or_one_class_prove_nothing() -> None:
    assert find({"x": LABEL[:19]}, LABEL[:19]) == []
    assert find({"x": np.ones(40)}, np.ones(40)) == []


def shared(tmp_path: Path, train: bytes, test: bytes = b"a,b\n1,2\n3,4\n") -> dict[str, Any]:
    import overlap

    write_files(tmp_path, {"train/features.csv": train, "test/features.csv": test})
    return overlap.find(tmp_path / "train", tmp_path / "test/features.csv")


def test_test_rows_that_were_trained_on_are_counted(tmp_path: Path) -> None:
    assert shared(tmp_path, b"a,b\n3,4\n5,6\n3,4\n") == {"shared": 1, "files": 1}


def test_neither_order_of_columns_nor_spelling_of_numbers_hides_a_row(tmp_path: Path) -> None:
    assert shared(tmp_path, b"y,b,a\n9,2.0,1\n0,4,3e0\n")["shared"] == 2


def test_a_row_that_differs_in_one_feature_is_another(tmp_path: Path) -> None:
    assert shared(tmp_path, b"a,b\n1,3\n3,2\n")["shared"] == 0


def test_a_training_side_of_another_shape_is_not_compared(tmp_path: Path) -> None:
    assert shared(tmp_path, b"a\n1\n") == {"shared": 0, "files": 0}
