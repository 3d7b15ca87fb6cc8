"""Patterns of policies: `*`, `?`, and variables such as `${aws:username}`."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sandbox.iam.request import Context

VARIABLE = re.compile(r"\$\{([^}]*)\}")
DEFAULT = re.compile(r"([^,]+?)\s*,\s*'(.*)'")
# Single characters that a policy means literally: ${*} is an asterisk.
LITERALS = ("*", "?", "$")
ARN_PARTS = 6


class Glob:
    """One pattern, compiled once; only patterns with variables are completed for each request.

    A variable without a value makes its statement invalid (IAM guide, "Variables"): then None is the answer,
    which neither a condition nor its negation takes.
    """

    __slots__ = ("_fold", "_pieces", "_static", "_wild")

    def __init__(self, text: str, *, variables: bool = True, wild: bool = True, fold: bool = False) -> None:
        self._wild = wild
        self._fold = fold
        self._pieces = VARIABLE.split(text) if variables else [text]
        self._static = self._compile(self._pieces[0]) if len(self._pieces) == 1 else None

    def matches(self, value: str, context: Context) -> bool | None:
        pattern = self._static or self._resolve(context)
        return None if pattern is None else pattern.fullmatch(value) is not None

    def _resolve(self, context: Context) -> re.Pattern[str] | None:
        said = []
        for index, piece in enumerate(self._pieces):
            value = variable(piece, context) if index % 2 else None
            if index % 2 and value is None:
                return None
            said.append(re.escape(value) if value is not None else self._regex(piece))
        return compiled("".join(said), self._fold)

    def _compile(self, text: str) -> re.Pattern[str]:
        return compiled(self._regex(text), self._fold)

    def _regex(self, text: str) -> str:
        escaped = re.escape(text)
        return escaped.replace(r"\*", ".*").replace(r"\?", ".") if self._wild else escaped


@functools.lru_cache(maxsize=4096)
def compiled(regex: str, fold: bool) -> re.Pattern[str]:
    return re.compile(regex, re.DOTALL | (re.IGNORECASE if fold else 0))


def variable(text: str, context: Context) -> str | None:
    """The value of `${text}`: a literal, the request's value, or the default that the policy gives."""
    if text in LITERALS:
        return text
    found = DEFAULT.fullmatch(text.strip())
    name, default = (found[1], found[2]) if found else (text.strip(), None)
    values = context.get(name.lower())
    return values[0] if values is not None and len(values) == 1 else default


def split_arn(text: str) -> list[str]:
    """The six parts of an ARN; colons within a variable divide nothing."""
    parts: list[str] = []
    depth = start = 0
    for index, character in enumerate(text):
        if character == "{" and text[index - 1 : index] == "$":
            depth += 1
        elif character == "}" and depth:
            depth -= 1
        elif character == ":" and not depth and len(parts) < ARN_PARTS - 1:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]


class ArnGlob:
    """A pattern of ARNs: each of the six parts matches its own, so that `*` does not cross a colon."""

    __slots__ = ("_all", "_otherwise", "_parts")

    def __init__(self, text: str, *, variables: bool = True, complete: bool = False) -> None:
        parts = split_arn(text)
        if complete:  # an ARN with fewer parts is completed by `*`: IAM guide, "Incomplete ARNs"
            parts += ["*"] * (ARN_PARTS - len(parts))
        # In a Resource, variables stand only behind the fifth colon.
        allowed = [variables and (not complete or index == ARN_PARTS - 1) for index in range(len(parts))]
        self._all = text == "*"
        # A resource "*" is another than any ARN; a value that is no ARN cannot be compared with one.
        self._otherwise = False if complete else None
        self._parts = [Glob(part, variables=on) for part, on in zip(parts, allowed, strict=True)]

    def matches(self, value: str, context: Context) -> bool | None:
        if self._all:
            return True
        parts = value.split(":", ARN_PARTS - 1)
        if len(parts) != len(self._parts):
            return self._otherwise
        found = [glob.matches(part, context) for glob, part in zip(self._parts, parts, strict=True)]
        return None if None in found else all(found)
