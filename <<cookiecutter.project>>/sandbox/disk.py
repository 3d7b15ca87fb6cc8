"""A full disk, told by its name: what breaks on one breaks in many ways, none of which says why."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LEAST = 64 * 2**10  # bytes without which neither a log nor the trail can be written
NO_SPACE = (errno.ENOSPC, errno.EDQUOT)


def is_full(folder: Path) -> bool:
    """Whether the disk of a folder has no room left, for bytes or for files."""
    with contextlib.suppress(FileNotFoundError):
        found = os.statvfs(folder)
        return found.f_bavail * found.f_frsize < LEAST or (found.f_files > 0 and found.f_favail == 0)
    return False


def is_no_space(error: BaseException) -> bool:
    """Whether the system refused a write for want of room."""
    return isinstance(error, OSError) and error.errno in NO_SPACE


@contextlib.contextmanager
def volume(folder: Path) -> Iterator[None]:
    """A job's own folder. What fails while its disk is full fails for that reason, and the folder is emptied.

    On AWS an instance's volume goes with the job; here it shares its disk with the server, which must go on.
    """
    try:
        yield
    except Exception as error:
        if not is_no_space(error) and not is_full(folder):
            raise
        empty(folder)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error


def empty(folder: Path) -> None:
    """Give the room back."""
    shutil.rmtree(folder, ignore_errors=True)
