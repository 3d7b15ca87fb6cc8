"""Rulesets over the API: kept, listed, and what they say of a branch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge import conversations, rulesets, shapes
from sandbox.forge.calls import Answer, Call, Route, missing
from sandbox.forge.paging import page

if TYPE_CHECKING:
    from sandbox.forge.board import Board

PATH = "/repos/<owner>/<name>"
KEPT = ("name", "target", "enforcement", "conditions", "rules", "bypass_actors")


class Ruling:
    """The routes of rulesets."""

    def __init__(self, board: Board) -> None:
        self._board = board
        one, admin = f"{PATH}/rulesets/<int:ruleset>", ("administration", "write", "admin")
        self.routes = [
            Route("GET", f"{PATH}/rules/branches/<path:branch>", self.of_branch),
            Route("GET", f"{PATH}/rulesets", self.index),
            Route("POST", f"{PATH}/rulesets", self.create, *admin),
            Route("GET", one, self.get),
            Route("PUT", one, self.replace, *admin),
            Route("DELETE", one, self.delete, *admin),
        ]

    def of_branch(self, call: Call) -> Answer:
        """Every active rule of a branch, with the ruleset it comes from."""
        ref = f"refs/heads/{call.arguments['branch']}"
        found = [
            {**rule, **self._origin(), "ruleset_id": ruleset["id"]}
            for ruleset in self._board.rulesets()
            if ruleset["enforcement"] == "active" and rulesets.applies(ruleset, ref)
            for rule in ruleset["rules"]
        ]
        return page(call, found, lambda rule: rule)

    def _origin(self) -> dict[str, str]:
        name = self._board.repository.full_name
        return {"ruleset_source_type": "Repository", "ruleset_source": name}

    def index(self, call: Call) -> Answer:
        left_out = ("rules", "conditions", "bypass_actors")
        shaped = (self._shape(call, kept) for kept in self._board.rulesets())
        short = [{key: value for key, value in kept.items() if key not in left_out} for kept in shaped]
        return page(call, short, lambda kept: kept)

    def get(self, call: Call) -> Answer:
        return Answer(self._shape(call, self._find(call)))

    def _find(self, call: Call) -> dict[str, Any]:
        found: dict[str, Any] | None = self._board.store.get("ruleset", call.arguments["ruleset"])
        if found is None:
            raise missing()
        return found

    def create(self, call: Call) -> Answer:
        board = self._board
        rulesets.validate(call.body, [kept["name"] for kept in board.rulesets()])
        kept = {"id": board.records.new_id(), "created": board.now(), **_members(call.body)}
        return Answer(self._shape(call, self._keep(kept)), 201)

    def replace(self, call: Call) -> Answer:
        """Change the members that are given."""
        kept = self._find(call)
        body = {**kept, **call.body}
        others = [one["name"] for one in self._board.rulesets() if one["id"] != kept["id"]]
        rulesets.validate(body, others)
        return Answer(self._shape(call, self._keep({**kept, **_members(body)})))

    def _keep(self, kept: dict[str, Any]) -> dict[str, Any]:
        kept["updated"] = self._board.now()
        self._board.store.put("ruleset", kept["id"], kept)
        return kept

    def delete(self, call: Call) -> Answer:
        self._board.store.drop("ruleset", self._find(call)["id"])
        return Answer(status=204)

    def _shape(self, call: Call, kept: dict[str, Any]) -> dict[str, Any]:
        board, number = self._board, kept["id"]
        here = f"{conversations.api(board)}/rulesets/{number}"
        always = rulesets.bypasses(kept, call.person, by_pull=False)
        by_pull = rulesets.bypasses(kept, call.person, by_pull=True)
        shape = {
            "id": number,
            **{key: kept[key] for key in KEPT},
            "source_type": "Repository",
            "source": board.repository.full_name,
            "node_id": shapes.node_id("RRS", number),
            "created_at": shapes.stamp(kept["created"]),
            "updated_at": shapes.stamp(kept["updated"]),
            "current_user_can_bypass": "always" if always else "pull_requests_only" if by_pull else "never",
            "_links": {
                "self": {"href": here},
                "html": {"href": f"{conversations.page(board)}/rules/{number}"},
            },
        }
        if not call.person.may("write"):
            # who may pass a rule is told only to those who may change it
            del shape["bypass_actors"]
        return shape


def _members(body: dict[str, Any]) -> dict[str, Any]:
    empty: dict[str, Any] = {
        "target": "branch",
        "conditions": {"ref_name": {"include": [], "exclude": []}},
        "rules": [],
        "bypass_actors": [],
    }
    return {key: body[key] if body.get(key) is not None else empty[key] for key in KEPT}
