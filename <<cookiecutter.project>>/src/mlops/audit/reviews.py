"""What the forge said of the pull requests that ratified findings: fetched, then read without it.

A review is counted as `deploy` counts those of a pin: by others than its authors, of what was merged
(docs/adr/0012-four-eyes.md). A commit without a pull request is written down as such.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from mlops import git
from mlops.approvals import Bars, count
from mlops.audit.event import list_at, mapping_at, text_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from mlops.forge import Forge, PullRequest

FOLDER = "reviews"


@dataclass(frozen=True)
class Review:
    """One pull request's review, as it was fetched. `number` is nought where there was none."""

    number: int
    url: str
    author: str
    approvers: tuple[str, ...]
    refused: tuple[str, ...]
    paths: tuple[str, ...]
    files: Mapping[str, str]

    def why_not(self, path: str, digest: str, folder: str, required: int) -> str:
        """Why what a commit brought was not reviewed; empty where it was."""
        if not self.number:
            return "it came into main without a pull request"
        others = [name for name in self.paths if not name.startswith(f"{folder}/")]
        if others:
            return f"#{self.number} also changes {', '.join(map(repr, others[:3]))}"
        if self.files.get(path) != digest:
            return f"what #{self.number} merged is not what its reviewers saw"
        if len(self.approvers) < required:
            more = "".join(f"; {line}" for line in self.refused)
            return f"#{self.number} has {len(self.approvers)} of {required} approvals{more}"
        return ""


def fetch_reviews(forge: Forge, root: Path, listed: Iterable[tuple[str, str]], folder: Path) -> int:
    """Ask the forge about the commits that brought files; how many were asked for."""
    commits: dict[str, list[str]] = {}
    for path, commit in listed:
        commits.setdefault(commit, []).append(path)
    for commit, paths in commits.items():
        record = describe_review(forge, root, commit, paths)
        place = folder / FOLDER / f"{commit}.json"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    return len(commits)


def describe_review(forge: Forge, root: Path, commit: str, paths: Iterable[str]) -> dict[str, Any]:
    """What the forge knows of the pull request of a commit."""
    pull = forge.merged_pull(commit)
    if pull is None:
        return {"schema": 1, "commit": commit, "pull_request": None}
    counted, barred = count(
        forge.list_reviews(pull.number), pull.head, read_authors(forge, pull).reasons, forge.can_write
    )
    asked = {"number": pull.number, "url": pull.url, "head": pull.head, "author": str(pull.author)}
    prefix = git.project_prefix(root)
    contents = {path: forge.read_file(prefix + path, pull.head) for path in paths}
    return {
        "schema": 1,
        "commit": commit,
        "pull_request": asked,
        "approvals": [str(review.person) for review in counted],
        "not_counted": [f"{person} does not count: {why}" for person, why in barred],
        "paths": [path.removeprefix(prefix) for path in forge.list_paths(pull.number)],
        "files": {path: sha256(text).hexdigest() for path, text in contents.items() if text is not None},
    }


def read_authors(forge: Forge, pull: PullRequest) -> Bars:
    """Who may not judge a pull request: whoever opened it or wrote one of its commits."""
    bars = Bars()
    bars.add([pull.author], "opened the pull request")
    for authorship in forge.list_authors(pull.number):
        bars.add(authorship.people, f"wrote {authorship.commit[:12]} of the pull request")
        if authorship.unknown:  # who approves could be who wrote
            everybody = (review.person for review in forge.list_reviews(pull.number))
            bars.add(everybody, f"{authorship.unknown[0]!r} wrote it, whom the forge does not know")
    return bars


def read_reviews(folder: Path) -> dict[str, Review]:
    """The reviews in the audit's folder by commit; what is none of them is passed over."""
    found = {}
    for path in sorted((folder / FOLDER).glob("*.json")):
        try:
            content = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict) and content.get("commit") == path.stem:
            found[path.stem] = parse_review(content)
    return found


def parse_review(content: Mapping[str, Any]) -> Review:
    """One record."""
    number = mapping_at(content, "pull_request").get("number")
    return Review(
        number if isinstance(number, int) else 0,
        text_at(content, "pull_request", "url"),
        text_at(content, "pull_request", "author"),
        texts_at(content, "approvals"),
        texts_at(content, "not_counted"),
        texts_at(content, "paths"),
        {str(path): str(digest) for path, digest in mapping_at(content, "files").items()},
    )


def texts_at(content: Mapping[str, Any], member: str) -> tuple[str, ...]:
    """The texts of a list."""
    return tuple(entry for entry in list_at(content, member) if isinstance(entry, str))
