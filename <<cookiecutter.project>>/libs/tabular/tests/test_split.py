"""A row's side depends on the row alone."""

from pathlib import Path

import pandas as pd
import pytest
from tabular.split import SHARES, read_side, side_of, sides_of, write_sides


@pytest.fixture
def table() -> pd.DataFrame:
    return pd.DataFrame({"a": range(1000), "b": [number / 7 for number in range(1000)]})


def test_the_shares_are_about_right(table: pd.DataFrame) -> None:
    found = sides_of(table).value_counts(normalize=True)
    assert all(abs(found[side] - share) < 0.05 for side, share in SHARES.items())


def test_no_row_moves_when_rows_are_added_or_shuffled(table: pd.DataFrame) -> None:
    early = sides_of(table[:400])
    later = sides_of(table.sample(frac=1, random_state=1))
    assert later[early.index].equals(early)


def test_no_row_moves_when_the_first_fraction_arrives(table: pd.DataFrame) -> None:
    more = pd.concat([table, pd.DataFrame({"a": [0.5], "b": [1.0]})], ignore_index=True)
    assert sides_of(more)[:1000].equals(sides_of(table))


def test_equal_rows_share_a_side() -> None:
    twins = pd.DataFrame({"a": [3.0] * 50})
    assert sides_of(twins).nunique() == 1


@pytest.mark.parametrize(
    ("key", "side"),
    [("1", "train"), ("4", "train"), ("2", "test"), ("5", "test")],  # sha256sum: 6b86…, 4b22…, d473…, ef2d…
)
def test_a_side_is_the_keys_sha256_as_a_fraction(key: str, side: str) -> None:
    assert side_of(key) == side


def test_what_is_written_is_read_back_row_for_row(table: pd.DataFrame, tmp_path: Path) -> None:
    counts = write_sides(tmp_path, table, table[["a"]].rename(columns={"a": "y"}))
    assert sum(counts.values()) == 1000
    for side, count in counts.items():
        features, truth = read_side(tmp_path / side)
        assert len(features) == count
        assert features["a"].tolist() == truth["y"].tolist()


def test_numbers_survive_the_files_exactly(table: pd.DataFrame, tmp_path: Path) -> None:
    write_sides(tmp_path, table, table[["a"]])
    features, _ = read_side(tmp_path / "train")
    assert set(features["b"]) <= set(table["b"])


def test_too_few_rows_for_three_sides_are_refused(tmp_path: Path) -> None:
    one = pd.DataFrame({"a": [1.0]})
    with pytest.raises(ValueError, match=r"^no row of 1 fell on the side '\w+'; add rows$"):
        write_sides(tmp_path, one, one)
