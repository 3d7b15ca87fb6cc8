"""Kinds of decisions: what roles were asked and told in a run of the loop, in words of no project.

A line of tests/recorded/decisions.jsonl is a kind: names, accounts, ids and models are placeholders, so that
runs of different projects come to the same lines.
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
    r"arn:aws:iam::(\d{12}):role/(.+)-(developer|ci|train|audit|execution|experiment"
    r"|(?:deploy|rollback|serve)-(?:staging|prod)|events-\w+)"
)
ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12,}(?:\.dir)?|\d{4}-\d\d-\d\dT[\d:.Z-]+|(?<=[/-])[a-z0-9]{12}\b"
    r"|(?<=/files/md5/)[0-9a-f]{2}/0(?:\.dir)?|(?<![a-z])\d+"
)
JOB = re.compile(r"(?<![\w-])(pipelines-[0-9a-z]+-\w+)-[a-z0-9]{6,}")
SHORTENED = re.compile(r"-(?:data|trail)-\{training\}$")
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

    def line(self) -> str:
        facts = (
            {"when": {key: list(values) for key, values in sorted(self.when.items())}} if self.when else {}
        )
        denied = {} if self.allowed else {"allowed": False}
        return json.dumps(
            {"role": self.role, "action": self.action, "resource": self.resource, **facts, **denied}
        )


def read_line(line: str) -> Kind:
    found = json.loads(line)
    when = {key: tuple(values) for key, values in found.get("when", {}).items()}
    return Kind(found["role"], found["action"], found["resource"], found.get("allowed", True), when)


def kinds(lines: Iterable[str]) -> list[Kind]:
    """What `--decisions` wrote, each kind once, in the order of roles, actions and resources."""
    raw = [found for found in map(json.loads, lines) if ROLE.fullmatch(found["role"])]
    models = sorted(find_models(raw), key=len, reverse=True)
    found = {call.line(): call for call in (describe(each, models) for each in raw)}
    return sorted(found.values(), key=lambda call: (call.role, call.action, call.resource, call.line()))


def find_models(raw: Iterable[Mapping[str, Any]]) -> set[str]:
    """The models that a run was about: their groups and pipelines have their names."""
    found = set()
    for each in raw:
        named, who = MODEL.search(each["resource"]), ROLE.fullmatch(each["role"])
        if named and who and named[2].startswith(f"{who[2]}-"):
            name = named[2].removeprefix(f"{who[2]}-")
            found.add(name.removeprefix(f"{named[1]}-") if named[1] else name)
    return found - {"*"}


def describe(raw: Mapping[str, Any], models: Iterable[str]) -> Kind:
    """One decision in words of no project."""
    named = ROLE.fullmatch(raw["role"])
    if not named:
        raise ValueError(f"{raw['role']!r} is no role of a project's")
    asked = asked_keys()
    context = {key: values for key, values in raw["context"].items() if key.lower() in asked}
    bucket = str(context.get("kms:EncryptionContext:aws:s3:arn", ""))

    def name(text: str) -> str:
        return generalize(text, named[2], models, "TrailKey" if "-trail-" in bucket else "DataKey")

    when = {key: tuple(sorted({name(value) for value in values})) for key, values in context.items()}
    if "s3:prefix" in when:
        when["s3:prefix"] = tuple(shorten_key(prefix) for prefix in when["s3:prefix"])
    when = {key: values for key, values in when.items() if USUAL.get(key) != values}
    return Kind(named[3], raw["action"], name(raw["resource"]), raw["allowed"], when)


def generalize(text: str, project: str, models: Iterable[str], key: str) -> str:
    """A text without what tells this project and this run from another."""
    text = re.sub(
        rf"(?<![\w-]){re.escape(project)}-(data|releases|trail)-\d{{12}}-", r"{project}-\1-{training}-", text
    )
    owner = "{training}" if SHARED.match(text) else "{account}"
    text = re.sub(r"^(arn:aws:[\w-]+:[\w-]*:)\d{12}:", rf"\1{owner}:", text)
    text = re.sub(r"(?<=[:/])key/[0-9a-f-]{36}$", f"key/{key}", text)
    text = re.sub(r"\b(eu|us|ap|ca|sa|me|af|il|mx)-[a-z]+-\d\b", "{region}", text)
    text = re.sub(rf"(?<![\w-]){re.escape(project)}(?=-|$)", "{project}", text)
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
