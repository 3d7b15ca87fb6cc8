"""Names the operation of a REST request: S3 tells them apart by method, path, query and headers."""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from botocore.model import ServiceModel


@dataclass(frozen=True)
class Route:
    """What a request must carry to be this operation."""

    operation: str
    method: str
    pattern: re.Pattern[str]
    query: dict[str, str | None]
    headers: frozenset[str]


def match(model: ServiceModel, environ: dict[str, Any]) -> tuple[str, dict[str, str]] | None:
    """Find the most demanding route that a request satisfies."""
    method = environ["REQUEST_METHOD"]
    path = environ.get("PATH_INFO", "/").encode("latin-1").decode("utf-8", "replace")
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    for route in _routes(model):
        found = route.pattern.fullmatch(path) if route.method == method else None
        if found and _carries(route, query, environ):
            return route.operation, found.groupdict()
    return None


def _carries(route: Route, query: dict[str, list[str]], environ: dict[str, Any]) -> bool:
    return all(
        name in query and (value is None or value in query[name]) for name, value in route.query.items()
    ) and all(f"HTTP_{name.upper().replace('-', '_')}" in environ for name in route.headers)


_built: dict[str, list[Route]] = {}


def _routes(model: ServiceModel) -> list[Route]:
    if model.service_name not in _built:
        routes = [_route(model.operation_model(name)) for name in model.operation_names]
        _built[model.service_name] = sorted(routes, key=_weight, reverse=True)
    return _built[model.service_name]


def _weight(route: Route) -> tuple[int, int]:
    return len(route.query) + len(route.headers), len(route.pattern.pattern)


def _route(operation: Any) -> Route:
    path, _, literal = operation.http["requestUri"].partition("?")
    query: dict[str, str | None] = {
        name: value or None for name, _, value in (part.partition("=") for part in literal.split("&") if part)
    }
    headers = set()
    shape = operation.input_shape
    for name in shape.required_members if shape else ():
        place = shape.members[name].serialization
        if place.get("location") == "querystring":
            query.setdefault(place["name"])
        elif place.get("location") == "header":
            headers.add(place["name"])
    return Route(operation.name, operation.http["method"], _pattern(path), query, frozenset(headers))


@functools.cache
def _pattern(path: str) -> re.Pattern[str]:
    parts = re.split(r"(\{[^}]+\})", path.rstrip("/"))
    said = "".join(_group(part) if part.startswith("{") else re.escape(part) for part in parts)
    return re.compile(f"{said}/?", re.DOTALL)


def _group(label: str) -> str:
    name = re.sub(r"\W", "", label)
    return f"(?P<{name}>.+)" if label.endswith("+}") else f"(?P<{name}>[^/]+)"
