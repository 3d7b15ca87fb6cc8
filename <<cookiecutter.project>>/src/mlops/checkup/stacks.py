"""The stacks of infra/: there, in a good state, and what main says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.checkup.finding import Check, Trouble, UnreadError
from mlops.checkup.reviewed import read_reviewed
from mlops.foundation.stacks import SHARED
from mlops.foundation.templates import FOLDER, parse_template, without_prose

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from mlops.checkup.site import Site
    from mlops.foundation import Stack, Template

GOOD = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
FROM_FORGE = ("OwnerId", "RepositoryId")


@dataclass(frozen=True)
class Found:
    """A stack as it is wanted, and as CloudFormation has it; None where it has none."""

    stack: Stack
    there: Mapping[str, Any] | None


def read_stacks(site: Site) -> Iterator[tuple[str, Found]]:
    """Every stack that is wanted here."""
    for stack in site.stacks:
        answer = site.reads.aws("cloudformation", "describe_stacks", StackName=stack.name)
        yield stack.name, Found(stack, answer["Stacks"][0] if answer and answer["Stacks"] else None)


def present(site: Site) -> Iterator[tuple[str, Found]]:
    """Those that are there: a missing one is said once, by the first check."""
    for name, found in read_stacks(site):
        if found.there is not None:
            yield name, found


def judge_presence(found: Found) -> Trouble | None:
    """CloudFormation has it."""
    if found.there is not None:
        return None
    return Trouble("is missing", f"mlops bootstrap {found.stack.duty}")


def judge_state(found: Found) -> Trouble | None:
    """Its last change came to its end."""
    status = (found.there or {})["StackStatus"]
    if status in GOOD:
        return None
    reason = (found.there or {}).get("StackStatusReason")
    return Trouble(f"is {status}" + (f": {reason}" if reason else ""), f"mlops bootstrap {found.stack.duty}")


@dataclass(frozen=True)
class Body:
    """What a stack was made from, or the work tree holds; `wanted` is None where main has no such file."""

    wanted: Template | None
    there: Any
    main: str
    file: str
    duty: str = ""

    @property
    def parts(self) -> str:
        """What differs; empty where nothing does but how it is laid out."""
        if self.wanted is None or self.there in (self.wanted.text, self.wanted.body):
            return ""
        there = parse_template(self.there) if isinstance(self.there, str) else self.there
        found = without_prose(there) if isinstance(there, dict) else {}
        return differing(found, without_prose(self.wanted.document))


def read_bodies(site: Site) -> Iterator[tuple[str, Body]]:
    """What CloudFormation made each stack from."""
    reviewed = read_reviewed(site)
    for name, found in present(site):
        answer = site.reads.aws("cloudformation", "get_template", StackName=name, TemplateStage="Original")
        template = found.stack.template
        wanted = reviewed.templates.get(template.stem)
        yield (
            name,
            Body(wanted, answer["TemplateBody"], reviewed.name, file_of(template), found.stack.duty),
        )


def judge_body(body: Body) -> Trouble | None:
    """It is the template that main has."""
    if body.wanted is None:
        return Trouble(f"was made from {body.file}, which {body.main} lacks", f"propose {body.file} to main")
    if not body.parts:
        return None
    remedy = f"git switch main && git pull && mlops bootstrap {body.duty}"
    return Trouble(f"differs from {body.file} of {body.main}: {body.parts}", remedy)


def read_copies(site: Site) -> Iterator[tuple[str, Body]]:
    """The templates of the work tree, which `mlops bootstrap` would apply."""
    reviewed = read_reviewed(site)
    for template in site.templates:
        file = file_of(template)
        yield file, Body(reviewed.templates.get(template.stem), template.text, reviewed.name, file)


def judge_copy(body: Body) -> Trouble | None:
    """They are those of main."""
    if body.wanted is not None and not body.parts:
        return None
    said = f"differs from that of {body.main}: {body.parts}" if body.wanted else f"{body.main} lacks it"
    return Trouble(said, f"propose {body.file} to main before mlops bootstrap applies it")


def file_of(template: Template) -> str:
    """A template's path in the project."""
    return f"{FOLDER}/{template.path.name}"


def differing(there: Mapping[str, Any], here: Mapping[str, Any]) -> str:
    """Which resources or sections of two templates are not the same."""
    old, new = there.get("Resources") or {}, here.get("Resources") or {}
    names = [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]
    sections = [name for name in sorted({*there, *here} - {"Resources"}) if there.get(name) != here.get(name)]
    return ", ".join([*names, *sections])


def read_parameters(site: Site) -> Iterator[tuple[str, Any]]:
    """The parameters of each stack, and those that project.yml and the forge give it now."""
    for name, found in present(site):
        there = {
            each["ParameterKey"]: each.get("ParameterValue", "")
            for each in (found.there or {}).get("Parameters", [])
        }
        wanted = {key: value for key, value in found.stack.parameters.items() if key not in SHARED}
        try:
            known = site.repository if set(FROM_FORGE) & set(wanted) else {}
        except UnreadError as reason:
            yield name, UnreadError(f"its owner's and repository's numbers: {reason}")
            continue
        wanted |= {key: known[key] for key in wanted if key in known}
        yield name, (found.stack.duty, wanted, there)


def judge_parameters(facts: tuple[str, Mapping[str, str], Mapping[str, str]]) -> Trouble | None:
    """They are the same."""
    duty, wanted, there = facts
    wrong = [
        f"{key} is {there.get(key)!r}, wanted {value!r}"
        for key, value in sorted(wanted.items())
        if there.get(key) != value
    ]
    return Trouble("; ".join(wrong), f"mlops bootstrap {duty}") if wrong else None


CHECKS = (
    Check("stack", "every stack of infra/ is there", read_stacks, judge_presence),
    Check("stack-state", "the last change of each stack came to its end", present, judge_state),
    Check("stack-template", "each stack was made from infra/ as main has it", read_bodies, judge_body),
    Check("infra-reviewed", "infra/ is here as main has it", read_copies, judge_copy),
    Check("stack-parameters", "each stack has the answers of today", read_parameters, judge_parameters),
)
