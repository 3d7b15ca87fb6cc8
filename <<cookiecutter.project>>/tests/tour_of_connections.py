"""The same round where CodePipeline hears of GitHub through a connection: `make record` plays it too."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from tests.engines import OnConnections
from tests.hubworks import found_hub, set_up, start_trainings
from tests.live import PAYLOAD
from tests.test_parity import reaching
from tests.tour import report, strike

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.hubworks import HubWorks

pytestmark = pytest.mark.skipif(
    not (PAYLOAD / "infra/pipeline.yml").exists(), reason="this project has no files of CodePipeline"
)


@pytest.fixture
def works(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HubWorks]:
    folder = tmp_path_factory.mktemp("tour") / "connections"
    with contextmanager(found_hub)(folder, ["alpha", "beta"]) as works, reaching(works.endpoint):
        yield works


@pytest.mark.recorded
def test_the_roles_of_builds_get_by_on_github(works: HubWorks) -> None:
    set_up(works)
    engine = OnConnections(works)
    for weights in ("one", "two"):
        works.release("alpha", weights)
        works.build("propose", MODEL="alpha")
        engine.promote("Promote alpha ", "staging", "ben")
        works.build("propose", MODEL="alpha", ENVIRONMENT="prod")
        engine.promote("Promote alpha ", "prod", "ben", "dan")
    strike(works, "reconcile")
    for environment in ("staging", "prod"):
        works.build("rollback", MODEL="alpha", ENVIRONMENT=environment, NOW="true")
        assert works.ask(environment, "alpha") == "one"
    strike(works, "audit", fails=True)  # no trail is delivered yet: it cannot prove a thing, and says so
    report(works, artifact(works))
    works.firm.enforce(is_on=False)
    start_trainings(works)


def artifact(works: HubWorks) -> str:
    """What a pipeline handed to its check."""
    actions = works.actions("check", works.executions("check")[0])
    (place,) = [each["s3location"] for run in actions for each in run["output"]["outputArtifacts"]]
    return f"arn:aws:s3:::{place['bucket']}/{place['key']}"
