"""git over HTTP to CodeCommit: the AWS CLI's credential helper, IAM by reference, and what the trail says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from sandbox.iam import authorize
from sandbox.wire import Target
from tests.codecommit import ARN, NAME, NO_PUSH_TO_MAIN
from tests.conftest import ACCOUNT, REGION, git
from tests.sandbox.test_codecommit import fork, refusal, tip

if TYPE_CHECKING:
    from pathlib import Path

    from tests.codecommit import Counter

R = {"repositoryName": NAME}


@pytest.fixture
def clone(counter: Counter, tmp_path: Path) -> Path:
    """A clone by root's credentials, with a commit of its own."""
    folder = tmp_path / "clone"
    git(tmp_path, "clone", "-q", counter.url(), str(folder))
    (folder / "file").write_text("1\n")
    git(folder, "add", "file")
    git(folder, "commit", "-q", "-m", "Change")
    return folder


def test_the_aws_clis_helper_clones_and_pushes(counter: Counter, tmp_path: Path) -> None:
    keys = counter.keys("acme-developer", "ada")
    url = f"{counter.port.server.endpoint}/v1/repos/{NAME}"
    cloned = counter.git(tmp_path, keys, "clone", url, "clone")
    assert cloned.returncode == 0, cloned.stderr
    pushed = counter.git(tmp_path / "clone", keys, "push", "origin", "HEAD:refs/heads/topic")
    assert pushed.returncode == 0, pushed.stderr
    assert counter.books.holdings[NAME].git.branch("topic") == git(tmp_path / "clone", "rev-parse", "HEAD")


@pytest.mark.parametrize(
    ("user", "password"),
    [("AKIANOBODY", "20261122T120000Z" + "0" * 64), (f"AKIAROOT{ACCOUNT}", "secret")],
)
def test_other_credentials_are_refused(counter: Counter, tmp_path: Path, user: str, password: str) -> None:
    url = counter.port.server.endpoint.replace("//", f"//{user}:{password}@")
    refused = counter.git(tmp_path, {}, "clone", f"{url}/v1/repos/{NAME}", "clone")
    assert refused.returncode != 0
    assert "Authentication failed" in refused.stderr


def test_a_session_needs_its_token(counter: Counter, tmp_path: Path) -> None:
    keys = counter.keys("acme-developer", "ada")
    without = counter.git(tmp_path, {}, "clone", counter.url({**keys, "AWS_SESSION_TOKEN": "x"}), "clone")
    assert "Authentication failed" in without.stderr


def test_a_direct_push_to_main_is_denied_and_to_others_allowed(counter: Counter, clone: Path) -> None:
    url, before = counter.url(counter.keys("acme-developer", "ada")), tip(counter.client())
    denied = counter.git(clone, {}, "push", url, "HEAD:main")
    assert denied.returncode != 0
    assert f"is not authorized to perform: codecommit:GitPush on resource: {ARN}" in denied.stderr
    assert tip(counter.client()) == before
    assert counter.git(clone, {}, "push", url, "HEAD:refs/heads/topic").returncode == 0


def test_one_denied_branch_holds_back_a_whole_push(counter: Counter, clone: Path) -> None:
    url = counter.url(counter.keys("acme-developer", "ada"))
    assert counter.git(clone, {}, "push", url, "HEAD:main", "HEAD:refs/heads/topic").returncode != 0
    assert counter.books.holdings[NAME].git.branch("topic") is None


def test_the_policy_needs_its_null_condition(counter: Counter, clone: Path) -> None:
    """A push begins without references: a denial that also holds where there are none denies every push."""
    from tests.codecommit import ALLOW, make_role

    condition = {"StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]}}
    make_role("Careless", ALLOW, {**NO_PUSH_TO_MAIN, "Condition": condition})
    url = counter.url(counter.keys("Careless", "ada"))
    refused = counter.git(clone, {}, "push", url, "HEAD:refs/heads/topic")
    assert "403" in refused.stderr


@pytest.mark.parametrize("name", ["ada", "ben"])
def test_the_api_goes_no_other_way_round_a_denied_branch(counter: Counter, name: str) -> None:
    client = counter.client("acme-developer", name)
    fork(client, f"topic-{name}", "a", "1")
    base = tip(client)
    file = {"filePath": "b", "fileContent": b"1"}
    asked: list[tuple[Any, dict[str, Any]]] = [
        (client.put_file, {"branchName": "main", "parentCommitId": base, **file}),
        (client.create_commit, {"branchName": "main", "parentCommitId": base, "putFiles": [file]}),
        (client.delete_file, {"branchName": "main", "parentCommitId": base, "filePath": "README.md"}),
        (client.delete_branch, {"branchName": "main"}),
    ]
    ends = {"sourceCommitSpecifier": f"topic-{name}", "destinationCommitSpecifier": "main"}
    asked += [
        (client.merge_branches_by_fast_forward, ends),
        (
            client.merge_branches_by_squash,
            {**ends, "destinationCommitSpecifier": base, "targetBranch": "main"},
        ),
    ]
    assert {refusal(act, **R, **params) for act, params in asked} == {"AccessDenied"}
    assert tip(client) == base


def test_a_pull_request_is_merged_by_the_leave_of_its_repository_and_branch(counter: Counter) -> None:
    from tests.codecommit import ALLOW, make_role

    actions = ["codecommit:MergePullRequestBySquash"]
    make_role("Merger", {**ALLOW, "Resource": ARN}, {**NO_PUSH_TO_MAIN, "Action": actions})
    client = counter.client("Merger", "ada")
    fork(client, "topic", "a", "1")
    targets = [{"repositoryName": NAME, "sourceReference": "topic"}]
    number = client.create_pull_request(title="A", targets=targets)["pullRequest"]["pullRequestId"]
    assert client.get_pull_request(pullRequestId=number), "allowed by the repository's ARN alone"
    assert refusal(client.merge_pull_request_by_squash, pullRequestId=number, **R) == "AccessDenied"
    client.merge_pull_request_by_three_way(pullRequestId=number, **R)


@pytest.mark.parametrize(
    ("operation", "params", "resource", "references"),
    [
        ("ListRepositories", {}, "*", None),
        ("CreateApprovalRuleTemplate", {"approvalRuleTemplateName": "t"}, "*", None),
        ("GetBranch", {**R, "branchName": "main"}, ARN, None),
        ("PutFile", {**R, "branchName": "main"}, ARN, ["refs/heads/main"]),
        ("CreatePullRequest", {"targets": [R]}, ARN, None),
        ("GitPush", {**R, "references": []}, ARN, None),
        ("GitPush", {**R, "references": [{"ref": "refs/tags/v1"}]}, ARN, ["refs/tags/v1"]),
        ("MergeBranchesBySquash", {**R, "destinationCommitSpecifier": "x"}, ARN, ["refs/heads/x"]),
        ("MergeBranchesBySquash", {**R, "destinationCommitSpecifier": "0" * 40}, ARN, None),
        ("TagResource", {"resourceArn": ARN, "tags": {}}, ARN, None),
    ],
)
def test_what_a_call_needs(operation: str, params: Any, resource: str, references: Any) -> None:
    (part,) = authorize(Target("codecommit", operation, {}), params, {}, ACCOUNT, REGION)
    assert (part.action, part.resource) == (f"codecommit:{operation}", resource)
    assert part.context.get("codecommit:References") == references


def test_a_push_is_two_records_of_which_the_second_names_what_moved(counter: Counter, clone: Path) -> None:
    keys = counter.keys("acme-developer", "ada")
    counter.git(clone, {}, "push", counter.url(keys), "HEAD:refs/heads/topic")
    first, second = counter.records("GitPush")
    assert (first["readOnly"], first["requestParameters"]) == (True, None)
    assert second["readOnly"] is False
    commit = git(clone, "rev-parse", "HEAD")
    assert second["requestParameters"] == {"references": [{"commit": commit, "ref": "refs/heads/topic"}]}
    assert second["additionalEventData"]["repositoryName"] == NAME
    assert second["additionalEventData"]["dataTransferred"] is True
    assert second["resources"][0]["ARN"] == ARN
    assert second["userIdentity"]["arn"].endswith("assumed-role/acme-developer/ada")


def test_a_denied_push_is_recorded_as_such(counter: Counter, clone: Path) -> None:
    counter.git(clone, {}, "push", counter.url(counter.keys("acme-developer", "ada")), "HEAD:main")
    assert [record.get("errorCode") for record in counter.records("GitPush")] == [None, "AccessDenied"]


def test_a_push_grows_the_pull_request_of_its_branch(counter: Counter, clone: Path) -> None:
    client = counter.client("acme-developer", "ada")
    fork(client, "topic", "a", "1")
    targets = [{"repositoryName": NAME, "sourceReference": "topic"}]
    pull = client.create_pull_request(title="A", targets=targets)["pullRequest"]
    counter.git(clone, {}, "push", "--force", counter.url(), "HEAD:topic")
    found = client.get_pull_request(pullRequestId=pull["pullRequestId"])["pullRequest"]
    assert found["revisionId"] != pull["revisionId"]
    assert found["pullRequestTargets"][0]["sourceCommit"] == git(clone, "rev-parse", "HEAD")


def test_no_repository_of_that_name_is_told(counter: Counter, tmp_path: Path) -> None:
    missing = counter.git(tmp_path, {}, "clone", counter.url().replace(NAME, "none"), "clone")
    assert "not found" in missing.stderr
