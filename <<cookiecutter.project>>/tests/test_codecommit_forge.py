"""What only CodeCommit's forge does: bots by role, long bodies, builds as checks, credentials."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from mlops.codecommit_bodies import LONGEST, join_body, split_body
from mlops.codecommit_checks import Checks
from mlops.codecommit_forge import PROFILE
from mlops.codecommit_people import BOT, BOT_ADDRESS, fold, may_judge, read_person
from mlops.forge import ForgeError, open_forge
from mlops.pulls import Change, publish
from tests.codecommit import NAME, NO_PUSH_TO_MAIN, make_project, make_role
from tests.conftest import ACCOUNT, REGION

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from mlops.forge import Forge
    from tests.codecommit import Counter

PIN = "releases/prod/guess.yml"
BRANCH = "mlops/prod/guess"
COMMIT = "c" * 40


def open_pin(counter: Counter, body: str = "the body") -> int:
    """A pull request of a pin, by the bot."""
    forge = counter.forge()
    forge.push_file(BRANCH, PIN, "one\n", "Promote")
    return forge.open_pull(BRANCH, "Promote", body).number


def test_the_projects_roles_are_bots_and_their_commits_too(counter: Counter) -> None:
    number = open_pin(counter)
    found = counter.forge().find_pull(BRANCH)
    assert found is not None
    assert (found.author.login, found.author.is_bot) == ("acme-ci", True)
    (entry,) = counter.forge().list_authors(number)
    assert all(person.is_bot for person in entry.people)


def test_a_second_run_of_the_bot_is_nobody_elses_change(counter: Counter) -> None:
    change = Change("prod", "guess", BRANCH, PIN, "one\n", "Promote", "first")
    publish(counter.forge(name="AWSCodeBuild-1"), change, asked=False)
    newer = Change("prod", "guess", BRANCH, PIN, "two\n", "Promote", "second")
    assert publish(counter.forge(name="AWSCodeBuild-2"), newer, asked=False).startswith(
        "#1 now proposes this"
    )


def test_what_a_person_changed_gives_way_only_by_name(counter: Counter) -> None:
    change = Change("prod", "guess", BRANCH, PIN, "one\n", "Promote", "first")
    publish(counter.forge(), change, asked=False)
    client, parent = counter.client("acme-developer", "dan"), counter.forge().find_branch(BRANCH)
    put = {"repositoryName": NAME, "branchName": BRANCH, "filePath": PIN, "fileContent": b"mine\n"}
    client.put_file(**put, parentCommitId=parent, name=BOT, email=BOT_ADDRESS)
    said = publish(counter.forge(), change, asked=False)
    assert said.startswith("#1 was changed by dan and stays as it is"), "whatever name the commit bears"


def test_opened_twice_it_is_one_pull_request(counter: Counter) -> None:
    number = open_pin(counter)
    assert counter.forge().open_pull(BRANCH, "Promote", "the body").number == number


def test_a_pull_request_of_another_repository_is_none_of_ours(counter: Counter) -> None:
    root = counter.client()
    root.create_repository(repositoryName="other")
    file = {"filePath": "a", "fileContent": b"1"}
    first = root.create_commit(repositoryName="other", branchName="main", putFiles=[file])["commitId"]
    root.create_branch(repositoryName="other", branchName=BRANCH, commitId=first)
    targets = [{"repositoryName": "other", "sourceReference": BRANCH, "destinationReference": "main"}]
    root.create_pull_request(title="Theirs", targets=targets)
    assert counter.forge().find_pull(BRANCH) is None


def test_an_override_is_told_with_who(counter: Counter) -> None:
    number = open_pin(counter)
    counter.override(number, "dan")
    found = counter.forge().find_pull(BRANCH)
    assert found is not None
    assert str(found.overridden_by) == "dan"


def test_a_refusal_of_iam_is_one_line_with_what_to_do(counter: Counter) -> None:
    make_role("acme-nobody", NO_PUSH_TO_MAIN)
    forge = counter.forge("acme-nobody", "x")
    with pytest.raises(ForgeError, match=r"GetBranch was refused: AccessDeniedException.*sts get-caller"):
        forge.find_branch("main")


def test_a_repository_that_is_elsewhere_says_how_to_reach_it(counter: Counter) -> None:
    counter.client().delete_repository(repositoryName=NAME)
    with pytest.raises(ForgeError, match=PROFILE):
        counter.forge().find_pull(BRANCH)


def test_a_main_that_somebody_deleted_is_one_line_with_what_to_do(counter: Counter) -> None:
    counter.commit("other", "file", "text")
    counter.client().update_default_branch(repositoryName=NAME, defaultBranchName="other")
    counter.client().delete_branch(repositoryName=NAME, branchName="main")
    with pytest.raises(
        ForgeError, match=r"If main is gone, push it from a clone that has it: git push REMOTE"
    ):
        counter.forge().push_file("mlops/prod/guess", "releases/prod/guess.yml", "one\n", "Promote")
    assert counter.forge().find_branch("mlops/prod/guess") is None, "nothing is half done"


def test_a_commit_that_was_not_pushed_has_no_authors(counter: Counter) -> None:
    with pytest.raises(ForgeError, match="has no commit"):
        counter.forge().read_authors(COMMIT)


def test_there_are_no_issues(counter: Counter) -> None:
    forge: Forge = counter.forge()
    assert forge.issues() is None


@pytest.mark.parametrize("size", [1, LONGEST, LONGEST + 1, 65_536])
def test_a_body_of_any_length_is_read_as_it_was_written(size: int) -> None:
    body = ("x" * 99 + "\n") * (size // 100) + "y" * (size % 100)
    description, parts = split_body(body)
    assert max(map(len, [description, *parts])) <= LONGEST
    assert join_body(description, reversed(parts)) == body
    assert bool(parts) == (size > LONGEST)


def test_a_body_whose_parts_are_not_all_there_is_its_description() -> None:
    description, parts = split_body("x" * 30_000)
    assert join_body(description, parts[:-1]) == description
    assert join_body(description, split_body("y" * 30_000)[1]) == description


def test_no_part_of_an_old_body_is_left(counter: Counter) -> None:
    number = open_pin(counter, "x\n" * 10_000)
    counter.forge().update_pull(number, "Promote", "y\n" * 10_000)
    comments = counter.client().get_comments_for_pull_request(pullRequestId=str(number))
    found = [
        comment
        for group in comments["commentsForPullRequestData"]
        for comment in group["comments"]
        if not comment["deleted"]
    ]
    assert len(found) == 2
    assert all("y" in comment["content"] for comment in found)


@pytest.fixture
def builds() -> Iterator[tuple[Checks, Stubber]]:
    """CodeBuild as it answers, for a check project."""
    client = boto3.client("codebuild", region_name=REGION)
    with Stubber(client) as stub:
        yield Checks(client, "acme-check"), stub


def tell_builds(stub: Stubber, *commits: str) -> None:
    """CodeBuild has built these commits."""
    asked = {"projectName": "acme-check", "sortOrder": "DESCENDING"}
    stub.add_response(
        "list_builds_for_project", {"ids": [f"b:{c}" for c in commits]} if commits else {}, asked
    )
    found = [{"resolvedSourceVersion": commit} for commit in commits]
    if commits:
        stub.add_response("batch_get_builds", {"builds": found}, {"ids": ANY})


@pytest.mark.parametrize(("built", "has"), [((), False), ((COMMIT,), True), (("d" * 40,), False)])
def test_a_commit_is_checked_when_a_build_is_of_it(
    builds: tuple[Checks, Stubber], built: tuple[str, ...], has: bool
) -> None:
    checks, stub = builds
    tell_builds(stub, *built)
    assert checks.has_build(COMMIT) is has


def test_a_fresh_change_is_left_to_its_event(builds: tuple[Checks, Stubber]) -> None:
    checks, stub = builds
    checks.start(COMMIT, datetime.now(UTC))
    stub.assert_no_pending_responses()


def test_a_change_whose_event_was_lost_is_built_once(builds: tuple[Checks, Stubber]) -> None:
    checks, stub = builds
    tell_builds(stub)
    asked = {"projectName": "acme-check", "sourceVersion": COMMIT, "idempotencyToken": COMMIT}
    stub.add_response("start_build", {}, asked)
    before = datetime.now(UTC) - timedelta(hours=1)
    checks.start(COMMIT, before)
    tell_builds(stub, COMMIT)
    checks.start(COMMIT, before)
    stub.assert_no_pending_responses()


def test_a_missing_check_project_is_named(builds: tuple[Checks, Stubber]) -> None:
    checks, stub = builds
    stub.add_client_error("list_builds_for_project", "ResourceNotFoundException")
    with pytest.raises(ForgeError, match="CodeBuild has no project 'acme-check'"):
        checks.has_build(COMMIT)


@pytest.mark.parametrize(
    ("arn", "name", "is_bot"),
    [
        (f"arn:aws:iam::{ACCOUNT}:user/team/Ada", "ada", False),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/AWSReservedSSO_Dev_1/Ada@example.com", "ada", False),
        (f"arn:aws:sts::{ACCOUNT}:federated-user/ada", "ada", False),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/acme-developer/ada", "ada", False),
        (f"arn:aws:sts::{ACCOUNT}:assumed-role/acme-train/ada", "acme-train", True),
        (f"arn:aws:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:root", True),
    ],
)
def test_a_person_is_their_name_in_every_role(arn: str, name: str, is_bot: bool) -> None:
    found = read_person(arn, make_project())
    assert (found.id, found.is_bot, found.arn) == (name, is_bot, arn)


@pytest.mark.parametrize(
    ("who", "pools", "may"),
    [
        ("user/ada", [], True),
        ("assumed-role/acme-developer/ada", [[]], True),
        ("assumed-role/AWSReservedSSO_Dev_1/ada", [], True),
        ("assumed-role/Contractor/ada", [], False),
        ("assumed-role/Contractor/ada", [[f"arn:aws:sts::{ACCOUNT}:assumed-role/Contractor/*"]], True),
        ("assumed-role/acme-developer/ada", [[f"CodeCommitApprovers:{ACCOUNT}:*/ada"]], True),
        ("assumed-role/acme-developer/ada", [[f"CodeCommitApprovers:{ACCOUNT}:*/ada"], ["x"]], False),
    ],
)
def test_who_may_judge_has_a_name_that_cannot_be_chosen(who: str, pools: list[list[str]], may: bool) -> None:
    service = "iam" if who.startswith("user") else "sts"
    person = read_person(f"arn:aws:{service}::{ACCOUNT}:{who}", make_project())
    assert may_judge(person, pools) is may


def test_a_name_without_a_host_stays_itself() -> None:
    assert [fold(name) for name in ("Ada", "ada@example.com", "@odd")] == ["ada", "ada", "@odd"]


def test_the_environments_credentials_say_as_whom(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", counter.port.server.endpoint)
    for name, value in counter.keys("acme-developer", "ben").items():
        monkeypatch.setenv(name, value)
    forge = open_forge(make_project())
    forge.push_file(BRANCH, PIN, "one\n", "Promote")
    assert str(forge.open_pull(BRANCH, "Promote", "").author) == "ben"


def test_a_profile_reaches_a_repository_of_another_account(
    counter: Counter, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    keys = counter.keys("acme-developer", "cleo")
    lines = [f"{name.lower()} = {value}" for name, value in keys.items()]
    (tmp_path / "config").write_text("\n".join(["[profile forge]", *lines]))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_ENDPOINT_URL", counter.port.server.endpoint)
    monkeypatch.setenv(PROFILE, "forge")
    forge = open_forge(make_project())
    forge.push_file(BRANCH, PIN, "one\n", "Promote")
    assert str(forge.open_pull(BRANCH, "Promote", "").author) == "cleo"


def test_a_build_comes_as_its_own_role_whichever_it_has_taken(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = counter.keys("acme-build-propose", "AWSCodeBuild-1")
    monkeypatch.setenv("AWS_ENDPOINT_URL", counter.port.server.endpoint)
    monkeypatch.setenv("CODEBUILD_BUILD_ID", "acme-propose:1")
    with vending(keys) as url:
        monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", url)
        forge: Any = open_forge(make_project())
        forge.push_file(BRANCH, PIN, "one\n", "Promote")
        assert str(forge.open_pull(BRANCH, "Promote", "").author) == "acme-build-propose"


class vending:  # noqa: N801  # read as a statement: with vending(keys)
    """Serves keys as the agent beside a build's container does."""

    def __init__(self, keys: dict[str, str]) -> None:
        answer = {
            "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
            "Token": keys["AWS_SESSION_TOKEN"],
            "Expiration": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
        }

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *words: Any) -> None:
                """Silence."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self._server.server_port}/keys"

    def __exit__(self, *failure: object) -> None:
        self._server.shutdown()
