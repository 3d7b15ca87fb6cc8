"""STS: a job's token opens the sessions it is meant for, and no other; sessions end."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.forge.app import OWNER_ID, REPOSITORY_ID
from sandbox.oidc import Issuer

from .conftest import ACCOUNT, PROD, STAGING, Sandbox, allow, make_role, make_user
from .workers import AUDIENCE, CI_ROLES, MAIN, claims_of, exchange, role_arn, sign, worker

if TYPE_CHECKING:
    from pathlib import Path

NOT_AUTHORIZED = r"\(AccessDenied\).*Not authorized to perform sts:AssumeRoleWithWebIdentity"
OLD, NEW = "repo:acme/shop", f"repo:acme@{OWNER_ID}/shop@{REPOSITORY_ID}"
FLOWS = "acme/shop/.github/workflows"
FORK = {"repository": "evil/shop", "repository_owner": "evil", "repository_id": "10"}


def refused(sandbox: Sandbox, role: str, said: str = NOT_AUTHORIZED, **changes: str) -> None:
    with pytest.raises(ClientError, match=said):
        exchange(sandbox, role, sign(sandbox, claims_of(role, **changes)))


@pytest.mark.parametrize("prefix", [OLD, NEW])
@pytest.mark.parametrize("role", CI_ROLES)
def test_a_job_signs_in_with_either_form_of_its_subject(sandbox: Sandbox, role: str, prefix: str) -> None:
    claims = claims_of(role)
    subject = claims["sub"].replace(NEW, prefix)
    answer = exchange(sandbox, role, sign(sandbox, {**claims, "sub": subject}))
    account = CI_ROLES[role][0]
    assert answer["AssumedRoleUser"]["Arn"] == f"arn:aws:sts::{account}:assumed-role/shop-{role}/p7.abc.1"
    assert (answer["SubjectFromWebIdentityToken"], answer["Audience"]) == (subject, AUDIENCE)
    who = worker(sandbox, answer["Credentials"])("sts").get_caller_identity()
    assert (who["Account"], who["Arn"]) == (account, answer["AssumedRoleUser"]["Arn"])


@pytest.mark.parametrize(
    ("role", "changes"),
    [
        ("deploy-staging", {"environment": "prod", "sub": f"{NEW}:environment:prod"}),
        ("deploy-prod", {"environment": "staging", "sub": f"{NEW}:environment:staging"}),
        ("deploy-prod", {"environment": "rollback-prod", "sub": f"{NEW}:environment:rollback-prod"}),
        ("deploy-prod", {"sub": f"{NEW}:ref:{MAIN}", "environment": ""}),
        ("deploy-prod", {"job_workflow_ref": f"{FLOWS}/rollback.yml@{MAIN}"}),
        ("deploy-prod", {"job_workflow_ref": f"{FLOWS}/deploy.yml@refs/heads/feature"}),
        ("deploy-prod", {"job_workflow_ref": f"evil/shop/.github/workflows/deploy.yml@{MAIN}"}),
        ("deploy-prod", {"repository_id": "1"}),
        ("deploy-prod", {"ref": "refs/heads/feature"}),
        ("train", {"sub": f"{NEW}:pull_request", "ref": "refs/pull/3/merge"}),
        ("train", {"sub": f"{NEW}:ref:refs/heads/feature", "ref": "refs/heads/feature"}),
        ("train", {"job_workflow_ref": f"{FLOWS}/check.yml@{MAIN}"}),
        ("train", {"sub": f"repo:acme/shop-two:ref:{MAIN}"}),
        ("train", {"sub": f"repo:acme@1/shop@{REPOSITORY_ID}:ref:{MAIN}"}),
        ("ci", {"job_workflow_ref": f"{FLOWS}/train.yml@{MAIN}"}),
        ("rollback-prod", {"job_workflow_ref": f"{FLOWS}/deploy.yml@{MAIN}"}),
        # a fork's job: GitHub signs for it too, in its own name
        ("ci", {**FORK, "sub": f"repo:evil@9/shop@10:ref:{MAIN}"}),
        ("train", {**FORK, "sub": f"repo:evil/shop:ref:{MAIN}"}),
        ("deploy-staging", {**FORK, "sub": "repo:evil@9/shop@10:environment:staging"}),
        # … and one that could say what it liked but its repository's number
        ("audit", {"repository_id": "10"}),
        ("rollback-staging", {"repository_id": "10"}),
    ],
)
def test_a_job_that_a_role_is_not_meant_for_gets_no_session(
    sandbox: Sandbox, role: str, changes: dict[str, str]
) -> None:
    refused(sandbox, role, **changes)


def test_a_claim_that_is_missing_is_no_wildcard(sandbox: Sandbox) -> None:
    claims = claims_of("deploy-prod")
    del claims["environment"]
    with pytest.raises(ClientError, match=NOT_AUTHORIZED):
        exchange(sandbox, "deploy-prod", sign(sandbox, claims))


def test_a_token_for_another_audience_is_refused(sandbox: Sandbox) -> None:
    refused(
        sandbox, "train", r"\(InvalidIdentityToken\).*Incorrect token audience", aud="https://github.com/acme"
    )


def test_a_token_that_another_key_signed_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    forged = Issuer(tmp_path).sign(claims_of("deploy-prod"))
    with pytest.raises(ClientError, match=r"\(InvalidIdentityToken\).*Signature verification failed"):
        exchange(sandbox, "deploy-prod", forged)


def test_a_token_that_is_too_old_is_refused(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match=r"\(ExpiredTokenException\)"):
        exchange(sandbox, "train", sign(sandbox, claims_of("train"), seconds=-10))


def test_a_token_is_worth_nothing_where_its_issuer_is_no_provider(sandbox: Sandbox) -> None:
    iam = sandbox.client("iam", f"AKIAROOT{PROD}")
    arn = f"arn:aws:iam::{PROD}:oidc-provider/token.actions.githubusercontent.com"
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=arn)
    try:
        refused(sandbox, "deploy-prod", r"\(InvalidIdentityToken\).*No OpenIDConnect provider found")
    finally:
        iam.create_open_id_connect_provider(
            Url="https://token.actions.githubusercontent.com", ClientIDList=[AUDIENCE]
        )


def test_a_role_that_does_not_exist_is_not_told_apart(sandbox: Sandbox) -> None:
    for account in (ACCOUNT, "999999999999"):
        with pytest.raises(ClientError, match=NOT_AUTHORIZED):
            exchange(sandbox, "nobody", sign(sandbox, claims_of("train")), account)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"DurationSeconds": 7200}, "exceeds the MaxSessionDuration set for this role"),
        ({"DurationSeconds": 100_000}, "value between 900 and 43200"),
        ({"RoleSessionName": "no spaces"}, "regular expression pattern"),
        ({"Policy": "{"}, r"\(MalformedPolicyDocument\)"),
    ],
)
def test_a_session_that_iam_would_not_open_is_refused(
    sandbox: Sandbox, more: dict[str, Any], said: str
) -> None:
    asked = {"RoleSessionName": "p7", "WebIdentityToken": sign(sandbox, claims_of("train")), **more}
    with pytest.raises(ClientError, match=said):
        sandbox.client("sts").assume_role_with_web_identity(RoleArn=role_arn("train", ACCOUNT), **asked)


def test_an_exchange_is_recorded_with_subject_and_audience_and_without_the_token(sandbox: Sandbox) -> None:
    token = sign(sandbox, claims_of("deploy-prod"))
    made = exchange(sandbox, "deploy-prod", token)
    key = made["Credentials"]["AccessKeyId"]
    (record,) = [each for each in sandbox.records() if key in json.dumps(each["responseElements"])]
    provider = f"arn:aws:iam::{PROD}:oidc-provider/token.actions.githubusercontent.com"
    subject = claims_of("deploy-prod")["sub"]
    assert record["userIdentity"]["type"] == "WebIdentityUser"
    assert record["userIdentity"]["userName"] == subject
    assert record["userIdentity"]["principalId"] == f"{provider}:{AUDIENCE}:{subject}"
    assert record["requestParameters"] == {
        "roleArn": role_arn("deploy-prod", PROD),
        "roleSessionName": "p7.abc.1",
    }
    answered = record["responseElements"]
    assert (answered["provider"], answered["audience"]) == (provider, AUDIENCE)
    assert answered["subjectFromWebIdentityToken"] == subject
    assert (record["recipientAccountId"], record["readOnly"]) == (PROD, True)
    assert token not in json.dumps(sandbox.records())


def test_what_a_session_does_leads_back_to_its_exchange(sandbox: Sandbox) -> None:
    made = exchange(sandbox, "deploy-prod", sign(sandbox, claims_of("deploy-prod")))["Credentials"]
    worker(sandbox, made)("sagemaker").list_endpoints(NameContains="leads-back")
    (record,) = [each for each in sandbox.records() if "leads-back" in json.dumps(each["requestParameters"])]
    identity = record["userIdentity"]
    assert identity["accessKeyId"] == made["AccessKeyId"]
    provider = identity["sessionContext"]["webIdFederationData"]["federatedProvider"]
    assert provider.endswith(":oidc-provider/token.actions.githubusercontent.com")


def test_a_refused_exchange_is_recorded_as_an_attempt(sandbox: Sandbox) -> None:
    subject = f"{NEW}:ref:refs/heads/attempt"
    refused(sandbox, "train", sub=subject)
    (record,) = [each for each in sandbox.records() if each["userIdentity"].get("userName") == subject]
    assert (record["errorCode"], record["responseElements"]) == ("AccessDenied", None)


def test_a_session_ends(fast: Sandbox) -> None:
    made = exchange(fast, "train", sign(fast, claims_of("train")))["Credentials"]
    act = worker(fast, made)
    assert act("sts").get_caller_identity()["Account"] == ACCOUNT
    time.sleep(1.05)
    for service, call, code in (
        ("sts", "get_caller_identity", "ExpiredToken"),
        ("sagemaker", "list_endpoints", "ExpiredTokenException"),
        ("s3", "list_buckets", "ExpiredToken"),
    ):
        with pytest.raises(ClientError) as caught:
            getattr(act(service), call)()
        assert caught.value.response["Error"]["Code"] == code, service


@pytest.mark.parametrize(
    ("service", "code"),
    [
        ("sagemaker", "UnrecognizedClientException"),
        ("sts", "InvalidClientTokenId"),
        ("s3", "InvalidAccessKeyId"),
    ],
)
def test_a_key_that_nobody_has_is_refused(sandbox: Sandbox, service: str, code: str) -> None:
    call = {"sagemaker": "list_endpoints", "sts": "get_caller_identity", "s3": "list_buckets"}[service]
    for key in ("AKIATESTER0000000000", "AKIAROOT999999999999", "ASIATESTER0000000000"):
        with pytest.raises(ClientError) as caught:
            getattr(sandbox.client(service, key), call)()
        assert caught.value.response["Error"]["Code"] == code, key


def test_a_sessions_key_without_its_token_is_refused(sandbox: Sandbox) -> None:
    made = exchange(sandbox, "train", sign(sandbox, claims_of("train")))["Credentials"]
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sandbox.client("sts", made["AccessKeyId"]).get_caller_identity()


def test_a_call_that_nobody_signed_is_refused(sandbox: Sandbox) -> None:
    import boto3
    from botocore import UNSIGNED
    from botocore.config import Config

    config = Config(signature_version=UNSIGNED, proxies={}, retries={"total_max_attempts": 1})
    options: dict[str, Any] = {"endpoint_url": sandbox.endpoint, "region_name": "eu-west-1", "config": config}
    session = boto3.session.Session()
    with pytest.raises(ClientError, match="AccessDenied"):
        session.client("s3", **options).list_objects_v2(Bucket=sandbox.bucket)
    with pytest.raises(ClientError, match="MissingAuthenticationToken"):
        session.client("sts", **options).get_caller_identity()


def test_a_user_assumes_only_roles_that_trust_it(sandbox: Sandbox, unique: str) -> None:
    key, role = make_user(sandbox, unique), make_role(sandbox, unique, ["sagemaker:ListEndpoints"])
    sts = sandbox.client("sts", key)
    made = sts.assume_role(RoleArn=role, RoleSessionName=unique)["Credentials"]
    assert worker(sandbox, made)("sagemaker").list_endpoints()["Endpoints"] is not None
    for other in (role_arn("deploy-staging", STAGING), role_arn("execution", ACCOUNT)):
        with pytest.raises(ClientError, match=r"\(AccessDenied\).*not authorized to perform: sts:AssumeRole"):
            sts.assume_role(RoleArn=other, RoleSessionName=unique)


def test_the_root_user_assumes_no_role(sandbox: Sandbox, unique: str) -> None:
    role = make_role(sandbox, unique, ["s3:ListAllMyBuckets"])
    with pytest.raises(ClientError, match="Roles may not be assumed by root accounts"):
        sandbox.client("sts").assume_role(RoleArn=role, RoleSessionName=unique)


def test_a_session_policy_narrows_what_its_role_may(sandbox: Sandbox, unique: str) -> None:
    key = make_user(sandbox, unique)
    role = make_role(sandbox, unique, ["sagemaker:ListEndpoints", "sagemaker:ListModels"])
    made = sandbox.client("sts", key).assume_role(
        RoleArn=role,
        RoleSessionName=unique,
        Policy=allow("sagemaker:ListModels", "sagemaker:ListTrainingJobs"),
    )
    sagemaker = worker(sandbox, made["Credentials"])("sagemaker")
    sagemaker.list_models()
    for call in (sagemaker.list_endpoints, sagemaker.list_training_jobs):
        with pytest.raises(ClientError, match="AccessDeniedException"):
            call()


def test_a_deleted_key_opens_nothing(sandbox: Sandbox, unique: str) -> None:
    key = make_user(sandbox, unique)
    sandbox.client("iam").delete_access_key(UserName=unique, AccessKeyId=key)
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        sandbox.client("sts", key).get_caller_identity()


def test_a_session_dies_with_its_role_though_another_takes_the_name(sandbox: Sandbox, unique: str) -> None:
    key, role = make_user(sandbox, unique), make_role(sandbox, unique, ["sagemaker:ListEndpoints"])
    made = sandbox.client("sts", key).assume_role(RoleArn=role, RoleSessionName=unique)["Credentials"]
    iam = sandbox.client("iam")
    iam.delete_role_policy(RoleName=unique, PolicyName="work")
    iam.delete_role(RoleName=unique)
    make_role(sandbox, unique, ["sagemaker:ListEndpoints"])
    with pytest.raises(ClientError, match="AccessDeniedException"):
        worker(sandbox, made)("sagemaker").list_endpoints()


def test_the_service_cannot_take_a_role_that_does_not_trust_it(sandbox: Sandbox, unique: str) -> None:
    role = make_role(sandbox, unique, ["s3:GetObject"])
    with pytest.raises(ClientError, match="Could not assume role"):
        sandbox.client("sagemaker").create_model(
            ModelName=unique, ExecutionRoleArn=role, PrimaryContainer={"Image": "x"}
        )
