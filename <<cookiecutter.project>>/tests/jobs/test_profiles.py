"""A profile counts columns and rows, and no row can be read out of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from mlops.evaluation import ColumnFound, DataFound
from tests.jobs.layout import write_files

if TYPE_CHECKING:
    from pathlib import Path


def column(name: str, cells: list[Any]) -> ColumnFound:
    import profiles

    return ColumnFound.model_validate(profiles.column(name, [str(cell) for cell in cells]))


def describe(sides: Path, **files: str) -> DataFound:
    import profiles

    write_files(sides, {name.replace("__", "/") + ".csv": text.encode() for name, text in files.items()})
    (sides / "train").mkdir(exist_ok=True)
    (sides / "validation").mkdir(exist_ok=True)
    return DataFound.model_validate(profiles.describe(sides))


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("size", [0.5, 1.5, 2], "number"),
        ("rooms", [1, 2.0, 3], "integer"),
        ("colour", ["red", "green"], "category"),
        ("remark", ["x" * 41], "text"),
        ("town", [f"town {number}" for number in range(51)], "text"),
        ("nothing", ["", "NaN", "null", "NA"], "empty"),
        ("customerId", [1, 1, 2], "identifier"),
        ("e_mail", ["a", "b"], "identifier"),
        ("last_name", ["a", "b"], "identifier"),
        ("number", range(100, 130), "identifier"),
        ("rapid", [1, 1, 2], "integer"),
    ],
)
def test_a_column_is_of_a_kind(name: str, cells: Any, kind: str) -> None:
    assert column(name, list(cells)).kind == kind


@pytest.mark.parametrize("name", ["customer_id", "remark"])
def test_identifiers_and_prose_are_counted_and_never_shown(name: str) -> None:
    found = column(name, [f"secret {number}" for number in range(60)] * 9)
    assert (found.distinct, found.values, found.rest, found.edges, found.counts) == (60, {}, 0, [], [])


def test_a_value_of_few_rows_is_not_shown() -> None:
    found = column("colour", ["red"] * 9 + ["green"] * 5 + ["mauve"] * 4 + ["ochre"])
    assert (found.values, found.rest, found.distinct) == ({"red": 9, "green": 5}, 5, 4)


def test_the_commonest_values_are_shown_and_the_rest_is_counted() -> None:
    cells = [f"c{number:02}" for number in range(30) for _ in range(6)] + ["c29"]
    found = column("colour", cells)
    assert (len(found.values), found.values["c29"], found.rest) == (20, 7, 60)


def test_few_numbers_are_counted_one_by_one() -> None:
    assert column("rooms", [1.0] * 5 + [2] * 6).values == {"1": 5, "2": 6}


def test_a_scale_is_cut_into_parts_that_hold_every_row() -> None:
    found = column("size", [number / 7 for number in range(1000)])
    assert (len(found.edges), len(found.counts), sum(found.counts)) == (21, 22, 1000)
    assert found.counts[:3] == [10, 40, 50]


def test_no_cut_point_is_a_value_of_somebody() -> None:
    cells = [1.123456 * number for number in range(1, 200)]
    assert not set(cells) & set(column("size", cells).edges)


def test_the_ends_of_a_scale_stand_for_several_rows() -> None:
    scales = [column("size", [number + 0.5 for number in range(rows)]) for rows in range(21, 80)]
    assert min(end for found in scales for end in (found.counts[0], found.counts[-1])) == 5


def test_a_value_that_many_share_has_a_part_of_its_own() -> None:
    found = column("rain", [0.0] * 300 + [number / 100 for number in range(-100, 0)] + [0.5, 0.7] * 50)
    assert found.counts[found.edges.index(0.0)] == 300


def test_what_is_missing_is_a_share() -> None:
    assert column("size", [1, 2, "", "nan", "inf", 3, 4, 5]).missing == 0.375


def test_rows_are_counted_on_each_side(tmp_path: Path) -> None:
    rows = "x,z\n1,a\n2,b\n"
    sides = {"train__features": rows, "train__truth": "y\n1\n", "validation__features": "x,z\n1,a\n"}
    found = describe(tmp_path, **sides, test__features=rows)
    assert found.rows == {"train": 2, "validation": 1, "test": 2}
    assert (found.side, found.profiled, [one.name for one in found.columns]) == ("train", 2, ["x", "z"])


def test_a_training_side_in_another_format_leaves_the_test_side(tmp_path: Path) -> None:
    found = describe(tmp_path, test__features="x\n1\n2\n3\n")
    assert (found.rows["train"], found.side, found.profiled) == (None, "test", 3)


def test_columns_are_found_in_whatever_order_a_file_has_them(tmp_path: Path) -> None:
    train = "label,b,a\n" + "9,2,1\n" * 6
    found = describe(tmp_path, train__part=train, test__features="a,b\n0,0\n")
    assert [(one.name, one.values) for one in found.columns] == [("a", {"1": 6}), ("b", {"2": 6})]


def test_short_rows_are_rows_with_missing_cells(tmp_path: Path) -> None:
    found = describe(tmp_path, test__features="a,b\n1,2\n1\n")
    assert [one.missing for one in found.columns] == [0.0, 0.5]


def test_of_a_large_table_every_nth_row_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import profiles

    monkeypatch.setattr(profiles, "CELLS", 100)
    found = describe(tmp_path, test__features="a\n" + "1\n" * 1000)
    assert (found.rows["test"], found.profiled) == (1000, 100)


def test_columns_beyond_the_limit_are_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import profiles

    monkeypatch.setattr(profiles, "COLUMNS", 1)
    found = describe(tmp_path, test__features="a,b,c\n1,2,3\n")
    assert (len(found.columns), found.left_out) == (1, 2)


def test_the_prepare_job_leaves_the_profile_beside_the_test_rows(ml: Path, tmp_path: Path) -> None:
    import prepare

    prepare.run(ml, tmp_path / "work")
    found = json.loads((ml / "processing/output/test/profile.json").read_text())
    assert DataFound.model_validate(found).rows == {"train": 2, "validation": 2, "test": 2}
