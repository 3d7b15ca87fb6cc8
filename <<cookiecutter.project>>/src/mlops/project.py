"""project.yml: the answers given at generation, and every AWS name derived from them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from mlops.documents import Document, read_document
from mlops.errors import UsageError
from mlops.network import Networks

PROJECT_FILE = "project.yml"
Environment = Literal["staging", "prod"]
ENVIRONMENTS: tuple[Environment, ...] = ("staging", "prod")

AccountId = Annotated[str, StringConstraints(pattern=r"^[0-9]{12}$")]


def refuse_double_hyphen(name: str) -> str:
    """SageMaker's names are hyphenated words; an empty word between two hyphens is refused by it."""
    if "--" in name:
        raise ValueError("has two hyphens in a row; SageMaker allows one at a time")
    return name


def refuse_environment(name: str) -> str:
    """Configs are named <project>-<model>-<environment>-…, and by that policies keep environments apart."""
    if words := set(name.split("-")) & set(ENVIRONMENTS):
        raise ValueError(f"has the word {min(words)!r}, by which names on AWS tell environments apart")
    return name


ProjectName = Annotated[
    str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,22}[a-z0-9]$"), AfterValidator(refuse_double_hyphen)
]
# 63 (SageMaker's limit) - 24 (project) - 7 ("staging") - 12 (hex) - 3 hyphens = 17
ModelName = Annotated[
    str,
    StringConstraints(pattern=r"^[a-z][a-z0-9-]{0,15}[a-z0-9]$"),
    AfterValidator(refuse_double_hyphen),
    AfterValidator(refuse_environment),
]


class Accounts(Document):
    """The AWS account that each duty runs in; all three may be the same."""

    training: AccountId
    staging: AccountId
    prod: AccountId


class Approvals(Document):
    """How many people must approve a pin before `deploy` acts on it."""

    staging: Annotated[int, Field(ge=1, le=6)] = 1
    prod: Annotated[int, Field(ge=1, le=6)] = 2


class Project(Document):
    """The answers, as rendered into project.yml."""

    schema_version: Literal[1] = Field(alias="schema")
    template: str
    project: ProjectName
    description: str
    owner_team: str
    forge: Literal["github", "codecommit"]
    repository: str
    ci: Literal["github-actions", "codepipeline"]
    region: Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[a-z]+)+-[0-9]$")]
    accounts: Accounts
    approvals: Approvals = Approvals()
    network: Networks = Networks()

    @property
    def data_bucket(self) -> str:
        """The bucket of the DVC remote, published datasets, code and runs."""
        return f"{self.project}-data-{self.accounts.training}-{self.region}"

    @property
    def releases_bucket(self) -> str:
        """The bucket of sealed models, under Object Lock."""
        return f"{self.project}-releases-{self.accounts.training}-{self.region}"

    @property
    def experiment_role(self) -> str:
        """The role that the jobs of experiments run as: it can neither seal nor register."""
        return f"arn:aws:iam::{self.accounts.training}:role/{self.project}-experiment"

    @property
    def execution_role(self) -> str:
        """The role that pipelines and jobs run as."""
        return f"arn:aws:iam::{self.accounts.training}:role/{self.project}-execution"

    def account(self, environment: Environment) -> str:
        """The account in which an environment's endpoints run."""
        return self.accounts.staging if environment == "staging" else self.accounts.prod

    def serving_role(self, environment: Environment) -> str:
        """The role that an environment's endpoints run as, in that environment's account."""
        return f"arn:aws:iam::{self.account(environment)}:role/{self.project}-serve-{environment}"

    def group(self, model: str) -> str:
        """The model package group, and the pipeline, of a model."""
        return f"{self.project}-{model}"

    def endpoint(self, environment: str, model: str) -> str:
        """The endpoint that serves a model in an environment."""
        return f"{self.project}-{environment}-{model}"

    def model_name(self, environment: str, model: str, model_hex: str) -> str:
        """The SageMaker model of a pin: its name ends in the first 12 digits of `Pin.model_hex`."""
        return f"{self.project}-{model}-{environment}-{model_hex[:12]}"


def find_root(start: Path | None = None) -> Path:
    """The nearest folder upwards that holds project.yml."""
    here = (start or Path.cwd()).resolve()
    for folder in (here, *here.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise UsageError(f"{str(here)!r} is not inside a project: no {PROJECT_FILE} here or above. cd into one")


def read_project(root: Path) -> Project:
    """Read and check project.yml."""
    return read_document(root / PROJECT_FILE, Project, PROJECT_FILE)
