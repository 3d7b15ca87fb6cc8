"""What the answers become: asserted by meaning, hostile ones included."""

import configparser
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.conftest import Bake
from tests.template import CONTEXT, QUESTIONS, ROOT

HOSTILE = [
    """He said "no" and 'yes' and `maybe`""",
    '"""',
    "'''",
    '\\"; "',
    r"C:\new\table \x41 \u0041 \\ \N{BULLET}",
    "ends in a backslash \\",
    "first line\nsecond: [line\n- third",
    "\ttabs\tinside",
    "  spaces around  ",
    "naïve, 模型, 🚀, 👩‍🔬",
    "{{ 7 * 7 }} {% raw %} {# not a comment #}",
    "$(id) ${HOME} $HOME `id` %PATH% !ref",
    "key: value # comment, [list], {map}, & anchor, * alias, ! tag, | > % @",
    "</script>&amp;<b>",
    "--- \n...",
    "null",
    "0x1F",
]


def read_answers(project: Path) -> dict[str, object]:
    answers = yaml.safe_load((project / "project.yml").read_text(encoding="utf-8"))
    assert isinstance(answers, dict)
    return answers


def test_the_default_answers_make_a_project(default_project: Path) -> None:
    assert read_answers(default_project) == {
        "schema": 1,
        "template": "0.1.0",
        "project": "churn-lab",
        "description": "Models that reach production by pull request",
        "owner_team": "@acme/ml-team",
        "forge": "github",
        "repository": "acme/churn-lab",
        "ci": "github-actions",
        "region": "eu-west-1",
        "accounts": {"training": "111111111111", "staging": "111111111111", "prod": "111111111111"},
    }


def test_every_answer_but_examples_is_in_project_yml(bake: Bake) -> None:
    answers = {
        "project": "fraud2",
        "description": "Finds fraud",
        "owner_team": "ml@example.com",
        "forge": "codecommit",
        "repository": "fraud.models",
        "ci": "codepipeline",
        "region": "us-east-2",
    }
    accounts = {"training": "000000000001", "staging": "222222222222", "prod": "333333333333"}
    given = answers | {f"{environment}_account": account for environment, account in accounts.items()}
    assert set(given) | {"examples"} == set(QUESTIONS)
    found = read_answers(bake(**given))
    assert found == {"schema": 1, "template": "0.1.0", **answers, "accounts": accounts}


def test_the_accounts_default_to_the_one_before(bake: Bake) -> None:
    accounts = read_answers(bake(training_account="222222222222"))["accounts"]
    assert accounts == {"training": "222222222222", "staging": "222222222222", "prod": "222222222222"}


def test_the_dvc_remote_is_in_the_data_bucket(bake: Bake) -> None:
    project = bake(project="fraud", training_account="222222222222", region="us-east-1")
    config = configparser.ConfigParser()
    config.read(project / ".dvc/config")
    assert config["core"]["remote"] == "storage"
    assert config["'remote \"storage\"'"]["url"] == "s3://fraud-data-222222222222-us-east-1/dvc"


def test_the_owning_team_is_asked_to_review_every_file(bake: Bake) -> None:
    lines = (bake(owner_team="@lab/models") / ".github/CODEOWNERS").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["* @lab/models"]


@pytest.mark.parametrize("description", HOSTILE)
def test_a_hostile_description_comes_out_intact(description: str, bake: Bake) -> None:
    project = bake(description=description)
    assert read_answers(project)["description"] == description
    strict = yaml.load((project / "project.yml").read_bytes(), yaml.CSafeLoader)
    assert strict["description"] == description
    assert description in (project / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "description", ["a << b >> c", "<% if x %>", "<# gone? #>", "<< cookiecutter.region >>"]
)
def test_the_templates_own_delimiters_typed_at_the_prompt_are_text(
    description: str, template: Path, tmp_path: Path
) -> None:
    # by --no-input cookiecutter itself evaluates answers, before any template sees them
    typed = [description if question == "description" else "" for question in QUESTIONS]
    command = [sys.executable, "-m", "cookiecutter", "--default-config", "-o", str(tmp_path), str(template)]
    subprocess.run(command, input="\n".join([*typed, ""]), check=True, text=True, capture_output=True)
    assert read_answers(tmp_path / "churn-lab")["description"] == description


def test_every_question_has_a_prompt() -> None:
    assert sorted(CONTEXT["__prompts__"]) == sorted(QUESTIONS)
    for question, prompt in CONTEXT["__prompts__"].items():
        if isinstance(prompt, dict):
            assert [*prompt] == ["__prompt__", *CONTEXT[question]]


def test_the_template_version_is_the_changelogs_newest() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text()
    assert "\n## 0.1.0" in changelog
