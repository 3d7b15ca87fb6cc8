"""`mlops deploy ENV [MODEL]`: make AWS match the pins of HEAD. Does nothing where they agree.

It trusts no check that ran before: it verifies the pin, the package and the archive's bytes itself.
"""

from __future__ import annotations

import hashlib
import json
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Literal

import click

from mlops import git
from mlops.aws import Aws, is_missing
from mlops.errors import MlopsError
from mlops.live import describe_all, describe_live
from mlops.project import ENVIRONMENTS
from mlops.release import read_package
from mlops.workspace import open_workspace, read_pins_at, require_environment

if TYPE_CHECKING:
    from pathlib import Path

    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import TagTypeDef

    from mlops.live import Live
    from mlops.pin import Pin
    from mlops.project import Environment, Project

Act = Literal["nothing", "create", "update", "replace", "wait"]

VARIANT = "main"  # SageMaker refuses an update that renames a variant
PARALLEL = 8  # deployments at once: each holds an archive's stream and polls
CHUNK = 1 << 20
WAIT_MINUTES = 60
POLL_SECONDS = (0.5, 15.0)  # first and longest pause between two looks at an endpoint


@dataclass(frozen=True)
class Deployed:
    """What was done about one pin; `error` is empty when the endpoint serves it."""

    model: str
    release: str
    did: str
    error: str = ""


@dataclass(frozen=True)
class Target:
    """One pin in its environment, with the names that follow from it."""

    project: Project
    environment: Environment
    pin: Pin

    @property
    def endpoint(self) -> str:
        """The endpoint's name."""
        return self.project.endpoint(self.environment, self.pin.model)

    @property
    def config(self) -> str:
        """The endpoint config's name: it ends in the digest of release and serving."""
        return self.pin.config_name(self.project, self.environment)

    @property
    def model(self) -> str:
        """The SageMaker model's name: it ends in the release."""
        return self.project.model_name(self.environment, self.pin.model, self.pin.release_hex)


@click.command("deploy")
@click.argument("environment", type=click.Choice(ENVIRONMENTS))
@click.argument("model", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="What was done, as JSON.")
def command(environment: str, model: str | None, dry_run: bool, as_json: bool) -> int:
    """Make AWS match the pins of ENVIRONMENT at HEAD; with MODEL, only that one."""
    workspace = open_workspace()
    aws = Aws(workspace.project.region)
    where = require_environment(environment)
    targets = read_targets(workspace.root, workspace.project, where, model)
    done = deploy(aws, targets, dry_run)
    say(done, where, as_json)
    return 1 if any(deployed.error for deployed in done) else 0


def read_targets(root: Path, project: Project, environment: Environment, model: str | None) -> list[Target]:
    """The pins to deploy, from git's HEAD."""

    pins = read_pins_at(root, git.head_commit(root), environment, model)
    if model and not pins:
        raise MlopsError(
            f"{model!r} is not pinned in {environment} at HEAD. Pin it: mlops propose {model} --to "
            f"{environment} --dry-run"
        )
    return [Target(project, environment, pin) for pin in pins]


def deploy(aws: Aws, targets: list[Target], dry_run: bool = False) -> list[Deployed]:
    """Deploy each target; one that fails leaves the others to go on."""
    live = describe_all(aws.sagemaker, [target.endpoint for target in targets])
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(lambda target: deploy_one(aws, target, live[target.endpoint], dry_run), targets))


def deploy_one(aws: Aws, target: Target, live: Live | None, dry_run: bool) -> Deployed:
    """Bring one endpoint to its pin; a failure becomes part of the answer."""
    act = decide(live, target.config)
    release = target.pin.release
    if dry_run or act == "nothing":
        return Deployed(target.pin.model, release, f"would {act}" if act != "nothing" else act)
    try:
        if act != "wait":
            verify(aws, target)
        carry_out(aws.sagemaker, target, act)
    except Exception as error:
        from mlops.aws import describe_failure

        reason = str(error) if isinstance(error, MlopsError) else describe_failure(error)
        if reason is None:
            raise
        return Deployed(target.pin.model, release, act, reason)
    return Deployed(target.pin.model, release, act)


def decide(live: Live | None, wanted: str) -> Act:
    """What an endpoint's state calls for."""
    if live is None:
        return "create"
    if live.is_moving:
        return "wait"
    if live.status == "Failed":
        return "replace"  # SageMaker takes no update of an endpoint whose creation failed
    return "nothing" if live.config == wanted else "update"


def verify(aws: Aws, target: Target) -> None:
    """Raise unless the pin tells the truth about its package and the archive's bytes."""
    pin = target.pin
    try:
        package = aws.sagemaker.describe_model_package(ModelPackageName=pin.artifact.package)
    except aws.sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        raise MlopsError(f"{pin.model}: package {pin.artifact.package!r} of the pin does not exist") from None
    refuse_unapproved(target, package.get("ModelApprovalStatus", ""))
    if read_package(package) != pin.artifact:
        raise MlopsError(
            f"{pin.model}: the pin's artifact is not what package {pin.artifact.package!r} registers; "
            "the pin or the package was changed by hand"
        )
    verify_archive(aws.s3, pin)


def refuse_unapproved(target: Target, approval: str) -> None:
    """Raise for a package that was rejected, or that reaches prod without having been in staging."""
    pin = target.pin
    if approval == "Rejected":
        raise MlopsError(
            f"{pin.model}: package {pin.artifact.package!r} is Rejected in the registry; pin another release"
        )
    if target.environment == "prod" and approval != "Approved":
        raise MlopsError(
            f"{pin.model}: package {pin.artifact.package!r} is {approval}; staging approves first: "
            f"mlops deploy staging {pin.model}"
        )


def verify_archive(s3: S3Client, pin: Pin) -> None:
    """Raise unless the sealed archive's bytes hash to what the pin says."""
    archive = pin.artifact.archive
    place = f"s3://{archive.bucket}/{archive.key}"
    try:
        body = s3.get_object(Bucket=archive.bucket, Key=archive.key)["Body"]
    except s3.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        raise MlopsError(f"{pin.model}: the archive {place!r} of the pin does not exist") from None
    digest = hashlib.sha256()
    for chunk in body.iter_chunks(CHUNK):
        digest.update(chunk)
    if digest.hexdigest() != archive.sha256:
        raise MlopsError(
            f"{pin.model}: the archive {place!r} was changed after it was registered: its SHA-256 is "
            f"{digest.hexdigest()!r}, the pin says {archive.sha256!r}. Nothing was deployed"
        )


def carry_out(sagemaker: SageMakerClient, target: Target, act: Act) -> None:
    """Approve, make model and config, move the endpoint, wait until it serves the pin."""
    if act == "wait":
        await_rest(sagemaker, target)
        act = decide(describe_live(sagemaker, target.endpoint), target.config)
    if act == "nothing":
        return
    approve(sagemaker, target)
    ensure_model(sagemaker, target)
    ensure_config(sagemaker, target)
    move_endpoint(sagemaker, target, act)
    confirm(await_rest(sagemaker, target), target)


def approve(sagemaker: SageMakerClient, target: Target) -> None:
    """Mark the package as one that may be deployed; only staging does, and once."""
    arn = target.pin.artifact.package
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    if package.get("ModelApprovalStatus") != "Approved" and target.environment == "staging":
        note = f"pinned in {target.environment}: {target.pin.release}"
        sagemaker.update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription=note
        )


def ensure_model(sagemaker: SageMakerClient, target: Target) -> None:
    """Make the SageMaker model of the release unless it is there."""
    package = target.pin.artifact.package
    try:
        there = sagemaker.describe_model(ModelName=target.model)
    except sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        sagemaker.create_model(
            ModelName=target.model,
            ExecutionRoleArn=target.project.execution_role,
            Containers=[{"ModelPackageName": package}],
            Tags=tags(target),
        )
        return
    container = there.get("PrimaryContainer") or (there.get("Containers") or [{}])[0]
    if container.get("ModelPackageName") != package:
        raise MlopsError(
            f"model {target.model!r} exists, but is not made from {package!r}; delete it, then deploy again"
        )


def ensure_config(sagemaker: SageMakerClient, target: Target) -> None:
    """Make the endpoint config of the pin unless it is there."""
    fleet = target.pin.serving.serve
    try:
        there = sagemaker.describe_endpoint_config(EndpointConfigName=target.config)
    except sagemaker.exceptions.ClientError as error:
        if not is_missing(error):
            raise
        variant = {
            "VariantName": VARIANT,
            "ModelName": target.model,
            "InstanceType": fleet.instance,
            "InitialInstanceCount": fleet.count,
            "InitialVariantWeight": 1.0,
        }
        sagemaker.create_endpoint_config(
            EndpointConfigName=target.config,
            ProductionVariants=[variant],  # type: ignore[list-item]
            Tags=tags(target),
        )
        return
    served = [variant.get("ModelName") for variant in there["ProductionVariants"]]
    if served != [target.model]:
        raise MlopsError(
            f"endpoint config {target.config!r} exists, but serves {served!r}; delete it, then deploy again"
        )


def tags(target: Target) -> list[TagTypeDef]:
    """What bills and inventories group by."""
    names = {
        "mlops:project": target.project.project,
        "mlops:environment": target.environment,
        "mlops:model": target.pin.model,
        "mlops:release": target.pin.release_hex,
    }
    return [{"Key": key, "Value": value} for key, value in names.items()]


def move_endpoint(sagemaker: SageMakerClient, target: Target, act: Act) -> None:
    """Create the endpoint or point it at the config."""
    if act == "update":
        sagemaker.update_endpoint(EndpointName=target.endpoint, EndpointConfigName=target.config)
        return
    if act == "replace":
        sagemaker.delete_endpoint(EndpointName=target.endpoint)
        await_rest(sagemaker, target)
    sagemaker.create_endpoint(
        EndpointName=target.endpoint, EndpointConfigName=target.config, Tags=tags(target)
    )


def await_rest(sagemaker: SageMakerClient, target: Target) -> Live | None:
    """Wait until SageMaker is done with the endpoint; its state then."""
    deadline = time.monotonic() + 60 * WAIT_MINUTES
    pause, longest = POLL_SECONDS
    while time.monotonic() < deadline:
        live = describe_live(sagemaker, target.endpoint)
        if live is None or not live.is_moving:
            return live
        time.sleep(pause)
        pause = min(longest, 1.5 * pause)
    raise MlopsError(
        f"endpoint {target.endpoint!r} is still {live.status if live else 'missing'} after "
        f"{WAIT_MINUTES} minutes; "
        f"look at its logs, then: mlops deploy {target.environment} {target.pin.model}"
    )


def confirm(live: Live | None, target: Target) -> None:
    """Raise unless the endpoint serves the pin."""
    if live is None:
        raise MlopsError(
            f"endpoint {target.endpoint!r} was deleted while it was deployed; run the same command again"
        )
    if live.status != "InService" or live.config != target.config:
        reason = f": {live.reason}" if live.reason else ""
        raise MlopsError(f"endpoint {target.endpoint!r} is {live.status} with config {live.config!r}{reason}")


def say(done: list[Deployed], environment: str, as_json: bool) -> None:
    """A line each, or JSON."""
    if as_json:
        click.echo(json.dumps([asdict(deployed) for deployed in done], indent=1))
        return
    for deployed in done:
        line = f"{deployed.model}: {deployed.did}, release {deployed.release}"
        click.echo(f"{line}: {deployed.error}" if deployed.error else line)
    click.echo(f"{len(done)} pins in {environment}")
