"""Metric math, period by period: arithmetic, comparisons and a few functions; others are refused by name."""

from __future__ import annotations

import ast
import math
import operator
import re
from typing import TYPE_CHECKING

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value = float | None
OPERATORS: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
OF_ONE: dict[str, Callable[[float], float]] = {"ABS": abs, "CEIL": math.ceil, "FLOOR": math.floor}
OF_MANY: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "MIN": min,
    "MAX": max,
    "AVG": lambda found: sum(found) / len(found),
}
FUNCTIONS = (*OF_ONE, *OF_MANY, "FILL", "IF")


class Expression:
    """A parsed expression; `names` are the ids that it reads."""

    def __init__(self, text: str) -> None:
        self.text = text
        python = text.replace("^", "**").replace("&&", " and ").replace("||", " or ")
        python = re.sub(r"\bAND\b", "and", re.sub(r"\bOR\b", "or", python))
        try:
            self._tree = ast.parse(python.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            raise refused(text, "it cannot be read") from None
        self.names = {node.id for node in ast.walk(self._tree) if isinstance(node, ast.Name)} - set(FUNCTIONS)
        self._check(self._tree)

    def value(self, known: Mapping[str, Value]) -> Value:
        """The value of one period; None where an operand has none."""
        try:
            return self._value(self._tree, known)
        except (ZeroDivisionError, OverflowError, TypeError):
            return None

    def _check(self, node: ast.expr) -> None:
        if isinstance(node, ast.List):
            raise refused(self.text, "it is a list, not one series")
        for found in ast.walk(node):
            if isinstance(found, ast.Call):
                name = found.func.id if isinstance(found.func, ast.Name) else ast.unparse(found.func)
                if name not in FUNCTIONS:
                    raise refused(self.text, f"{name} is none of {', '.join(FUNCTIONS)}")
                lists = [isinstance(argument, ast.List) for argument in found.args]
                if lists != _arguments(name) or found.keywords:
                    raise refused(self.text, f"{name} takes {_signature(name)} here")
            elif isinstance(found, ast.Constant) and not isinstance(found.value, int | float):
                raise refused(self.text, f"{found.value!r} is not a number")
            elif not isinstance(found, ALLOWED) or (isinstance(found, ast.Compare) and len(found.ops) > 1):
                raise refused(self.text, "only arithmetic, comparisons and functions of them are served")

    def _value(self, node: ast.expr, known: Mapping[str, Value]) -> Value:
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return known.get(node.id)
        if isinstance(node, ast.Call):
            return self._call(node.func.id, node.args, known)  # type: ignore[attr-defined]
        if isinstance(node, ast.UnaryOp):
            found = self._value(node.operand, known)
            return None if found is None else -found
        if isinstance(node, ast.BoolOp):
            values = [self._value(each, known) for each in node.values]
            join = all if isinstance(node.op, ast.And) else any
            return None if None in values else float(join(values))
        if isinstance(node, ast.Compare):
            return self._apply(node.ops[0], node.left, node.comparators[0], known)
        assert isinstance(node, ast.BinOp)  # noqa: S101  # _check() let nothing else through
        return self._apply(node.op, node.left, node.right, known)

    def _apply(self, op: ast.AST, left: ast.expr, right: ast.expr, known: Mapping[str, Value]) -> Value:
        first, second = self._value(left, known), self._value(right, known)
        if first is None or second is None:
            return None
        return float(OPERATORS[type(op)](first, second))

    def _call(self, name: str, arguments: list[ast.expr], known: Mapping[str, Value]) -> Value:
        if name in OF_MANY:
            values = [self._value(each, known) for each in arguments[0].elts]  # type: ignore[attr-defined]
            present = [each for each in values if each is not None]
            return float(OF_MANY[name](present)) if present else None
        first = self._value(arguments[0], known)
        if name == "FILL":
            return self._value(arguments[1], known) if first is None else first
        if name == "IF":
            return None if first is None else self._value(arguments[1 if first else 2], known)
        return None if first is None else float(OF_ONE[name](first))


ALLOWED = (
    ast.BinOp,
    ast.UnaryOp,
    ast.BoolOp,
    ast.Compare,
    ast.Name,
    ast.Load,
    ast.List,
    ast.Constant,
    ast.USub,
    ast.And,
    ast.Or,
    *OPERATORS,
)


def _arguments(name: str) -> list[bool]:
    """Which arguments a function takes; true for a list of series."""
    return [True] if name in OF_MANY else [False] * {"FILL": 2, "IF": 3}.get(name, 1)


def _signature(name: str) -> str:
    return "one list, as [m1, m2]" if name in OF_MANY else f"{len(_arguments(name))} values"


def refused(text: str, why: str) -> ServiceError:
    return ServiceError("ValidationError", f"Error in expression {text!r}: {why}; see docs/sandbox.md")
