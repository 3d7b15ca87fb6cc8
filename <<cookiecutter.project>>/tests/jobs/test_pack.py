"""Equal content gives equal archives, on any machine and at any time."""

import os
import tarfile
from pathlib import Path

import pytest

from tests.jobs.layout import write_files


def archive(folder: Path, name: str) -> Path:
    import pack

    return pack.model_archive(folder / "weights", folder / "code", {}, folder / name)


@pytest.fixture
def parts(tmp_path: Path) -> Path:
    write_files(tmp_path / "weights", {"model.bin": b"\0weights", "tree/b.json": b"{}", "tree/a.json": b"{}"})
    write_files(tmp_path / "code", {"inference.py": b"pass\n", "lib/__init__.py": b""})
    return tmp_path


def test_weights_lie_on_top_and_code_beside_them(parts: Path) -> None:
    with tarfile.open(archive(parts, "a.tar.gz")) as tar:
        names = tar.getnames()
    assert names == ["code/inference.py", "code/lib/__init__.py", "model.bin", "tree/a.json", "tree/b.json"]


def test_times_modes_and_file_order_leave_no_trace(parts: Path, tmp_path: Path) -> None:
    first = archive(parts, "a.tar.gz").read_bytes()
    content = (parts / "weights/model.bin").read_bytes()
    (parts / "weights/model.bin").unlink()
    (parts / "weights/model.bin").write_bytes(content)
    (parts / "weights/model.bin").chmod(0o755)
    os.utime(parts / "code/inference.py", (1, 1))
    assert archive(parts, "b.tar.gz").read_bytes() == first


def test_no_owner_time_or_mode_is_recorded(parts: Path) -> None:
    with tarfile.open(archive(parts, "a.tar.gz")) as tar:
        seen = {(m.uid, m.gid, m.uname, m.gname, m.mtime, m.mode) for m in tar.getmembers()}
    assert seen == {(0, 0, "", "", 0, 0o644)}


def test_a_changed_byte_changes_the_archive(parts: Path) -> None:
    first = archive(parts, "a.tar.gz").read_bytes()
    write_files(parts / "code", {"inference.py": b"PASS\n"})
    assert archive(parts, "b.tar.gz").read_bytes() != first


def test_weights_may_not_hide_the_code(parts: Path) -> None:
    import job

    write_files(parts / "weights", {"code/inference.py": b"evil"})
    with pytest.raises(job.JobError) as caught:
        archive(parts, "a.tar.gz")
    assert "saved a code/" in str(caught.value)


def test_a_link_is_not_sealed(parts: Path) -> None:
    import job

    (parts / "weights/link").symlink_to("/etc/hostname")
    with pytest.raises(job.JobError) as caught:
        archive(parts, "a.tar.gz")
    assert str(caught.value) == "'link' is not a plain file; only plain files can be sealed"


def test_what_sealing_adds_lies_beside_the_code_and_may_not_replace_it(parts: Path) -> None:
    import job
    import pack

    added = {"serve.py": parts / "weights/model.bin"}
    path = pack.model_archive(parts / "weights", parts / "code", added, parts / "a.tar.gz")
    with tarfile.open(path) as tar:
        assert "code/serve.py" in tar.getnames()
    write_files(parts / "code", {"serve.py": b"mine"})
    with pytest.raises(job.JobError) as caught:
        pack.model_archive(parts / "weights", parts / "code", added, parts / "b.tar.gz")
    said = "the model has a serve.py of its own; sealing adds one of that name. Rename it"
    assert str(caught.value) == said
