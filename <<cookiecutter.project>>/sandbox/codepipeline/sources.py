"""Source actions: a commit of the forge, or of CodeCommit, becomes an artifact and variables."""

from __future__ import annotations

import json
import subprocess
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pygit2

from sandbox.codebuild.sources import CLONE, REVISION
from sandbox.codepipeline.acting import ActionError

if TYPE_CHECKING:
    from sandbox.codebuild.reach import Reach, Repository
    from sandbox.codepipeline.hands import Hands
    from sandbox.codepipeline.records import ActionRun, Execution
    from sandbox.codepipeline.triggers import Change

# what the role needs for a source of CodeCommit, beside the pull of a full clone
CODECOMMIT_ACTIONS = ("GetBranch", "GetCommit", "UploadArchive", "GetUploadArchiveStatus")


def bring(reach: Reach, hands: Hands, execution: Execution, run: ActionRun) -> None:
    """Run a source action."""
    configuration = run.configuration
    is_connection = run.action["actionTypeId"]["provider"] == "CodeStarSourceConnection"
    find = _connected if is_connection else _of_codecommit
    repository, name = find(reach, hands, configuration)
    git = pygit2.Repository(str(repository.path))
    commit = _commit(git, execution, run, configuration["BranchName"])
    change = execution.trigger.change
    own = change if change and change.commit == str(commit.id) else None
    run.variables = _variables(commit, configuration, name, own, is_connection)
    connection = configuration["ConnectionArn"] if is_connection else ""
    artifact = run.action["outputArtifacts"][0]["name"]
    key = hands.new_key(artifact)
    body, said = _pack(repository, str(commit.id), name, connection, configuration)
    hands.put(key, body, said)
    run.outputs[artifact] = key
    run.external_id, run.summary = str(commit.id), commit.message.strip().splitlines()[0][:500]
    execution.revisions[run.name] = {
        "name": artifact,
        "revisionId": run.external_id,
        "revisionSummary": run.summary,
        "created": datetime.fromtimestamp(commit.commit_time, UTC),
        "revisionUrl": f"{repository.url.removesuffix('.git')}/commit/{commit.id}",
    }


def _connected(reach: Reach, hands: Hands, configuration: dict[str, str]) -> tuple[Repository, str]:
    name = configuration["FullRepositoryId"]
    return reach.through_connection(hands.caller, configuration["ConnectionArn"], name), name


def _of_codecommit(reach: Reach, hands: Hands, configuration: dict[str, str]) -> tuple[Repository, str]:
    name = configuration["RepositoryName"]
    place = f"arn:aws:codecommit:{hands.region}:{hands.caller.account}:{name}"
    for action in CODECOMMIT_ACTIONS:
        reach.require(hands.caller, f"codecommit:{action}", place)
    found = reach.codecommit(hands.caller.account, name)
    if found is None:
        raise ActionError("RepositoryDoesNotExist", f"CodeCommit has no repository {name!r}")
    return found, name


def _commit(git: Any, execution: Execution, run: ActionRun, branch: str) -> Any:
    """The commit that an execution is about: the one it was started for, or the branch's tip."""
    wanted = execution.trigger.revisions.get(run.name) or f"refs/heads/{branch}"
    try:
        return git.revparse_single(wanted).peel(pygit2.Commit)
    except (KeyError, ValueError, pygit2.GitError):
        what = "commit" if run.name in execution.trigger.revisions else "branch"
        raise ActionError("JobFailed", f"no {what} {wanted.removeprefix('refs/heads/')!r}") from None


def _variables(
    commit: Any, configuration: dict[str, str], name: str, change: Change | None, is_connection: bool
) -> dict[str, str]:
    """https://docs.aws.amazon.com/codepipeline/latest/userguide/reference-variables.html"""
    found = {
        "AuthorDate": _stamp(commit.author.time),
        "BranchName": change.source_branch if change and change.is_pull else configuration["BranchName"],
        "CommitId": str(commit.id),
        "CommitMessage": commit.message.rstrip("\n"),
    }
    if not is_connection:
        return found | {"CommitterDate": _stamp(commit.commit_time), "RepositoryName": name}
    found |= {
        "AuthorDisplayName": commit.author.name,
        "AuthorEmail": commit.author.email,
        "ConnectionArn": configuration["ConnectionArn"],
        "FullRepositoryName": name,
        "ProviderType": "GitHub",
    }
    if change and change.is_pull:
        found |= {
            "DestinationBranchName": change.branch,
            "PullRequestId": str(change.pull),
            "PullRequestTitle": change.title,
            "SourceBranchName": change.source_branch,
        }
    return found


def _stamp(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _pack(
    repository: Repository, commit: str, name: str, connection: str, configuration: dict[str, str]
) -> tuple[bytes, dict[str, str]]:
    """The artifact: the commit's files, or what a build needs to clone it itself."""
    if configuration.get("OutputArtifactFormat") == "CODEBUILD_CLONE_REF":
        reference = {"connection": connection, "repository": name, "commit": commit}
        return json.dumps(reference).encode(), {CLONE: "1", REVISION: commit}
    command = ["git", "-C", str(repository.path), "archive", "--format=zip", commit]
    return subprocess.run(command, capture_output=True, check=True).stdout, {REVISION: commit}
