"""infra/*.yml: each says why it is there and what it costs, and no policy gives more than it names.

The table of actions, resources and condition keys is AWS's service authorization reference, as policy_sentry
carries it (docs/adr/0016).
"""

from __future__ import annotations

import fnmatch
import json
import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from policy_sentry.shared.iam_data import get_service_prefix_data

from tests import blueprint
from tests.blueprint import Made, is_common, made, templates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from mlops.foundation.templates import Template

Statement = dict[str, Any]
LARGEST_INLINE, LARGEST_MANAGED = 10_240, 6_144  # characters without white space: IAM quotas
# Global keys, and the issuer's, which the table lacks: IAM guide, "Available keys for AWS OIDC federation".
GLOBAL = ("aws:", "token.actions.githubusercontent.com:")
# A resource's own policy names its resource by "*" where there is but one.
ATTACHED = {"AWS::KMS::Key": "KeyPolicy", "AWS::ECR::Repository": "RepositoryPolicyText"}
# No row of the table, but needed: SageMaker guide, "Register a model version from a different account".
UNLISTED = {"sagemaker:CreateModel": "arn:aws:sagemaker:*:*:model-package/*"}
DOCUMENTS = ("AWS::S3::BucketPolicy", "AWS::SNS::TopicPolicy", "AWS::EC2::VPCEndpoint")


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def identity_policies() -> Iterator[tuple[str, list[Statement]]]:
    """The statements of every role, and of every managed policy."""
    for role in made("AWS::IAM::Role"):
        yield (
            role.where,
            [
                each
                for policy in role.properties["Policies"]
                for each in policy["PolicyDocument"]["Statement"]
            ],
        )
    for policy in made("AWS::IAM::ManagedPolicy"):
        yield policy.where, policy.properties["PolicyDocument"]["Statement"]


def resource_policies() -> Iterator[tuple[str, list[Statement]]]:
    """The statements of every policy that is attached to a resource."""
    for each in made():
        document = each.properties.get(ATTACHED.get(each.type, "PolicyDocument"))
        if document and each.type in (*ATTACHED, *DOCUMENTS):
            yield each.where, document["Statement"]


IDENTITY, RESOURCE = dict(identity_policies()), dict(resource_policies())
EVERY = {**IDENTITY, **RESOURCE}


def common(wheres: Iterable[str]) -> list[str]:
    """Those of templates that every project has; the last test here judges the rest."""
    return [where for where in wheres if is_common(re.split("[:,]", where)[0])]


@cache
def privilege(action: str) -> dict[str, Any]:
    """What the table says of an action; fails where it knows none."""
    service, _, name = action.partition(":")
    found = get_service_prefix_data(service)
    assert found, f"AWS has no service {service!r}"
    assert name in found["privileges"], f"{service!r} has no action {name!r}"
    return dict(found["privileges"][name])


def kinds(action: str) -> dict[str, str]:
    """The kinds of resources that an action takes, with the shape of their ARNs; empty when it takes none."""
    resources = get_service_prefix_data(action.partition(":")[0])["resources"]
    found = {kind: resources[kind]["arn"] for kind in privilege(action)["resource_types"] if kind}
    return {**found, "unlisted": UNLISTED[action]} if action in UNLISTED else found


def keys_of(action: str) -> list[str]:
    """The condition keys that an action knows, in lower case, their variable ends as `*`."""
    types = privilege(action)["resource_types"].values()
    resources = get_service_prefix_data(action.partition(":")[0])["resources"].values()
    known = {key for kind in types for key in kind["condition_keys"]}
    known |= {key for kind in resources for key in kind["condition_keys"]}
    return [re.sub(r"(\$\{[^}]*\}|<[^>]*>)", "*", key).lower() for key in known]


def fits(resource: str, shape: str) -> bool:
    """Whether some resource is meant by a policy's pattern and is of a kind: both have wildcards."""
    ours, theirs = resource.split(":", 5), re.sub(r"\$\{[^}]*\}", "*", shape).split(":", 5)
    return all(map(meet, ours, theirs))


@cache
def meet(one: str, other: str) -> bool:
    """Whether two patterns have a text in common."""
    if not one or not other:
        return set(one + other) <= {"*"}
    if one[0] == "*":
        return meet(one[1:], other) or meet(one, other[1:])
    if other[0] == "*":
        return meet(other, one)
    return one[0] == other[0] and meet(one[1:], other[1:])


@pytest.mark.parametrize(
    "template", [each for each in templates() if is_common(each.stem)], ids=lambda template: template.stem
)
def test_a_template_says_when_why_and_at_what_cost_it_is_applied(template: Template) -> None:
    facts = template.facts
    assert facts.order < 1000, "Order is missing"
    assert len(facts.because) > 30
    assert facts.idle is not None
    assert re.search(r"\b20\d\d\b", facts.idle.source), "a price without its date"


def test_a_template_is_no_longer_than_cloudformation_takes() -> None:
    for template in templates():
        assert template.body, "it raises where it is too long"


def test_templates_are_applied_in_an_order_that_nothing_shares() -> None:
    orders = [template.facts.order for template in templates()]
    assert len(set(orders)) == len(orders)


@pytest.mark.parametrize("where", common(EVERY))
def test_every_action_exists(where: str) -> None:
    for action in {action for statement in EVERY[where] for action in listed(statement["Action"])}:
        if "*" not in action:
            privilege(action)


@pytest.mark.parametrize("where", common(EVERY))
def test_an_action_is_a_wildcard_only_in_a_denial_or_for_a_keys_owner(where: str) -> None:
    for statement in EVERY[where]:
        wild = {action for action in listed(statement["Action"]) if "*" in action}
        if statement["Effect"] == "Deny":
            assert wild <= {"s3:*"}
        elif statement["Sid"] == "Administer":
            assert wild == {"kms:*"}  # AWS's own default: else nobody could change the key again
        elif wild:
            assert wild == {"kms:GenerateDataKey*"}  # CloudTrail's choice among its two: its user guide
            assert statement["Principal"] == {"Service": "cloudtrail.amazonaws.com"}


@pytest.mark.parametrize("where", common(IDENTITY))
def test_a_resource_is_everything_only_where_an_action_takes_none(where: str) -> None:
    for statement in IDENTITY[where]:
        if "*" in listed(statement["Resource"]) and statement["Effect"] == "Allow":
            for action in listed(statement["Action"]):
                assert not kinds(action), f"{action} takes a resource: {', '.join(kinds(action))}"


@pytest.mark.parametrize("where", common(IDENTITY))
def test_each_action_has_a_resource_and_each_resource_an_action(where: str) -> None:
    for statement in IDENTITY[where]:
        resources = [each for each in listed(statement["Resource"]) if each != "*"]
        shapes = {action: list(kinds(action).values()) for action in listed(statement["Action"])}
        for action, taken in shapes.items() if resources else ():
            assert any(fits(each, shape) for each in resources for shape in taken), (action, resources)
        for each in resources:
            assert any(fits(each, shape) for taken in shapes.values() for shape in taken), (each, [*shapes])


@pytest.mark.parametrize("where", common(EVERY))
def test_each_condition_key_is_one_that_the_actions_know(where: str) -> None:
    for statement in EVERY[where]:
        conditions = statement.get("Condition", {}).values()
        asked = {key for keys in conditions for key in keys if not key.startswith(GLOBAL)}
        for action in listed(statement["Action"]):
            for key in asked if "*" not in action else ():
                assert any(fnmatch.fnmatchcase(key.lower(), known) for known in keys_of(action)), (
                    action,
                    key,
                )


def test_a_role_that_anybody_may_take_is_never_there() -> None:
    for role in made("AWS::IAM::Role"):
        for statement in role.properties["AssumeRolePolicyDocument"]["Statement"]:
            assert statement["Principal"] != "*", role.where
            assert "*" not in json.dumps(statement), role.where


@pytest.mark.parametrize("where", common(RESOURCE))
def test_only_a_denial_or_a_networks_endpoint_means_everybody(where: str) -> None:
    for statement in RESOURCE[where]:
        if statement["Effect"] == "Allow" and not where.startswith("network, "):
            assert statement["Principal"] not in ("*", {"AWS": "*"})


def test_policies_fit_into_iams_quotas() -> None:
    for role in made("AWS::IAM::Role"):
        sizes = [
            len(json.dumps(each["PolicyDocument"], separators=(",", ":")))
            for each in role.properties["Policies"]
        ]
        assert sum(sizes) < LARGEST_INLINE, role.where
    for policy in made("AWS::IAM::ManagedPolicy"):
        text = json.dumps(policy.properties["PolicyDocument"], separators=(",", ":"))
        assert len(text) < LARGEST_MANAGED, (policy.where, len(text))


def bucket_policy(bucket: Made) -> list[Statement]:
    (policy,) = [
        each
        for each in made("AWS::S3::BucketPolicy")
        if (each.template, each.variant) == (bucket.template, bucket.variant)
        and each.properties["Bucket"] == bucket.properties["BucketName"]
    ]
    return list(policy.properties["PolicyDocument"]["Statement"])


@pytest.mark.parametrize(
    "bucket",
    [each for each in made("AWS::S3::Bucket") if is_common(each.template)],
    ids=lambda each: f"{each.logical}{each.variant}",
)
def test_a_bucket_is_versioned_private_encrypted_and_reached_by_tls_alone(bucket: Made) -> None:
    found = bucket.properties
    assert found["VersioningConfiguration"] == {"Status": "Enabled"}
    assert list(found["PublicAccessBlockConfiguration"].values()) == [True] * 4
    assert found["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    tls = next(each for each in bucket_policy(bucket) if each["Sid"] == "OnlyTls")
    assert (tls["Effect"], tls["Principal"], tls["Action"]) == ("Deny", "*", "s3:*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def suppressions() -> Iterator[tuple[str, Any]]:
    for template in templates():
        for logical, declared in template.document["Resources"].items():
            for tool, said in (declared.get("Metadata") or {}).items():
                if tool == "checkov":
                    yield from ((f"{template.stem}: {logical}", each) for each in said["skip"])
        assert "cfn-lint" not in json.dumps(template.document.get("Metadata", {})), template.stem


@pytest.mark.parametrize(
    ("where", "skip"), [each for each in suppressions() if is_common(each[0].partition(":")[0])]
)
def test_a_suppression_gives_its_reason(where: str, skip: dict[str, str]) -> None:
    assert re.fullmatch(r"CKV2?_AWS_\d+", skip["id"]), where
    assert len(skip["comment"].split()) > 6, where


def test_a_resource_serves_only_the_kinds_that_its_shape_has() -> None:
    assert fits("arn:aws:s3:::shop-data/*", "arn:${Partition}:s3:::${BucketName}/${ObjectName}")
    assert not fits("arn:aws:s3:::shop-data", "arn:${Partition}:s3:::${BucketName}/${ObjectName}")
    assert not fits("arn:aws:sns:eu-west-1:222222222222:shop", "arn:${Partition}:s3:::${BucketName}")
    assert blueprint.templates()


def lifecycle(bucket: str) -> list[dict[str, Any]]:
    (found,) = [each for each in made("AWS::S3::Bucket") if each.logical == bucket]
    return list(found.properties["LifecycleConfiguration"]["Rules"])


def test_what_can_be_made_again_expires_and_what_commits_name_stays() -> None:
    expiring = {rule["Prefix"] for rule in lifecycle("DataBucket") if "ExpirationInDays" in rule}
    assert expiring == {"datasets/", "runs/", "capture/"}
    (old,) = [rule for rule in lifecycle("DataBucket") if "NoncurrentVersionExpiration" in rule]
    assert "Prefix" not in old, "what is erased anywhere must go for good"


def test_what_is_sealed_never_expires_and_answers_at_once() -> None:
    rules = lifecycle("ReleasesBucket")
    assert not [rule for rule in rules if {"ExpirationInDays", "NoncurrentVersionExpiration"} & set(rule)]
    classes = {each["StorageClass"] for rule in rules for each in rule.get("Transitions", [])}
    assert classes == {"INTELLIGENT_TIERING"}


@pytest.mark.parametrize("bucket", ["DataBucket", "ReleasesBucket"])
def test_abandoned_uploads_do_not_stay(bucket: str) -> None:
    (rule,) = [rule for rule in lifecycle(bucket) if "AbortIncompleteMultipartUpload" in rule]
    assert "Prefix" not in rule
    assert rule["Status"] == "Enabled"


def test_the_key_names_the_roles_of_the_environments_and_no_more() -> None:
    (key,) = [each for each in made("AWS::KMS::Key") if each.logical == "DataKey"]
    named = {
        statement["Sid"]: {
            arn.split(":role/shop-")[1] for arn in statement["Condition"]["ArnEquals"]["aws:PrincipalArn"]
        }
        for statement in key.properties["KeyPolicy"]["Statement"]
        if "Condition" in statement
    }
    readers = {f"{duty}-{env}" for duty in ("deploy", "serve") for env in ("staging", "prod")}
    writers = readers | {"rollback-staging", "rollback-prod"}  # which lay down holds, and read nothing
    assert named == {"ReadInEnvironments": readers, "WriteInEnvironments": writers}


def test_what_only_builds_of_codebuild_need_obeys_the_same_rules() -> None:
    for template in templates():
        test_a_template_says_when_why_and_at_what_cost_it_is_applied(template)
    for where in sorted(set(EVERY) - set(common(EVERY))):
        test_every_action_exists(where)
        test_an_action_is_a_wildcard_only_in_a_denial_or_for_a_keys_owner(where)
        test_each_condition_key_is_one_that_the_actions_know(where)
        if where in IDENTITY:
            test_a_resource_is_everything_only_where_an_action_takes_none(where)
            test_each_action_has_a_resource_and_each_resource_an_action(where)
        else:
            test_only_a_denial_or_a_networks_endpoint_means_everybody(where)
    for bucket in made("AWS::S3::Bucket"):
        test_a_bucket_is_versioned_private_encrypted_and_reached_by_tls_alone(bucket)
    for where, skip in suppressions():
        test_a_suppression_gives_its_reason(where, skip)
