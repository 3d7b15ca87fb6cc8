"""The forge's settings as files say them, compared with what the forge has; nothing here calls it.

.github/rulesets/*.json and .github/environments/*.json are GitHub's own request bodies, environments with
the branches that may deploy beside. https://docs.github.com/en/rest/repos/rules and /deployments.
"""

from __future__ import annotations

import json
import shlex
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from mlops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlops.project import Project

RULESETS = ".github/rulesets"
ENVIRONMENTS = ".github/environments"
# a job gets no right that its workflow does not name; but `mlops propose` opens pull requests as the job
WORKFLOW = {"default_workflow_permissions": "read", "can_approve_pull_request_reviews": True}


@dataclass(frozen=True)
class Request:
    """One call of the forge's API; `path` is below the repository's."""

    method: str
    path: str
    body: Mapping[str, Any] | None = None

    def command(self, repository: str) -> str:
        """The same for people to type."""
        call = f"gh api -X {self.method} repos/{repository}{self.path}"
        if self.body is None:
            return call
        return f"echo {shlex.quote(json.dumps(self.body))} | {call} --input -"


@dataclass(frozen=True)
class Setting:
    """Something that the forge does not have as the project wants it, and what would make it so."""

    name: str
    because: str
    without: str  # what it means to do without
    requests: tuple[Request, ...]


@dataclass(frozen=True)
class Repository:
    """A repository as the forge knows it. `parameters` are what trust policies name it by."""

    name: str
    parameters: Mapping[str, str]
    is_private: bool
    is_admin: bool  # whether the token may change settings


class Settings(Protocol):
    """What bootstrap asks of a forge."""

    def identify(self) -> Repository:
        """The repository's names and numbers; raises with the command that makes it where there is none."""

    def compare(self, root: Path) -> list[Setting]:
        """What is not yet as the project's files say."""

    def write(self, request: Request) -> None:
        """Make one of the calls; ForgeError when it is refused."""


def open_settings(project: Project) -> Settings:
    """The settings of the forge that project.yml names."""
    if project.forge == "github":
        from mlops.github_settings import connect_settings

        return connect_settings(project.repository, by_workflow=project.ci == "github-actions")
    from mlops.codecommit_settings import connect_settings as connect_codecommit

    return connect_codecommit(project)


@dataclass(frozen=True)
class Wanted:
    """What the project's files ask of the forge."""

    rulesets: tuple[Mapping[str, Any], ...]
    environments: Mapping[str, Mapping[str, Any]]


def read_wanted(root: Path) -> Wanted:
    """Read the settings files of a project."""
    rulesets = tuple(read_json(path) for path in sorted((root / RULESETS).glob("*.json")))
    environments = {path.stem: read_json(path) for path in sorted((root / ENVIRONMENTS).glob("*.json"))}
    return Wanted(rulesets, environments)


def read_json(path: Path) -> dict[str, Any]:
    """One settings file."""
    where = "/".join(path.parts[-3:])
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{where}: cannot be read as JSON: {error}") from None
    if not isinstance(found, dict):
        raise UsageError(f"{where}: holds {type(found).__name__}, not an object")
    return found


def covers(live: Any, wanted: Any) -> bool:
    """Whether what the forge has says all that is wanted; it adds members of its own, in its own order."""
    if isinstance(wanted, dict):
        return isinstance(live, dict) and all(covers(live.get(key), value) for key, value in wanted.items())
    if isinstance(wanted, list):
        return (
            isinstance(live, list)
            and len(live) == len(wanted)
            and all(any(covers(one, each) for one in live) for each in wanted)
        )
    return bool(live == wanted)


def compare_ruleset(wanted: Mapping[str, Any], live: Mapping[str, Any] | None) -> Setting | None:
    """What makes a ruleset as wanted; None when it is."""
    if live is not None and covers(live, wanted):
        return None
    request = Request("POST", "/rulesets", wanted)
    if live is not None:
        request = Request("PUT", f"/rulesets/{live['id']}", wanted)
    return Setting(
        f"ruleset {wanted.get('name')!r}",
        "main changes by approved pull request only",
        "whoever may push can push to main; `mlops deploy` still counts approvals itself and refuses",
        (request,),
    )


def compare_environment(
    name: str, wanted: Mapping[str, Any], live: Mapping[str, Any] | None, branches: Mapping[str, int]
) -> Setting | None:
    """What makes an environment as wanted; `branches` are its policies by name, with their numbers."""
    rules = {key: value for key, value in wanted.items() if key != "branches"}
    path = f"/environments/{name}"
    requests = (
        [] if live is not None and covers(environment_rules(live), rules) else [Request("PUT", path, rules)]
    )
    if (rules.get("deployment_branch_policy") or {}).get("custom_branch_policies"):
        policies = f"{path}/deployment-branch-policies"
        asked = wanted.get("branches", [])
        requests += [
            Request("DELETE", f"{policies}/{number}") for one, number in branches.items() if one not in asked
        ]
        requests += [Request("POST", policies, {"name": one}) for one in asked if one not in branches]
    if not requests:
        return None
    return Setting(
        f"environment {name!r}",
        "only jobs on the branches that it names get its role",
        "the role's trust policy still names workflow and branch, so that no other job gets it",
        tuple(requests),
    )


def environment_rules(live: Mapping[str, Any]) -> dict[str, Any]:
    """An environment's rules as they are written, from how the forge lists them."""
    rules = {rule["type"]: rule for rule in live.get("protection_rules", [])}
    asked = rules.get("required_reviewers", {})
    reviewers = [{"type": one["type"], "id": one["reviewer"]["id"]} for one in asked.get("reviewers", [])]
    return {
        "wait_timer": rules.get("wait_timer", {}).get("wait_timer", 0),
        "reviewers": reviewers,
        "prevent_self_review": asked.get("prevent_self_review", False),
        "deployment_branch_policy": live.get("deployment_branch_policy"),
    }


def compare_workflow(live: Mapping[str, Any] | None) -> Setting | None:
    """What makes the rights of jobs as wanted."""
    if live is not None and covers(live, WORKFLOW):
        return None
    return Setting(
        "rights of jobs",
        "a job may read unless its workflow says more, and may open pull requests",
        "`mlops propose` cannot open pull requests from a workflow; a person can",
        (Request("PUT", "/actions/permissions/workflow", WORKFLOW),),
    )


def compare_actions(live: Mapping[str, Any] | None) -> Setting | None:
    """What lets workflows run at all."""
    if live is None or live.get("enabled", True):
        return None
    request = Request("PUT", "/actions/permissions", {"enabled": True, "allowed_actions": "all"})
    return Setting("Actions", "the loop is made of workflows", "no workflow runs", (request,))


def compare_subject(live: Mapping[str, Any]) -> Setting | None:
    """What makes the identity tokens of jobs say what the trust policies expect."""
    if live.get("use_default", True):
        return None
    keys = ", ".join(live.get("include_claim_keys") or [])
    return Setting(
        "subject of identity tokens",
        f"it is customised ({keys}); the roles on AWS trust the default form",
        "no job gets a role on AWS",
        (Request("PUT", "/actions/oidc/customization/sub", {"use_default": True}),),
    )


def found(settings: Sequence[Setting | None]) -> list[Setting]:
    """Those that are not as wanted."""
    return [setting for setting in settings if setting is not None]
