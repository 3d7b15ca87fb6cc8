"""YAML in: strict, and every refusal says where, what was found, what is allowed."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import Field

from mlops.documents import Document, dump_yaml, parse_document
from mlops.errors import UsageError


class Inner(Document):
    size: int


class Outer(Document):
    name: str
    inner: Inner
    more: list[Inner] = Field(default_factory=list)


GOOD = "name: a\ninner: {size: 1}\n"


def test_a_good_document_is_read() -> None:
    assert parse_document(GOOD, Outer, "f.yml") == Outer(name="a", inner=Inner(size=1))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nmae: a\nname: b\ninner: {size: 1}", "f.yml: unknown key 'nmae'; allowed here: inner, more, name"),
        ("name: a\ninner: {size: 1, szie: 2}", "f.yml: unknown key 'inner.szie'; allowed here: size"),
        (GOOD + "more: [{size: 1, x: 1}]", "f.yml: unknown key 'more.0.x'; allowed here: size"),
        ("inner: {size: 1}", "f.yml: key 'name' is missing"),
        ("name: a\ninner: {size: '1'}", "f.yml: inner.size: found '1': input should be a valid integer"),
        ("name: a\nname: b", "f.yml: line 2, column 1: key 'name' stands twice"),
        ("name: [", "f.yml: line 2, column 1: did not find expected node content"),
        ("- a", "f.yml: holds list, not a mapping of keys to values"),
        ("", "f.yml: holds NoneType, not a mapping of keys to values"),
    ],
)
def test_a_bad_document_is_refused_in_words(text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_document(text, Outer, "f.yml")
    assert str(refused.value) == message


def test_every_problem_is_named_on_a_line_of_its_own() -> None:
    with pytest.raises(UsageError) as refused:
        parse_document("x: 1", Outer, "f.yml")
    assert str(refused.value).count("\n") == 2


def test_a_yaml_tag_that_would_run_code_is_refused() -> None:
    with pytest.raises(UsageError, match="could not determine a constructor"):
        parse_document("name: !!python/object/apply:os.getcwd []", Outer, "f.yml")


def test_dumped_yaml_has_no_anchors_and_keeps_its_order() -> None:
    shared: dict[str, Any] = {"z": 1, "a": "1"}
    assert dump_yaml({"b": shared, "a": shared}) == "b:\n  z: 1\n  a: '1'\na:\n  z: 1\n  a: '1'\n"
