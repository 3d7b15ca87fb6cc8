"""Kinds of decisions: what roles were asked and told in a run of the loop, in words of no project.

A line of tests/recorded/decisions.jsonl is a kind: names, accounts, ids and models are placeholders, so that
runs of different projects come to the same lines. What builds, pipelines and people on CodeCommit may depends
on where the repository lives: their kinds say `on` which of the two.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.foundation.templates import read_templates

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[1]
RECORD = ROOT / "tests/recorded/decisions.jsonl"
ROLE = re.compile(
    r"arn:aws:iam::(\d{12}):role/(.+?)-(developer|ci|train|audit|execution|experiment"
    r"|(?:deploy|rollback|serve)-(?:staging|prod)|events-\w+|pipeline|builds-start"
    r"|build-[a-z]+(?:-staging|-prod)?)"
)
# Only where CodePipeline runs the loop; what these may depends on where the repository lives.
ENGINE = re.compile(r"build-.+|builds-start|pipeline|contributor|confirmer")
PEOPLE = ("contributor", "confirmer")
PERSON = re.compile(r"arn:aws:iam::(\d{12}):user/.+")
ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12,}(?:\.dir)?|\d{4}-\d\d-\d\dT[\d:.Z-]+|(?<=[/-])[a-z0-9]{12}\b"
    r"|(?<=/files/md5/)[0-9a-f]{2}/0(?:\.dir)?|(?<![a-z])\d+"
)
JOB = re.compile(r"(?<![\w-])(pipelines-[0-9a-z]+-\w+)-[a-z0-9]{6,}")
SHORTENED = re.compile(r"-(?:builds|data|trail)-\{training\}$")
# An artifact's folder is the pipeline's name, cut; a repository's name is its people's choice.
ARTIFACT = re.compile(r"(?<=-builds-\{training\}-\{region\}/)(?!cache/)[^/]+")
REPOSITORY = re.compile(r"(?<=^arn:aws:codecommit:)(\{region\}:\{account\}):.+")
BUCKET = re.compile(r":::.+-(data|builds|releases|trail)-\d{12}-")
KEYS = {"builds": "BuildsKey", "trail": "TrailKey"}
# What all calls have in common: nobody calls without TLS.
USUAL = {"aws:SecureTransport": ("true",)}
# These live in the training account, whoever asks: buckets by their names, keys, packages and their groups.
SHARED = re.compile(
    r"arn:aws:(?:kms|ecr|sagemaker):[\w-]*:\d{12}:(?:key|repository|model-package(?:-group)?)/"
)
KEY = re.compile(r"[a-z][a-z0-9.]*:[A-Za-z]")
MODEL = re.compile(
    r":(?:model-package(?:-group)?/|pipeline/|endpoint/(?=.+?-(staging|prod)-))(.+?)(?:-experiment)?(?:/|$)"
)


@dataclass(frozen=True)
class Kind:
    """One action of a role on one resource, and what it was told."""

    role: str
    action: str
    resource: str
    allowed: bool = True
    when: Mapping[str, tuple[str, ...]] = field(default_factory=dict, hash=False)
    on: str = ""  # codecommit or connections, where that tells what a role may

    def line(self) -> str:
        place = {"on": self.on} if self.on else {}
        facts = (
            {"when": {key: list(values) for key, values in sorted(self.when.items())}} if self.when else {}
        )
        denied = {} if self.allowed else {"allowed": False}
        return json.dumps(
            {**place, "role": self.role, "action": self.action, "resource": self.resource, **facts, **denied}
        )


def read_line(line: str) -> Kind:
    found = json.loads(line)
    when = {key: tuple(values) for key, values in found.get("when", {}).items()}
    allowed, on = found.get("allowed", True), found.get("on", "")
    return Kind(found["role"], found["action"], found["resource"], allowed, when, on)


def kinds(lines: Iterable[str]) -> list[Kind]:
    """What `--decisions` wrote of one sandbox, each kind once, in order.

    Where builds run the loop, duties' roles ask for the same as on GitHub Actions: that is not repeated.
    """
    raw = [found for found in map(json.loads, lines) if ROLE.fullmatch(found["role"]) or is_person(found)]
    on = find_forge(raw)
    models = sorted(find_models(raw), key=len, reverse=True)
    projects = {named[2] for each in raw if (named := ROLE.fullmatch(each["role"]))}
    people = min(projects) if len(projects) == 1 and on == "codecommit" else ""
    found = (describe(each, models, on, people) for each in raw if people or not is_person(each))
    return in_order(kind for kind in found if kind.on == on)


def in_order(found: Iterable[Kind]) -> list[Kind]:
    """Each kind once: by forge, role, action and resource."""
    once = {kind.line(): kind for kind in found}
    return sorted(
        once.values(), key=lambda kind: (kind.on, kind.role, kind.action, kind.resource, kind.line())
    )


def is_person(raw: Mapping[str, Any]) -> bool:
    return PERSON.fullmatch(raw["role"]) is not None


def find_forge(raw: Iterable[Mapping[str, Any]]) -> str:
    """Where the builds of a run had their repository; nothing where there were none."""
    named = {
        (found[3], each["action"].partition(":")[0])
        for each in raw
        if (found := ROLE.fullmatch(each["role"]))
    }
    services = {service for role, service in named if ENGINE.fullmatch(role)}
    return "codecommit" if "codecommit" in services else "connections" if services else ""


def find_models(raw: Iterable[Mapping[str, Any]]) -> set[str]:
    """The models that a run was about: their groups and pipelines have their names."""
    found = set()
    for each in raw:
        named, who = MODEL.search(each["resource"]), ROLE.fullmatch(each["role"])
        if named and who and named[2].startswith(f"{who[2]}-"):
            name = named[2].removeprefix(f"{who[2]}-")
            found.add(name.removeprefix(f"{named[1]}-") if named[1] else name)
    return found - {"*"}


def describe(raw: Mapping[str, Any], models: Iterable[str], on: str = "", people: str = "") -> Kind:
    """One decision in words of no project; `people` says whose project's they are."""
    named = ROLE.fullmatch(raw["role"])
    project, role = (named[2], named[3]) if named else (people, duty_of_person(raw))
    if not project:
        raise ValueError(f"{raw['role']!r} is no role of a project's")
    asked = asked_keys()
    context = {key: values for key, values in raw["context"].items() if key.lower() in asked}
    bucket = BUCKET.search(str(context.get("kms:EncryptionContext:aws:s3:arn", raw["resource"])))
    key = KEYS.get(bucket[1] if bucket else "", "DataKey")

    def name(text: str) -> str:
        return generalize(text, project, models, key)

    when = {key: tuple(sorted({name(value) for value in values})) for key, values in context.items()}
    if "s3:prefix" in when:
        when["s3:prefix"] = tuple(shorten_key(prefix) for prefix in when["s3:prefix"])
    if not raw["resource"].endswith("-developer"):  # others open sessions of whatever name
        when.pop("sts:RoleSessionName", None)
    when = {key: values for key, values in when.items() if USUAL.get(key) != values}
    resource = raw["resource"] if raw["action"] != "sts:AssumeRole" else name_account(raw["resource"])
    return Kind(
        role, raw["action"], name(resource), raw["allowed"], when, on if ENGINE.fullmatch(role) else ""
    )


def duty_of_person(raw: Mapping[str, Any]) -> str:
    """Pipelines let nobody do a thing who has no other policy than to contribute: who may, confirms."""
    return "confirmer" if raw["allowed"] and raw["action"].startswith("codepipeline:") else "contributor"


def name_account(role: str) -> str:
    """A role that another takes, by its account's duty: the two may lie in different ones."""
    ends = re.search(r"(?<!-build)-(?:deploy|rollback)-(staging|prod)$", role)
    return re.sub(r":\d{12}:", f":{{{ends[1] if ends else 'training'}}}:", role)


def generalize(text: str, project: str, models: Iterable[str], key: str) -> str:
    """A text without what tells this project and this run from another."""
    text = re.sub(
        rf"(?<![\w-]){re.escape(project)}-(builds|data|releases|trail)-\d{{12}}-",
        r"{project}-\1-{training}-",
        text,
    )
    owner = "{training}" if SHARED.match(text) else "{account}"
    text = re.sub(r"^(arn:aws:[\w-]+:[\w-]*:)\d{12}:", rf"\1{owner}:", text)
    text = re.sub(r"(?<=[:/])key/[0-9a-f-]{36}$", f"key/{key}", text)
    text = re.sub(r"\b(eu|us|ap|ca|sa|me|af|il|mx)-[a-z]+-\d\b", "{region}", text)
    text = re.sub(rf"(?<![\w-]){re.escape(project)}(?=[:-]|$)", "{project}", text)
    text = ARTIFACT.sub("{pipeline}", REPOSITORY.sub(r"\1:{repository}", text))
    for model in models:
        text = re.sub(rf"(?<![a-z0-9]){re.escape(model)}(?![a-z0-9])", "{model}", text)
    return shorten(ID.sub("0", JOB.sub(r"\1-0", text)))


def shorten(text: str) -> str:
    """An object of data by its folders: what a model's files are called is its own affair."""
    bucket, slash, key = text.rpartition("-{region}/")
    return bucket + slash + shorten_key(key) if SHORTENED.search(bucket) else text


def shorten_key(key: str) -> str:
    """A key by its folders, as many as policies tell apart."""
    *folders, name = key.split("/")
    kept = folders[: 3 if key.startswith("runs/") else 2]
    return "/".join([*kept, "file" if name or folders != kept else ""])


@cache
def asked_keys() -> frozenset[str]:
    """The condition keys that some policy asks for, in lower case: no other decides anything."""
    documents = [template.document for template in read_templates(ROOT)]
    return frozenset(key.lower() for document in documents for key in _condition_keys(document))


def _condition_keys(value: Any) -> Iterator[str]:
    """The names in a template that are of a condition key's form; its functions begin with a capital."""
    if isinstance(value, list):
        for member in value:
            yield from _condition_keys(member)
    elif isinstance(value, dict):
        yield from (name for name in value if KEY.match(name))
        for member in value.values():
            yield from _condition_keys(member)
