"""Approval rule templates: rules that every pull request of an associated repository begins with."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

from sandbox.codecommit.books import page, who
from sandbox.codecommit.errors import refuse
from sandbox.codecommit.records import Rule, Template
from sandbox.codecommit.rules import applies_to, read_content, sha256, without_branches
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.codecommit.books import Books
    from sandbox.codecommit.records import Holding
    from sandbox.world import Call

    Answer = dict[str, Any]

MOST_OF_REPOSITORY = 25
PER_PAGE = 500


class Templates:
    """The operations on templates and on which repositories they are associated with."""

    def __init__(self, books: Books) -> None:
        self._books = books
        self.operations = {
            "CreateApprovalRuleTemplate": self.create,
            "GetApprovalRuleTemplate": self.get,
            "ListApprovalRuleTemplates": self.list_all,
            "DeleteApprovalRuleTemplate": self.delete,
            "UpdateApprovalRuleTemplateContent": self.update_content,
            "UpdateApprovalRuleTemplateDescription": self.update_description,
            "UpdateApprovalRuleTemplateName": self.rename,
            "AssociateApprovalRuleTemplateWithRepository": self.associate,
            "BatchAssociateApprovalRuleTemplateWithRepositories": self.batch_associate,
            "DisassociateApprovalRuleTemplateFromRepository": self.disassociate,
            "BatchDisassociateApprovalRuleTemplateFromRepositories": self.batch_disassociate,
            "ListAssociatedApprovalRuleTemplatesForRepository": self.list_of_repository,
            "ListRepositoriesForApprovalRuleTemplate": self.list_repositories,
        }

    def create(self, call: Call) -> Answer:
        params, now = call.params, self._books.now()
        name, content = params["approvalRuleTemplateName"], params["approvalRuleTemplateContent"]
        if name in self._books.templates:
            raise refuse("ApprovalRuleTemplateNameAlreadyExists", f"A template {name!r} already exists")
        read_content(content, "InvalidApprovalRuleTemplateContent", with_branches=True)
        described = params.get("approvalRuleTemplateDescription", "")
        made = Template(str(uuid.uuid4()), name, content, described, now, now, who(call))
        self._books.templates[name] = made
        return {"approvalRuleTemplate": _shape(made)}

    def _find(self, call: Call, member: str = "approvalRuleTemplateName") -> Template:
        name = call.params[member]
        if name not in self._books.templates:
            raise refuse("ApprovalRuleTemplateDoesNotExist", f"There is no approval rule template {name!r}")
        return self._books.templates[name]

    def get(self, call: Call) -> Answer:
        return {"approvalRuleTemplate": _shape(self._find(call))}

    def list_all(self, call: Call) -> Answer:
        shown, token = page(sorted(self._books.templates), call.params, PER_PAGE)
        return {"approvalRuleTemplateNames": shown, "nextToken": token}

    def delete(self, call: Call) -> Answer:
        found = self._find(call)
        if any(found.name in holding.templates for holding in self._books.holdings.values()):
            raise refuse("ApprovalRuleTemplateInUse", f"{found.name!r} is associated with a repository")
        del self._books.templates[found.name]
        return {"approvalRuleTemplateId": found.id}

    def update_content(self, call: Call) -> Answer:
        found, params = self._find(call), call.params
        if params.get("existingRuleContentSha256", sha256(found.content)) != sha256(found.content):
            raise refuse("InvalidRuleContentSha256", "The template has changed since that hash was taken")
        read_content(params["newRuleContent"], "InvalidApprovalRuleTemplateContent", with_branches=True)
        found.content = params["newRuleContent"]
        return self._changed(found, call)

    def update_description(self, call: Call) -> Answer:
        found = self._find(call)
        found.description = call.params["approvalRuleTemplateDescription"]
        return self._changed(found, call)

    def rename(self, call: Call) -> Answer:
        found = self._find(call, "oldApprovalRuleTemplateName")
        name = call.params["newApprovalRuleTemplateName"]
        if name in self._books.templates:
            raise refuse("ApprovalRuleTemplateNameAlreadyExists", f"A template {name!r} already exists")
        for holding in self._books.holdings.values():
            holding.templates = [name if each == found.name else each for each in holding.templates]
        del self._books.templates[found.name]
        found.name = name
        self._books.templates[name] = found
        return self._changed(found, call)

    def _changed(self, found: Template, call: Call) -> Answer:
        found.modified, found.by = self._books.now(), who(call)
        return {"approvalRuleTemplate": _shape(found)}

    def associate(self, call: Call) -> Answer:
        self._associate(self._find(call), call.params["repositoryName"])
        return {}

    def _associate(self, found: Template, name: str) -> None:
        holding = self._books.holding(name)
        if found.name in holding.templates:
            return
        if len(holding.templates) >= MOST_OF_REPOSITORY:
            raise refuse(
                "MaximumRuleTemplatesAssociatedWithRepository",
                f"{name} has {MOST_OF_REPOSITORY} approval rule templates already",
            )
        holding.templates.append(found.name)

    def batch_associate(self, call: Call) -> Answer:
        done, errors = self._each(call, self._associate)
        return {"associatedRepositoryNames": done, "errors": errors}

    def disassociate(self, call: Call) -> Answer:
        self._disassociate(self._find(call), call.params["repositoryName"])
        return {}

    def _disassociate(self, found: Template, name: str) -> None:
        holding = self._books.holding(name)
        holding.templates = [each for each in holding.templates if each != found.name]

    def batch_disassociate(self, call: Call) -> Answer:
        done, errors = self._each(call, self._disassociate)
        return {"disassociatedRepositoryNames": done, "errors": errors}

    def _each(self, call: Call, act: Callable[[Template, str], None]) -> tuple[list[str], list[Answer]]:
        found, done, errors = self._find(call), [], []
        for name in call.params["repositoryNames"]:
            try:
                act(found, name)
                done.append(name)
            except ServiceError as error:
                told = {"errorCode": error.code, "errorMessage": error.message}
                errors.append({"repositoryName": name, **told})
        return done, errors

    def list_of_repository(self, call: Call) -> Answer:
        names = self._books.holding(call.params["repositoryName"]).templates
        shown, token = page(sorted(names), call.params, PER_PAGE)
        return {"approvalRuleTemplateNames": shown, "nextToken": token}

    def list_repositories(self, call: Call) -> Answer:
        found = self._find(call)
        names = [one.name for one in self._books.holdings.values() if found.name in one.templates]
        shown, token = page(sorted(names), call.params, PER_PAGE)
        return {"repositoryNames": shown, "nextToken": token}


def _shape(found: Template) -> Answer:
    return {
        "approvalRuleTemplateId": found.id,
        "approvalRuleTemplateName": found.name,
        "approvalRuleTemplateDescription": found.description or None,
        "approvalRuleTemplateContent": found.content,
        "ruleContentSha256": sha256(found.content),
        "lastModifiedDate": found.modified,
        "creationDate": found.created,
        "lastModifiedUser": found.by,
    }


def rules_for(books: Books, holding: Holding, destination: str) -> list[Rule]:
    """The rules that a new pull request gets."""
    found = [books.templates[name] for name in holding.templates]
    now = books.now()
    return [
        Rule(str(uuid.uuid4()), one.name, without_branches(one.content), now, now, one.by, one)
        for one in found
        if applies_to(one.content, destination)
    ]
