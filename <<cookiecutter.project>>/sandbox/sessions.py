"""Role sessions: their keys, until when they hold, and who opened them."""

from __future__ import annotations

import base64
import secrets
import threading
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from sandbox.clock import Clock
    from sandbox.identity import Role

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


@dataclass(frozen=True)
class Opening:
    """What a session is opened with, beyond its role and name; `seconds` None: a service renews it."""

    seconds: int | None
    policies: tuple[str, ...] = ()
    tags: dict[str, str] = field(default_factory=dict)
    source_identity: str = ""
    provider: str = ""
    service: str = ""


@dataclass(frozen=True)
class Session:
    """One session of a role."""

    access_key: str
    secret: str
    token: str
    role: Role
    name: str
    created: datetime  # by the wall's clock, by which sessions end
    began: datetime  # in sandbox time, which records carry
    opening: Opening

    @property
    def arn(self) -> str:
        return f"arn:aws:sts::{self.role.account}:assumed-role/{self.role.name}/{self.name}"

    @property
    def id(self) -> str:
        return f"{self.role.id}:{self.name}"

    @property
    def expires(self) -> datetime | None:
        seconds = self.opening.seconds
        return None if seconds is None else self.created + timedelta(seconds=seconds)

    def has_expired(self) -> bool:
        return self.expires is not None and datetime.now(UTC) >= self.expires

    def keys(self) -> dict[str, str]:
        """The session's keys, as a container's environment names them."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key,
            "AWS_SECRET_ACCESS_KEY": self.secret,
            "AWS_SESSION_TOKEN": self.token,
        }


class Sessions:
    """All sessions of this life of the server; `longest` caps those that people and workflows open."""

    def __init__(self, clock: Clock, longest: int | None = None) -> None:
        self._clock = clock
        self._longest = longest
        self._sessions: dict[str, Session] = {}
        self._lock = threading.Lock()

    def open(self, role: Role, name: str, opening: Opening) -> Session:
        """Make keys for a role. Whether the caller may is decided before."""
        session = Session(
            "ASIA" + "".join(secrets.choice(ALPHABET) for _ in range(16)),
            secrets.token_urlsafe(30),
            base64.b64encode(secrets.token_bytes(180)).decode(),
            role,
            name,
            datetime.now(UTC),
            self._clock.now(),
            opening,
        )
        with self._lock:
            self._sessions[session.access_key] = session
        return session

    def capped(self, seconds: int) -> int:
        return min(seconds, self._longest or seconds)

    def find(self, access_key: str) -> Session | None:
        return self._sessions.get(access_key)


def expired() -> ServiceError:
    return ServiceError("ExpiredToken", "The security token included in the request is expired", 403)
