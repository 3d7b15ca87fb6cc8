"""`deploy` killed wherever that can matter: a second run ends where an undisturbed one does."""

from __future__ import annotations

import os
import re
import signal
from typing import TYPE_CHECKING, Any

import pytest

from mlops.aws import Aws
from mlops.deploy import deploy
from mlops.prune import KEEP
from mlops.target import read_targets

if TYPE_CHECKING:
    from tests.live import Bench


SHARES = 2  # of the calls; each is a test, so that they run beside each other
REACH = 300  # more calls than one deployment makes
LOOKS = ("Describe", "Get", "List")
POLLED = "DescribeEndpoint"


class Fuse:
    """Counts a process's AWS calls, polls in a row as one; kills it after the one it is set to."""

    def __init__(self, after: int) -> None:
        self.after = after
        self.calls: list[str] = []

    def watch(self, aws: Aws) -> None:
        """Stand behind every client."""
        for client in (aws.s3, aws.sagemaker, aws.cloudwatch, aws.logs, aws.runtime):
            client.meta.events.register("after-call", self.burn)

    def burn(self, model: Any, **_: Any) -> None:
        """Botocore tells of each call that was answered."""
        if self.calls[-1:] == [model.name] == [POLLED]:
            return  # how often depends on how fast the machine is
        self.calls.append(model.name)
        if len(self.calls) == self.after:
            os.kill(os.getpid(), signal.SIGKILL)


def run(bench: Bench, model: str, after: int = REACH) -> list[str]:
    """Deploy with a fuse; the calls."""
    aws = Aws(bench.project.region)
    fuse = Fuse(after)
    fuse.watch(aws)
    done = deploy(aws, read_targets(bench.root, bench.project, "staging", model), bench.orders)
    assert [deployed.error for deployed in done] == [""]
    return fuse.calls


def run_killed(bench: Bench, model: str, after: int) -> None:
    """Deploy in a process that dies of SIGKILL after some call."""
    child = os.fork()
    if child == 0:
        try:
            run(bench, model, after)
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), f"call {after} never came"


def inventory(bench: Bench, model: str) -> str:
    """All that there is of a model on AWS, without what differs by name or time."""
    client, family, endpoint = bench.aws.sagemaker, f"acme-{model}-staging-", f"acme-staging-{model}"
    live = client.describe_endpoint(EndpointName=endpoint)
    packages = client.list_model_packages(ModelPackageGroupName=f"acme-{model}")["ModelPackageSummaryList"]
    configs = client.list_endpoint_configs(NameContains=family)["EndpointConfigs"]
    alarms = bench.aws.cloudwatch.describe_alarms(AlarmNamePrefix=f"{endpoint}.")["MetricAlarms"]
    filters = bench.aws.logs.describe_metric_filters(logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}")
    found = {
        "endpoint": [live["EndpointStatus"], live["EndpointConfigName"]],
        "configs": len(configs),
        "models": len(client.list_models(NameContains=family)["Models"]),
        "packages": sorted({str(package.get("ModelApprovalStatus")) for package in packages}),
        "alarms": sorted(alarm["AlarmName"].rpartition(".")[0] for alarm in alarms),
        "filters": len(filters["metricFilters"]),
    }
    return re.sub(r"[0-9a-f]{12}", "digest", str(found).replace(model, "MODEL"))


def pin_next(bench: Bench, model: str, weights: str) -> None:
    """Pin a release over the one that is live."""
    bench.pin(model, bench.register(model, weights), rollout={"bake_minutes": 0})


def settle_in(bench: Bench, model: str) -> list[str]:
    """Deploy until an update leaves as many configs as it found; the calls of the last one."""
    calls: list[str] = []
    for number in range(KEEP + 2):
        pin_next(bench, model, f"settled {number}")
        calls = run(bench, model)
    return calls


def worth_dying_after(calls: list[str]) -> list[int]:
    """The numbers of the calls after which AWS is not as it was after the call before.

    Those are the ones that change something, and looks at the endpoint, which changes by itself. A look at
    anything else leaves nothing behind, on AWS or here.
    """
    return [
        number for number, call in enumerate(calls, start=1) if call == POLLED or not call.startswith(LOOKS)
    ]


@pytest.mark.parametrize("share", range(SHARES))
def test_an_update_killed_after_any_call_is_finished_by_the_next_run(
    bench: Bench, name: str, share: int
) -> None:
    calls = settle_in(bench, name)
    expected = inventory(bench, name)
    assert "UpdateEndpoint" in calls
    assert calls[0] == POLLED, "nothing was to be killed before the first change"
    for after in worth_dying_after(calls)[share::SHARES]:
        pin_next(bench, name, f"killed after {after}")
        run_killed(bench, name, after)
        run(bench, name)
        found = inventory(bench, name)
        assert found == expected, f"killed after call {after}, {calls[after - 1]}"
        assert bench.ask(name) == f"killed after {after}"
