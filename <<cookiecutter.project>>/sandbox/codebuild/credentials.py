"""Hands a build the keys of its service role's session, as the container endpoint of AWS does.

AWS_CONTAINER_CREDENTIALS_RELATIVE_URI means an address that only a container has; the same document is
served here under AWS_CONTAINER_CREDENTIALS_FULL_URI, which every AWS client reads alike.
"""

from __future__ import annotations

import uuid
from datetime import UTC, datetime, timedelta

RENEWED = timedelta(hours=1)


class Vending:
    """Sessions by the secret path under which a build asks for them."""

    def __init__(self) -> None:
        self._sessions: dict[str, tuple[str, dict[str, str]]] = {}

    def open(self, role: str, keys: dict[str, str]) -> str:
        """Serve the keys of a session; the path's last part."""
        name = uuid.uuid4().hex
        self._sessions[name] = role, keys
        return name

    def close(self, name: str) -> None:
        self._sessions.pop(name, None)

    def answer(self, name: str) -> dict[str, str] | None:
        """The document that a client reads; None for a path that nobody was given."""
        found = self._sessions.get(name)
        if found is None:
            return None
        role, keys = found
        return {
            "RoleArn": role,
            "AccessKeyId": keys["AWS_ACCESS_KEY_ID"],
            "SecretAccessKey": keys["AWS_SECRET_ACCESS_KEY"],
            "Token": keys["AWS_SESSION_TOKEN"],
            "Expiration": (datetime.now(UTC) + RENEWED).isoformat(timespec="seconds").replace("+00:00", "Z"),
        }
