"""GitHub's filter patterns for branches, tags and paths."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

TOKEN = re.compile(r"\*\*/|\*\*|\*|\?|\+|\[[^\]]+\]|\\.|.", re.DOTALL)


@functools.cache
def compile_pattern(pattern: str) -> re.Pattern[str]:
    """`*` stops at a slash, `**` does not; `?` and `+` repeat what stands before them."""
    return re.compile("".join(_translate(token) for token in TOKEN.findall(pattern)), re.DOTALL)


def _translate(token: str) -> str:
    fixed = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "?", "+": "+"}
    if token in fixed:
        return fixed[token]
    return token if token.startswith("[") else re.escape(token.removeprefix("\\"))


def matches(patterns: Iterable[str], name: str) -> bool:
    """Whether the last pattern that fits includes the name; `!` excludes."""
    included = False
    for pattern in patterns:
        if compile_pattern(pattern.removeprefix("!")).fullmatch(name):
            included = not pattern.startswith("!")
    return included
