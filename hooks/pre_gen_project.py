"""Refuses answers that AWS or the forge would refuse later, before anything is written."""

import json
import re
import sys
import unicodedata
from collections.abc import Iterator

Answers = dict[str, object]

# Regions where SageMaker's scikit-learn image is published, from the SageMaker SDK 3.27.
# Frozen, as this hook must run with the standard library alone; a test compares it with the SDK.
REGIONS = frozenset(
    {
        "af-south-1",
        "ap-east-1",
        "ap-northeast-1",
        "ap-northeast-2",
        "ap-northeast-3",
        "ap-south-1",
        "ap-south-2",
        "ap-southeast-1",
        "ap-southeast-2",
        "ap-southeast-3",
        "ap-southeast-4",
        "ca-central-1",
        "ca-west-1",
        "eu-central-1",
        "eu-central-2",
        "eu-north-1",
        "eu-south-1",
        "eu-south-2",
        "eu-west-1",
        "eu-west-2",
        "eu-west-3",
        "il-central-1",
        "me-central-1",
        "me-south-1",
        "sa-east-1",
        "us-east-1",
        "us-east-2",
        "us-west-1",
        "us-west-2",
    }
)
# ARNs, service principals and identity federation differ there, and nothing here was tried with them.
OTHER_PARTITIONS = {
    "cn": "aws-cn",
    "us-gov": "aws-us-gov",
    "us-iso": "aws-iso",
    "us-isob": "aws-iso-b",
    "us-isof": "aws-iso-f",
    "eu-isoe": "aws-iso-e",
}

# S3 reserves these beginnings, and a bucket's name begins with the project's.
RESERVED_PREFIXES = ("amzn-s3-demo-", "sthree-")
SHORTEST, LONGEST = 3, 24

SEE_ACCOUNT = "aws sts get-caller-identity --query Account --output text"
SEE_REGION = "aws configure get region"
SEE_REPOSITORY = "git remote get-url origin"
SEE_TEAMS = "gh api orgs/ORGANISATION/teams --jq '.[].slug'"


def refuse_project(answers: Answers) -> Iterator[str]:
    """24 is what AWS leaves: the longest name derived from it has 63 characters with a 17-character model."""
    project = str(answers["project"])
    rule = f"{SHORTEST} to {LONGEST} lower-case letters, digits and single hyphens, beginning with a letter"
    suggestion = suggest_project(project)
    if not SHORTEST <= len(project) <= LONGEST:
        why = "it prefixes AWS names of at most 63 characters"
        yield f"project {project!r} has {len(project)} characters; {why}. Allowed: {rule}. Try: {suggestion}"
    elif not re.fullmatch(r"[a-z](-?[a-z0-9])*", project):
        yield f"project {project!r} cannot begin a bucket's name. Allowed: {rule}. Try: {suggestion}"
    elif project.startswith(RESERVED_PREFIXES):
        why = f"begins with one of {RESERVED_PREFIXES!r}, which S3 reserves"
        yield f"project {project!r} {why}. Allowed: {rule}. Try: my-{project[:21].strip('-')}"


def suggest_project(project: str) -> str:
    """The nearest name that is allowed: what the reader would type next."""
    words = re.sub(r"[^a-z0-9]+", "-", project.lower()).lstrip("-0123456789")[:LONGEST].strip("-")
    return words if len(words) >= SHORTEST else "my-models"


def refuse_text(answers: Answers) -> Iterator[str]:
    """YAML folds or forbids these characters, so that the answer would come out changed."""
    for question, answer in answers.items():
        found = sorted({char for char in str(answer) if is_unwritable(char)})
        if found:
            why = f"holds {found!r}, which YAML cannot keep"
            allowed = "printable text, tabs and newlines"
            yield f"{question} {answer!r} {why}. Allowed: {allowed}. Type it again by hand, without the paste"


def is_unwritable(char: str) -> bool:
    noncharacter = ord(char) & 0xFFFE == 0xFFFE
    return noncharacter or (char not in "\n\t" and unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"})


def refuse_accounts(answers: Answers) -> Iterator[str]:
    for question in ("training_account", "staging_account", "prod_account"):
        account = answers[question]
        if not isinstance(account, str) or not re.fullmatch(r"[0-9]{12}", account):
            rule = "12 digits, in quotes where a file gives them (a leading zero is lost otherwise)"
            why = "is not an AWS account id"
            yield f"{question} {account!r} {why}. Allowed: {rule}. See yours: {SEE_ACCOUNT}"


def refuse_region(answers: Answers) -> Iterator[str]:
    region = str(answers["region"])
    partition = next(
        (name for start, name in OTHER_PARTITIONS.items() if region.startswith(f"{start}-")), None
    )
    if partition:
        why = f"is in the partition {partition}, whose ARNs and identity federation differ"
        yield f"region {region!r} {why}; only the partition aws is supported. Allowed: {list_regions()}"
    elif region not in REGIONS:
        why = "has no SageMaker scikit-learn image"
        yield f"region {region!r} {why}. Allowed: {list_regions()}. See yours: {SEE_REGION}"


def list_regions() -> str:
    return ", ".join(sorted(REGIONS))


def refuse_repository(answers: Answers) -> Iterator[str]:
    repository = str(answers["repository"])
    if answers["forge"] == "github":
        shape, rule = r"[A-Za-z0-9](-?[A-Za-z0-9])*/[A-Za-z0-9._-]{1,100}", "owner/name, as in acme/churn"
    else:
        shape, rule = r"[A-Za-z0-9._-]{1,100}", "the plain name, letters, digits, '.', '_' and '-'"
    if not re.fullmatch(shape, repository) or repository.endswith(".git"):
        why = f"is not a repository on {answers['forge']}"
        yield f"repository {repository!r} {why}. Allowed: {rule}, without '.git'. See yours: {SEE_REPOSITORY}"


def refuse_owner_team(answers: Answers) -> Iterator[str]:
    """CODEOWNERS ignores a line it cannot read, without a word; so an owner in another shape owns nothing."""
    owner = str(answers["owner_team"])
    email = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+"
    handle = r"@[A-Za-z0-9](-?[A-Za-z0-9])*(/[a-z0-9_-]+)?"
    if answers["forge"] == "github" and not re.fullmatch(f"{email}|{handle}", owner):
        rule = "@organisation/team, @user or an e-mail address"
        yield f"owner_team {owner!r} is nobody that CODEOWNERS knows. Allowed: {rule}. See teams: {SEE_TEAMS}"
    if answers["forge"] == "codecommit" and not re.fullmatch(email, owner):
        rule = "an e-mail address (CodeCommit has no teams)"
        yield f"owner_team {owner!r} cannot be written to. Allowed: {rule}. See yours: git config user.email"


def refuse_ci(answers: Answers) -> Iterator[str]:
    if answers["forge"] == "codecommit" and answers["ci"] == "github-actions":
        why = "GitHub Actions runs only for repositories on GitHub"
        remedy = "Allowed: codepipeline. Type: ci=codepipeline"
        yield f"ci {answers['ci']!r} with forge {answers['forge']!r}: {why}. {remedy}"


RULES = (
    refuse_project,
    refuse_text,
    refuse_repository,
    refuse_owner_team,
    refuse_ci,
    refuse_region,
    refuse_accounts,
)


def find_refusals(answers: Answers) -> list[str]:
    """One line per answer that cannot work; empty when the project can be made."""
    asked = {question: answer for question, answer in answers.items() if not question.startswith("_")}
    return [refusal for rule in RULES for refusal in rule(asked)]


if __name__ == "__main__":
    # JSON in a raw string: tojson escapes quotes, so no answer can end the literal
    refusals = find_refusals(json.loads(r"""<< cookiecutter | tojson >>"""))
    for refusal in refusals:
        sys.stderr.write(f"{refusal}\n")
    sys.exit(1 if refusals else 0)
