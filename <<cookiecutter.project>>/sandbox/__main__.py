"""The sandbox's command line: up, down, env, status, clock, trail.

python -m sandbox up [--port N] [--state DIR] [--images DIR] [--speed N] [--no-capacity TYPE]
                     [--session-seconds N] [--decisions FILE] [--detach]
python -m sandbox clock [--forward 90m]      python -m sandbox trail
eval "$(python -m sandbox env [--account training|staging|prod] [--user NAME])"
"""

from __future__ import annotations

import argparse
import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.errors import SandboxError
from sandbox.project import DUTIES, read_project
from sandbox.state import Address, State

if TYPE_CHECKING:
    from sandbox.server import Options

START_SECONDS = 60.0
STOP_SECONDS = 20.0
FASTEST = 10_000
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; a refusal is one line and exit 1."""
    asked = _parser().parse_args(arguments)
    state = State(Path(asked.state))
    try:
        return int(COMMANDS[asked.command](asked, state))
    except SandboxError as error:
        print(error, file=sys.stderr)  # noqa: T201
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m sandbox", description="AWS and a forge on this machine, loopback only."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument(
        "--state", default=".sandbox", metavar="DIR", help="state directory (default: .sandbox)"
    )
    up = commands.add_parser("up", parents=[shared], help="start, and serve until interrupted")
    up.add_argument("--port", type=int, default=0, metavar="N", help="port (default: a free one)")
    up.add_argument(
        "--images", action="append", default=[], metavar="DIR", help="more image files; may repeat"
    )
    up.add_argument(
        "--speed", type=_speed, default=1.0, metavar="N", help="run bakes and alarm periods N times faster"
    )
    up.add_argument(
        "--no-capacity",
        action="append",
        default=[],
        metavar="TYPE",
        help="fail fleets of this instance type for want of capacity; may repeat",
    )
    up.add_argument(
        "--session-seconds",
        type=_seconds,
        metavar="N",
        help="end the sessions that people and workflows open after at most N seconds",
    )
    up.add_argument(
        "--decisions",
        type=Path,
        metavar="FILE",
        help="append what each role was allowed or denied, each kind once",
    )
    up.add_argument(
        "--empty", action="store_true", help="leave accounts and forge as new ones are, for `mlops bootstrap`"
    )
    up.add_argument("--detach", action="store_true", help="return when it serves")
    commands.add_parser("down", parents=[shared], help="stop, and everything it started")
    env = commands.add_parser("env", parents=[shared], help="print the environment that clients need")
    env.add_argument(
        "--account", choices=DUTIES, default="training", help="whose root user (default: training's)"
    )
    env.add_argument("--user", metavar="NAME", help="whose token of the forge (default: the first person's)")
    commands.add_parser("status", parents=[shared], help="say whether it runs; exit 3 if not")
    clock = commands.add_parser("clock", parents=[shared], help="say what time it is there, or move it on")
    clock.add_argument(
        "--forward", type=_duration, default=0, metavar="TIME", help="how far: 30s, 90m, 36h or 7d"
    )
    commands.add_parser("trail", parents=[shared], help="deliver and sign now what the trails recorded")
    return parser


def _duration(text: str) -> int:
    number, unit = text[:-1], UNITS.get(text[-1:])
    if not number.isdecimal() or unit is None:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number with one of {', '.join(UNITS)}")
    return int(number) * unit


def _speed(text: str) -> float:
    try:
        speed = float(text)
    except ValueError:
        speed = 0.0
    if not 1 <= speed <= FASTEST:
        raise argparse.ArgumentTypeError(f"{text!r} is not between 1 and {FASTEST}")
    return speed


def _seconds(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds")
    return int(text)


def up(asked: argparse.Namespace, state: State) -> int:
    """Serve here, or leave a server behind."""
    root = Path.cwd()
    project = read_project(root)
    if asked.detach:
        return _detach(asked, state)
    from sandbox import server

    state.hold()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    try:
        server.serve(project, state, _options(asked), root)
    finally:
        state.release()
    # Threads of jobs may be anywhere; the kernel ends their processes with this one.
    sys.stdout.flush()
    os._exit(0)


def _options(asked: argparse.Namespace) -> Options:
    from sandbox.server import Options

    types, images = frozenset(asked.no_capacity), tuple(map(Path, asked.images))
    return Options(
        asked.port, images, asked.speed, types, asked.session_seconds, asked.decisions, asked.empty
    )


def _detach(asked: argparse.Namespace, state: State) -> int:
    if state.is_held():
        state.hold()
    try:
        state.home.mkdir(parents=True, exist_ok=True)
        log = state.log.open("wb")
    except OSError as error:
        raise state.unusable(error) from None
    repeated = {"--images": asked.images, "--no-capacity": asked.no_capacity}
    if asked.session_seconds is not None:
        repeated["--session-seconds"] = [str(asked.session_seconds)]
    if asked.decisions is not None:
        repeated["--decisions"] = [str(asked.decisions.absolute())]
    words = [word for name, values in repeated.items() for value in values for word in (name, value)]
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "up",
        "--state",
        str(state.home),
        "--port",
        str(asked.port),
        "--speed",
        str(asked.speed),
        *words,
        *(["--empty"] if asked.empty else []),
    ]
    with log:
        process = subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT, start_new_session=True
        )
    return _report_start(process, state)


def _report_start(process: subprocess.Popen[bytes], state: State) -> int:
    deadline = time.monotonic() + START_SECONDS
    while process.poll() is None and time.monotonic() < deadline:
        # a killed server leaves its address until the new one clears it
        if (address := state.address()) and address.pid == process.pid:
            print(f"sandbox ready: {address.endpoint} (account {address.account}, {address.region})")  # noqa: T201
            return 0
        time.sleep(0.05)
    process.kill()
    lines = state.log.read_text(encoding="utf-8", errors="replace").splitlines()
    raise SandboxError(lines[-1] if lines else f"the server did not start within {START_SECONDS:.0f} s")


def down(asked: argparse.Namespace, state: State) -> int:
    """End the server of a state directory; nothing to end is no fault."""
    address = state.address()
    if address is None:
        print(f"no sandbox runs in {str(state.home)!r}")  # noqa: T201
        return 0
    _send(address, signal.SIGTERM)
    deadline = time.monotonic() + STOP_SECONDS
    while state.is_held() and time.monotonic() < deadline:
        time.sleep(0.02)
    if state.is_held():
        _send(address, signal.SIGKILL)
    print(f"sandbox stopped: {address.endpoint}")  # noqa: T201
    return 0


def _send(address: Address, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(address.pid, number)


def env(asked: argparse.Namespace, state: State) -> int:
    """Print what a shell, the SDKs, DVC and the AWS CLI need to reach the sandbox."""
    address = _running(state)
    settings = {
        "AWS_ENDPOINT_URL": address.endpoint,
        "AWS_DEFAULT_REGION": address.region,
        "AWS_REGION": address.region,
        "AWS_ACCESS_KEY_ID": f"AKIAROOT{address.accounts[asked.account]}",
        "AWS_SECRET_ACCESS_KEY": "sandbox",
        "GITHUB_API_URL": f"{address.forge}/api/v3",
        "GITHUB_SERVER_URL": address.forge,
        "GITHUB_REPOSITORY": read_project(Path.cwd()).repository,
        "GITHUB_TOKEN": _token(state, asked.user),
        "NO_PROXY": "127.0.0.1,localhost",
    }
    for name, value in settings.items():
        print(f"export {name}={value}")  # noqa: T201
    print("unset AWS_SESSION_TOKEN AWS_PROFILE")  # noqa: T201
    return 0


def _token(state: State, user: str | None) -> str:
    """The token of a person of the forge."""
    tokens: dict[str, str] = json.loads((state.home / "forge/tokens.json").read_text(encoding="utf-8"))
    chosen = user or next(iter(tokens))
    if chosen not in tokens:
        raise SandboxError(f"{chosen!r} has no account on the forge. It knows {', '.join(tokens)}")
    return tokens[chosen]


def status(asked: argparse.Namespace, state: State) -> int:
    """Say where the sandbox is."""
    address = state.address()
    if address is None:
        print(f"not running ({str(state.home)!r})")  # noqa: T201
        return 3
    print(f"running: {address.endpoint} (pid {address.pid}, account {address.account}, {address.region})")  # noqa: T201
    return 0


def clock(asked: argparse.Namespace, state: State) -> int:
    """Say what time it is in the sandbox, after moving it on."""
    print(_ask(state, "clock", {"forward": asked.forward}))  # noqa: T201
    return 0


def trail(asked: argparse.Namespace, state: State) -> int:
    """Deliver what the trails recorded, without waiting for the hour."""
    print(f"delivered and signed until {_ask(state, 'trails', {})}")  # noqa: T201
    return 0


def _ask(state: State, name: str, document: dict[str, int]) -> str:
    """Post to the server's own address; the time that it answers."""
    import requests

    where = f"{_running(state).endpoint}/_sandbox/{name}"
    with requests.Session() as session:
        session.trust_env = False  # a proxy does not reach loopback
        answer = session.post(where, json=document, timeout=600).json()
    if "error" in answer:
        raise SandboxError(answer["error"])
    return str(answer["now"])


def _running(state: State) -> Address:
    address = state.address()
    if address is None:
        raise SandboxError(
            f"no sandbox runs in {str(state.home)!r}. Start one: python -m sandbox up --detach"
        )
    return address


COMMANDS = {"up": up, "down": down, "env": env, "status": status, "clock": clock, "trail": trail}

if __name__ == "__main__":
    sys.exit(main())
