"""Single calls as CloudTrail records them. Members marked (derived) come from the API's model."""

from __future__ import annotations

import itertools
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.trails.callers import Identity

Record = dict[str, Any]
SPACE = uuid.UUID("6ba7b811-9dad-11d1-80b4-00c04fd430c8")
_count = itertools.count()


def restart() -> None:
    """Number events from nought again, so that the same story gives the same bytes."""
    global _count
    _count = itertools.count()


def call(
    name: str,
    service: str,
    who: Identity,
    at: datetime,
    account: str,
    region: str,
    request: Any = None,
    response: Any = None,
    *,
    read_only: bool = False,
    data: bool = False,
    error: str = "",
    resources: list[dict[str, str]] | None = None,
) -> Record:
    """One record, with the members that every record has."""
    number = next(_count)
    refused = {"errorCode": error, "errorMessage": f"not authorized to perform: {service}:{name}"}
    return {
        "eventVersion": "1.11",
        "userIdentity": who,
        "eventTime": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "eventSource": f"{service}.amazonaws.com",
        "eventName": name,
        "awsRegion": region,
        "sourceIPAddress": "203.0.113.7",
        "userAgent": "Boto3/1.43.46 md/Botocore#1.43.46 mlops",
        **(refused if error else {}),
        "requestParameters": request,
        "responseElements": None if error or (read_only and service != "sts") else response,
        "requestID": str(uuid.uuid5(SPACE, f"request {number}")),
        "eventID": str(uuid.uuid5(SPACE, f"event {number}")),
        "readOnly": read_only,
        **({"resources": resources} if resources else {}),
        "eventType": "AwsApiCall",
        "managementEvent": not data,
        "recipientAccountId": account,
        "eventCategory": "Data" if data else "Management",
    }


def assume_with_token(
    who: Identity, at: datetime, account: str, region: str, role: str, session: str, key: str
) -> Record:
    """AssumeRoleWithWebIdentity (real)."""
    _, _, audience_subject = who["principalId"].partition(f"{who['identityProvider']}:")
    audience, _, subject = audience_subject.partition(":")
    arn = f"arn:aws:iam::{account}:role/{role}"
    answer = {
        "subjectFromWebIdentityToken": subject,
        "audience": audience,
        "provider": who["identityProvider"],
        "assumedRoleUser": {
            "assumedRoleId": f"AROAEXAMPLE{role[:10].upper()}:{session}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        },
        "credentials": {
            "accessKeyId": key,
            "sessionToken": "IQoJb3JpZ2lu",
            "expiration": "Nov 20, 2026, 2:00:00 PM",
        },
    }
    request = {"roleArn": arn, "roleSessionName": session, "durationSeconds": 3600}
    resources = [{"accountId": account, "type": "AWS::IAM::Role", "ARN": arn}]
    return call(
        "AssumeRoleWithWebIdentity", "sts", who, at, account, region, request, answer,
        read_only=True, resources=resources,
    )  # fmt: skip


def assume(
    who: Identity, at: datetime, account: str, region: str, role: str, session: str, key: str
) -> Record:
    """AssumeRole (real): of a service that acts for the account, or of another session."""
    arn = f"arn:aws:iam::{account}:role/{role}"
    request = {"roleArn": arn, "roleSessionName": session, "durationSeconds": 3600}
    answer = {
        "assumedRoleUser": {
            "assumedRoleId": f"AROAEXAMPLE{role[:10].upper()}:{session}",
            "arn": f"arn:aws:sts::{account}:assumed-role/{role}/{session}",
        },
        "credentials": {"accessKeyId": key, "expiration": "Nov 20, 2026, 2:00:00 PM"},
    }
    resources = [{"accountId": account, "type": "AWS::IAM::Role", "ARN": arn}]
    return call(
        "AssumeRole", "sts", who, at, who.get("accountId", account), region, request, answer,
        read_only=True, resources=resources,
    )  # fmt: skip


def shared(record: Record, other: str) -> list[Record]:
    """A call across accounts: the caller's record and the owner's, with one id in common (real)."""
    both = str(uuid.uuid5(SPACE, f"shared {record['eventID']}"))
    twin = str(uuid.uuid5(SPACE, f"twin {record['eventID']}"))
    mine = {**record, "sharedEventID": both}
    return [mine, {**mine, "eventID": twin, "recipientAccountId": other}]


def hidden(who: Identity) -> Identity:
    """A caller as another account's trail shows it (real)."""
    return {"type": "AWSAccount", "principalId": who["principalId"], "accountId": who["accountId"]}
