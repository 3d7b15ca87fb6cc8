"""What is kept for a rollback, and what goes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops.prune import KEEP, belongs, keep_newest
from mlops.target import Target
from tests.duties import run
from tests.test_pin import make_guess

if TYPE_CHECKING:
    from mlops.workspace import Workspace
    from tests.duties import Acting
    from tests.live import Bench


def test_the_live_one_is_kept_however_old() -> None:
    names = [f"c{number}" for number in range(10)]
    assert keep_newest(names, "c9") == {"c9", "c0", "c1", "c2", "c3"}
    assert keep_newest(names, "c0") == {"c0", "c1", "c2", "c3", "c4"}


def test_a_family_is_not_another_whose_name_begins_alike(workspace: Workspace) -> None:
    pin = make_guess()
    target = Target(workspace.project, "staging", pin)
    assert belongs("acme-guess-staging-0123456789ab", target)
    assert not belongs("acme-guess-staging-two-staging-0123456789ab", target)


@pytest.mark.recorded
def test_deploying_prunes_beyond_the_newest_five(bench: Bench, name: str, acting: Acting) -> None:
    for number in range(KEEP + 2):
        bench.pin(name, bench.register(name, f"release {number}"))
        assert run(acting, "deploy-staging", "deploy", "staging", name) == 0
    family = f"acme-{name}-staging-"
    configs = bench.aws.sagemaker.list_endpoint_configs(NameContains=family)["EndpointConfigs"]
    models = bench.aws.sagemaker.list_models(NameContains=family)["Models"]
    assert (len(configs), len(models)) == (KEEP, KEEP)
    assert bench.ask(name) == f"release {KEEP + 1}"
