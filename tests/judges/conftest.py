"""Judges of others' making, from npm: they decide the same cases as the payload's own code.

The packages are installed by lock, with their hashes, into build/cache; none runs a script when installed.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from tests.template import PAYLOAD, ROOT

HERE = Path(__file__).parent
sys.path.append(str(ROOT / PAYLOAD))
if sys.pycache_prefix is None:
    sys.dont_write_bytecode = True  # cookiecutter copies the payload's folders whole


@pytest.fixture(scope="session")
def judges() -> Path:
    """The folder that holds node_modules; made once for each version of the lock."""
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing and os.environ.get("CI") != "true":
        pytest.skip(f"{' and '.join(missing)} not on PATH: the judges are npm packages. Install Node.js 20")
    assert missing == [], "CI judges too: install Node.js 20"
    lock = (HERE / "package-lock.json").read_bytes()
    folder = ROOT / "build" / "cache" / "judges" / hashlib.sha256(lock).hexdigest()[:12]
    if not folder.exists():
        install(folder)
    return folder


def install(folder: Path) -> None:
    """Install beside the place, then move there whole: another worker may be doing the same."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=folder.parent))
    for name in ("package.json", "package-lock.json"):
        shutil.copy2(HERE / name, fresh)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(command, cwd=fresh, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"npm ci failed: {done.stderr}"
    for path in fresh.glob("node_modules/@octokit/openapi/generated/*.json"):
        if path.name != "api.github.com.json":
            path.unlink()  # hundreds of megabytes about servers of other kinds
    try:
        fresh.rename(folder)
    except OSError:
        assert folder.exists(), f"cannot make {folder}"
        shutil.rmtree(fresh)
