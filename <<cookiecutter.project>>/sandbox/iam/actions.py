"""The table: which actions on which resources, with which condition keys, a call of botocore's needs."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sandbox.iam import (
    budgets,
    builds,
    cloudtrail,
    codecommit,
    monitoring,
    named,
    networks,
    s3,
    sagemaker,
    sts,
)
from sandbox.iam.part import Place

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.iam.part import Keys, Params, Part
    from sandbox.wire import Target

TABLES: dict[str, Callable[[str, Params, Place], list[Part]]] = {
    "budgets": budgets.parts,
    "cloudformation": named.cloudformation_parts,
    "cloudtrail": cloudtrail.parts,
    "cloudwatch": monitoring.cloudwatch_parts,
    "codecommit": codecommit.parts,
    "codebuild": builds.codebuild_parts,
    "codeconnections": builds.codeconnections_parts,
    "codepipeline": builds.codepipeline_parts,
    "codestar-connections": builds.codestar_parts,
    "ec2": networks.parts,
    "events": named.events_parts,
    "iam": named.iam_parts,
    "kms": named.kms_parts,
    "logs": monitoring.logs_parts,
    "s3": s3.parts,
    "sagemaker": sagemaker.parts,
    "sagemaker-runtime": sagemaker.parts,
    "secretsmanager": builds.secretsmanager_parts,
    "sns": monitoring.sns_parts,
    "ssm": builds.ssm_parts,
    "sts": sts.parts,
}
# The prefix of a service's actions, where it is neither botocore's name nor its signing name.
PREFIXES = {
    "sagemaker-featurestore-runtime": "sagemaker",
    "sagemaker-metrics": "sagemaker",
    "s3control": "s3",
    "service-quotas": "servicequotas",
    "stepfunctions": "states",
    "resourcegroupstaggingapi": "tag",
    "elbv2": "elasticloadbalancing",
    "elb": "elasticloadbalancing",
    "sesv2": "ses",
}


def authorize(target: Target, params: Params, facts: Keys, account: str, region: str) -> list[Part]:
    """The parts of a call, each with the request's own facts; all must be allowed.

    Where the table says nothing, it is the operation on `*`: only a statement on every resource allows it.
    """
    place = Place(account, region)
    table = TABLES.get(target.service)
    found = table(target.operation, params, place) if table else []
    if not found:
        prefix = PREFIXES.get(target.service, target.service)
        found = [place.part(f"{prefix}:{target.operation}", "*")]
    others = {key: values for key, values in facts.items() if not key.startswith("s3:")}
    return [
        replace(part, context={**(facts if part.action.startswith("s3:") else others), **part.context})
        for part in found
    ]


def facts(environ: dict[str, Any], region: str) -> Keys:
    """What a request tells of itself. Loopback stands for TLS: nobody else can listen there."""
    signed = "REST-HEADER" if environ.get("HTTP_AUTHORIZATION") else "REST-QUERY-STRING"
    found = {
        "aws:RequestedRegion": region,
        "aws:SecureTransport": "true",
        "aws:SourceIp": environ.get("REMOTE_ADDR", ""),
        "aws:UserAgent": environ.get("HTTP_USER_AGENT", ""),
        "aws:Referer": environ.get("HTTP_REFERER", ""),
        "aws:ViaAWSService": "false",
        "s3:authType": signed,
        "s3:signatureversion": "AWS4-HMAC-SHA256",
        "s3:TlsVersion": "1.3",
        "s3:x-amz-content-sha256": environ.get("HTTP_X_AMZ_CONTENT_SHA256", ""),
    }
    return {key: [value] for key, value in found.items() if value}
