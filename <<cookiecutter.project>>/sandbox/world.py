"""What the served operations share: names, clients, folders, processes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from sandbox.clients import make_client

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.identity import Caller
    from sandbox.images import Images
    from sandbox.launch import Launcher
    from sandbox.metrics import Metrics
    from sandbox.sts import Sts
    from sandbox.watch import Watch

# The service's own hand in a trail, as AWS writes it.
SERVICE_AGENT = "sagemaker.amazonaws.com"


@dataclass(frozen=True)
class Call:
    """One valid request to an operation that the sandbox serves itself."""

    operation: str
    params: dict[str, Any]
    caller: Caller
    region: str = ""

    @property
    def identity(self) -> dict[str, Any]:
        """The caller as the trail shows it."""
        return self.caller.record


@dataclass(frozen=True)
class World:
    """One account of the sandbox, in its one region."""

    account: str
    region: str
    endpoint: str
    jobs: Path
    images: Images
    launcher: Launcher
    clock: Clock
    metrics: Metrics
    watch: Watch
    sts: Sts
    no_capacity: frozenset[str] = frozenset()

    def arn(self, kind: str, name: str) -> str:
        return f"arn:aws:sagemaker:{self.region}:{self.account}:{kind}/{name}"

    def assume(self, role: str) -> dict[str, str]:
        """The keys of a session in which SageMaker acts as a role of this account."""
        return self.sts.assume_for(SERVICE_AGENT, role, "SageMaker", self.account).keys()

    def check_role(self, role: str) -> None:
        """Refuse a role that SageMaker could not assume."""
        self.sts.require_trust(SERVICE_AGENT, role, self.account)

    def client(self, service: str, keys: dict[str, str], agent: str = SERVICE_AGENT) -> Any:
        """A client of our own endpoint, acting as the session that `keys` open."""
        session: dict[str, str | None] = {
            "aws_access_key_id": keys["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": keys["AWS_SECRET_ACCESS_KEY"],
            "aws_session_token": keys["AWS_SESSION_TOKEN"],
        }
        standard = {"mode": "standard"}
        return make_client(service, self.endpoint, self.region, session, user_agent=agent, retries=standard)


def now() -> datetime:
    return datetime.now(UTC)
