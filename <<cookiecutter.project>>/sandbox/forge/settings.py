"""Applies the settings that a project keeps as files, through the forge's own API as an admin would."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from werkzeug.test import Client

from sandbox.errors import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RULESETS = ".github/rulesets"
ENVIRONMENTS = ".github/environments"
WORKFLOW = ".github/workflow-permissions.json"
# what the loop needs where the project says nothing: a scheduled `propose` opens pull requests
WORKFLOW_DEFAULT = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}


@dataclass(frozen=True)
class Api:
    """The forge in process, as the admin."""

    wsgi: Callable[..., Any]
    token: str
    repository: str

    def call(self, source: str, method: str, path: str, body: Any = None) -> Any:
        """One request; a refusal names the file that asked for it."""
        answer = Client(self.wsgi).open(
            f"/api/v3/repos/{self.repository}{path}",
            method=method,
            json=body,
            headers={"Authorization": f"Bearer {self.token}"},
        )
        if answer.status_code >= 400:
            raise SandboxError(
                f"{source}: the forge refuses {method} {path}: {answer.get_data(as_text=True)}"
            )
        return answer.get_json(silent=True)


def apply(api: Api, root: Path) -> None:
    """Rulesets, environments and workflow permissions; applied twice they are the same."""
    path = root / WORKFLOW
    permissions = _read(path) if path.exists() else WORKFLOW_DEFAULT
    api.call(WORKFLOW, "PUT", "/actions/permissions/workflow", permissions)
    for found in sorted((root / RULESETS).glob("*.json")):
        _apply_ruleset(api, f"{RULESETS}/{found.name}", _read(found))
    for found in sorted((root / ENVIRONMENTS).glob("*.json")):
        _apply_environment(api, f"{ENVIRONMENTS}/{found.name}", found.stem, _read(found))


def _apply_ruleset(api: Api, source: str, body: dict[str, Any]) -> None:
    listed = api.call(source, "GET", "/rulesets?per_page=100")
    same = next((kept for kept in listed if kept["name"] == body.get("name")), None)
    if same:
        api.call(source, "PUT", f"/rulesets/{same['id']}", body)
    else:
        api.call(source, "POST", "/rulesets", body)


def _apply_environment(api: Api, source: str, name: str, body: dict[str, Any]) -> None:
    branches = body.pop("branches", [])
    api.call(source, "PUT", f"/environments/{name}", body)
    policies = f"/environments/{name}/deployment-branch-policies"
    if body.get("deployment_branch_policy") is None:
        return
    listed = api.call(source, "GET", f"{policies}?per_page=100")["branch_policies"]
    for policy in listed:
        if policy["name"] not in branches:
            api.call(source, "DELETE", f"{policies}/{policy['id']}")
    for branch in branches:
        api.call(source, "POST", policies, {"name": branch})


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise SandboxError(f"{path}: not JSON: {error}") from None
    if not isinstance(found, dict):
        raise SandboxError(f"{path}: holds {type(found).__name__}, not an object")
    return found
