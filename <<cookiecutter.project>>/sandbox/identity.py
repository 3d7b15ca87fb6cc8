"""Who calls: the identity behind an access key, and the role sessions that jobs run as."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends
from moto.sts.models import sts_backends

from sandbox.errors import invalid

if TYPE_CHECKING:
    from sandbox.wire import Credential


def user_identity(credential: Credential | None, account: str) -> dict[str, Any]:
    """Describe a caller as CloudTrail does; a key that IAM does not know is the account's own."""
    if credential is None:
        return {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"}
    session = sts_backends[account]["aws"].get_assumed_role_from_access_key(credential.access_key)
    if session:
        return _session_identity(session, credential.access_key, account)
    return {
        "type": "Root",
        "principalId": account,
        "arn": f"arn:aws:iam::{account}:root",
        "accountId": account,
        "accessKeyId": credential.access_key,
    }


def _session_identity(session: Any, access_key: str, account: str) -> dict[str, Any]:
    role_name = session.role_arn.rsplit("/", 1)[-1]
    issuer_id = session.user_id.split(":", 1)[0]
    return {
        "type": "AssumedRole",
        "principalId": session.user_id,
        "arn": session.arn,
        "accountId": account,
        "accessKeyId": access_key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": issuer_id,
                "arn": session.role_arn,
                "accountId": account,
                "userName": role_name,
            },
            "attributes": {"mfaAuthenticated": "false"},
        },
    }


def check_role(role: str, account: str) -> None:
    """Refuse a role that SageMaker could not assume."""
    known = {found.arn for found in iam_backends[account]["aws"].get_roles()}
    if role not in known:
        raise invalid(
            f"Could not assume role {role}. Please ensure that the role exists and allows principal "
            "'sagemaker.amazonaws.com' to assume the role."
        )


def assume(role: str, session: str, account: str) -> dict[str, str]:
    """Open a session of a role; its keys, as a container's environment names them."""
    opened = sts_backends[account]["aws"].assume_role(
        region_name="us-east-1",
        role_arn=role,
        role_session_name=session,
        policy="",
        external_id="",
        duration=43200,
    )
    return {
        "AWS_ACCESS_KEY_ID": opened.access_key_id,
        "AWS_SECRET_ACCESS_KEY": opened.secret_access_key,
        "AWS_SESSION_TOKEN": opened.session_token,
    }
