"""Data that breaks the contract is refused in one line; rows keep their side."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pandas as pd
import pytest
from tabular.contract import ContractError
from tabular.split import read_side

MODEL = Path(__file__).parents[1]
RAW = (MODEL / "sample/breast_cancer.csv").read_text().splitlines()
Load = Callable[[str], ModuleType]


def write(folder: Path, lines: list[str]) -> Path:
    (folder / "breast_cancer.csv").write_text("\n".join(lines) + "\n")
    return folder


def with_value(row: int, column: int, value: str) -> list[str]:
    cells = RAW[row].split(",")
    cells[column] = value
    return [*RAW[:row], ",".join(cells), *RAW[row + 1 :]]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (with_value(1, 0, "-1"), "column 'mean_radius': -1.0 in row 1 fails in_range(0, 60.0)"),
        (with_value(3, 30, "2"), "column 'class': 2 in row 3 fails isin([0, 1])"),
        (with_value(2, 1, ""), "column 'mean_texture': a value is missing in row 2"),
        (with_value(2, 1, "soft"), "column 'mean_texture': 'soft' in row 2 is not float64"),
        (
            RAW[:-1],
            "its first line is '143,30,malignant,benign'; by its rows it must be '142,30,malignant,benign'",
        ),
        ([RAW[0], RAW[1], f"{RAW[2]},1"], "Expected 31 fields in line 3, saw 32"),
        (["0,30,malignant,benign"], "no rows"),
        (
            ["143,30,benign,malignant", *RAW[1:]],
            "its first line is '143,30,benign,malignant'; by its rows it must be '143,30,malignant,benign'",
        ),
    ],
)
def test_data_that_breaks_the_contract_is_refused(
    lines: list[str], message: str, load: Load, tmp_path: Path
) -> None:
    with pytest.raises(ContractError) as caught:
        load("prepare").prepare(write(tmp_path, lines), tmp_path / "out")
    assert str(caught.value) == f"breast_cancer.csv: {message}"


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "prepare.py", "--input", str(tmp_path), "--output", str(tmp_path / "out")]
    environment = {"PYTHONPATH": str(MODEL.parents[1] / "libs")}
    done = subprocess.run(command, cwd=MODEL, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (
        1,
        f"breast_cancer.csv is missing in {tmp_path}\n",
    )


def test_a_row_keeps_its_side_when_rows_are_added(load: Load, tmp_path: Path) -> None:
    prepare = load("prepare").prepare
    (tmp_path / "raw").mkdir()
    prepare(write(tmp_path / "raw", ["80,30,malignant,benign", *RAW[1:81]]), tmp_path / "early")
    prepare(MODEL / "sample", tmp_path / "later")
    for side in ("train", "validation", "test"):
        early, later = (read_side(tmp_path / version / side)[0] for version in ("early", "later"))
        assert len(early.merge(later)) == len(early)


def test_the_positive_class_is_malignant(load: Load, tmp_path: Path) -> None:
    load("prepare").prepare(MODEL / "sample", tmp_path)
    truth = pd.concat([read_side(tmp_path / side)[1] for side in ("train", "validation", "test")])
    assert truth["malignant"].sum() == sum(line.endswith(",0") for line in RAW[1:])
