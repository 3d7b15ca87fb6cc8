"""Decide whether measured values are good enough, and say why in words."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

Metrics = Mapping[str, float | None]


def evaluation(
    model: str,
    rows: int,
    metrics: Metrics,
    champion: Mapping[str, Any] | None,
    rules: Sequence[Mapping[str, Any]],
) -> dict[str, Any]:
    """Return the content of evaluation.json. NaN and infinities are not JSON: they are written as null."""
    verdicts = [verdict for rule in rules for verdict in judge(rule, metrics)]
    failed = [verdict for verdict in verdicts if not verdict["passed"]]
    if champion is not None:
        champion = {**champion, "metrics": finite(champion["metrics"])}
    return {
        "schema": 1,
        "model": model,
        "rows": rows,
        "metrics": finite(metrics),
        "champion": champion,
        "gates": verdicts,
        "passed": bool(verdicts) and not failed,
        "reason": reason(verdicts, failed),
    }


def judge(rule: Mapping[str, Any], metrics: Metrics) -> list[dict[str, Any]]:
    """Judge one rule: a verdict for each bound that it sets."""
    name = rule["metric"]
    bounds = [(key, rule[key]) for key in ("min", "max") if rule.get(key) is not None]
    return [_verdict(name, metrics.get(name), name in metrics, key == "min", bound) for key, bound in bounds]


def _verdict(name: str, value: float | None, measured: bool, lower: bool, bound: float) -> dict[str, Any]:
    gate = f"{name} {'>=' if lower else '<='} {bound:g}"
    if not measured:
        return {"gate": gate, "passed": False, "why": f"evaluate.py reported no {name}"}
    if value is None or math.isnan(value):
        return {"gate": gate, "passed": False, "why": f"{name} is not a number on these rows"}
    passed = value >= bound if lower else value <= bound
    words = ("at least" if passed else "below") if lower else ("at most" if passed else "above")
    return {"gate": gate, "passed": passed, "why": f"{value:.6g} is {words} {bound:g}"}


def reason(verdicts: Sequence[Mapping[str, Any]], failed: Sequence[Mapping[str, Any]]) -> str:
    """Sum up in one line."""
    if not verdicts:
        return "no gate is set: model.yml must name at least one"
    if not failed:
        return f"all {len(verdicts)} gates passed" if len(verdicts) > 1 else "the gate passed"
    return "; ".join(f"gate {verdict['gate']} failed: {verdict['why']}" for verdict in failed)


def finite(metrics: Metrics) -> dict[str, float | None]:
    """Replace what JSON cannot say."""
    known = {name: value for name, value in metrics.items() if value is not None and math.isfinite(value)}
    return {name: known.get(name) for name in metrics}
