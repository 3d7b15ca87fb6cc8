"""The smoke request: ordinary values of each column."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("column", "value"),
    [
        (["3", "1", "2"], "2"),
        (["1.5", "10", "9.25"], "9.25"),
        (["1", "2"], "1"),
        (["b", "a", "b"], "b"),
        (["", "4", ""], "4"),
        (["", ""], ""),
    ],
)
def test_the_most_ordinary_value_of_a_column(column: list[str], value: str) -> None:
    from smoke import most_ordinary

    assert most_ordinary(column) == value


def test_the_request_has_the_header_and_one_row(tmp_path: Path) -> None:
    from smoke import request

    (tmp_path / "features.csv").write_text('age,"home, sweet"\n30,yes\n50,no\n40,yes\n')
    assert request(tmp_path / "features.csv") == {
        "content_type": "text/csv",
        "body": 'age,"home, sweet"\n40,yes\n',
    }
