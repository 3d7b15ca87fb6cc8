"""Lists in pages, with GitHub's Link header."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from sandbox.forge.calls import Answer

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.forge.calls import Call

DEFAULT = 30
MOST = 100


def page(call: Call, found: Sequence[Any], shape: Callable[[Any], Any], wrap: str = "") -> Answer:
    """One page of a list; only its own entries are shaped. `wrap` names the member of an object around it."""
    size = min(max(_number(call, "per_page", DEFAULT), 1), MOST)
    number = max(_number(call, "page", 1), 1)
    last = max(-(-len(found) // size), 1)
    shaped = [shape(one) for one in found[(number - 1) * size : number * size]]
    body = {"total_count": len(found), wrap: shaped} if wrap else shaped
    links = _links(call, number, last)
    return Answer(body, headers={"Link": links} if links else {})


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    return int(text) if text.isdigit() else default


def _links(call: Call, number: int, last: int) -> str:
    targets: dict[str, int] = {}
    if number > 1:
        targets |= {"prev": number - 1}
    if number < last:
        targets |= {"next": number + 1, "last": last}
    if number > 1:
        targets |= {"first": 1}
    url = f"{call.url}/api/v3{call.path}"
    return ", ".join(
        f'<{url}?{urlencode({**call.query, "page": target})}>; rel="{name}"'
        for name, target in targets.items()
    )
