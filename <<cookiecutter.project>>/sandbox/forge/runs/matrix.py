"""`strategy.matrix`: the combinations of a job, and what GitHub calls each."""

from __future__ import annotations

import itertools
from typing import Any

from sandbox.forge.runs import values
from sandbox.forge.runs.errors import WorkflowError

LARGEST = 256
Combination = dict[str, Any]


def expand(matrix: Any) -> list[Combination]:
    """Every combination, in GitHub's order; `include` extends those it agrees with, or adds its own."""
    if not isinstance(matrix, dict):
        raise WorkflowError(f"`strategy.matrix` is {matrix!r}, not a mapping")
    axes = {name: found for name, found in matrix.items() if name not in ("include", "exclude")}
    for name, found in axes.items():
        if not isinstance(found, list) or not found:
            raise WorkflowError(f"`strategy.matrix.{name}` is {found!r}. A list with at least one value")
    combinations = _product(axes)
    for unwanted in _listed(matrix, "exclude"):
        combinations = [found for found in combinations if not _agrees(found, unwanted)]
    combinations = _include(combinations, _listed(matrix, "include"))
    if not combinations:
        raise WorkflowError("`strategy.matrix` has no combination. Guard the job by an `if:`")
    if len(combinations) > LARGEST:
        raise WorkflowError(f"`strategy.matrix` has {len(combinations)} combinations; {LARGEST} at most")
    return combinations


def _product(axes: dict[str, list[Any]]) -> list[Combination]:
    if not axes:
        return []
    return [dict(zip(axes, chosen, strict=True)) for chosen in itertools.product(*axes.values())]


def _listed(matrix: dict[str, Any], key: str) -> list[Combination]:
    found = matrix.get(key) or []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise WorkflowError(f"`strategy.matrix.{key}` is {found!r}, not a list of mappings")
    return found


def _agrees(combination: Combination, wanted: Combination) -> bool:
    return all(key in combination and combination[key] == value for key, value in wanted.items())


def _include(combinations: list[Combination], extra: list[Combination]) -> list[Combination]:
    """An entry extends each original combination none of whose own values it would change."""
    original = [dict(found) for found in combinations]
    extended = [dict(found) for found in combinations]
    added: list[Combination] = []
    for entry in extra:
        fits = [
            place
            for place, found in enumerate(original)
            if all(found[key] == value for key, value in entry.items() if key in found)
        ]
        for place in fits:
            extended[place].update(entry)
        if not fits:
            added.append(dict(entry))
    return [*extended, *added]


def describe(combination: Combination) -> str:
    """What stands behind a job's name: `(3.11, ubuntu)`; mappings show their own values."""
    said = [text for value in combination.values() for text in _texts(value)]
    return f" ({', '.join(said)})" if said else ""


def _texts(value: Any) -> list[str]:
    if isinstance(value, dict | list):
        inner = value.values() if isinstance(value, dict) else value
        return [text for item in inner for text in _texts(item)]
    return [values.as_text(value)]
