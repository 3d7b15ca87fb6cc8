"""Answers that are refused: what was found, why, what is allowed, what to type next."""

import ast
import json
import re
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

from hooks import pre_gen_project as hook
from tests.conftest import Bake
from tests.template import CONTEXT, ROOT, combine_choices, name_choices

GOOD: dict[str, object] = {
    "project": "churn-lab",
    "description": "Models",
    "forge": "github",
    "repository": "acme/churn-lab",
    "owner_team": "@acme/ml-team",
    "ci": "github-actions",
    "region": "eu-west-1",
    "training_account": "111111111111",
    "staging_account": "222222222222",
    "prod_account": "333333333333",
    "examples": "yes",
}
ON_CODECOMMIT = {
    "forge": "codecommit",
    "ci": "codepipeline",
    "repository": "churn",
    "owner_team": "ml@acme.example",
}
ACCOUNT_RULE = "Allowed: 12 digits, in quotes where a file gives them (a leading zero is lost otherwise)"


def refusals(**answers: object) -> list[str]:
    return hook.find_refusals(GOOD | answers)


def test_good_answers_are_not_refused() -> None:
    assert refusals() == []
    assert refusals(**ON_CODECOMMIT) == []


@pytest.mark.parametrize(
    ("project", "said"),
    [
        ("", "project '' has 0 characters; it prefixes AWS names of at most 63 characters."),
        ("ml", "project 'ml' has 2 characters;"),
        ("a" * 25, "has 25 characters;"),
        ("Churn-Lab", "project 'Churn-Lab' cannot begin a bucket's name."),
        ("churn_lab", "Try: churn-lab"),
        ("churn--lab", "Try: churn-lab"),
        ("churn-lab-", "Try: churn-lab"),
        ("1st-lab", "Try: st-lab"),
        ("../../etc", "Try: etc"),
        ("churn\nlab", "project 'churn\\nlab' cannot begin a bucket's name."),
        ("churn-lab\n", "project 'churn-lab\\n' cannot begin"),
        ("schürn", "project 'schürn' cannot begin"),
        ("xn-", "project 'xn-' cannot begin"),
        ("sthree-lab", "which S3 reserves"),
    ],
)
def test_a_project_name_that_aws_would_refuse_is_refused(project: str, said: str) -> None:
    [refusal] = refusals(project=project)
    assert said in refusal
    assert repr(project) in refusal


@pytest.mark.parametrize(
    "project", ["Churn Lab", "9lives of a cat that is long long long", "-", "x" * 80, "é", "ab-"]
)
def test_the_suggested_project_name_is_allowed(project: str) -> None:
    assert refusals(project=hook.suggest_project(project)) == []


def test_the_longest_project_name_fits_every_name_that_aws_limits_to_63_characters() -> None:
    project, model, hex12 = "p" * hook.LONGEST, "m" * 17, "0" * 12
    region = max(hook.REGIONS, key=len)
    names = [
        f"{project}-{model}-staging-{hex12}",
        f"{project}-staging-{model}",
        f"{project}-releases-{'1' * 12}-{region}",
        f"{project}-execution",
    ]
    assert max(map(len, names)) <= 63
    assert refusals(project=project) == []


@pytest.mark.parametrize("question", ["training_account", "staging_account", "prod_account"])
@pytest.mark.parametrize(
    "account", ["", "12345678901", "1234567890123", "1111-1111-1111", 12345678901, "\uff11" * 12]
)
def test_an_account_that_is_not_12_digits_is_refused(question: str, account: object) -> None:
    [refusal] = refusals(**{question: account})
    assert refusal == (
        f"{question} {account!r} is not an AWS account id. {ACCOUNT_RULE}. "
        "See yours: aws sts get-caller-identity --query Account --output text"
    )


@pytest.mark.parametrize("region", ["", "eu-west-9", "Ireland", "EU-WEST-1", "ap-southeast-5", "eu-west-1 "])
def test_a_region_without_the_image_is_refused(region: str) -> None:
    [refusal] = refusals(region=region)
    assert refusal.startswith(f"region {region!r} has no SageMaker scikit-learn image. Allowed: af-south-1, ")
    assert refusal.endswith("us-west-2. See yours: aws configure get region")


@pytest.mark.parametrize(
    ("region", "partition"),
    [
        ("cn-north-1", "aws-cn"),
        ("us-gov-west-1", "aws-us-gov"),
        ("us-iso-east-1", "aws-iso"),
        ("us-isob-east-1", "aws-iso-b"),
        ("eu-isoe-west-1", "aws-iso-e"),
    ],
)
def test_a_region_of_another_partition_is_refused_with_the_reason(region: str, partition: str) -> None:
    [refusal] = refusals(region=region)
    assert f"region {region!r} is in the partition {partition}, whose ARNs" in refusal
    assert "only the partition aws is supported. Allowed: af-south-1, " in refusal


def test_the_regions_are_those_of_the_sdks_scikit_learn_images() -> None:
    package = find_spec("sagemaker.core")
    assert package is not None
    assert package.origin is not None
    images = json.loads((Path(package.origin).parent / "image_uri_config/sklearn.json").read_text())
    published = set(images["training"]["versions"]["1.9-0"]["registries"])
    assert {region for region in published if not re.match(r"cn-|us-gov-|us-iso", region)} == hook.REGIONS


@pytest.mark.parametrize(
    "repository", ["", "churn", "acme/", "/churn", "acme/churn.git", "https://x/y", "a/b/c"]
)
def test_a_repository_that_github_cannot_hold_is_refused(repository: str) -> None:
    [refusal] = refusals(repository=repository)
    assert refusal == (
        f"repository {repository!r} is not a repository on github. Allowed: owner/name, as in acme/churn, "
        "without '.git'. See yours: git remote get-url origin"
    )


@pytest.mark.parametrize("repository", ["acme/churn", "", "churn.git", "churn lab"])
def test_a_repository_that_codecommit_cannot_hold_is_refused(repository: str) -> None:
    [refusal] = refusals(**ON_CODECOMMIT | {"repository": repository})
    assert f"repository {repository!r} is not a repository on codecommit. Allowed: the plain name" in refusal


@pytest.mark.parametrize("owner", ["@acme/ml-team", "@ada", "ml@acme.example"])
def test_an_owner_that_codeowners_knows_is_allowed(owner: str) -> None:
    assert refusals(owner_team=owner) == []


@pytest.mark.parametrize(
    "owner", ["", "ml-team", "acme/ml", "@acme/ML Team", "@a @b", '"@acme/x"', "ml@localhost"]
)
def test_an_owner_that_codeowners_would_ignore_is_refused(owner: str) -> None:
    [refusal] = refusals(owner_team=owner)
    assert refusal.startswith(
        f"owner_team {owner!r} is nobody that CODEOWNERS knows. Allowed: @organisation/team"
    )
    assert refusal.endswith("See teams: gh api orgs/ORGANISATION/teams --jq '.[].slug'")


def test_a_team_on_codecommit_is_refused_as_it_has_none() -> None:
    [refusal] = refusals(**ON_CODECOMMIT | {"owner_team": "@acme/ml"})
    assert "owner_team '@acme/ml' cannot be written to. Allowed: an e-mail address" in refusal


@pytest.mark.parametrize(
    "char", ["\x00", "\x1b", "\r", "\x7f", "\x85", "\u2028", "\u2029", "\ud800", "\uffff"]
)
def test_a_character_that_yaml_would_change_is_refused(char: str) -> None:
    [refusal] = refusals(description=f"before{char}after")
    assert f"holds {[char]!r}, which YAML cannot keep. Allowed: printable text" in refusal


def test_every_wrong_answer_is_reported_at_once() -> None:
    found = refusals(project="X", region="mars", repository="?", owner_team="?", prod_account="1")
    assert [refusal.split()[0] for refusal in found] == [
        "project",
        "repository",
        "owner_team",
        "region",
        "prod_account",
    ]
    assert [refusal for refusal in found if "\n" in refusal] == []


@pytest.mark.parametrize("answers", combine_choices(), ids=name_choices)
def test_actions_are_refused_exactly_where_the_forge_is_not_github(answers: dict[str, str]) -> None:
    impossible = answers["forge"] == "codecommit" and answers["ci"] == "github-actions"
    refusal = (
        "ci 'github-actions' with forge 'codecommit': GitHub Actions runs only for repositories on GitHub. "
        "Allowed: codepipeline. Type: ci=codepipeline"
    )
    assert list(hook.refuse_ci(dict(answers))) == ([refusal] if impossible else [])


@pytest.mark.parametrize(
    "answers",
    [{"project": "Churn"}, {"training_account": 12345}, {"forge": "codecommit"}, {"description": "a\x00b"}],
)
def test_a_refused_answer_writes_the_message_and_no_project(
    answers: dict[str, object], bake: Bake, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from cookiecutter.exceptions import FailedHookException

    with pytest.raises(FailedHookException, match="exit status: 1"):
        bake(**answers)
    first = capfd.readouterr().err.splitlines()[0]
    assert first.split()[0] in CONTEXT
    assert re.search(r"Allowed: .*(See|Try|Type)", first)
    assert not any((tmp_path / "bakes").iterdir())


@pytest.mark.parametrize("path", sorted((ROOT / "hooks").glob("*.py")), ids=lambda path: path.name)
def test_a_hook_needs_the_standard_library_alone(path: Path) -> None:
    imports = [
        node
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    modules = {
        name.split(".")[0]
        for node in imports
        for name in (
            [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
        )
    }
    assert modules <= sys.stdlib_module_names
