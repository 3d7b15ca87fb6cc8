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
from sandbox.kinds import RECORD, USUAL, Kind, read_line
from tests.blueprint import ACCOUNTS, REGION, Made, is_common, made

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Statement = dict[str, Any]
VALUES = {"project": "shop", "model": "x", "region": REGION, "training": ACCOUNTS["training"]}
VERSION = {"Version": "2012-10-17"}
EVERYTHING: Statement = {"Effect": "Allow", "Action": "*", "Resource": "*"}
ALL = json.dumps({**VERSION, "Statement": EVERYTHING})


@dataclass(frozen=True, order=True)
class Place:
    """Where a document stands: `layer` role, boundary, bucket, key or group; `name` whose it is."""

    layer: str
    name: str
    part: str = ""

    def __str__(self) -> str:
        return f"{self.layer} {self.name}"


Documents = dict[Place, dict[str, Any]]


def duty_of(role: str) -> str:
    """The account that a role lives in."""
    last = role.rpartition("-")[2]
    return last if last in ACCOUNTS else "training"


@cache
def applied(kind: str) -> tuple[Made, ...]:
    """The resources of one type that a project on GitHub has: the record is of its loop."""
    return tuple(each for each in made(kind) if is_common(each.template))


@cache
def documents() -> Documents:
    """Every policy that says what a role may do."""
    found: Documents = {}
    for role in applied("AWS::IAM::Role"):
        for policy in role.properties["Policies"]:
            place = Place("role", role.properties["RoleName"].removeprefix("shop-"), policy["PolicyName"])
            found[place] = policy["PolicyDocument"]
    for each in applied("AWS::IAM::ManagedPolicy"):
        found[Place("boundary", each.duty)] = each.properties["PolicyDocument"]
    for each in applied("AWS::S3::BucketPolicy"):
        found[Place("bucket", each.properties["Bucket"])] = each.properties["PolicyDocument"]
    for each in applied("AWS::KMS::Key"):
        found[Place("key", each.logical)] = each.properties["KeyPolicy"]
    found[Place("group", "shop-x")] = group_policy(project(), "x")
    return found


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
    return tuple(fill(read_line(line)) for line in RECORD.read_text(encoding="utf-8").splitlines())


def fill(kind: Kind) -> Kind:
    """A kind as one call."""
    values = {**VALUES, "account": ACCOUNTS[duty_of(kind.role)]}

    def put(text: str) -> str:
        return re.sub(r"\{(\w+)\}", lambda found: values[found[1]], text)

    when = {key: tuple(map(put, each)) for key, each in kind.when.items()}
    return replace(kind, resource=put(kind.resource), when=when)


def attached_to(resource: str) -> Place | None:
    """Where the policy of a resource itself stands."""
    *_, service, _, _, name = resource.split(":", 5) if resource.count(":") > 4 else ("", "", "", "")
    if service == "s3":
        return Place("bucket", name.split("/")[0])
    if service == "kms":
        return Place("key", name.removeprefix("key/"))
    if name.startswith(("model-package/", "model-package-group/")):
        return Place("group", name.split("/")[1])
    return None


def concerns(place: Place, kind: Kind) -> bool:
    """Whether a document has a say in a call."""
    if place.layer == "role":
        return place.name == kind.role
    if place.layer == "boundary":
        return place.name == duty_of(kind.role)
    return place == attached_to(kind.resource)


def owner(resource: str, otherwise: str) -> str:
    """The account of a resource; buckets have it in their names."""
    named = re.search(r":(\d{12}):", resource) or re.search(r"-(\d{12})-", resource)
    return named[1] if named else otherwise


def asked(kind: Kind) -> Request:
    """A call as the evaluator takes it."""
    account = ACCOUNTS[duty_of(kind.role)]
    arn = f"arn:aws:iam::{account}:role/shop-{kind.role}"
    session = f"arn:aws:sts::{account}:assumed-role/shop-{kind.role}/job"
    principal = Principal(account, session, "session", arn)
    return Request(
        principal, kind.action, kind.resource, owner(kind.resource, account), {**USUAL, **kind.when}
    )


def may(kind: Kind, given: Mapping[Place, str]) -> bool:
    """Whether all policies together let a role do this."""
    own = [text for place, text in given.items() if (place.layer, place.name) == ("role", kind.role)]
    attached = given.get(attached_to(kind.resource) or Place("", ""))
    bound = given[Place("boundary", duty_of(kind.role))]
    return evaluate(asked(kind), Policies(own, [bound], None, [attached] if attached else [])).allowed


def may_by(kind: Kind, place: Place, text: str) -> bool:
    """Whether one document lets a role do this, with all others wide open: each must hold by itself."""
    request = asked(kind)
    if place.layer in ("role", "boundary"):
        trusting = {**EVERYTHING, "Principal": {"AWS": request.principal.account}}
        opened = [json.dumps({**VERSION, "Statement": trusting})]
        role = Policies([text], None, None, opened)
        bound = Policies([ALL], [text], None, opened)
        return evaluate(request, role if place.layer == "role" else bound).allowed
    return evaluate(request, Policies([ALL], None, None, [text])).allowed


def written(found: Mapping[Place, Any]) -> dict[Place, str]:
    """Documents as texts, which the evaluator compiles once."""
    return {place: json.dumps(document) for place, document in found.items()}


def listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def statements(effect: str) -> Iterator[tuple[Place, int, Statement]]:
    """Every statement for roles; what AWS's services are let do stands in other tests."""
    for place, document in documents().items():
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
