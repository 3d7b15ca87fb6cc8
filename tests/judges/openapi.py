"""GitHub's description of its REST API, read as JSON Schema."""

import json
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, FormatChecker  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT202012

Json = Any  # whatever JSON can hold
WHERE = "node_modules/@octokit/openapi/generated/api.github.com.json"
BASE = "urn:github"
BAD = 300
# parts that `allOf` puts together, and errors, which say more than is described
OPEN = re.compile("repository-rule-.*|.*-error(-simple)?")


@dataclass(frozen=True)
class Operation:
    """One path template; `path` finds requests of it."""

    template: str
    path: re.Pattern[str]

    @property
    def literal(self) -> int:
        """How much of the template is fixed: of two that match, the more literal is meant."""
        return len(re.sub(r"\{[^}]*\}", "", self.template))


class Description:
    """Operations and the schemas of their answers."""

    def __init__(self, judges: Path) -> None:
        self._document = json.loads((judges / WHERE).read_text(encoding="utf-8"))
        components = translate(self._document["components"]["schemas"])
        schemas = {
            name: schema if OPEN.fullmatch(name) else close(schema) for name, schema in components.items()
        }
        resource = DRAFT202012.create_resource({"components": {"schemas": schemas}})
        self._schemas: dict[tuple[str, str, int], Json] = {}
        self._registry: Registry[Any] = Registry().with_resource(BASE, resource)

    @cached_property
    def _operations(self) -> list[Operation]:
        found = [Operation(path, pattern(path)) for path in self._document["paths"]]
        return sorted(found, key=lambda operation: operation.literal, reverse=True)

    def template(self, path: str) -> str | None:
        """The path template that a request is of."""
        return next((one.template for one in self._operations if one.path.fullmatch(path)), None)

    def responses(self, method: str, template: str) -> dict[str, Any]:
        found: dict[str, Any] = self._document["paths"][template].get(method.lower(), {}).get("responses", {})
        return found

    def schema(self, method: str, template: str, status: int) -> Json:
        """The schema of a JSON answer; None where the description has none."""
        key = (method, template, status)
        if key not in self._schemas:
            self._schemas[key] = self._read(*key)
        return self._schemas[key]

    def _read(self, method: str, template: str, status: int) -> Json:
        found = self.responses(method, template).get(str(status), {})
        if "$ref" in found:
            found = self._document["components"]["responses"][found["$ref"].rpartition("/")[2]]
        content = found.get("content", {}).get("application/json")
        schema = translate(content["schema"]) if content else None
        return close(schema) if status < BAD else schema

    def faults(self, schema: Json, body: Json) -> list[str]:
        """Every way in which an answer is not what the description says."""
        judge = Draft202012Validator(
            schema, registry=self._registry, format_checker=FormatChecker(formats=["date-time"])
        )
        return [f"{error.json_path}: {error.message[:300]}" for error in judge.iter_errors(body)]


def close(schema: Json) -> Json:
    """Allow no member that is not described."""
    if isinstance(schema, list):
        return [close(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: value if key == "allOf" else close(value) for key, value in schema.items()}
    if schema.get("type") == "object" and isinstance(schema.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    return made


def pattern(template: str) -> re.Pattern[str]:
    """A path may hold slashes in its last part: names of branches and files do."""
    parts = re.split(r"(\{[^}]*\})", template)
    slashed = ("{path}", "{ref}", "{branch}", "{basehead}", "{name}")
    regex = "".join(
        re.escape(part) if not part.startswith("{") else ".+" if part in slashed else "[^/]+"
        for part in parts
    )
    return re.compile(regex)


def translate(schema: Json) -> Json:
    """OpenAPI 3.0 says `nullable`, JSON Schema a type more; references get a base of their own."""
    if isinstance(schema, list):
        return [translate(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    made = {key: translate(value) for key, value in schema.items() if key not in ("nullable", "example")}
    if "oneOf" in made:
        made["anyOf"] = made.pop("oneOf")  # its alternatives overlap: errors with `errors` and without
    if isinstance(made.get("$ref"), str):
        made["$ref"] = BASE + made["$ref"]
    if schema.get("nullable") is True:
        return {"anyOf": [made, {"type": "null"}]}
    return made
