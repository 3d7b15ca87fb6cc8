"""What a faithful pipeline leaves in the trail: registration, approval, deployment; and its evidence."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.trails import callers
from sandbox.trails.builds import Build
from sandbox.trails.records import call, shared
from sandbox.trails.site import deploy_session

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from sandbox.trails.site import Pinned, Site

Record = dict[str, Any]
Json = dict[str, Any]
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)


def register(site: Site, pinned: Pinned, at: datetime, status: str = "PendingManualApproval") -> Record:
    """The pipeline's last job registers a package (derived)."""
    who = callers.role_session(
        site.training,
        f"{site.project}-execution",
        "SageMaker",
        "ASIAEXECUTION0000000",
        invoked_by="sagemaker.amazonaws.com",
    )
    container = {"image": pinned.image, "modelDataUrl": pinned.archive}
    request = {
        "modelPackageGroupName": f"{site.project}-{pinned.model}",
        "modelApprovalStatus": status,
        "inferenceSpecification": {"containers": [container]},
    }
    answer = {"modelPackageArn": pinned.package}
    return call("CreateModelPackage", "sagemaker", who, at, site.training, site.region, request, answer)


def seal(
    site: Site, pinned: Pinned, at: datetime, name: str = "PutObject", who: Json | None = None
) -> Record:
    """The archive comes into the releases bucket: a data event."""
    bucket, _, key = pinned.archive.removeprefix("s3://").partition("/")
    actor = who or callers.role_session(
        site.training, f"{site.project}-execution", "SageMaker", "ASIAEXECUTION0000000"
    )
    request = {"bucketName": bucket, "key": key}
    return call(name, "s3", actor, at, site.training, site.region, request, data=True)


def approve(
    site: Site, pinned: Pinned, who: Mapping[str, Any], at: datetime, evidence: Json, **changes: Any
) -> list[Record]:
    """`deploy` writes an approval on the package: one record an account (derived)."""
    stage = pinned.environment
    digest = hashlib.sha256(evidence_bytes(evidence)).hexdigest()
    description = {
        "release": pinned.release,
        "pr": pinned.pull,
        "commit": pinned.commit,
        "evidence": evidence_key(pinned),
        "sha256": digest,
    }
    request = {
        "modelPackageArn": pinned.package,
        "customerMetadataProperties": {
            f"{stage}.pr": str(pinned.pull),
            f"{stage}.commit": pinned.commit,
            f"{stage}.evidence": digest,
        },
        "modelLifeCycle": {
            "stage": stage,
            "stageStatus": "Approved",
            "stageDescription": json.dumps(description),
        },
        **({"modelApprovalStatus": "Approved"} if stage == "staging" else {}),
        **changes,
    }
    account = site.account(stage)
    answer = {"modelPackageArn": pinned.package}
    record = call("UpdateModelPackage", "sagemaker", dict(who), at, account, site.region, request, answer)
    return [record] if account == site.training else shared(record, site.training)


def make_model(
    site: Site,
    pinned: Pinned,
    who: Mapping[str, Any],
    at: datetime,
    container: Json | None = None,
    name: str = "",
) -> Record:
    """CreateModel from a package (real); `container` says something else, such as an image and an archive."""
    account = site.account(pinned.environment)
    role = f"arn:aws:iam::{account}:role/{site.project}-serve-{pinned.environment}"
    request = {
        "modelName": name or pinned.model_name(site),
        "executionRoleArn": role,
        "containers": [container or {"modelPackageName": pinned.package}],
    }
    answer = {"modelArn": f"arn:aws:sagemaker:{site.region}:{account}:model/{request['modelName']}"}
    return call("CreateModel", "sagemaker", dict(who), at, account, site.region, request, answer)


def make_config(
    site: Site,
    pinned: Pinned,
    who: Mapping[str, Any],
    at: datetime,
    extra: Sequence[str] = (),
    shadow: Sequence[str] = (),
    served: str = "",
) -> Record:
    """CreateEndpointConfig; `extra` and `shadow` are models of further variants (derived)."""
    names = [served or pinned.model_name(site), *extra]
    request: Json = {
        "endpointConfigName": pinned.config_name(site),
        "productionVariants": [variant(name, place) for place, name in enumerate(names)],
    }
    if shadow:
        request["shadowProductionVariants"] = [variant(name, 9) for name in shadow]
    account = site.account(pinned.environment)
    arn = f"arn:aws:sagemaker:{site.region}:{account}:endpoint-config/{pinned.config_name(site)}"
    answer = {"endpointConfigArn": arn}
    return call("CreateEndpointConfig", "sagemaker", dict(who), at, account, site.region, request, answer)


def variant(model: str, place: int) -> Json:
    """One fleet of a config."""
    name = "main" if place == 0 else f"extra-{place}"
    return {
        "variantName": name,
        "modelName": model,
        "instanceType": "ml.m5.large",
        "initialInstanceCount": 1,
        "initialVariantWeight": 1.0,
    }


def move(
    site: Site,
    pinned: Pinned,
    who: Mapping[str, Any],
    at: datetime,
    name: str = "UpdateEndpoint",
    config: str = "",
) -> Record:
    """CreateEndpoint (real) or UpdateEndpoint (derived)."""
    account = site.account(pinned.environment)
    request: Json = {
        "endpointName": pinned.endpoint(site),
        "endpointConfigName": config or pinned.config_name(site),
    }
    if name == "UpdateEndpoint":
        alarms = [{"alarmName": f"{pinned.endpoint(site)}-errors"}]
        request["deploymentConfig"] = {"autoRollbackConfiguration": {"alarms": alarms}}
    answer = {"endpointArn": f"arn:aws:sagemaker:{site.region}:{account}:endpoint/{pinned.endpoint(site)}"}
    return call(name, "sagemaker", dict(who), at, account, site.region, request, answer)


def deploy(
    site: Site,
    pinned: Pinned,
    at: datetime,
    evidence: Json,
    *,
    first: bool = False,
    run: str = "",
    key: str = "",
) -> list[Record]:
    """A whole deployment by its job or build: session, approval, model, config, endpoint."""
    if site.ci == "codepipeline":
        build = Build(site, pinned, at - MINUTE)
        opening, who = build.begin(), build.who
    else:
        run = run or str(5000 + pinned.pull)
        session = deploy_session(site, pinned, run, key or session_key(pinned, run), at)
        opening, who = [session.opening], dict(session.who)
    return [
        *opening,
        *approve(site, pinned, who, at + 2 * SECOND, evidence),
        make_model(site, pinned, who, at + 4 * SECOND),
        make_config(site, pinned, who, at + 5 * SECOND),
        move(site, pinned, who, at + 8 * SECOND, "CreateEndpoint" if first else "UpdateEndpoint"),
    ]


def session_key(pinned: Pinned, run: str) -> str:
    """An access key that no other session has."""
    text = f"{pinned.environment} {pinned.model} {pinned.commit} {run}".encode()
    return f"ASIA{hashlib.sha256(text).hexdigest()[:16].upper()}"


def hash_hex(content: bytes) -> str:
    """64 hexadecimal characters."""
    return hashlib.sha256(content).hexdigest()


def evidence_key(pinned: Pinned) -> str:
    """Where the evidence lies in the releases bucket."""
    return f"evidence/{pinned.environment}/{pinned.model}/{pinned.commit}.json"


def evidence_bytes(evidence: Json) -> bytes:
    """The object's content."""
    return (json.dumps(evidence, indent=1, sort_keys=True) + "\n").encode()


def make_evidence(
    site: Site, pinned: Pinned, at: datetime, approvers: Sequence[int] = (2, 3), **changes: Any
) -> Json:
    """What `deploy` would have written of a pull request that these people approved."""
    head = hashlib.sha1(f"head of {pinned.pull}".encode(), usedforsecurity=False).hexdigest()
    pull = {
        "number": pinned.pull,
        "url": f"https://github.com/{site.repository}/pull/{pinned.pull}",
        "head": head,
        "merge_commit": pinned.commit,
        "author": {"id": 99, "login": "github-actions[bot]"},
        "merged_by": {"id": 1, "login": "ada"},
    }
    when = f"{at - timedelta(minutes=10):%Y-%m-%dT%H:%M:%SZ}"
    approvals = [
        {"by": {"id": person, "login": f"person-{person}"}, "review": person, "commit": head, "at": when}
        for person in approvers
    ]
    required = 2 if pinned.environment == "prod" else 1
    return {
        "schema": 1,
        "project": site.project,
        "environment": pinned.environment,
        "model": pinned.model,
        "release": pinned.release,
        "config": pinned.config_name(site),
        "pin": {"path": f"releases/{pinned.environment}/{pinned.model}.yml", "commit": pinned.commit},
        "live_commit": "",
        "pull_request": pull,
        "approvals": approvals,
        "not_counted": [],
        "required": required,
        "rules": [{"type": "pull_request"}],
        "run": {"run_id": "1", "run_attempt": "1", "workflow_ref": ""},
        **changes,
    }
