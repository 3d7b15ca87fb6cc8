"""All that the checks read: AWS, the forge, this machine. Each question is asked once."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.aws import client_config, describe_failure, error_code, is_missing
from mlops.checkup.finding import UnreadError
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from mlops.aws import Aws

# What a service says of a setting or thing that is not there, where that is an answer and not a failure.
ABSENT = frozenset(
    {
        "NoSuchBucket",
        "NoSuchBucketPolicy",
        "NoSuchEntity",
        "NoSuchPublicAccessBlockConfiguration",
        "NotFoundException",
        "ObjectLockConfigurationNotFoundError",
        "ServerSideEncryptionConfigurationNotFoundError",
        "TrailNotFoundException",
    }
)
LONGEST_TOOL = 30  # seconds that a tool may take to say its version


class Reads:
    """The edge of `mlops doctor`."""

    def __init__(self, aws: Aws, connect: Callable[[], Callable[[str], Any]]) -> None:
        self._aws, self._connect = aws, connect
        self._answers: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, threading.Lock] = defaultdict(threading.Lock)
        self._guard = threading.Lock()

    def aws(self, service: str, operation: str, **parameters: Any) -> Any:
        """AWS's answer, all its pages; None where the thing does not exist."""
        key = (service, operation, repr(sorted(parameters.items())))
        return self._once(key, lambda: self._call(service, operation, parameters))

    def forge(self, path: str) -> Any:
        """The forge's answer to GET of a path below the repository; None where there is nothing."""
        return self._once(("forge", path), lambda: self._ask_forge(path))

    def regions(self, service: str) -> list[str]:
        """The regions that this botocore knows a service in; empty for a service that has none."""
        return list(self._aws.session.get_available_regions(service))

    def tool(self, *command: str) -> str | None:
        """What a program of this machine prints; None where there is no such program."""
        found: str | None = self._once(("tool", *command), lambda: run_tool(command))
        return found

    def _once(self, key: Hashable, ask: Callable[[], Any]) -> Any:
        with self._guard:
            lock = self._locks[key]
        with lock:
            if key not in self._answers:
                self._answers[key] = hold_failure(ask)
        answer = self._answers[key]
        if isinstance(answer, UnreadError):
            raise answer
        return answer

    def _call(self, service: str, operation: str, parameters: dict[str, Any]) -> Any:
        with self._guard:
            client = self._clients(service)
        try:
            if client.can_paginate(operation):
                return client.get_paginator(operation).paginate(**parameters).build_full_result()
            return getattr(client, operation)(**parameters)
        except Exception as error:
            if is_missing(error) or is_absent(error):
                return None
            raise

    def _clients(self, service: str) -> Any:
        key = ("client", service)
        if key not in self._answers:
            create: Any = self._aws.session.client
            self._answers[key] = create(service, config=client_config())
        return self._answers[key]

    def _ask_forge(self, path: str) -> Any:
        with self._guard:
            if ("forge",) not in self._answers:
                self._answers["forge",] = hold_failure(self._connect)
        connected = self._answers["forge",]
        if isinstance(connected, UnreadError):
            raise connected
        return connected(path)


def is_absent(error: Exception) -> bool:
    """Whether a service says that there is no such thing; CloudFormation says it as a wrong request."""
    if error_code(error) == "ValidationError":
        return "does not exist" in str(error)
    return error_code(error) in ABSENT


def hold_failure(ask: Callable[[], Any]) -> Any:
    """The answer, or the reason why there is none, to be kept like an answer."""
    try:
        return ask()
    except UnreadError as reason:
        return reason
    except MlopsError as error:
        return UnreadError(str(error))
    except Exception as error:
        said = describe_failure(error)
        if said is None:
            raise
        return UnreadError(said)


def run_tool(command: tuple[str, ...]) -> str | None:
    """What a program prints."""
    # beside this Python too: the environment need not be activated
    path = shutil.which(command[0]) or shutil.which(command[0], path=str(Path(sys.executable).parent))
    if path is None:
        return None
    try:
        done = subprocess.run(
            [path, *command[1:]], capture_output=True, text=True, timeout=LONGEST_TOOL, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise UnreadError(f"{command[0]} does not run: {' '.join(str(error).split())}") from None
    return (done.stdout or done.stderr).strip()
