"""The one way out of a network namespace without any other: to the sandbox's own endpoint.

What runs in it dials the endpoint's address as always. `container.py` listens there, inside, and hands the
listening socket out; whoever connects is served here, outside, by a connection to the real endpoint.
"""

from __future__ import annotations

import contextlib
import socket
import threading
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import subprocess

HOST = "127.0.0.1"
LOOK = 1.0  # seconds between two looks at whether the process is still there
CHUNK = 1 << 16


def keep_open(inner: socket.socket, port: int, process: subprocess.Popen[bytes]) -> None:
    """Serve the socket that comes over `inner` for as long as the process lives."""
    threading.Thread(target=_serve, args=(inner, port, process), name=f"door-{port}", daemon=True).start()


def _serve(inner: socket.socket, port: int, process: subprocess.Popen[bytes]) -> None:
    with inner:
        _, handed, _, _ = socket.recv_fds(inner, 1, 1)
    if not handed:  # the container could not be made, and has said so
        return
    with socket.socket(fileno=handed[0]) as listener:
        listener.settimeout(LOOK)
        while process.poll() is None:
            with contextlib.suppress(TimeoutError, OSError):
                caller, _ = listener.accept()
                threading.Thread(target=_connect, args=(caller, port), daemon=True).start()


def _connect(caller: socket.socket, port: int) -> None:
    with caller, socket.create_connection((HOST, port)) as endpoint:
        caller.settimeout(None)
        back = threading.Thread(target=_pour, args=(endpoint, caller), daemon=True)
        back.start()
        _pour(caller, endpoint)
        back.join()


def _pour(source: socket.socket, target: socket.socket) -> None:
    """Copy until the source ends, and hand its end on."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(CHUNK):
            target.sendall(chunk)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
