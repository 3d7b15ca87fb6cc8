"""`mlops deploy ENV [MODEL]`: make AWS match the pins of HEAD. Does nothing where they agree.

It trusts no check that ran before: it verifies pin, package, evaluation and the archive's bytes itself. The
alarms stand before the update begins. Killed anywhere, a second run ends in the same state.
"""

from __future__ import annotations

import functools
import json
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import click

from mlops import git
from mlops.alarms import alarm_names, alarm_prefix, list_alarms, make_alarms, prune_alarms
from mlops.approvals import Approved, Move, require_approvals
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
from mlops.evidence import record_approval, record_evidence, record_rollback, was_live
from mlops.forge import open_forge
from mlops.hold import clear_hold, list_holds, put_hold, refuse_held
from mlops.live import describe_all
from mlops.project import ENVIRONMENTS
from mlops.prune import prune
from mlops.retire import bury
from mlops.smoke import smoke
from mlops.soak import list_soaks, record_soak, require_soaked, soak_key
from mlops.target import Target, read_targets
from mlops.verify import verify, verify_archive
from mlops.workspace import open_workspace, read_tombstones_at, require_environment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import date

    from mlops.evidence import Evidence
    from mlops.live import Live
    from mlops.pin import Tombstone
    from mlops.project import Environment, Project
    from mlops.verify import Verified
    from mlops.workspace import Workspace

    Counter = Callable[[Move], Approved]

MOST_SHOWN = 5  # releases in a summary: what a pipeline tells people is no longer than 1,000 characters
PARALLEL = 8  # deployments at once: each holds an archive's stream and polls


@dataclass(frozen=True)
class Deployed:
    """What was done about one pin; `error` is empty when the endpoint serves it."""

    model: str
    release: str
    did: str
    error: str = ""


@dataclass(frozen=True)
class Orders:
    """How to deploy: who counts approvals, whether only to say, what was rolled back again, our patience."""

    count: Counter
    dry_run: bool = False
    retry: bool = False
    wait_minutes: float = WAIT_MINUTES


@dataclass(frozen=True)
class Survey:
    """An environment as it is: endpoints by name, names of alarms, models on hold, soaks; our patience."""

    live: Mapping[str, Live | None]
    alarms: set[str]
    holds: set[str]
    soaks: set[str]
    wait_minutes: float = WAIT_MINUTES


@click.command("deploy")
@click.argument("environment", type=click.Choice(ENVIRONMENTS))
@click.argument("model", required=False)
@click.option("--dry-run", is_flag=True, help="Say what would be done; change nothing.")
@click.option("--json", "as_json", is_flag=True, help="What was done, as JSON.")
@click.option("--summary", is_flag=True, help="Only say in one line which releases would be deployed.")
@click.option(
    "--confirmed-in", metavar="EXECUTION", help="Deploy only what people confirmed there (approve)."
)
@click.option("--retry", is_flag=True, help="Try again what an alarm has rolled back.")
@click.option(
    "--wait-minutes",
    type=click.FloatRange(min=0),
    default=WAIT_MINUTES,
    show_default=True,
    help="How long to wait for an endpoint; another run waits on.",
)
def command(
    environment: str,
    model: str | None,
    dry_run: bool,
    as_json: bool,
    summary: bool,
    confirmed_in: str | None,
    retry: bool,
    wait_minutes: float,
) -> int:
    """Make AWS match the pins of ENVIRONMENT at HEAD; with MODEL, only that one."""
    workspace = open_workspace()
    aws = Aws(workspace.project.region)
    where = require_environment(environment)
    targets = read_targets(workspace.root, workspace.project, where, model)
    plan = Orders(open_counter(workspace), dry_run or summary, retry, wait_minutes)
    confirmed = ask_confirmation(workspace.project, where, plan.count, confirmed_in)
    done = deploy(aws, targets, replace(plan, count=confirmed))
    if summary:
        click.echo(summarise(done))
        return 0
    if not model and not dry_run:  # what is retired deploys no release that anybody could confirm
        done += bury_retired(workspace, aws, where, plan)
    say(done, where, as_json)
    return 1 if any(deployed.error for deployed in done) else 0


def open_counter(workspace: Workspace) -> Counter:
    """Counts approvals on the project's forge; connects to it only when something is to be approved.

    One count at a time: they share what the forge said of commits, and its client is not made for threads.
    """
    required, turn = workspace.project.approvals, threading.Lock()
    connect = functools.cache(lambda: open_forge(workspace.project))

    def count(move: Move) -> Approved:
        with turn:
            return require_approvals(connect(), workspace.root, move, getattr(required, move.environment))

    return count


def ask_confirmation(
    project: Project, environment: Environment, count: Counter, execution: str | None
) -> Counter:
    """Count approvals only of what people confirmed in a pipeline's execution, where there is one."""
    from mlops import codebuild_job
    from mlops.confirmation import find_confirmation, pipeline_name, require_confirmation

    if not execution:
        return count
    pipeline = pipeline_name(project, environment)
    client = codebuild_job.client(project.region, "codepipeline")
    found = find_confirmation(client, pipeline, execution)
    return require_confirmation(count, found)


def deploy(aws: Aws, targets: list[Target], orders: Orders) -> list[Deployed]:
    """Deploy each target; one that fails leaves the others to go on."""
    if not targets:
        return []
    survey = replace(take_survey(aws, targets), wait_minutes=orders.wait_minutes)
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(lambda target: deploy_one(aws, target, survey, orders), targets))


def bury_retired(workspace: Workspace, aws: Aws, environment: Environment, orders: Orders) -> list[Deployed]:
    """Take away the endpoints whose tombstones say that they have drained."""
    commit, today = git.head_commit(workspace.root), datetime.now(UTC).date()
    tombs = read_tombstones_at(workspace.root, commit, environment)
    return [bury_one(workspace.project, aws, environment, tomb, today, orders) for tomb in tombs]


def bury_one(
    project: Project, aws: Aws, environment: Environment, tomb: Tombstone, today: date, orders: Orders
) -> Deployed:
    """Take one retired endpoint away, when people approved that; a failure becomes part of the answer."""

    def approve() -> None:
        move = Move(environment, tomb.model, tomb.last_release)
        record_evidence(aws.s3, project, move, orders.count(move))

    return attempt(
        tomb.model, tomb.last_release, "retire", lambda: bury(aws, project, environment, tomb, today, approve)
    )


def attempt(model: str, release: str, act: str, carry: Callable[[], str | None]) -> Deployed:
    """Do something about one model; what it says it did, or why it could not."""
    try:
        return Deployed(model, release, carry() or act)
    except Exception as error:
        reason = str(error) if isinstance(error, MlopsError) else describe_failure(error)
        if reason is None:
            raise
        return Deployed(model, release, act, reason)


def take_survey(aws: Aws, targets: list[Target]) -> Survey:
    """Read the environment of the targets: one describe an endpoint, one listing of all else."""
    project, environment = targets[0].project, targets[0].environment
    live = describe_all(aws.sagemaker, [target.endpoint for target in targets])
    alarms = list_alarms(aws.cloudwatch, project.endpoint(environment, ""))
    soaks = list_soaks(aws.s3, project, environment) if environment == "staging" else set()
    return Survey(live, alarms, list_holds(aws.s3, project, environment), soaks)


def deploy_one(aws: Aws, target: Target, survey: Survey, orders: Orders) -> Deployed:
    """Bring one endpoint to its pin; a failure becomes part of the answer."""
    act, pin = decide(survey.live[target.endpoint], target.config), target.pin
    if orders.dry_run:
        return Deployed(pin.model, pin.release, foresee(act, pin.model in survey.holds and not orders.retry))
    return attempt(pin.model, pin.release, act, lambda: carry_out(aws, target, act, survey, orders))


def foresee(act: Act, is_held: bool) -> str:
    """What a run would do; a pin that an endpoint on hold serves already ratifies what moved it."""
    if is_held:
        return "would ratify" if act == "nothing" else "held"
    return act if act == "nothing" else f"would {act}"


def decide(live: Live | None, wanted: str) -> Act:
    """What an endpoint's state calls for."""
    if live is None:
        return "create"
    if live.is_moving:
        return "wait"
    if live.status == "Failed":
        return "replace"  # SageMaker takes no update of an endpoint whose creation failed
    return "nothing" if live.config == wanted else "update"


def carry_out(aws: Aws, target: Target, act: Act, survey: Survey, orders: Orders) -> None:
    """Do what the state calls for, and what a run that was killed left undone."""
    live = survey.live[target.endpoint]
    if act == "wait":
        live = await_rest(aws.sagemaker, target, survey.wait_minutes)
        act = decide(live, target.config)
    if act == "nothing":
        settle(aws, target, survey, live, orders)
        return
    if target.pin.model in survey.holds and not orders.retry:
        refuse_held(aws.s3, target)
    refuse_foreign(aws.sagemaker, target.project, live)
    verified = verify(aws, target)
    evidence = approve(aws, target, verified, orders)
    ensure_model(aws.sagemaker, target)
    ensure_config(aws.sagemaker, target)
    alarms = make_alarms(aws, target, verified)
    move_endpoint(aws.sagemaker, target, act, alarms, survey.wait_minutes)
    live = await_rest(aws.sagemaker, target, survey.wait_minutes)
    hold_rolled_back(aws, target, live, evidence)
    confirm(live, target)
    # CreateModel names no version: what was read must be what was verified
    verify_archive(aws.s3, target.pin)
    conclude(aws, target, verified)
    settle(aws, target, survey, live, orders)


def approve(aws: Aws, target: Target, verified: Verified, orders: Orders) -> Evidence:
    """Count the approvals, and write them down where nobody can change them, before anything else changes."""
    move = Move(
        target.environment, target.pin.model, target.pin.release, target.pin.artifact.commit, target.config
    )
    approved = orders.count(move)
    if target.environment == "prod" and not was_live(aws.s3, target, approved.earlier):
        require_soaked(aws.s3, target)
    evidence = record_evidence(aws.s3, target.project, move, approved)
    record_approval(aws.sagemaker, target, evidence, verified.package)
    return evidence


def hold_rolled_back(aws: Aws, target: Target, live: Live | None, evidence: Evidence) -> None:
    """Hold an endpoint that SageMaker has taken back, or the next run would try the same release again."""
    if live is None or live.status != "InService" or live.config == target.config or not live.reason:
        return
    if "capacity" in live.reason.lower():  # AWS had no instance to give: the next run may find one
        return
    why = f"config {target.config!r} was rolled back: {' '.join(live.reason.split())}"
    put_hold(aws.s3, target, why, live.config, failed=target.config)
    record_rollback(aws.s3, target, evidence, live)
    # a config that is there was live: it is what a rollback by hand may go back to
    aws.sagemaker.delete_endpoint_config(EndpointConfigName=target.config)


def conclude(aws: Aws, target: Target, verified: Verified) -> None:
    """Ask the endpoint once, then take away what it no longer needs."""
    smoke(aws, target, verified.evaluation)
    prune(aws.sagemaker, target)
    prune_alarms(aws.cloudwatch, target)


def settle(aws: Aws, target: Target, survey: Survey, live: Live | None, orders: Orders) -> None:
    """Complete an endpoint that serves its pin: its alarms, and what a run that was killed left undone.

    A pin that ratifies what a hand or an alarm did is approved like any other before its hold goes.
    Alarms of an earlier config are the last thing that a deployment takes away: where there are any, it did
    not come to its end.
    """
    own = {name for name in survey.alarms if name.startswith(alarm_prefix(target.endpoint))}
    if not own.issuperset(alarm_names(target)[:2]):  # the other two only where there are scores
        make_alarms(aws, target, verify(aws, target))
    if own.difference(alarm_names(target)):
        conclude(aws, target, verify(aws, target))
    if target.pin.model in survey.holds:
        approve(aws, target, verify(aws, target), orders)
        clear_hold(aws.s3, target)
    key = soak_key(target.environment, target.pin.model, target.pin.release_hex)
    if target.environment == "staging" and key not in survey.soaks:
        record_soak(aws, target, live, alarm_names(target))


def summarise(done: list[Deployed]) -> str:
    """The releases that would be deployed, as `mlops approve` confirms them; or `nothing`."""
    moves = [f"{deployed.model} {deployed.release}" for deployed in done if deployed.did.startswith("would ")]
    shown = moves[:MOST_SHOWN]
    left = [f"and {len(moves) - len(shown)} more"] if len(moves) > len(shown) else []
    return "; ".join([*shown, *left]) or "nothing"


def say(done: list[Deployed], environment: str, as_json: bool) -> None:
    """A line each, or JSON."""
    if as_json:
        click.echo(json.dumps([asdict(deployed) for deployed in done], indent=1))
        return
    for deployed in done:
        line = f"{deployed.model}: {deployed.did}, release {deployed.release}"
        click.echo(f"{line}: {deployed.error}" if deployed.error else line)
    click.echo(f"{len(done)} pins in {environment}")
