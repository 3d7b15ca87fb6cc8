"""model.yml: what is allowed in it, and what each refusal says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops.errors import UsageError
from mlops.serving import Fleet
from mlops.spec import read_spec
from tests.conftest import edit

if TYPE_CHECKING:
    from pathlib import Path


def test_a_fleet_is_resolved_for_its_environment(root: Path) -> None:
    edit(
        root / "models/guess/model.yml",
        "serve: {instance: ml.m5.large}",
        "serve: {instance: ml.m5.large, environments: {prod: {count: 2}}}",
    )
    serve = read_spec(root, "guess").serve
    assert serve.resolve("staging").serve == Fleet(instance="ml.m5.large", count=1)
    assert serve.resolve("prod").serve == Fleet(instance="ml.m5.large", count=2)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (
            "model: guess",
            "model: other",
            "model: found 'other', but the folder is 'guess'; they must be equal",
        ),
        (
            "depth: 3",
            "depth: [3]",
            "train.hyperparameters.depth.str: found [3]: input should be a valid string",
        ),
        (
            "max_minutes: 10",
            "max_minutes: 0",
            "train.max_minutes: found 0: input should be greater than or equal to 1",
        ),
        (
            "max_minutes: 10",
            "max_minutes: ten",
            "train.max_minutes: found 'ten': input should be a valid integer",
        ),
        (
            "instance: ml.m5.large\n",
            "instance: m5.large\n",
            "train.instance: found 'm5.large': string should match",
        ),
        (
            "rows.csv.dvc",
            "../rows.csv.dvc",
            "data.pointer: found 'data/../rows.csv.dvc': leaves the model's folder",
        ),
        ('version: "1.9-0"', 'uri: "x"', "image.uri: found 'x': string should match"),
        (', version: "1.9-0"', "", "image: give framework and version, or uri, and not both"),
        ("gate:\n  metrics:\n    - {metric: accuracy, min: 0.5}\n", "", "key 'gate' is missing"),
        ("schema: 1", "schema: 2", "schema: found 2: input should be 1"),
    ],
)
def test_a_bad_spec_is_refused_in_words(root: Path, old: str, new: str, message: str) -> None:
    edit(root / "models/guess/model.yml", old, new)
    with pytest.raises(UsageError) as refused:
        read_spec(root, "guess")
    assert f"models/guess/model.yml: {message}" in str(refused.value)


def test_instance_and_time_limit_do_not_make_another_model(root: Path) -> None:
    before = read_spec(root, "guess").training_inputs()
    edit(root / "models/guess/model.yml", "max_minutes: 10", "max_minutes: 20")
    assert read_spec(root, "guess").training_inputs() == before


def test_a_hyperparameter_makes_another_model(root: Path) -> None:
    before = read_spec(root, "guess").training_inputs()
    edit(root / "models/guess/model.yml", "depth: 3", "depth: 4")
    assert read_spec(root, "guess").training_inputs() != before
