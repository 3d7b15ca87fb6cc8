"""What a build leaves: exported variables, reports of its tests, artifacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.codebuild import artifacts, junit

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from sandbox.codebuild.buildspec import Buildspec, Selection
    from sandbox.codebuild.logbook import Logbook
    from sandbox.codebuild.reach import Reach
    from sandbox.codebuild.records import Record
    from sandbox.codebuild.reports import Reports
    from sandbox.identity import Caller
    from sandbox.launch import Launcher
    from sandbox.world import World

    Update = Callable[..., None]


@dataclass(frozen=True)
class Site:
    """What builds of an account share."""

    world: World
    reach: Reach
    launcher: Launcher
    reports: Reports
    folder: Path


@dataclass(frozen=True)
class Outputs:
    """What one build leaves; `update` writes members of its record."""

    site: Site
    build: Record
    project: Record
    spec: Buildspec
    source: Path
    s3: Any

    def export(self, left: Mapping[str, str], cover: Callable[[str], str], update: Update) -> None:
        """Tell the variables that the buildspec exports; what is secret stays covered."""
        found = [{"name": name, "value": cover(left[name])} for name in self.spec.exported if name in left]
        update(exportedEnvironmentVariables=found)

    def report(self, caller: Caller, book: Logbook, update: Update) -> None:
        """Keep the reports that the buildspec names; one that lacks its files is told, and no failure."""
        found: list[str] = []
        for name, selection in self.spec.reports.items():
            try:
                cases = self._cases(selection)
            except (artifacts.ArtifactError, junit.ReportError) as error:
                book.say(f"Error processing report {name}: {error}")
                continue
            group = name if name.startswith("arn:") else f"{self.project['name']}-{name}"
            found.append(self.site.reports.keep(caller, group, self.build["arn"], cases))
            update(reportArns=list(found))

    def _cases(self, selection: Selection) -> list[junit.Case]:
        files = artifacts.select(selection, self.source)
        return [case for file in files for case in junit.read_cases(file.path.read_bytes(), file.name)]

    def put_all(self, update: Update) -> None:
        """Put the artifacts where the project, or the pipeline, wants them; a pipeline may want none."""
        if self.build["artifacts"].get("location"):
            update(artifacts=self._put(self.build["artifacts"], self.spec.artifacts))
        named = [
            {"artifactIdentifier": name, **self._put(target, self.spec.secondary.get(name))}
            for target in self.build.get("secondaryArtifacts", [])
            for name in [target["artifactIdentifier"]]
        ]
        if named:
            update(secondaryArtifacts=named)

    def _put(self, target: Record, selection: Selection | None) -> dict[str, str]:
        if selection is None:
            name = target.get("artifactIdentifier") or "artifacts"
            said = f"the buildspec selects no files for {name}, which the project wants"
            raise artifacts.ArtifactError(said)
        files = artifacts.select(selection, self.source)
        if target.get("overrideArtifactName") and selection.name:
            target = {**target, "name": selection.name}
        return artifacts.put(self.s3, target, files, self.build)
