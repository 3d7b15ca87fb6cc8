"""DVC's pointers, listings and remotes, as DVC writes them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from mlops.dataset import DataFile, Pointer, Remote, parse_listing, parse_pointer, read_pointer, read_remote
from mlops.errors import UsageError
from mlops.spec import read_spec
from tests.conftest import edit

if TYPE_CHECKING:
    from pathlib import Path

FOLDER = (
    "outs:\n- md5: 0cc175b9c0f1b6a831c399e269772661.dir\n  size: 9\n  nfiles: 2\n  hash: md5\n  path: raw\n"
)


def test_a_folder_pointer_is_read() -> None:
    pointer = parse_pointer(FOLDER, "x.dvc")
    assert pointer == Pointer("0cc175b9c0f1b6a831c399e269772661.dir", "raw")
    assert pointer.is_folder


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("outs: []", "x.dvc: needs exactly one entry under 'outs', as `dvc add` writes it"),
        ("stages: {}", "x.dvc: needs exactly one entry under 'outs', as `dvc add` writes it"),
        (
            FOLDER.replace("0cc175b9c0f1b6a831c399e269772661", "zz"),
            "x.dvc: outs[0].md5: found 'zz.dir'; allowed: 32 hex digits, with .dir",
        ),
        (
            FOLDER.replace("raw", "../raw"),
            "x.dvc: outs[0].path: found '../raw'; allowed: a name beside the pointer",
        ),
    ],
)
def test_a_bad_pointer_is_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError) as refused:
        parse_pointer(text, "x.dvc")
    assert str(refused.value) == message


def test_a_missing_pointer_names_the_command_that_makes_it(root: Path) -> None:
    (root / "models/guess/data/rows.csv.dvc").unlink()
    with pytest.raises(UsageError, match=r"Make it: dvc add models/guess/data/rows\.csv$"):
        read_pointer(root, read_spec(root, "guess"))


def test_a_listing_comes_in_path_order() -> None:
    listing = [{"md5": "b" * 32, "relpath": "b.csv"}, {"md5": "a" * 32, "relpath": "a/x.csv"}]
    files = parse_listing(json.dumps(listing).encode(), "s3://x")
    assert files == [DataFile("a/x.csv", "a" * 32), DataFile("b.csv", "b" * 32)]


@pytest.mark.parametrize("path", ["../../etc/passwd", "/etc/passwd", ""])
def test_a_listing_cannot_leave_its_folder(path: str) -> None:
    listing = json.dumps([{"md5": "b" * 32, "relpath": path}]).encode()
    with pytest.raises(UsageError, match="which is not a file of a folder"):
        parse_listing(listing, "s3://x")


def test_a_damaged_listing_says_what_to_do() -> None:
    with pytest.raises(UsageError, match=r"^s3://x: is not a DVC folder listing: .*Push it again: dvc push$"):
        parse_listing(b"[1", "s3://x")


def test_the_remote_is_the_default_one(root: Path) -> None:
    remote = read_remote(root)
    assert remote == Remote("acme-data-111111111111-eu-west-1", "dvc")
    assert remote.key("abcdef") == "dvc/files/md5/ab/cdef"


def test_a_remote_that_is_not_on_s3_is_refused(root: Path) -> None:
    edit(root / ".dvc/config", "s3://acme-data-111111111111-eu-west-1/dvc", "/mnt/data")
    with pytest.raises(UsageError) as refused:
        read_remote(root)
    expected = ".dvc/config: default remote 'storage' has url '/mnt/data'; allowed: s3://<bucket>/<prefix>"
    assert str(refused.value) == expected
