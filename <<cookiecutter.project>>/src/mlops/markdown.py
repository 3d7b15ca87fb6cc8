"""Write GitHub's Markdown out of values that people and data bring.

No value may change the structure around it, notify a person, refer to an issue or hide a comment: see
https://github.github.com/gfm/ and GitHub's references to people, issues and commits.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

LONGEST = 200  # characters of one value
APART = "&#8203;"  # a space without width: what GitHub would link stands in two pieces
# First what would be markup, then what GitHub links: people, issues (#12, GH-12) and addresses
SPECIAL = re.compile(
    r"(?P<markup>[\\`*\[\]|~$]|&(?=#?\w+;)|<(?=[A-Za-z/!?])|(?<![A-Za-z0-9])_|_(?![A-Za-z0-9]))"
    r"|[@#]|:(?=//)|\bwww(?=\.)|\bGH-(?=\d)",
    re.IGNORECASE,
)
PLAIN_CODE = re.compile(r"[^`|<\\]+")


def one_line(text: object, longest: int = LONGEST) -> str:
    """A value on one line, without characters that nobody sees, cut where it is too long."""
    seen = "".join(char if char.isprintable() else " " for char in str(text))
    words = " ".join(seen.split())
    return words if len(words) <= longest else f"{words[: longest - 1]}…"


def plain(text: object) -> str:
    """A value as text that reads as it was written; never to be put at the beginning of a line."""
    return SPECIAL.sub(defuse, one_line(text))


def defuse(found: re.Match[str]) -> str:
    """Markup as the character that it is, by its number; what would be linked in two pieces."""
    return f"&#{ord(found.group())};" if found["markup"] else found.group() + APART


def code(text: object) -> str:
    """A value in a typewriter's letters."""
    value = one_line(text)
    if not value:
        return "*empty*"
    return f"`{value}`" if PLAIN_CODE.fullmatch(value) else f"<code>{plain(value)}</code>"


def link(label: str, url: str) -> str:
    """A link to a page; the label alone where the address is no https."""
    if not url.startswith("https://"):
        return plain(label)
    return f"[{plain(label)}]({quote(one_line(url, 2000), safe='/:?#=&%;,+@-._~!')})"


def table(head: Sequence[str], rows: Iterable[Sequence[str]], limit: int, what: str) -> str:
    """A table of cells that are Markdown already; after `limit` rows it counts the `what` left out."""
    listed = list(rows)
    lines = [row_of(head), row_of(["---"] * len(head)), *map(row_of, listed[:limit])]
    left = len(listed) - limit
    return "\n".join(lines) + (f"\n\n… and {left} more {what}." if left > 0 else "")


def row_of(cells: Sequence[str]) -> str:
    """One row of a table."""
    return f"| {' | '.join(cells)} |"


def details(summary: str, content: str) -> str:
    """A part that opens on a click; `summary` is ours, never a value."""
    return f"<details>\n<summary>{summary}</summary>\n\n{content}\n\n</details>"


def listing(values: Sequence[str], limit: int = 12) -> str:
    """Values in a sentence, the first ones where there are many."""
    shown = ", ".join(code(value) for value in values[:limit])
    return shown + (f" and {len(values) - limit} more" if len(values) > limit else "")


def number(value: float | None) -> str:
    """A number to four digits; a dash where there is none."""
    return "-" if value is None else f"{value:.4g}"
