"""SageMaker's kinds: what runs, what serves, what the registry holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.aws import is_missing, pauses
from mlops.live import OWNER
from mlops.teardown.item import Clients, Item, Kind
from mlops.teardown.owning import duty_by_digest, training_alone

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

RUNNING = ("InProgress", "Stopping")


def owner_tag(clients: Clients, arn: str) -> str:
    """The project that the tags of a thing name; empty for none."""
    try:
        tags = clients.pages("sagemaker", "list_tags", "Tags", ResourceArn=arn)
    except Exception as error:
        if is_missing(error):
            return ""
        raise
    return next((tag["Value"] for tag in tags if tag["Key"] == OWNER), "")


def lister(kind: str, operation: str, member: str, prefix: str) -> Callable[[Clients], Iterator[Item]]:
    """How a kind of SageMaker is listed: its entries' members all begin with one word."""

    def find(clients: Clients) -> Iterator[Item]:
        for entry in clients.pages("sagemaker", operation, member):
            name, arn = entry[f"{prefix}Name"], entry[f"{prefix}Arn"]
            yield Item(kind, name, name, arn, owner_tag(clients, arn))

    return find


def remover(operation: str, parameter: str) -> Callable[[Clients, Item], None]:
    """How one of SageMaker's things is deleted, by its name."""

    def remove(clients: Clients, item: Item) -> None:
        getattr(clients.of("sagemaker"), operation)(**{parameter: item.id})

    return remove


def find_executions(clients: Clients) -> Iterator[Item]:
    """Executions that go on, under the name of their pipeline."""
    for pipeline in clients.pages("sagemaker", "list_pipelines", "PipelineSummaries"):
        name = pipeline["PipelineName"]
        listed = clients.pages(
            "sagemaker", "list_pipeline_executions", "PipelineExecutionSummaries", PipelineName=name
        )
        for each in listed:
            if each["PipelineExecutionStatus"] in ("Executing", "Stopping"):
                yield Item("execution", each["PipelineExecutionArn"], name, each["PipelineExecutionArn"])


def stop_execution(clients: Clients, item: Item) -> None:
    """Stop it, and with it its jobs; wait until it has."""
    sagemaker = clients.of("sagemaker")
    sagemaker.stop_pipeline_execution(
        PipelineExecutionArn=item.id,
        ClientRequestToken="mlops-destroy-" + item.id.rpartition("/")[2].zfill(32),
    )
    wait_while(
        clients,
        lambda: sagemaker.describe_pipeline_execution(PipelineExecutionArn=item.id)[
            "PipelineExecutionStatus"
        ],
        ("Executing", "Stopping"),
    )


def job_finder(kind: str, word: str) -> Callable[[Clients], Iterator[Item]]:
    """Jobs that run, under the name of the role that they run as: theirs tells nothing."""

    def find(clients: Clients) -> Iterator[Item]:
        sagemaker = clients.of("sagemaker")
        for status in RUNNING:
            for each in clients.pages(
                "sagemaker", f"list_{kind}_jobs", f"{word}JobSummaries", StatusEquals=status
            ):
                name = each[f"{word}JobName"]
                described = getattr(sagemaker, f"describe_{kind}_job")(**{f"{word}JobName": name})
                role = described["RoleArn"].rpartition("/")[2]
                yield Item(f"{kind}-job", name, role, each[f"{word}JobArn"])

    return find


def job_stopper(kind: str, word: str) -> Callable[[Clients, Item], None]:
    """Stop a job, and wait until it has."""

    def stop(clients: Clients, item: Item) -> None:
        sagemaker, named = clients.of("sagemaker"), {f"{word}JobName": item.id}
        getattr(sagemaker, f"stop_{kind}_job")(**named)
        wait_while(
            clients, lambda: getattr(sagemaker, f"describe_{kind}_job")(**named)[f"{word}JobStatus"], RUNNING
        )

    return stop


def wait_while(clients: Clients, look: Callable[[], str], states: tuple[str, ...]) -> None:
    """Wait until a thing has left some states, or is gone; as long as SageMaker may take to stop a job."""
    import time

    deadline, pause = time.monotonic() + 15 * 60, pauses(10.0)
    while time.monotonic() < deadline:
        try:
            if look() not in states:
                return
        except Exception as error:
            if is_missing(error):
                return
            raise
        time.sleep(next(pause))


def remove_endpoint(clients: Clients, item: Item) -> None:
    """Delete it, and wait: its config may not go before it. One that is being made is waited for first."""
    sagemaker = clients.of("sagemaker")

    def look() -> str:
        return str(sagemaker.describe_endpoint(EndpointName=item.id)["EndpointStatus"])

    wait_while(clients, look, ("Creating", "Updating", "SystemUpdating", "RollingBack"))
    sagemaker.delete_endpoint(EndpointName=item.id)
    wait_while(clients, look, ("Deleting",))


def find_packages(clients: Clients) -> Iterator[Item]:
    """The versions of every group, under the group's name."""
    for group in clients.pages("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList"):
        name = group["ModelPackageGroupName"]
        listed: list[Any] = clients.pages(
            "sagemaker", "list_model_packages", "ModelPackageSummaryList", ModelPackageGroupName=name
        )
        for each in listed:
            yield Item("package", each["ModelPackageArn"], name, each["ModelPackageArn"])


def find_groups(clients: Clients) -> Iterator[Item]:
    """The groups of the registry."""
    for group in clients.pages("sagemaker", "list_model_package_groups", "ModelPackageGroupSummaryList"):
        name, arn = group["ModelPackageGroupName"], group["ModelPackageGroupArn"]
        yield Item("package-group", name, name, arn, owner_tag(clients, arn))


KINDS = (
    Kind("execution", find_executions, stop_execution, (), ("start_pipeline_execution",), training_alone),
    Kind("training-job", job_finder("training", "Training"), job_stopper("training", "Training")),
    Kind("processing-job", job_finder("processing", "Processing"), job_stopper("processing", "Processing")),
    Kind(
        "endpoint",
        lister("endpoint", "list_endpoints", "Endpoints", "Endpoint"),
        remove_endpoint,
        ("AWS::SageMaker::Endpoint",),
        ("create_endpoint",),
    ),
    Kind(
        "endpoint-config",
        lister("endpoint-config", "list_endpoint_configs", "EndpointConfigs", "EndpointConfig"),
        remover("delete_endpoint_config", "EndpointConfigName"),
        ("AWS::SageMaker::EndpointConfig",),
        ("create_endpoint_config",),
        duty_by_digest,
    ),
    Kind(
        "model",
        lister("model", "list_models", "Models", "Model"),
        remover("delete_model", "ModelName"),
        ("AWS::SageMaker::Model",),
        ("create_model",),
        duty_by_digest,
    ),
    Kind(
        "package",
        find_packages,
        remover("delete_model_package", "ModelPackageName"),
        (),
        ("create_model_package",),
        training_alone,
    ),
    Kind(
        "package-group",
        find_groups,
        remover("delete_model_package_group", "ModelPackageGroupName"),
        ("AWS::SageMaker::ModelPackageGroup",),
        ("create_model_package_group", "put_model_package_group_policy"),
        training_alone,
    ),
    Kind(
        "pipeline",
        lister("pipeline", "list_pipelines", "PipelineSummaries", "Pipeline"),
        remover("delete_pipeline", "PipelineName"),
        (),
        ("create_pipeline",),
        training_alone,
    ),
)
