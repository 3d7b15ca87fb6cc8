"""`mlops propose [MODEL --to ENV]`: open the pull requests that are missing; without argument, all of them.

Level, not edge: it compares the registry, the soaks and the holds with the pins of HEAD, so that an event
that was lost or came twice changes nothing. One open pull request per model and environment. A run over
everything tells CloudWatch how long those that are open have waited for people.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import click

from mlops import git
from mlops.aws import Aws, describe_failure
from mlops.errors import MlopsError, UsageError
from mlops.forge import open_forge
from mlops.hold import list_holds, read_hold
from mlops.packages import newest_package
from mlops.pin import Origin, Pin, dump_pin, make_pin
from mlops.project import ENVIRONMENTS
from mlops.promotion import describe_pin
from mlops.pulls import publish
from mlops.release import read_package
from mlops.rollback import read_history, restored_pin
from mlops.soak import has_soaked
from mlops.spec import read_spec
from mlops.waits import tell_waits
from mlops.workspace import list_models, open_workspace, read_pins_at, require_environment, require_model

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient

    from mlops.project import Environment
    from mlops.proposal import Kind
    from mlops.serving import Serving
    from mlops.workspace import Workspace


@dataclass(frozen=True)
class Wanted:
    """A pin that git should hold; `pin` is None when nothing is missing, and `why` says why."""

    environment: Environment
    model: str
    pin: Pin | None
    why: str = ""
    kind: Kind = "promote"


@dataclass(frozen=True)
class Proposed:
    """What was done about one model in one environment; `error` is empty unless it failed."""

    environment: str
    model: str
    did: str
    error: str = ""


@click.command("propose")
@click.argument("model", required=False)
@click.option("--to", "environment", type=click.Choice(ENVIRONMENTS), help="Where; by default everywhere.")
@click.option("--serving", is_flag=True, help="The same release, served as model.yml says now.")
@click.option("--dry-run", is_flag=True, help="Print the pin (of a model) or what is missing; open nothing.")
@click.option("--json", "as_json", is_flag=True, help="What was done, as JSON.")
def command(
    model: str | None, environment: str | None, serving: bool, dry_run: bool, as_json: bool
) -> int | None:
    """Open the pull requests that would promote what is ready; with MODEL, that model's."""
    workspace = open_workspace()
    aws = Aws(workspace.project.region)
    if model:
        require_model(workspace.root, model)
    if serving and not (model and environment):
        raise UsageError("--serving changes one pin; say which: mlops propose MODEL --to ENV --serving")
    environments = [require_environment(environment)] if environment else ENVIRONMENTS
    models = [model] if model else list_models(workspace.root)
    if model and environment and dry_run:
        click.echo(dump_pin(require_pin(find_wanted(workspace, aws, environments[0], model, serving, True))))
        return None
    found = [
        propose_one(workspace, aws, where, name, serving, asked=bool(model), dry_run=dry_run)
        for name in models
        for where in environments
    ]
    report(found, as_json)
    told = bool(model or environment or dry_run) or tell(workspace, aws)
    return 0 if told and not any(proposed.error for proposed in found) else 1


def tell(workspace: Workspace, aws: Aws) -> bool:
    """Say how long reviews wait, to people and to the alarm; False where that failed, for whatever reason."""
    try:
        for wait in tell_waits(open_forge(workspace.project), aws, workspace.project):
            click.echo(wait, err=True)
    except Exception as error:
        reason = describe_expected(error)
        if reason is None:
            raise
        click.echo(f"no alarm hears how long pull requests wait: {reason}", err=True)
        return False
    return True


def describe_expected(error: Exception) -> str | None:
    """One line for what may go wrong; None for a defect."""
    return str(error) if isinstance(error, MlopsError) else describe_failure(error)


def report(found: list[Proposed], as_json: bool) -> None:
    """A line each, or JSON."""
    if as_json:
        click.echo(json.dumps([asdict(proposed) for proposed in found], indent=1))
        return
    for proposed in found:
        click.echo(f"{proposed.model} to {proposed.environment}: {proposed.error or proposed.did}")


def propose_one(
    workspace: Workspace,
    aws: Aws,
    environment: Environment,
    model: str,
    serving: bool,
    asked: bool,
    dry_run: bool,
) -> Proposed:
    """Propose one model in one environment; a failure leaves the others to go on."""
    try:
        wanted = find_wanted(workspace, aws, environment, model, serving, asked)
        if wanted.pin is None:
            return Proposed(environment, model, wanted.why)
        if dry_run:
            return Proposed(environment, model, f"would {wanted.kind} to release {wanted.pin.release}")
        change = describe_pin(workspace, aws, environment, wanted.pin, wanted.kind)
        return Proposed(environment, model, publish(open_forge(workspace.project), change, asked))
    except Exception as error:
        reason = describe_expected(error)
        if reason is None:
            raise
        return Proposed(environment, model, "failed", reason)


def require_pin(wanted: Wanted) -> Pin:
    """The pin that was asked for. Raises with the reason why there is none."""
    if wanted.pin is None:
        raise MlopsError(f"{wanted.model} to {wanted.environment}: {wanted.why}")
    return wanted.pin


def find_wanted(
    workspace: Workspace, aws: Aws, environment: Environment, model: str, serving: bool, asked: bool
) -> Wanted:
    """What git should pin: the release before if an alarm rolled back, else the next that is ready."""
    commit = git.head_commit(workspace.root)
    pins = read_pins_at(workspace.root, commit, environment, model)
    pinned = pins[0] if pins else None
    if pinned and model in list_holds(aws.s3, workspace.project, environment):
        return wanted_after_hold(workspace, aws, environment, pinned)
    served = resolve_serving(workspace, environment, model)
    if serving:
        if pinned is None:
            raise MlopsError(f"{model}: nothing is pinned in {environment}; promote a release there first")
        pin = make_pin(model, pinned.artifact, served, pinned.promoted_from)
        why = "is served as model.yml and project.yml say" if pin == pinned else ""
        return Wanted(environment, model, None if why else pin, why, "serving")
    if environment == "prod":
        wanted = wanted_in_prod(workspace, aws, model, commit)
    else:
        wanted = wanted_in_staging(workspace, aws.sagemaker, model)
    return refuse_old(workspace, wanted, pinned, asked)


def resolve_serving(workspace: Workspace, environment: Environment, model: str) -> Serving:
    """How model.yml and project.yml have a model served in an environment."""
    return read_spec(workspace.root, model).serve.resolve(environment, workspace.project.network)


def wanted_after_hold(workspace: Workspace, aws: Aws, environment: Environment, pinned: Pin) -> Wanted:
    """The pin of what is live since a hand or an alarm took the pinned release back."""
    hold = read_hold(aws.s3, workspace.project, environment, pinned.model)
    pin = restored_pin(workspace, environment, pinned.model, hold.live)
    if pin is None or pin.config_hex == pinned.config_hex:
        return Wanted(environment, pinned.model, None, f"is held: {hold.why}")
    return Wanted(environment, pinned.model, pin, hold.why, "rollback")


def wanted_in_staging(workspace: Workspace, sagemaker: SageMakerClient, model: str) -> Wanted:
    """Staging takes the newest package that nobody rejected."""
    package = newest_package(sagemaker, workspace.project.group(model))
    if package is None:
        why = f"no release is registered. Train one: mlops train {model} --wait"
        return Wanted("staging", model, None, why)
    serving = resolve_serving(workspace, "staging", model)
    return Wanted("staging", model, make_pin(model, read_package(package), serving))


def wanted_in_prod(workspace: Workspace, aws: Aws, model: str, commit: str) -> Wanted:
    """Prod takes what staging pins, byte for byte, once it has soaked there."""
    pins = read_pins_at(workspace.root, commit, "staging", model)
    if not pins:
        why = f"nothing is pinned in staging. Promote it there first: mlops propose {model} --to staging"
        return Wanted("prod", model, None, why)
    if not has_soaked(aws.s3, workspace.project, pins[0]):
        minutes = pins[0].serving.soak_minutes
        why = f"release {pins[0].release_hex[:12]} has not soaked in staging for {minutes} minutes yet"
        return Wanted("prod", model, None, why)
    serving = resolve_serving(workspace, "prod", model)
    origin = Origin(environment="staging", commit=commit)
    return Wanted("prod", model, make_pin(model, pins[0].artifact, serving, origin))


def refuse_old(workspace: Workspace, wanted: Wanted, pinned: Pin | None, asked: bool) -> Wanted:
    """Nothing is missing when the release is pinned, or was and git went back from it."""
    pin = wanted.pin
    if pin is None:
        return wanted
    if pinned and pinned.release == pin.release:
        return Wanted(wanted.environment, wanted.model, None, f"release {pin.release_hex[:12]} is pinned")
    past = read_history(workspace.root, wanted.environment, wanted.model)
    if not asked and any(earlier.release == pin.release for earlier in past):
        why = f"release {pin.release_hex[:12]} was pinned before and git went back from it"
        return Wanted(wanted.environment, wanted.model, None, why)
    return wanted
