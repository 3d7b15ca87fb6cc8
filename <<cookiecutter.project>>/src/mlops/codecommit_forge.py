"""AWS CodeCommit as the forge, through boto3; the AWS credentials of the environment say as whom.

https://docs.aws.amazon.com/codecommit/latest/APIReference. The repository lies in the training account. A
build of CodeBuild comes as its own role, whichever it has taken since; elsewhere, where the environment acts
in another account, MLOPS_FORGE_PROFILE names an AWS profile that reaches the repository.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import ContextDecorator
from typing import TYPE_CHECKING, Any

from mlops import codebuild_job
from mlops.aws import client_config, describe_failure, error_code
from mlops.codecommit_bodies import is_beginning, is_part, join_body, read_comments, split_body
from mlops.codecommit_branches import Branches
from mlops.codecommit_checks import Checks
from mlops.codecommit_history import Commits
from mlops.codecommit_people import may_judge, name_authors, read_person
from mlops.codecommit_pulls import Pulls, read_target
from mlops.codecommit_reviews import applies_to, read_reviews, read_rule, read_statement
from mlops.forge import MAIN, Authorship, ForgeError, Person, PullRequest, Review

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from boto3.session import Session
    from mypy_boto3_codebuild import CodeBuildClient
    from mypy_boto3_codecommit import CodeCommitClient

    from mlops.project import Project

HEADS = "refs/heads/"
PROFILE = "MLOPS_FORGE_PROFILE"
LOOKBACK = 500  # closed pull requests in which one that was declined is looked for


class Asking(ContextDecorator):
    """Turns what CodeCommit or the network refuse into one line."""

    def __enter__(self) -> None:
        """Nothing to prepare."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Raise ForgeError for a failure of AWS; let anything else pass."""
        said = describe_failure(error) if isinstance(error, Exception) else None
        if said and error_code(error) == "RepositoryDoesNotExistException":  # type: ignore[arg-type]
            said += (
                ". It is looked for in the account of the credentials in use (aws sts get-caller-identity); "
                f"where that is not the training account, {PROFILE} names a profile that is"
            )
        if said and error_code(error) == "BranchDoesNotExistException":  # type: ignore[arg-type]
            said += f". If {MAIN} is gone, push it from a clone that has it: git push REMOTE {MAIN}"
        if said:
            raise ForgeError(said) from None


asking = Asking()


def connect(project: Project) -> CodecommitForge:
    """The project's repository, as whoever the environment's AWS credentials are."""
    with asking:
        session = open_session(project.region)
        clients = (session.client(name, config=client_config()) for name in ("codecommit", "codebuild"))
        return CodecommitForge(project, *clients)  # type: ignore[arg-type]


def open_session(region: str) -> Session:
    """AWS where the repository is: by a named profile, as a build's own role, or as in the environment."""
    import boto3

    profile = os.environ.get(PROFILE)
    if not profile and codebuild_job.is_here():
        return codebuild_job.own_session(region)
    return boto3.session.Session(profile_name=profile or None, region_name=region)


class CodecommitForge:
    """One repository of CodeCommit; see `mlops.forge.Forge`."""

    def __init__(self, project: Project, client: CodeCommitClient, builds: CodeBuildClient) -> None:
        self._project = project
        self._client = client
        self._name = project.repository
        self._checks = Checks(builds, f"{project.project}-check")
        self._branches = Branches(client, self._name)
        self._commits = Commits(client, self._name)
        self._pulls = Pulls(client, self._name, self._commits)

    def issues(self) -> None:
        """CodeCommit keeps no issues."""

    @asking
    def find_pull(self, branch: str) -> PullRequest | None:
        """The open pull request of a branch."""
        found = next((pull for pull in self._pulls.list_open() if self._is_from(pull, branch)), None)
        return self._read(found) if found else None

    @asking
    def list_open(self) -> list[PullRequest]:
        """The open pull requests of this repository into main."""
        targets = ((pull, read_target(pull)) for pull in self._pulls.list_open())
        here = (self._name, HEADS + MAIN)
        return [
            self._read(pull)
            for pull, target in targets
            if (target.get("repositoryName"), target.get("destinationReference")) == here
        ]

    @asking
    def last_closed(self, branch: str) -> PullRequest | None:
        """The newest closed pull request of a branch, among those of late."""
        closed = self._pulls.list_closed(LOOKBACK)
        found = next((pull for pull in closed if self._is_from(pull, branch)), None)
        return self._read(found) if found else None

    def _is_from(self, pull: Mapping[str, Any], branch: str) -> bool:
        target = read_target(pull)
        wanted = (self._name, HEADS + branch, HEADS + MAIN)
        return wanted == tuple(
            target.get(name) for name in ("repositoryName", "sourceReference", "destinationReference")
        )

    @asking
    def merged_pull(self, commit: str) -> PullRequest | None:
        """The merged pull request of a commit."""
        found = self._pulls.find_merged(commit, HEADS + MAIN)
        return self._read(found) if found else None

    def _read(self, pull: Mapping[str, Any]) -> PullRequest:
        """A pull request as the verbs know it."""
        target, number = read_target(pull), pull["pullRequestId"]
        merged = target.get("mergeMetadata", {})
        state = self._client.get_pull_request_override_state(
            pullRequestId=number, revisionId=pull["revisionId"]
        )
        is_open = pull["pullRequestStatus"] == "OPEN"
        return PullRequest(
            number=int(number),
            url=self._address(number),
            title=pull["title"],
            body=self._read_body(number, pull.get("description", "")),
            branch=target["sourceReference"].removeprefix(HEADS),
            head=target["sourceCommit"],
            base=target["destinationReference"].removeprefix(HEADS),
            author=self._person(pull["authorArn"]),
            is_open=is_open,
            merge_commit=merged.get("mergeCommitId", "") if merged.get("isMerged") else "",
            merged_by=self._person(merged["mergedBy"]) if merged.get("mergedBy") else None,
            overridden_by=self._person(state["overrider"]) if state.get("overridden") else None,
            takes_reviews=is_open,
            opened_at=pull["creationDate"],
        )

    def _address(self, number: str) -> str:
        region = self._project.region
        return (
            f"https://{region}.console.aws.amazon.com/codesuite/codecommit/repositories/{self._name}"
            f"/pull-requests/{number}/details?region={region}"
        )

    def _person(self, arn: str) -> Person:
        return read_person(arn, self._project)

    def _read_body(self, number: str, description: str) -> str:
        """The whole body; the comments are read only where a part of it stands in them."""
        if not is_beginning(description):
            return description
        return join_body(description, [comment["content"] for comment in self._comments(number)])

    @asking
    def list_reviews(self, number: int) -> list[Review]:
        """The approvals and revocations of every revision."""
        pull = self._pulls.get(str(number))
        states = self._client.get_pull_request_approval_states(
            pullRequestId=str(number), revisionId=pull["revisionId"]
        )["approvals"]
        return read_reviews(pull, self._pulls.events(str(number)), states, self._person)

    @asking
    def list_paths(self, number: int) -> list[str]:
        """Paths changed; CodeCommit knows no renames."""
        pull = self._pulls.get(str(number))
        found = self._branches.differences(self._pulls.base(pull), read_target(pull)["sourceCommit"])
        return sorted(path for path, _ in found)

    @asking
    def list_authors(self, number: int) -> list[Authorship]:
        """Whom each commit of a pull request names, and who brought it there."""
        pull = self._pulls.get(str(number))
        brought = self._brought(pull)
        commits = ((commit["commitId"], name_authors(commit)) for commit in self._pulls.commits(pull)[::-1])
        return [Authorship(commit, (*named, *brought.get(commit, []))) for commit, named in commits]

    def _brought(self, pull: Mapping[str, Any]) -> dict[str, list[Person]]:
        """Who moved a pull request's branch to a commit; whoever opened it, for where it was then."""
        found: dict[str, list[Person]] = {}
        for event in self._pulls.events(pull["pullRequestId"]):
            moved = event.get("pullRequestSourceReferenceUpdatedEventMetadata", {}).get("afterCommitId")
            opened = event.get("pullRequestCreatedEventMetadata", {}).get("sourceCommitId")
            if commit := moved or opened:
                found.setdefault(commit, []).append(self._person(event["actorArn"]))
        return found

    @asking
    def read_authors(self, commit: str) -> Authorship:
        """Whom a commit names, and whoever brought it into main: a name in a commit is only a claim."""
        found = self._commits.get(commit)
        if found is None:
            raise ForgeError(f"{self._name} has no commit {commit!r}; push it, then run the same command")
        pull = self._pulls.find_merged(commit, HEADS + MAIN)
        brought = [person for people in self._brought(pull).values() for person in people] if pull else []
        return Authorship(commit, (*name_authors(found), *brought))

    @asking
    def can_write(self, person: Person) -> bool:
        """Whether a person's approval counts, by the approval pools of main's rules."""
        pools = [read_statement(one).get("ApprovalPoolMembers", []) for one in self._templates(MAIN)]
        return may_judge(person, pools)

    @asking
    def list_rules(self, branch: str) -> list[Mapping[str, Any]]:
        """The approval rule templates in force on a branch."""
        return [read_rule(template) for template in self._templates(branch)]

    def _templates(self, branch: str) -> list[Mapping[str, Any]]:
        names = self._client.list_associated_approval_rule_templates_for_repository(repositoryName=self._name)
        found = [
            self._client.get_approval_rule_template(approvalRuleTemplateName=name)["approvalRuleTemplate"]
            for name in names["approvalRuleTemplateNames"]
        ]
        return [template for template in found if applies_to(template, HEADS + branch)]

    @asking
    def read_file(self, path: str, ref: str) -> bytes | None:
        """A file at a branch or commit."""
        return self._branches.read_file(path, ref)

    @asking
    def find_branch(self, branch: str) -> str | None:
        """The commit of a branch."""
        return self._branches.find(branch)

    @asking
    def find_fork(self, commit: str) -> str:
        """The commit of main that a branch's head grew from last."""
        return self._branches.fork(commit)

    @asking
    def push_file(self, branch: str, path: str, text: str, message: str) -> str:
        """Main's tree with one file changed, committed on top of what the branch holds."""
        return self._branches.push_file(branch, path, text, message)

    @asking
    def delete_branch(self, branch: str) -> None:
        """Delete a branch, if it is there; CodeCommit closes its pull request."""
        self._branches.delete(branch)

    @asking
    def open_pull(self, branch: str, title: str, body: str) -> PullRequest:
        """Open a pull request into main; asked twice for the same commit, it is one."""
        description, parts = split_body(body)
        token = f"{self._name} {branch} {self._branches.require(branch)} {title} {description}"
        made = self._client.create_pull_request(
            title=title,
            description=description,
            targets=[{"repositoryName": self._name, "sourceReference": branch, "destinationReference": MAIN}],
            clientRequestToken=hashlib.sha256(token.encode()).hexdigest(),
        )["pullRequest"]
        for part in parts:
            self._post(made, part)
        return self._read(made)

    @asking
    def update_pull(self, number: int, title: str, body: str) -> None:
        """Write title and body anew: comments first, then the description that names them."""
        pull, (description, parts) = self._pulls.get(str(number)), split_body(body)
        old = [one for one in self._comments(str(number)) if is_part(one["content"])]
        if [one["content"] for one in old] != parts:
            for part in parts:
                self._post(pull, part)
        else:
            old = []
        if pull["title"] != title:
            self._client.update_pull_request_title(pullRequestId=str(number), title=title)
        if pull.get("description", "") != description:
            self._client.update_pull_request_description(pullRequestId=str(number), description=description)
        for one in old:
            self._client.delete_comment_content(commentId=one["commentId"])

    def _comments(self, number: str) -> list[Mapping[str, Any]]:
        pages = self._client.get_paginator("get_comments_for_pull_request").paginate(pullRequestId=number)
        return read_comments([group for page in pages for group in page["commentsForPullRequestData"]])

    def _post(self, pull: Mapping[str, Any], text: str) -> None:
        target = read_target(pull)
        self._client.post_comment_for_pull_request(
            pullRequestId=pull["pullRequestId"],
            repositoryName=self._name,
            beforeCommitId=target["destinationCommit"],
            afterCommitId=target["sourceCommit"],
            content=text,
        )

    @asking
    def close_pull(self, number: int) -> None:
        """Close without merging; CodeCommit opens none again."""
        self._client.update_pull_request_status(pullRequestId=str(number), pullRequestStatus="CLOSED")

    @asking
    def list_comments(self, number: int) -> list[str]:
        """What was said; the parts of a long body are none of it."""
        said = [comment["content"] for comment in self._comments(str(number))]
        return [text for text in said if not is_part(text)]

    @asking
    def comment(self, number: int, text: str) -> None:
        """Add a comment."""
        self._post(self._pulls.get(str(number)), text)

    @asking
    def has_checks(self, commit: str) -> bool:
        """Whether a build of the check project ran, or runs, on a commit."""
        return self._checks.has_build(commit)

    @asking
    def start_checks(self, branch: str) -> None:
        """EventBridge starts them; here only what it must have lost is started."""
        found = next((pull for pull in self._pulls.list_open() if self._is_from(pull, branch)), None)
        if found:
            self._checks.start(read_target(found)["sourceCommit"], found["lastActivityDate"])
