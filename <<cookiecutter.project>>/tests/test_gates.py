"""`gate:` in model.yml: on by default, absolute bounds wanted, and what each refusal says."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from mlops.documents import parse_document
from mlops.errors import UsageError
from mlops.gates import Gate
from mlops.spec import read_spec
from tests.conftest import edit

METRICS = "metrics: [{metric: auc, min: 0.9}, {metric: loss, max: 0.3}]\n"


def resolve(text: str) -> dict[str, Any]:
    return parse_document(text, Gate, "model.yml").resolve()


def test_every_check_is_on_without_being_named() -> None:
    assert resolve("metrics: [{metric: auc, min: 0.9}]") == {
        "metrics": [{"metric": "auc", "min": 0.9}],
        "champion": {
            "metric": "auc",
            "better": "high",
            "margin": 0.0,
            "confidence": 0.95,
            "resamples": 1000,
            "seed": 0,
        },
        "leakage": {"shared_rows": 0.0, "trusted": []},
        "latency": {"p95_ms": 1000.0},
        "archive_mb": 1024,
    }


def test_the_direction_of_a_comparison_is_that_of_its_bound() -> None:
    found = resolve(METRICS + "champion: {metric: loss}\nslices: {columns: [sex], max_drop: 0.1}\n")
    assert (found["champion"]["metric"], found["champion"]["better"]) == ("loss", "low")
    assert found["slices"] == {
        "columns": ["sex"],
        "metric": "auc",
        "better": "high",
        "min_rows": 30,
        "max_drop": 0.1,
    }


def test_of_two_bounds_of_a_metric_the_first_says_which_way_is_better() -> None:
    found = resolve("metrics: [{metric: share, max: 0.9}, {metric: share, min: 0.1}]")
    assert found["champion"]["better"] == "low"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "metrics: []",
            "the file: metrics: at least one absolute bound is needed, such as {metric: NAME, min: 0.9}",
        ),
        ("champion: {margin: 0.1}", "the file: metrics: at least one absolute bound is needed"),
        ("metrics: [{metric: auc}]", "metrics.0: metric 'auc' needs a min, a max, or both"),
        ("metrics: [{metric: auc, mim: 1}]", "unknown key 'metrics.0.mim'; allowed here: max, metric, min"),
        ("metrics: [{metric: auc, min: .nan}]", "metrics.0.min: found nan: input should be a finite number"),
        ("metrics: [{metric: a, min: 2, max: 1}]", "metrics.0: min 2.0 is above max 1.0: nothing can pass"),
        (
            "metrics: [{metric: auc, min: 0.1, max: 0.9}]",
            (
                "the file: champion compares 'auc', whose min and max do not say which way is better; "
                "write them as two entries, the one that says so first"
            ),
        ),
        (
            METRICS + "champion: {metric: acc}",
            "the file: champion.metric 'acc' has no bound under metrics; there are: auc, loss",
        ),
        (
            METRICS + "slices: {columns: [a], max_drop: 1, metric: acc}",
            "the file: slices.metric 'acc' has no bound under metrics; there are: auc, loss",
        ),
        (METRICS + "slices: {columns: [a]}", "key 'slices.max_drop' is missing"),
        (
            METRICS + "slices: {columns: [], max_drop: 1}",
            "slices.columns: found []: list should have at least",
        ),
        (
            METRICS + "slices: {columns: [a, a], max_drop: 1}",
            "slices.columns: found ['a', 'a']: a column stands twice; name each once",
        ),
        (
            METRICS + "champion: {margin: -1}",
            "champion.margin: found -1: input should be greater than or equal",
        ),
        (METRICS + "champion: {resamples: 10}", "champion.resamples: found 10: input should be greater than"),
        (METRICS + "champion: {confidence: 1}", "champion.confidence: found 1: input should be less than 1"),
        (METRICS + "latency: {p95_ms: 0}", "latency.p95_ms: found 0: input should be greater than 0"),
        (METRICS + "archive_mb: 0", "archive_mb: found 0: input should be greater than or equal to 1"),
    ],
)
def test_a_gate_that_could_not_work_is_refused_in_words(text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        resolve(text)
    assert str(refused.value).startswith(f"model.yml: {message}")


def test_a_list_of_bounds_is_told_its_key(root: Path) -> None:
    edit(root / "models/guess/model.yml", "gate:\n  metrics:\n", "gate:\n")
    with pytest.raises(UsageError) as refused:
        read_spec(root, "guess")
    assert "bounds stand under a key of their own: gate: {metrics: [...]}" in str(refused.value)


def test_the_guides_example_is_a_gate_that_works() -> None:
    guide = (Path(__file__).resolve().parents[1] / "docs/gate.md").read_text()
    example = guide.split("```yaml\ngate:\n")[1].split("```")[0]
    assert resolve(dedent(example))["slices"]["metric"] == "roc_auc"
