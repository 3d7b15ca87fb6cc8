"""The audit of a loop that ran on AWS's own engines, and of a build that somebody turned aside beside it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from mlops.forge import MAIN
from tests.audit.world import Answer
from tests.conftest import ACCOUNT
from tests.live import PAYLOAD, run_sandbox
from tests.sandbox.forge.conftest import run_git

if TYPE_CHECKING:
    from pathlib import Path

    from tests.works import Works

ASIDE = json.dumps({"version": 0.2, "phases": {"build": {"commands": ["true"]}}})


def audit_works(works: Works) -> tuple[Answer, Answer]:
    """A day later: with the evidence that `deploy` wrote, and by the trail alone."""
    works.client("codebuild").start_build(projectName="acme-reconcile", buildspecOverride=f"{ASIDE}\n")
    run_sandbox(works.folder, "clock", "--forward", "25h")
    run_sandbox(works.folder, "trail")
    run_git(works.folder, "pull", "-q", works.remote(), MAIN)
    whole = audit(works.folder, works.endpoint, "--fetch")
    shutil.rmtree(works.folder / ".audit/evidence")
    return whole, audit(works.folder, works.endpoint)


def audit(folder: Path, endpoint: str, *words: str) -> Answer:
    """`mlops audit` in a process of its own, as the training account's root user."""
    keys = {"AWS_ACCESS_KEY_ID": f"AKIAROOT{ACCOUNT}", "AWS_SECRET_ACCESS_KEY": "x"}
    environment: dict[str, Any] = {**os.environ, **keys, "AWS_ENDPOINT_URL": endpoint}
    environment["PYTHONPATH"] = str(PAYLOAD / "src")
    command = [sys.executable, "-m", "mlops.cli", "audit", *words, "--format", "json"]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.stdout, done.stderr
    return Answer(done.returncode, done.stdout)
