"""The kinds of the loop on AWS: pipelines, build projects and their reports, the forge and its rules."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.teardown.item import Clients, Held, Item, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator


def find_pipelines(clients: Clients) -> Iterator[Item]:
    """Pipelines of CodePipeline."""
    for each in clients.pages("codepipeline", "list_pipelines", "pipelines"):
        yield Item("build-pipeline", each["name"], each["name"])


def find_builds(clients: Clients) -> Iterator[Item]:
    """Build projects; their builds go with them."""
    for name in clients.pages("codebuild", "list_projects", "projects"):
        yield Item("build-project", name, name)


def find_reports(clients: Clients) -> Iterator[Item]:
    """Groups of test reports, which builds make as they go."""
    for arn in clients.pages("codebuild", "list_report_groups", "reportGroups"):
        yield Item("report-group", arn, arn.rpartition("/")[2], arn)


def find_connections(clients: Clients) -> Iterator[Item]:
    """Connections to a forge."""
    found = clients.of("codeconnections").list_connections(ProviderTypeFilter="GitHub")
    for each in found["Connections"]:
        yield Item("forge-connection", each["ConnectionArn"], each["ConnectionName"], each["ConnectionArn"])


def find_rules(clients: Clients) -> Iterator[Item]:
    """Approval rule templates."""
    listed = clients.pages("codecommit", "list_approval_rule_templates", "approvalRuleTemplateNames")
    for name in listed:
        yield Item("approval-rule", name, name)


def remove_rule(clients: Clients, item: Item) -> None:
    """A template goes after its associations."""
    client, named = clients.of("codecommit"), {"approvalRuleTemplateName": item.id}
    repositories = clients.pages(
        "codecommit", "list_repositories_for_approval_rule_template", "repositoryNames", **named
    )
    for repository in repositories:
        client.disassociate_approval_rule_template_from_repository(repositoryName=repository, **named)
    client.delete_approval_rule_template(**named)


def find_repositories(clients: Clients) -> Iterator[Item]:
    """Repositories of code."""
    for each in clients.pages("codecommit", "list_repositories", "repositories"):
        yield Item("code-repository", each["repositoryName"], each["repositoryName"])


def hold_history(clients: Clients, item: Item) -> Held | None:
    """Why a repository stays: the only copy of what was live, and of who said so, may be in it."""
    if not clients.pages("codecommit", "list_branches", "branches", repositoryName=item.id):
        return None
    return Held(
        item,
        "it holds the history of everything; when you mean it: "
        f"aws codecommit delete-repository --repository-name {item.id}",
    )


KINDS = (
    Kind(
        "build-pipeline",
        find_pipelines,
        lambda clients, item: clients.of("codepipeline").delete_pipeline(name=item.id),
        ("AWS::CodePipeline::Pipeline",),
    ),
    Kind(
        "build-project",
        find_builds,
        lambda clients, item: clients.of("codebuild").delete_project(name=item.id),
        ("AWS::CodeBuild::Project",),
    ),
    Kind(
        "report-group",
        find_reports,
        lambda clients, item: clients.of("codebuild").delete_report_group(arn=item.id, deleteReports=True),
    ),
    Kind(
        "forge-connection",
        find_connections,
        lambda clients, item: clients.of("codeconnections").delete_connection(ConnectionArn=item.id),
        ("AWS::CodeConnections::Connection",),
    ),
    Kind("approval-rule", find_rules, remove_rule),
    Kind(
        "code-repository",
        find_repositories,
        lambda clients, item: clients.of("codecommit").delete_repository(repositoryName=item.id),
        ("AWS::CodeCommit::Repository",),
    ),
)
