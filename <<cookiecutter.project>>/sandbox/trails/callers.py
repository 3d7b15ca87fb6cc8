"""Who calls, as CloudTrail writes it into `userIdentity`."""

from __future__ import annotations

from typing import Any

Identity = dict[str, Any]
ISSUER = "token.actions.githubusercontent.com"


def web_user(
    account: str, subject: str, issuer: str = ISSUER, audience: str = "sts.amazonaws.com"
) -> Identity:
    """A CI job that shows its token."""
    provider = f"arn:aws:iam::{account}:oidc-provider/{issuer}"
    return {
        "type": "WebIdentityUser",
        "principalId": f"{provider}:{audience}:{subject}",
        "userName": subject,
        "identityProvider": provider,
    }


def role_session(
    account: str,
    role: str,
    session: str,
    key: str,
    *,
    provider: str = "",
    source: str = "",
    path: str = "",
    invoked_by: str = "",
) -> Identity:
    """A session of a role. `provider`: of the web identity that opened it."""
    web = {"webIdFederationData": {"federatedProvider": provider, "attributes": {}}} if provider else {}
    return {
        "type": "AssumedRole",
        "principalId": f"AROAEXAMPLE{role[:10].upper()}:{session}",
        "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        "accountId": account,
        "accessKeyId": key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": f"AROAEXAMPLE{role[:10].upper()}",
                "arn": f"arn:aws:iam::{account}:role/{path}{role}",
                "accountId": account,
                "userName": role,
            },
            **web,
            "attributes": {"creationDate": "2026-01-01T00:00:00Z", "mfaAuthenticated": "false"},
            **({"sourceIdentity": source} if source else {}),
        },
        **({"invokedBy": invoked_by} if invoked_by else {}),
    }


def user(account: str, name: str) -> Identity:
    """An IAM user."""
    return {
        "type": "IAMUser",
        "principalId": f"AIDAEXAMPLE{name.upper()}",
        "arn": f"arn:aws:iam::{account}:user/{name}",
        "accountId": account,
        "accessKeyId": f"AKIA{name.upper():X<16}"[:20],
        "userName": name,
    }


def service(name: str) -> Identity:
    """An AWS service acting for itself."""
    return {"type": "AWSService", "invokedBy": name}


def autoscaling(account: str) -> Identity:
    """Application Auto Scaling, through its service-linked role."""
    host = "sagemaker.application-autoscaling.amazonaws.com"
    return role_session(
        account,
        "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint",
        "AutoScaling-UpdateCapacity",
        "ASIAAUTOSCALING00000",
        path=f"aws-service-role/{host}/",
        invoked_by="application-autoscaling.amazonaws.com",
    )
