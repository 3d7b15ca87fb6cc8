"""What the tool asks git, in as few processes as it can."""

from __future__ import annotations

import os
import subprocess
from typing import TYPE_CHECKING

from mlops.errors import MlopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path


EMPTY_TREE = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"  # git's name for a tree of no files


def git(root: Path, *arguments: str, stdin: bytes | None = None) -> bytes:
    """Run git in the project; its output. Raises MlopsError with git's last line when it fails."""
    done = run(root, arguments, stdin)
    if done.returncode != 0:
        said = done.stderr.decode(errors="replace").strip().splitlines() or ["no message"]
        raise MlopsError(f"git {arguments[0]}: {said[-1]}")
    return done.stdout


def run(
    root: Path, arguments: Sequence[str], stdin: bytes | None = None
) -> subprocess.CompletedProcess[bytes]:
    """One git process: plain English messages, no lock taken for reading."""
    environment = {**os.environ, "LC_ALL": "C", "GIT_OPTIONAL_LOCKS": "0"}
    command = ["git", "-C", str(root), *arguments]
    try:
        return subprocess.run(command, input=stdin, capture_output=True, check=False, env=environment)
    except FileNotFoundError:
        raise MlopsError("'git' is not on PATH; install git") from None


def head_commit(root: Path) -> str:
    """The commit that is checked out, 40 hex digits."""
    try:
        return git(root, "rev-parse", "--verify", "HEAD^{commit}").decode().strip()
    except MlopsError as error:
        raise UsageError(
            f"{str(root)!r} has no commit to work from ({error}). Commit first: git add -A && git commit"
        ) from None


def require_full_history(root: Path) -> None:
    """Raise in a shallow clone: a diff against a commit that is not there would call everything changed."""
    if git(root, "rev-parse", "--is-shallow-repository").strip() == b"true":
        raise UsageError(
            f"{str(root)!r} is a shallow clone; history is needed. Type: git fetch --unshallow "
            "(in a workflow: actions/checkout with fetch-depth: 0)"
        )


def resolve_commit(root: Path, reference: str) -> str:
    """The commit that a branch, tag or hash names."""
    try:
        return (
            git(root, "rev-parse", "--verify", "--end-of-options", f"{reference}^{{commit}}").decode().strip()
        )
    except MlopsError:
        raise UsageError(f"{reference!r} names no commit here. See: git branch --all") from None


def merge_base(root: Path, base: str, head: str) -> str:
    """The commit at which `head` left `base`."""
    try:
        return git(root, "merge-base", base, head).decode().strip()
    except MlopsError:
        raise UsageError(f"{base!r} and {head!r} have no common history; a diff means nothing") from None


def is_ancestor(root: Path, commit: str, head: str) -> bool:
    """Whether `head` grew from a commit; a commit that is not here is none that it grew from."""
    return run(root, ["merge-base", "--is-ancestor", commit, head]).returncode == 0


def fork(root: Path, base: str, head: str) -> str:
    """What a diff of `head` is against: where it left `base`; nothing at all for the first push of a branch.

    Forges say forty zeros for the commit before the first one.
    """
    if base.strip("0") == "" and len(base) >= 40:
        return EMPTY_TREE
    require_full_history(root)
    return merge_base(root, resolve_commit(root, base), resolve_commit(root, head))


def project_prefix(root: Path) -> str:
    """The project's folder inside its repository: empty, or ending in a slash."""
    return git(root, "rev-parse", "--show-prefix").decode().strip()


def changed_paths(root: Path, base: str, head: str) -> list[str]:
    """Paths below the project that differ between two commits; a rename counts as both its names."""
    listing = git(root, "diff", "--name-only", "--no-renames", "--relative", "-z", base, head)
    return [path.decode() for path in listing.split(b"\0") if path]


def dirty_paths(root: Path, *paths: str) -> list[str]:
    """Paths with changes that no commit holds, untracked ones included."""
    listing = git(root, "status", "--porcelain", "--untracked-files=all", "--no-renames", "-z", "--", *paths)
    return [entry[3:].decode() for entry in listing.split(b"\0") if entry]


def list_files(root: Path, commit: str, *folders: str) -> list[str]:
    """Paths below the project that a commit holds, under the given folders."""
    listing = git(root, "ls-tree", "-r", "-z", "--name-only", commit, "--", *folders)
    return [path.decode() for path in listing.split(b"\0") if path]


def read_files(root: Path, commit: str, paths: Sequence[str]) -> dict[str, bytes | None]:
    """What files held at a commit, in one git process; None for a path that was not there."""
    if not paths:
        return {}
    refuse_newlines(paths)
    prefix = project_prefix(root)
    wanted = "".join(f"{commit}:{prefix}{path}\n" for path in paths).encode()
    answer = git(root, "cat-file", "--batch", stdin=wanted)
    return dict(zip(paths, split_batch(answer, len(paths)), strict=True))


def refuse_newlines(paths: Iterable[str]) -> None:
    """`git cat-file --batch` takes one object a line."""
    for path in paths:
        if "\n" in path:
            raise UsageError(f"{path!r} has a line break in its name; rename it")


def split_batch(answer: bytes, count: int) -> list[bytes | None]:
    """Take `git cat-file --batch` output apart: a header line, then that many bytes and a line feed."""
    contents: list[bytes | None] = []
    position = 0
    for _ in range(count):
        end = answer.index(b"\n", position)
        header = answer[position:end]
        position = end + 1
        if header.endswith((b" missing", b" ambiguous")):
            contents.append(None)
            continue
        size = int(header.rsplit(b" ", 1)[1])
        contents.append(answer[position : position + size])
        position += size + 1
    return contents


def last_versions(root: Path, path: str, commit: str = "HEAD") -> list[str]:
    """The commits of first-parent history that changed a path, newest first."""
    return git(root, "log", "--first-parent", "--format=%H", commit, "--", path).decode().split()


def search_files(root: Path, commit: str, word: str, pattern: str) -> list[str]:
    """Paths below the project that match a glob and hold a word at a commit."""
    prefix = project_prefix(root)
    arguments = ["grep", "-l", "-z", "-w", "-F", "-e", word, commit, "--", f":(top,glob){prefix}{pattern}"]
    done = run(root, arguments)
    if done.returncode > 1:
        raise MlopsError(f"git grep: {done.stderr.decode(errors='replace').strip()}")
    found = (name.decode().partition(":")[2] for name in done.stdout.split(b"\0") if name)
    return sorted(found)
