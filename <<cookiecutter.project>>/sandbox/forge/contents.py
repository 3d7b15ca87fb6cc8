"""Files and folders at a commit, and the branches."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import pygit2

from sandbox.forge import revisions
from sandbox.forge.calls import Answer, Call, Route, missing
from sandbox.forge.paging import page
from sandbox.forge.repository import DEFAULT_BRANCH, entry_at

if TYPE_CHECKING:
    from sandbox.forge.board import Board

PATH = "/repos/<owner>/<name>"
KINDS = {"blob": "file", "tree": "dir", "commit": "submodule"}


class Contents:
    """The routes that read files and branches."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.routes = [
            Route("GET", f"{PATH}/contents", self.get, "contents"),
            Route("GET", f"{PATH}/contents/", self.get, "contents"),
            Route("GET", f"{PATH}/contents/<path:path>", self.get, "contents"),
            Route("GET", f"{PATH}/branches", self.branches, "contents"),
            Route("GET", f"{PATH}/branches/<path:branch>", self.branch, "contents"),
        ]

    def get(self, call: Call) -> Answer:
        """A file with its bytes, or the entries of a folder."""
        repository = self._board.repository_of(call)
        sha = repository.find(call.query.get("ref", DEFAULT_BRANCH))
        path = call.arguments.get("path", "").strip("/")
        found = entry_at(repository.commit(sha).tree, path) if sha else None
        if found is None:
            raise missing()
        if isinstance(found, pygit2.Tree):
            prefix = f"{path}/" if path else ""
            return Answer([_entry(call, entry, f"{prefix}{entry.name}") for entry in found])
        if "raw" in call.accept and isinstance(found, pygit2.Blob):
            return Answer(found.data, content_type="application/vnd.github.raw; charset=utf-8")
        return Answer(_file(call, found, path))

    def branches(self, call: Call) -> Answer:
        repository = self._board.repository_of(call)
        names = [name.removeprefix("refs/heads/") for name, _ in repository.refs("refs/heads/")]
        return page(call, names, lambda name: self._short(call, name, repository.branch(name)))

    def _short(self, call: Call, name: str, sha: str | None) -> dict[str, Any]:
        commit = {"sha": sha, "url": f"{call.api}/commits/{sha}"}
        return {"name": name, "commit": commit, "protected": self._is_protected(name)}

    def _is_protected(self, name: str) -> bool:
        rules = self._board.rules(f"refs/heads/{name}", None, by_pull=False)
        return bool(rules.reviews or rules.checks or rules.forbidden)

    def branch(self, call: Call) -> Answer:
        repository, name = self._board.repository_of(call), call.arguments["branch"]
        sha = repository.branch(name)
        if sha is None:
            raise missing()
        url = f"{call.api}/branches/{name}"
        page_url = f"{call.url}/{repository.full_name}/tree/{name}"
        checks = {"enforcement_level": "off", "contexts": [], "checks": []}
        return Answer(
            {
                **self._short(call, name, sha),
                "commit": revisions.commit(self._board.ground, repository, repository.commit(sha)),
                "_links": {"self": url, "html": page_url},
                # of branch protection, which rulesets have replaced
                "protection": {"enabled": False, "required_status_checks": checks},
                "protection_url": f"{url}/protection",
            }
        )


def _entry(call: Call, found: pygit2.Object, path: str) -> dict[str, Any]:
    kind, sha, ref = found.type_str, str(found.id), call.query.get("ref", DEFAULT_BRANCH)
    here = f"{call.api}/contents/{path}?ref={ref}"
    page_url = f"{call.url}/{call.arguments['owner']}/{call.arguments['name']}"
    git = f"{call.api}/git/{kind}s/{sha}"
    html = f"{page_url}/{kind}/{ref}/{path}"
    return {
        "type": KINDS[kind],
        "size": found.size if isinstance(found, pygit2.Blob) else 0,
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "url": here,
        "git_url": git,
        "html_url": html,
        "download_url": f"{page_url}/raw/{ref}/{path}" if kind == "blob" else None,
        "_links": {"self": here, "git": git, "html": html},
    }


def _file(call: Call, found: pygit2.Object, path: str) -> dict[str, Any]:
    shape = _entry(call, found, path)
    if not isinstance(found, pygit2.Blob):
        return shape
    return {**shape, "encoding": "base64", "content": base64.encodebytes(found.data).decode()}
