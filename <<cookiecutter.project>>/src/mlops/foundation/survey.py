"""What there is and what is missing, in the account that one is signed in to: read, decided, not changed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from mlops.errors import AwsError
from mlops.foundation import account as accounts
from mlops.foundation.adoption import names_of
from mlops.foundation.expressions import wanted_resources
from mlops.foundation.leftovers import BUCKET, read_leftovers, wants
from mlops.foundation.stacks import (
    SHARED,
    Stack,
    duties_of,
    fits,
    plan_stacks,
    refuse_unknown,
    stack_name,
    stacks_of,
)
from mlops.foundation.steps import Act, Standing, Step, decide, find_maker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from mlops.aws import Aws
    from mlops.foundation.account import Caller
    from mlops.foundation.changesets import ChangeSet, Cloud
    from mlops.foundation.templates import Template
    from mlops.project import Project

READERS = 8  # stacks that are read beside each other


@dataclass(frozen=True)
class Planned:
    """One stack with what has to happen to it."""

    stack: Stack
    standing: Standing
    step: Step
    change_set: ChangeSet | None = None
    adopted: Mapping[str, str] = field(default_factory=dict)

    @property
    def changes(self) -> bool:
        """Whether anything has to happen."""
        return self.step.act is not Act.KEEP


@dataclass(frozen=True)
class Survey:
    """All that bootstrap needs to know of AWS before it asks."""

    caller: Caller
    duties: tuple[str, ...]
    planned: tuple[Planned, ...]
    lacking: tuple[str, ...]  # services that the region may not have


@dataclass(frozen=True)
class Request:
    """What was asked for on the command line."""

    project: Project
    templates: Sequence[Template]
    repository: Mapping[str, str]
    duty: str | None = None
    wanted: tuple[str, ...] = ()
    settings: Mapping[str, str] = field(default_factory=dict)


def survey(aws: Aws, cloud: Cloud, request: Request, is_patient: bool) -> Survey:
    """Read what there is and decide. A patient one waits for stacks that somebody is working on."""
    caller = accounts.read_caller(aws)
    duties = accounts.choose_duties(request.project, caller, request.duty)
    refuse_unknown(request.templates, request.project, request.wanted)
    names = names_here(request, caller.account, duties)
    standings = read_standings(cloud, (name for _, name in names))
    everywhere = plan_all(aws, request, caller, names, standings)
    refuse_before_training(aws, request.project, caller, everywhere)
    here = {stack.name for duty in duties for stack in stacks_of(everywhere, duty, caller.account)}
    stacks = [stack for stack in everywhere if stack.name in here]
    if is_patient:
        standings = {**standings, **wait(cloud, stacks, standings)}
    planned = [
        Planned(stack, standings[stack.name], decide(stack, standings[stack.name])) for stack in stacks
    ]
    planned = find_leftovers(aws, request.project, planned)
    types = {each.type for stack in stacks for each in wanted_resources(stack, {})}
    return Survey(caller, duties, tuple(prepare(cloud, planned)), tuple(accounts.lacking(aws, types)))


def refuse_before_training(aws: Aws, project: Project, caller: Caller, stacks: Sequence[Stack]) -> None:
    """Raise in another account while training's lacks buckets: trails and roles here point at them."""
    home = project.accounts.training
    if caller.account == home:
        return
    wanted = [name for each in stacks if each.account == home for name in names_of(each, BUCKET).values()]
    missing = [name for name in wanted if not accounts.is_taken(aws.s3, name)]
    if missing:
        raise AwsError(
            f"account {home} (training) has no bucket {', '.join(missing)} yet, and what is made here in "
            f"{caller.account} points at it. Begin there: mlops bootstrap training"
        )


def names_here(request: Request, account: str, duties: Sequence[str]) -> list[tuple[Template, str]]:
    """The stacks that duties may have in this account, optional ones too: template and name."""
    found = []
    for template in request.templates:
        for duty in duties_of(template, request.project) if fits(template, request.project) else ():
            once = template.facts.applied_to == "every account"
            if getattr(request.project.accounts, duty) == account and (once or duty in duties):
                found.append((template, stack_name(request.project, template, duty)))
    return found


def read_standings(cloud: Cloud, names: Iterable[str]) -> dict[str, Standing]:
    """How stacks are, read beside each other."""
    listed = list(names)
    with ThreadPoolExecutor(READERS) as pool:
        return dict(zip(listed, pool.map(cloud.standing, listed), strict=True))


def plan_all(
    aws: Aws,
    request: Request,
    caller: Caller,
    names: Sequence[tuple[Template, str]],
    standings: Mapping[str, Standing],
) -> tuple[Stack, ...]:
    """The stacks of all accounts: an optional one also when it is here already."""
    kept = {template.stem for template, name in names if template.facts.optional and standings[name].is_made}
    checks: dict[str, Callable[[], bool]] = {
        "OidcProvider": lambda: accounts.has_provider(accounts.client(aws, "iam")),
        "JobLogs": lambda: accounts.has_job_logs(aws.logs),
    }
    makers = {}
    for parameter in SHARED:
        asked = [name for template, name in names if parameter in template.parameters]
        if asked:
            makers[caller.account, parameter] = find_maker(parameter, asked, standings, checks[parameter]())
    return plan_stacks(
        request.templates,
        request.project,
        request.repository,
        {*request.wanted, *kept},
        request.settings,
        makers,
    )


def wait(cloud: Cloud, stacks: Sequence[Stack], standings: Mapping[str, Standing]) -> dict[str, Standing]:
    """Let stacks that are being worked on come to rest; those, read again."""
    busy = [stack for stack in stacks if decide(stack, standings[stack.name]).act is Act.WAIT]
    for stack in busy:
        cloud.settle(stack)
    return read_standings(cloud, (stack.name for stack in busy))


def find_leftovers(aws: Aws, project: Project, planned: Sequence[Planned]) -> list[Planned]:
    """Adopt what is ours already; raise for buckets that another account has."""
    new = [each.stack for each in planned if is_new(each)]
    found = read_leftovers(aws, project.project, new)
    accounts.refuse_taken(aws.s3, sorted(wants(new, BUCKET) - found.buckets), project)
    return [replace(each, adopted=found.adopted(each.stack)) if is_new(each) else each for each in planned]


def is_new(planned: Planned) -> bool:
    """Whether a stack will be created from nothing."""
    return planned.step.act in (Act.CREATE, Act.REPLACE)


def prepare(cloud: Cloud, planned: Sequence[Planned]) -> list[Planned]:
    """Have CloudFormation work out the changes of stacks that are there."""
    return [prepare_update(cloud, each) if each.step.act is Act.UPDATE else each for each in planned]


def prepare_update(cloud: Cloud, planned: Planned) -> Planned:
    """The changes of one stack; where CloudFormation sees none, it is as it should be."""
    stack, standing = planned.stack, planned.standing
    prepared = cloud.prepare(stack, "UPDATE", standing.parameters)
    if prepared is None:
        return replace(planned, step=Step(Act.KEEP, f"no resource changes ({planned.step.because})"))
    return replace(planned, change_set=prepared)
