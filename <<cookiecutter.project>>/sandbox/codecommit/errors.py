"""CodeCommit's own errors, by the names that its clients catch."""

from __future__ import annotations

from sandbox.errors import ServiceError


def refuse(name: str, message: str) -> ServiceError:
    """An error of CodeCommit's model; the name comes without its ending."""
    return ServiceError(f"{name}Exception", message)


def no_repository(name: str) -> ServiceError:
    return refuse("RepositoryDoesNotExist", f"{name} does not exist")


def no_branch(name: str) -> ServiceError:
    return refuse("BranchDoesNotExist", f"Branch {name} does not exist")


def no_commit(name: str) -> ServiceError:
    return refuse("CommitDoesNotExist", f"Could not resolve a commit from {name}")


def no_pull(number: str) -> ServiceError:
    return refuse("PullRequestDoesNotExist", f"Pull request {number} does not exist")


def unsupported(member: str) -> ServiceError:
    """What the sandbox's CodeCommit does not do is said, never passed over."""
    return ServiceError(
        "UnknownOperationException", f"the sandbox's CodeCommit does not take {member}; see docs/sandbox.md"
    )
