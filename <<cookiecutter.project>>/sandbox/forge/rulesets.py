"""Rulesets: which are accepted, which branch each is for, who passes them, and what they ask together."""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.forge.calls import Refusal, invalid
from sandbox.forge.people import BOT, LEVELS
from sandbox.forge.repository import DEFAULT_BRANCH

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.forge.people import Person

ENFORCEMENTS = ("active", "disabled", "evaluate")
ACTIONS_APP = 15368  # GitHub Actions
ROLES = {1: "read", 2: "maintain", 3: "triage", 4: "write", 5: "admin"}
BYPASSES = ("always", "pull_request", "exempt")
REQUIRED_OF_REVIEWS = {
    "dismiss_stale_reviews_on_push": bool,
    "require_code_owner_review": bool,
    "require_last_push_approval": bool,
    "required_approving_review_count": int,
    "required_review_thread_resolution": bool,
}
REQUIRED_OF_CHECKS = {"required_status_checks": list, "strict_required_status_checks_policy": bool}
SERVED = {
    "pull_request": REQUIRED_OF_REVIEWS,
    "required_status_checks": REQUIRED_OF_CHECKS,
    "non_fast_forward": {},
    "deletion": {},
    "creation": {},
    "update": {},
    "required_linear_history": {},
}


@dataclass(frozen=True)
class Reviews:
    """What a pull request needs of its reviewers."""

    count: int = 0
    dismiss_stale: bool = False
    code_owner: bool = False
    last_push: bool = False
    methods: tuple[str, ...] = ("merge", "squash", "rebase")


@dataclass(frozen=True)
class Check:
    """A check by name, and by the app it has to come from."""

    context: str
    app: int | None


@dataclass(frozen=True)
class Rules:
    """All that the rulesets of a branch ask of somebody, the strictest of each."""

    reviews: Reviews | None = None
    checks: tuple[Check, ...] = ()
    strict: bool = False
    forbidden: frozenset[str] = frozenset()  # creation, update, deletion, non_fast_forward, …


def validate(body: dict[str, Any], names: Iterable[str]) -> None:
    """Refuse what GitHub refuses, and by name what this forge would not enforce."""
    if not isinstance(body.get("name"), str) or not body["name"]:
        raise invalid("Ruleset", "name", "missing_field")
    if body["name"] in names:
        raise invalid("Ruleset", "name", "custom", "Name must be unique")
    if body.get("enforcement") not in ENFORCEMENTS:
        raise invalid("Ruleset", "enforcement")
    if body.get("target", "branch") != "branch":
        raise _not_enforced(f"rulesets for {body['target']!r}")
    for rule in body.get("rules", []):
        _validate_rule(rule)
    for actor in body.get("bypass_actors") or []:
        if actor.get("bypass_mode", "always") not in BYPASSES:
            raise invalid("Ruleset", "bypass_actors")


def _validate_rule(rule: dict[str, Any]) -> None:
    kind, parameters = rule.get("type"), rule.get("parameters") or {}
    if kind not in SERVED:
        raise _not_enforced(f"the rule {kind!r}")
    for name, wanted in SERVED[kind].items():
        if type(parameters.get(name)) is not wanted:
            found = parameters.get(name)
            said = f"Invalid rule '{kind}': {name} is {found!r}, not a {wanted.__name__}"
            raise invalid("Ruleset", "rules", "custom", said)
    if parameters.get("required_reviewers"):
        raise _not_enforced("required_reviewers of the rule 'pull_request'")


def _not_enforced(what: str) -> Refusal:
    said = f"the sandbox's forge does not enforce {what}, but {', '.join(SERVED)}: see docs/sandbox.md"
    return invalid("Ruleset", "rules", "custom", said)


def applies(ruleset: dict[str, Any], ref: str) -> bool:
    """Whether a ruleset is for a ref."""
    names = (ruleset.get("conditions") or {}).get("ref_name") or {}
    included = any(_matches(pattern, ref) for pattern in names.get("include", []))
    return included and not any(_matches(pattern, ref) for pattern in names.get("exclude", []))


def _matches(pattern: str, ref: str) -> bool:
    if pattern == "~ALL":
        return ref.startswith("refs/heads/")
    if pattern == "~DEFAULT_BRANCH":
        return ref == f"refs/heads/{DEFAULT_BRANCH}"
    return fnmatch.fnmatchcase(ref, pattern)


def bypasses(ruleset: dict[str, Any], person: Person, by_pull: bool) -> bool:
    """Whether somebody may pass a ruleset: in any way, or only by merging a pull request."""
    return any(
        _names(actor, person) and (by_pull or actor.get("bypass_mode", "always") != "pull_request")
        for actor in ruleset.get("bypass_actors") or []
    )


def _names(actor: dict[str, Any], person: Person) -> bool:
    match actor.get("actor_type"):
        case "RepositoryRole":
            role = ROLES.get(int(actor.get("actor_id") or 0), "admin")
            return person.kind == "User" and LEVELS.index(person.role) >= LEVELS.index(role)
        case "OrganizationAdmin":
            return person.kind == "User" and person.may("admin")
        case "Integration":
            return person == BOT and actor.get("actor_id") == ACTIONS_APP
        case "Team":
            return person.kind == "User" and person.may("write")
    return False


def combine(rulesets: Iterable[dict[str, Any]]) -> Rules:
    """The strictest of everything that active rulesets ask."""
    rules = [rule for ruleset in rulesets for rule in ruleset.get("rules", [])]
    kinds = {rule["type"] for rule in rules}
    reviews = [_reviews(rule["parameters"]) for rule in rules if rule["type"] == "pull_request"]
    checks = [rule["parameters"] for rule in rules if rule["type"] == "required_status_checks"]
    return Rules(
        _strictest(reviews) if reviews else None,
        tuple(
            dict.fromkeys(
                Check(check["context"], check.get("integration_id"))
                for asked in checks
                for check in asked["required_status_checks"]
            )
        ),
        any(asked["strict_required_status_checks_policy"] for asked in checks),
        frozenset(kinds - {"pull_request", "required_status_checks"}),
    )


def _reviews(parameters: dict[str, Any]) -> Reviews:
    return Reviews(
        parameters["required_approving_review_count"],
        parameters["dismiss_stale_reviews_on_push"],
        parameters["require_code_owner_review"],
        parameters["require_last_push_approval"],
        tuple(parameters.get("allowed_merge_methods") or Reviews.methods),
    )


def _strictest(found: list[Reviews]) -> Reviews:
    return Reviews(
        max(one.count for one in found),
        any(one.dismiss_stale for one in found),
        any(one.code_owner for one in found),
        any(one.last_push for one in found),
        tuple(method for method in Reviews.methods if all(method in one.methods for one in found)),
    )
