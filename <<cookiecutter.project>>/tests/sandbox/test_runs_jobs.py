"""Workflows run: jobs in their order, outputs, matrices, calls, logs and summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.workshop import Workshop, conclusions, job, nap, open_workshop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    yield from open_workshop(tmp_path_factory.mktemp("shop"))


def test_a_push_runs_a_workflow_and_its_jobs_are_checks(shop: Workshop) -> None:
    run = shop.try_workflow(
        {"name": "Try", "jobs": {"say": job("echo hello from $GITHUB_JOB", name="Say it")}}
    )
    assert (run.status, run.conclusion) == ("completed", "success")
    assert "hello from say" in shop.log(run.latest[0])
    found = shop.ask("GET", f"commits/{run.event.head_sha}/check-runs").json()
    assert [(check["name"], check["conclusion"]) for check in found["check_runs"]] == [("Say it", "success")]


def test_a_failure_skips_what_needs_it_and_fails_the_run(shop: Workshop) -> None:
    jobs = {
        "bad": job("exit 3", "echo never"),
        "after": job("true", needs="bad"),
        "last": job("true", needs=["after"]),
        "report": job("true", needs="after", **{"if": "always() && needs.after.result == 'skipped'"}),
        "alone": job("true"),
    }
    run = shop.try_workflow({"jobs": jobs})
    assert conclusions(run) == {
        "bad": "failure",
        "alone": "success",
        "after": "skipped",
        "last": "skipped",
        "report": "success",
    }
    assert run.conclusion == "failure"
    steps = next(found for found in run.latest if found.name == "bad").steps
    assert [(step["name"], step["conclusion"]) for step in steps] == [
        ("Run exit 3", "failure"),
        ("Run echo never", "skipped"),
    ]


def test_outputs_become_a_matrix_and_reach_its_jobs(shop: Workshop) -> None:
    say = """echo 'models=["a b","it}}s"]' >> "$GITHUB_OUTPUT"
        printf 'text<<E\none\ntwo\nE\n' >> "$GITHUB_OUTPUT" """
    plan = job(
        say, outputs={"models": "${{ steps.s.outputs.models }}", "text": "${{ steps.s.outputs.text }}"}
    )
    plan["steps"][0]["id"] = "s"
    train = job('echo "got:$M:"', 'echo "text:$T:"', needs="plan", name="Train ${{ matrix.model }}")
    train["env"] = {"M": "${{ matrix.model }}", "T": "${{ needs.plan.outputs.text }}"}
    train["strategy"] = {"matrix": {"model": "${{ fromJSON(needs.plan.outputs.models) }}"}}
    run = shop.try_workflow({"jobs": {"plan": plan, "train": train}})
    assert conclusions(run) == {"plan": "success", "Train a b": "success", "Train it}}s": "success"}
    log = shop.log(run.latest[2])
    assert "got:it}}s:" in log
    assert "text:one" in log


def test_a_failed_combination_cancels_the_others_unless_told_not_to(shop: Workshop) -> None:
    steps = [{"run": "[ ${{ matrix.n }} != 1 ] || exit 1; sleep ${{ matrix.n }}"}]
    fit = {"runs-on": "x", "steps": steps, "strategy": {"matrix": {"n": [1, 20, 30]}}}
    run = shop.try_workflow({"jobs": {"fit": fit}})
    assert conclusions(run) == {"fit (1)": "failure", "fit (20)": "cancelled", "fit (30)": "cancelled"}
    patient = {**fit, "strategy": {"fail-fast": False, "matrix": {"n": [1, 0]}}}
    assert conclusions(shop.try_workflow({"jobs": {"fit": patient}})) == {
        "fit (1)": "failure",
        "fit (0)": "success",
    }


def test_a_failure_that_is_forgiven_stops_nothing(shop: Workshop) -> None:
    bad = job("exit 1", **{"continue-on-error": "${{ github.actor == 'ada' }}"})
    after = job("echo 'it was ${{ needs.bad.result }}'", needs="bad")
    run = shop.try_workflow({"jobs": {"bad": bad, "after": after}})
    assert conclusions(run) == {"bad": "failure", "after": "success"}
    assert run.conclusion == "success"
    assert "it was success" in shop.log(run.latest[1])


CALLED = {
    "on": {
        "workflow_call": {
            "inputs": {"who": {"type": "string", "required": True}},
            "outputs": {"said": {"value": "${{ jobs.speak.outputs.said }}"}},
        }
    },
    "jobs": {
        "speak": {
            "name": "Speak",
            "runs-on": "x",
            "outputs": {"said": "${{ steps.s.outputs.said }}"},
            "steps": [{"id": "s", "run": "echo 'said=hi ${{ inputs.who }}' >> $GITHUB_OUTPUT"}],
        }
    },
}


def test_a_called_workflow_has_its_callers_inputs_and_hands_back_outputs(shop: Workshop) -> None:
    shop.commit({".github/workflows/called.yml": CALLED})
    call = {"uses": "./.github/workflows/called.yml", "with": {"who": "${{ github.actor }}"}, "name": "Call"}
    after = job("echo '<${{ needs.call.outputs.said }}>'", needs="call")
    run = shop.try_workflow({"jobs": {"call": call, "after": after}})
    assert conclusions(run) == {"Call / Speak": "success", "after": "success"}
    assert "<hi ada>" in shop.log(run.latest[1])
    skipped = shop.try_workflow({"jobs": {"call": {**call, "if": "false"}}})
    assert conclusions(skipped) == {"Call": "skipped"}


def test_a_called_workflow_without_its_input_fails_the_call(shop: Workshop) -> None:
    shop.commit({".github/workflows/called.yml": CALLED})
    run = shop.try_workflow({"jobs": {"call": {"uses": "./.github/workflows/called.yml"}}})
    assert conclusions(run) == {"call": "failure"}
    assert "Required input 'who' not provided" in run.latest[0].message


def test_a_called_job_that_asks_for_more_than_its_caller_has_starts_nothing(shop: Workshop) -> None:
    greedy = {**CALLED, "permissions": {"contents": "write"}}
    shop.commit({".github/workflows/called.yml": greedy})
    run = shop.try_workflow({"jobs": {"call": {"uses": "./.github/workflows/called.yml"}}})
    assert (run.conclusion, run.jobs) == ("startup_failure", [])
    assert "is requesting 'contents: write', but is only allowed 'contents: read'" in run.message


@pytest.mark.parametrize(
    ("workflow", "said"),
    [
        (
            {"jobs": {"a": {"runs-on": "x", "steps": [{"uses": "some/thing@v1"}]}}},
            "'some/thing@v1', which has no",
        ),
        ({"jobs": {"a": job("echo ${{ matrix.x")}}, "is not closed"),
        ({"jobs": {"a": job("true", environment="${{ secrets.ENV }}")}}, "no context 'secrets' here"),
    ],
)
def test_what_the_forge_cannot_carry_out_fails_the_job_by_name(
    shop: Workshop, workflow: dict[str, Any], said: str
) -> None:
    run = shop.try_workflow(workflow)
    assert run.conclusion == "failure"
    assert said in run.latest[0].message


def test_a_file_that_cannot_be_read_is_a_run_that_did_not_start(shop: Workshop) -> None:
    run = shop.try_workflow({"jobs": {"a": {"runs-on": "x"}}})
    assert (run.conclusion, run.name) == ("startup_failure", ".github/workflows/try.yml")


def test_an_expression_that_act_cannot_evaluate_fails_the_job(shop: Workshop) -> None:
    run = shop.try_workflow({"jobs": {"a": job("echo ${{ fromJSON('{') }}")}})
    assert conclusions(run) == {"a": "failure"}
    assert "Unable to interpolate" in run.latest[0].message
    run = shop.try_workflow({"jobs": {"a": job("echo ${{ nosuch('x') }}")}})
    assert "nosuch" in run.latest[0].message


def test_a_job_that_takes_too_long_is_cancelled_with_all_it_started(shop: Workshop) -> None:
    wait = nap()
    run = shop.try_workflow({"jobs": {"slow": job(f"{wait} & {wait}", **{"timeout-minutes": 0.01})}})
    assert conclusions(run) == {"slow": "cancelled"}
    assert "exceeded the maximum execution time of 0.01 minutes" in run.latest[0].message
    assert not shop.processes(wait)


def test_nothing_of_the_servers_environment_reaches_a_job(
    shop: Workshop, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("AWS_SECRET_ACCESS_KEY", "GITHUB_TOKEN", "GIT_DIR", "SOME_SECRET"):
        monkeypatch.setenv(name, "leaked")
    run = shop.try_workflow({"jobs": {"a": job("env")}})
    log = shop.log(run.latest[0])
    assert "leaked" not in log
    assert "SANDBOX_ML" not in log
    for said in (
        "AWS_ENDPOINT_URL=http://127.0.0.1:9",
        "GITHUB_ACTOR_ID=5001",
        "GITHUB_REF_NAME=main",
        "VENV=/",
    ):
        assert said in log


def test_a_job_starts_in_an_empty_folder_and_leaves_none(shop: Workshop) -> None:
    run = shop.try_workflow({"jobs": {"a": job("ls -A | wc -l; pwd")}})
    assert " 0\n" in shop.log(run.latest[0])
    assert not list(shop.runs.records.folder(run.id).glob("*.work"))


def test_a_step_has_no_terminal_and_ends_with_its_shell(shop: Workshop) -> None:
    wait, look = nap(), "test ! -t 0 && test ! -t 1 && test ! -t 2 && echo none"
    run = shop.try_workflow({"jobs": {"a": job(look, f"{wait} & echo started", "sleep 0.1; echo next")}})
    assert conclusions(run) == {"a": "success"}
    log = shop.log(run.latest[0])
    assert [line.split()[1] for line in log.splitlines() if "##" not in line] == ["none", "started", "next"]
    assert not shop.processes(wait)


@pytest.mark.parametrize(
    ("shell", "script", "expected"),
    [
        (None, "false | true", "success"),
        ("bash", "false | true", "failure"),
        ("sh", "false; true", "failure"),
        ("python", "raise SystemExit(3)", "failure"),
        ("python -c 'import sys; print(open(sys.argv[1]).read())' {0}", "said as it is", "success"),
    ],
)
def test_a_step_runs_in_the_shell_it_asks_for(
    shop: Workshop, shell: str | None, script: str, expected: str
) -> None:
    step = {"run": script, **({"shell": shell} if shell else {})}
    run = shop.try_workflow({"jobs": {"a": {"runs-on": "x", "steps": [step]}}})
    assert conclusions(run) == {"a": expected}


def test_summaries_of_all_steps_are_kept(shop: Workshop) -> None:
    run = shop.try_workflow(
        {"jobs": {"a": job('echo "# One" >> $GITHUB_STEP_SUMMARY', "echo two >> $GITHUB_STEP_SUMMARY")}}
    )
    check = shop.ask("GET", f"check-runs/{run.latest[0].id}").json()
    assert check["output"]["summary"] == "# One\ntwo\n"


def test_the_event_and_the_run_are_what_steps_see(shop: Workshop) -> None:
    said = "echo '${{ github.event.ref }} ${{ github.run_id }} ${{ github.repository_id }} ${{ github.sha }}'"
    run = shop.try_workflow({"jobs": {"a": job(said, 'test "$GITHUB_SHA" = "${{ github.event.after }}"')}})
    assert f"refs/heads/main {run.id} 700100200 {run.event.sha}" in shop.log(run.latest[0])
    assert run.conclusion == "success"


def test_only_changed_paths_start_a_workflow_that_names_them(shop: Workshop) -> None:
    on = {"push": {"paths": ["releases/**"]}}
    before = shop.commit({".github/workflows/paths.yml": {"on": on, "jobs": {"a": job("true")}}})
    shop.commit({"README.md": "x"})
    payload = {"before": before, "ref": "refs/heads/main"}
    assert not [run for run in shop.start(shop.event("push", payload=payload)) if "paths" in run.workflow]
    shop.commit({"releases/prod/m.yml": "x"})
    found = shop.start(shop.event("push", payload=payload))
    assert [run.workflow for run in found if "paths" in run.workflow] == [".github/workflows/paths.yml"]
