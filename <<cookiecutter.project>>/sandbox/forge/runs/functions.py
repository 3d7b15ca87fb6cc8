"""The functions of GitHub's expressions that need no runner."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from sandbox.forge.runs import values
from sandbox.forge.runs.errors import WorkflowError

if TYPE_CHECKING:
    from collections.abc import Callable

STATUS = frozenset({"success", "failure", "cancelled", "always"})
PLACEHOLDER = re.compile(r"\{\{|\}\}|\{(\d+)\}|[{}]")


def contains(search: Any, item: Any) -> bool:
    if isinstance(search, list):
        return any(values.equal(found, item) for found in search)
    return values.as_text(item).casefold() in values.as_text(search).casefold()


def starts_with(text: Any, start: Any) -> bool:
    return values.as_text(text).casefold().startswith(values.as_text(start).casefold())


def ends_with(text: Any, end: Any) -> bool:
    return values.as_text(text).casefold().endswith(values.as_text(end).casefold())


def fill(template: Any, *given: Any) -> str:
    """format(): {0} by position, {{ and }} for braces."""
    text = values.as_text(template)

    def replace(found: re.Match[str]) -> str:
        if found[0] in ("{{", "}}"):
            return found[0][0]
        if found[1] is None or int(found[1]) >= len(given):
            raise WorkflowError(f"format({text!r}): {found[0]!r} has no argument")
        return values.as_text(given[int(found[1])])

    return PLACEHOLDER.sub(replace, text)


def join(items: Any, separator: Any = ",") -> str:
    if not isinstance(items, list):
        return values.as_text(items)
    return values.as_text(separator).join(values.as_text(item) for item in items)


def from_json(text: Any) -> Any:
    said = values.as_text(text)
    try:
        return json.loads(said)
    except ValueError:
        raise WorkflowError(f"fromJSON({said!r}): not JSON") from None


FUNCTIONS: dict[str, Callable[..., Any]] = {
    "contains": contains,
    "startswith": starts_with,
    "endswith": ends_with,
    "format": fill,
    "join": join,
    "tojson": values.as_json,
    "fromjson": from_json,
}
