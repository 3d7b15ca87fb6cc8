"""Data contracts that fail in one line: which column, which check, an example, how many more."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from pandas.errors import EmptyDataError, ParserError

if TYPE_CHECKING:
    import pandera.pandas as pa


class ContractError(ValueError):
    """The data is not what the model was made for."""


def read_headerless(path: Path, columns: Sequence[str], separator: str = ",", skip: int = 0) -> pd.DataFrame:
    """Read a table whose file does not name its columns, after `skip` lines; numbers keep every digit."""
    if not path.is_file():
        raise ContractError(f"{path.name} is missing in {path.parent}")
    try:
        frame = pd.read_csv(path, sep=separator, header=None, skiprows=skip, float_precision="round_trip")
    except EmptyDataError:
        raise ContractError(f"{path.name}: no rows") from None
    except ParserError as error:
        raise ContractError(f"{path.name}: {str(error).strip().rpartition('error: ')[2]}") from None
    if frame.shape[1] != len(columns):
        expected = f"{len(columns)} ({', '.join(columns)})"
        raise ContractError(f"{path.name}: {frame.shape[1]} columns; expected {expected}")
    return frame.set_axis(list(columns), axis="columns")


def checked(frame: pd.DataFrame, schema: "pa.DataFrameSchema", where: str) -> pd.DataFrame:
    """Return `frame` with the schema's types, or raise ContractError in one line. No rows is a breach too."""
    from pandera.errors import SchemaErrors

    if frame.empty:
        raise ContractError(f"{where}: no rows")
    try:
        return schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        raise ContractError(f"{where}: {describe(errors.failure_cases)}") from None


def describe(cases: pd.DataFrame) -> str:
    """Say the first breach in words and count the other places."""
    # A value of the wrong type also fails every check of its column: only the type is news.
    untyped = cases["check"].astype(str).str.startswith("coerce_dtype")
    news = cases[untyped | ~cases["column"].isin(cases["column"][untyped])]
    first = news.astype(object).iloc[0]  # plain values: `-1.0`, not `np.float64(-1.0)`
    more = f" (and {len(news) - 1} more)" if len(news) > 1 else ""
    return _sentence(str(first["check"]), first["column"], first["failure_case"], first["index"]) + more


def _sentence(check: str, column: object, value: object, row: object) -> str:
    if check == "column_in_dataframe":
        return f"column {value!r} is missing"
    if check == "column_in_schema":
        return f"column {value!r} is not in the contract"
    at = "" if pd.isna(row) else f" in row {int(row) + 1}"  # type: ignore[call-overload]
    if check == "not_nullable":
        return f"column {column!r}: a value is missing{at}"
    if check.startswith(("coerce_dtype", "dtype")):
        return f"column {column!r}: {value!r}{at} is not {check.partition('(')[2].strip(chr(39) + ')')}"
    return f"column {column!r}: {value!r}{at} fails {check}"
