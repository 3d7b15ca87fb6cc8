"""What all routes share: the records, the repositories, the rules of a branch, the results of checks."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

from sandbox.forge import changes, rulesets
from sandbox.forge.calls import missing
from sandbox.forge.records import Issue, Pull, Records, Status
from sandbox.forge.repository import Repository
from sandbox.forge.verdict import CheckState

if TYPE_CHECKING:
    from sandbox.forge.calls import Call
    from sandbox.forge.changes import Change
    from sandbox.forge.ground import Ground, Runner
    from sandbox.forge.outbox import Outbox
    from sandbox.forge.people import Person
    from sandbox.forge.rulesets import Rules
    from sandbox.forge.store import Store

FIRST_FORK = 700_200_000
# a status has four states, a check more
STATUS_CONCLUSIONS = {"success": "success", "pending": "pending", "failure": "failure", "error": "failure"}


class Board:
    """The forge's state, apart from HTTP."""

    def __init__(self, ground: Ground, store: Store, outbox: Outbox, runs: Runner) -> None:
        self.ground = ground
        self.store = store
        self.outbox = outbox
        self.runs = runs
        self.records = Records(store)
        self.repository = ground.repository
        self.diff_of = functools.lru_cache(256)(_diff)
        self._forks: dict[str, Repository] = {}

    def now(self) -> float:
        return self.ground.clock.time()

    def repository_named(self, full_name: str) -> Repository | None:
        """The repository, or a fork of it."""
        if full_name.lower() == self.repository.full_name.lower():
            return self.repository
        fork = self.store.get("fork", full_name.lower())
        return self._fork(fork) if fork else None

    def repository_of(self, call: Call) -> Repository:
        found = self.repository_named(f"{call.arguments['owner']}/{call.arguments['name']}")
        if found is None:
            raise missing()
        return found

    def fork(self, person: Person) -> Repository:
        """A person's own copy, made at the first call; it borrows the objects of its parent."""
        full_name = f"{person.login}/{self.repository.name}"
        if not self.store.get("fork", full_name.lower()):
            number = self.store.next("fork", FIRST_FORK)
            kept = {"name": full_name, "id": number, "owner_id": person.id}
            self._fork(kept).borrow()
            self.store.put("fork", full_name.lower(), kept)
        return self._fork(self.store.get("fork", full_name.lower()))

    def _fork(self, kept: dict[str, Any]) -> Repository:
        name, folder = kept["name"], self.ground.home
        if name not in self._forks:
            self._forks[name] = Repository(folder, name, kept["id"], kept["owner_id"], self.repository)
        return self._forks[name]

    def issue(self, number: int | str) -> Issue:
        """An issue or the conversation of a pull request."""
        found = self.records.find(Issue, number)
        if found is None:
            raise missing()
        return found

    def pull(self, number: int | str) -> Pull:
        found = self.records.find(Pull, number)
        if found is None:
            raise missing()
        return found

    def open_pulls(self) -> list[Pull]:
        opened = {
            issue.number for issue in self.records.all(Issue) if issue.is_pull and issue.state == "open"
        }
        return [pull for pull in self.records.all(Pull) if pull.number in opened]

    def opened(self) -> int:
        """How many issues and pull requests are open."""
        return sum(issue.state == "open" for issue in self.records.all(Issue))

    def diff(self, base: str | None, head: str) -> tuple[Change, ...]:
        """What differs between two commits of the repository."""
        return self.diff_of(self.repository, base, head)

    def proposed(self, pull: Pull) -> tuple[Change, ...]:
        """What a pull request changes, counted from where it left its base."""
        base = self.repository.branch(pull.base_ref) if pull.merged_at is None else pull.base_sha
        return self.diff(self.repository.merge_base(base or pull.base_sha, pull.head_sha), pull.head_sha)

    def jobs_may_propose(self) -> bool:
        """Whether a workflow's token may open and approve pull requests."""
        return bool((self.store.get("setting", "workflow") or {}).get("can_approve_pull_request_reviews"))

    def rulesets(self) -> list[dict[str, Any]]:
        return self.store.all("ruleset")

    def rules(self, ref: str, person: Person | None, by_pull: bool) -> Rules:
        """What binds somebody (None: anybody without a bypass) who changes a ref."""
        active = [found for found in self.rulesets() if found["enforcement"] == "active"]
        return rulesets.combine(
            found
            for found in active
            if rulesets.applies(found, ref) and not (person and rulesets.bypasses(found, person, by_pull))
        )

    def checks(self, sha: str) -> dict[str, CheckState]:
        """The newest result under each name: of the runs' checks, and of statuses."""
        found = {status.context: self._of_status(status) for status in self.statuses(sha)}
        for check in sorted(self.runs.checks(sha), key=lambda check: int(check["id"])):
            ended = check["status"] == "completed"
            found[check["name"]] = CheckState(
                check["conclusion"] if ended else "pending", rulesets.ACTIONS_APP
            )
        return found

    def statuses(self, sha: str) -> list[Status]:
        return self.records.all(Status, f"{sha}/")

    def _of_status(self, status: Status) -> CheckState:
        person = self.ground.people.find(status.creator)
        app = rulesets.ACTIONS_APP if person and person.kind == "Bot" else None
        return CheckState(STATUS_CONCLUSIONS[status.state], app)


def _diff(repository: Repository, base: str | None, head: str) -> tuple[Change, ...]:
    return tuple(changes.changes(repository, base, head))
