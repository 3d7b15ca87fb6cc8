"""Sessions that builds of CodeBuild open by AssumeRole: whose build it was, who started it, and with what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.trails import callers, story
from sandbox.trails.builds import Build
from sandbox.trails.records import call

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.audit.world import Answer, World


def build(world: World, **members: Any) -> Build:
    """A build of the first pin's deployment."""
    pinned = world.pin("staging", "a", 1)
    return Build(world.site, pinned, world.at(1.1), **members)


def deploy(world: World, by: Build, who: Mapping[str, Any] | None = None) -> None:
    """What the build does in its duty's role."""
    pinned, who, at = by.pinned, who or by.who, by.at
    evidence = world.prove(pinned, 1)
    world.writer.extend(
        [
            *story.approve(world.site, pinned, who, at, evidence),
            story.make_model(world.site, pinned, who, at),
            story.make_config(world.site, pinned, who, at),
            story.move(world.site, pinned, who, at, "CreateEndpoint"),
        ]
    )


def audit(world: World, by: Build, *opening: Any) -> Answer:
    """The audit of a deployment that began so."""
    world.writer.extend([*opening] or by.begin())
    deploy(world, by)
    return world.audit()


def messages(answer: Answer, rule: str) -> list[str]:
    return [one["message"] for one in answer.report["findings"] if one["rule"] == rule]


@pytest.mark.parametrize("project", ["deploy-staging", "reconcile"])
def test_what_a_build_of_the_pipeline_deployed_is_proved(world: World, project: str) -> None:
    answer = audit(world, build(world, project=project))
    assert (answer.code, answer.verdicts("endpoint"), answer.verdicts("approval")) == (
        0,
        ["proved"],
        ["proved"],
    )


def test_a_build_of_another_project_may_not_take_the_role(world: World) -> None:
    answer = audit(world, build(world, project="train"))
    assert answer.rules == ["session"]
    assert "acme-build-train/AWSCodeBuild-" in answer.report["findings"][0]["message"]
    assert answer.verdicts("endpoint") == ["out-of-band"]


@pytest.mark.parametrize("name", ["mallory", "AWSCodeBuild-1"])
def test_a_person_who_takes_the_role_is_found_by_name(world: World, name: str) -> None:
    by, who = build(world), callers.role_session(world.site.training, "Admin", name, "ASIAMALLORY")
    answer = audit(world, by, *by.sign_in(who))
    assert (answer.rules, answer.verdicts("endpoint")) == (["session"], ["out-of-band"])
    assert f"assumed-role/Admin/{name}, which is no build" in answer.report["findings"][0]["message"]


def test_a_build_in_another_account_may_not_take_the_role(world: World) -> None:
    by = build(world)
    role = "acme-build-deploy-staging"
    who = callers.role_session(world.site.prod, role, f"AWSCodeBuild-{by.id}", "ASIAELSEWHERE")
    assert audit(world, by, by.start(), *by.sign_in(who)).rules == ["session"]


@pytest.mark.parametrize("missing", ["start", "provision"])
def test_a_build_that_the_trail_does_not_show_whole_is_not_proved(world: World, missing: str) -> None:
    by = build(world)
    parts = {"start": [by.start()], "provision": [by.provision()], "sign_in": by.sign_in()}
    answer = audit(world, by, *(one for name, some in parts.items() if name != missing for one in some))
    assert (answer.rules, answer.verdicts("endpoint")) == (["build-unseen"], ["unproved"])


def test_the_record_of_the_roles_account_alone_does_not_say_who_it_was(world: World) -> None:
    by = build(world)
    answer = audit(world, by, by.start(), by.provision(), by.sign_in()[1])
    assert answer.rules == ["build-unseen"]
    assert f"opened from account {world.site.training}" in answer.report["findings"][0]["message"]


def test_a_session_that_names_another_build_is_contradicted(world: World) -> None:
    by = build(world)
    other = Build(world.site, by.pinned, by.at, run="0000")
    answer = audit(world, by, by.start(), by.provision(), *by.sign_in(other.own), other.provision())
    assert "build 0000 of acme-deploy-staging, which its name does not say" in messages(answer, "session")[0]


def person(world: World) -> dict[str, Any]:
    return callers.user(world.site.training, "mallory")


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"buildspecOverride": "version: 0.2"}, "buildspecOverride"),
        ({"sourceVersion": "feature"}, "sourceVersion 'feature'"),
        ({"sourceVersion": "f" * 40}, f"sourceVersion '{'f' * 40}'"),
        ({"sourceLocationOverride": "https://example.com", "sourceTypeOverride": "GITHUB"}, "sourceLocation"),
        ({"environmentVariablesOverride": [{"name": "PATH", "value": "elsewhere"}]}, "Override 'PATH'"),
        ({"serviceRoleOverride": "arn:aws:iam::111111111111:role/acme-build-deploy-prod"}, "serviceRole"),
    ],
)
def test_a_build_that_a_person_turned_aside_is_found_with_who(
    world: World, changes: dict[str, Any], said: str
) -> None:
    answer = audit(world, build(world, starter=person(world), changes=changes))
    assert answer.rules == ["build-overridden", "session"]
    message = answer.finding("build-overridden")["message"]
    assert "user/mallory started acme-deploy-staging by StartBuild with " in message
    assert said in message
    assert answer.verdicts("endpoint") == ["contradicted"]


@pytest.mark.parametrize(
    "changes",
    [{}, {"sourceVersion": "main"}, {"environmentVariablesOverride": [{"name": "MODEL", "value": "guess"}]}],
)
def test_a_build_that_a_person_started_as_it_is_is_proved(world: World, changes: dict[str, Any]) -> None:
    assert audit(world, build(world, starter=person(world), changes=changes)).code == 0


def test_a_build_of_mains_commit_is_of_the_commit_that_its_session_names(world: World) -> None:
    before = world.git("rev-parse", "HEAD")
    by = build(world, starter=person(world), changes={"sourceVersion": before})
    answer = audit(world, by)
    assert answer.rules == ["session"]
    assert f"its build is of {before[:12]!r}" in messages(answer, "session")[0]


def test_somebody_elses_pipeline_is_not_the_projects(world: World) -> None:
    service = "codepipeline.amazonaws.com"
    starter = callers.role_session(world.site.training, "Other", "mine", "ASIAOTHER", invoked_by=service)
    changes = {"sourceVersion": "arn:aws:s3:::bucket/key"}
    assert "build-overridden" in audit(world, build(world, starter=starter, changes=changes)).rules


def test_a_start_of_another_projects_build_is_nobodys_business(world: World) -> None:
    site = world.site
    asked = {"projectName": "acmeother-deploy", "buildspecOverride": "version: 0.2"}
    answer = {"build": {"id": "other-deploy:1"}}
    world.writer.add(
        call("StartBuild", "codebuild", person(world), world.at(2), site.training, site.region, asked, answer)
    )
    assert world.audit().code == 0


def test_a_pipeline_that_a_person_started_at_another_commit_is_found(world: World) -> None:
    site, revision = world.site, {"actionName": "Source", "revisionType": "COMMIT_ID", "revisionValue": "f"}
    asked = {"name": "acme-deploy-prod", "sourceRevisions": [revision]}
    world.writer.add(
        call(
            "StartPipelineExecution",
            "codepipeline",
            person(world),
            world.at(2),
            site.training,
            site.region,
            asked,
        )
    )
    message = world.audit().finding("build-overridden")["message"]
    assert message.endswith(
        "user/mallory started acme-deploy-prod by StartPipelineExecution with sourceRevisions, past review"
    )


def test_a_build_whose_own_role_was_widened_is_not_proved(world: World) -> None:
    site, who = world.site, person(world)
    asked = {"roleName": "acme-build-deploy-staging", "policyDocument": "{}"}
    world.writer.add(
        call("UpdateAssumeRolePolicy", "iam", who, world.at(0.5), site.training, "us-east-1", asked)
    )
    answer = audit(world, build(world))
    assert answer.rules == ["breached-role", "widened-role"]
    assert answer.verdicts("endpoint") == ["unproved"]


@pytest.mark.parametrize(("changes", "code"), [({}, 0), ({"buildspecOverride": "version: 0.2"}, 1)])
def test_a_build_that_was_tried_again_is_what_it_was_at_first(
    world: World, changes: dict[str, Any], code: int
) -> None:
    first, site = build(world, run="1111", starter=person(world), changes=changes), world.site
    again = Build(site, first.pinned, first.at, run="2222")
    asked, answer = {"id": "acme-deploy-staging:1111"}, {"build": {"id": "acme-deploy-staging:2222"}}
    retry = call(
        "RetryBuild", "codebuild", person(world), first.at, site.training, site.region, asked, answer
    )
    found = audit(world, again, first.start(), retry, again.provision(), *again.sign_in())
    assert (found.code, found.verdicts("endpoint")) == (code, ["contradicted" if code else "proved"])


TEMPLATE = """\
Parameters:
  Project: {Type: String}
  Forge: {Type: String, AllowedValues: [github, codecommit]}
  ManualApproval: {Type: String, AllowedValues: [none, prod], Default: none}
Conditions:
  OnCodecommit: !Equals [!Ref Forge, codecommit]
  AsksForProd: !Equals [!Ref ManualApproval, prod]
Resources:
  Build:
    Type: AWS::CodeBuild::Project
    Properties:
      Name: !Sub "${Project}-deploy-staging"
      ServiceRole: !Sub "arn:aws:iam::${AWS::AccountId}:role/${Project}-build-deploy-staging"
      Source: !If [OnCodecommit, {Type: CODECOMMIT}, {Type: CODEPIPELINE, BuildSpec: buildspec/deploy.yml}]
      Environment:
        Image: standard:7.0
        EnvironmentVariables: [!If [OnCodecommit, !Ref "AWS::NoValue", {Name: ENVIRONMENT, Value: staging}]]
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      Name: !Sub "${Project}-deploy-staging"
      RoleArn: !Sub "arn:aws:iam::${AWS::AccountId}:role/${Project}-pipeline"
      Stages:
        - {Name: Source, Actions: []}
        - !If [AsksForProd, {Name: Approve, Actions: []}, !Ref "AWS::NoValue"]
"""
SOURCE = {"type": "CODEPIPELINE", "buildspec": "buildspec/deploy.yml"}
SETTINGS = {
    "image": "standard:7.0",
    "environmentVariables": [{"name": "ENVIRONMENT", "value": "staging"}],
}
STAGES = [{"name": "Source", "actions": []}]


def declare(world: World) -> None:
    """Main says what builds and pipelines are."""
    place = world.root / "infra/pipeline.yml"
    place.parent.mkdir(exist_ok=True)
    place.write_text(TEMPLATE)
    world.git("add", "infra")
    world.git("commit", "-q", "-m", "Builds", date=world.at(-5))
    world.source = world.git("rev-parse", "HEAD")


def change(world: World, service: str, name: str, hours: float, asked: dict[str, Any]) -> None:
    site = world.site
    world.writer.add(call(name, service, person(world), world.at(hours), site.training, site.region, asked))


def pipeline(stages: list[Any], role: str = "acme-pipeline") -> dict[str, Any]:
    arn = f"arn:aws:iam::111111111111:role/{role}"
    return {"pipeline": {"name": "acme-deploy-staging", "roleArn": arn, "stages": stages}}


@pytest.mark.parametrize(
    ("service", "name", "asked"),
    [
        ("codebuild", "UpdateProject", {"source": {**SOURCE, "buildspec": "version: 0.2"}}),
        ("codebuild", "UpdateProject", {"source": {"type": "GITHUB", "location": "https://example.com"}}),
        ("codebuild", "UpdateProject", {"environment": {**SETTINGS, "image": "other"}}),
        ("codebuild", "UpdateProject", {"serviceRole": "arn:aws:iam::111111111111:role/acme-build-train"}),
        ("codepipeline", "UpdatePipeline", pipeline([*STAGES, {"name": "Own", "actions": []}])),
        ("codepipeline", "UpdatePipeline", pipeline(STAGES, "Own")),
    ],
)
def test_a_build_or_pipeline_that_was_changed_past_main_proves_nothing_later(
    world: World, service: str, name: str, asked: dict[str, Any]
) -> None:
    declare(world)
    change(world, service, name, 0.5, {"name": "acme-deploy-staging", **asked})
    answer = audit(world, build(world))
    assert answer.rules == ["breached-role", "build-changed"]
    assert "user/mallory" in answer.finding("build-changed")["message"]
    assert answer.verdicts("endpoint") == ["unproved"]


def test_a_build_and_a_pipeline_as_main_says_are_proved(world: World) -> None:
    declare(world)
    role = "arn:aws:iam::111111111111:role/acme-build-deploy-staging"
    whole = {"name": "acme-deploy-staging", "serviceRole": role, "source": SOURCE, "environment": SETTINGS}
    for hours, name in ((0.1, "CreateProject"), (0.2, "UpdateProject")):
        change(world, "codebuild", name, hours, whole)
    for hours, stages in ((0.3, STAGES), (0.4, [*STAGES, {"name": "Approve", "actions": []}])):
        change(world, "codepipeline", "UpdatePipeline", hours, pipeline(stages))
    assert audit(world, build(world)).code == 0


def test_a_build_project_that_is_born_otherwise_than_main_says_is_found(world: World) -> None:
    declare(world)
    change(
        world, "codebuild", "CreateProject", 0.1, {"name": "acme-deploy-staging", "source": {"type": "S3"}}
    )
    assert world.audit().rules == ["build-changed"]


@pytest.mark.parametrize("service", ["codepipeline", "events"])
def test_a_rule_that_starts_a_build_with_another_buildspec_is_found(world: World, service: str) -> None:
    name = f"{service}.amazonaws.com"
    site = world.site
    starter = callers.role_session(site.training, "acme-builds-start", "r", "ASIARULE", invoked_by=name)
    answer = audit(world, build(world, starter=starter, changes={"buildspecOverride": "version: 0.2"}))
    assert answer.rules == ["build-overridden", "session"]


def test_a_build_of_somebody_elses_project_in_the_projects_role_is_contradicted(world: World) -> None:
    by = build(world)
    other = {**by.start(), "responseElements": {"build": {"id": f"evil:{by.id}"}}}
    answer = audit(world, by, other, by.provision(), *by.sign_in())
    assert "a build of 'evil' in the role of 'acme-deploy-staging'" in messages(answer, "session")[0]
