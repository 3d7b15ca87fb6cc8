"""Templates read, stacks planned, states decided: all that happens before AWS is asked to change anything."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest

from mlops.documents import parse_document
from mlops.errors import UsageError
from mlops.foundation.adoption import import_template, names_of
from mlops.foundation.expressions import full_parameters, in_words, wanted_resources
from mlops.foundation.stacks import Stack, plan_stacks, stacks_of
from mlops.foundation.steps import Act, Standing, decide, find_maker
from mlops.foundation.templates import MOST_BYTES, Template, parse_template, read_template, read_templates
from mlops.project import Project
from tests.conftest import ACCOUNT, PROJECT

PAYLOAD = Path(__file__).resolve().parents[1]
OTHER = "222222222222"
REPOSITORY = {"Owner": "acme", "OwnerId": "1", "Repository": "models", "RepositoryId": "2"}
STORE = """\
# a comment
Description: Where things lie
Metadata:
  AppliedTo: every duty
  Order: 10
  Because: Things must lie somewhere
  Idle: {UsdPerMonth: 1, Source: "a price list, 2026"}
Parameters:
  Project: {Type: String}
  Duty: {Type: String}
  OidcProvider: {Type: String, Default: create, AllowedValues: [create, exists]}
  Days: {Type: Number, Default: 90, MinValue: 30}
Conditions:
  IsTraining: !Equals [!Ref Duty, training]
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Condition: IsTraining
    DeletionPolicy: Retain
    Properties:
      BucketName: !Sub "${Project}-things-${AWS::AccountId}"
      LoggingConfiguration: {DestinationBucketName: !Ref Logs}
  Logs: {Type: AWS::S3::Bucket}
  Topic:
    Type: AWS::SNS::Topic
    Metadata: {Because: !Sub "Tells of ${Project}"}
"""


def make_project(staging: str = ACCOUNT, prod: str = ACCOUNT) -> Project:
    """The test project, with other accounts."""
    text = PROJECT.replace(f'staging: "{ACCOUNT}"', f'staging: "{staging}"')
    return parse_document(text.replace(f'prod: "{ACCOUNT}"', f'prod: "{prod}"'), Project, "project.yml")


@pytest.fixture
def store(tmp_path: Path) -> Template:
    """A template that has something of everything."""
    return write(tmp_path, "store", STORE)


def write(folder: Path, stem: str, text: str) -> Template:
    """A template in a project's infra/."""
    path = folder / "infra" / f"{stem}.yml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text)
    return read_template(path)


@pytest.fixture
def stack(store: Template) -> Stack:
    """The store of training."""
    return plan_stacks([store], make_project(), REPOSITORY)[0]


def made(stack: Stack, **changes: object) -> Standing:
    """The stack as it should be, but for some members."""
    parameters = full_parameters(stack, {})
    standing = Standing("CREATE_COMPLETE", "", parameters, stack.tags, stack.template.text, is_protected=True)
    return replace(standing, **changes)  # type: ignore[arg-type]


# templates


def test_the_projects_own_templates_are_read_and_say_why_they_are_there() -> None:
    found = read_templates(PAYLOAD)
    assert {"audit", "data", "identity"} <= {template.stem for template in found}
    assert [template.stem for template in found if not template.facts.because] == []


def test_templates_come_in_their_order(tmp_path: Path) -> None:
    write(tmp_path, "a", STORE.replace("Order: 10", "Order: 20"))
    write(tmp_path, "b", STORE)
    assert [template.stem for template in read_templates(tmp_path)] == ["b", "a"]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("every duty", "every week", "AppliedTo"),
        ("Order: 10", "Ordre: 10", "unknown key 'Ordre'"),
        ("Resources:", "Resource:", "it has no Resources"),
        ("Description: Where", "Description: [Where", "cannot be read"),
        ("Order: 10", "Order: 10\n  Order: 11", "stands twice"),
    ],
)
def test_a_template_that_is_none_is_refused_by_name(tmp_path: Path, old: str, new: str, said: str) -> None:
    with pytest.raises(UsageError, match=rf"infra/store\.yml: .*{said}"):
        write(tmp_path, "store", STORE.replace(old, new))


def test_a_template_too_long_to_send_goes_without_what_only_people_read(tmp_path: Path) -> None:
    long = write(tmp_path, "store", f"{STORE}# {'x' * MOST_BYTES}\n")
    expected = parse_template(STORE)
    del expected["Metadata"]
    for resource in expected["Resources"].values():
        resource.pop("Metadata", None)
    assert json.loads(long.body) == expected


def test_a_template_too_long_even_so_is_refused(tmp_path: Path) -> None:
    long = write(tmp_path, "store", STORE.replace("Where things lie", "x" * MOST_BYTES))
    with pytest.raises(UsageError, match=r"CloudFormation takes 51200\. Split it"):
        _ = long.body


def test_a_project_without_templates_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is this the root of a project"):
        read_templates(tmp_path)


# stacks


def test_every_duty_has_a_stack_in_its_account(store: Template) -> None:
    planned = plan_stacks([store], make_project(prod=OTHER), REPOSITORY)
    assert [(stack.name, stack.account) for stack in planned] == [
        ("acme-store-training", ACCOUNT),
        ("acme-store-staging", ACCOUNT),
        ("acme-store-prod", OTHER),
    ]


def test_an_account_makes_its_provider_once(store: Template) -> None:
    planned = plan_stacks([store], make_project(prod=OTHER), REPOSITORY)
    assert [stack.parameters["OidcProvider"] for stack in planned] == ["create", "exists", "create"]


def test_a_provider_that_was_there_before_is_not_made(store: Template) -> None:
    makers = {(ACCOUNT, "OidcProvider"): ""}
    planned = plan_stacks([store], make_project(), REPOSITORY, makers=makers)
    assert {stack.parameters["OidcProvider"] for stack in planned} == {"exists"}


def test_a_template_for_every_account_is_applied_once_in_each(tmp_path: Path) -> None:
    once = write(tmp_path, "trail", STORE.replace("every duty", "every account"))
    project = make_project(prod=OTHER)
    planned = plan_stacks([once], project, REPOSITORY)
    assert [stack.name for stack in planned] == ["acme-trail-training", "acme-trail-prod"]
    assert stacks_of(planned, "staging", ACCOUNT) == [planned[0]], "staging shares training's account"


def test_optional_templates_wait_to_be_asked_for(tmp_path: Path) -> None:
    network = write(tmp_path, "network", STORE.replace("Order: 10", "Optional: true"))
    assert plan_stacks([network], make_project(), REPOSITORY) == ()
    assert len(plan_stacks([network], make_project(), REPOSITORY, ["network"])) == 3
    with pytest.raises(UsageError, match="'netwrok' is no optional template of infra/; allowed: network"):
        plan_stacks([network], make_project(), REPOSITORY, ["netwrok"])


def test_a_template_of_another_forge_is_left_out(tmp_path: Path) -> None:
    other = write(tmp_path, "pulls", STORE.replace("Order: 10", "Forge: codecommit"))
    assert plan_stacks([other], make_project(), REPOSITORY) == ()


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("Days", "7", "Days is '7'; allowed: a number from 30 to inf"),
        ("Days", "many", "allowed: a number"),
        ("OidcProvider", "maybe", "allowed: create, exists"),
        ("Dyas", "90", "'Dyas' is no parameter of infra/; allowed: Days, OidcProvider"),
        ("Project", "other", "it comes from project.yml"),
    ],
)
def test_a_value_that_cloudformation_would_refuse_is_refused_first(
    store: Template, name: str, value: str, said: str
) -> None:
    with pytest.raises(UsageError, match=said):
        plan_stacks([store], make_project(), REPOSITORY, settings={name: value})


def test_a_parameter_that_nobody_knows_is_asked_for(tmp_path: Path) -> None:
    asking = write(tmp_path, "asking", STORE.replace("  Duty:", "  Color: {Type: String}\n  Duty:"))
    with pytest.raises(UsageError, match=r"Color has no default and no value.*--set Color="):
        plan_stacks([asking], make_project(), REPOSITORY)


# what a stack has


def test_conditions_say_which_resources_a_stack_has(store: Template) -> None:
    training, staging, _ = plan_stacks([store], make_project(), REPOSITORY)
    assert [resource.name for resource in wanted_resources(training, {})] == ["Bucket", "Logs", "Topic"]
    assert [resource.name for resource in wanted_resources(staging, {})] == ["Logs", "Topic"]


def test_names_and_reasons_are_filled_in(stack: Stack) -> None:
    assert names_of(stack, "AWS::S3::Bucket") == {"Bucket": f"acme-things-{ACCOUNT}"}
    assert in_words(stack, stack.template.resources["Topic"].because) == "Tells of acme"


def test_earlier_values_are_kept_where_none_is_given(stack: Stack) -> None:
    assert full_parameters(stack, {"Days": "400"})["Days"] == "400"
    again = replace(stack, parameters={**stack.parameters, "Days": "30"})
    assert full_parameters(again, {"Days": "400"})["Days"] == "30"


def test_what_is_adopted_stands_alone_in_its_template(stack: Stack) -> None:
    document = json.loads(import_template(stack, ["Bucket"]))
    bucket = document["Resources"].pop("Bucket")
    assert document["Resources"] == {}
    assert bucket["DeletionPolicy"] == "Retain"
    assert list(bucket["Properties"]) == ["BucketName"], "Logs is not imported, so nothing may name it"


# states


@pytest.mark.parametrize(
    ("status", "act"),
    [
        ("", Act.CREATE),
        ("REVIEW_IN_PROGRESS", Act.CREATE),
        ("DELETE_COMPLETE", Act.CREATE),
        ("ROLLBACK_COMPLETE", Act.REPLACE),
        ("ROLLBACK_FAILED", Act.REPLACE),
        ("CREATE_FAILED", Act.REPLACE),
        ("DELETE_FAILED", Act.REPLACE),
        ("CREATE_IN_PROGRESS", Act.WAIT),
        ("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS", Act.WAIT),
        ("UPDATE_ROLLBACK_IN_PROGRESS", Act.WAIT),
        ("UPDATE_ROLLBACK_FAILED", Act.REPAIR),
        ("UPDATE_FAILED", Act.REFUSE),
        ("CREATE_COMPLETE", Act.KEEP),
        ("UPDATE_ROLLBACK_COMPLETE", Act.KEEP),
        ("IMPORT_COMPLETE", Act.KEEP),
    ],
)
def test_each_state_has_its_next_step(stack: Stack, status: str, act: Act) -> None:
    assert decide(stack, made(stack, status=status)).act is act


def test_a_stack_that_an_import_left_bare_is_made_anew(stack: Stack) -> None:
    assert decide(stack, made(stack, status="IMPORT_ROLLBACK_COMPLETE", is_bare=True)).act is Act.REPLACE
    assert decide(stack, made(stack, status="IMPORT_ROLLBACK_COMPLETE")).act is Act.KEEP


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"template": STORE.replace("SNS::Topic", "SQS::Queue")}, "infra/store.yml has changed"),
        ({"tags": {}}, "tags"),
        (
            {"parameters": {"Project": "acme", "Duty": "training", "Days": "90"}},
            "OidcProvider='create' is new",
        ),
    ],
)
def test_a_difference_is_an_update_that_says_which(
    stack: Stack, changes: dict[str, object], said: str
) -> None:
    step = decide(stack, made(stack, **changes))
    assert (step.act, step.because) == (Act.UPDATE, said)


def test_a_set_parameter_is_an_update(stack: Stack) -> None:
    step = decide(replace(stack, parameters={**stack.parameters, "Days": "400"}), made(stack))
    assert step.because == "Days: '90' becomes '400'"


@pytest.mark.parametrize(
    "text", [STORE.replace("# a comment\n", ""), STORE.replace("Things must", "They must")]
)
def test_other_words_about_the_same_resources_change_nothing(stack: Stack, text: str) -> None:
    assert decide(stack, made(stack, template=text)).act is Act.KEEP


def test_what_holds_data_is_protected(stack: Stack) -> None:
    assert decide(stack, made(stack, is_protected=False)).act is Act.PROTECT


def test_whoever_made_the_provider_goes_on_making_it() -> None:
    standings = {
        "one": Standing("CREATE_COMPLETE", parameters={"OidcProvider": "exists"}),
        "two": Standing("CREATE_COMPLETE", parameters={"OidcProvider": "create"}),
        "gone": Standing("ROLLBACK_COMPLETE", parameters={"OidcProvider": "create"}),
    }
    assert find_maker("OidcProvider", ["one", "two"], standings, is_there=True) == "two"
    assert find_maker("OidcProvider", ["gone", "one"], standings, is_there=True) == ""
    assert find_maker("OidcProvider", ["gone", "one"], standings, is_there=False) == "gone"
