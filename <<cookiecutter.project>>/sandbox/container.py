"""Runs one command as a container would: private /opt/ml, private process tree, nothing left behind.

    python container.py private|mapped PARENT_PID ML_DIR READ_ONLY WORK_DIR DOOR FILES PROGRAM [ARGUMENT …]

Standard library only: it is started by path, outside any package. Three processes take part. The outer
one dies with the server (PR_SET_PDEATHSIG); the middle one is process 1 of a new PID namespace, so its
death ends whatever the job started, daemons included; the inner one becomes PROGRAM. READ_ONLY names
folders of ML_DIR, parted by colons; FILES, likewise, descriptors that PROGRAM inherits. DOOR is empty, or
PORT:DESCRIPTOR: then there is no network but loopback, and a socket that listens on PORT there is handed out.

`mapped` is for machines without user namespaces: PROGRAM gets no /opt/ml of its own, and the one process
above it adopts whatever the job started (PR_SET_CHILD_SUBREAPER) and ends it.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import os
import select
import signal
import socket
import struct
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import FrameType

NEW_MOUNTS, NEW_USER, NEW_PIDS, NEW_NETWORK = 0x00020000, 0x10000000, 0x20000000, 0x40000000
SET_FLAGS, IS_UP = 0x8914, 0x1  # SIOCSIFFLAGS, IFF_UP
MS_BIND, MS_REC, MS_PRIVATE = 0x1000, 0x4000, 0x40000
MS_RDONLY, MS_REMOUNT = 0x1, 0x20
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36
END = signal.SIGUSR1  # ends the job at once; in `private` by ending us, as nothing handles it
UNAVAILABLE = 125  # what `docker run` answers when the container itself could not be made

libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: list[str]) -> int:
    """Enter the namespaces, then act as the init process of the command."""
    kind, parent, ml, read_only, work, door, files, *command = arguments
    inherited = [int(file) for file in files.split(":") if file]
    if kind == "mapped":
        return run_mapped(int(parent), Path(ml), read_only, work, inherited, command)
    try:
        enter_namespaces(NEW_NETWORK if door else 0)
        if door:
            open_door(*map(int, door.split(":")))
        die_with_parent(int(parent))
        mount_ml(Path(ml), read_only)
    except OSError as error:
        print(f"no private /opt/ml or network: {error}", file=sys.stderr)  # noqa: T201
        return UNAVAILABLE
    alive, closes_with_us = os.pipe()
    init = os.fork()
    if init == 0:
        os.close(closes_with_us)
        os._exit(run_as_init(alive, work, inherited, command))
    forward_signals(init)
    return exit_code(wait(init))


def enter_namespaces(network: int) -> None:
    """Become root of a user namespace of our own, which allows the others without privileges."""
    user, group = os.getuid(), os.getgid()
    checked(libc.unshare(NEW_USER | NEW_MOUNTS | NEW_PIDS | network), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"0 {user} 1")
    Path("/proc/self/gid_map").write_text(f"0 {group} 1")


def open_door(port: int, outside: int) -> None:
    """Bring up loopback, listen where the sandbox's endpoint listens outside, and hand that socket out."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sH14x", b"lo", IS_UP))
    with socket.socket(fileno=outside) as server, socket.create_server(("127.0.0.1", port)) as listener:
        socket.send_fds(server, [b"d"], [listener.fileno()])


def die_with_parent(parent: int) -> None:
    """Ask the kernel for SIGKILL when the parent goes; set after unshare, which clears it."""
    checked(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "prctl")
    if parent and os.getppid() != parent:
        raise OSError("the server is gone")


def mount_ml(ml: Path, read_only: str) -> None:
    """Put the job's directory at /opt/ml and keep whatever else lives under /opt."""
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    with tempfile.TemporaryDirectory() as scratch:
        mount("tmpfs", scratch, "tmpfs", 0)
        for entry in Path("/opt").iterdir():
            if entry.name != "ml":
                keep(entry, Path(scratch, entry.name))
        Path(scratch, "ml").mkdir()
        mount(str(ml), f"{scratch}/ml", None, MS_BIND)
        for place in filter(None, read_only.split(":")):
            mount(f"{ml}/{place}", f"{scratch}/ml/{place}", None, MS_BIND)
            mount("none", f"{scratch}/ml/{place}", None, MS_BIND | MS_REMOUNT | MS_RDONLY)
        mount(scratch, "/opt", None, MS_BIND | MS_REC)
        checked(libc.umount2(scratch.encode(), 2), "umount")  # MNT_DETACH


def keep(entry: Path, place: Path) -> None:
    """Bind a folder of /opt (hosted Pythons live there), or copy a link or a small file."""
    if entry.is_symlink():
        place.symlink_to(entry.readlink())
    elif entry.is_dir():
        place.mkdir()
        mount(str(entry), str(place), None, MS_BIND | MS_REC)
    elif entry.is_file():
        place.touch()
        mount(str(entry), str(place), None, MS_BIND)


def run_as_init(alive: int, work: str, inherited: list[int], command: list[str]) -> int:
    """Start the command, reap orphans, and end with the command's own exit code."""
    die_with_parent(0)
    if select.select([alive], [], [], 0)[0]:
        return UNAVAILABLE  # the outer process died before the kernel knew to tell us
    # without the right to mount /proc, as in some containers, the job sees the outer one
    with contextlib.suppress(OSError):
        mount("proc", "/proc", "proc", 0)
    try:
        child = subprocess.Popen(command, cwd=work, pass_fds=inherited)
    except OSError as error:
        print(f"cannot run {command[0]!r}: {error}", file=sys.stderr)  # noqa: T201
        return 127
    forward_signals(child.pid)
    while True:
        pid, status = os.wait()
        if pid == child.pid:
            return exit_code(status)


def run_mapped(
    parent: int, ml: Path, read_only: str, work: str, inherited: list[int], command: list[str]
) -> int:
    """Run the command without namespaces; when it ends, or the server does, nothing of it is left."""
    for place in filter(None, read_only.split(":")):
        for file in (path for path in (ml / place).rglob("*") if path.is_file()):
            file.chmod(0o444)
    try:
        checked(libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0), "prctl")
        signal.signal(END, end_now)
        checked(libc.prctl(PR_SET_PDEATHSIG, END, 0, 0, 0), "prctl")
        if os.getppid() != parent:
            return UNAVAILABLE
        child = subprocess.Popen(command, cwd=work, pass_fds=inherited)
    except OSError as error:
        print(f"cannot run {command[0]!r}: {error}", file=sys.stderr)  # noqa: T201
        return 127
    forward_signals(child.pid)
    while True:
        pid, status = os.wait()
        if pid == child.pid:
            end_children()
            return exit_code(status)


def end_now(number: int, frame: FrameType | None) -> None:
    end_children()
    os._exit(UNAVAILABLE)


def end_children() -> None:
    """Kill children until there are none: what a killed one leaves behind becomes our child in turn."""
    while True:
        for pid in Path(f"/proc/self/task/{os.getpid()}/children").read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)
        try:
            os.wait()
        except ChildProcessError:
            return


def forward_signals(target: int) -> None:
    """Hand SIGTERM on: process 1 of a namespace ignores it unless it says otherwise."""

    def forward(number: int, frame: FrameType | None) -> None:
        os.kill(target, number)

    signal.signal(signal.SIGTERM, forward)
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def wait(pid: int) -> int:
    return os.waitpid(pid, 0)[1]


def exit_code(status: int) -> int:
    code = os.waitstatus_to_exitcode(status)
    return 128 - code if code < 0 else code


def mount(source: str, target: str, kind: str | None, flags: int) -> None:
    checked(
        libc.mount(source.encode(), target.encode(), kind.encode() if kind else None, flags, None),
        f"mount {target}",
    )


def checked(result: int, what: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
