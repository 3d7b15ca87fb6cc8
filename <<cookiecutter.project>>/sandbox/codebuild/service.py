"""The table of CodeBuild's operations: what is here is served, everything else is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.codebuild.builds import Builds
from sandbox.codebuild.projects import Projects
from sandbox.codebuild.reports import Reports

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.codebuild.reach import Reach
    from sandbox.codebuild.records import Record
    from sandbox.world import Call, World


class CodeBuild:
    """One account's CodeBuild."""

    def __init__(self, world: World, reach: Reach) -> None:
        projects, reports = Projects(world), Reports(world, reach)
        builds = Builds(world, reach, projects, reports)
        reach.builds[world.account] = builds.end_of
        self.operations: dict[str, Callable[[Call], Record]] = {
            **projects.operations,
            **builds.operations,
            **reports.operations,
        }
