"""Read and write the YAML that people review: strict in, canonical out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError

from mlops.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic_core import ErrorDetails

Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class Document(BaseModel):
    """A frozen record of a YAML file: unknown keys and wrong types are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


Record = TypeVar("Record", bound=Document)


class UniqueKeyLoader(Loader):  # type: ignore[misc]
    """A YAML loader that refuses a key given twice, which YAML itself would silently overwrite."""


def construct_unique_mapping(loader: Any, node: yaml.MappingNode) -> dict[Any, Any]:
    """Build a mapping; raise where a key stands twice."""
    mapping: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        key = loader.construct_object(key_node, deep=True)
        if key in mapping:
            raise yaml.constructor.ConstructorError(
                None, None, f"key {key!r} stands twice", key_node.start_mark
            )
        mapping[key] = loader.construct_object(value_node, deep=True)
    return mapping


UniqueKeyLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, construct_unique_mapping)


def read_document(path: Path, kind: type[Record], where: str | None = None) -> Record:
    """Read a YAML file as `kind`; `where` names it in messages (by default its path)."""
    where = where or str(path)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"{where}: no such file") from None
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{where}: cannot be read: {error}") from None
    return parse_document(text, kind, where)


def parse_document(text: str, kind: type[Record], where: str) -> Record:
    """Parse YAML text as `kind`. Raises UsageError with every problem, each on a line of its own."""
    content = parse_yaml(text, where)
    if not isinstance(content, dict):
        raise UsageError(f"{where}: holds {type(content).__name__}, not a mapping of keys to values")
    try:
        return kind.model_validate(content)
    except ValidationError as error:
        problems = [describe_problem(problem, kind) for problem in error.errors()]
        raise UsageError("\n".join(f"{where}: {problem}" for problem in problems)) from None


def parse_yaml(text: str, where: str) -> object:
    """Parse YAML text; raise UsageError with line and column where it is not YAML."""
    try:
        return yaml.load(text, Loader=UniqueKeyLoader)  # noqa: S506 - a safe loader, extended
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        place = f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
        raise UsageError(f"{where}: {place}{error.problem}") from None
    except yaml.YAMLError as error:
        raise UsageError(f"{where}: is not YAML: {' '.join(str(error).split())}") from None


def describe_problem(problem: ErrorDetails, kind: type[BaseModel]) -> str:
    """One of pydantic's findings in our words: where, what was found, what is allowed."""
    place = ".".join(str(part) for part in problem["loc"])
    if problem["type"] == "extra_forbidden":
        allowed = ", ".join(sorted(keys_at(kind, problem["loc"][:-1])))
        return f"unknown key {place!r}" + (f"; allowed here: {allowed}" if allowed else "")
    if problem["type"] == "missing":
        return f"key {place!r} is missing"
    message = problem["msg"].removeprefix("Value error, ")
    found = "" if isinstance(problem["input"], dict) else f": found {problem['input']!r}"
    return f"{place or 'the file'}{found}: {message[:1].lower()}{message[1:]}"


def keys_at(kind: type[BaseModel], place: tuple[int | str, ...]) -> list[str]:
    """The keys that a record allows at a place in it; empty where the place is no record of ours."""
    current: Any = kind
    for part in place:
        if isinstance(part, int):
            continue
        field = getattr(current, "model_fields", {}).get(part)
        current = record_type(field.annotation) if field else None
    return [field.alias or name for name, field in getattr(current, "model_fields", {}).items()]


def record_type(annotation: Any) -> Any:
    """The record inside an annotation such as `Record | None` or `list[Record]`."""
    inner = [record_type(argument) for argument in getattr(annotation, "__args__", ())]
    return next((kind for kind in inner if kind is not None), None) if inner else record_or_none(annotation)


def record_or_none(annotation: Any) -> Any:
    """The annotation itself when it is a record, else None."""
    return annotation if isinstance(annotation, type) and issubclass(annotation, BaseModel) else None


class Dumper(yaml.SafeDumper):
    """A YAML dumper for files that people diff: declared order, no anchors, one key a line."""

    def ignore_aliases(self, data: Any) -> bool:
        """Never write an anchor: a pin repeats rather than refers."""
        return True


def dump_yaml(content: object) -> str:
    """Canonical YAML: the same content gives the same bytes."""
    return yaml.dump(content, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=4096)
