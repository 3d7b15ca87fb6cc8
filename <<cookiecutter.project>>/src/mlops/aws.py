"""The one place where boto3 clients are made, and where their failures become sentences."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlops import __name__ as tool

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from boto3.session import Session
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_logs import CloudWatchLogsClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

ATTEMPTS = 8  # throttling on a busy account clears within a minute; standard mode backs off up to 20 s
POOL = 32  # parallel copies and describes share one client

REMEDIES = {
    "AccessDenied": "The role in use may not do this: aws sts get-caller-identity",
    "AccessDeniedException": "The role in use may not do this: aws sts get-caller-identity",
    "ExpiredToken": "Sign in again, then run the same command",
    "ExpiredTokenException": "Sign in again, then run the same command",
    "InvalidClientTokenId": "Check the credentials: aws sts get-caller-identity",
    "NoSuchBucket": "The project's foundation is missing in this account and region",
    "ThrottlingException": "AWS is throttling; run the same command again in a minute",
}


@dataclass(frozen=True)
class Aws:
    """The clients of one region; each is made when first used and safe to share between threads."""

    region: str

    @cached_property
    def session(self) -> Session:
        """A boto3 session: credentials and endpoint come from the environment, as with any AWS tool."""
        import boto3

        return boto3.session.Session(region_name=self.region)

    @cached_property
    def s3(self) -> S3Client:
        """Amazon S3."""
        return self.session.client("s3", config=client_config())

    @cached_property
    def sagemaker(self) -> SageMakerClient:
        """SageMaker's control plane."""
        return self.session.client("sagemaker", config=client_config())

    @cached_property
    def cloudwatch(self) -> CloudWatchClient:
        """CloudWatch: metrics and alarms."""
        return self.session.client("cloudwatch", config=client_config())

    @cached_property
    def cloudformation(self) -> CloudFormationClient:
        """CloudFormation: the stacks of the foundation."""
        return self.session.client("cloudformation", config=client_config())

    @cached_property
    def logs(self) -> CloudWatchLogsClient:
        """CloudWatch Logs."""
        return self.session.client("logs", config=client_config())

    @cached_property
    def runtime(self) -> SageMakerRuntimeClient:
        """SageMaker's endpoints. A prediction that fails is not sent again: it may have had effects."""
        return self.session.client("sagemaker-runtime", config=client_config(attempts=1))


def client_config(attempts: int = ATTEMPTS):  # type: ignore[no-untyped-def]  # noqa: ANN201 - botocore is imported late
    """botocore's configuration of every client: its standard retry mode, bounded waits, our name."""
    from botocore.config import Config

    return Config(
        retries={"mode": "standard", "total_max_attempts": attempts},
        connect_timeout=5,
        read_timeout=60,
        max_pool_connections=POOL,
        user_agent_extra=tool,
    )


def pauses(longest: float) -> Iterator[float]:
    """Seconds between two looks at what AWS works on: about a tenth of the wait so far, so none adds more."""
    pause = 0.2
    while True:
        yield pause
        pause = min(longest, 1.1 * pause)


def answered_at(answer: Mapping[str, Any]) -> datetime:
    """The time as AWS had it when it answered; this machine's may differ."""
    said = answer["ResponseMetadata"]["HTTPHeaders"].get("date")
    return parsedate_to_datetime(said).astimezone(UTC) if said else datetime.now(UTC)


def error_code(error: Exception) -> str:
    """AWS's code for a refused call ("NoSuchKey"); empty for anything else."""
    response = getattr(error, "response", None)
    return str(response.get("Error", {}).get("Code", "")) if isinstance(response, dict) else ""


def is_missing(error: Exception) -> bool:
    """Whether a describe, head or get failed because the thing does not exist.

    SageMaker answers ValidationException "Could not find …" or "… does not exist" where others
    have a code of their own.
    """
    code = error_code(error)
    if code in {"404", "NoSuchKey", "NotFound", "ResourceNotFound", "ResourceNotFoundException"}:
        return True
    text = str(error).lower()
    return code == "ValidationException" and ("could not find" in text or "does not exist" in text)


def describe_failure(error: Exception) -> str | None:
    """One line for a failure of AWS or the network, with what to do; None when it is neither."""
    from botocore.exceptions import BotoCoreError, ClientError

    if isinstance(error, ClientError):
        code = error_code(error)
        text = f"{error.operation_name} was refused: {code}: {error.response['Error'].get('Message', '')}"
        return f"{text}. {REMEDIES[code]}" if code in REMEDIES else text
    if isinstance(error, BotoCoreError):
        reason = " ".join(str(error).split())
        return f"{reason}. Nothing is lost: check network, region and credentials, then run the same command"
    return None
