"""What the tool asks git, in repositories that are not simple."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops import git
from mlops.errors import UsageError
from tests.conftest import commit
from tests.conftest import git as run_git

if TYPE_CHECKING:
    from pathlib import Path

ODD = "models/guess/wörter und mehr.py"


def test_names_with_spaces_and_umlauts_come_back_as_they_are(root: Path) -> None:
    (root / ODD).write_text("x\n")
    assert git.dirty_paths(root, "models/guess") == [ODD]
    before = run_git(root, "rev-parse", "HEAD")
    after = commit(root, "Add")
    assert git.changed_paths(root, before, after) == [ODD]
    assert git.read_files(root, after, [ODD, "nowhere"]) == {ODD: b"x\n", "nowhere": None}
    assert ODD in git.list_files(root, after, "models/")


def test_files_of_any_content_are_read_in_one_go(root: Path) -> None:
    contents = {f"f{number}": bytes([number, 10, 0]) * number for number in range(5)}
    for name, content in contents.items():
        (root / name).write_bytes(content)
    head = commit(root, "Add")
    assert git.read_files(root, head, list(contents)) == contents


def test_a_line_break_in_a_name_is_refused(root: Path) -> None:
    with pytest.raises(UsageError, match="has a line break in its name; rename it"):
        git.read_files(root, "HEAD", ["a\nb"])


def test_a_word_is_found_in_specs_only_as_a_word(root: Path) -> None:
    assert git.search_files(root, "HEAD", "guess", "models/*/model.yml") == ["models/guess/model.yml"]
    assert git.search_files(root, "HEAD", "gues", "models/*/model.yml") == []


def test_a_reference_cannot_be_an_option(root: Path) -> None:
    with pytest.raises(UsageError, match=r"^'--help' names no commit here"):
        git.resolve_commit(root, "--help")


def test_unrelated_histories_have_no_plan(root: Path) -> None:
    run_git(root, "checkout", "-q", "--orphan", "other")
    commit(root, "Other")
    with pytest.raises(UsageError, match="'main' and 'other' have no common history; a diff means nothing"):
        git.merge_base(root, "main", "other")
