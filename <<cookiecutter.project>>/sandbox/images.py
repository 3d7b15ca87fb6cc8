"""Container images as virtual environments: what each image contains that a script can import.

One file per image, `<repository>-<tag>.txt`, lists the packages. An environment is built once, outside the
state directory, and shared; a job gets a thin one on top, so that its `pip install` reaches no other job.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from sandbox.errors import SandboxError

OWN_IMAGES = Path(__file__).with_name("images")
PLATFORM_SUFFIX = re.compile(r"-cpu(-py\d+)?$")
BUILD_FORMAT = "1"


@dataclass(frozen=True)
class Image:
    """A built environment that jobs start from."""

    uri: str
    home: Path

    @property
    def packages(self) -> Path:
        return next(self.home.glob("lib/python*/site-packages"))


class Images:
    """Finds the requirement file of an image URI and builds its environment."""

    def __init__(self, folders: tuple[Path, ...], cache: Path) -> None:
        self._folders = folders
        self._cache = cache

    def find(self, uri: str) -> Path:
        """Find the requirement file of an image, or say which exist. A digest is that of the file."""
        repository, _, digest = uri.rsplit("/", 1)[-1].partition("@sha256:")
        if digest:
            for path in (path for folder in self._folders for path in folder.glob(f"{repository}-*.txt")):
                if hashlib.sha256(path.read_bytes()).hexdigest() == digest:
                    return path
        name = re.sub(r"[@:]", "-", uri.rsplit("/", 1)[-1])
        for wanted in (name, PLATFORM_SUFFIX.sub("", name)):
            for folder in self._folders:
                if (path := folder / f"{wanted}.txt").is_file():
                    return path
        known = sorted(path.name for folder in self._folders for path in folder.glob("*.txt"))
        raise SandboxError(
            f"image {uri!r} is not in the sandbox's table. Known: {', '.join(known) or 'none'}. "
            f"Add sandbox/images/{PLATFORM_SUFFIX.sub('', name)}.txt with what it contains"
        )

    def build(self, uri: str) -> Image:
        """Build the environment unless it is there; safe while other processes do the same."""
        requirements = self.find(uri).read_text(encoding="utf-8")
        key = hashlib.sha256(f"{BUILD_FORMAT} {sys.version} {requirements}".encode()).hexdigest()[:20]
        home = self._cache / "images" / key
        done = home / "complete"
        home.parent.mkdir(parents=True, exist_ok=True)
        with home.with_suffix(".lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not done.exists():
                shutil.rmtree(home, ignore_errors=True)
                _install(home, requirements)
                done.touch()
        return Image(uri, home)


def cache_folder() -> Path:
    """The user's cache, shared by all state directories."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "mlops-sandbox"


def _install(home: Path, requirements: str) -> None:
    from uv import find_uv_bin

    uv = find_uv_bin()
    _run([uv, "venv", "--quiet", "--seed", "--python", sys.executable, str(home)])
    if any(line.strip() and not line.startswith("#") for line in requirements.splitlines()):
        listing = home / "requirements.txt"
        listing.write_text(requirements, encoding="utf-8")
        _run(
            [
                uv,
                "pip",
                "install",
                "--quiet",
                "--python",
                str(home / "bin/python"),
                "--requirement",
                str(listing),
            ]
        )


def _run(command: list[str]) -> None:
    environment = {**os.environ, "UV_PYTHON_DOWNLOADS": "never"}
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)
    if done.returncode != 0:
        raise SandboxError(f"building the image failed: {' '.join(done.stderr.split())[-800:]}")


def overlay(image: Image, home: Path) -> Path:
    """Lay a thin environment over an image: own site-packages first, the image's behind it."""
    packages = home / "lib" / image.packages.parent.name / "site-packages"
    packages.mkdir(parents=True)
    binaries = home / "bin"
    binaries.mkdir()
    shutil.copy(image.home / "pyvenv.cfg", home)
    for name in ("python", "python3", image.packages.parent.name):
        (binaries / name).symlink_to((image.home / "bin/python").resolve())
    for name in ("pip", "pip3"):
        script = binaries / name
        script.write_text(f'#!/bin/sh\nexec "{binaries}/python3" -m pip "$@"\n', encoding="utf-8")
        script.chmod(0o755)
    (packages / "image.pth").write_text(
        f"import site; site.addsitedir({str(image.packages)!r})\n", encoding="utf-8"
    )
    return home


def environment(image: Image, overlay_home: Path, scratch: Path) -> dict[str, str]:
    """What a container's process sees: nothing of the caller's but certificates, proxies and pip's index."""
    kept = {key: value for key, value in os.environ.items() if KEPT.match(key)}
    for folder in ("home", "tmp"):
        (scratch / folder).mkdir(exist_ok=True)
    return {
        **kept,
        **_pip_configuration(),
        "PATH": f"{overlay_home}/bin:{image.home}/bin:/usr/local/bin:/usr/bin:/bin",
        "HOME": str(scratch / "home"),
        "TMPDIR": str(scratch / "tmp"),
        "LANG": "C.UTF-8",
        "PYTHONUNBUFFERED": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        "PIP_CACHE_DIR": str(cache_folder() / "pip"),
        "NO_PROXY": "127.0.0.1,localhost",
        "no_proxy": "127.0.0.1,localhost",
    }


KEPT = re.compile(
    r"^(https?_proxy|PIP_.*|SSL_CERT_(FILE|DIR)|REQUESTS_CA_BUNDLE|LD_LIBRARY_PATH)$", re.IGNORECASE
)


def _pip_configuration() -> dict[str, str]:
    for place in ("~/.config/pip/pip.conf", "~/.pip/pip.conf"):
        if (path := Path(place).expanduser()).is_file() and "PIP_CONFIG_FILE" not in os.environ:
            return {"PIP_CONFIG_FILE": str(path)}
    return {}
