"""Which owners a file has."""

from __future__ import annotations

import pytest

from sandbox.forge.codeowners import owners, parse

TEXT = """
# everybody looks at everything
* @acme/ml-team
*.md @dan  # prose
/models/tumor/ @ben
releases/prod @ada @cleo
docs/* @eve
libs/**/tests/ @fay
/free/
[ab].txt @nobody
"""


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("Makefile", ("@acme/ml-team",)),
        ("src/mlops/cli.py", ("@acme/ml-team",)),
        ("a/b/README.md", ("@dan",)),
        ("models/tumor/train.py", ("@ben",)),
        ("other/models/tumor/train.py", ("@acme/ml-team",)),
        ("releases/prod/tumor.yml", ("@ada", "@cleo")),
        ("docs/a.txt", ("@eve",)),
        ("docs/deep/a.txt", ("@acme/ml-team",)),
        ("libs/a/b/tests/test_x.py", ("@fay",)),
        ("free/x.txt", ()),
        ("a.txt", ("@acme/ml-team",)),
    ],
)
def test_the_last_line_that_matches_counts(path: str, expected: tuple[str, ...]) -> None:
    assert owners(parse(TEXT), path) == expected


def test_a_file_that_no_line_matches_has_no_owner() -> None:
    assert owners(parse("/a @ben\n"), "b") == ()
