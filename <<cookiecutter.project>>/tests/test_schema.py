"""The schemas that editors use are those of the code."""

from __future__ import annotations

from pathlib import Path

import pytest

from mlops.schema import SCHEMAS, render

FOLDER = Path(__file__).resolve().parents[1] / "docs/schemas"


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_schema_is_current(name: str) -> None:
    stale = f"docs/schemas/{name}.schema.json is not what the code says; type: make schemas"
    assert (FOLDER / f"{name}.schema.json").read_text() == render(SCHEMAS[name]), stale


def test_no_schema_is_left_over() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {f"{name}.schema.json" for name in SCHEMAS}


def test_every_model_names_its_schema() -> None:
    specs = sorted(FOLDER.parents[1].glob("models/*/model.yml"))
    line = "# yaml-language-server: $schema=../../docs/schemas/model.schema.json"
    assert [path.parent.name for path in specs if path.read_text().splitlines()[0] != line] == []
