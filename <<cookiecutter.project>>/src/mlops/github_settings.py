"""A repository's settings on GitHub, read and written through its API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from github.GithubException import GithubException

from mlops import forge_settings
from mlops.errors import MlopsError
from mlops.forge_settings import Repository, Request, Setting
from mlops.github_forge import connect
from mlops.github_refusals import asking

if TYPE_CHECKING:
    from pathlib import Path

    from github.Repository import Repository as GithubRepository

UNSEEN = (403, 404)  # GitHub hides what a token may not read


def connect_settings(repository: str, by_workflow: bool = True) -> GithubSettings:
    """The settings of a repository, as the holder of GITHUB_TOKEN sees them."""
    return connect(repository, by_workflow).settings()


class GithubSettings:
    """See `mlops.forge_settings.Settings`."""

    def __init__(self, repository: GithubRepository, name: str, by_workflow: bool = True) -> None:
        self._repository = repository
        self._name, self._by_workflow = name, by_workflow

    @asking
    def identify(self) -> Repository:
        """The repository, by name and number; a private one that the token does not see is not there."""
        found = self._see("")
        if found is None:
            raise MlopsError(missing(self._name))
        # GitHub finds a renamed repository under its old name; tokens carry the new one
        if found["full_name"].lower() != self._name.lower():
            raise MlopsError(
                f"project.yml: repository {self._name!r} is called {found['full_name']!r} now; write that"
            )
        owner, _, name = found["full_name"].partition("/")
        numbers = {"OwnerId": str(found["owner"]["id"]), "RepositoryId": str(found["id"])}
        is_admin = bool((found.get("permissions") or {}).get("admin"))
        return Repository(
            found["full_name"], {"Owner": owner, "Repository": name, **numbers}, found["private"], is_admin
        )

    @asking
    def compare(self, root: Path) -> list[Setting]:
        """What is not yet as the project's files say."""
        wanted = forge_settings.read_wanted(root)
        settings = [
            *(self._compare_jobs() if self._by_workflow else ()),
            *(self._compare_ruleset(ruleset) for ruleset in wanted.rulesets),
            *(self._compare_environment(name, rules) for name, rules in wanted.environments.items()),
        ]
        return forge_settings.found(settings)

    def _compare_jobs(self) -> list[Setting | None]:
        """What GitHub's own jobs may do."""
        return [
            forge_settings.compare_actions(self._see("/actions/permissions")),
            forge_settings.compare_workflow(self._see("/actions/permissions/workflow")),
            forge_settings.compare_subject(self._see("/actions/oidc/customization/sub") or {}),
        ]

    def _compare_ruleset(self, wanted: Any) -> Setting | None:
        listed = self._see("/rulesets?per_page=100&includes_parents=false") or []
        same = next((one for one in listed if one["name"] == wanted.get("name")), None)
        live = self._see(f"/rulesets/{same['id']}") if same else None
        return forge_settings.compare_ruleset(wanted, live)

    def _compare_environment(self, name: str, wanted: Any) -> Setting | None:
        live = self._see(f"/environments/{name}")
        listed = self._see(f"/environments/{name}/deployment-branch-policies?per_page=100") if live else None
        policies = {one["name"]: one["id"] for one in (listed or {}).get("branch_policies", [])}
        return forge_settings.compare_environment(name, wanted, live, policies)

    @asking
    def removals(self, root: Path) -> dict[str, Request]:
        """What there is of the settings that the project's files ask for, and the calls that remove it."""
        wanted = forge_settings.read_wanted(root)
        names = {ruleset.get("name") for ruleset in wanted.rulesets}
        rulesets = self._require("/rulesets?per_page=100&includes_parents=false")
        environments = self._require("/environments?per_page=100")["environments"]
        return {
            **{
                f"environment {one['name']!r}": Request("DELETE", f"/environments/{one['name']}")
                for one in environments
                if one["name"] in wanted.environments
            },
            **{
                f"ruleset {one['name']!r}": Request("DELETE", f"/rulesets/{one['id']}")
                for one in rulesets
                if one["name"] in names
            },
        }

    def _require(self, path: str) -> Any:
        """What the forge has at a path. Raises where it shows nothing, which proves nothing."""
        found = self._see(path)
        if found is None:
            where = path.partition("?")[0]
            raise MlopsError(f"the forge does not show {self._name}{where} to this token; use another's")
        return found

    def _see(self, path: str) -> Any:
        """What the forge has at a path; None where it shows nothing."""
        try:
            _, body = self._repository.requester.requestJsonAndCheck("GET", f"{self._repository.url}{path}")
        except GithubException as error:
            if error.status in UNSEEN:
                return None
            raise
        return body

    @asking
    def write(self, request: Request) -> None:
        """Make one of the calls."""
        self._repository.requester.requestJsonAndCheck(
            request.method, f"{self._repository.url}{request.path}", input=request.body
        )


def missing(name: str) -> str:
    """What to do about a repository that is not there."""
    return (
        f"project.yml: repository {name!r}: the forge has none of that name, or hides it from this token. "
        "Trust on AWS names it by number, so it comes first: "
        f"gh repo create {name} --private --source . --push. "
        "If it exists, sign in as somebody who sees it: export GITHUB_TOKEN=$(gh auth token)"
    )
