"""A project as its trail sees it: accounts, names, the sessions of its roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.trails import callers, records

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

Record = dict[str, Any]


@dataclass(frozen=True)
class Site:
    """Where a project lives, on AWS and on its forge."""

    project: str
    training: str
    staging: str
    prod: str
    region: str
    repository: str
    owner_id: str = "1001"
    repository_id: str = "2002"
    forge: str = "github"
    ci: str = "github-actions"

    def account(self, environment: str) -> str:
        """The account of an environment."""
        return {"staging": self.staging, "prod": self.prod}[environment]

    @property
    def accounts(self) -> tuple[str, ...]:
        """Every account once."""
        return tuple(sorted({self.training, self.staging, self.prod}))

    @property
    def trail_bucket(self) -> str:
        """Where all the accounts' trails deliver."""
        return f"{self.project}-trail-{self.training}-{self.region}"

    @property
    def releases_bucket(self) -> str:
        """Where sealed models and evidence lie."""
        return f"{self.project}-releases-{self.training}-{self.region}"

    def subject(self, context: str, *, immutable: bool = True) -> str:
        """The `sub` of a job's token."""
        owner, _, name = self.repository.partition("/")
        if immutable:
            return f"repo:{owner}@{self.owner_id}/{name}@{self.repository_id}:{context}"
        return f"repo:{self.repository}:{context}"


@dataclass(frozen=True)
class Pinned:
    """A release where it is pinned: what a story tells of. `variants` overrides what its config serves."""

    environment: str
    model: str
    release: str
    config: str
    package: str
    image: str
    archive: str
    commit: str
    pull: int

    def model_name(self, site: Site) -> str:
        """The SageMaker model."""
        return f"{site.project}-{self.model}-{self.environment}-{self.release.removeprefix('sha256:')[:12]}"

    def config_name(self, site: Site) -> str:
        """The endpoint config."""
        return f"{site.project}-{self.model}-{self.environment}-{self.config[:12]}"

    def endpoint(self, site: Site) -> str:
        """The endpoint."""
        return f"{site.project}-{self.environment}-{self.model}"


@dataclass(frozen=True)
class Session:
    """An open session: who it is in later records, and the record of its opening."""

    who: Mapping[str, Any]
    opening: Record


def open_session(
    site: Site,
    role: str,
    name: str,
    key: str,
    at: datetime,
    account: str,
    subject: str,
    issuer: str = callers.ISSUER,
) -> Session:
    """A CI job exchanges its token for a session of a role."""
    job = callers.web_user(account, subject, issuer)
    opening = records.assume_with_token(job, at, account, site.region, f"{site.project}-{role}", name, key)
    who = callers.role_session(account, f"{site.project}-{role}", name, key, provider=job["identityProvider"])
    return Session(who, opening)


def deploy_session(
    site: Site, pinned: Pinned, run: str, key: str, at: datetime, *, kind: str = "deploy"
) -> Session:
    """The session of a `deploy` or `rollback` job."""
    origin = f"p{pinned.pull}" if kind == "deploy" else "r"
    environment = pinned.environment if kind == "deploy" else f"rollback-{pinned.environment}"
    subject = site.subject(f"environment:{environment}")
    name = f"{origin}.{pinned.commit[:12]}.{run}"
    account = site.account(pinned.environment)
    return open_session(site, f"{kind}-{pinned.environment}", name, key, at, account, subject)
