"""Environments: which branches may deploy to each, and who has to agree first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge import conversations, shapes
from sandbox.forge.calls import Answer, Call, Refusal, Route, invalid, missing
from sandbox.forge.ground import Environment
from sandbox.forge.paging import page

if TYPE_CHECKING:
    from sandbox.forge.board import Board
    from sandbox.forge.store import Store

PATH = "/repos/<owner>/<name>/environments"
MOST_REVIEWERS = 6
LONGEST_WAIT = 43200


class Environments:
    """The routes of environments. What jobs ask for is a table in memory, read without a lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._table: dict[str, Environment] = {}
        self._refresh()

    def find(self, name: str) -> Environment | None:
        """What a job that names an environment has to pass; names differ in more than case."""
        return self._table.get(name.lower())

    def _refresh(self) -> None:
        self._table = {kept["name"].lower(): _rules(kept) for kept in self._store.all("environment")}

    def routes(self, board: Board) -> list[Route]:
        self._board = board
        one = f"{PATH}/<environment>"
        policies = f"{one}/deployment-branch-policies"
        admin = ("administration", "write", "admin")
        return [
            Route("GET", PATH, self.index, "actions"),
            Route("GET", one, self.get, "actions"),
            Route("PUT", one, self.put, *admin),
            Route("DELETE", one, self.delete, *admin),
            Route("GET", policies, self.policies, "actions"),
            Route("POST", policies, self.create_policy, *admin),
            Route("DELETE", f"{policies}/<int:policy>", self.delete_policy, *admin),
        ]

    def index(self, call: Call) -> Answer:
        return page(call, self._store.all("environment"), self._shape, "environments")

    def _kept(self, call: Call) -> dict[str, Any]:
        found: dict[str, Any] | None = self._store.get("environment", call.arguments["environment"].lower())
        if found is None:
            raise missing()
        return found

    def _keep(self, kept: dict[str, Any]) -> None:
        self._store.put("environment", kept["name"].lower(), kept)
        self._refresh()

    def get(self, call: Call) -> Answer:
        return Answer(self._shape(self._kept(call)))

    def put(self, call: Call) -> Answer:
        """Make an environment, or replace its rules; branch policies by name stay."""
        name, board = call.arguments["environment"], self._board
        kept = self._store.get("environment", name.lower())
        made = kept or {"id": board.records.new_id(), "name": name, "created": board.now(), "policies": []}
        settings: dict[str, Any] = {
            "policy": _policy(call.body.get("deployment_branch_policy")),
            "reviewers": [self._reviewer(one) for one in call.body.get("reviewers") or []],
            "wait": _wait(call.body.get("wait_timer") or 0),
            "prevent_self_review": bool(call.body.get("prevent_self_review")),
        }
        if len(settings["reviewers"]) > MOST_REVIEWERS:
            raise invalid("Environment", "reviewers", "custom", f"at most {MOST_REVIEWERS} reviewers")
        self._keep({**made, **settings, "updated": board.now()})
        return Answer(self._shape(self._store.get("environment", name.lower())))

    def _reviewer(self, given: dict[str, Any]) -> dict[str, Any]:
        kind, number = given.get("type"), given.get("id")
        person = self._board.ground.people.by_id(int(number or 0))
        if kind != "User" or person is None:
            raise Refusal(
                422, f"the sandbox's forge asks its people only: {{'type': 'User', 'id': …}}, not {given!r}"
            )
        return {"type": kind, "id": person.id, "login": person.login}

    def delete(self, call: Call) -> Answer:
        self._store.drop("environment", self._kept(call)["name"].lower())
        self._refresh()
        return Answer(status=204)

    def policies(self, call: Call) -> Answer:
        return page(call, self._kept(call)["policies"], lambda policy: policy, "branch_policies")

    def create_policy(self, call: Call) -> Answer:
        kept, name = self._kept(call), call.body.get("name")
        if not isinstance(name, str) or not name:
            raise invalid("DeploymentBranchPolicy", "name", "missing_field")
        if not (kept["policy"] or {}).get("custom_branch_policies"):
            raise missing()
        same = next((policy for policy in kept["policies"] if policy["name"] == name), None)
        if same:
            # GitHub answers 303, whose body no client reads
            return Answer(same)
        number = self._board.records.new_id()
        made = {"id": number, "node_id": shapes.node_id("GBP", number), "name": name, "type": "branch"}
        self._keep({**kept, "policies": [*kept["policies"], made]})
        return Answer(made)

    def delete_policy(self, call: Call) -> Answer:
        kept, number = self._kept(call), int(call.arguments["policy"])
        left = [policy for policy in kept["policies"] if policy["id"] != number]
        if left == kept["policies"]:
            raise missing()
        self._keep({**kept, "policies": left})
        return Answer(status=204)

    def _shape(self, kept: dict[str, Any]) -> dict[str, Any]:
        board, name = self._board, kept["name"]
        return {
            "id": kept["id"],
            "node_id": shapes.node_id("EN", kept["id"]),
            "name": name,
            "url": f"{conversations.api(board)}/environments/{name}",
            "html_url": f"{conversations.page(board)}/deployments/activity_log?environments_filter={name}",
            "created_at": shapes.stamp(kept["created"]),
            "updated_at": shapes.stamp(kept["updated"]),
            "protection_rules": self._protection(kept),
            "deployment_branch_policy": kept["policy"],
        }

    def _protection(self, kept: dict[str, Any]) -> list[dict[str, Any]]:
        rules: list[dict[str, Any]] = []
        if kept["wait"]:
            rules.append({"type": "wait_timer", "wait_timer": kept["wait"]})
        if kept["reviewers"]:
            reviewers = [
                {"type": "User", "reviewer": shapes.by_login(self._board.ground, one["login"])}
                for one in kept["reviewers"]
            ]
            own = kept["prevent_self_review"]
            rules.append({"type": "required_reviewers", "prevent_self_review": own, "reviewers": reviewers})
        if kept["policy"]:
            rules.append({"type": "branch_policy"})
        numbered = enumerate(rules, kept["id"] * 10)
        return [{"id": number, "node_id": shapes.node_id("GA", number), **rule} for number, rule in numbered]


def _rules(kept: dict[str, Any]) -> Environment:
    policy = kept["policy"] or {}
    custom = tuple(one["name"] for one in kept["policies"])
    branches = custom if policy.get("custom_branch_policies") else None
    return Environment(
        kept["name"],
        tuple(one["login"] for one in kept["reviewers"]),
        kept["prevent_self_review"],
        branches,
        kept["wait"],
        kept["id"],
    )


def _policy(given: Any) -> dict[str, bool] | None:
    if given is None:
        return None
    found = {name: bool(given.get(name)) for name in ("protected_branches", "custom_branch_policies")}
    if found["protected_branches"]:
        raise Refusal(422, "the sandbox's forge knows custom_branch_policies only, not protected_branches")
    if not found["custom_branch_policies"]:
        raise invalid("Environment", "deployment_branch_policy")
    return found


def _wait(minutes: Any) -> int:
    if type(minutes) is not int or not 0 <= minutes <= LONGEST_WAIT:
        raise invalid("Environment", "wait_timer")
    return minutes
