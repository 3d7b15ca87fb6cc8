"""CodeCommit's API on real git: repositories, branches, files, commits, merges, as AWS documents them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from sandbox.project import read_project
from tests.codecommit import ARN, NAME
from tests.conftest import PROJECT, git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.codecommit import Counter

R = {"repositoryName": NAME}


@pytest.fixture
def client(counter: Counter) -> Any:
    """The account's root user."""
    return counter.client()


def refusal(act: Any, **params: Any) -> str:
    """The name of the error that a call is refused with."""
    with pytest.raises(ClientError) as refused:
        act(**params)
    return str(refused.value.response["Error"]["Code"]).removesuffix("Exception")


def tip(client: Any, branch: str = "main") -> str:
    return str(client.get_branch(**R, branchName=branch)["branch"]["commitId"])


def put(client: Any, branch: str, path: str, text: str) -> str:
    """A file put on a branch; the commit."""
    parent = tip(client, branch)
    made = client.put_file(
        **R, branchName=branch, filePath=path, fileContent=text.encode(), parentCommitId=parent
    )
    return str(made["commitId"])


def fork(client: Any, branch: str, path: str, text: str) -> str:
    """A branch of main with a file of its own."""
    client.create_branch(**R, branchName=branch, commitId=tip(client))
    return put(client, branch, path, text)


def test_a_repository_is_made_found_described_renamed_and_deleted(client: Any) -> None:
    made = client.create_repository(repositoryName="other", repositoryDescription="d", tags={"a": "1"})
    arn = made["repositoryMetadata"]["Arn"]
    client.tag_resource(resourceArn=arn, tags={"b": "2"})
    client.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert client.list_tags_for_resource(resourceArn=arn)["tags"] == {"b": "2"}
    assert {one["repositoryName"] for one in client.list_repositories()["repositories"]} == {NAME, "other"}
    client.update_repository_name(oldName="other", newName="new")
    found = client.batch_get_repositories(repositoryNames=["new", "other"])
    assert [one["repositoryDescription"] for one in found["repositories"]] == ["d"]
    assert found["repositoriesNotFound"] == ["other"]
    assert client.delete_repository(repositoryName="new")["repositoryId"]
    assert "repositoryId" not in client.delete_repository(repositoryName="new")


CANNOT: list[tuple[str, dict[str, Any], str]] = [
    ("create_repository", {"repositoryName": NAME}, "RepositoryNameExists"),
    ("create_repository", {"repositoryName": "a.git"}, "InvalidRepositoryName"),
    ("get_repository", {"repositoryName": "none"}, "RepositoryDoesNotExist"),
    ("create_branch", {**R, "branchName": "main", "commitId": "0" * 40}, "BranchNameExists"),
    ("create_branch", {**R, "branchName": "a..b", "commitId": "0" * 40}, "InvalidBranchName"),
    ("create_branch", {**R, "branchName": "b", "commitId": "0" * 40}, "CommitDoesNotExist"),
    ("create_branch", {**R, "branchName": "b", "commitId": "abc"}, "InvalidCommitId"),
    ("get_branch", {**R, "branchName": "none"}, "BranchDoesNotExist"),
    ("delete_branch", {**R, "branchName": "main"}, "DefaultBranchCannotBeDeleted"),
    ("update_default_branch", {**R, "defaultBranchName": "none"}, "BranchDoesNotExist"),
    ("get_commit", {**R, "commitId": "0" * 40}, "CommitIdDoesNotExist"),
    ("get_commit", {**R, "commitId": "main"}, "InvalidCommitId"),
    ("get_file", {**R, "filePath": "none"}, "FileDoesNotExist"),
    ("get_file", {**R, "filePath": "README.md", "commitSpecifier": "none"}, "CommitDoesNotExist"),
    ("get_file", {**R, "filePath": "../README.md"}, "InvalidPath"),
    ("get_folder", {**R, "folderPath": "none"}, "FolderDoesNotExist"),
    ("get_blob", {**R, "blobId": "0" * 40}, "BlobIdDoesNotExist"),
    ("get_differences", {**R, "afterCommitSpecifier": "none"}, "CommitDoesNotExist"),
    ("list_branches", {**R, "nextToken": "x"}, "InvalidContinuationToken"),
    ("get_pull_request", {"pullRequestId": "9"}, "PullRequestDoesNotExist"),
    ("get_pull_request", {"pullRequestId": "x"}, "InvalidPullRequestId"),
    ("get_comment", {"commentId": "none"}, "CommentDoesNotExist"),
    ("list_file_commit_history", {**R, "filePath": "README.md"}, "UnknownOperation"),
    ("get_repository_triggers", R, "UnknownOperation"),
]


def test_what_cannot_be_is_refused_by_name(client: Any) -> None:
    found = [refusal(getattr(client, operation), **params) for operation, params, _ in CANNOT]
    assert found == [error for _, _, error in CANNOT]


def test_the_first_commit_makes_the_default_branch(counter: Counter, client: Any) -> None:
    client.create_repository(repositoryName="empty")
    file = {"filePath": "a", "fileContent": b"1"}
    client.create_commit(repositoryName="empty", branchName="trunk", putFiles=[file])
    found = client.get_repository(repositoryName="empty")["repositoryMetadata"]
    assert found["defaultBranch"] == "trunk"
    assert refusal(client.create_commit, repositoryName="empty", branchName="x", putFiles=[file]) == (
        "BranchDoesNotExist"
    )


def test_a_commit_puts_deletes_and_changes_files(client: Any) -> None:
    made = client.create_commit(
        **R,
        branchName="main",
        parentCommitId=tip(client),
        authorName="Ada",
        email="ada@example.com",
        commitMessage="Change",
        putFiles=[
            {"filePath": "a/b.sh", "fileContent": b"x", "fileMode": "EXECUTABLE"},
            {"filePath": "copy", "sourceFile": {"filePath": "README.md"}},
        ],
        deleteFiles=[{"filePath": "README.md"}],
    )
    assert [file["absolutePath"] for file in made["filesAdded"]] == ["a/b.sh", "copy"]
    assert [file["absolutePath"] for file in made["filesDeleted"]] == ["README.md"]
    commit = client.get_commit(**R, commitId=made["commitId"])["commit"]
    assert (commit["author"]["name"], commit["author"]["email"]) == ("Ada", "ada@example.com")
    file = client.get_file(**R, filePath="a/b.sh")
    assert (file["fileContent"], file["fileMode"], file["fileSize"]) == (b"x", "EXECUTABLE", 1)
    assert client.get_blob(**R, blobId=file["blobId"])["content"] == b"x"
    folder = client.get_folder(**R, folderPath="/")
    assert [one["absolutePath"] for one in folder["files"]] == ["copy"]
    assert [one["relativePath"] for one in folder["subFolders"]] == ["a"]


NO_COMMITS: list[tuple[dict[str, Any], str]] = [
    ({"parentCommitId": None}, "ParentCommitIdRequired"),
    ({"parentCommitId": "0" * 40}, "ParentCommitDoesNotExist"),
    ({"branchName": "none"}, "BranchDoesNotExist"),
    ({"putFiles": []}, "FileEntryRequired"),
    ({"putFiles": [{"filePath": "README.md", "fileContent": b"# models\n"}]}, "NoChange"),
    (
        {"putFiles": [{"filePath": "README.md/x", "fileContent": b""}]},
        "FileNameConflictsWithDirectoryName",
    ),
    ({"putFiles": [{"filePath": "a"}]}, "SourceFileOrContentRequired"),
    ({"putFiles": [{"filePath": "a", "fileContent": b"1"}] * 2}, "SamePathRequest"),
    (
        {"putFiles": [{"filePath": f"f{i}", "fileContent": b""} for i in range(101)]},
        "MaximumFileEntriesExceeded",
    ),
    ({"putFiles": [], "deleteFiles": [{"filePath": "none"}]}, "FileDoesNotExist"),
    ({"keepEmptyFolders": True}, "UnknownOperation"),
]


def test_a_commit_that_cannot_be_is_refused_by_name(client: Any) -> None:
    usual = {
        **R,
        "branchName": "main",
        "parentCommitId": tip(client),
        "putFiles": [{"filePath": "a", "fileContent": b"1"}],
    }
    asked = [{**usual, **params} for params, _ in NO_COMMITS]
    given = [{name: value for name, value in each.items() if value is not None} for each in asked]
    found = [refusal(client.create_commit, **each) for each in given]
    assert found == [error for _, error in NO_COMMITS]


def test_a_commit_on_what_the_branch_has_left_is_refused(client: Any) -> None:
    old = tip(client)
    put(client, "main", "a", "1")
    for act, extra in ((client.put_file, {"fileContent": b"2"}), (client.delete_file, {})):
        asked = {**R, "branchName": "main", "filePath": "a", "parentCommitId": old}
        assert refusal(act, **asked, **extra) == "ParentCommitIdOutdated"


def test_the_same_content_again_is_refused(client: Any) -> None:
    asked = {**R, "branchName": "main", "filePath": "README.md", "parentCommitId": tip(client)}
    assert refusal(client.put_file, **asked, fileContent=b"# models\n") == "SameFileContent"


def test_differences_name_what_was_added_changed_and_deleted(client: Any) -> None:
    fork(client, "topic", "new", "1")
    put(client, "topic", "README.md", "other\n")
    client.delete_file(**R, branchName="topic", filePath="new", parentCommitId=tip(client, "topic"))
    put(client, "topic", "sub/more", "1")
    found = client.get_differences(
        **R, beforeCommitSpecifier="main", afterCommitSpecifier="topic", MaxResults=1
    )
    assert [one["changeType"] for one in found["differences"]] == ["M"]
    rest = client.get_differences(
        **R, beforeCommitSpecifier="main", afterCommitSpecifier="topic", NextToken=found["NextToken"]
    )
    assert [(one["changeType"], one["afterBlob"]["path"]) for one in rest["differences"]] == [
        ("A", "sub/more")
    ]
    whole = client.get_differences(**R, afterCommitSpecifier="topic", afterPath="sub")
    assert [one["afterBlob"]["path"] for one in whole["differences"]] == ["sub/more"]


def test_many_commits_are_read_at_once(client: Any) -> None:
    first = tip(client)
    second = put(client, "main", "a", "1")
    found = client.batch_get_commits(**R, commitIds=[first, second, "0" * 40])
    assert [one["parents"] for one in found["commits"]] == [[], [first]]
    assert [one["commitId"] for one in found["errors"]] == ["0" * 40]


def test_files_that_both_sides_changed_conflict_by_file_and_by_line(client: Any) -> None:
    text = "".join(f"{line}\n" for line in range(20))
    put(client, "main", "f", text)
    fork(client, "topic", "f", text.replace("19\n", "theirs\n"))
    put(client, "main", "f", text.replace("0\n1\n", "ours\n1\n"))
    asked = {
        **R,
        "sourceCommitSpecifier": "topic",
        "destinationCommitSpecifier": "main",
        "mergeOption": "THREE_WAY_MERGE",
    }
    by_file = client.get_merge_conflicts(**asked)
    assert (by_file["mergeable"], [one["filePath"] for one in by_file["conflictMetadataList"]]) == (
        False,
        ["f"],
    )
    assert client.get_merge_conflicts(**asked, conflictDetailLevel="LINE_LEVEL")["mergeable"]
    assert client.get_merge_conflicts(**asked, conflictResolutionStrategy="ACCEPT_SOURCE")["mergeable"]


def merged(client: Any, **params: Any) -> str:
    """What a file holds after a three-way merge of topic into main."""
    client.merge_branches_by_three_way(
        **R, sourceCommitSpecifier="topic", destinationCommitSpecifier="main", **params
    )
    return str(client.get_file(**R, filePath="f")["fileContent"].decode())


@pytest.mark.parametrize(
    ("strategy", "content"), [("ACCEPT_SOURCE", "theirs\n"), ("ACCEPT_DESTINATION", "ours\n")]
)
def test_a_strategy_settles_conflicts_by_one_side(client: Any, strategy: str, content: str) -> None:
    fork(client, "topic", "f", "theirs\n")
    put(client, "main", "f", "ours\n")
    assert merged(client, conflictResolutionStrategy=strategy) == content


def test_a_file_that_one_side_deleted_conflicts_until_a_side_is_taken(client: Any) -> None:
    put(client, "main", "f", "1\n")
    fork(client, "topic", "f", "2\n")
    client.delete_file(**R, branchName="main", filePath="f", parentCommitId=tip(client))
    ends = {"sourceCommitSpecifier": "topic", "destinationCommitSpecifier": "main"}
    assert refusal(client.merge_branches_by_squash, **R, **ends) == "ManualMergeRequired"
    assert merged(client, conflictResolutionStrategy="ACCEPT_SOURCE") == "2\n"


def test_branches_merge_as_their_histories_allow(client: Any) -> None:
    fork(client, "topic", "a", "1")
    ends = {"sourceCommitSpecifier": "topic", "destinationCommitSpecifier": "main"}
    options = client.get_merge_options(**R, **ends)["mergeOptions"]
    assert options == ["FAST_FORWARD_MERGE", "SQUASH_MERGE", "THREE_WAY_MERGE"]
    put(client, "main", "b", "1")
    assert client.get_merge_options(**R, **ends)["mergeOptions"] == ["SQUASH_MERGE", "THREE_WAY_MERGE"]
    assert refusal(client.merge_branches_by_fast_forward, **R, **ends) == "ManualMergeRequired"
    loose = client.create_unreferenced_merge_commit(**R, **ends, mergeOption="THREE_WAY_MERGE")["commitId"]
    assert loose != tip(client)
    source = tip(client, "topic")
    made = client.merge_branches_by_three_way(**R, **ends)["commitId"]
    parents = client.get_commit(**R, commitId=made)["commit"]["parents"]
    assert parents[1] == source
    found = client.get_merge_commit(**R, sourceCommitSpecifier="topic", destinationCommitSpecifier=parents[0])
    assert found["mergedCommitId"] == made


def test_a_project_on_codecommit_names_no_owner(tmp_path: Path) -> None:
    (tmp_path / "project.yml").write_text(
        PROJECT.replace("acme/models", NAME).replace("forge: github", "forge: codecommit")
    )
    assert read_project(tmp_path).repository == NAME


def test_git_sees_what_the_api_made(counter: Counter, client: Any) -> None:
    fork(client, "topic", "a/b", "1\n")
    bare = counter.books.holdings[NAME].git.path
    assert git(bare, "show", "topic:a/b") == "1"
    assert git(bare, "fsck", "--strict") == ""


def test_branches_and_tags_are_told_to_listeners(counter: Counter, client: Any) -> None:
    counter.events.clear()
    fork(client, "topic", "a", "1")
    client.delete_branch(**R, branchName="topic")
    details = [event["detail"] for event in counter.events]
    assert [detail["event"] for detail in details] == [
        "referenceCreated",
        "referenceUpdated",
        "referenceDeleted",
    ]
    assert {detail["referenceFullName"] for detail in details} == {"refs/heads/topic"}
    assert details[1]["oldCommitId"] == details[0]["commitId"]
    assert counter.events[0]["resources"] == [ARN]
    assert counter.events[0]["detail-type"] == "CodeCommit Repository State Change"
