"""What a workflow file may say: keys, permissions, inputs, matrices."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.grants import check_grants, final_grant, job_grant
from sandbox.forge.runs.inputs import resolve_inputs
from sandbox.forge.runs.matrix import describe, expand
from sandbox.forge.runs.permissions import default_permissions, read_permissions
from sandbox.forge.runs.workflow import read_workflow

READ = {"contents": "read", "packages": "read"}
STEPS = "runs-on: x, steps: [{run: 'true'}]"


def read(text: str) -> Any:
    return read_workflow(".github/workflows/x.yml", text)


def test_yaml_is_read_as_github_reads_it() -> None:
    found = read(
        f"on: push\nenv: {{A: on, B: 2026-01-01, C: 3.10, D: true, E: 010}}\njobs: {{a: {{{STEPS}}}}}"
    )
    assert found.on == {"push": {}}
    assert found.raw["env"] == {"A": "on", "B": "2026-01-01", "C": 3.1, "D": True, "E": 10}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("on: push\njobs: {}", "`jobs` is {}"),
        (f"on: push\njobs: {{a: {{{STEPS}, container: x}}}}", "job 'a' has 'container'"),
        ("on: push\njobs: {a: {runs-on: x}}", "`steps` is None"),
        ("on: push\njobs: {a: {runs-on: x, steps: [{name: x}]}}", "needs `run` or `uses`"),
        (f"on: push\njobs: {{a: {{{STEPS}, needs: b}}}}", "job 'a' needs 'b', which is no job"),
        (f"on: push\njobs: {{a: {{{STEPS}, needs: b}}, b: {{{STEPS}, needs: a}}}}", "needs itself"),
        ("on: push\njobs: {a: {uses: ./x.yml, steps: []}}", "job 'a' has 'steps'"),
        ("on: [push\n", "not YAML"),
    ],
)
def test_what_cannot_be_carried_out_is_refused_by_name(text: str, said: str) -> None:
    with pytest.raises(WorkflowError) as refused:
        read(text)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("workflow", "job", "expected"),
    [
        ("", "", READ),
        ("permissions: {}", "", {}),
        ("permissions: {contents: write, issues: none}", "", {"contents": "write"}),
        ("permissions: {contents: write}", "permissions: {id-token: write},", {"id-token": "write"}),
    ],
)
def test_a_job_gets_what_is_written_nearest_to_it(workflow: str, job: str, expected: dict[str, str]) -> None:
    found = read(f"on: push\n{workflow}\njobs: {{a: {{{job} {STEPS}}}}}")
    assert job_grant(found, found.jobs["a"], default_permissions("read")) == expected


def test_write_all_holds_an_identity_and_read_all_does_not() -> None:
    assert (read_permissions("x", "write-all") or {})["id-token"] == "write"
    assert "id-token" not in (read_permissions("x", "read-all") or {})


@pytest.mark.parametrize("raw", [{"content": "read"}, {"contents": "admin"}, {"id-token": "read"}, "all"])
def test_a_permission_that_does_not_exist_is_refused(raw: Any) -> None:
    with pytest.raises(WorkflowError, match=r"`permissions`"):
        read_permissions("x", raw)


def test_a_fork_gets_neither_writing_nor_an_identity() -> None:
    asked = {"contents": "write", "pull-requests": "write", "id-token": "write"}
    assert final_grant(asked, is_fork=True) == {
        "metadata": "read",
        "contents": "read",
        "pull-requests": "read",
    }


def test_a_called_job_may_not_have_more_than_its_caller() -> None:
    called = read(f"on: workflow_call\njobs: {{b: {{permissions: {{contents: write}}, {STEPS}}}}}")
    caller = read("on: push\npermissions: {contents: read}\njobs: {a: {uses: ./.github/workflows/y.yml}}")
    with pytest.raises(WorkflowError) as refused:
        check_grants(caller, READ, lambda uses: called)
    assert "'b' is requesting 'contents: write', but is only allowed 'contents: read'" in str(refused.value)


INPUTS = {
    "model": {"required": True},
    "dry": {"type": "boolean", "default": True},
    "count": {"type": "number"},
    "env": {"type": "choice", "options": ["staging", "prod"], "default": "staging"},
}


def test_inputs_have_their_types_and_defaults() -> None:
    found = resolve_inputs(INPUTS, {"model": "tumor", "count": "3"})
    assert found == {"model": "tumor", "dry": True, "count": 3, "env": "staging"}


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "Required input 'model' not provided"),
        ({"model": "a", "x": "1"}, "Unexpected inputs provided"),
        ({"model": "a", "dry": "maybe"}, "'maybe' for input 'dry' is not a boolean"),
        ({"model": "a", "count": "many"}, "'many' for input 'count' is not a number"),
        ({"model": "a", "env": "dev"}, "not in the list of allowed values: ['staging', 'prod']"),
    ],
)
def test_inputs_that_were_not_declared_so_are_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(WorkflowError) as refused:
        resolve_inputs(INPUTS, given)
    assert said in str(refused.value)


def test_a_matrix_is_the_product_less_what_is_excluded() -> None:
    found = expand({"a": [1, 2], "b": ["x", "y"], "exclude": [{"a": 2, "b": "x"}]})
    assert [describe(one) for one in found] == [" (1, x)", " (1, y)", " (2, y)"]


# The example of docs.github.com, "Expanding or adding matrix configurations"
def test_include_extends_what_it_does_not_change_and_adds_the_rest() -> None:
    found = expand(
        {
            "fruit": ["apple", "pear"],
            "animal": ["cat", "dog"],
            "include": [
                {"color": "green"},
                {"color": "pink", "animal": "cat"},
                {"fruit": "apple", "shape": "circle"},
                {"fruit": "banana"},
                {"fruit": "banana", "animal": "cat"},
            ],
        }
    )
    assert found == [
        {"fruit": "apple", "animal": "cat", "color": "pink", "shape": "circle"},
        {"fruit": "apple", "animal": "dog", "color": "green", "shape": "circle"},
        {"fruit": "pear", "animal": "cat", "color": "pink"},
        {"fruit": "pear", "animal": "dog", "color": "green"},
        {"fruit": "banana"},
        {"fruit": "banana", "animal": "cat"},
    ]


@pytest.mark.parametrize("matrix", ["x", {"a": []}, {"include": []}, {"a": [1], "include": [2]}])
def test_a_matrix_without_combinations_is_refused(matrix: Any) -> None:
    with pytest.raises(WorkflowError, match=r"`strategy.matrix"):
        expand(matrix)
