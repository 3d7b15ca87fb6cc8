"""Policy documents, parsed and compiled once for all requests."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.iam.conditions import compile_condition
from sandbox.iam.errors import PolicyError
from sandbox.iam.principals import Principals, compile_principals
from sandbox.iam.wildcards import ArnGlob, Glob

if TYPE_CHECKING:
    from sandbox.iam.conditions import Test
    from sandbox.iam.request import Context, Document

VARIABLES_SINCE = "2012-10-17"
VERSIONS = (VARIABLES_SINCE, "2008-10-17")
ELEMENTS = frozenset(
    {"Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Principal", "NotPrincipal"}
    | {"Condition"}
)


@dataclass(frozen=True)
class Statement:
    """One statement, ready to be asked."""

    deny: bool
    actions: tuple[Glob, ...]
    not_actions: bool
    resources: tuple[ArnGlob, ...]
    not_resources: bool
    tests: tuple[Test, ...]
    principals: Principals | None

    def covers(self, action: str, resource: str, context: Context) -> bool:
        """Whether action, resource and conditions of a request are this statement's."""
        return (
            any(glob.matches(action, context) for glob in self.actions) is not self.not_actions
            and self._names(resource, context)
            and all(test(context) for test in self.tests)
        )

    def _names(self, resource: str, context: Context) -> bool:
        if self.not_resources:
            return all(glob.matches(resource, context) is False for glob in self.resources)
        return any(glob.matches(resource, context) for glob in self.resources)


Policy = tuple[Statement, ...]


def compile_policy(document: Document) -> Policy:
    """Compile a document, given as JSON text or parsed; a text seen before costs a look-up."""
    return _compile_text(document if isinstance(document, str) else json.dumps(document))


@functools.lru_cache(maxsize=4096)
def _compile_text(text: str) -> Policy:
    try:
        document = json.loads(text)
    except ValueError:
        raise PolicyError("the policy is not JSON") from None
    if not isinstance(document, dict):
        raise PolicyError("the policy is not a JSON object")
    version = document.get("Version", VERSIONS[-1])
    if version not in VERSIONS:
        raise PolicyError(f"Version {version!r} is not one of {', '.join(VERSIONS)}")
    return tuple(
        _statement(found, version == VARIABLES_SINCE)
        for found in _listed(document.get("Statement", []), dict, "Statement")
    )


def _statement(found: dict[str, Any], variables: bool) -> Statement:
    if unknown := sorted(set(found) - ELEMENTS):
        raise PolicyError(f"Statement has unknown elements {unknown}; IAM has {sorted(ELEMENTS)}")
    if found.get("Effect") not in ("Allow", "Deny"):
        raise PolicyError(f"Effect {found.get('Effect')!r} is neither 'Allow' nor 'Deny'")
    action = _one_of(found, "Action", "NotAction")
    if action is None:
        raise PolicyError(f"Statement {found.get('Sid', '')!r} has neither Action nor NotAction")
    resource = _one_of(found, "Resource", "NotResource")
    principal = _one_of(found, "Principal", "NotPrincipal")
    return Statement(
        deny=found["Effect"] == "Deny",
        actions=tuple(Glob(text, variables=False, fold=True) for text in _listed(found[action], str, action)),
        not_actions=action == "NotAction",
        resources=_resources(found, resource, variables),
        not_resources=resource == "NotResource",
        tests=compile_condition(found.get("Condition", {}), variables),
        principals=compile_principals(found[principal], principal == "NotPrincipal") if principal else None,
    )


def _resources(found: dict[str, Any], element: str | None, variables: bool) -> tuple[ArnGlob, ...]:
    """A statement without Resource stands in a trust policy: its resource is what it is attached to."""
    texts = _listed(found[element], str, element) if element else ["*"]
    if odd := [text for text in texts if text != "*" and not text.startswith("arn:")]:
        raise PolicyError(f"Resource {odd[0]!r} must be in ARN format or '*'")
    return tuple(ArnGlob(text, variables=variables, complete=True) for text in texts)


def _one_of(found: dict[str, Any], *names: str) -> str | None:
    given = [name for name in names if name in found]
    if len(given) > 1:
        raise PolicyError(f"Statement {found.get('Sid', '')!r} has both {' and '.join(given)}; take one")
    return given[0] if given else None


def _listed(value: Any, kind: type, name: str) -> list[Any]:
    listed = value if isinstance(value, list) else [value]
    if not all(isinstance(item, kind) for item in listed):
        raise PolicyError(f"{name} {value!r} is neither a {kind.__name__} nor a list of them")
    return listed
