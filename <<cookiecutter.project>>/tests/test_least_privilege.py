"""No role may more than the loop needs: proved on a recorded run, with the policies of infra/*.yml.

How is said in tests/proof.py. What has another reason stands in the tables below; docs/accounts.md says how
to record anew.
"""

from __future__ import annotations

import pytest

from tests.granted import may, recorded
from tests.probes import GUARD_RAILS
from tests.proof import GIVEN, Row, harmless, hold, unbound, unconditional, unrecorded, within_reach

HERE = ("",)  # GitHub Actions; what differs elsewhere has a test of its own
# What each may not reach; a boundary lets one environment read what is sealed for the other.
BEYOND = {"role": ("project", "account", "environment"), "boundary": ("project", "account")}

SAGEMAKER = "SageMaker asks for it under a job's role (guide: execution roles); no sandbox's job does"
PIPELINES = (
    "SageMaker Pipelines tags, follows and stops a run's jobs as its role (guide: pipelines' permissions)"
)
PEOPLE = "people read what a job printed, in the console or by `aws logs tail`"
KILLED = "what follows a killed run finds what that wrote; none was killed"
TWIN = "one text for both environments (infra/identity.yml), and staging's is recorded"
OPTIONAL = "EventBridge itself calls the forge, where the optional stack is; the sandbox's calls nobody"
UPLOADED = "train brought the same files before; what is there is not written again"
LIST = "ListBucket takes the bucket alone, and a bucket's policy speaks of no other"
# Actions that no recorded call needs: document, statement, action, all as patterns; and why they stay.
UNRECORDED: dict[Row, str] = {
    ("*", "*", "ecr:*"): SAGEMAKER,
    ("*", "*Metrics", "cloudwatch:PutMetricData"): SAGEMAKER,
    ("*", "*Logs", "logs:DescribeLogStreams"): SAGEMAKER,
    ("role ex*", "RunSteps", "sagemaker:*"): PIPELINES,
    ("boundary training", "Runs", "sagemaker:Stop*Job"): PIPELINES,
    ("boundary training", "Runs", "sagemaker:AddTags"): PIPELINES,
    ("boundary training", "Runs", "sagemaker:DescribeTrainingJob"): PIPELINES,
    ("*", "*", "s3:AbortMultipartUpload"): "an upload in parts that fails is taken back; none failed",
    ("*", "Run*", "sagemaker:UpdatePipeline"): "a model whose instance or time changed has another pipeline",
    ("*", "*Logs", "logs:*LogEvents"): PEOPLE,
    ("role execution", "ReadPackages", "*"): KILLED,
    ("bucket shop-releases-*", "WriteStagingEvidence", "s3:GetObject"): KILLED,
    ("role deploy-prod", "Make*", "sagemaker:Delete*"): TWIN,
    ("boundary prod", "Endpoints", "sagemaker:Delete*"): TWIN,
    ("role deploy-prod", "Hold", "s3:PutObject"): TWIN,
    ("*", "Dispatch", "events:InvokeApiDestination"): OPTIONAL,
}
# Resources and conditions that no probe tells from none: document, statement, which, as patterns; and why.
UNBOUND: dict[Row, str] = {
    ("*", "*Images", "arn:aws:ecr:*"): SAGEMAKER,
    ("*", "Dispatch", "arn:aws:events:*"): OPTIONAL,
    ("role developer", "WritePlant", "*"): UPLOADED,
    ("role developer", "ReadLogs", "*"): PEOPLE,
    ("role execution", "ReadPackages", "*"): KILLED,
    ("role deploy-staging", "ReadReleases", "*/evidence/staging/[*]"): KILLED,
    ("bucket *", "*", "arn:aws:s3:::shop-*-1"): LIST,
}
LOOSE: dict[Row, str] = {("*", "*Metrics", "* cloudwatch:namespace"): SAGEMAKER}
# Asked on everything, by the services' own rule: no name of ours narrows a list.
LISTS = {"cloudwatch:DescribeAlarms": "alarms are listed by a prefix, which is asked on alarm:*"}


def test_the_policies_say_what_the_record_says() -> None:
    wrong = [kind.line() for kind in recorded() if may(kind, GIVEN) is not kind.allowed]
    assert not wrong, "\n".join(["these end otherwise than recorded; record anew: make record", *wrong])


def test_every_action_is_one_that_the_loop_needs() -> None:
    hold(list(unrecorded(HERE)), UNRECORDED, "no recorded call needs these; take them out, or: make record")


def test_every_resource_is_as_narrow_as_a_probe_can_tell() -> None:
    hold(
        list(unbound(HERE)), UNBOUND, "these could as well be everything, for all that is recorded and probed"
    )


def test_every_condition_keeps_something_out() -> None:
    hold(list(unconditional(HERE)), LOOSE, "nothing tells these conditions from none")


def test_every_denial_keeps_something_out() -> None:
    hold(list(harmless(HERE, GUARD_RAILS.values())), {}, "no guard rail needs these")


@pytest.mark.parametrize("name", GUARD_RAILS)
def test_a_guard_rail_holds(name: str) -> None:
    assert not may(GUARD_RAILS[name], GIVEN)


@pytest.mark.parametrize("layer", BEYOND)
def test_nothing_of_another_is_within_reach_of_a_role_nor_of_its_boundary(layer: str) -> None:
    reached = within_reach(HERE, layer, BEYOND[layer], LISTS)
    assert not reached, "\n".join(reached)
