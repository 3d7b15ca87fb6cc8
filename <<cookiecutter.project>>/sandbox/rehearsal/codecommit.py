"""A rehearsal's repository on CodeCommit: IAM users, who reach main by merged pull requests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sandbox.cast import LOGINS
from sandbox.stage import REFUSED, WELL, begin_history, bootstrap, console

if TYPE_CHECKING:
    from sandbox.rehearsal.play import Person
    from sandbox.stage import Codes, Stage

# AWS's own helper, told that the sandbox's host is no amazonaws.com
HELPER = '!f() { test "$1" = get && aws codecommit credential-helper get --ignore-host-check; }; f'
ANSWERED_NO = (254, 255)  # the AWS CLI, versions 2 and 1, where a service answers with an error


@dataclass(frozen=True)
class Contributor:
    """Somebody with an IAM user's keys; `stage` is where those are in the environment."""

    login: str
    stage: Stage
    repository: str

    def aws(self, operation: str, *words: str, ends: Codes = WELL) -> str:
        """Call CodeCommit by the AWS CLI."""
        return self.stage.aws("codecommit", operation, *words, ends=ends).strip()

    def say(self, what: str) -> None:
        """Tell what this person does."""
        console.print(f"[bold magenta]{self.login}[/] {what}")

    def open_pull(self, branch: str, title: str) -> int:
        target = f"repositoryName={self.repository},sourceReference={branch},destinationReference=main"
        self.say(f"opens a pull request: {title}")
        number = self.aws(
            *("create-pull-request", "--title", title, "--targets", target),
            *("--query", "pullRequest.pullRequestId"),
        )
        return int(number)

    def approve(self, number: int) -> None:
        revision = self.read(number)["revisionId"]
        self.say(f"approves #{number}")
        self.aws(
            *("update-pull-request-approval-state", "--pull-request-id", str(number)),
            *("--revision-id", revision, "--approval-state", "APPROVE"),
        )

    def merge(self, number: int) -> None:
        self.say(f"merges #{number}")
        self.aws(*self.merging(number))

    def merging(self, number: int) -> tuple[str, ...]:
        """The words of a merge."""
        place = ("--repository-name", self.repository)
        return ("merge-pull-request-by-squash", "--pull-request-id", str(number), *place)

    def find_pull(self, title: str) -> int | None:
        listed = self.client.list_pull_requests(repositoryName=self.repository, pullRequestStatus="OPEN")
        for number in map(int, listed["pullRequestIds"]):
            if self.read(number)["title"].startswith(title):
                return number
        return None

    def read(self, number: int) -> dict[str, Any]:
        """A pull request."""
        found: dict[str, Any] = self.client.get_pull_request(pullRequestId=str(number))["pullRequest"]
        return found

    @property
    def client(self) -> Any:
        """What only looks is asked without a process."""
        return self.stage.client("codecommit")


class OnCodecommit:
    """See `sandbox.rehearsal.play.Forge`. `stage` is the administrator's."""

    options: tuple[str, ...] = ("--empty",)

    def __init__(self, stage: Stage) -> None:
        self._stage = self.desk = stage
        self.contributors: dict[str, Contributor] = {}

    @property
    def people(self) -> dict[str, Person]:
        return {**self.contributors}

    def begin(self) -> None:
        """The repository comes with the foundation."""
        with self._stage.act("Found the accounts: the repository, its rules, roles, builds, pipelines"):
            bootstrap(self._stage)
        with self._stage.act("Push the project to the forge"):
            self._push()

    def _push(self) -> None:
        """Push as the administrator: the people of the repository reach main by pull requests alone."""
        begin_history(self._stage, "Start")
        repository = self._stage.names["repository"]
        remote = f"{self._stage.environment['AWS_ENDPOINT_URL']}/v1/repos/{repository}"
        self._stage.run("git", "config", "credential.helper", HELPER)
        self._stage.run("git", "config", "credential.UseHttpPath", "true")
        self._stage.run("git", "remote", "add", "origin", remote)
        self._stage.run("git", "push", "-q", "-u", "origin", "main")
        for login in LOGINS:
            self.contributors[login] = Contributor(login, self._let_in(login), repository)
        self.desk = self.contributors["ada"].stage

    def _let_in(self, login: str) -> Stage:
        """Make an IAM user who may contribute; the stage as they have it."""
        iam, names = self._stage.client("iam"), self._stage.names
        policy = f"arn:aws:iam::{names['accounts']['training']}:policy/{names['project']}-contribute"
        iam.create_user(UserName=login)
        iam.attach_user_policy(UserName=login, PolicyArn=policy)
        key = iam.create_access_key(UserName=login)["AccessKey"]
        keys = {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}
        console.print(f"[bold magenta]{login}[/] is an IAM user with {policy}")
        return replace(self._stage, environment={**self._stage.environment, **keys})

    def refuse(self, number: int, branch: str) -> None:
        """Nobody approves what the check refuses, so main does not take it: neither merged nor pushed."""
        ada = self.contributors["ada"]
        ada.aws(*ada.merging(number), ends=ANSWERED_NO)
        ada.stage.run("git", "push", "-q", "origin", f"{branch}:main", ends=REFUSED)
        ada.aws(
            *("update-pull-request-status", "--pull-request-id", str(number)),
            *("--pull-request-status", "CLOSED"),
        )
