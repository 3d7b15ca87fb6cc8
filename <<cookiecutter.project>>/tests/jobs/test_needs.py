"""What the lock names and the interpreter lacks is installed aside, checked by hash, and nothing else."""

import base64
import hashlib
import importlib.metadata
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

HERE = f"pytest=={importlib.metadata.version('pytest')}"


def unmet(lock: str) -> list[str]:
    import needs

    return [pin.requirement for pin in needs.unmet(needs.read_pins(lock))]


def wheel(folder: Path) -> str:
    """Write a package as a wheel; return its sha256."""
    folder.mkdir(parents=True)
    info = "tinything-1.0.dist-info"
    files = {
        "tinything.py": "ANSWER = 42\n",
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: tinything\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    digests = {name: hashlib.sha256(text.encode()).digest() for name, text in files.items()}
    record = [f"{name},sha256={_plain(digests[name])},{len(text)}" for name, text in files.items()]
    files[f"{info}/RECORD"] = "\n".join([*record, f"{info}/RECORD,,"]) + "\n"
    path = folder / "tinything-1.0-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _plain(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def test_an_installed_version_is_met() -> None:
    assert unmet(f"{HERE} \\\n    --hash=sha256:00 \\\n    --hash=sha256:01\n") == []


@pytest.mark.parametrize("lock", ["pytest==0.1 \\\n    --hash=sha256:00", "tinything==1.0 --hash=sha256:00"])
def test_another_version_or_none_is_unmet(lock: str) -> None:
    assert unmet(lock) == [lock.split()[0]]


def test_options_of_a_lock_are_no_requirements() -> None:
    assert unmet(f"--no-index\n--find-links wheels\n{HERE}\n") == []


def test_a_pin_for_another_platform_does_not_count() -> None:
    other = 'pytest==0.1 ; sys_platform == "amiga" \\\n    --hash=sha256:00\n'
    assert unmet(f'{other}{HERE} ; python_version >= "3.10"\n# end') == []


@pytest.fixture
def code(tmp_path: Path) -> Path:
    folder = tmp_path / "code"
    sha256 = wheel(folder / "wheels")
    (folder / "requirements.txt").write_text(f"{HERE}\ntinything==1.0 \\\n    --hash=sha256:{sha256}\n")
    return folder


def test_a_wheel_that_travels_with_the_bundle_is_installed_aside(code: Path, tmp_path: Path) -> None:
    import job

    made = job.code_in(code, tmp_path / "site")
    command = [sys.executable, "-c", "import tinything; print(tinything.ANSWER)"]
    done = subprocess.run(command, env=made.environment, capture_output=True, text=True, check=True)
    assert done.stdout == "42\n"
    assert not (tmp_path / "site/pytest").exists()
    with pytest.raises(importlib.metadata.PackageNotFoundError):
        importlib.metadata.version("tinything")


def test_a_wheel_with_other_bytes_is_refused(code: Path, tmp_path: Path) -> None:
    import job

    (code / "requirements.txt").write_text(f"tinything==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(job.JobError) as caught:
        job.code_in(code, tmp_path / "site")
    assert str(caught.value).startswith("pip could not install tinything==1.0: ")
    assert "HASHES" in str(caught.value).upper()


def hand_on(code: Path, folder: Path) -> Path:
    """Install as the first job does and pack it; return what the other jobs get."""
    import handed
    import job

    made = job.code_in(code, folder / "site")
    handed.hand_on(made.folder, folder / "site", folder / "packages")
    return folder / "packages"


def test_what_the_first_job_installed_serves_the_next_without_an_index(code: Path, tmp_path: Path) -> None:
    import job

    packages = hand_on(code, tmp_path / "first")
    shutil.rmtree(code / "wheels")
    made = job.code_in(code, tmp_path / "site", packages)
    command = [sys.executable, "-c", "import tinything; print(tinything.ANSWER)"]
    done = subprocess.run(command, env=made.environment, capture_output=True, text=True, check=True)
    assert done.stdout == "42\n", "the handed package is not importable"


def test_a_job_with_another_lock_installs_for_itself(code: Path, tmp_path: Path) -> None:
    import job

    packages = hand_on(code, tmp_path / "first")
    (code / "requirements.txt").write_text(f"tinything==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(job.JobError, match=r"^pip could not install tinything==1\.0: "):
        job.code_in(code, tmp_path / "site", packages)


def test_a_handed_archive_that_is_cut_off_fails_the_job(code: Path, tmp_path: Path) -> None:
    import job

    [archive] = hand_on(code, tmp_path / "first").glob("*.tar.gz")
    archive.write_bytes(archive.read_bytes()[:-40])
    with pytest.raises(job.JobError, match=r"cannot be unpacked"):
        job.code_in(code, tmp_path / "site", archive.parent)


def test_what_is_handed_on_depends_on_the_lock_alone(code: Path, tmp_path: Path) -> None:
    first, second = (hand_on(code, tmp_path / name) for name in ("first", "second"))
    assert {path.name: path.read_bytes() for path in first.iterdir()} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }, "two installations of one lock differ"


def test_a_lock_that_the_image_meets_hands_on_a_word_instead_of_packages(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    packages = hand_on(tmp_path / "code", tmp_path / "first")
    assert [path.name for path in packages.iterdir()] == ["packages.json"], "S3 knows no empty folder"


def test_a_bundle_without_lock_needs_nothing(tmp_path: Path) -> None:
    import job

    job.code_in(tmp_path, tmp_path / "site")
    assert not (tmp_path / "site").exists()
