"""GitHub's expressions: what stands in `${{ }}` outside of steps, which act is not asked about.

Parsed into closures. Of steps the same lexer only rewrites what act cannot know (see rewrite.py).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.forge.runs import values
from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.functions import FUNCTIONS, STATUS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Closure = Callable[["Scope"], Any]

LEXEME = re.compile(
    r"""(?P<space>\s+)
      | (?P<string>'(?:[^']|'')*')
      | (?P<number>-?(?:0x[0-9a-fA-F]+|0o[0-7]+|\d+(?:\.\d+)?(?:[eE][-+]?\d+)?)(?![\w]))
      | (?P<name>[A-Za-z_][A-Za-z0-9_-]*)
      | (?P<operator>\|\||&&|[=!<>]=|[()\[\],.!<>*])""",
    re.VERBOSE,
)
LEVELS = (("||",), ("&&",), ("==", "!="), ("<", "<=", ">", ">="))
COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "==": values.equal,
    "!=": lambda left, right: not values.equal(left, right),
    "<": lambda left, right: values.order(left, right, "<"),
    "<=": lambda left, right: values.order(left, right, "<") or values.equal(left, right),
    ">": lambda left, right: values.order(left, right, ">"),
    ">=": lambda left, right: values.order(left, right, ">") or values.equal(left, right),
}


@dataclass(frozen=True)
class Scope:
    """What an expression may look at: contexts by name, and how the jobs before have ended."""

    contexts: dict[str, Any]
    status: dict[str, bool]  # success, failure, cancelled, always; empty where they may not be asked


@dataclass(frozen=True)
class Lexeme:
    kind: str
    text: str
    start: int
    end: int


def lex(text: str, start: int = 0) -> Iterator[Lexeme]:
    """The lexemes of an expression, up to `}}` or the end."""
    while start < len(text) and not text.startswith("}}", start):
        found = LEXEME.match(text, start)
        if found is None:
            raise WorkflowError(f"expression {text!r}: {text[start]!r} is not understood")
        if found.lastgroup != "space":
            yield Lexeme(found.lastgroup or "", found[0], start, found.end())
        start = found.end()
    yield Lexeme("end", "", start, start)


@dataclass(frozen=True)
class Expression:
    """A parsed expression and the functions it calls."""

    text: str
    run: Closure
    calls: frozenset[str]

    def evaluate(self, scope: Scope) -> Any:
        return self.run(scope)

    @property
    def asks_status(self) -> bool:
        return not self.calls.isdisjoint(STATUS)


def parse(text: str) -> Expression:
    """Parse an expression without its braces."""
    return _Parser(text).expression()


def evaluate_template(text: str, scope: Scope) -> Any:
    """A value that may hold `${{ }}`: alone it keeps its type, among other text it becomes text."""
    parts = list(_split(text))
    if len(parts) == 1 and isinstance(parts[0], Expression):
        return parts[0].evaluate(scope)
    said = [part if isinstance(part, str) else values.as_text(part.evaluate(scope)) for part in parts]
    return "".join(said)


def evaluate_condition(text: str, scope: Scope) -> bool:
    """An `if:`, in braces or bare; without a status function it also asks for success()."""
    bare = text.strip()
    parts = list(_split(bare))
    expression = parts[0] if len(parts) == 1 and isinstance(parts[0], Expression) else None
    if expression is None and "${{" in bare:
        return values.truth(evaluate_template(bare, scope))  # text around braces is true, as on GitHub
    expression = expression or parse(bare)
    if not expression.asks_status and not scope.status.get("success", True):
        return False
    return values.truth(expression.evaluate(scope))


def evaluate_tree(value: Any, scope: Scope) -> Any:
    """Evaluate every string in lists and mappings."""
    if isinstance(value, dict):
        return {key: evaluate_tree(item, scope) for key, item in value.items()}
    if isinstance(value, list):
        return [evaluate_tree(item, scope) for item in value]
    return evaluate_template(value, scope) if isinstance(value, str) else value


def _split(text: str) -> Iterator[str | Expression]:
    """The literal and the computed parts of a text."""
    place = 0
    while (opened := text.find("${{", place)) >= 0:
        if opened > place:
            yield text[place:opened]
        closed = end_of(text, opened + 3)
        yield parse(text[opened + 3 : closed])
        place = closed + 2
    if place < len(text) or not text:
        yield text[place:]


def end_of(text: str, start: int) -> int:
    """Where the braces opened before `start` close; a string may hold braces of its own."""
    *_, end = lex(text, start)
    if not text.startswith("}}", end.end):
        raise WorkflowError(f"{text!r}: '${{{{' is not closed")
    return end.end


class _Parser:
    """Precedence climbing over the lexemes."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._lexemes = list(lex(text))
        self._place = 0
        self._calls: set[str] = set()

    def expression(self) -> Expression:
        run = self._binary(0)
        if self._next.kind != "end":
            raise self._refused(self._next)
        return Expression(self._text.strip(), run, frozenset(self._calls))

    @property
    def _next(self) -> Lexeme:
        return self._lexemes[self._place]

    def _take(self, *texts: str) -> str:
        found = self._next
        if found.kind == "operator" and found.text in texts:
            self._place += 1
            return found.text
        return ""

    def _expect(self, text: str) -> None:
        if not self._take(text):
            raise self._refused(self._next)

    def _refused(self, found: Lexeme) -> WorkflowError:
        what = f"{found.text!r} at {found.start}" if found.text else "its end"
        return WorkflowError(f"expression {self._text.strip()!r}: {what} is unexpected")

    def _binary(self, level: int) -> Closure:
        if level == len(LEVELS):
            return self._unary()
        left = self._binary(level + 1)
        while operator := self._take(*LEVELS[level]):
            left = _combine(operator, left, self._binary(level + 1))
        return left

    def _unary(self) -> Closure:
        if self._take("!"):
            operand = self._unary()
            return lambda scope: not values.truth(operand(scope))
        return self._postfix(self._primary())

    def _primary(self) -> Closure:
        found = self._next
        self._place += 1
        if found.kind == "operator" and found.text == "(":
            inner = self._binary(0)
            self._expect(")")
            return inner
        if found.kind == "string":
            literal: Any = found.text[1:-1].replace("''", "'")
        elif found.kind == "number":
            literal = values.number(found.text)
        elif found.kind == "name":
            return self._name(found)
        else:
            raise self._refused(found)
        return lambda scope: literal

    def _name(self, found: Lexeme) -> Closure:
        constants = {"true": True, "false": False, "null": None}
        if found.text in constants:
            return lambda scope: constants[found.text]
        if self._take("("):
            return self._call(found)
        name, said = found.text.lower(), self._text.strip()

        def read(scope: Scope) -> Any:
            if name not in scope.contexts:
                known = ", ".join(sorted(scope.contexts)) or "none"
                raise WorkflowError(f"expression {said!r}: no context {name!r} here. Known here: {known}")
            return scope.contexts[name]

        return read

    def _call(self, found: Lexeme) -> Closure:
        name = found.text.lower()
        given: list[Closure] = []
        while not self._take(")"):
            if given:
                self._expect(",")
            given.append(self._binary(0))
        self._calls.add(name)
        if name in STATUS:
            return lambda scope: _status(name, self._text, scope)
        if name not in FUNCTIONS:
            known = ", ".join(sorted({*FUNCTIONS, *STATUS}))
            raise WorkflowError(
                f"expression {self._text.strip()!r}: no function {found.text!r}. Known: {known}"
            )
        function = FUNCTIONS[name]
        return lambda scope: function(*[argument(scope) for argument in given])

    def _postfix(self, run: Closure) -> Closure:
        while True:
            if self._take("."):
                run = self._member(run)
            elif self._take("["):
                run = _filtered(run) if self._take("*") else _indexed(run, self._binary(0))
                self._expect("]")
            else:
                return run

    def _member(self, run: Closure) -> Closure:
        if self._take("*"):
            return _filtered(run)
        found = self._next
        if found.kind != "name":
            raise self._refused(found)
        self._place += 1
        return lambda scope: values.member(run(scope), found.text)


def _combine(operator: str, left: Closure, right: Closure) -> Closure:
    if operator == "||":
        return lambda scope: found if values.truth(found := left(scope)) else right(scope)
    if operator == "&&":
        return lambda scope: right(scope) if values.truth(found := left(scope)) else found
    compare = COMPARE[operator]
    return lambda scope: compare(left(scope), right(scope))


def _filtered(run: Closure) -> Closure:
    return lambda scope: values.Filtered(values.items(run(scope)))


def _indexed(run: Closure, index: Closure) -> Closure:
    return lambda scope: values.member(run(scope), index(scope))


def _status(name: str, text: str, scope: Scope) -> bool:
    if name not in scope.status:
        raise WorkflowError(f"expression {text.strip()!r}: {name}() can be asked in a job's `if:` alone")
    return scope.status[name]
