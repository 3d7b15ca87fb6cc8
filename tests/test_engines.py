"""Each forge with each engine that it may have: baked once, checked by itself, nothing of another's left."""

import re
from pathlib import Path

import pytest

from tests.conftest import make_project
from tests.template import CONTEXT
from tests.test_bakes import IDENTITY, run
from tests.test_files import POSSIBLE

Engine = tuple[str, str]
ACTIONS, JOINED, AWS = (
    ("github", "github-actions"),
    ("github", "codepipeline"),
    ("codecommit", "codepipeline"),
)
FOREIGN: dict[Engine, tuple[str, ...]] = {
    ACTIONS: ("buildspec", "infra/codecommit.yml", "infra/pipeline.yml"),
    JOINED: (".github/environments", ".github/workflows", "infra/codecommit.yml", "infra/events.yml"),
    AWS: (".github", "infra/events.yml"),
}
OWN: dict[Engine, tuple[str, ...]] = {
    ACTIONS: (".github/rulesets/main.json", ".github/workflows/check.yml", "infra/events.yml"),
    JOINED: (".github/rulesets/main.json", "buildspec/tell.yml", "infra/pipeline.yml"),
    AWS: ("buildspec/check.yml", "infra/codecommit.yml", "infra/pipeline.yml"),
}
ONLY_FOR = re.compile(r"^  (Forge|Ci): (\S+)$", re.MULTILINE)  # in the Metadata of a template


@pytest.fixture(scope="module", params=FOREIGN, ids="-".join)
def made(
    request: pytest.FixtureRequest, template: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Engine, Path]:
    """A committed project of each engine."""
    forge, ci = engine = request.param
    project = make_project(template, tmp_path_factory.mktemp("engine"), {"forge": forge, "ci": ci})
    run(project, "git", "init", "--quiet", "--initial-branch=main")
    run(project, "git", "add", "--all")
    run(project, "git", *IDENTITY, "commit", "--quiet", "--message=Start from the template")
    return engine, project


def test_every_engine_that_the_questions_offer_is_here() -> None:
    assert set(FOREIGN) == set(OWN) == {(answers["forge"], answers["ci"]) for answers in POSSIBLE}
    assert {forge for forge, _ in FOREIGN} == set(CONTEXT["forge"])
    assert {ci for _, ci in FOREIGN} == set(CONTEXT["ci"])


def test_nothing_of_another_engine_is_left(made: tuple[Engine, Path]) -> None:
    engine, project = made
    assert [path for path in FOREIGN[engine] if (project / path).exists()] == []
    assert [path for path in OWN[engine] if not (project / path).exists()] == []
    for file in (project / "infra").glob("*.yml"):
        asked = dict(ONLY_FOR.findall(file.read_text()))
        assert set(asked.values()) <= set(engine), f"{file.name} is for {asked}"


def test_a_project_of_each_engine_passes_its_own_checks(made: tuple[Engine, Path]) -> None:
    _, project = made
    assert run(project, "python", "-m", "mlops.cli", "check", PYTHONPATH="src").startswith("0 findings")
    run(project, "yamllint", "--strict", ".")
    assert run(project, "git", "status", "--porcelain") == ""
