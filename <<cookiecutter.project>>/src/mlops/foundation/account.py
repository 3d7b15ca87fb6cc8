"""The account that one is signed in to: whose it is, and what is in it already."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.aws import error_code
from mlops.errors import AwsError, UsageError
from mlops.foundation.stacks import DUTIES

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client

    from mlops.aws import Aws
    from mlops.project import Project

ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"
JOB_LOGS = ("/aws/sagemaker/TrainingJobs", "/aws/sagemaker/ProcessingJobs")
SWITCH = "Switch: export AWS_PROFILE=… (aws configure list-profiles), then aws sts get-caller-identity"


@dataclass(frozen=True)
class Caller:
    """Who is signed in, and where."""

    account: str
    arn: str


def read_caller(aws: Aws) -> Caller:
    """Who is signed in to AWS; raises with what to do where nobody is."""
    from botocore import exceptions

    nobody = (
        exceptions.NoCredentialsError,
        exceptions.PartialCredentialsError,
        exceptions.CredentialRetrievalError,
        exceptions.SSOError,
        exceptions.TokenRetrievalError,
    )

    try:
        found = client(aws, "sts").get_caller_identity()
    except nobody as error:
        raise AwsError(
            f"nobody is signed in to AWS ({error}). aws sso login, or export AWS_PROFILE=…"
        ) from None
    except exceptions.ProfileNotFound as error:
        raise UsageError(f"{error}. Those there are: aws configure list-profiles") from None
    except exceptions.ClientError as error:
        code = error_code(error)
        if code in ("ExpiredToken", "ExpiredTokenException", "RequestExpired"):
            raise AwsError("the session with AWS has expired. Sign in again: aws sso login") from None
        if code in ("InvalidClientTokenId", "SignatureDoesNotMatch", "UnrecognizedClientException"):
            raise AwsError(
                f"AWS does not know these credentials ({code}), or {aws.region} is not enabled in their "
                f"account. {SWITCH}"
            ) from None
        raise
    return Caller(found["Account"], found["Arn"])


def client(aws: Aws, service: str) -> Any:
    """A client that only the foundation's verbs need."""
    from mlops.aws import client_config

    create: Any = aws.session.client
    return create(service, config=client_config())


def choose_duties(project: Project, caller: Caller, asked: str | None) -> tuple[str, ...]:
    """The duties to act for: the one asked for, or all of this account; raises for the wrong one."""
    accounts = {duty: str(getattr(project.accounts, duty)) for duty in DUTIES}
    here = tuple(duty for duty in DUTIES if accounts[duty] == caller.account)
    if asked is None and here:
        return here
    if asked in here:
        return (asked,)
    expected = accounts[asked] if asked else ", ".join(f"{duty} {accounts[duty]}" for duty in DUTIES)
    raise AwsError(
        f"signed in to account {caller.account} as {caller.arn}, but project.yml says "
        f"{asked or 'accounts'}: {expected}. {SWITCH}"
    )


def has_provider(iam: Any) -> bool:
    """Whether the account already trusts the forge's issuer; raises where for another audience than STS."""
    for provider in iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]:
        arn = provider["Arn"]
        if not arn.endswith(f":oidc-provider/{ISSUER}"):
            continue
        audiences = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=arn).get("ClientIDList", [])
        if AUDIENCE not in audiences:
            raise AwsError(
                f"{arn} is for {', '.join(audiences) or 'no audience'}, not for {AUDIENCE}. Add it: "
                f"aws iam add-client-id-to-open-id-connect-provider --open-id-connect-provider-arn {arn} "
                f"--client-id {AUDIENCE}"
            )
        return True
    return False


def has_job_logs(logs: CloudWatchLogsClient) -> bool:
    """Whether SageMaker's jobs have logged in this account before, or another project has made the groups."""
    found = logs.describe_log_groups(logGroupNamePrefix=JOB_LOGS[0][: JOB_LOGS[0].rindex("/") + 1])
    return any(group.get("logGroupName") in JOB_LOGS for group in found["logGroups"])


def own_buckets(s3: S3Client, prefix: str) -> frozenset[str]:
    """The buckets of this account whose names begin so."""
    pages = s3.get_paginator("list_buckets").paginate(Prefix=prefix)
    return frozenset(bucket["Name"] for page in pages for bucket in page.get("Buckets", []))


def is_taken(s3: S3Client, bucket: str) -> bool:
    """Whether a bucket that is not ours exists somewhere."""
    try:
        s3.head_bucket(Bucket=bucket)
    except s3.exceptions.ClientError as error:
        return error_code(error) not in ("404", "NoSuchBucket")
    return True


def refuse_taken(s3: S3Client, buckets: Iterable[str], project: Project) -> None:
    """Raise for a bucket name that another account has: it cannot be had, whoever asks."""
    taken = [bucket for bucket in buckets if is_taken(s3, bucket)]
    if taken:
        raise AwsError(
            f"another account has {', '.join(taken)}, and names of buckets are the world's. "
            f"Change `project: {project.project}` in project.yml; nothing has been made yet"
        )


def lacking(aws: Aws, types: Iterable[str]) -> list[str]:
    """The services of some resource types that botocore knows nowhere in the region."""
    services = {SERVICES.get(kind.split("::")[1], kind.split("::")[1].lower()) for kind in types}
    return [service for service in sorted(services) if is_lacking(aws, service)]


# where CloudFormation and the SDKs name a service differently
SERVICES = {"CodeStarConnections": "codestar-connections", "CodeStarNotifications": "codestar-notifications"}


def is_lacking(aws: Aws, service: str) -> bool:
    """Whether a service with regional endpoints has none in the region; what is not known counts as there."""
    session = aws.session
    if service not in session.get_available_services():
        return False
    regions: Sequence[str] = session.get_available_regions(
        service, session.get_partition_for_region(aws.region)
    )
    return bool(regions) and aws.region not in regions
