"""Changes of roles, buckets, keys and trails: proved where infra/ of main says the same, found elsewhere."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from sandbox.trails import callers
from sandbox.trails.records import call

if TYPE_CHECKING:
    from tests.audit.world import Answer, World

TEMPLATE = """\
Parameters:
  Project: {Type: String}
  Duty: {Type: String, AllowedValues: [training, staging, prod]}
  RepositoryId: {Type: String, AllowedPattern: "^[0-9]+$"}
  LockDays: {Type: Number, MinValue: 90}
Conditions:
  IsStaging: !Equals [!Ref Duty, staging]
  IsTraining: !Not [!Or [!Condition IsStaging, !Equals [!Ref Duty, prod]]]
Resources:
  DeployRole:
    Type: AWS::IAM::Role
    Condition: IsStaging
    Properties:
      RoleName: !Sub "${Project}-deploy-${Duty}"
      PermissionsBoundary: !Sub "arn:${AWS::Partition}:iam::${AWS::AccountId}:policy/${Project}-boundary"
      ManagedPolicyArns: ["arn:aws:iam::aws:policy/ReadOnlyAccess"]
      AssumeRolePolicyDocument:
        Statement:
          - Effect: Allow
            Action: sts:AssumeRoleWithWebIdentity
            Condition: {StringEquals: {"forge:repository_id": !Ref RepositoryId, "forge:public": true}}
      Policies:
        - PolicyName: deploy
          PolicyDocument:
            Statement:
              - Effect: Allow
                Action: [s3:GetObject]
                Resource: !Sub "${Bucket.Arn}/evidence/*"
              - !If [IsStaging, {Effect: Deny, Action: "iam:*", Resource: "*"}, !Ref "AWS::NoValue"]
  Bucket:
    Type: AWS::S3::Bucket
    Condition: IsTraining
    Properties:
      BucketName: !Join ["-", [!Ref Project, trail, !Ref "AWS::AccountId", !Ref "AWS::Region"]]
      ObjectLockConfiguration:
        ObjectLockEnabled: Enabled
        Rule: {DefaultRetention: {Mode: GOVERNANCE, Days: !Ref LockDays}}
      VersioningConfiguration: {Status: Enabled}
  BucketPolicy:
    Type: AWS::S3::BucketPolicy
    Condition: IsTraining
    Properties:
      Bucket: !Ref Bucket
      PolicyDocument: {Statement: [{Effect: Deny, Action: "s3:*", Resource: !GetAtt Bucket.Arn}]}
  Key:
    Type: AWS::KMS::Key
    Condition: IsTraining
    Properties:
      KeyPolicy: {Statement: [{Effect: Allow, Action: "kms:*", Resource: "*"}]}
  Trail:
    Type: AWS::CloudTrail::Trail
    Properties:
      TrailName: !Sub "${Project}-audit"
      IsMultiRegionTrail: true
      S3BucketName: !Ref Bucket
      KMSKeyId: !GetAtt Key.Arn
      EventSelectors: [{IncludeManagementEvents: true, ReadWriteType: All}]
"""
BUCKET = "acme-trail-111111111111-eu-west-1"
ROLE = {"roleName": "acme-deploy-staging"}
ARN = "arn:aws:s3:::acme-trail-222222222222-eu-west-1"


def trust(repository: str = "77") -> str:
    condition = {"StringEquals": {"forge:repository_id": repository, "forge:public": "true"}}
    statement = {"Effect": "Allow", "Action": "sts:AssumeRoleWithWebIdentity", "Condition": condition}
    return json.dumps({"Statement": [statement]})


def policy(resource: str = f"{ARN}/evidence/*", *, denies: bool = True) -> str:
    statements: list[dict[str, str]] = [{"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}]
    statements += [{"Resource": "*", "Effect": "Deny", "Action": "iam:*"}] if denies else []
    return json.dumps({"Statement": statements})


DENY = {"Statement": [{"Effect": "Deny", "Action": "s3:*", "Resource": f"arn:aws:s3:::{BUCKET}"}]}
NARROW = {"Statement": [{"Effect": "Deny", "Action": "s3:Put*", "Resource": f"arn:aws:s3:::{BUCKET}"}]}
KEY = json.dumps({"Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]})


def lock(days: int) -> dict[str, Any]:
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": days}}
    return {"bucketName": BUCKET, "ObjectLockConfiguration": {"ObjectLockEnabled": "Enabled", "Rule": rule}}


def commit(world: World, text: str = TEMPLATE, hours: float = -5) -> None:
    place = world.root / "infra/all.yml"
    place.parent.mkdir(exist_ok=True)
    place.write_text(text)
    world.git("add", "infra")
    world.git("commit", "-q", "-m", "Foundation", date=world.at(hours))


def act(
    world: World, service: str, name: str, hours: float, asked: dict[str, Any], account: str = ""
) -> None:
    """A person applies something, through CloudFormation."""
    account = account or (world.site.staging if service == "iam" else world.site.training)
    region = "us-east-1" if service == "iam" else world.site.region
    key = f"ASIAADA{hours}"
    who = callers.role_session(account, "Admin", "ada", key, invoked_by="cloudformation.amazonaws.com")
    world.writer.add(call(name, service, who, world.at(hours), account, region, asked))


SAID = [
    ("iam", "UpdateAssumeRolePolicy", {**ROLE, "policyDocument": trust()}),
    ("iam", "PutRolePolicy", {**ROLE, "policyName": "deploy", "policyDocument": policy()}),
    ("iam", "AttachRolePolicy", {**ROLE, "policyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
    (
        "iam",
        "PutRolePermissionsBoundary",
        {**ROLE, "permissionsBoundary": "arn:aws:iam::222222222222:policy/acme-boundary"},
    ),
    ("s3", "PutBucketPolicy", {"bucketName": BUCKET, "bucketPolicy": DENY}),
    ("s3", "PutBucketVersioning", {"bucketName": BUCKET, "VersioningConfiguration": {"Status": "Enabled"}}),
    ("s3", "PutBucketObjectLockConfiguration", lock(400)),
    ("kms", "PutKeyPolicy", {"keyId": "1234", "policy": KEY}),
    ("cloudtrail", "UpdateTrail", {"name": "acme-audit", "isMultiRegionTrail": True, "s3BucketName": BUCKET}),
    (
        "cloudtrail",
        "PutEventSelectors",
        {
            "trailName": "acme-audit",
            "eventSelectors": [{"includeManagementEvents": True, "readWriteType": "All"}],
        },
    ),
]
OTHERS = [
    ("iam", "PutRolePolicy", {**ROLE, "policyName": "deploy", "policyDocument": policy(ARN + "/*")}),
    ("iam", "PutRolePolicy", {**ROLE, "policyName": "deploy", "policyDocument": policy(denies=False)}),
    ("iam", "PutRolePolicy", {**ROLE, "policyName": "another", "policyDocument": policy()}),
    ("iam", "AttachRolePolicy", {**ROLE, "policyArn": "arn:aws:iam::aws:policy/AdministratorAccess"}),
    ("iam", "UpdateAssumeRolePolicy", {**ROLE, "policyDocument": trust("*")}),
    ("iam", "UpdateAssumeRolePolicy", {"roleName": "acme-deploy-prod", "policyDocument": trust()}),
    ("iam", "DeleteRole", ROLE),
    ("s3", "PutBucketPolicy", {"bucketName": BUCKET, "bucketPolicy": NARROW}),
    ("s3", "PutBucketVersioning", {"bucketName": BUCKET, "VersioningConfiguration": {"Status": "Suspended"}}),
    ("s3", "PutBucketObjectLockConfiguration", lock(30)),
    ("s3", "DeleteBucketPolicy", {"bucketName": BUCKET}),
    ("kms", "PutKeyPolicy", {"keyId": "1234", "policy": policy()}),
    ("cloudtrail", "UpdateTrail", {"name": "acme-audit", "isMultiRegionTrail": False}),
    ("cloudtrail", "StopLogging", {"name": "acme-audit"}),
]


def name_case(value: Any) -> str:
    return value if isinstance(value, str) else ""


@pytest.mark.parametrize(("service", "name", "asked"), SAID, ids=name_case)
def test_what_main_says_is_proved(world: World, service: str, name: str, asked: dict[str, Any]) -> None:
    commit(world)
    act(world, service, name, 4, asked)
    answer = world.audit()
    assert answer.code == 0, answer.text


@pytest.mark.parametrize(("service", "name", "asked"), SAID, ids=name_case)
def test_the_same_is_found_where_main_does_not_say_it(
    world: World, service: str, name: str, asked: dict[str, Any]
) -> None:
    act(world, service, name, 4, asked)
    assert world.audit().code == 1


@pytest.mark.parametrize(("service", "name", "asked"), OTHERS, ids=name_case)
def test_what_main_does_not_say_is_found(
    world: World, service: str, name: str, asked: dict[str, Any]
) -> None:
    commit(world)
    act(world, service, name, 4, asked)
    answer = world.audit()
    (rule,) = answer.rules
    assert (answer.code, rule) == (1, RULES[service])


RULES = {"iam": "widened-role", "s3": "bucket-changed", "kms": "key-changed", "cloudtrail": "trail-changed"}


def widen(world: World, *hours: float) -> Answer:
    """The new policy is applied at these hours."""
    for hour in hours:
        asked = {**ROLE, "policyName": "deploy", "policyDocument": policy(ARN + "/*")}
        act(world, "iam", "PutRolePolicy", hour, asked)
    return world.audit()


def test_a_change_that_was_merged_after_it_was_applied_is_proved(world: World) -> None:
    commit(world)
    commit(world, TEMPLATE.replace("evidence/*", "*"), 6)
    assert widen(world, 4).code == 0


def test_an_old_version_may_be_applied_for_a_day(world: World) -> None:
    commit(world, TEMPLATE.replace("evidence/*", "*"), -80)
    commit(world, hours=-5)
    assert widen(world, 4).code == 0


def test_an_old_version_that_was_replaced_long_ago_is_found(world: World) -> None:
    commit(world, TEMPLATE.replace("evidence/*", "*"), -80)
    commit(world, hours=-30)
    assert widen(world, 4).rules == ["widened-role"]


def test_what_main_leaves_open_is_fixed_by_its_first_use(world: World) -> None:
    commit(world)
    for hours, repository in ((3, "77"), (4, "77"), (5, "78")):
        asked = {**ROLE, "policyDocument": trust(repository)}
        act(world, "iam", "UpdateAssumeRolePolicy", hours, asked)
    finding = world.audit().finding("widened-role")
    assert finding["time"] == "2026-11-20T05:00:00Z"


@pytest.mark.parametrize(("repository", "boundary", "rules"), [
    ("77", "arn:aws:iam::222222222222:policy/acme-boundary", []),
    ("*", "arn:aws:iam::222222222222:policy/acme-boundary", ["widened-role"]),
    ("77", "", ["widened-role"]),
])  # fmt: skip
def test_a_role_is_born_as_main_says(world: World, repository: str, boundary: str, rules: list[str]) -> None:
    commit(world)
    asked = {**ROLE, "assumeRolePolicyDocument": trust(repository), "permissionsBoundary": boundary}
    act(world, "iam", "CreateRole", 3, asked)
    assert world.audit().rules == rules


def test_a_bucket_is_born_as_main_says(world: World) -> None:
    commit(world)
    act(world, "s3", "CreateBucket", 3, {"bucketName": BUCKET})
    act(world, "s3", "PutBucketPolicy", 3, {"bucketName": BUCKET, "bucketPolicy": NARROW})
    assert world.audit().rules == ["bucket-changed"]


def test_a_template_on_a_branch_proves_nothing(world: World) -> None:
    world.git("switch", "-q", "-c", "wider")
    commit(world)
    world.git("switch", "-q", "main")
    assert widen(world, 4).rules == ["widened-role"]


@pytest.mark.parametrize("text", ["Resources: [", "Resources: {A: {Type: AWS::IAM::Role}}", "text", ""])
def test_what_is_no_template_proves_nothing(world: World, text: str) -> None:
    commit(world, text)
    assert widen(world, 4).rules == ["widened-role"]
