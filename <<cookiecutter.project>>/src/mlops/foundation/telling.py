"""The plan in words and as JSON: each stack, each resource, why, what it costs at rest."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.foundation.expressions import full_parameters, in_words, wanted_resources
from mlops.foundation.steps import Act

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from mlops.forge_settings import Repository, Setting
    from mlops.foundation.survey import Planned, Survey
    from mlops.foundation.templates import Idle

SIGNS = {"Add": "+", "Modify": "~", "Remove": "-", "Import": ">", "Dynamic": "?"}


def tell_plan(
    survey: Survey, repository: Repository, settings: Sequence[Setting], region: str
) -> Iterator[str]:
    """The lines of a plan."""
    caller = survey.caller
    yield f"account {caller.account} ({', '.join(survey.duties)}), {region}, as {caller.arn}"
    numbers = (
        f"number {repository.parameters['RepositoryId']}" if "RepositoryId" in repository.parameters else ""
    )
    kind = "private" if repository.is_private else "public"
    yield f"repository {repository.name} ({', '.join(filter(None, [kind, numbers]))})"
    for service in survey.lacking:
        yield f"! botocore knows no {service} in {region}: what needs it will fail there"
    for planned in survey.planned:
        if planned.changes:
            yield ""
            yield from tell_stack(planned)
    yield ""
    kept = [each for each in survey.planned if not each.changes]
    if kept:
        yield f"as they should be: {', '.join(each.stack.name for each in kept)}"
    yield tell_cost(survey.planned)
    yield from tell_settings(repository, settings)


def tell_stack(planned: Planned) -> Iterator[str]:
    """A stack: what happens to it, why, and its resources or changes."""
    facts, step = planned.stack.template.facts, planned.step
    yield f"{step.act} {planned.stack.name}: {facts.because}"
    if step.because:
        yield f"    {step.because}"
    for resource, name in planned.adopted.items():
        yield f"    > {resource}: takes over {name}, which an earlier stack left"
    if planned.change_set:
        for change in planned.change_set.changes:
            sign, replaced = SIGNS.get(change.action, "?"), ", made anew" if change.is_replaced else ""
            yield f"    {sign} {change.resource} ({change.type}{replaced})"
    elif step.act in (Act.CREATE, Act.REPLACE):
        yield from tell_resources(planned)
    if facts.idle and facts.idle.usd_per_month:
        yield f"    {tell_idle(facts.idle)}"


def tell_resources(planned: Planned) -> Iterator[str]:
    """The resources of a stack that is to be created."""
    for resource in wanted_resources(planned.stack, {}):
        if resource.name in planned.adopted:
            continue
        because = in_words(planned.stack, resource.because)
        notes = "; ".join(filter(None, [because, "outlives the stack" if resource.is_kept else ""]))
        yield f"    + {resource.name} ({resource.type}){': ' + notes if notes else ''}"


def tell_idle(idle: Idle) -> str:
    """What a stack costs at rest."""
    return f"at rest about {idle.usd_per_month:g} USD a month ({idle.source})"


def tell_cost(planned: Sequence[Planned]) -> str:
    """What everything costs at rest, in this account."""
    return (
        f"at rest, in this account: about {idle_usd(planned):g} USD a month; jobs and endpoints cost beside"
    )


def idle_usd(planned: Sequence[Planned]) -> float:
    """The sum of the orders of magnitude."""
    known = [each.stack.template.facts.idle for each in planned]
    return sum(idle.usd_per_month for idle in known if idle)


def tell_settings(repository: Repository, settings: Sequence[Setting]) -> Iterator[str]:
    """What will change on the forge."""
    if not settings:
        yield f"settings of {repository.name}: as they should be"
        return
    verb = (
        "will change" if repository.is_admin else "are for an administrator: this token may not change them"
    )
    yield f"settings of {repository.name} {verb}"
    for setting in settings:
        yield f"    ~ {setting.name}: {setting.because}"


def describe(survey: Survey, repository: Repository, settings: Sequence[Setting]) -> dict[str, Any]:
    """The plan for machines."""
    return {
        "account": survey.caller.account,
        "caller": survey.caller.arn,
        "duties": list(survey.duties),
        "repository": {"name": repository.name, "private": repository.is_private, **repository.parameters},
        "lacking": list(survey.lacking),
        "idle_usd_per_month": idle_usd(survey.planned),
        "stacks": [describe_stack(planned) for planned in survey.planned],
        "settings": [describe_setting(repository, setting) for setting in settings],
    }


def describe_stack(planned: Planned) -> dict[str, Any]:
    """A stack for machines."""
    stack, facts = planned.stack, planned.stack.template.facts
    changes = planned.change_set.changes if planned.change_set else ()
    return {
        "name": stack.name,
        "act": str(planned.step.act),
        "why_now": planned.step.because,
        "because": facts.because,
        "template": f"infra/{stack.template.path.name}",
        "parameters": full_parameters(stack, planned.standing.parameters),
        "resources": [
            {
                "name": each.name,
                "type": each.type,
                "because": in_words(stack, each.because),
                "outlives": each.is_kept,
            }
            for each in wanted_resources(stack, planned.standing.parameters)
        ],
        "changes": [vars(change) for change in changes],
        "adopted": dict(planned.adopted),
        "idle": facts.idle.model_dump() if facts.idle else None,
    }


def describe_setting(repository: Repository, setting: Setting) -> dict[str, Any]:
    """A setting for machines."""
    commands = [request.command(repository.name) for request in setting.requests]
    return {"name": setting.name, "because": setting.because, "commands": commands}
