"""A compiled pipeline is kept whole on this machine, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops.compiled import Compiled, keep_compiled, kept_at, read_compiled

if TYPE_CHECKING:
    from pathlib import Path

DIGEST = "ab" * 32
COMPILED = Compiled('{"Version": "2020-12-01"}', {"drivers/x/train.sh": b"\x00binary"})


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_what_was_kept_is_read_again() -> None:
    keep_compiled(DIGEST, COMPILED)
    assert read_compiled(DIGEST) == COMPILED


def test_another_digest_finds_nothing() -> None:
    keep_compiled(DIGEST, COMPILED)
    assert read_compiled("cd" * 32) is None


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"definition": "x", "uploads": {"a": "%"}}'])
def test_a_damaged_file_is_compiled_anew(content: str) -> None:
    keep_compiled(DIGEST, COMPILED)
    kept_at(DIGEST).write_text(content)
    assert read_compiled(DIGEST) is None, f"{content!r} was taken for a definition"


def test_a_cache_that_cannot_be_written_stops_nobody(cache: Path) -> None:
    cache.write_text("a file where the folder should be")
    keep_compiled(DIGEST, COMPILED)
    assert read_compiled(DIGEST) is None
