"""Who is signed in, and what is in the account already: said in one line, with what to type."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError, NoCredentialsError, ProfileNotFound, UnauthorizedSSOTokenError
from botocore.stub import Stubber

from mlops.aws import Aws
from mlops.errors import AwsError, MlopsError
from mlops.foundation import account as accounts
from mlops.foundation.account import Caller, choose_duties, has_provider, is_lacking, read_caller
from tests.conftest import ACCOUNT, REGION
from tests.test_foundation import OTHER, make_project

if TYPE_CHECKING:
    from collections.abc import Callable

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/token.actions.githubusercontent.com"


class Sts:
    """An STS that answers with an error."""

    def __init__(self, error: Exception) -> None:
        self.error = error

    def get_caller_identity(self) -> Any:
        raise self.error


def refusal(code: str) -> Exception:
    """AWS's refusal of a call."""
    return ClientError({"Error": {"Code": code, "Message": "no"}}, "GetCallerIdentity")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (NoCredentialsError, "nobody is signed in to AWS .* aws sso login, or export AWS_PROFILE"),
        (UnauthorizedSSOTokenError, "nobody is signed in to AWS"),
        (lambda: ProfileNotFound(profile="x"), "Those there are: aws configure list-profiles"),
        (lambda: refusal("ExpiredToken"), "has expired. Sign in again"),
        (lambda: refusal("InvalidClientTokenId"), "does not know these credentials"),
    ],
)
def test_who_is_not_signed_in_is_told_how(
    make: Callable[[], Exception], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(accounts, "client", lambda aws, service: Sts(make()))
    with pytest.raises(MlopsError, match=said):
        read_caller(Aws(REGION))


def test_an_account_stands_for_all_its_duties_unless_one_is_named() -> None:
    project, caller = make_project(prod=OTHER), Caller(ACCOUNT, "arn")
    assert choose_duties(project, caller, None) == ("training", "staging")
    assert choose_duties(project, caller, "staging") == ("staging",)
    with pytest.raises(AwsError, match=f"signed in to account {ACCOUNT} as arn, .* prod: {OTHER}"):
        choose_duties(project, caller, "prod")


def test_an_account_that_is_none_of_the_projects_is_refused_with_all_of_them() -> None:
    with pytest.raises(AwsError, match=f"training {ACCOUNT}, staging {ACCOUNT}, prod {OTHER}"):
        choose_duties(make_project(prod=OTHER), Caller("999999999999", "arn"), None)


@pytest.mark.parametrize(("audiences", "is_there"), [(["sts.amazonaws.com", "x"], True), (None, False)])
def test_a_provider_of_the_forge_is_found(audiences: list[str] | None, is_there: bool) -> None:
    assert has_provider(stub_provider(audiences)) is is_there


def test_a_provider_for_another_audience_is_refused_with_the_command_that_adds_ours() -> None:
    with pytest.raises(AwsError, match=f"add-client-id-to-open-id-connect-provider .* {PROVIDER}"):
        has_provider(stub_provider(["other"]))


def stub_provider(audiences: list[str] | None) -> Any:
    """An IAM with the forge's provider for some audiences, or with none."""
    iam: Any = boto3.client("iam", region_name=REGION)
    stub = Stubber(iam)
    listed = [{"Arn": PROVIDER}] if audiences else []
    stub.add_response("list_open_id_connect_providers", {"OpenIDConnectProviderList": listed})
    stub.add_response("get_open_id_connect_provider", {"ClientIDList": audiences or []})
    stub.activate()
    return iam


def test_a_service_that_a_region_lacks_is_known() -> None:
    assert not is_lacking(Aws(REGION), "athena")
    assert is_lacking(Aws("eu-west-9"), "athena")
    assert not is_lacking(Aws("eu-west-9"), "iam"), "it has no regions"
