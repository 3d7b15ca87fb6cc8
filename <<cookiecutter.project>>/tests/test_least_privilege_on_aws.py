"""Builds, pipelines, what starts them and people on CodeCommit: no more than they need, proved as for duties.

On GitHub's connections and on CodeCommit, as the policies differ. What has another reason than a recorded
call stands in the tables below; docs/accounts.md says how to record anew.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from sandbox.kinds import ENGINE, Kind
from tests.granted import Place, documents, may, may_by, settings
from tests.probes_of_builds import DUTIES, RAILS, take
from tests.proof import GIVEN, Row, harmless, hold, unbound, unconditional, unrecorded, within_reach

HERE = tuple(on for on in settings() if on)
pytestmark = pytest.mark.skipif(not HERE, reason="this project's engine is GitHub Actions alone")
GUIDE = "CodePipeline guide, service role: what every pipeline's role has; the sandbox asks for none of it"
CLONES = "CodePipeline guide, CodeCommit source: a full clone needs it of the pipeline's role"
LOST = "a check is started by hand where EventBridge lost the event; the sandbox's loses none"
CONNECTS = "CodeBuild guide, sources behind a connection; the sandbox asks for UseConnection alone"
TWIN = "confirming releases is one text for both forges, and CodeCommit's is recorded"
TOLD = "SageMaker tells of a registered package; the sandbox's does not, and the hourly build proposes"
UNKEPT = "a build that failed keeps no downloads, and the recorded audit's did"
# Actions that no recorded call needs: document, statement, action, all as patterns; and why they stay.
UNRECORDED: dict[Row, str] = {
    ("boundary builds*", "Bucket", "s3:GetBucketVersioning"): GUIDE,
    ("boundary builds on codecommit", "Repository", "codecommit:GetRepository"): CLONES,
    ("role pipeline*", "HandOver", "s3:GetObject"): GUIDE,
    ("role pipeline*", "SeeBucket", "s3:GetBucketVersioning"): GUIDE,
    ("role pipeline*", "UseKey", "kms:Decrypt"): GUIDE,
    ("role pipeline on codecommit", "Fetch", "codecommit:GetRepository"): CLONES,
    ("shared forge-write*", "StartChecks", "codebuild:StartBuild"): LOST,
    ("boundary builds on connections", "Connection", "codeconnections:GetConnection*"): CONNECTS,
    ("shared builds on connections", "Clone", "codeconnections:GetConnection*"): CONNECTS,
    ("boundary builds on connections", "Pipelines", "codepipeline:GetPipelineState"): TWIN,
    ("boundary builds on connections", "Notify", "sns:Publish"): TWIN,
    ("role pipeline on connections", "AskPeople", "sns:Publish"): TWIN,
    ("role build-deploy-prod on connections", "ReadApproval", "*"): TWIN,
    ("shared confirm on connections", "*", "*"): TWIN,
    ("role build-audit*", "KeepDownloads", "s3:PutObject"): UNKEPT,
}
# Resources and conditions that no probe tells from none: document, statement, which, as patterns; and why.
UNBOUND: dict[Row, str] = {
    ("role pipeline*", "SeeBucket", "*"): GUIDE,
    ("boundary builds on connections", "Notify", "*"): TWIN,
    ("role pipeline on connections", "AskPeople", "*"): TWIN,
    ("role build-deploy-prod on connections", "ReadApproval", "*"): TWIN,
    ("shared confirm on connections", "*", "*"): TWIN,
    ("role builds-start*", "StartBuilds", "*/shop-propose"): TOLD,
}
LOOSE: dict[Row, str] = {}
RAILS_HERE = [replace(rail, on=on) for on in HERE for rails in RAILS.values() for rail in rails]


def test_every_action_is_one_that_the_loop_needs() -> None:
    hold(list(unrecorded(HERE)), UNRECORDED, "no recorded call needs these; take them out, or: make record")


def test_every_resource_is_as_narrow_as_a_probe_can_tell() -> None:
    hold(
        list(unbound(HERE)), UNBOUND, "these could as well be everything, for all that is recorded and probed"
    )


def test_every_condition_keeps_something_out() -> None:
    hold(list(unconditional(HERE)), LOOSE, "nothing tells these conditions from none")


def test_every_denial_keeps_something_out() -> None:
    hold(list(harmless(HERE, RAILS_HERE)), {}, "no guard rail needs these")


@pytest.mark.parametrize("name", RAILS)
def test_a_guard_rail_holds(name: str) -> None:
    given = [
        replace(rail, on=on if ENGINE.fullmatch(rail.role) else "") for on in HERE for rail in RAILS[name]
    ]
    assert [rail.line() for rail in given if may(rail, GIVEN)] == []


@pytest.mark.parametrize("layer", ["role", "shared", "boundary"])
def test_nothing_of_another_is_within_reach_of_a_build_nor_of_its_boundary(layer: str) -> None:
    reached = within_reach(HERE, layer, ("project", "account"), {"codecommit:GetApprovalRuleTemplate"})
    assert not reached, "\n".join(reached)


def test_a_build_may_take_a_role_exactly_where_that_role_trusts_it() -> None:
    """Two locks, each by itself: a role given to a build by mistake still does not open the other's."""
    for on in HERE:
        for place in {
            Place("role", each.name, on=on) for each in documents() if each.name.startswith("build-")
        }:
            own = {duty for duty in DUTIES if gives(place, take(place.name, duty, on))}
            trusting = {duty for duty in DUTIES if opens(duty, take(place.name, duty, on))}
            assert own == trusting, place


def gives(role: Place, kind: Kind) -> bool:
    """Whether a build's own policies let it take a role."""
    own = [each for each in GIVEN if (each.layer, each.name, each.on) == ("role", role.name, role.on)]
    return any(may_by(kind, each, GIVEN[each]) for each in own)


def opens(duty: str, kind: Kind) -> bool:
    """Whether a role's trust lets it be taken."""
    trust = Place("trust", duty, on=kind.on)
    return may_by(kind, trust, GIVEN[trust])
