"""What the forge really enforces, against the files in .github/ that say what it should."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.checkup.finding import Check, Trouble, UnreadError
from mlops.errors import UsageError
from mlops.forge import MAIN

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlops.checkup.site import Site

RULESETS = ".github/rulesets"
ENVIRONMENTS = ".github/environments"
# Numbers that may be larger than the file says: a team that asks for more asks for what the file does too.
AT_LEAST = frozenset({"required_approving_review_count"})
SETTLE = "mlops bootstrap training"


def read_json(path: Path) -> Any:
    """A settings file."""
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{path}: cannot be read: {' '.join(str(error).split())}") from None


def require_hub(site: Site) -> None:
    """Raise where the forge is not one whose settings are read here."""
    if site.project.forge != "github":
        raise UnreadError(
            f"settings of forge {site.project.forge!r} are not looked at; only those of 'github'"
        )


@dataclass(frozen=True)
class Ruled:
    """One rule that a file asks for, and the rules of its type in force on main."""

    wanted: Mapping[str, Any]
    found: list[Mapping[str, Any]]


def read_rules(site: Site) -> Iterator[tuple[str, Ruled]]:
    """The rules of .github/rulesets against those in force on main, whichever ruleset they come from."""
    require_hub(site)
    force = site.reads.forge(f"/rules/branches/{MAIN}") or []
    for path in sorted((site.root / RULESETS).glob("*.json")):
        for rule in read_json(path).get("rules", []):
            same = [each for each in force if each["type"] == rule["type"]]
            yield f"{path.name}: {rule['type']}", Ruled(rule, same)


def judge_rule(ruled: Ruled) -> Trouble | None:
    """Some rule in force asks for at least as much."""
    wanted = ruled.wanted.get("parameters") or {}
    if not ruled.found:
        return Trouble(f"no such rule is in force on {MAIN}", SETTLE)
    if any(covers(wanted, each.get("parameters") or {}) for each in ruled.found):
        return None
    weaker = sorted(
        name
        for name, value in wanted.items()
        if not any(covers({name: value}, each.get("parameters") or {}) for each in ruled.found)
    )
    return Trouble(f"the rule in force on {MAIN} asks for less: {', '.join(weaker)}", SETTLE)


def covers(wanted: Any, found: Any, name: str = "") -> bool:
    """Whether what was found holds all that is wanted; the forge adds members of its own."""
    if isinstance(wanted, dict):
        return isinstance(found, dict) and all(
            key in found and covers(value, found[key], key) for key, value in wanted.items()
        )
    if isinstance(wanted, list):
        return isinstance(found, list) and all(any(covers(one, each) for each in found) for one in wanted)
    if name in AT_LEAST:
        return isinstance(found, int) and found >= int(wanted)
    return bool(wanted == found)


@dataclass(frozen=True)
class Bypass:
    """Who passes an active ruleset of main, and who may by its file."""

    found: list[Mapping[str, Any]] | None
    allowed: list[Mapping[str, Any]]


def read_bypasses(site: Site) -> Iterator[tuple[str, Any]]:
    """The rulesets behind main's rules. Who passes them is told to those alone who may change them."""
    require_hub(site)
    files = [read_json(path) for path in sorted((site.root / RULESETS).glob("*.json"))]
    allowed = {each["name"]: each.get("bypass_actors") or [] for each in files}
    force = site.reads.forge(f"/rules/branches/{MAIN}") or []
    for number in sorted({rule["ruleset_id"] for rule in force if "ruleset_id" in rule}):
        kept = site.reads.forge(f"/rulesets/{number}") or {}
        name = kept.get("name", str(number))
        if "bypass_actors" not in kept:
            yield (
                name,
                UnreadError("the forge tells who passes it to admins alone: export GITHUB_TOKEN of one"),
            )
        else:
            yield name, Bypass(kept["bypass_actors"], allowed.get(name, []))


def judge_bypass(bypass: Bypass) -> Trouble | None:
    """Nobody passes but whom the file names."""
    more = [each for each in bypass.found or [] if not any(covers(one, each) for one in bypass.allowed)]
    if not more:
        return None
    names = ", ".join(f"{each.get('actor_type')} {each.get('actor_id') or ''}".strip() for each in more)
    return Trouble(f"may be passed by {names}", SETTLE)


@dataclass(frozen=True)
class Place:
    """An environment's file, and what the forge has; None where it has none."""

    wanted: Mapping[str, Any]
    found: Mapping[str, Any] | None
    branches: frozenset[str]


def read_environments(site: Site) -> Iterator[tuple[str, Place]]:
    """Every environment of .github/environments."""
    require_hub(site)
    for path in sorted((site.root / ENVIRONMENTS).glob("*.json")):
        where = f"/environments/{path.stem}"
        found = site.reads.forge(where)
        listed = site.reads.forge(f"{where}/deployment-branch-policies") if found else None
        names = frozenset(each["name"] for each in (listed or {}).get("branch_policies", []))
        yield path.stem, Place(read_json(path), found, names)


def judge_environment(place: Place) -> Trouble | None:
    """It is there, for the branches of the file and no other, with the file's reviewers and wait."""
    if place.found is None:
        return Trouble("the forge has no such environment", SETTLE)
    wrong = []
    if not covers(place.wanted.get("deployment_branch_policy"), place.found.get("deployment_branch_policy")):
        wrong.append("any branch may use it")
    elif place.branches != frozenset(place.wanted.get("branches", [])):
        wrong.append(f"is for branches {', '.join(sorted(place.branches)) or 'none'}")
    rules = {rule["type"]: rule for rule in place.found.get("protection_rules", [])}
    if rules.get("wait_timer", {}).get("wait_timer", 0) < place.wanted.get("wait_timer", 0):
        wrong.append("does not wait as long")
    people = {each["reviewer"]["id"] for each in rules.get("required_reviewers", {}).get("reviewers", [])}
    if not {each["id"] for each in place.wanted.get("reviewers", [])} <= people:
        wrong.append("lacks reviewers")
    return Trouble("; ".join(wrong), SETTLE) if wrong else None


def read_permissions(site: Site) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """What a job's token may do, where jobs are GitHub's."""
    require_hub(site)
    if site.project.ci != "github-actions":
        return
    found = site.reads.forge("/actions/permissions/workflow")
    if found is None:
        raise UnreadError("the forge tells this to admins alone: export GITHUB_TOKEN of one")
    yield "Actions", found


def judge_proposing(permissions: Mapping[str, Any]) -> Trouble | None:
    """A job may open pull requests: `propose` does."""
    if permissions.get("can_approve_pull_request_reviews"):
        return None
    return Trouble("jobs may not open pull requests: `propose` cannot work", SETTLE)


def judge_default(permissions: Mapping[str, Any]) -> Trouble | None:
    """A job that asks for nothing may only read."""
    if permissions.get("default_workflow_permissions") == "read":
        return None
    return Trouble("a job that asks for no permission may write", SETTLE)


CHECKS = (
    Check("ruleset", "main's rules are in force", read_rules, judge_rule),
    Check("ruleset-bypass", "nobody passes them", read_bypasses, judge_bypass),
    Check("environment", "environments are as their files say", read_environments, judge_environment),
    Check("actions-propose", "jobs may open pull requests", read_permissions, judge_proposing),
    Check("actions-default", "jobs only read unless they ask", read_permissions, judge_default),
)
