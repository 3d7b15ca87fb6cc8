"""What a reviewer should not overlook is said once, and nothing is said where nothing stands out."""

from __future__ import annotations

from typing import Any

import pytest

from mlops.compare import compare_all
from mlops.concerns import find_concerns
from mlops.serving import Fleet
from tests.proposals import (
    make_candidate,
    make_champion,
    make_column,
    make_data,
    make_evaluation,
    make_proposal,
    make_release,
    make_slice,
)

CALM = make_data([make_column("age"), make_column("group", kind="category", values={"a": 60, "b": 40})])


def concerns(**changes: Any) -> list[str]:
    """The concerns of a proposal that raises none by itself."""
    proposal = make_proposal(**{"evaluation": calm(), "pin": make_release(2), **changes})
    found = compare_all(proposal.pin, proposal.live, proposal.evaluation, proposal.live_evaluation)
    return find_concerns(proposal, found)


def calm(**changes: Any) -> Any:
    return make_candidate(**{"data": CALM, "slices": [], **changes})


def small() -> Any:
    pin = make_release(2)
    fleet = pin.serving.model_copy(update={"serve": Fleet(instance="ml.m5.large", count=1)})
    return pin.model_copy(update={"serving": fleet})


def test_an_ordinary_proposal_raises_no_concern() -> None:
    assert concerns() == []


def test_a_first_release_raises_none_of_what_is_live() -> None:
    assert concerns(live=None, live_evaluation=None, evaluation=calm(champion=None)) == []


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"soak": None}, "No soak in staging is known: `mlops deploy prod` refuses it until there is one."),
        ({"pin": small()}, "The fleet shrinks from 2 to 1 instances."),
        ({"pin": make_release(2, capture=5)}, "More of what clients send is stored: 5 %."),
        ({"pin": make_release(2, image="new:2")}, "Another image: `1.dkr.ecr/image:1` → `new:2`."),
        ({"live_evaluation": None}, "What is live has no readable evaluation: its data cannot be compared."),
        (
            {"evaluation": calm(champion=None)},
            "It was never measured on the same rows as what is live.",
        ),
        (
            {"evaluation": calm(champion=make_champion(difference=None, why="KeyError: 'x'"))},
            "It could not be compared with its champion: KeyError: 'x'.",
        ),
        (
            {"evaluation": calm(slices=[make_slice("a", 0.895, 0.9), make_slice("b", 0.8, 0.9)])},
            "Groups that lose more than the margin: `group = b`.",
        ),
        (
            {"evaluation": calm(data=make_data([make_column("age", counts=[91, 3, 3, 3])]))},
            "Inputs moved far (population stability index above 0.25): `age`.",
        ),
    ],
)
def test_what_stands_out_is_said(changes: dict[str, Any], said: str) -> None:
    assert said in concerns(**changes)


def test_a_metric_that_is_clearly_worse_is_named() -> None:
    champion = make_champion()
    champion["differences"]["loss"] = {"value": 0.05, "low": 0.01, "high": 0.08}
    assert concerns(evaluation=calm(champion=champion)) == ["Clearly worse in `loss`."]


def test_a_rollback_and_staging_need_no_soak() -> None:
    assert concerns(soak=None, environment="staging") == []
    assert concerns(soak=None, kind="rollback") == []


def test_a_change_of_serving_is_not_called_unmeasured() -> None:
    assert concerns(kind="serving", evaluation=make_evaluation(), live=make_release(2)) == []
