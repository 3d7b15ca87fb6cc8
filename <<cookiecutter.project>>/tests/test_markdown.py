"""Values of people and data keep their text and lose their power."""

from __future__ import annotations

import random

import pytest

from mlops.markdown import code, link, one_line, plain, table
from tests.markdown_structure import PARSER, ragged_rows, read_inline

ALPHABET = "ab1 \\`*_[]()<>|~$&#;@!:/.-=\"'{}é語\u202e\u200d"
HOSTILE = (
    "| a | b |",
    "`x` ``y``",
    "<!-- mlops:proposal -->",
    "<img src=x onerror=alert(1)>",
    "*a* _b_ __c__ ~~d~~",
    "[text](https://evil.example)",
    "![x](y)",
    "&lt;b&gt; &#64;ada",
    "a\\|b\\",
    "line\n# heading\n\n- item",
    "</details></summary>",
    "$x$ and ```",
)


def shake(seed: int) -> str:
    """Some text that a person could not have meant well."""
    dice = random.Random(seed)  # noqa: S311 - the same texts in every run
    return "x" + "".join(dice.choices(ALPHABET, k=30))


@pytest.mark.parametrize("text", HOSTILE)
def test_a_value_reads_as_it_was_written(text: str) -> None:
    assert read_inline(f"so: {plain(text)}") == (f"so: {one_line(text)}", set())


@pytest.mark.parametrize("text", HOSTILE)
def test_code_reads_as_it_was_written(text: str) -> None:
    seen, kinds = read_inline(code(text))
    assert seen == one_line(text)
    assert kinds in ({"code_inline"}, {"<code>", "</code>"})


def test_no_text_at_all_gets_through_as_markup() -> None:
    texts = [shake(seed) for seed in range(3000)]
    broken = [text for text in texts if read_inline(plain(text)) != (one_line(text), set())]
    assert broken == []


def test_no_text_at_all_leaves_its_cell() -> None:
    rows = [[plain(shake(seed)), code(shake(seed + 1))] for seed in range(3000)]
    assert ragged_rows(table(["a", "b"], rows, 3000, "rows")) == []


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("@ada", "@&#8203;ada"),
        ("@acme/ml", "@&#8203;acme/ml"),
        ("fixes #12", "fixes #&#8203;12"),
        ("closes acme/models#3", "closes acme/models#&#8203;3"),
        ("gh-7", "gh-&#8203;7"),
        ("https://evil.example", "https:&#8203;//evil.example"),
        ("www.evil.example", "www&#8203;.evil.example"),
    ],
)
def test_nobody_is_called_and_no_issue_is_touched(text: str, written: str) -> None:
    assert plain(text) == written


@pytest.mark.parametrize("text", ["roc_auc <= 0.25", "Say what's new (again); 5 > 4", "a & b"])
def test_ordinary_text_stays_readable_in_a_mail(text: str) -> None:
    assert plain(text) == text


def test_what_nobody_sees_is_taken_out() -> None:
    assert one_line("a\u202eb\x00\r\n\tc") == "a b c"


def test_a_long_value_is_cut() -> None:
    assert one_line("x" * 300) == "x" * 199 + "…"


def test_nothing_is_said_to_be_nothing() -> None:
    assert code(" \n") == "*empty*"


def test_a_table_says_how_much_it_leaves_out() -> None:
    text = table(["a"], [["1"], ["2"], ["3"]], 2, "things")
    assert text == "| a |\n| --- |\n| 1 |\n| 2 |\n\n… and 1 more things."


def test_a_link_goes_where_it_says() -> None:
    html = PARSER.renderInline(link("a]b", "https://x.example/a b)<c>?d=e&f#g"))
    assert html == '<a href="https://x.example/a%20b%29%3Cc%3E?d=e&amp;f#g">a]b</a>'


def test_a_link_to_a_script_is_none() -> None:
    assert link("here", "javascript:alert(1)") == "here"
