"""All policies that infra/*.yml and the registry's code give, and what they say to a recorded call.

Each is a document of its own, so that a test can take a statement out of one, or widen it, and ask again.
"""

from __future__ import annotations

import copy
import json
import re
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from mlops.packages import group_policy
from mlops.project import Accounts, Project
from sandbox.iam import Policies, Principal, Request, evaluate
from sandbox.kinds import ENGINE, PEOPLE, RECORD, USUAL, Kind, read_line
from tests.blueprint import ACCOUNTS, REGION, Made, build, duties, is_common, templates

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Statement = dict[str, Any]
VALUES = {
    "project": "shop",
    "model": "x",
    "region": REGION,
    "pipeline": "shop-pipeline",
    "repository": "shop",
    **ACCOUNTS,
}
VERSION = {"Version": "2012-10-17"}
EVERYTHING: Statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ALL = json.dumps({**VERSION, "Statement": EVERYTHING})
# What a project may be: the forge, what runs the jobs, and the template without which it cannot be.
SETTINGS = {
    "": ("github", "github-actions", ""),
    "codecommit": ("codecommit", "codepipeline", "codecommit"),
    "connections": ("github", "codepipeline", "pipeline"),
}
PROJECTS = re.compile(r"policy/shop-(?!boundary)(.+)")


@dataclass(frozen=True, order=True)
class Place:
    """Where a document stands: `layer` role, shared, boundary, bucket, key, group or trust; `name` of whom.

    `on` is the setting of what only CodePipeline's projects have.
    """

    layer: str
    name: str
    part: str = ""
    on: str = ""

    def __str__(self) -> str:
        return f"{self.layer} {self.name}{self.on and f' on {self.on}'}"


Documents = dict[Place, dict[str, Any]]


def duty_of(role: str) -> str:
    """The account that a role lives in."""
    last = role.rpartition("-")[2]
    return last if last in ACCOUNTS and not ENGINE.fullmatch(role) else "training"


def settings() -> list[str]:
    """The settings that this project's templates know."""
    stems = {template.stem for template in templates()}
    return [on for on, (*_, needed) in SETTINGS.items() if not needed or needed in stems]


@cache
def applied(on: str) -> tuple[Made, ...]:
    """All resources of a project in one of the settings, those of every account.

    What is there only where people confirm releases is there too: the rest is as where they do not.
    """
    forge, ci, _ = SETTINGS[on]
    found = {}
    for template in templates():
        if template.facts.forge in (None, forge) and template.facts.ci in (None, ci):
            for duty in duties(template):
                asking = build(template, duty, forge, ci, ManualApproval="prod")
                for each in (*asking, *build(template, duty, forge, ci)):
                    found[template.stem, duty, each.logical] = each
    return tuple(found.values())


@cache
def documents() -> Documents:
    """Every policy that says what a role may do: GitHub Actions' projects, and what differs in others."""
    found: Documents = {Place("group", "shop-x"): group_policy(project(), "x")}
    for on in settings():
        for each in applied(on):
            if not on or not is_common(each.template):
                found |= written_in(each, on)
            elif each.type == "AWS::IAM::Role" and trusts_builds(each):
                found[Place("trust", role_name(each), on=on)] = each.properties["AssumeRolePolicyDocument"]
    return found


def written_in(made: Made, on: str) -> Documents:
    """The documents of one resource."""
    given = made.properties
    if made.type == "AWS::IAM::Role":
        policies = given["Policies"]
        return {
            Place("role", role_name(made), each["PolicyName"], on): each["PolicyDocument"]
            for each in policies
        }
    if made.type == "AWS::IAM::ManagedPolicy":
        _, bound, name = given["ManagedPolicyName"].removeprefix("shop-").rpartition("boundary-")
        return {Place("boundary" if bound else "shared", name, on=on): given["PolicyDocument"]}
    if made.type == "AWS::S3::BucketPolicy":
        return {Place("bucket", given["Bucket"], on=on): given["PolicyDocument"]}
    return {Place("key", made.logical, on=on): given["KeyPolicy"]} if made.type == "AWS::KMS::Key" else {}


def role_name(made: Made) -> str:
    return str(made.properties["RoleName"]).removeprefix("shop-")


def trusts_builds(role: Made) -> bool:
    return "-build-" in json.dumps(role.properties["AssumeRolePolicyDocument"])


@cache
def sharing(on: str) -> dict[str, frozenset[str]]:
    """Policies that several share → the roles that have them."""
    found = {"contribute": {"contributor"}, "confirm": {"confirmer"}}
    for role in applied(on):
        for arn in role.properties.get("ManagedPolicyArns", []) if role.type == "AWS::IAM::Role" else []:
            if named := PROJECTS.search(arn):
                found.setdefault(named[1], set()).add(role_name(role))
    return {name: frozenset(roles) for name, roles in found.items()}


def project() -> Project:
    return Project.model_validate(
        {
            "schema": 1,
            "template": "1.0.0",
            "project": "shop",
            "description": "Models of a shop",
            "owner_team": "@acme/ml",
            "forge": "github",
            "repository": "acme/shop",
            "ci": "github-actions",
            "region": REGION,
            "accounts": Accounts(**ACCOUNTS).model_dump(),
        }
    )


@cache
def recorded() -> tuple[Kind, ...]:
    """The record, with the names that tests/blueprint.py gives the project."""
    kinds = (fill(read_line(line)) for line in RECORD.read_text(encoding="utf-8").splitlines())
    return tuple(kind for kind in kinds if kind.on in settings())


def fill(kind: Kind) -> Kind:
    """A kind as one call."""
    values = {**VALUES, "account": ACCOUNTS[duty_of(kind.role)]}

    def put(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], text)

    when = {key: tuple(map(put, each)) for key, each in kind.when.items()}
    return replace(kind, resource=put(kind.resource), when=when)


def attached_to(kind: Kind) -> tuple[Place, ...]:
    """Where the policy of a call's resource itself stands, whoever's template it is of."""
    *_, service, _, _, name = (
        kind.resource.split(":", 5) if kind.resource.count(":") > 4 else ("", "", "", "")
    )
    layer, owner = "", ""
    if service == "s3":
        layer, owner = "bucket", name.split("/")[0]
    elif service == "kms":
        layer, owner = "key", name.removeprefix("key/")
    elif service == "iam" and kind.action == "sts:AssumeRole":
        layer, owner = "trust", name.removeprefix("role/shop-")
    elif name.startswith(("model-package/", "model-package-group/")):
        layer, owner = "group", name.split("/")[1]
    return tuple(Place(layer, owner, on=on) for on in {"", kind.on})


def concerns(place: Place, kind: Kind) -> bool:
    """Whether a document has a say in a call."""
    if place.layer in ("role", "shared", "boundary") and place.on != kind.on:
        return False
    if place.layer == "role":
        return place.name == kind.role
    if place.layer == "shared":
        return kind.role in sharing(place.on)[place.name]
    if place.layer == "boundary":
        return place.name == bound_of(kind)
    return place in attached_to(kind)


def bound_of(kind: Kind) -> str:
    """The boundary of a call's role; people have none of ours."""
    if kind.role in PEOPLE:
        return ""
    return "builds" if ENGINE.fullmatch(kind.role) else duty_of(kind.role)


def owner(resource: str, otherwise: str) -> str:
    """The account of a resource; buckets have it in their names."""
    named = re.search(r":(\d{12}):", resource) or re.search(r"-(\d{12})-", resource)
    return named[1] if named else otherwise


def asked(kind: Kind) -> Request:
    """A call as the evaluator takes it."""
    account = ACCOUNTS[duty_of(kind.role)]
    arn = f"arn:aws:iam::{account}:role/shop-{kind.role}"
    principal = Principal(
        account, f"arn:aws:sts::{account}:assumed-role/shop-{kind.role}/job", "session", arn
    )
    if kind.role in PEOPLE:
        principal = Principal(account, f"arn:aws:iam::{account}:user/ada", "user")
    return Request(
        principal, kind.action, kind.resource, owner(kind.resource, account), {**USUAL, **kind.when}
    )


def may(kind: Kind, given: Mapping[Place, str]) -> bool:
    """Whether all policies together let a role do this."""
    found = [(place.layer, text) for place, text in given.items() if concerns(place, kind)]
    own = [text for layer, text in found if layer in ("role", "shared")]
    bound = [text for layer, text in found if layer == "boundary"]
    attached = [text for layer, text in found if layer not in ("role", "shared", "boundary")]
    return evaluate(asked(kind), Policies(own, bound or None, None, attached)).allowed


def may_by(kind: Kind, place: Place, text: str) -> bool:
    """Whether one document lets a role do this, with all others wide open: each must hold by itself."""
    request = asked(kind)
    if place.layer in ("role", "shared", "boundary"):
        trusting = {**EVERYTHING, "Principal": {"AWS": request.principal.account}}
        opened = [json.dumps({**VERSION, "Statement": trusting})]
        role = Policies([text], None, None, opened)
        bound = Policies([ALL], [text], None, opened)
        return evaluate(request, bound if place.layer == "boundary" else role).allowed
    return evaluate(request, Policies([ALL], None, None, [text])).allowed


def leaves(kind: Kind, place: Place, text: str) -> bool:
    """Whether a document denies nothing of a call: all that is not denied is allowed beside it."""
    if place.layer != "shared":
        return may_by(kind, place, text)
    return evaluate(asked(kind), Policies([text, ALL])).allowed


def written(found: Mapping[Place, Any]) -> dict[Place, str]:
    """Documents as texts, which the evaluator compiles once."""
    return {place: json.dumps(document) for place, document in found.items()}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(effect: str, settings: tuple[str, ...]) -> Iterator[tuple[Place, int, Statement]]:
    """Every statement for roles in some settings; what AWS's services are let do stands in other tests."""
    for place, document in documents().items():
        if place.on not in settings:
            continue
        for number, statement in enumerate(document["Statement"]):
            if statement["Effect"] == effect and "Service" not in (statement.get("Principal") or {}):
                yield place, number, statement


def changed(place: Place, number: int, **members: Any) -> str:
    """A document whose statement has other members; without actions, or any member, it is gone."""
    document = copy.deepcopy(documents()[place])
    statement = document["Statement"][number] | members
    if not statement.get("Condition", True):
        del statement["Condition"]
    kept = [statement] if members and statement["Action"] else []
    document["Statement"][number : number + 1] = kept
    return json.dumps(document)
