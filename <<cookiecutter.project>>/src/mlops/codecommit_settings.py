"""A repository's rules on CodeCommit: the approval rule template of main, which no stack can make.

The repository itself, and what people may do in it, is infra/codecommit.yml. A template belongs to the
account; bootstrap makes one for each project and associates it with the project's repository.
https://docs.aws.amazon.com/codecommit/latest/userguide/approval-rule-templates.html
"""

from __future__ import annotations

import json
import shlex
from typing import TYPE_CHECKING, Any

from mlops.codecommit_forge import asking
from mlops.errors import MlopsError
from mlops.forge import MAIN
from mlops.forge_settings import Repository, Request, Setting

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.aws import Aws
    from mlops.project import Project

VERSION = "2018-11-08"  # of the language that templates are written in
# where another account is signed in, or the stack has not made the repository yet
ABSENT = ("ApprovalRuleTemplateDoesNotExistException", "RepositoryDoesNotExistException")
# CodeCommit has neither owners nor numbers; trust on CodeBuild names roles instead
NUMBERS = {"Owner": "", "OwnerId": "0", "RepositoryId": "0"}


def connect_settings(project: Project) -> CodecommitSettings:
    """The repository's settings, as whoever the environment's AWS credentials are."""
    from mlops.aws import Aws

    return CodecommitSettings(project, Aws(project.region))


def rule_name(project: Project) -> str:
    """The project's approval rule template."""
    return f"{project.project}-main"


def rule_content(project: Project) -> dict[str, Any]:
    """What every pull request into main needs; which release needs how many, `mlops deploy` counts."""
    needed = min(project.approvals.staging, project.approvals.prod)
    return {
        "Version": VERSION,
        "DestinationReferences": [f"refs/heads/{MAIN}"],
        "Statements": [{"Type": "Approvers", "NumberOfApprovalsNeeded": needed}],
    }


class CodecommitSettings:
    """See `mlops.forge_settings.Settings`."""

    def __init__(self, project: Project, aws: Aws) -> None:
        from mlops.foundation.account import client

        self._project = project
        self._aws = aws
        self._client = client(aws, "codecommit")

    def identify(self) -> Repository:
        """The repository by its name: its stack makes it, where it is not there yet."""
        name = self._project.repository
        return Repository(name, {**NUMBERS, "Repository": name}, is_private=True, is_admin=True)

    @asking
    def compare(self, root: Path) -> list[Setting]:
        """What main lacks; nothing in other accounts than the repository's."""
        from mlops.foundation.account import read_caller

        if read_caller(self._aws).account != self._project.accounts.training:
            return []
        requests = [*self._compare_template(), *self._compare_association()]
        if not requests:
            return []
        return [
            Setting(
                f"approval rule template {rule_name(self._project)!r}",
                "main changes by approved pull request only",
                "people can merge unapproved; `mlops deploy` still counts approvals itself and refuses",
                tuple(requests),
            )
        ]

    def _compare_template(self) -> list[Request]:
        name, wanted = rule_name(self._project), rule_content(self._project)
        content = json.dumps(wanted)
        found = self._see("get_approval_rule_template", approvalRuleTemplateName=name)
        if found is None:
            body = {"approvalRuleTemplateName": name, "approvalRuleTemplateContent": content}
            return [AwsCall("POST", "create_approval_rule_template", body)]
        if json.loads(found["approvalRuleTemplate"]["approvalRuleTemplateContent"]) == wanted:
            return []
        body = {"approvalRuleTemplateName": name, "newRuleContent": content}
        return [AwsCall("PUT", "update_approval_rule_template_content", body)]

    def _compare_association(self) -> list[Request]:
        name, repository = rule_name(self._project), self._project.repository
        found = self._see("list_associated_approval_rule_templates_for_repository", repositoryName=repository)
        if found is not None and name in found["approvalRuleTemplateNames"]:
            return []
        body = {"approvalRuleTemplateName": name, "repositoryName": repository}
        return [AwsCall("POST", "associate_approval_rule_template_with_repository", body)]

    def _see(self, operation: str, **asked: str) -> Any:
        """What a call answers; None where there is nothing of that name."""
        from botocore.exceptions import ClientError

        from mlops.aws import error_code

        try:
            return getattr(self._client, operation)(**asked)
        except ClientError as error:
            if error_code(error) in ABSENT:
                return None
            raise

    @asking
    def write(self, request: Request) -> None:
        """Make one of the calls."""
        if request.body is None:
            raise MlopsError(f"{request.path!r} is no call of CodeCommit")
        getattr(self._client, request.path)(**request.body)


class AwsCall(Request):
    """A call of CodeCommit; `path` is boto3's name of it."""

    def command(self, repository: str) -> str:
        """The same for people to type."""
        words = ["aws", "codecommit", self.path.replace("_", "-")]
        for name, value in (self.body or {}).items():
            option = "".join(f"-{letter.lower()}" if letter.isupper() else letter for letter in name)
            words += [f"--{option}", str(value)]
        return shlex.join(words)
