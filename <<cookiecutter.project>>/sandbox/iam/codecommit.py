"""What the operations of CodeCommit need, and git's own two; a branch that one moves is a condition key.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awscodecommit.html
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from sandbox.iam.part import given, records, tag_keys, texts

if TYPE_CHECKING:
    from sandbox.iam.part import Params, Part, Place

HEADS = "refs/heads/"
COMMIT = re.compile(r"[0-9a-f]{40}")
OF_THE_ACCOUNT = re.compile(
    r"ListRepositories|(?:Create|Get|Delete)ApprovalRuleTemplate|ListApprovalRuleTemplates"
    r"|UpdateApprovalRuleTemplate\w+|ListRepositoriesForApprovalRuleTemplate"
)
ON_A_BRANCH = frozenset({"CreateBranch", "CreateCommit", "DeleteBranch", "DeleteFile", "PutFile"})


def parts(operation: str, params: Params, place: Place) -> list[Part]:
    """Repositories by name, one part for each and for each reference that a push moves."""
    if OF_THE_ACCOUNT.fullmatch(operation):
        return [place.part(f"codecommit:{operation}", "*")]
    tags = tag_keys(params.get("tags"))
    found = [
        place.part(f"codecommit:{operation}", resource, tags | given({"codecommit:References": reference}))
        for resource in _resources(params, place)
        for reference in _references(operation, params)
    ]
    if tags and operation == "CreateRepository":
        found.append(place.part("codecommit:TagResource", found[0].resource, tags))
    return found


def _resources(params: Params, place: Place) -> list[str]:
    if params.get("resourceArn"):
        return texts(params["resourceArn"])
    names = [
        *texts(params.get("repositoryName") or params.get("oldName") or []),
        *texts(params.get("repositoryNames") or []),
        *(str(target.get("repositoryName")) for target in records(params.get("targets"))),
    ]
    return [place.arn("codecommit", name) for name in sorted(set(names))] or ["*"]


def _references(operation: str, params: Params) -> list[str | None]:
    """The branches that a call moves; None where it names none, as the first half of a push."""
    if operation == "GitPush":
        moved = [str(reference.get("ref")) for reference in records(params.get("references"))]
        return [*moved] or [None]
    if operation in ON_A_BRANCH:
        return [_full(params.get("branchName"))]
    if operation.startswith("MergePullRequestBy"):
        return [_full(params.get("destinationReference"))]
    if operation.startswith("MergeBranchesBy"):
        return [_full(params.get("targetBranch") or params.get("destinationCommitSpecifier"))]
    return [None]


def _full(branch: object) -> str | None:
    name = str(branch or "")
    return HEADS + name.removeprefix(HEADS) if name and not COMMIT.fullmatch(name) else None
