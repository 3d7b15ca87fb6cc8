"""The sandbox's IAM decides as an evaluator of others does, over cases drawn for every part of the logic."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sandbox.iam import Policies, evaluate

from tests.judges.cases import HOME, OPERATORS, ROLE, SESSION, TARGETS, USER, WEB, Case, Draw, Target
from tests.judges.families import FAMILIES, ask, simulation

EACH = 80


def judge(folder: Path, cases: list[Case]) -> list[str]:
    """The verdicts of iam-simulate, one a case."""
    asked = [simulation(case) for case in cases]
    command = ["node", str(Path(__file__).with_name("simulate.mjs")), str(folder)]
    done = subprocess.run(
        command, input=json.dumps(asked), capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    refused = [pair for pair in zip(answers, asked, strict=True) if "error" in pair[0]]
    assert refused == [], f"the judge takes no such case: {refused[0]}"
    return [answer["verdict"] for answer in answers]


def decide(case: Case) -> str:
    """Our verdict, in the judge's words."""
    decision = evaluate(case.request, case.policies)
    if decision.allowed:
        return "Allowed"
    return "ExplicitlyDenied" if "explicit deny" in decision.reason else "ImplicitlyDenied"


def draw_all(family: str) -> list[Case]:
    return [FAMILIES[family](Draw(f"{family} {number}")) for number in range(EACH)]


@pytest.fixture(scope="module")
def verdicts(judges: Path) -> Callable[[list[Case]], list[str]]:
    """What the judge says of cases; it is asked once, about all."""
    asked = [
        *(case for family in FAMILIES for case in draw_all(family)),
        *(case for case, _, _ in APART.values()),
    ]
    said = dict(zip(map(name_of, asked), judge(judges, asked), strict=True))
    return lambda cases: [said[name_of(case)] for case in cases]


def name_of(case: Case) -> str:
    return json.dumps(simulation(case))


@pytest.mark.parametrize("family", FAMILIES)
def test_both_judges_decide_alike(family: str, verdicts: Callable[[list[Case]], list[str]]) -> None:
    cases = draw_all(family)
    found = verdicts(cases)
    apart = [
        {"ours": decide(case), "judge": verdict, "case": simulation(case)}
        for case, verdict in zip(cases, found, strict=True)
        if decide(case) != verdict
    ]
    assert apart == [], f"{len(apart)} of {EACH} decided apart; the first: {json.dumps(apart[0], indent=1)}"
    assert 0.1 < found.count("Allowed") / EACH < 0.9, f"the cases decide too little: {found}"


def test_the_cases_hold_every_element_and_operator() -> None:
    text = json.dumps([simulation(case) for family in FAMILIES for case in draw_all(family)])
    elements = [
        "NotAction",
        "NotResource",
        "NotPrincipal",
        "Deny",
        "sessionPolicy",
        "permissionBoundaryPolicies",
    ]
    forms = ["IfExists", "ForAllValues:", "ForAnyValue:", "${aws:username}", "'ml'}", "Federated", "Service"]
    operators = [f'"{name}"' for names in OPERATORS.values() for name in names] + ['"Null"']
    assert [wanted for wanted in [*elements, *forms, *operators] if wanted not in text] == []


def allow(resource: str = "*", **more: object) -> dict[str, Any]:
    statement = {"Effect": "Allow", "Action": "*", "Resource": resource, **more}
    return {"Version": "2012-10-17", "Statement": [statement]}


OBJECT = TARGETS[0]
FROM_ANYWHERE = allow(Condition={"IpAddress": {"aws:SourceIp": "0.0.0.0/0"}})
ASTERISK = allow(Condition={"StringEqualsIgnoreCase": {"s3:if-none-match": "${*}"}})
STAGE = Target("execute-api:Invoke", f"arn:aws:execute-api:eu-west-1:{HOME}:a1b2/prod/GET/score")
NAMES_SESSION = allow(OBJECT.resource, Principal={"AWS": SESSION.arn})
DENIES_ACCOUNT = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": "sts:*", "Principal": {"Federated": WEB.arn}},
        {"Effect": "Deny", "Action": "sts:*", "Principal": {"AWS": f"arn:aws:iam::{HOME}:root"}},
    ],
}
# Where the judges decide apart, what each says, and why ours stands.
APART = {
    # IAM guide: what is granted directly to a session is not limited by an implicit deny in a session policy
    "a session named by the resource's policy": (
        ask(SESSION, OBJECT, Policies([], None, [allow("arn:aws:s3:::other")], [NAMES_SESSION])),
        "Allowed",
        "ImplicitlyDenied",
    ),
    # Every IPv4 address is in 0.0.0.0/0
    "a range of all addresses": (ask(USER, OBJECT, Policies([FROM_ANYWHERE])), "Allowed", "ImplicitlyDenied"),
    # IAM guide: ${*} stands for an asterisk wherever variables may stand
    "an asterisk as variable, ignoring case": (
        ask(USER, TARGETS[1], Policies([ASTERISK])),
        "Allowed",
        "ImplicitlyDenied",
    ),
    # ARNs of execute-api begin with an API's id, not with a type that must be spelt out
    "a wildcard before the first slash": (
        ask(USER, STAGE, Policies([allow(f"arn:aws:execute-api:eu-west-1:{HOME}:*/prod/*")])),
        "Allowed",
        "ImplicitlyDenied",
    ),
    # IAM guide: an account as principal means the account's own identities; a token's bearer is none yet
    "a token where the account is denied": (
        ask(WEB, Target("sts:AssumeRoleWithWebIdentity", ROLE), Policies(resource=[DENIES_ACCOUNT])),
        "Allowed",
        "ExplicitlyDenied",
    ),
}


@pytest.mark.parametrize("name", APART)
def test_what_the_judges_decide_apart_is_known(
    name: str, verdicts: Callable[[list[Case]], list[str]]
) -> None:
    case, ours, theirs = APART[name]
    assert (decide(case), verdicts([case])) == (ours, [theirs])
