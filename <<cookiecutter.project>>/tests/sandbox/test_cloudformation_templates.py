"""Templates without a stack: functions, conditions, rules, parameters, order, and what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.cloudformation import design, template
from sandbox.cloudformation.functions import Later, resolve
from sandbox.cloudformation.kinds import Place
from sandbox.errors import ServiceError

PLACE = Place(
    "222222222222", "eu-west-1", "shop", "arn:aws:cloudformation:eu-west-1:222222222222:stack/shop/1"
)
BASE = """
Parameters:
  Name: {Type: String, Default: a-b}
  Days: {Type: Number, Default: 30, MinValue: 7, MaxValue: 60}
  Zones: {Type: CommaDelimitedList, Default: "x, y"}
  Duty: {Type: String, Default: prod, AllowedValues: [staging, prod]}
  Code: {Type: String, Default: abc, AllowedPattern: "[a-c]+", MinLength: 2, MaxLength: 4}
Mappings:
  Sizes: {prod: {count: 2, zones: [p, q]}}
Conditions:
  IsProd: !Equals [!Ref Duty, prod]
  IsOther: !Not [!Condition IsProd]
  Both: !And [!Condition IsProd, !Or [!Equals [a, b], !Equals [!FindInMap [Sizes, prod, count], "2"]]]
Resources:
  Topic: {Type: AWS::SNS::Topic, Properties: {TopicName: t}}
  Other: {Type: AWS::SNS::Topic, Condition: IsOther}
"""


def draw(text: str = BASE, **given: str) -> design.Design:
    asked = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    return design.draw(template.read(text), asked, None, {}, PLACE)


def value(text: str) -> Any:
    """A property's value, evaluated as far as it goes without resources."""
    drawn = draw()
    references = design.References("Resources", {name: part.kind for name, part in drawn.parts.items()})
    return resolve(template.load(text), references.scope(drawn))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("!Ref Name", "a-b"),
        ("!Ref Zones", ["x", "y"]),
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Join ['/', [!Ref Name, !Ref Days, true]]", "a-b/30/true"),
        ("!Sub '${Name}-${AWS::AccountId}-${!Name}'", "a-b-222222222222-${Name}"),
        ("!Sub ['${Mine}-${Days}', {Mine: !Ref Duty}]", "prod-30"),
        ("!Select [1, !Split ['-', !Ref Name]]", "b"),
        ("!Select ['0', !GetAZs '']", "eu-west-1a"),
        ("!If [IsProd, 1, 2]", 1),
        (
            "{A: !If [IsProd, !Ref AWS::NoValue, x], B: [!If [IsProd, !Ref 'AWS::NoValue', x], y]}",
            {"B": ["y"]},
        ),
        ("!FindInMap [Sizes, !Ref Duty, zones]", ["p", "q"]),
        ("!Base64 abc", "YWJj"),
        ("!Cidr [10.0.0.0/16, 2, 8]", ["10.0.0.0/24", "10.0.1.0/24"]),
        ("{'Fn::Join': ['', [{Ref: Name}]]}", "a-b"),
        ("2012-10-17", "2012-10-17"),
    ],
)
def test_a_function_gives_what_cloudformation_gives(text: str, expected: Any) -> None:
    assert value(text) == expected


def test_what_a_resource_decides_waits_for_it() -> None:
    assert value("!Sub '${Topic}/${Topic.TopicName}'") == Later(
        frozenset({("Topic", ""), ("Topic", "TopicName")})
    )


def test_conditions_decide_which_resources_there_are() -> None:
    assert draw().conditions == {"IsProd": True, "IsOther": False, "Both": True}
    assert list(draw().parts) == ["Topic"]
    assert list(draw(Duty="staging").parts) == ["Topic", "Other"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"Duty": "x"}, "'Duty' must be one of AllowedValues: 'x' is none of staging, prod"),
        ({"Days": "x"}, "'Days' must be a number"),
        ({"Days": "6"}, "not less than 7"),
        ({"Days": "61"}, "not greater than 60"),
        ({"Code": "xyz"}, r"'Code' must match pattern \[a-c\]\+"),
        ({"Code": "a"}, "at least 2 characters"),
        ({"Code": "aaaaa"}, "at most 4 characters"),
        ({"Nothing": "a"}, r"Parameters: \[Nothing\] do not exist in the template"),
    ],
)
def test_a_parameter_that_is_not_allowed_is_refused(given: dict[str, str], said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        draw(**given)


def test_a_parameter_without_value_is_asked_for() -> None:
    with pytest.raises(ServiceError, match=r"Parameters: \[Name\] must have values"):
        draw("{Parameters: {Name: {Type: String}}, Resources: {T: {Type: 'AWS::SNS::Topic'}}}")


RULES = """
Parameters: {Duty: {Type: String}}
Rules:
  OnlyHere:
    RuleCondition: !Equals [!Ref Duty, training]
    Assertions:
      - {Assert: !Contains [[one, two], !Ref AWS::Region], AssertDescription: not in this region}
Resources: {T: {Type: AWS::SNS::Topic}}
"""


def test_a_rule_binds_only_where_its_condition_holds() -> None:
    assert draw(RULES, Duty="prod").parts
    with pytest.raises(ServiceError, match="rule OnlyHere is not fulfilled: not in this region"):
        draw(RULES, Duty="training")


def resources(text: str) -> str:
    return f"Resources: {{A: {{Type: AWS::SNS::Topic}}, {text}}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Resources: {}", "At least one Resources member must be defined"),
        ("Resources: [", "YAML not well-formed"),
        ("Colour: blue\nResources: {A: {Type: X}}", r"Invalid template property or properties \[Colour\]"),
        ("Transform: AWS::Serverless\nResources: {A: {Type: X}}", "has no transforms"),
        (resources("B: {Properties: {}}"), "must contain a Type member"),
        (resources("B: {Type: AWS::X::Y}"), r"Unrecognized resource types: \[AWS::X::Y\]"),
        (resources("B: {Type: AWS::SNS::Topic, CreationPolicy: {}}"), "has no CreationPolicy of resources"),
        (resources("B: {Type: AWS::SNS::Topic, DeletionPolicy: Keep}"), "Unrecognized DeletionPolicy 'Keep'"),
        (resources("B: {Type: AWS::SNS::Topic, Properties: {TopicName: !Ref C}}"), r"dependencies \[C\]"),
        (resources("B: {Type: AWS::SNS::Topic, DependsOn: C}"), r"dependencies \[C\]"),
        (resources("B: {Type: AWS::SNS::Topic, Condition: C}"), "Unresolved condition 'C' of B"),
        (
            resources("B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !GetAtt A.Colour}}"),
            "does not support attribute type Colour",
        ),
        (
            resources("B: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Length [a]}}"),
            "has no function Fn::Length",
        ),
        (
            resources(
                "B: {Type: AWS::SNS::Topic, DependsOn: C}, "
                "C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Ref B}}"
            ),
            r"Circular dependency between resources: \[B, C\]",
        ),
        (
            resources(
                "B: {Type: AWS::S3::Bucket, Properties: {LifecycleConfiguration: {Rules: [{Colour: 1}]}}}"
            ),
            r"AWS::S3::Bucket has no LifecycleConfiguration.Rules\[0\].Colour",
        ),
        (
            resources("B: {Type: AWS::S3::Bucket, Properties: {ObjectLockEnabled: maybe}}"),
            "ObjectLockEnabled: expected type: Boolean, found: String",
        ),
        (
            resources("B: {Type: AWS::SNS::TopicPolicy, Properties: {Topics: []}}"),
            r"required key \[PolicyDocument\]",
        ),
        (
            "Parameters: {P: {Type: 'AWS::SSM::Parameter::Value<String>'}}\nResources: {A: {Type: X}}",
            "has no parameters of type",
        ),
    ],
)
def test_a_template_that_cannot_be_made_is_refused(text: str, said: str) -> None:
    with pytest.raises(ServiceError, match=said):
        draw(text)


def test_each_resource_comes_after_what_it_needs() -> None:
    text = resources(
        "First: {Type: AWS::SNS::Topic, DependsOn: [Second], Properties: {DisplayName: !Ref A}}, "
        "Second: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub '${Third}'}}, "
        "Third: {Type: AWS::SNS::Topic}"
    )
    assert list(draw(text).parts) == ["A", "Third", "Second", "First"]


def test_a_branch_that_is_not_taken_needs_nothing() -> None:
    text = "Conditions: {Never: !Equals [a, b]}\n" + resources(
        "B: {Type: AWS::SNS::Topic, Condition: Never}, "
        "C: {Type: AWS::SNS::Topic, Properties: {DisplayName: !If [Never, !Ref B, x]}}"
    )
    assert dict(draw(text).parts["C"].properties) == {"DisplayName": "x"}
