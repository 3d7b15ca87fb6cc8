"""A pull request for a person with a browser: what it says, who reviewed it, how its checks ended."""

from __future__ import annotations

import re
from html import escape
from typing import TYPE_CHECKING

from werkzeug.wrappers import Response

from sandbox.forge import judge
from sandbox.forge.calls import Refusal
from sandbox.forge.records import Comment, Review

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.forge.board import Board
    from sandbox.forge.records import Issue, Pull

PATH = re.compile(r"/(?P<name>[^/]+/[^/]+)/pull/(?P<number>\d+)")
STYLE = (
    "body{font:16px sans-serif;max-width:60em;margin:2em auto}pre{white-space:pre-wrap}td{padding:0 1em 0 0}"
)


def serve(board: Board, path: str) -> Response | None:
    """The page at a path, if it is one of a pull request's."""
    found = PATH.fullmatch(path)
    if found is None or found["name"] != board.repository.full_name:
        return None
    try:
        issue, pull = board.issue(found["number"]), judge.test(board, board.pull(found["number"]))
    except Refusal:
        return Response(f"There is no pull request #{found['number']}.\n", 404)
    return Response(_render(board, issue, pull), content_type="text/html; charset=utf-8")


def _render(board: Board, issue: Issue, pull: Pull) -> str:
    title = f"{issue.title} #{issue.number}"
    state = "merged" if pull.merged_at else issue.state
    _, mergeable = judge.state(board, issue, pull)
    comments = [comment for comment in board.records.all(Comment) if comment.issue == issue.number]
    reviews = board.records.all(Review, f"{pull.number}/")
    checks = board.checks(pull.head_sha).items()
    return "".join(
        (
            f"<!doctype html><meta charset=utf-8><title>{escape(title)}</title><style>{STYLE}</style>",
            f"<h1>{escape(title)}</h1><p><b>{state}</b> ({mergeable}): {escape(issue.author)} wants to ",
            f"merge <code>{escape(pull.head_ref)}</code> into <code>{escape(pull.base_ref)}</code></p>",
            f"<pre>{escape(issue.body or '')}</pre>",
            _table("Reviews", ((one.author, one.state, one.commit[:12], one.body) for one in reviews)),
            _table("Checks", ((name, check.conclusion) for name, check in checks)),
            _table("Files", ((one.path, one.status) for one in board.proposed(pull))),
            _table("Comments", ((one.author, one.body) for one in comments)),
        )
    )


def _table(title: str, rows: Iterable[tuple[str, ...]]) -> str:
    lines = ["<tr>" + "".join(f"<td>{escape(cell)}" for cell in row) for row in rows]
    return f"<h2>{title}</h2><table>{''.join(lines)}</table>" if lines else ""
