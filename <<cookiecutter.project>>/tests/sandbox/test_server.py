"""The command line: one server for each state directory, and nothing left running when it goes."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from .conftest import PAYLOAD, Sandbox, environment, make_project, processing, sandbox_command
from .test_endpoints import configure, publish, settled

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_project(tmp_path / "project")


@contextmanager
def running(root: Path) -> Iterator[dict[str, int | str]]:
    started = sandbox_command(root, "up", "--detach", "--images", "images")
    assert started.returncode == 0, started.stderr
    try:
        yield json.loads((root / ".sandbox/sandbox.json").read_text())
    finally:
        sandbox_command(root, "down")


def marked(mark: str) -> list[int]:
    """Processes whose command line or environment mentions a mark, this test's own aside."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            said = (entry / "cmdline").read_bytes() + (entry / "environ").read_bytes()
        except OSError:
            continue
        if mark.encode() in said and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def eventually_gone(mark: str, seconds: float = 5) -> list[int]:
    deadline = time.monotonic() + seconds
    while (left := marked(mark)) and time.monotonic() < deadline:
        time.sleep(0.05)
    return left


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_no_process_of_a_job_or_endpoint_outlives_the_server(
    root: Path, unique: str, number: signal.Signals
) -> None:
    with running(root) as address:
        sandbox = Sandbox(root, str(address["endpoint"]))
        client = sandbox.client("sagemaker")
        script = f"setsid sleep 301{unique[1:4]} & : {unique}; sleep 300; true"
        client.create_processing_job(
            **processing(sandbox, unique, script.replace(unique[1:4], ""), Environment={"MARK": unique})
        )
        configure(sandbox, unique, publish(sandbox, unique, "one"))
        client.create_endpoint(EndpointName=unique, EndpointConfigName=unique)
        settled(sandbox, unique)
        deadline = time.monotonic() + 20
        while len(marked(unique)) < 8 and time.monotonic() < deadline:
            time.sleep(0.05)
        assert len(marked(unique)) >= 8
        os.kill(int(address["pid"]), number)
        assert not eventually_gone(unique)
        assert sandbox_command(root, "status").returncode == 3


def test_a_second_server_says_where_the_first_is(root: Path) -> None:
    with running(root) as address:
        for arguments in (["up"], ["up", "--detach"]):
            second = sandbox_command(root, *arguments)
            assert second.returncode == 1
            assert f"is already running at {address['endpoint']} (pid {address['pid']})" in second.stderr
            assert "python -m sandbox down" in second.stderr


def test_a_server_that_was_killed_does_not_stand_in_the_way(root: Path) -> None:
    with running(root) as address:
        os.kill(int(address["pid"]), signal.SIGKILL)
        assert not eventually_gone(str(root))
        with running(root) as again:
            assert again["pid"] != address["pid"]


def test_env_prints_what_a_shell_needs(root: Path) -> None:
    with running(root) as address:
        script = 'eval "$("$PYTHON" -m sandbox env)"; echo "$AWS_ENDPOINT_URL $AWS_DEFAULT_REGION"'
        shell = subprocess.run(
            ["sh", "-c", script],
            cwd=root,
            env={**environment(), "PYTHON": sys.executable},
            capture_output=True,
            text=True,
            check=True,
        )
        assert shell.stdout == f"{address['endpoint']} eu-west-1\n"
        shown = sandbox_command(root, "status")
        assert shown.stdout.startswith(f"running: {address['endpoint']}")


def test_down_without_a_server_is_no_fault(root: Path) -> None:
    assert sandbox_command(root, "down").returncode == 0
    assert sandbox_command(root, "status").returncode == 3
    asked = sandbox_command(root, "env")
    assert asked.returncode == 1
    assert asked.stderr.endswith("Start one: python -m sandbox up --detach\n")


def test_a_taken_port_is_named(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        for arguments in ([], ["--detach"]):
            refused = sandbox_command(root, "up", "--port", str(port), *arguments)
            assert refused.returncode == 1
            assert refused.stderr == (
                f"port {port} is taken. Give another, or none for a free one: python -m sandbox up --port N\n"
            )


def test_outside_a_project_it_says_where_to_go(tmp_path: Path) -> None:
    refused = sandbox_command(tmp_path, "up")
    assert refused.returncode == 1
    assert "no project.yml in" in refused.stderr
    assert refused.stderr.endswith("Run this from the root of a generated project\n")


def test_a_project_without_templates_does_not_start(root: Path) -> None:
    (root / "infra").unlink()
    refused = sandbox_command(root, "up")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"no templates in {str(root / 'infra')!r}")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a: [", "not YAML"),
        ('project: "x"\nregion: "r"\n', "accounts.training is None"),
        ("- 1", "project is None"),
    ],
)
def test_a_faulty_project_file_is_named(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "project.yml").write_text(text)
    refused = sandbox_command(tmp_path, "up")
    assert refused.returncode == 1
    assert said in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_a_state_directory_that_cannot_be_made_is_one_line(root: Path) -> None:
    (root / "file").write_text("")
    for arguments in ([], ["--detach"]):
        refused = sandbox_command(root, "up", "--state", "file/state", *arguments)
        assert refused.returncode == 1
        assert refused.stderr.startswith("cannot use ")
        assert "python -m sandbox up --state DIR" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_full_disk_is_one_line(root: Path) -> None:
    (root / "small").mkdir()
    script = (
        "mount -t tmpfs -o size=16k tmpfs small && dd if=/dev/zero of=small/fill bs=4k count=2 2>/dev/null; "
        f"exec {sys.executable} -m sandbox up --state small"
    )
    refused = subprocess.run(
        ["unshare", "-rm", "sh", "-c", script],
        cwd=root,
        env={**environment(), "PYTHONPATH": str(PAYLOAD)},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert refused.returncode == 1
    assert "No space left on device" in refused.stderr
    assert refused.stderr.count("\n") == 1


def test_the_server_listens_on_loopback_only(sandbox: Sandbox) -> None:
    port = int(sandbox.endpoint.rsplit(":", 1)[1])
    listening = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    addresses = {row[1] for row in listening if row[3] == "0A" and row[1].endswith(f":{port:04X}")}
    assert addresses == {f"0100007F:{port:04X}"}


def test_a_forge_that_cannot_start_is_one_line(root: Path) -> None:
    (root / ".sandbox").mkdir()
    (root / ".sandbox/forge").write_text("in the way")
    refused = sandbox_command(root, "up")
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"the forge of {str(root / '.sandbox')!r} cannot start: ")
    assert refused.stderr.count("\n") == 1
