"""Whether the repository's workflows run at all, and how their identity tokens name it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.forge.calls import Answer, Call, Refusal, Route, invalid

if TYPE_CHECKING:
    from sandbox.forge.board import Board
    from sandbox.forge.store import Store

ACTIONS = "/repos/<owner>/<name>/actions"
DEFAULTS = {"enabled": True, "allowed_actions": "all", "sha_pinning_required": False}


class Automation:
    """The routes of what Actions may do here; what would need a filter of actions is refused by name."""

    def __init__(self, board: Board) -> None:
        self._board = board
        admin = ("administration", "write", "admin")
        self.routes = [
            Route("GET", f"{ACTIONS}/permissions", self.get, "administration", role="admin"),
            Route("PUT", f"{ACTIONS}/permissions", self.put, *admin),
            Route("PUT", f"{ACTIONS}/oidc/customization/sub", self.put_subject, *admin),
        ]

    def get(self, call: Call) -> Answer:
        return Answer(permissions(self._board.store))

    def put(self, call: Call) -> Answer:
        """Switch workflows off or on."""
        kept = permissions(self._board.store)
        asked = {**kept, **call.body}
        if not isinstance(call.body.get("enabled"), bool):
            raise invalid("Repository", "enabled", "missing_field")
        for name in ("allowed_actions", "sha_pinning_required"):
            if asked[name] != DEFAULTS[name]:
                raise Refusal(422, f"the sandbox's forge lets all actions run: {name} is {DEFAULTS[name]!r}")
        self._board.store.put("setting", "actions", {name: asked[name] for name in DEFAULTS})
        return Answer(status=204)

    def put_subject(self, call: Call) -> Answer:
        """Its tokens have the default subject, and no other."""
        if call.body.get("use_default") is not True or call.body.get("use_immutable_subject") is False:
            raise Refusal(
                422, "the sandbox's forge signs the default, immutable subject: use_default is true"
            )
        return Answer({}, 201)


def permissions(store: Store) -> dict[str, Any]:
    """What Actions may do, as GitHub tells it."""
    return {**DEFAULTS, **(store.get("setting", "actions") or {})}
