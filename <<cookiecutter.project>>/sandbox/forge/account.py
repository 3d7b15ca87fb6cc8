"""Who people are, what they may do here, and what the repository is set to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge import shapes
from sandbox.forge.access import not_accessible
from sandbox.forge.calls import Answer, Call, Route, invalid, missing
from sandbox.forge.paging import page

if TYPE_CHECKING:
    from sandbox.forge.board import Board
    from sandbox.forge.people import Person

PATH = "/repos/<owner>/<name>"
WORKFLOW = f"{PATH}/actions/permissions/workflow"
# what GitHub sets in a new repository of an organisation
WORKFLOW_DEFAULTS = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": False}
GRANTS = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}
# the older word for the two roles that came later
PERMISSIONS = {"maintain": "write", "triage": "read"}


class Account:
    """The routes of people and of the repository itself."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.routes = [
            Route("GET", "/user", self.me),
            Route("GET", "/users/<login>", self.user),
            Route("GET", "/user/<int:number>", self.by_id),
            Route("GET", "/orgs/<org>/teams/<team>/members", self.members),
            Route("GET", PATH, self.repository),
            Route("GET", f"{PATH}/collaborators", self.collaborators, role="write"),
            Route("GET", f"{PATH}/collaborators/<login>", self.is_collaborator, role="write"),
            Route("GET", f"{PATH}/collaborators/<login>/permission", self.permission),
            Route("GET", f"{PATH}/forks", self.forks),
            Route("POST", f"{PATH}/forks", self.fork, "administration", "write"),
            Route("GET", WORKFLOW, self.workflow, "administration", role="admin"),
            Route("PUT", WORKFLOW, self.set_workflow, "administration", "write", "admin"),
        ]

    def me(self, call: Call) -> Answer:
        """The caller; a job's token is no user, and GitHub says so."""
        if call.token.permissions is not None:
            raise not_accessible()
        return Answer(shapes.profile(self._board.ground, call.person))

    def user(self, call: Call) -> Answer:
        return self._profile(self._board.ground.people.find(call.arguments["login"]))

    def by_id(self, call: Call) -> Answer:
        return self._profile(self._board.ground.people.by_id(int(call.arguments["number"])))

    def _profile(self, person: Person | None) -> Answer:
        if person is None:
            raise missing()
        return Answer(shapes.profile(self._board.ground, person))

    def members(self, call: Call) -> Answer:
        """The people of the team that owns the repository."""
        ground = self._board.ground
        found = ground.people.in_team(f"@{call.arguments['org']}/{call.arguments['team']}")
        if not found:
            raise missing()
        return page(call, found, lambda person: shapes.user(ground, person))

    def repository(self, call: Call) -> Answer:
        board, found = self._board, self._board.repository_of(call)
        return Answer(shapes.full_repository(board.ground, found, board.opened(), call.person))

    def collaborators(self, call: Call) -> Answer:
        return page(call, list(self._board.ground.people), self._collaborator)

    def _collaborator(self, person: Person) -> dict[str, Any]:
        grants = {name: person.may(level) for name, level in GRANTS.items()}
        user = shapes.user(self._board.ground, person)
        return {**user, "permissions": grants, "role_name": person.role}

    def is_collaborator(self, call: Call) -> Answer:
        if self._person(call).role == "none":
            raise missing()
        return Answer(status=204)

    def _person(self, call: Call) -> Person:
        found = self._board.ground.people.find(call.arguments["login"])
        if found is None:
            raise missing()
        return found

    def permission(self, call: Call) -> Answer:
        person = self._person(call)
        permission = PERMISSIONS.get(person.role, person.role)
        user = self._collaborator(person)
        return Answer({"permission": permission, "role_name": person.role, "user": user})

    def forks(self, call: Call) -> Answer:
        board = self._board
        found = [board.repository_named(kept["name"]) for kept in board.store.all("fork")]
        return page(call, found, lambda fork: shapes.repository(board.ground, fork))

    def fork(self, call: Call) -> Answer:
        """The caller's own copy, made once."""
        board = self._board
        made = board.fork(call.person)
        return Answer(shapes.full_repository(board.ground, made, 0, call.person), 202)

    def workflow(self, call: Call) -> Answer:
        return Answer(self._board.store.get("setting", "workflow") or WORKFLOW_DEFAULTS)

    def set_workflow(self, call: Call) -> Answer:
        """What a job's token may do without `permissions:`, and whether it may propose."""
        body = call.body
        if body.get("default_workflow_permissions", "read") not in ("read", "write"):
            raise invalid("Repository", "default_workflow_permissions")
        kept = self._board.store.get("setting", "workflow") or WORKFLOW_DEFAULTS
        self._board.store.put("setting", "workflow", {name: body.get(name, kept[name]) for name in kept})
        return Answer(status=204)
