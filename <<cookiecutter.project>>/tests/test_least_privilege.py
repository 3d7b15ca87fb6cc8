"""No role may more than the loop needs: proved on a recorded run, with the policies of infra/*.yml.

Each action is taken away, each resource widened, each condition and denial left out; each time something must
change: a recorded call is refused, or a probe that must be refused is not. What has another reason stands in
the tables below. docs/threats.md says how to record anew.
"""

from __future__ import annotations

import fnmatch
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.iam.wildcards import ArnGlob
from tests.granted import changed, concerns, documents, listed, may, may_by, recorded, statements, written
from tests.probes import GUARD_RAILS, foreign, unlike

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.kinds import Kind
    from tests.granted import Place

GIVEN = written(documents())
ALLOWED = [kind for kind in recorded() if kind.allowed]
# What each may not reach; a boundary lets one environment read what is sealed for the other.
BEYOND = {"role": ("project", "account", "environment"), "boundary": ("project", "account")}
Row = tuple[str, str, str]

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


def is_needed(place: Place, number: int, action: str, left: list[str]) -> bool:
    """Whether some recorded call is refused once a statement lacks an action."""
    without = {**GIVEN, place: changed(place, number, Action=left)}
    return any(concerns(place, kind) and not may(kind, without) for kind in calls_of(action))


def calls_of(action: str) -> list[Kind]:
    return [kind for kind in ALLOWED if fnmatch.fnmatchcase(kind.action.lower(), action.lower())]


def unrecorded() -> Iterator[Row]:
    """Actions without which all that was recorded still works."""
    for place, number, statement in statements("Allow"):
        actions = listed(statement["Action"])
        for action in actions:
            if not is_needed(place, number, action, [each for each in actions if each != action]):
                yield str(place), statement["Sid"], action


def calls_by(place: Place, statement: dict[str, Any], resource: str) -> list[Kind]:
    """The recorded calls that a statement lets be made on one of its resources."""
    glob = ArnGlob(resource, variables=False, complete=True)
    calls = [kind for action in listed(statement["Action"]) for kind in calls_of(action)]
    return [
        kind
        for kind in calls
        if concerns(place, kind) and glob.matches(kind.resource, {}) and may_by(kind, place, GIVEN[place])
    ]


def tells(place: Place, probe: Kind, wider: str) -> bool:
    """Whether a probe is refused as the document is, and would not be if it were wider."""
    return concerns(place, probe) and not may_by(probe, place, GIVEN[place]) and may_by(probe, place, wider)


def unbound() -> Iterator[Row]:
    """Resources that could as well be everything."""
    for place, number, statement in statements("Allow"):
        wider = changed(place, number, Resource="*")
        for resource in listed(statement.get("Resource", "*")):
            calls = calls_by(place, statement, resource)
            probes = (probe for kind in calls for probe in foreign(kind))
            if resource != "*" and not any(tells(place, probe, wider) for probe in probes):
                yield str(place), statement["Sid"], resource


def unconditional() -> Iterator[Row]:
    """Conditions that could as well not be there."""
    for place, number, statement in statements("Allow"):
        for operator, keys in statement.get("Condition", {}).items():
            for key in keys:
                rest = {name: value for name, value in keys.items() if name != key}
                conditions = {**statement["Condition"], operator: rest}
                wider = changed(place, number, Condition={k: v for k, v in conditions.items() if v})
                calls = [
                    kind
                    for each in listed(statement.get("Resource", "*"))
                    for kind in calls_by(place, statement, each)
                ]
                probes = (probe for kind in calls for probe in unlike(kind, key))
                if not any(tells(place, probe, wider) for probe in probes):
                    yield str(place), statement["Sid"], f"{operator} {key}"


def harmless() -> Iterator[Row]:
    """Denials without which no guard rail gives way."""
    for place, number, statement in statements("Deny"):
        without = changed(place, number)
        if not any(tells(place, probe, without) for probe in GUARD_RAILS.values()):
            yield str(place), statement["Sid"], str(statement["Action"])


def excused(row: Row, reasons: dict[Row, str]) -> bool:
    return any(all(map(fnmatch.fnmatchcase, row, pattern)) for pattern in reasons)


def hold(found: list[Row], reasons: dict[Row, str], what: str) -> None:
    """Each row found has its reason, and each reason a row."""
    bare = [" / ".join(row) for row in found if not excused(row, reasons)]
    assert not bare, f"{what}:\n" + "\n".join(bare)
    idle = [pattern for pattern in reasons if not any(excused(row, {pattern: ""}) for row in found)]
    assert not idle, f"no longer needed in the table: {idle}"


def test_every_action_is_one_that_the_loop_needs() -> None:
    hold(list(unrecorded()), UNRECORDED, "no recorded call needs these; take them out, or: make record")


def test_every_resource_is_as_narrow_as_a_probe_can_tell() -> None:
    hold(list(unbound()), UNBOUND, "these could as well be everything, for all that is recorded and probed")


def test_every_condition_keeps_something_out() -> None:
    hold(list(unconditional()), LOOSE, "nothing tells these conditions from none")


def test_every_denial_keeps_something_out() -> None:
    hold(list(harmless()), {}, "no guard rail needs these")


@pytest.mark.parametrize("name", GUARD_RAILS)
def test_a_guard_rail_holds(name: str) -> None:
    assert not may(GUARD_RAILS[name], GIVEN)


@pytest.mark.parametrize("layer", BEYOND)
def test_nothing_of_another_is_within_reach_of_a_role_nor_of_its_boundary(layer: str) -> None:
    """Each by itself, so that the one does not hide what the other gives."""
    reached = [
        f"{place}: {probe.line()}"
        for place, text in GIVEN.items()
        for kind in ALLOWED
        if place.layer == layer and concerns(place, kind) and kind.action not in LISTS
        for probe in foreign(kind, BEYOND[layer])
        if may_by(probe, place, text)
    ]
    assert not reached, "\n".join(reached)
