"""A model's requirements.lock against what is inside its image."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from packaging.markers import InvalidMarker, Marker
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from mlops.images import FrameworkImage

PINNED = re.compile(
    r"^(?P<name>[A-Za-z0-9][A-Za-z0-9._-]*)(\[[^\]]*\])?==(?P<version>[^\s;\\]+)\s*(;(?P<marker>[^\\]+))?"
)


def find_disagreements(lock: str, image: FrameworkImage) -> list[str]:
    """What the lock would change inside the image: one message a package; empty when they agree.

    Replacing a framework under AWS's serving stack is what breaks containers at start.
    """
    pins = locked_versions(lock, image.python)
    return [
        f"{name}: found {pins[name]!r}, but image {image.repository}:{image.tag} has {version!r}. "
        f"Write {name}=={version} into requirements.in, then: make lock"
        for name, version in image.packages.items()
        if name in pins and pins[name] != version
    ]


def locked_versions(lock: str, python: str) -> dict[str, str]:
    """The versions that a lock installs on Linux with a Python: canonical name → version."""
    pins = (match for line in lock.splitlines() if (match := PINNED.match(line)))
    return {canonicalize_name(pin["name"]): pin["version"] for pin in pins if applies(pin["marker"], python)}


def applies(marker: str | None, python: str) -> bool:
    """Whether a marker is true inside the image."""
    if not marker:
        return True
    environment = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "implementation_name": "cpython",
        "platform_python_implementation": "CPython",
        "platform_machine": "x86_64",
        "platform_system": "Linux",
        "sys_platform": "linux",
        "os_name": "posix",
    }
    try:
        return Marker(marker.strip()).evaluate(environment)
    except InvalidMarker:
        return True
