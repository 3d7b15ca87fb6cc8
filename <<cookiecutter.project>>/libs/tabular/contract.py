"""Data contracts that fail in one line: which column, which check, an example, how many more."""

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    import pandera.pandas as pa


class ContractError(ValueError):
    """The data is not what the model was made for."""


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
    first = news.iloc[0]
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
