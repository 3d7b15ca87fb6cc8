"""Draw an evaluation's curves as Mermaid charts, which GitHub renders: https://mermaid.js.org/syntax/xyChart.html.

A chart holds numbers and words of ours alone; names from the data stand in the text above it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.markdown import code

if TYPE_CHECKING:
    from collections.abc import Iterable

    from mlops.evaluation import Curve


def draw(curve: Curve) -> str:
    """One curve with what its lines are; Mermaid has no legend."""
    if curve.kind == "roc":
        return draw_roc(curve)
    return draw_calibration(curve)


def draw_roc(curve: Curve) -> str:
    """How many positives are found at each share of false alarms."""
    order = [name for name in ("candidate", "champion") if name in curve.lines]
    lines = [
        'x-axis "false alarms, share of negatives" 0 --> 1',
        'y-axis "found, share of positives" 0 --> 1',
    ]
    drawn = chart([*lines, *(line(curve.lines[name]) for name in order)])
    return f"ROC of {code(curve.column)} for {code(curve.label)}; {legend(order)}.\n\n{drawn}"


def draw_calibration(curve: Curve) -> str:
    """What was predicted and what was true, in groups of test rows by rising prediction."""
    order = [name for name in ("observed", "predicted") if name in curve.lines]
    groups = ", ".join(f"{place:.0f}" for place in curve.x)
    lines = [f'x-axis "groups of test rows, by rising prediction" [{groups}]', f'y-axis "mean" {span(curve)}']
    words = f"{code(curve.column)} against {code(curve.label)}; {legend(order)}. Where the lines part"
    drawn = chart([*lines, *(line(curve.lines[name]) for name in order)])
    return f"{words}, the numbers promise more or less than came true.\n\n{drawn}"


def legend(names: Iterable[str]) -> str:
    """Which line is which, in the order in which they are drawn."""
    words = ("first", "second")
    return ", ".join(f"{place} line: {name}" for place, name in zip(words, names, strict=False))


def span(curve: Curve) -> str:
    """The ends of the scale: of all lines, with some room."""
    values = [value for values in curve.lines.values() for value in values]
    low, high = min(values), max(values)
    room = (high - low) / 20 or 1.0
    return f"{low - room:.6f} --> {high + room:.6f}"


def line(values: Iterable[float]) -> str:
    """One line of a chart, in the decimal notation that Mermaid reads."""
    return f"line [{', '.join(f'{value:.6f}' for value in values)}]"


def chart(lines: Iterable[str]) -> str:
    """A fenced chart."""
    return "\n".join(["```mermaid", "xychart-beta", *(f"    {words}" for words in lines), "```"])
