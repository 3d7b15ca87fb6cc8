"""Data that breaks the contract is refused in one line; rows keep their side."""

import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest
from tabular.contract import ContractError
from tabular.split import read_side

MODEL = Path(__file__).parents[1]
FEATURES_FILE, TARGET_FILE = "diabetes_data_raw.csv.gz", "diabetes_target.csv.gz"
Load = Callable[[str], ModuleType]


def lines(name: str) -> list[str]:
    return gzip.decompress((MODEL / "sample" / name).read_bytes()).decode().splitlines()


FEATURES, TARGET = lines(FEATURES_FILE), lines(TARGET_FILE)


def write(folder: Path, features: list[str], target: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    for name, rows in ((FEATURES_FILE, features), (TARGET_FILE, target)):
        (folder / name).write_bytes(gzip.compress(("\n".join(rows) + "\n").encode()))
    return folder


def with_value(row: int, column: int, value: str) -> list[str]:
    cells = FEATURES[row].split()
    cells[column] = value
    return [*FEATURES[:row], " ".join(cells), *FEATURES[row + 1 :]]


@pytest.mark.parametrize(
    ("features", "target", "message"),
    [
        (
            with_value(0, 0, "-5"),
            TARGET,
            f"{FEATURES_FILE}: column 'age': -5.0 in row 1 fails in_range(0, 120)",
        ),
        (with_value(4, 1, "3"), TARGET, f"{FEATURES_FILE}: column 'sex': 3 in row 5 fails isin([1, 2])"),
        (with_value(4, 2, "big"), TARGET, f"{FEATURES_FILE}: column 'bmi': 'big' in row 5 is not float64"),
        (with_value(4, 2, "nan"), TARGET, f"{FEATURES_FILE}: column 'bmi': a value is missing in row 5"),
        (
            FEATURES,
            [*TARGET[:-1], "900"],
            f"{TARGET_FILE}: column 'progression': 900.0 in row 148 fails in_range",
        ),
        (FEATURES, TARGET[:-1], f"{TARGET_FILE}: 147 rows; {FEATURES_FILE} has 148"),
        (TARGET, TARGET, f"{FEATURES_FILE}: 1 columns; expected 10 (age, sex, bmi"),
        ([], TARGET, f"{FEATURES_FILE}: no rows"),
    ],
)
def test_data_that_breaks_the_contract_is_refused(
    features: list[str], target: list[str], message: str, load: Load, tmp_path: Path
) -> None:
    with pytest.raises(ContractError) as caught:
        load("prepare").prepare(write(tmp_path / "raw", features, target), tmp_path / "out")
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)


def test_the_command_says_it_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "prepare.py", "--input", str(tmp_path), "--output", str(tmp_path / "out")]
    environment = {"PYTHONPATH": str(MODEL.parents[1] / "libs")}
    done = subprocess.run(command, cwd=MODEL, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (1, f"{FEATURES_FILE} is missing in {tmp_path}\n")


def test_a_row_keeps_its_side_when_rows_are_added(load: Load, tmp_path: Path) -> None:
    prepare = load("prepare").prepare
    prepare(write(tmp_path / "raw", FEATURES[:90], TARGET[:90]), tmp_path / "early")
    prepare(MODEL / "sample", tmp_path / "later")
    for side in ("train", "validation", "test"):
        early, later = (read_side(tmp_path / version / side)[0] for version in ("early", "later"))
        assert len(early.merge(later)) == len(early)


def test_slices_lie_beside_the_truth(load: Load, tmp_path: Path) -> None:
    load("prepare").prepare(MODEL / "sample", tmp_path)
    features, truth = read_side(tmp_path / "test")
    assert list(truth.columns) == ["progression", "sex"]
    assert truth["sex"].tolist() == features["sex"].tolist()
