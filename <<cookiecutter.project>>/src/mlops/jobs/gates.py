"""Decide whether what was measured is good enough, and say why in words."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MEGABYTE = 1 << 20
Found = Mapping[str, Any]
Verdict = dict[str, Any]


@dataclass(frozen=True)
class Findings:
    """All that is known of a candidate: what measure.py, predict.py and the prepare job found."""

    measured: Found
    latency: Found
    archive_bytes: int
    overlap: Found | None
    rows: int


def judge(rules: Found, found: Findings) -> list[Verdict]:
    """Judge every rule of a resolved gate."""
    measured = found.measured
    verdicts = [verdict for rule in rules["metrics"] for verdict in bounds(rule, measured["metrics"])]
    if measured["champion"] and "difference" in measured["champion"]:
        verdicts.append(
            difference(measured["champion"]["difference"], rules["champion"], measured["metrics"])
        )
    if measured["slices"]:
        verdicts += slices(measured["slices"], rules["slices"], measured["metrics"])
    return [
        *verdicts,
        *leaks(measured["leaks"]),
        overlap(found.overlap, rules["leakage"]["shared_rows"], found.rows),
        *predictions(measured["predictions"]),
        latency(found.latency, rules["latency"]["p95_ms"]),
        archive(found.archive_bytes, rules["archive_mb"]),
    ]


def verdict(gate: str, passed: bool, why: str) -> Verdict:
    """Put one judgement into words."""
    return {"gate": gate, "passed": passed, "why": why}


def bounds(rule: Found, metrics: Found) -> list[Verdict]:
    """Judge the absolute bounds of a metric; both are inclusive."""
    name = rule["metric"]
    limits = [(key, rule[key]) for key in ("min", "max") if rule.get(key) is not None]
    return [_bound(name, metrics.get(name), key == "min", limit) for key, limit in limits]


def _bound(name: str, metric: Found | None, lower: bool, limit: float) -> Verdict:
    gate = f"{name} {'>=' if lower else '<='} {limit:g}"
    if metric is None:
        return verdict(gate, False, f"evaluate.py reported no {name}")
    value = metric["value"]
    if value is None or not math.isfinite(value):
        return verdict(gate, False, f"{name} is not a number on these rows")
    passed = value >= limit if lower else value <= limit
    words = ("at least" if passed else "below") if lower else ("at most" if passed else "above")
    return verdict(gate, passed, f"{value:.6g} is {words} {limit:g}")


def difference(found: Found, rule: Found, metrics: Found) -> Verdict:
    """Judge the comparison: with confidence, the candidate is worse by the margin at most."""
    name, margin, low = found["metric"], found["margin"], found["low"]
    gate = f"{name} against the champion"
    if low is None:
        return verdict(gate, False, f"{name} has no value on too many resamples: more test rows are needed")
    ours = metrics[name]["value"]
    theirs = ours - found["value"] if rule["better"] == "high" else ours + found["value"]
    sides = f"{ours:.6g} against the champion's {theirs:.6g}"
    level = f"at {100 * rule['confidence']:g} % confidence"
    shown = f"better by at least {low:.3g}" if low > 0 else f"worse by {-low + 0.0:.3g} at most"
    if low >= -margin - rounding(ours):
        return verdict(gate, True, f"{sides}: {shown} {level}, {margin:g} is allowed")
    return verdict(gate, False, f"{sides}: may be worse by {-low:.3g} {level}, {margin:g} is allowed")


def rounding(value: float) -> float:
    """Return what arithmetic alone may change: equal models differ in the last digit."""
    return 1e-9 * max(1.0, abs(value))


def slices(found: Found, rule: Found, metrics: Found) -> list[Verdict]:
    """Judge each group against the whole."""
    name, most = rule["metric"], rule["max_drop"]
    unknown = [
        verdict(f"{name} by {column}", False, f"{column!r} is in neither truth.csv nor features.csv")
        for column in found["missing"]
    ]
    whole = metrics.get(name, {}).get("value")
    judged = [_slice(entry, whole, rule["better"] == "high", most) for entry in found["slices"]]
    if not unknown and not judged:
        few = f"no group of {', '.join(rule['columns'])} has {rule['min_rows']} test rows"
        judged = [verdict(f"{name} by {', '.join(rule['columns'])}", True, f"{few}: none is judged")]
    return unknown + judged


def _slice(entry: Found, whole: float | None, high: bool, most: float) -> Verdict:
    gate = f"{entry['metric']} where {entry['column']} is {entry['value'] or 'empty'}"
    result = entry["result"]
    if result is None or whole is None:
        return verdict(gate, False, f"{entry['metric']} is not a number on these {entry['rows']} rows")
    drop = whole - result if high else result - whole
    words = f"{result:.6g} on {entry['rows']} rows, {abs(drop):.3g} {'worse' if drop > 0 else 'better'}"
    allowed = f"than on all; {most:g} worse is allowed"
    return verdict(gate, drop <= most + rounding(whole), f"{words} {allowed}")


def leaks(found: Sequence[Found]) -> list[Verdict]:
    """Judge whether a feature tells the label without any model."""
    if not found:
        return [verdict("no feature gives the label away", True, "none equals or perfectly ranks it")]
    remedy = "remove it, or name it under gate.leakage.trusted if it is known when a client asks"
    return [
        verdict(
            "no feature gives the label away",
            False,
            f"{leak['feature']!r} {leak['how']} {leak['label']!r} on every test row: {remedy}",
        )
        for leak in found
    ]


def overlap(found: Found | None, allowed: float, rows: int) -> Verdict:
    """Judge whether test rows were trained on."""
    gate = "no test row was trained on" if not allowed else f"at most {allowed:.3g} of test rows trained on"
    if found is None:
        return verdict(gate, False, "the prepare job left no test/overlap.json: nobody looked")
    if not found["files"]:
        return verdict(gate, True, "no CSV file in train/ has the columns of features.csv: not looked at")
    passed = found["shared"] <= allowed * rows
    words = f"{found['shared']} of {rows} test rows also stand in train/"
    return verdict(gate, passed, words if passed else f"{words} (equal in every feature)")


def predictions(found: Found) -> list[Verdict]:
    """Judge whether there is anything to measure in the answers."""
    odd = ", ".join(map(repr, found["odd"]))
    finite = f"{odd} holds values that are missing, NaN or infinite" if odd else "every value is finite"
    same = f"{found['first']!r} is the same in every row"
    return [
        verdict("predictions are numbers", not odd, finite),
        verdict(
            "predictions vary",
            not found["constant"],
            same if found["constant"] else f"{found['first']!r} differs between rows",
        ),
    ]


def latency(found: Found, limit: float) -> Verdict:
    """Judge the handler's time for one row."""
    value = found["p95_ms"]
    words = "at most" if value <= limit else "above"
    return verdict(f"p95 of one row <= {limit:g} ms", value <= limit, f"{value:.3g} ms is {words} {limit:g}")


def archive(size: int, limit: int) -> Verdict:
    """Judge the unpacked size of weights and code."""
    found = size / MEGABYTE
    passed = found <= limit
    words = "at most" if passed else "above"
    return verdict(f"archive <= {limit} MB", passed, f"{found:.3g} MB is {words} {limit}")


def conclude(verdicts: Sequence[Found], champion: Found | None) -> dict[str, Any]:
    """Sum up: the verdict in a word, whether to go on, and one line that says why."""
    failed = [entry for entry in verdicts if not entry["passed"]]
    compared = champion is not None and "difference" in champion
    word = "failed" if failed or not verdicts else "passed" if compared else "no-champion"
    return {"verdict": word, "passed": word != "failed", "reason": reason(verdicts, failed, champion)}


def reason(verdicts: Sequence[Found], failed: Sequence[Found], champion: Found | None) -> str:
    """Say it in one line."""
    if not verdicts:
        return "no gate is set: model.yml must name at least one"
    if failed:
        return "; ".join(f"gate {entry['gate']} failed: {entry['why']}" for entry in failed)
    if champion is None:
        return f"all {len(verdicts)} gates passed; there is no champion to compare with"
    if "why" in champion:
        return f"all {len(verdicts)} gates passed; the champion could not be measured: {champion['why']}"
    return f"all {len(verdicts)} gates passed"
