"""The stacks that a project wants: which template, in which account, with which parameters, in order."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlops.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from mlops.foundation.templates import Parameter, Template
    from mlops.network import Network
    from mlops.project import Project

DUTIES = ("training", "staging", "prod")
# of these an account has one, whichever stack makes it: `create` in that one, `exists` in the others
SHARED = ("OidcProvider", "JobLogs")
# given by project.yml, by the forge or by what is in the account: not for `--set`
REPOSITORY = frozenset({"Owner", "OwnerId", "Repository", "RepositoryId"})
ACCOUNTS = frozenset({"TrainingAccount", "StagingAccount", "ProdAccount"})
FIXED = REPOSITORY | ACCOUNTS | {"Project", "Duty", "Forge", "Ci", "Vpc"}


@dataclass(frozen=True)
class Stack:
    """One template, applied once. `parameters` are those given; the rest keep their values or defaults."""

    name: str
    template: Template
    project: str
    account: str
    region: str
    duty: str
    parameters: Mapping[str, str]

    @property
    def tags(self) -> dict[str, str]:
        """On the stack and, as far as a type has tags, on each of its resources."""
        return {"project": self.project, "managed-by": "mlops"}


def plan_stacks(
    templates: Sequence[Template],
    project: Project,
    repository: Mapping[str, str],
    wanted: Collection[str] = (),
    settings: Mapping[str, str] | None = None,
    makers: Mapping[tuple[str, str], str] | None = None,
) -> tuple[Stack, ...]:
    """All stacks of all accounts, in order, training's account first within one template.

    `repository` has Owner, OwnerId, Repository, RepositoryId as the forge says; `wanted` names optional
    templates by their stems; `makers` says by account and parameter which stack makes what an account has
    once ("": none of these; what is not named: the first).
    """
    settings = settings or {}
    chosen = choose(templates, project, wanted)
    refuse_settings(chosen, settings)
    taken = {**(makers or {})}
    stacks = []
    for template in chosen:
        for duty in duties_of(template, project):
            account = getattr(project.accounts, duty)
            name = stack_name(project, template, duty)
            shared = {
                key: "create" if taken.setdefault((account, key), name) == name else "exists"
                for key in SHARED
                if key in template.parameters
            }
            known = {
                "Project": project.project,
                "Forge": project.forge,
                "Ci": project.ci,
                "Duty": duty,
                "Vpc": vpc_of(project, duty),
                **{f"{each.title()}Account": getattr(project.accounts, each) for each in DUTIES},
                **repository,
                **shared,
                **settings,
            }
            given = {key: known[key] for key in template.parameters if key in known}
            refuse_missing(template, given)
            stacks.append(Stack(name, template, project.project, account, project.region, duty, given))
    return tuple(stacks)


def vpc_of(project: Project, duty: str) -> str:
    """The VPC that a duty's jobs or endpoints run in; empty where that is SageMaker's own."""
    network: Network | None = getattr(project.network, duty)
    return network.vpc if network else ""


def choose(templates: Sequence[Template], project: Project, wanted: Collection[str]) -> list[Template]:
    """The templates for the project's forge and engine; optional ones where they are asked for."""
    refuse_unknown(templates, project, wanted)
    fitting = [template for template in templates if fits(template, project)]
    return [each for each in fitting if not each.facts.optional or each.stem in wanted]


def refuse_unknown(templates: Sequence[Template], project: Project, wanted: Collection[str]) -> None:
    """Raise for an optional template that is none."""
    optional = {each.stem for each in templates if each.facts.optional and fits(each, project)}
    unknown = sorted(set(wanted) - optional)
    if unknown:
        allowed = ", ".join(sorted(optional)) or "none; this project has no optional template"
        raise UsageError(f"--with {unknown[0]!r} is no optional template of infra/; allowed: {allowed}")


def fits(template: Template, project: Project) -> bool:
    """Whether a template is for the project's forge and engine."""
    return template.facts.forge in (None, project.forge) and template.facts.ci in (None, project.ci)


def duties_of(template: Template, project: Project) -> tuple[str, ...]:
    """The duties that a template is applied for; where it asks, only the first of an account."""
    if template.facts.applied_to == "training":
        return ("training",)
    if template.facts.applied_to == "every duty":
        return DUTIES
    first = {getattr(project.accounts, duty): duty for duty in reversed(DUTIES)}
    return tuple(duty for duty in DUTIES if first[getattr(project.accounts, duty)] == duty)


def stack_name(project: Project, template: Template, duty: str) -> str:
    """`<project>-<concern>`, and the duty where there is one stack for each."""
    parts = [project.project, template.stem]
    return "-".join(parts if template.facts.applied_to == "training" else [*parts, duty])


def stacks_of(stacks: Iterable[Stack], duty: str, account: str) -> list[Stack]:
    """The stacks that a duty needs in its account: its own, and those that the account has once."""
    return [
        stack
        for stack in stacks
        if stack.account == account
        and (stack.duty == duty or stack.template.facts.applied_to == "every account")
    ]


def refuse_settings(templates: Sequence[Template], settings: Mapping[str, str]) -> None:
    """Raise for a parameter that is not there to be set, or a value that its template does not allow."""
    settable = {name for each in templates for name in each.parameters} - FIXED
    for name, value in settings.items():
        if name in FIXED:
            raise UsageError(f"--set {name}: it comes from project.yml and the forge; change it there")
        if name not in settable:
            raise UsageError(
                f"--set {name!r} is no parameter of infra/; allowed: {', '.join(sorted(settable))}"
            )
        for template in templates:
            if name in template.parameters:
                refuse_value(template, template.parameters[name], value)


def refuse_missing(template: Template, given: Mapping[str, str]) -> None:
    """Raise for a parameter that nobody gives a value; check those that are given."""
    for name, parameter in template.parameters.items():
        if name in given:
            refuse_value(template, parameter, given[name])
        elif parameter.default is None:
            raise UsageError(
                f"infra/{template.path.name}: parameter {name} has no default and no value "
                f"({parameter.description}). Give one: mlops bootstrap --set {name}=…"
            )


def refuse_value(template: Template, parameter: Parameter, value: str) -> None:
    """Raise for a value that CloudFormation would refuse, before anything is made."""
    wrong = describe_wrong(parameter.rules, value)
    if wrong:
        raise UsageError(f"infra/{template.path.name}: {parameter.name} is {value!r}; allowed: {wrong}")


def describe_wrong(rules: Mapping[str, object], value: str) -> str:
    """What a parameter allows instead of a value; empty where the value is allowed."""
    allowed, pattern = rules.get("AllowedValues"), rules.get("AllowedPattern")
    if isinstance(allowed, list) and value not in map(str, allowed):
        return ", ".join(map(str, allowed))
    if isinstance(pattern, str) and not re.fullmatch(pattern, value):
        return f"what matches {pattern}"
    if rules.get("Type") == "Number":
        return describe_wrong_number(rules, value)
    return ""


def describe_wrong_number(rules: Mapping[str, object], value: str) -> str:
    """As `describe_wrong`, for a Number."""
    least, most = float(str(rules.get("MinValue", "-inf"))), float(str(rules.get("MaxValue", "inf")))
    try:
        fits = least <= float(value) <= most
    except ValueError:
        fits = False
    return "" if fits else f"a number from {least:g} to {most:g}"
