"""The state directory: one server at a time, its address for others, its logs and job folders."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from sandbox.errors import AlreadyRunningError, SandboxError

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(frozen=True)
class Address:
    """What sandbox.json says of a running server."""

    pid: int
    port: int
    endpoint: str
    region: str
    account: str
    accounts: dict[str, str]
    forge: str


class State:
    """A state directory; `hold` makes it this process's own."""

    def __init__(self, home: Path) -> None:
        self.home = home.absolute()
        self.address_file = self.home / "sandbox.json"
        self.trail = self.home / "trail"
        self.jobs = self.home / "jobs"
        self.log = self.home / "server.log"
        self._lock: int | None = None

    def hold(self) -> None:
        """Take the directory, clearing what a server that is gone left behind; its trail stays."""
        try:
            self.home.mkdir(parents=True, exist_ok=True)
            self._lock = os.open(self.home / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self.address_file.unlink(missing_ok=True)
            shutil.rmtree(self.jobs, ignore_errors=True)
            self.jobs.mkdir()
            self._prove_space()
        except BlockingIOError:
            found = self.address()
            where = f"at {found.endpoint} (pid {found.pid})" if found else "and still starting"
            raise AlreadyRunningError(
                f"the sandbox of {str(self.home)!r} is already running {where}. "
                "Stop it: python -m sandbox down"
            ) from None
        except OSError as error:
            raise self.unusable(error) from None

    def _prove_space(self) -> None:
        probe = self.home / "probe"
        probe.write_bytes(b"\0" * 65536)
        probe.unlink()

    def unusable(self, error: OSError) -> SandboxError:
        return SandboxError(
            f"cannot use {str(self.home)!r} as state directory: {error.strerror}. "
            "Free it, or give another: python -m sandbox up --state DIR"
        )

    def write_address(self, address: Address) -> None:
        """Say that the server serves; whole or not at all."""
        partial = self.home / "sandbox.json.partial"
        try:
            partial.write_text(json.dumps(asdict(address)) + "\n", encoding="utf-8")
            partial.rename(self.address_file)
        except OSError as error:
            raise self.unusable(error) from None

    def address(self) -> Address | None:
        """Read where a server is, if one is alive."""
        try:
            address = Address(**json.loads(self.address_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return None
        return address if self.is_held() else None

    def is_held(self) -> bool:
        """Whether a process holds the directory now; the kernel drops the lock of one that died."""
        if self._lock is not None:
            return True
        try:
            with (self.home / "lock").open("r+") as lock:
                fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    def release(self) -> None:
        self.address_file.unlink(missing_ok=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None
