"""GitHub's expressions: values, operators, functions, what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.expressions import Scope, evaluate_condition, evaluate_template, parse
from sandbox.forge.runs.rewrite import Literals, literal, rewrite_text

CONTEXTS: dict[str, Any] = {
    "github": {"ref": "refs/heads/main", "event": {"labels": [{"name": "a"}, {"name": "b"}], "n": 3}},
    "inputs": {"dry": False, "env": "prod"},
    "needs": {"plan": {"outputs": {"models": '["tumor"]', "none": ""}, "result": "success"}},
}


def value_of(text: str) -> Any:
    return parse(text).evaluate(Scope(CONTEXTS, {}))


# Expected values: docs.github.com, "Evaluate expressions in workflows and actions"
@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("'it''s'", "it's"),
        ("0xff", 255),
        ("-2.5e1", -25.0),
        ("github.REF == 'REFS/heads/MAIN'", True),
        ("github.missing.deeper", None),
        ("github['ref']", "refs/heads/main"),
        ("github.event.labels[1].name", "b"),
        ("join(github.event.labels.*.name, '+')", "a+b"),
        ("contains(github.event.labels.*.name, 'B')", True),
        ("contains('Hello world', 'WORLD')", True),
        ("startsWith(github.ref, 'refs/HEADS')", True),
        ("endsWith(github.ref, 'main')", True),
        ("format('{0} {{x}} {1}', 'a', 2)", "a {x} 2"),
        ("fromJSON(needs.plan.outputs.models)[0]", "tumor"),
        ("inputs.dry && 'yes' || 'no'", "no"),
        ("inputs.env == 'prod' && 'yes' || 'no'", "yes"),
        ("!inputs.dry", True),
        ("null == 0", True),
        ("'' == false", True),
        ("true == '1'", True),
        ("'abc' == 0", False),
        ("1 < 2 && 2 >= 2 && !(3 <= 2)", True),
        ("github == github", True),
        ("github.event.n > '2'", True),
        ("toJSON(inputs)", '{\n  "dry": false,\n  "env": "prod"\n}'),
    ],
)
def test_an_expression_has_the_value_that_github_gives_it(text: str, expected: Any) -> None:
    assert value_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("${{ inputs.dry }}", False),
        ("to ${{ inputs.env }} (${{ inputs.dry }})", "to prod (false)"),
        ("${{ 'a }} b' }}!", "a }} b!"),
        ("${{ github.event.n }}", 3),
        ("n ${{ 1.0 }} ${{ 0.5 }} ${{ null }}.", "n 1 0.5 ."),
        ("plain", "plain"),
    ],
)
def test_a_text_keeps_its_type_only_when_it_is_one_expression(text: str, expected: Any) -> None:
    found = evaluate_template(text, Scope(CONTEXTS, {}))
    assert (found, type(found)) == (expected, type(expected))


@pytest.mark.parametrize(
    ("condition", "succeeded", "runs"),
    [
        ("inputs.env == 'prod'", True, True),
        ("inputs.env == 'prod'", False, False),
        ("${{ always() && inputs.env == 'prod' }}", False, True),
        ("failure()", False, True),
        ("failure()", True, False),
        ("!cancelled()", False, True),
    ],
)
def test_a_condition_asks_for_success_unless_it_asks_itself(
    condition: str, succeeded: bool, runs: bool
) -> None:
    status = {"success": succeeded, "failure": not succeeded, "cancelled": False, "always": True}
    assert evaluate_condition(condition, Scope(CONTEXTS, status)) is runs


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps.a.outputs.b", "no context 'steps' here. Known here: github, inputs, needs"),
        ("hashFiles('*.lock')", "no function 'hashFiles'"),
        ("success()", "success() can be asked in a job's `if:` alone"),
        ("1 +", "'+' is not understood"),
        ("github.", "its end is unexpected"),
        ("fromJSON('{')", "not JSON"),
        ("format('{1}', 0)", "'{1}' has no argument"),
    ],
)
def test_what_cannot_be_evaluated_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(WorkflowError) as refused:
        value_of(text)
    assert said in str(refused.value)


def test_braces_that_are_not_closed_are_refused() -> None:
    with pytest.raises(WorkflowError, match=r"is not closed"):
        evaluate_template("${{ inputs.env", Scope(CONTEXTS, {}))


def test_what_act_cannot_know_is_written_into_the_copy() -> None:
    known = Literals({"inputs": {"env": "prod"}}, {"actor_id": "7"})
    text = "${{ inputs.env }} ${{ github.actor_id }} ${{ github.sha }} ${{ steps.x.outputs.inputs }}"
    env, actor = literal("prod"), literal("7")
    said = f"${{{{ {env} }}}} ${{{{ {actor} }}}} ${{{{ github.sha }}}} ${{{{ steps.x.outputs.inputs }}}}"
    assert rewrite_text(text, known) == said


def test_a_filter_over_a_context_is_written_as_what_it_finds() -> None:
    known = Literals({"needs": {"a": {"result": "success"}, "b": {"result": "failure"}}}, {})
    text = "${{ contains(needs.*.result, 'failure') }}"
    assert rewrite_text(text, known) == f"${{{{ contains({literal(['success', 'failure'])}, 'failure') }}}}"


@pytest.mark.parametrize(
    "value", ["it's", "a }} b ${{ c", '"quoted"', "line\nline", {"a": {"b": {"c": "é"}}}]
)
def test_a_literal_means_the_value_and_closes_no_braces(value: Any) -> None:
    written = literal(value)
    assert "}}" not in written
    assert json.dumps(value_of(written)) == json.dumps(value)
