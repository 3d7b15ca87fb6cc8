"""The values of GitHub's expressions: loose equality, truth, text, members."""

from __future__ import annotations

import json
import math
from typing import Any


class Filtered(list[Any]):
    """What `.*` gives: members are then taken of each."""


def truth(value: Any) -> bool:
    """False, 0, NaN, '' and null are false; every list and mapping is true."""
    if isinstance(value, float) and math.isnan(value):
        return False
    return True if isinstance(value, dict | list) else bool(value)


def as_text(value: Any) -> str:
    """What a value becomes among other text."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return _digits(value)
    if isinstance(value, dict | list):
        return "Object" if isinstance(value, dict) else "Array"
    return str(value)


def _digits(value: float) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return str(int(value)) if value == int(value) and abs(value) < 1e15 else f"{value:.15g}"


def number(text: str) -> float:
    """A literal number; NaN if it is none."""
    said = text.strip()
    try:
        if said[:2].lower() in ("0x", "0o"):
            return int(said, 0)
        return int(said) if said.lstrip("+-").isdigit() else float(said)
    except ValueError:
        return math.nan


def as_number(value: Any) -> float:
    """What a value is compared as, with one of another kind."""
    if value is None or isinstance(value, bool):
        return int(bool(value))
    if isinstance(value, str):
        return number(value) if value.strip() else 0
    return value if isinstance(value, int | float) else math.nan


def equal(left: Any, right: Any) -> bool:
    """GitHub's ==: text without case, values of different kinds as numbers, mappings by identity."""
    if isinstance(left, dict | list) or isinstance(right, dict | list):
        return left is right
    if isinstance(left, str) and isinstance(right, str):
        return left.casefold() == right.casefold()
    if left is None and right is None:
        return True
    return as_number(left) == as_number(right)


def order(left: Any, right: Any, operator: str) -> bool:
    """GitHub's < and >."""
    low, high = (left, right) if operator == "<" else (right, left)
    if isinstance(low, str) and isinstance(high, str):
        return low.casefold() < high.casefold()
    return as_number(low) < as_number(high)


def member(value: Any, key: Any) -> Any:
    """A member by name, without case, or by index; null where there is none."""
    if isinstance(value, Filtered) and not isinstance(key, int | float):
        found = [member(item, key) for item in value]
        return Filtered([item for item in found if item is not None])
    if isinstance(value, dict):
        name = as_text(key).casefold()
        return next((item for known, item in value.items() if str(known).casefold() == name), None)
    if isinstance(value, list):
        place = as_number(key)
        return value[int(place)] if not math.isnan(place) and 0 <= place < len(value) else None
    return None


def items(value: Any) -> list[Any]:
    """What `.*` runs over."""
    if isinstance(value, Filtered):
        return [inner for item in value for inner in items(item)]
    if isinstance(value, dict):
        return list(value.values())
    return list(value) if isinstance(value, list) else []


def as_json(value: Any) -> str:
    """What toJSON() gives: two blanks deep."""
    return json.dumps(_plain(value), indent=2, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, float) and value == int(value):
        return int(value)
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value
