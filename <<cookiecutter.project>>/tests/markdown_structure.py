"""What a Markdown parser that is not ours makes of a text."""

from __future__ import annotations

import re

from markdown_it import MarkdownIt

PARSER = MarkdownIt("commonmark").enable(["table", "strikethrough"])
WIDTHLESS = "\u200b"


def block_types(body: str) -> list[str]:
    """The structure alone: which blocks open and close, in order."""
    return [token.type for token in PARSER.parse(body)]


def read_inline(text: str) -> tuple[str, set[str]]:
    """What a reader sees of one line, and the kinds of inline elements in it."""
    [token] = PARSER.parseInline(text)
    children = token.children or []
    seen = "".join(child.content for child in children if child.type != "html_inline")
    kinds = {child.content if child.type == "html_inline" else child.type for child in children}
    return seen.replace(WIDTHLESS, ""), kinds - {"text", "text_special"}


def ragged_rows(body: str) -> list[str]:
    """The lines of tables with another number of cells than the head of theirs."""
    lines, ragged, found = body.split("\n"), [], 0
    for token in PARSER.parse(body):
        if token.type == "table_open" and token.map:
            rows = lines[token.map[0] : token.map[1]]
            found += 1
            ragged += [row for row in rows if cells(row) != cells(rows[0])]
    assert found, "there is no table"
    return ragged


def cells(row: str) -> int:
    """The pipes of a row that are not escaped."""
    return len(re.findall(r"(?<!\\)\|", row))
