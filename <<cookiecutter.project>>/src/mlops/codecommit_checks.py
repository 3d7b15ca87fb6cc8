"""The checks of pull requests on CodeCommit: builds of the project's CodeBuild project.

CodeCommit tells EventBridge of every change of a pull request, whoever made it, and EventBridge starts the
build. A build is started by hand only for a change of which no build is known after a while: its event was
lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from mlops.forge import ForgeError

if TYPE_CHECKING:
    from mypy_boto3_codebuild import CodeBuildClient

WHILE = timedelta(minutes=10)
AT_ONCE = 100  # builds that one call gives


@dataclass(frozen=True)
class Checks:
    """The check builds of a project."""

    client: CodeBuildClient
    name: str

    def has_build(self, commit: str) -> bool:
        """Whether any build ran, or runs, on a commit; the newest builds are looked through."""
        try:
            answer = self.client.list_builds_for_project(projectName=self.name, sortOrder="DESCENDING")
        except self.client.exceptions.ResourceNotFoundException:
            raise ForgeError(
                f"CodeBuild has no project {self.name!r}, which checks pull requests. Make it: "
                "mlops bootstrap"
            ) from None
        ids = answer.get("ids", [])
        if not ids:
            return False
        builds = self.client.batch_get_builds(ids=ids[:AT_ONCE])["builds"]
        return any(
            commit in (build.get("resolvedSourceVersion"), build.get("sourceVersion")) for build in builds
        )

    def start(self, commit: str, changed: datetime) -> None:
        """Start the build of a commit whose event must be lost by now; twice within minutes is once."""
        if datetime.now(UTC) - changed < WHILE or self.has_build(commit):
            return
        self.client.start_build(projectName=self.name, sourceVersion=commit, idempotencyToken=commit)
