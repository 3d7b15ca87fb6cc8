"""Intervals that hold what they promise, whatever the metric, and the same ones for the same rows."""

from typing import Any

import numpy as np
import pytest

SETS, ROWS = 500, 200


@pytest.fixture(scope="module")
def errors() -> Any:
    """Absolute errors of a standard normal on many test sets; their true mean is known."""
    return np.abs(np.random.default_rng(0).normal(size=(SETS, ROWS)))


def spreads(values: Any, resamples: int = 1000) -> Any:
    import bootstrap

    def means(index: Any) -> dict[str, float]:
        return {str(number): value for number, value in enumerate(values[:, index].mean(axis=1))}

    return bootstrap.spread(means, values.shape[1], resamples, seed=0).values()


def test_an_interval_of_95_percent_covers_the_truth_that_often(errors: Any) -> None:
    truth = np.sqrt(2 / np.pi)
    held = [spread.quantile(0.025) <= truth <= spread.quantile(0.975) for spread in spreads(errors)]
    assert 0.93 <= np.mean(held) <= 0.97


def test_a_one_sided_bound_of_a_difference_holds_that_often() -> None:
    """Two models of equal quality, answering the same rows: their true difference is zero."""
    draw = np.random.default_rng(1)
    shared = draw.normal(size=(SETS, ROWS))
    ours, theirs = (np.abs(shared + draw.normal(scale=0.5, size=shared.shape)) for _ in range(2))
    pairs = zip(spreads(ours), spreads(theirs), strict=True)
    held = [(first - second).quantile(0.05) <= 0 for first, second in pairs]
    assert 0.93 <= np.mean(held) <= 0.97


def test_pairing_sees_a_difference_that_two_intervals_would_not(errors: Any) -> None:
    [worse], [better] = (list(spreads(values)) for values in (errors[:1] + 0.02, errors[:1]))
    assert worse.quantile(0.025) < better.value < worse.quantile(0.975)
    assert (worse - better).quantile(0.05) == pytest.approx(0.02)


def test_equal_rows_give_equal_intervals_and_another_seed_others(errors: Any) -> None:
    import bootstrap

    def bounds(seed: int) -> Any:
        found = bootstrap.spread(lambda index: {"mean": errors[0][index].mean()}, ROWS, 200, seed)["mean"]
        return found.quantile(0.025), found.quantile(0.975)

    assert bounds(0) == bounds(0)
    assert bounds(0) != bounds(1)


def test_a_metric_that_never_moves_has_no_width() -> None:
    import bootstrap

    found = bootstrap.spread(lambda index: {"one": 1.0}, 30, 200, 0)["one"]
    assert (found.quantile(0.025), found.quantile(0.975)) == (1.0, 1.0)


def test_a_metric_that_is_often_undefined_has_no_interval() -> None:
    """One positive row among thirty: a third of the draws has none."""
    import bootstrap

    labels = np.arange(30) == 0

    def recall(index: Any) -> dict[str, float]:
        return {"recall": 1.0 if labels[index].any() else float("nan")}

    assert bootstrap.spread(recall, 30, 200, 0)["recall"].quantile(0.025) is None


def test_a_skewed_metric_gets_a_skewed_interval() -> None:
    import bootstrap

    losses = np.random.default_rng(2).exponential(size=60) ** 2
    found = bootstrap.spread(lambda index: {"loss": losses[index].mean()}, 60, 1000, 0)["loss"]
    low, high = found.quantile(0.025), found.quantile(0.975)
    assert low is not None
    assert high is not None
    assert high - found.value > 1.5 * (found.value - low)
    assert high > np.quantile(found.draws, 0.975)  # what percentiles alone would say is too low here


@pytest.mark.parametrize(
    ("rows", "wanted", "drawn"),
    [(300, 1000, 1000), (100_000, 1000, 500), (10**7, 1000, 200), (10**7, 100, 100)],
)
def test_large_test_sets_are_drawn_fewer_times(rows: int, wanted: int, drawn: int) -> None:
    import bootstrap

    assert bootstrap.affordable(wanted, rows) == drawn


def test_folds_leave_each_row_out_once() -> None:
    import bootstrap

    for rows in (7, 1001):
        left_out = [set(range(rows)) - set(fold.tolist()) for fold in bootstrap.folds(rows, 0)]
        assert len(left_out) == min(rows, bootstrap.FOLDS)
        assert sorted(row for group in left_out for row in group) == list(range(rows))
