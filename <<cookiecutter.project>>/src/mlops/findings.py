"""What `mlops check` says of a file."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One rule that a file breaks."""

    path: str
    message: str
