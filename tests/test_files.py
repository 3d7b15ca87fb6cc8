"""Which files a project has, exactly, for every combination of choices."""

import re
import shutil
from pathlib import Path

import pytest

from hooks.post_gen_project import KEEP, LEFTOVERS, Answers, delete_unchosen
from hooks.pre_gen_project import refuse_ci
from tests.conftest import Bake, make_project
from tests.template import (
    PAYLOAD,
    ROOT,
    combine_choices,
    is_kept,
    list_project,
    name_choices,
)

LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)#\s]+)")
POSSIBLE = [answers for answers in combine_choices() if not list(refuse_ci(dict(answers)))]
EXAMPLES = ("tumor", "diabetes", "tabular")


@pytest.mark.parametrize("answers", POSSIBLE, ids=name_choices)
def test_a_project_has_exactly_the_chosen_files(answers: Answers, template: Path, bake: Bake) -> None:
    expected = [path for path in list_project(template / PAYLOAD) if is_kept(path, answers)]
    assert list_project(bake(**answers)) == expected


@pytest.mark.parametrize("answers", POSSIBLE, ids=name_choices)
def test_every_relative_link_in_a_project_leads_somewhere(answers: Answers, bake: Bake) -> None:
    project = bake(**answers)
    broken = [
        f"{page.relative_to(project)}: {target}"
        for page in project.rglob("*.md")
        for target in LINK.findall(page.read_text())
        if not (page.parent / target).exists()
    ]
    assert broken == []


@pytest.mark.parametrize("row", KEEP)
def test_each_row_of_keep_is_there_in_one_project_and_gone_in_another(row: str) -> None:
    assert {KEEP[row](answers) for answers in POSSIBLE} == {True, False}
    assert (ROOT / PAYLOAD / row).exists()


def test_a_row_of_keep_that_names_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"KEEP names \['libs/tabular', .*which the template lacks"):
        delete_unchosen(tmp_path, {"examples": "yes", "forge": "github", "ci": "github-actions"})


@pytest.mark.parametrize("folder", [*LEFTOVERS, "src/mlops/__pycache__"])
def test_a_clone_that_somebody_worked_in_makes_the_same_project(
    folder: str, template: Path, default_project: Path, tmp_path: Path
) -> None:
    worked_in = tmp_path / "template"
    shutil.copytree(template, worked_in)
    (worked_in / PAYLOAD / folder / "deep").mkdir(parents=True)
    (worked_in / PAYLOAD / folder / "deep/made.bin").write_bytes(b"\x89 << nothing >>")
    made = make_project(worked_in, tmp_path / "bakes", {})
    assert list_project(made) == list_project(default_project)


def test_without_examples_no_file_is_named_after_one(bake: Bake) -> None:
    named = [path for path in list_project(bake(examples="no")) if any(name in path for name in EXAMPLES)]
    assert named == []


def test_without_examples_models_and_libs_say_what_goes_there(bake: Bake) -> None:
    project = bake(examples="no")
    assert [
        folder.name for name in ("models", "libs") for folder in (project / name).iterdir() if folder.is_dir()
    ] == []
    for name, said in {"models": "One folder per model", "libs": "one folder per library"}.items():
        assert said in (project / name / "README.md").read_text()


def test_a_project_on_codecommit_has_nothing_of_githubs(bake: Bake) -> None:
    project = bake(forge="codecommit", ci="codepipeline")
    assert not (project / ".github").exists()
    assert (project / "buildspec/check.yml").exists()


def test_a_project_on_github_may_be_checked_by_codepipeline(bake: Bake) -> None:
    project = bake(forge="github", ci="codepipeline")
    assert not (project / ".github/workflows").exists()
    assert (project / ".github/CODEOWNERS").exists()
