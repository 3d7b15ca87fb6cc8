"""Draw an evaluation as SVG: plain text, equal bytes for equal numbers, no plotting library in the image."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

WIDTH, ROW, LEFT, RIGHT = 780, 34, 220, 210
INK, SOFT, OURS, THEIRS, BAD = "#222", "#bbb", "#1f77b4", "#d98c00", "#c0392b"
COLOURS = (OURS, THEIRS, "#2e8b57")


def draw(evaluation: Mapping[str, Any], histogram: Mapping[str, Any] | None) -> dict[str, str]:
    """Return the pictures by file name."""
    pictures = {"metrics.svg": metrics(evaluation)}
    if evaluation["slices"]:
        pictures["slices.svg"] = slices(evaluation)
    if histogram:
        pictures["scores.svg"] = scores(histogram)
    return pictures


def metrics(evaluation: Mapping[str, Any]) -> str:
    """Each metric on a scale of its own, with its interval; the champion's value beside it."""
    champion = (evaluation["champion"] or {"metrics": {}})["metrics"]
    known = {name: found for name, found in evaluation["metrics"].items() if found["value"] is not None}
    rows = [
        metric_row(40 + ROW * place, name, found, champion.get(name, {}).get("value"))
        for place, (name, found) in enumerate(known.items())
    ]
    title = f"{evaluation['model']}: {evaluation['rows']} test rows, 95 % intervals"
    key = [text(WIDTH - 12, 22, "candidate", OURS, "end")]
    key += [text(WIDTH - 90, 22, "champion", THEIRS, "end")] if champion else []
    return canvas(50 + ROW * len(rows), title, [*key, *rows])


def metric_row(y: float, name: str, found: Mapping[str, Any], champion: float | None) -> str:
    """One metric: a line from low to high, a dot, and the champion's dot."""
    value = found["value"]
    low, high = (value if found[end] is None else found[end] for end in ("low", "high"))
    ends = [low, high, value, *([champion] if champion is not None else [])]
    place = scale(min(ends), max(ends))
    parts = [
        text(12, y + 14, name),
        line(LEFT, y + 10, WIDTH - RIGHT, y + 10, SOFT),
        line(place(low), y + 10, place(high), y + 10, OURS, 4),
        dot(place(value), y + 10, OURS),
        text(WIDTH - RIGHT + 12, y + 14, f"{value:.4g} [{low:.4g}, {high:.4g}]"),
    ]
    return "".join([*parts, ring(place(champion), y + 10, THEIRS) if champion is not None else ""])


def slices(evaluation: Mapping[str, Any]) -> str:
    """Each group's result as a dot, on one scale with the whole as a line."""
    found = [entry for entry in evaluation["slices"] if entry["result"] is not None]
    name = evaluation["slices"][0]["metric"]
    whole = evaluation["metrics"].get(name, {}).get("value")
    ends = [entry["result"] for entry in found] + ([whole] if whole is not None else [])
    place = scale(min(ends, default=0.0), max(ends, default=1.0))
    rows = []
    for number, entry in enumerate(found):
        y = 40 + ROW * number
        rows += [
            text(12, y + 14, f"{entry['column']} = {entry['value'] or 'empty'}"),
            line(LEFT, y + 10, WIDTH - RIGHT, y + 10, SOFT),
            dot(place(entry["result"]), y + 10, OURS),
            text(WIDTH - RIGHT + 12, y + 14, f"{entry['result']:.4g} ({entry['rows']} rows)"),
        ]
    bottom = 40 + ROW * len(found)
    if whole is not None:
        rows.append(line(place(whole), 34, place(whole), bottom, BAD))
    return canvas(bottom + 10, f"{name} by group; the line is all rows", rows)


def scores(histogram: Mapping[str, Any]) -> str:
    """Bars of how many rows have which score, one colour a class."""
    edges, counts = histogram["edges"], histogram["counts"]
    top = max(max(values) for values in counts.values()) or 1
    place, base = scale(edges[0], edges[-1], 40, WIDTH - 40), 240
    parts = [line(40, base, WIDTH - 40, base, INK)]
    for colour, (name, values) in zip(COLOURS, counts.items(), strict=False):
        for number, count in enumerate(values):
            left, right, height = place(edges[number]), place(edges[number + 1]), 180 * count / top
            parts.append(
                f'<rect x="{left:.1f}" y="{base - height:.1f}" width="{max(right - left - 1, 1):.1f}" '
                f'height="{height:.1f}" fill="{colour}" fill-opacity="0.55"/>'
            )
        if name:
            parts.append(text(WIDTH - 12, 22 + 18 * list(counts).index(name), name, colour, "end"))
    parts += [
        text(40, base + 18, f"{edges[0]:.4g}"),
        text(WIDTH - 40, base + 18, f"{edges[-1]:.4g}", INK, "end"),
    ]
    return canvas(base + 30, f"{histogram['column']} on the test rows", parts)


def scale(low: float, high: float, left: float = LEFT, right: float = WIDTH - RIGHT) -> Any:
    """Return what maps values to places; a single value lands in the middle."""
    width = high - low
    if width <= 0:
        return lambda value: (left + right) / 2
    return lambda value: left + 8 + (right - left - 16) * (value - low) / width


def canvas(height: float, title: str, parts: Sequence[str]) -> str:
    """Put parts on a white sheet under a title."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height}" role="img"'
    style = 'font-family="sans-serif" font-size="13"'
    sheet = f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>'
    return f"{head} {style}>\n{sheet}\n{text(12, 22, title)}\n" + "\n".join(parts) + "\n</svg>\n"


def text(x: float, y: float, words: str, colour: str = INK, anchor: str = "start") -> str:
    """Return words at a place."""
    return f'<text x="{x:.1f}" y="{y:.1f}" fill="{colour}" text-anchor="{anchor}">{escape(words)}</text>'


def line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int = 1) -> str:
    """Return a line."""
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def dot(x: float, y: float, colour: str) -> str:
    """Return a dot."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="5" fill="{colour}"/>'


def ring(x: float, y: float, colour: str) -> str:
    """Return a ring, which leaves a dot below it visible."""
    return f'<circle cx="{x:.1f}" cy="{y:.1f}" r="8" fill="none" stroke="{colour}" stroke-width="3"/>'
