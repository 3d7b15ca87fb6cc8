"""What was approved, written down before anything changes: an object that nobody can change or delete.

evidence/<env>/<model>/<merge commit>.json in the releases bucket, under Object Lock; its hash, the pull
request and the release stand on the model package too, so that registry and CloudTrail lead to it.
"""

from __future__ import annotations

import json
import os
import re
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from mlops.aws import error_code, is_missing
from mlops.digests import sha256_hex
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient

    from mlops.approvals import Approved, Move
    from mlops.forge import Person
    from mlops.live import Live
    from mlops.project import Project
    from mlops.target import Target

NEVER = re.compile(r"[^\w .:/=+\-@]")  # what a value of the registry's metadata may not hold
LONGEST = 1024  # of StageDescription, in characters
RUN = ("GITHUB_RUN_ID", "GITHUB_RUN_ATTEMPT", "GITHUB_WORKFLOW_REF")
# https://docs.aws.amazon.com/codebuild/latest/userguide/build-env-ref-env-vars.html
BUILD = ("CODEBUILD_BUILD_ARN", "CODEBUILD_BUILD_NUMBER", "CODEBUILD_INITIATOR")
SAME = ("environment", "model", "release", "pin", "pull_request")  # what a second run must find again


@dataclass(frozen=True)
class Evidence:
    """The object that proves an approval, and what stands of it in the registry."""

    key: str
    sha256: str
    approved: Approved


def evidence_key(environment: str, model: str, commit: str) -> str:
    """Where the evidence of a merged pin lies in the releases bucket."""
    return f"evidence/{environment}/{model}/{commit}.json"


def rollback_key(environment: str, model: str, commit: str) -> str:
    """Where it is written that a merged pin was deployed and did not stay."""
    return evidence_key(environment, model, commit).removesuffix(".json") + ".rollback.json"


def record_evidence(s3: S3Client, project: Project, move: Move, approved: Approved) -> Evidence:
    """Put the evidence, once. A run that follows a killed one finds it and goes on with the first."""
    key = evidence_key(move.environment, move.model, approved.pin_commit)
    record = evidence_record(project, move, approved)
    body = (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
    bucket = project.releases_bucket
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", ChecksumAlgorithm="SHA256")
    except s3.exceptions.ClientError as error:
        if error_code(error) not in {"PreconditionFailed", "ConditionalRequestConflict"}:
            raise
        body = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        require_same(f"s3://{bucket}/{key}", body, record)
    return Evidence(key, sha256_hex(body), approved)


def record_rollback(s3: S3Client, target: Target, evidence: Evidence, live: Live) -> None:
    """Write beside the evidence that SageMaker took the release back: CloudTrail records no such call."""
    record = {
        "schema": 1,
        "endpoint": target.endpoint,
        "failed": target.config,
        "live": live.config,
        "why": " ".join(live.reason.split()),
        "at": live.since.astimezone(UTC).isoformat(timespec="seconds") if live.since else "",
    }
    key = rollback_key(target.environment, target.pin.model, evidence.approved.pin_commit)
    body = (json.dumps(record, indent=1, sort_keys=True) + "\n").encode()
    bucket = target.project.releases_bucket
    try:
        s3.put_object(Bucket=bucket, Key=key, Body=body, IfNoneMatch="*", ChecksumAlgorithm="SHA256")
    except s3.exceptions.ClientError as error:
        if error_code(error) not in {"PreconditionFailed", "ConditionalRequestConflict"}:
            raise


def require_same(place: str, body: bytes, record: Mapping[str, Any]) -> None:
    """Raise unless evidence that exists speaks of this pin and pull request."""
    try:
        there: Any = json.loads(body)
        other = [name for name in SAME if there.get(name) != record[name]]
    except (ValueError, AttributeError):
        other = ["the whole file"]
    if other:
        raise MlopsError(
            f"{place}: the evidence there differs in {', '.join(other)}; it was not written by `deploy`. "
            "Nothing was deployed: find out who wrote it (mlops audit), then propose the release again"
        )


def evidence_record(project: Project, move: Move, approved: Approved) -> dict[str, Any]:
    """Who approved what, under which rule, and which run counted."""
    pull = approved.pull
    return {
        "schema": 1,
        "project": project.project,
        "environment": move.environment,
        "model": move.model,
        "release": move.release,
        "config": move.config,
        "pin": {"path": move.path, "commit": approved.pin_commit},
        "live_commit": approved.live_commit,
        "pull_request": {
            "number": pull.number,
            "url": pull.url,
            "head": pull.head,
            "merge_commit": pull.merge_commit,
            "author": describe(pull.author),
            "merged_by": describe(pull.merged_by) if pull.merged_by else None,
            **({"overridden_by": describe(pull.overridden_by)} if pull.overridden_by else {}),
        },
        "approvals": [
            {
                "by": describe(review.person),
                "review": review.id,
                "commit": review.commit,
                "at": review.submitted_at,
            }
            for review in approved.reviews
        ],
        "not_counted": [{"by": describe(person), "why": why} for person, why in approved.barred],
        "brought": [
            {"commit": each.commit, "people": [describe(person) for person in each.people]}
            for each in approved.brought
        ],
        "required": approved.required,
        "rules": list(approved.rules),
        "run": read_run(),
    }


def read_run() -> dict[str, str]:
    """The CI run that counted, as its environment names it; empty values on a laptop."""
    if os.environ.get("CODEBUILD_BUILD_ARN"):
        return {name.removeprefix("CODEBUILD_").lower(): os.environ.get(name, "") for name in BUILD}
    return {name.removeprefix("GITHUB_").lower(): os.environ.get(name, "") for name in RUN}


def describe(person: Person) -> dict[str, Any]:
    """A person by id, which stays, and login, which people know; an identity of AWS by its ARN too."""
    return {"id": person.id, "login": person.login, **({"arn": person.arn} if person.arn else {})}


def was_live(s3: S3Client, target: Target, commits: Iterable[str]) -> bool:
    """Whether one of the commits that pinned a release was deployed: then it may come back without a soak."""
    bucket, model = target.project.releases_bucket, target.pin.model
    return any(has_stayed(s3, bucket, target.environment, model, commit) for commit in commits)


def has_stayed(s3: S3Client, bucket: str, environment: str, model: str, commit: str) -> bool:
    """Whether a merged pin was deployed and no alarm took it back: nobody goes back to what failed."""
    if not exists(s3, bucket, evidence_key(environment, model, commit)):
        return False
    return not exists(s3, bucket, rollback_key(environment, model, commit))


def exists(s3: S3Client, bucket: str, key: str) -> bool:
    """Whether an object is there."""
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except s3.exceptions.ClientError as error:
        if is_missing(error):
            return False
        raise
    return True


def record_approval(
    sagemaker: SageMakerClient, target: Target, evidence: Evidence, package: Mapping[str, Any]
) -> None:
    """Write the approval on the package: its stage, and what the evidence is. Only staging sets Approved."""
    environment = target.environment
    known = package.get("CustomerMetadataProperties", {})
    if known.get(f"{environment}.evidence") == evidence.sha256:
        return
    request: dict[str, Any] = {
        "ModelPackageArn": target.pin.artifact.package,
        "CustomerMetadataProperties": approval_properties(environment, evidence),
        "ModelLifeCycle": {
            "Stage": environment,
            "StageStatus": "Approved",
            "StageDescription": stage_description(target, evidence),
        },
    }
    if environment == "staging" and package.get("ModelApprovalStatus") != "Approved":
        request["ModelApprovalStatus"] = "Approved"
        request["ApprovalDescription"] = f"#{evidence.approved.pull.number}: {target.pin.release}"
    sagemaker.update_model_package(**request)


def approval_properties(environment: str, evidence: Evidence) -> dict[str, str]:
    """One value a key: the registry allows neither lists nor `;` or `,` in a value."""
    approved = evidence.approved
    people = {
        f"{environment}.by.{place}": name_of(review.person)
        for place, review in enumerate(approved.reviews, start=1)
    }
    return {
        f"{environment}.pr": str(approved.pull.number),
        f"{environment}.commit": approved.pin_commit,
        f"{environment}.evidence": evidence.sha256,
        **people,
    }


def name_of(person: Person) -> str:
    """A person in the registry's characters, at most 256 of them."""
    named = person.arn or f"{person.login}:{person.id}"
    return NEVER.sub("-", named)[:256]


def stage_description(target: Target, evidence: Evidence) -> str:
    """What a stage's description says: where the proof is."""
    text = {
        "release": target.pin.release,
        "pr": evidence.approved.pull.number,
        "commit": evidence.approved.pin_commit,
        "evidence": evidence.key,
        "sha256": evidence.sha256,
    }
    return json.dumps(text)[:LONGEST]
