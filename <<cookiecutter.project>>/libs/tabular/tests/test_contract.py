"""A breach is one line: where, which column, which check, an example."""

from typing import Any

import pandas as pd
import pandera.pandas as pa
import pytest
from tabular.contract import ContractError, checked

SCHEMA = pa.DataFrameSchema(
    {
        "age": pa.Column(float, pa.Check.in_range(0, 130), coerce=True),
        "kind": pa.Column(str, pa.Check.isin(["x", "y"])),
        "count": pa.Column(int, nullable=False, coerce=True),
    },
    strict=True,
)


def table(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"age": [1, 2], "kind": ["x", "y"], "count": [1, 2]} | columns)


def test_good_data_gets_the_contracts_types() -> None:
    assert checked(table(), SCHEMA, "rows.csv")["age"].dtype == float


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (table(age=[1, 200]), "column 'age': 200.0 in row 2 fails in_range(0, 130)"),
        (table(age=[-1, 200]), "column 'age': -1.0 in row 1 fails in_range(0, 130) (and 1 more)"),
        (table(age=["1", "old"]), "column 'age': 'old' in row 2 is not float64"),
        (table(kind=["x", "z"]), "column 'kind': 'z' in row 2 fails isin(['x', 'y'])"),
        (table(kind=["x", None]), "column 'kind': a value is missing in row 2"),
        (table(colour=[1, 2]), "column 'colour' is not in the contract"),
        (table().drop(columns="kind"), "column 'kind' is missing"),
        (table()[:0], "no rows"),
    ],
)
def test_a_breach_is_one_line(frame: pd.DataFrame, message: str) -> None:
    with pytest.raises(ContractError) as caught:
        checked(frame, SCHEMA, "rows.csv")
    assert str(caught.value) == f"rows.csv: {message}"
