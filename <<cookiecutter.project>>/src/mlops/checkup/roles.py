"""Roles, and whom they trust: this repository, by its number, from the right workflow and environment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from mlops.checkup.finding import Check, Trouble, UnreadError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from mlops.checkup.site import Site

ROLE = "AWS::IAM::Role"
PROVIDER = "AWS::IAM::OIDCProvider"
ISSUER = "token.actions.githubusercontent.com"
AUDIENCE = "sts.amazonaws.com"


@dataclass(frozen=True)
class Role:
    """A role that a stack made. `there` is IAM's own record, None where it has none."""

    name: str
    duty: str
    there: Mapping[str, Any] | None
    has_boundary: bool  # the template gives it one


@dataclass(frozen=True)
class Trust:
    """One statement that lets CI jobs in, as condition key → values; and what the forge says."""

    role: str
    duty: str
    asked: Mapping[str, tuple[str, ...]]
    repository: Mapping[str, str]
    root: Path

    @property
    def environment(self) -> str:
        """The environment that jobs of the role must name; empty for those that name none."""
        for kind in ("deploy", "rollback"):
            for duty in ("staging", "prod"):
                if self.role.endswith(f"-{kind}-{duty}"):
                    return duty if kind == "deploy" else f"rollback-{duty}"
        return ""

    @property
    def subjects(self) -> set[str]:
        """Both forms of `sub` that a job of this repository may carry."""
        known = self.repository
        where = f"environment:{self.environment}" if self.environment else "ref:refs/heads/main"
        old = f"repo:{known['Owner']}/{known['Repository']}:{where}"
        new = (
            f"repo:{known['Owner']}@{known['OwnerId']}/{known['Repository']}@{known['RepositoryId']}:{where}"
        )
        return {old, new}


def read_roles(site: Site) -> Iterator[tuple[str, Role]]:
    """Every role of the stacks."""
    for stack, logical, name in site.made(ROLE):
        answer = site.reads.aws("iam", "get_role", RoleName=name)
        bounded = "PermissionsBoundary" in site.properties(stack, logical)
        yield name, Role(name, stack.duty, answer["Role"] if answer else None, bounded)


def judge_role(role: Role) -> Trouble | None:
    """IAM has it."""
    if role.there is not None:
        return None
    return Trouble(
        "was deleted behind its stack's back",
        f"mlops destroy {role.duty} and mlops bootstrap {role.duty}, or make it again by hand",
    )


def read_bounded(site: Site) -> Iterator[tuple[str, Role]]:
    """The roles that a template gives a boundary."""
    return ((name, role) for name, role in read_roles(site) if role.there and role.has_boundary)


def judge_boundary(role: Role) -> Trouble | None:
    """The role has it."""
    if (role.there or {}).get("PermissionsBoundary"):
        return None
    return Trouble("has lost its permissions boundary", f"mlops bootstrap {role.duty}")


def read_trusts(site: Site) -> Iterator[tuple[str, Any]]:
    """What each role asks of the CI jobs that it lets in."""
    for name, role in read_roles(site):
        for statement in web_statements(role.there):
            try:
                yield name, Trust(name, role.duty, conditions(statement), site.repository, site.root)
            except UnreadError as reason:
                yield name, reason


def web_statements(role: Mapping[str, Any] | None) -> list[Mapping[str, Any]]:
    """The statements of a role's trust that let web identities in."""
    document: Any = (role or {}).get("AssumeRolePolicyDocument") or {}
    if isinstance(document, str):
        document = json.loads(unquote(document))
    found = document.get("Statement", [])
    return [
        each
        for each in (found if isinstance(found, list) else [found])
        if "Federated" in (each.get("Principal") or {}) and each.get("Effect") == "Allow"
    ]


def conditions(statement: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """Condition key without its issuer → values. One that matches by pattern keeps its operator's name."""
    found: dict[str, tuple[str, ...]] = {}
    for operator, keys in (statement.get("Condition") or {}).items():
        for key, values in keys.items():
            name = key.removeprefix(f"{ISSUER}:")
            exact = name if operator == "StringEquals" else f"{operator} {name}"
            found[exact] = tuple(values) if isinstance(values, list) else (str(values),)
    return found


def judge_repository(trust: Trust) -> Trouble | None:
    """It asks for this repository's number: one made anew under the same name has another."""
    found, now = trust.asked.get("repository_id"), trust.repository["RepositoryId"]
    if found == (now,):
        return None
    said = f"trusts repository number {', '.join(found)}" if found else "asks for no repository number"
    return Trouble(f"{said}, the forge's is {now}: made anew or moved?", f"mlops bootstrap {trust.duty}")


def judge_subject(trust: Trust) -> Trouble | None:
    """It takes both forms of this repository's subject, with the right environment, and no other."""
    found = set(trust.asked.get("sub", ()))
    wrong = [f"takes {subject!r}" for subject in sorted(found - trust.subjects)]
    wrong += [f"does not take {subject!r}" for subject in sorted(trust.subjects - found)]
    if trust.environment and trust.asked.get("environment") != (trust.environment,):
        wrong.append(f"does not ask for environment {trust.environment!r}")
    return Trouble("; ".join(wrong), f"mlops bootstrap {trust.duty}") if wrong else None


def judge_audience(trust: Trust) -> Trouble | None:
    """Only tokens made for AWS are taken."""
    found = trust.asked.get("aud", ())
    if found == (AUDIENCE,):
        return None
    return Trouble(f"takes audience {', '.join(found) or 'any'}", f"mlops bootstrap {trust.duty}")


def judge_workflow(trust: Trust) -> Trouble | None:
    """It asks for a workflow of main, and that workflow is there."""
    owner, name = trust.repository["Owner"], trust.repository["Repository"]
    prefix, end = f"{owner}/{name}/", "@refs/heads/main"
    found = trust.asked.get("job_workflow_ref", ())
    wrong = [] if found else ["asks for no workflow"]
    for each in found:
        path = each.removeprefix(prefix).removesuffix(end)
        if not each.startswith(prefix) or not each.endswith(end):
            wrong.append(f"takes jobs of {each!r}, which is not on main of {owner}/{name}")
        elif not (trust.root / path).is_file():
            wrong.append(f"takes jobs of {path!r}, which is not here")
    return Trouble("; ".join(wrong), f"mlops bootstrap {trust.duty}") if wrong else None


def read_provider(site: Site) -> Iterator[tuple[str, tuple[str, Mapping[str, Any] | None]]]:
    """The account's provider of the forge's tokens, whoever made it."""
    if not site.declares(PROVIDER):
        return
    listed = site.reads.aws("iam", "list_open_id_connect_providers")["OpenIDConnectProviderList"]
    arn = next((each["Arn"] for each in listed if each["Arn"].endswith(f"/{ISSUER}")), None)
    found = (
        site.reads.aws("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=arn) if arn else None
    )
    yield ISSUER, (site.duties[0], found)


def judge_provider(facts: tuple[str, Mapping[str, Any] | None]) -> Trouble | None:
    """It is there, and takes tokens made for AWS."""
    duty, provider = facts
    if provider is None:
        return Trouble("the account has no OIDC provider of the forge", f"mlops bootstrap {duty}")
    if AUDIENCE in provider.get("ClientIDList", []):
        return None
    return Trouble(
        f"takes audiences {provider.get('ClientIDList', [])!r}, not {AUDIENCE!r}",
        "aws iam add-client-id-to-open-id-connect-provider --client-id sts.amazonaws.com "
        "--open-id-connect-provider-arn …",
    )


CHECKS = (
    Check("provider", "the account takes the forge's tokens", read_provider, judge_provider),
    Check("role", "every role of the stacks is there", read_roles, judge_role),
    Check("role-boundary", "roles keep their permissions boundary", read_bounded, judge_boundary),
    Check("trust-repository", "roles trust this very repository", read_trusts, judge_repository),
    Check("trust-subject", "roles take both forms of its subject and no other", read_trusts, judge_subject),
    Check("trust-audience", "roles take tokens made for AWS alone", read_trusts, judge_audience),
    Check("trust-workflow", "roles take jobs of workflows on main that exist", read_trusts, judge_workflow),
)
