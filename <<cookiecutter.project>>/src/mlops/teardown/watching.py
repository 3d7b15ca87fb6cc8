"""The kinds that watch and tell: alarms, dashboards, logs, trails, rules, topics, queries, budgets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.teardown.item import Clients, Item, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator


def find_alarms(clients: Clients) -> Iterator[Item]:
    """Alarms of metrics; composite ones are nobody's here."""
    for each in clients.pages("cloudwatch", "describe_alarms", "MetricAlarms"):
        yield Item("alarm", each["AlarmName"], each["AlarmName"], each["AlarmArn"])


def find_dashboards(clients: Clients) -> Iterator[Item]:
    """Dashboards."""
    for each in clients.pages("cloudwatch", "list_dashboards", "DashboardEntries"):
        yield Item("dashboard", each["DashboardName"], each["DashboardName"], each.get("DashboardArn", ""))


def find_log_groups(clients: Clients) -> Iterator[Item]:
    """Log groups by the last part of their path: SageMaker's are `/aws/sagemaker/Endpoints/<endpoint>`."""
    for each in clients.pages("logs", "describe_log_groups", "logGroups"):
        name = each["logGroupName"]
        yield Item("log-group", name, name.rpartition("/")[2], each.get("arn", ""))


def find_trails(clients: Clients) -> Iterator[Item]:
    """Trails of this region; shadows of those elsewhere are not theirs to delete."""
    for each in clients.of("cloudtrail").describe_trails(includeShadowTrails=False)["trailList"]:
        yield Item("trail", each["TrailARN"], each["Name"], each["TrailARN"])


def find_rules(clients: Clients) -> Iterator[Item]:
    """Rules of the default bus."""
    for each in clients.pages("events", "list_rules", "Rules"):
        yield Item("rule", each["Name"], each["Name"], each["Arn"])


def remove_rule(clients: Clients, item: Item) -> None:
    """A rule goes after its targets."""
    events = clients.of("events")
    targets = [
        each["Id"] for each in clients.pages("events", "list_targets_by_rule", "Targets", Rule=item.id)
    ]
    if targets:
        events.remove_targets(Rule=item.id, Ids=targets)
    events.delete_rule(Name=item.id)


def find_destinations(clients: Clients) -> Iterator[Item]:
    """What rules call over HTTP."""
    for each in clients.pages("events", "list_api_destinations", "ApiDestinations"):
        yield Item("api-destination", each["Name"], each["Name"], each["ApiDestinationArn"])


def find_connections(clients: Clients) -> Iterator[Item]:
    """The credentials of such calls."""
    for each in clients.pages("events", "list_connections", "Connections"):
        yield Item("connection", each["Name"], each["Name"], each["ConnectionArn"])


def find_topics(clients: Clients) -> Iterator[Item]:
    """Topics; their policies and subscriptions go with them."""
    for each in clients.pages("sns", "list_topics", "Topics"):
        arn = each["TopicArn"]
        yield Item("topic", arn, arn.rpartition(":")[2], arn)


def find_subscriptions(clients: Clients) -> Iterator[Item]:
    """Subscriptions, which may outlive their topic; pending ones cannot be removed, and go by themselves."""
    for each in clients.pages("sns", "list_subscriptions", "Subscriptions"):
        arn = each["SubscriptionArn"]
        if arn.startswith("arn:"):
            yield Item("subscription", arn, each["TopicArn"].rpartition(":")[2], arn)


def find_workgroups(clients: Clients) -> Iterator[Item]:
    """Athena's workgroups, with their queries."""
    for each in clients.pages("athena", "list_work_groups", "WorkGroups"):
        yield Item("workgroup", each["Name"], each["Name"])


def find_queries(clients: Clients) -> Iterator[Item]:
    """Named queries of every workgroup; their names begin with the project's and a space."""
    for group in clients.pages("athena", "list_work_groups", "WorkGroups"):
        listed = clients.pages("athena", "list_named_queries", "NamedQueryIds", WorkGroup=group["Name"])
        for number in listed:
            query = clients.of("athena").get_named_query(NamedQueryId=number)["NamedQuery"]
            yield Item("named-query", number, query["Name"])


def find_databases(clients: Clients) -> Iterator[Item]:
    """Glue's databases, with their tables: underscores stand there for hyphens."""
    for each in clients.pages("glue", "get_databases", "DatabaseList"):
        yield Item("database", each["Name"], each["Name"].replace("_", "-"))


def find_budgets(clients: Clients) -> Iterator[Item]:
    """Budgets of the account."""
    for each in clients.pages("budgets", "describe_budgets", "Budgets", AccountId=clients.account):
        yield Item("budget", each["BudgetName"], each["BudgetName"])


KINDS = (
    Kind(
        "alarm",
        find_alarms,
        lambda clients, item: clients.of("cloudwatch").delete_alarms(AlarmNames=[item.id]),
        ("AWS::CloudWatch::Alarm",),
        ("put_metric_alarm",),
    ),
    Kind(
        "dashboard",
        find_dashboards,
        lambda clients, item: clients.of("cloudwatch").delete_dashboards(DashboardNames=[item.id]),
        ("AWS::CloudWatch::Dashboard",),
    ),
    Kind(
        "log-group",
        find_log_groups,
        lambda clients, item: clients.of("logs").delete_log_group(logGroupName=item.id),
        ("AWS::Logs::LogGroup", "AWS::Logs::MetricFilter"),
        ("create_log_group", "put_metric_filter", "put_retention_policy"),
    ),
    Kind(
        "trail",
        find_trails,
        lambda clients, item: clients.of("cloudtrail").delete_trail(Name=item.id),
        ("AWS::CloudTrail::Trail",),
    ),
    Kind("rule", find_rules, remove_rule, ("AWS::Events::Rule",)),
    Kind(
        "api-destination",
        find_destinations,
        lambda clients, item: clients.of("events").delete_api_destination(Name=item.id),
        ("AWS::Events::ApiDestination",),
    ),
    Kind(
        "connection",
        find_connections,
        lambda clients, item: clients.of("events").delete_connection(Name=item.id),
        ("AWS::Events::Connection",),
    ),
    Kind(
        "subscription",
        find_subscriptions,
        lambda clients, item: clients.of("sns").unsubscribe(SubscriptionArn=item.id),
        ("AWS::SNS::Subscription",),
    ),
    Kind(
        "topic",
        find_topics,
        lambda clients, item: clients.of("sns").delete_topic(TopicArn=item.id),
        ("AWS::SNS::Topic", "AWS::SNS::TopicPolicy"),
    ),
    Kind(
        "named-query",
        find_queries,
        lambda clients, item: clients.of("athena").delete_named_query(NamedQueryId=item.id),
        ("AWS::Athena::NamedQuery",),
    ),
    Kind(
        "workgroup",
        find_workgroups,
        lambda clients, item: clients.of("athena").delete_work_group(
            WorkGroup=item.id, RecursiveDeleteOption=True
        ),
        ("AWS::Athena::WorkGroup",),
    ),
    Kind(
        "database",
        find_databases,
        lambda clients, item: clients.of("glue").delete_database(Name=item.id),
        ("AWS::Glue::Database", "AWS::Glue::Table"),
    ),
    Kind(
        "budget",
        find_budgets,
        lambda clients, item: clients.of("budgets").delete_budget(
            AccountId=clients.account, BudgetName=item.id
        ),
        ("AWS::Budgets::Budget",),
    ),
)
