"""`mlops deploy ENV [MODEL]`: make AWS match the pins of HEAD. Does nothing where they agree.

It trusts no check that ran before: it verifies pin, package, evaluation and the archive's bytes itself. The
alarms stand before the update begins. Killed anywhere, a second run ends in the same state.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from mlops import git
from mlops.alarms import alarm_names, alarm_prefix, list_alarms, make_alarms, prune_alarms
from mlops.aws import Aws, describe_failure
from mlops.endpoint import (
    WAIT_MINUTES,
    Act,
    await_rest,
    confirm,
    ensure_config,
    ensure_model,
    move_endpoint,
    refuse_foreign,
)
from mlops.errors import MlopsError
from mlops.hold import clear_hold, list_holds, refuse_held
from mlops.live import describe_all
from mlops.project import ENVIRONMENTS
from mlops.prune import prune
from mlops.retire import bury
from mlops.smoke import smoke
from mlops.target import Target, read_targets
from mlops.verify import verify, verify_archive
from mlops.workspace import open_workspace, read_tombstones_at, require_environment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mypy_boto3_sagemaker import SageMakerClient

    from mlops.live import Live
    from mlops.project import Environment
    from mlops.verify import Verified
    from mlops.workspace import Workspace

PARALLEL = 8  # deployments at once: each holds an archive's stream and polls


@dataclass(frozen=True)
class Deployed:
    """What was done about one pin; `error` is empty when the endpoint serves it."""

    model: str
    release: str
    did: str
    error: str = ""


@dataclass(frozen=True)
class Survey:
    """An environment as it is: endpoints by name, names of alarms, models held by hand; our patience."""

    live: Mapping[str, Live | None]
    alarms: set[str]
    holds: set[str]
    wait_minutes: float = WAIT_MINUTES


@click.command("deploy")
@click.argument("environment", type=click.Choice(ENVIRONMENTS))
@click.argument("model", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="What was done, as JSON.")
@click.option(
    "--wait-minutes",
    type=click.FloatRange(min=0),
    default=WAIT_MINUTES,
    show_default=True,
    help="How long to wait for an endpoint; another run waits on.",
)
def command(environment: str, model: str | None, dry_run: bool, as_json: bool, wait_minutes: float) -> int:
    """Make AWS match the pins of ENVIRONMENT at HEAD; with MODEL, only that one."""
    workspace = open_workspace()
    aws = Aws(workspace.project.region)
    where = require_environment(environment)
    done = deploy(aws, read_targets(workspace.root, workspace.project, where, model), dry_run, wait_minutes)
    if not model and not dry_run:
        done += bury_retired(workspace, aws, where)
    say(done, where, as_json)
    return 1 if any(deployed.error for deployed in done) else 0


def deploy(
    aws: Aws, targets: list[Target], dry_run: bool = False, wait_minutes: float = WAIT_MINUTES
) -> list[Deployed]:
    """Deploy each target; one that fails leaves the others to go on."""
    if not targets:
        return []
    survey = replace(take_survey(aws, targets), wait_minutes=wait_minutes)
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(lambda target: deploy_one(aws, target, survey, dry_run), targets))


def bury_retired(workspace: Workspace, aws: Aws, environment: Environment) -> list[Deployed]:
    """Take away the endpoints whose tombstones say that they have drained."""
    commit, today = git.head_commit(workspace.root), datetime.now(UTC).date()
    return [
        Deployed(tomb.model, tomb.last_release, bury(aws, workspace.project, environment, tomb, today))
        for tomb in read_tombstones_at(workspace.root, commit, environment)
    ]


def take_survey(aws: Aws, targets: list[Target]) -> Survey:
    """Read the environment of the targets: one describe an endpoint, one listing of all else."""
    project, environment = targets[0].project, targets[0].environment
    live = describe_all(aws.sagemaker, [target.endpoint for target in targets])
    alarms = list_alarms(aws.cloudwatch, project.endpoint(environment, ""))
    return Survey(live, alarms, list_holds(aws.s3, project, environment))


def deploy_one(aws: Aws, target: Target, survey: Survey, dry_run: bool) -> Deployed:
    """Bring one endpoint to its pin; a failure becomes part of the answer."""
    act = decide(survey.live[target.endpoint], target.config)
    deployed = Deployed(target.pin.model, target.pin.release, act)
    if dry_run:
        return deployed if act == "nothing" else Deployed(deployed.model, deployed.release, f"would {act}")
    try:
        carry_out(aws, target, act, survey)
    except Exception as error:
        reason = str(error) if isinstance(error, MlopsError) else describe_failure(error)
        if reason is None:
            raise
        return Deployed(deployed.model, deployed.release, act, reason)
    return deployed


def decide(live: Live | None, wanted: str) -> Act:
    """What an endpoint's state calls for."""
    if live is None:
        return "create"
    if live.is_moving:
        return "wait"
    if live.status == "Failed":
        return "replace"  # SageMaker takes no update of an endpoint whose creation failed
    return "nothing" if live.config == wanted else "update"


def carry_out(aws: Aws, target: Target, act: Act, survey: Survey) -> None:
    """Do what the state calls for, and what a run that was killed left undone."""
    live = survey.live[target.endpoint]
    if act == "wait":
        live = await_rest(aws.sagemaker, target, survey.wait_minutes)
        act = decide(live, target.config)
    if act == "nothing":
        settle(aws, target, survey)
        return
    if target.pin.model in survey.holds:
        refuse_held(aws.s3, target)
    refuse_foreign(aws.sagemaker, target.project, live)
    verified = verify(aws, target)
    approve(aws.sagemaker, target)
    ensure_model(aws.sagemaker, target)
    ensure_config(aws.sagemaker, target)
    alarms = make_alarms(aws, target, verified)
    move_endpoint(aws.sagemaker, target, act, alarms, survey.wait_minutes)
    confirm(await_rest(aws.sagemaker, target, survey.wait_minutes), target)
    verify_archive(
        aws.s3, target.pin
    )  # CreateModel names no version: what was read must be what was verified
    conclude(aws, target, verified)


def conclude(aws: Aws, target: Target, verified: Verified) -> None:
    """Ask the endpoint once, then take away what it no longer needs."""
    smoke(aws, target, verified.evaluation)
    prune(aws.sagemaker, target)
    prune_alarms(aws.cloudwatch, target)


def settle(aws: Aws, target: Target, survey: Survey) -> None:
    """Complete an endpoint that serves its pin: its alarms, and what a run that was killed left undone.

    Alarms of an earlier config are the last thing that a deployment takes away: where there are any, it did
    not come to its end.
    """
    own = {name for name in survey.alarms if name.startswith(alarm_prefix(target.endpoint))}
    if not own.issuperset(alarm_names(target)[:2]):  # the other two only where there are scores
        make_alarms(aws, target, verify(aws, target))
    if own.difference(alarm_names(target)):
        conclude(aws, target, verify(aws, target))
    if target.pin.model in survey.holds:
        clear_hold(aws.s3, target)


def approve(sagemaker: SageMakerClient, target: Target) -> None:
    """Mark the package as one that may be deployed; only staging does, and once."""
    arn = target.pin.artifact.package
    package = sagemaker.describe_model_package(ModelPackageName=arn)
    if package.get("ModelApprovalStatus") != "Approved" and target.environment == "staging":
        note = f"pinned in {target.environment}: {target.pin.release}"
        sagemaker.update_model_package(
            ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription=note
        )


def say(done: list[Deployed], environment: str, as_json: bool) -> None:
    """A line each, or JSON."""
    if as_json:
        click.echo(json.dumps([asdict(deployed) for deployed in done], indent=1))
        return
    for deployed in done:
        line = f"{deployed.model}: {deployed.did}, release {deployed.release}"
        click.echo(f"{line}: {deployed.error}" if deployed.error else line)
    click.echo(f"{len(done)} pins in {environment}")
