"""What is decided and by which policies: who asks, for what, where; and the answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Kind = Literal["root", "user", "role", "session", "web", "service", "anonymous"]
Document = str | Mapping[str, Any]
Context = Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Principal:
    """Who asks: an IAM identity by ARN, an identity provider by ARN, or a service by name.

    `arn` is what AWS names in a refusal: of a session the assumed-role ARN; `role_arn` is its role.
    """

    account: str
    arn: str
    kind: Kind
    role_arn: str = ""
    session: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    id: str = ""

    @property
    def source_arn(self) -> str:
        """What policies see as aws:PrincipalArn: a session's role, else the principal itself."""
        return self.role_arn or self.arn


@dataclass(frozen=True)
class Request:
    """One action on one resource; `account` is the resource's."""

    principal: Principal
    action: str
    resource: str
    account: str
    context: Context = field(default_factory=dict)


@dataclass(frozen=True)
class Policies:
    """The documents that bear on a request; None where there is no such limit."""

    identity: Sequence[Document] = ()
    boundary: Sequence[Document] | None = None
    session: Sequence[Document] | None = None
    resource: Sequence[Document] = ()


@dataclass(frozen=True)
class Decision:
    """Whether, and in AWS's words why not."""

    allowed: bool
    reason: str


ANONYMOUS = Principal("", "*", "anonymous")
