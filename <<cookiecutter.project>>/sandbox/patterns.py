"""Filter patterns of CloudWatch Logs: JSON patterns, plain terms, and the empty one that matches all."""

from __future__ import annotations

import fnmatch
import json
import operator
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable

TOKEN = re.compile(
    r"""\s*(?:(?P<mark>\(|\)|&&|\|\||!=|>=|<=|=|>|<)"""
    r"""|(?P<path>\$(?:\.[\w$@-]+|\[\d+\]|\["[^"]+"\])*)"""
    r"""|"(?P<text>(?:[^"\\]|\\.)*)\""""
    r"""|(?P<word>[^\s()&|=<>!]+))"""
)
TERM = re.compile(r'(?P<sign>[-?]?)(?:"(?P<text>(?:[^"\\]|\\.)*)"|(?P<word>\S+))')
STEP = re.compile(r'\.([\w$@-]+)|\[(\d+)\]|\["([^"]+)"\]')
ORDER: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
ABSENT = object()
Test = "Callable[[Any], bool]"


@dataclass(frozen=True)
class Pattern:
    """A filter pattern; `matches` takes a log line and tells the JSON of it, if it is a JSON pattern."""

    text: str
    _json: Callable[[Any], bool] | None
    _line: Callable[[str], bool]

    def match(self, line: str) -> Any:
        """The line's JSON (or the line itself) when it matches, else None."""
        if self._json is None:
            return line if self._line(line) else None
        try:
            document = json.loads(line)
        except ValueError:
            return None
        return document if isinstance(document, dict) and self._json(document) else None


def read_pattern(text: str) -> Pattern:
    """Parse a pattern, or refuse it with the place where it stops to make sense."""
    stripped = text.strip()
    if stripped.startswith("{") and stripped.endswith("}"):
        return Pattern(text, Reader(stripped[1:-1], text).read(), lambda line: False)
    if stripped.startswith(("{", "[", "%")):
        raise refused(text, "of patterns, the sandbox serves JSON and terms; see docs/sandbox.md")
    return Pattern(text, None, _read_terms(stripped))


def _read_terms(text: str) -> Callable[[str], bool]:
    found = [(each["sign"], each["text"] or each["word"]) for each in TERM.finditer(text)]
    needed = [term for sign, term in found if not sign]
    denied = [term for sign, term in found if sign == "-"]
    either = [term for sign, term in found if sign == "?"]
    return lambda line: (
        all(term in line for term in needed)
        and not any(term in line for term in denied)
        and (not either or any(term in line for term in either))
    )


def select(document: Any, path: str) -> Any:
    """The value at `$.a.b[0]`, or ABSENT."""
    for name, index, quoted in STEP.findall(path):
        if index:
            found = isinstance(document, list) and int(index) < len(document)
            document = document[int(index)] if found else ABSENT
        else:
            document = document.get(name or quoted, ABSENT) if isinstance(document, dict) else ABSENT
        if document is ABSENT:
            return ABSENT
    return document


class Reader:
    """Recursive descent over one JSON pattern: or, and, parentheses, comparison."""

    def __init__(self, body: str, whole: str) -> None:
        self._whole = whole
        self._tokens = self._split(body.strip())
        self._place = 0

    def _split(self, body: str) -> list[tuple[str, str]]:
        tokens, at = [], 0
        while at < len(body):
            found = TOKEN.match(body, at)
            if not found:
                raise refused(self._whole, f"cannot read {body[at:]!r}")
            kind = str(found.lastgroup)
            tokens.append((kind, found[kind]))
            at = found.end()
        return tokens

    def read(self) -> Callable[[Any], bool]:
        test = self._either()
        if self._place < len(self._tokens):
            raise refused(self._whole, f"{self._tokens[self._place][1]!r} is not expected")
        return test

    def _take(self, *wanted: str) -> str | None:
        if self._place < len(self._tokens) and self._tokens[self._place][1].upper() in wanted:
            self._place += 1
            return self._tokens[self._place - 1][1].upper()
        return None

    def _next(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise refused(self._whole, "it ends too early")
        self._place += 1
        return self._tokens[self._place - 1]

    def _either(self) -> Callable[[Any], bool]:
        tests = [self._both()]
        while self._take("||"):
            tests.append(self._both())
        return lambda document: any(test(document) for test in tests)

    def _both(self) -> Callable[[Any], bool]:
        tests = [self._one()]
        while self._take("&&"):
            tests.append(self._one())
        return lambda document: all(test(document) for test in tests)

    def _one(self) -> Callable[[Any], bool]:
        if self._take("("):
            test = self._either()
            if not self._take(")"):
                raise refused(self._whole, "a parenthesis is not closed")
            return test
        kind, path = self._next()
        if kind != "path":
            raise refused(self._whole, f"{path!r} is not a selector such as $.a.b")
        if self._take("IS"):
            wanted = {"NULL": None, "TRUE": True, "FALSE": False}
            word = self._next()[1].upper()
            if word not in wanted:
                raise refused(self._whole, f"IS {word} is none of {', '.join(wanted)}")
            return lambda document: select(document, path) is wanted[word]
        if self._take("NOT"):
            if not self._take("EXISTS"):
                raise refused(self._whole, "NOT goes before EXISTS")
            return lambda document: select(document, path) is ABSENT
        return self._comparison(path)

    def _comparison(self, path: str) -> Callable[[Any], bool]:
        sign = self._next()[1]
        kind, value = self._next()
        if sign in ORDER:
            return _numeric(path, ORDER[sign], self._number(value))
        if sign not in ("=", "!="):
            raise refused(self._whole, f"{sign!r} is not a comparison")
        wanted = _equals(value, kind == "text")
        if sign == "=":
            return lambda document: wanted(select(document, path))
        return lambda document: select(document, path) is not ABSENT and not wanted(select(document, path))

    def _number(self, text: str) -> float:
        try:
            return float(text)
        except ValueError:
            raise refused(self._whole, f"{text!r} is not a number") from None


def _numeric(path: str, compare: Callable[[float, float], bool], bound: float) -> Callable[[Any], bool]:
    def test(document: Any) -> bool:
        found = select(document, path)
        return isinstance(found, int | float) and not isinstance(found, bool) and compare(found, bound)

    return test


def _equals(text: str, quoted: bool) -> Callable[[Any], bool]:
    """Equality with a number or a string; `*` stands for anything that is there."""

    def test(found: Any) -> bool:
        if found is ABSENT or found is None or isinstance(found, dict | list):
            return False
        if isinstance(found, str):
            return fnmatch.fnmatchcase(found, text.replace("[", "[[]").replace("?", "[?]"))
        if text == "*" and not quoted:
            return True
        try:
            return not isinstance(found, bool) and float(found) == float(text)
        except ValueError:
            return False

    return test


def refused(text: str, why: str) -> ServiceError:
    return ServiceError("InvalidParameterException", f"Invalid metric filter pattern {text!r}: {why}")
