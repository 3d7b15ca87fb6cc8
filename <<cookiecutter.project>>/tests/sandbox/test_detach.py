"""`up --detach` believes only the server that it started."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from sandbox import __main__ as command
from sandbox.errors import SandboxError
from sandbox.state import State

if TYPE_CHECKING:
    from pathlib import Path

KILLED = {"pid": 1, "port": 1, "region": "eu-west-1", "account": "1", "accounts": {}}
WHERE = {"endpoint": "http://127.0.0.1:1", "forge": "http://127.0.0.1:2"}


def test_the_address_that_a_killed_server_left_is_not_the_new_ones(tmp_path: Path) -> None:
    state = State(tmp_path)
    state.hold()
    state.log.write_text("the new server's last words\n")
    state.address_file.write_text(json.dumps(KILLED | WHERE))
    assert state.address() is not None
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(0.3)"])
    with process, pytest.raises(SandboxError, match="the new server's last words"):
        command._report_start(process, state)
    state.release()
