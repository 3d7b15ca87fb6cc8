"""Principal elements: whom a statement of a resource's policy names, and how closely."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.iam.errors import PolicyError

if TYPE_CHECKING:
    from sandbox.iam.request import Principal

ACCOUNT = re.compile(r"(?:arn:[\w-]+:iam::)?(\d{12})(?::root)?")
# Principals that no account's identity policies decide about.
OUTSIDE = ("anonymous", "service", "web")
KINDS = ("AWS", "Service", "Federated", "CanonicalUser")


class Match(enum.IntEnum):
    """How closely a principal is named: it says which other limits still bind it."""

    NONE = 0
    ACCOUNT = 1  # its account: identity policies decide further
    ROLE = 2  # its role: boundary and session policy still limit it
    EVERYONE = 3  # nobody by name: its session policy still limits it
    DIRECT = 4  # itself


@dataclass(frozen=True)
class Principals:
    """A compiled Principal or NotPrincipal element."""

    everyone: bool
    accounts: frozenset[str]
    names: frozenset[str]
    providers: frozenset[str]
    services: frozenset[str]
    excluded: bool

    def match(self, principal: Principal) -> Match:
        found = self._named(principal)
        if self.excluded:
            return Match.NONE if found else Match.EVERYONE
        return found

    def _named(self, principal: Principal) -> Match:
        if principal.arn in {"service": self.services, "web": self.providers}.get(principal.kind, self.names):
            return Match.DIRECT
        if principal.role_arn and principal.role_arn in self.names:
            return Match.ROLE
        if self.everyone:
            return Match.EVERYONE
        if principal.kind in OUTSIDE or principal.account not in self.accounts:
            return Match.NONE
        return Match.ACCOUNT


def compile_principals(element: Any, excluded: bool) -> Principals:
    """Read the element's forms: "*", or lists by kind."""
    if element == "*":
        element = {"AWS": "*"}
    if not isinstance(element, dict):
        raise PolicyError(f"Principal {element!r} is neither '*' nor an object")
    if unknown := sorted(set(element) - set(KINDS)):
        raise PolicyError(f"Principal has unknown kinds {unknown}; IAM has {', '.join(KINDS)}")
    listed = {kind: _listed(kind, element.get(kind, [])) for kind in KINDS}
    accounts = {found[1] for text in listed["AWS"] if (found := ACCOUNT.fullmatch(text))}
    names = {text for text in listed["AWS"] if text != "*" and not ACCOUNT.fullmatch(text)}
    if wild := sorted(name for name in names if "*" in name):
        raise PolicyError(f"Principal {wild[0]!r}: a wildcard stands alone or not at all")
    return Principals(
        everyone="*" in listed["AWS"],
        accounts=frozenset(accounts),
        names=frozenset(names),
        providers=frozenset(listed["Federated"]),
        services=frozenset(listed["Service"]),
        excluded=excluded,
    )


def _listed(kind: str, value: Any) -> list[str]:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(item, str) for item in listed):
        raise PolicyError(f"Principal {kind} {value!r} is neither a text nor a list of texts")
    return listed
