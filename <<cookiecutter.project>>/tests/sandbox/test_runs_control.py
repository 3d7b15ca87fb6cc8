"""What holds a run back or ends it: environments, groups, approvals, cancelling, running again."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from tests.sandbox.workshop import Workshop, conclusions, job, nap, open_workshop

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.forge.runs.records import RunRecord


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    yield from open_workshop(tmp_path_factory.mktemp("shop"))


def begin(shop: Workshop, workflow: dict[str, Any], branch: str = "main", *states: str) -> RunRecord:
    """Push a workflow; its run once it is in one of the states."""
    shop.commit({".github/workflows/try.yml": {"on": "push", **workflow}}, branch)
    (run,) = shop.start(shop.event("push", branch))
    return shop.wait(run, *(states or ("in_progress",)))


def decide(shop: Workshop, run: RunRecord, login: str, state: str) -> Any:
    waiting = shop.ask("GET", f"actions/runs/{run.id}/pending_deployments", login).json()
    numbers = [found["environment"]["id"] for found in waiting]
    path = f"actions/runs/{run.id}/pending_deployments"
    return shop.ask("POST", path, login, environment_ids=numbers, state=state, comment="so be it")


def test_an_environment_of_main_refuses_another_branch(shop: Workshop) -> None:
    shop.protect("only-main", "main")
    workflow = {"jobs": {"a": job("true", environment="only-main")}}
    assert conclusions(begin(shop, workflow, "main", "completed")) == {"a": "success"}
    run = begin(shop, workflow, "other", "completed")
    assert conclusions(run) == {"a": "failure"}
    said = 'Branch "other" is not allowed to deploy to only-main due to environment protection rules.'
    assert (run.latest[0].message, run.latest[0].steps) == (said, [])


def test_an_environment_of_main_refuses_a_pull_request(shop: Workshop) -> None:
    shop.protect("only-main", "main")
    workflow = {"on": "pull_request", "jobs": {"a": job("true", environment="only-main")}}
    shop.commit({".github/workflows/try.yml": workflow}, "topic")
    run = shop.run(shop.pull("topic"))
    assert 'Ref "refs/pull/7/merge" is not allowed to deploy' in run.latest[0].message


def test_a_job_of_an_environment_with_reviewers_waits_until_one_approves(shop: Workshop) -> None:
    shop.protect("asks", reviewers=("ben",))
    run = begin(
        shop, {"jobs": {"first": job("true"), "a": job("true", environment="asks")}}, "main", "waiting"
    )
    (waiting,) = shop.ask("GET", f"actions/runs/{run.id}/pending_deployments", "ben").json()
    assert (waiting["environment"]["name"], waiting["current_user_can_approve"]) == ("asks", True)
    assert waiting["environment"]["id"] == shop.ask("GET", "environments/asks").json()["id"]
    assert decide(shop, run, "ada", "approved").status_code == 403
    assert run.status == "waiting"
    assert decide(shop, run, "ben", "approved").json()[0]["environment"] == "asks"
    assert conclusions(shop.wait(run)) == {"first": "success", "a": "success"}
    (review,) = shop.ask("GET", f"actions/runs/{run.id}/approvals").json()
    assert (review["state"], review["user"]["login"], review["comment"]) == ("approved", "ben", "so be it")


def test_a_rejected_environment_fails_its_job(shop: Workshop) -> None:
    shop.protect("asks", reviewers=("ben",))
    jobs = {"a": job("true", environment="asks"), "after": job("true", needs="a")}
    run = begin(shop, {"jobs": jobs}, "main", "waiting")
    assert decide(shop, run, "ben", "rejected").ok
    assert conclusions(shop.wait(run)) == {"a": "failure", "after": "skipped"}
    assert "rejected" in run.latest[0].message


def test_who_started_a_run_may_not_approve_it_where_that_is_forbidden(shop: Workshop) -> None:
    shop.protect("four-eyes", reviewers=("ada", "ben"), alone=False)
    run = begin(shop, {"jobs": {"a": job("true", environment="four-eyes")}}, "main", "waiting")
    answer = decide(shop, run, "ada", "approved")
    assert (answer.status_code, "may not approve" in answer.json()["message"]) == (422, True)
    assert decide(shop, run, "ben", "approved").ok
    assert shop.wait(run).conclusion == "success"


def test_a_waiting_job_holds_no_machine(shop: Workshop) -> None:
    shop.protect("asks", reviewers=("ben",))
    waiting = [
        begin(shop, {"jobs": {"a": job("true", environment="asks")}}, "main", "waiting") for _ in range(3)
    ]
    assert shop.try_workflow({"jobs": {"b": job("true")}}).conclusion == "success"
    for run in waiting:
        shop.ask("POST", f"actions/runs/{run.id}/cancel")
        assert shop.wait(run).conclusion == "cancelled"


def alone(place: Path, seconds: float) -> dict[str, Any]:
    """A job that fails when another like it runs at the same time."""
    return job(f"mkdir {place}", f"sleep {seconds}; rmdir {place}")


def grouped(cancel: bool, found: dict[str, Any]) -> dict[str, Any]:
    group = {"group": f"g-{cancel}-${{{{ github.ref }}}}", "cancel-in-progress": cancel}
    return {"concurrency": group, "jobs": {"a": found}}


def test_a_newer_run_of_a_group_cancels_the_older_where_it_says_so(shop: Workshop) -> None:
    older = begin(shop, grouped(True, job("sleep 20")))
    newer = begin(shop, grouped(True, job("true")), "main", "completed")
    assert (older.conclusion, newer.conclusion) == ("cancelled", "success")


def test_a_group_runs_one_and_keeps_the_newest_of_those_that_wait(shop: Workshop, tmp_path: Path) -> None:
    workflow = grouped(False, alone(tmp_path / "held", 0.7))
    first = begin(shop, workflow)
    second = begin(shop, workflow, "main", "pending")
    third = begin(shop, workflow, "main", "pending")
    assert (shop.wait(second).conclusion, second.jobs) == ("cancelled", [])
    assert (shop.wait(first).conclusion, shop.wait(third).conclusion) == ("success", "success")


def test_another_branch_is_another_group(shop: Workshop) -> None:
    first = begin(shop, grouped(False, job("sleep 0.3")))
    begin(shop, grouped(False, job("true")), "other", "completed")
    assert first.status == "in_progress"


def test_jobs_of_one_group_do_not_run_at_once(shop: Workshop, tmp_path: Path) -> None:
    found = {"concurrency": "jobs-of-one", **alone(tmp_path / "held", 0.2)}
    assert shop.try_workflow({"jobs": {"a": found, "b": found}}).conclusion == "success"


def test_a_called_workflow_keeps_its_own_group(shop: Workshop, tmp_path: Path) -> None:
    called = {"on": "workflow_call", "concurrency": "called", "jobs": {"b": alone(tmp_path / "held", 0.2)}}
    shop.commit({".github/workflows/called.yml": called})
    call = {"uses": "./.github/workflows/called.yml"}
    run = shop.try_workflow({"jobs": {"one": call, "other": call}})
    assert conclusions(run) == {"one / b": "success", "other / b": "success"}


def test_what_would_wait_for_its_own_group_fails(shop: Workshop) -> None:
    shop.commit(
        {
            ".github/workflows/called.yml": {
                "on": "workflow_call",
                "concurrency": "X",
                "jobs": {"b": job("true")},
            }
        }
    )
    run = shop.try_workflow({"concurrency": "x", "jobs": {"a": {"uses": "./.github/workflows/called.yml"}}})
    assert conclusions(run) == {"a": "failure"}
    assert "a deadlock was detected for concurrency group 'X'" in run.latest[0].message
    run = shop.try_workflow({"concurrency": "x", "jobs": {"a": job("true", concurrency="x")}})
    assert conclusions(run) == {"a": "failure"}


def test_a_matrix_keeps_its_own_number_at_a_time(shop: Workshop, tmp_path: Path) -> None:
    found = alone(tmp_path / "held", 0.2)
    found["strategy"] = {"max-parallel": 1, "matrix": {"n": [1, 2]}}
    assert shop.try_workflow({"jobs": {"a": found}}).conclusion == "success"


def test_no_more_jobs_run_at_once_than_there_are_machines(shop: Workshop, tmp_path: Path) -> None:
    mine = f"{tmp_path}/${{{{ matrix.n }}}}"
    count = job(f"touch {mine}; sleep 0.2; echo there are $(ls {tmp_path} | wc -l); rm {mine}")
    run = shop.try_workflow({"jobs": {"a": {**count, "strategy": {"matrix": {"n": [1, 2, 3, 4]}}}}})
    seen = [re.search(r"there are (\d)", shop.log(found)) for found in run.latest]
    assert max(found[1] for found in seen if found) == "2"


def test_a_cancelled_run_ends_its_processes_and_runs_what_asks_for_it(shop: Workshop) -> None:
    wait = nap()
    jobs = {
        "slow": job(wait, "echo never"),
        "after": job("true", needs="slow"),
        "tidy": job("echo tidied", needs="slow", **{"if": "cancelled()"}),
    }
    jobs["slow"]["steps"].append({"if": "always()", "run": "echo on-the-way-out"})
    run = begin(shop, {"jobs": jobs})
    assert shop.runs.engine.wait(lambda: bool(run.latest[0].steps), 10)
    assert shop.ask("POST", f"actions/runs/{run.id}/cancel").status_code == 202
    assert conclusions(shop.wait(run)) == {"slow": "cancelled", "after": "skipped", "tidy": "success"}
    assert run.conclusion == "cancelled"
    assert "on-the-way-out\n" in shop.log(run.latest[0])
    assert not shop.processes(wait)
    assert shop.ask("POST", f"actions/runs/{run.id}/cancel").status_code == 409


def test_a_held_run_starts_when_a_writer_approves_and_for_nobody_else(shop: Workshop) -> None:
    shop.commit({".github/workflows/try.yml": {"on": "pull_request", "jobs": {"a": job("true")}}}, "topic")
    (run,) = shop.start(shop.pull("topic", held=True, actor="github-actions[bot]"))
    assert (run.status, run.conclusion, run.jobs) == ("completed", "action_required", [])
    assert shop.runs.checks(run.event.head_sha) == []
    assert shop.ask("POST", f"actions/runs/{run.id}/approve", "eve").status_code in (403, 404)
    assert shop.ask("POST", f"actions/runs/{run.id}/approve", "ben").status_code == 201
    assert shop.wait(run).conclusion == "success"
    assert shop.ask("POST", f"actions/runs/{run.id}/approve", "ben").status_code == 403


def test_a_jobs_token_may_not_approve_a_held_run(shop: Workshop) -> None:
    shop.commit({".github/workflows/try.yml": {"on": "pull_request", "jobs": {"a": job("true")}}}, "topic")
    (run,) = shop.start(shop.pull("topic", held=True))
    token = shop.forge.ground.tokens.mint_job({"actions": "write"}, 1, "1", "ada")
    assert shop.ask_with(token, "POST", f"actions/runs/{run.id}/approve").status_code == 403
    assert run.conclusion == "action_required"


def test_failed_jobs_run_again_with_what_depends_on_them(shop: Workshop) -> None:
    def says(text: str, **members: Any) -> dict[str, Any]:
        made = job(f"echo x={text} >> $GITHUB_OUTPUT", outputs={"x": "${{ steps.s.outputs.x }}"}, **members)
        made["steps"][0]["id"] = "s"
        return made

    flaky = job('echo "$GITHUB_RUN_ATTEMPT/${{ needs.ok.outputs.x }}" | grep 2/.', needs="ok")
    after = says("$GITHUB_RUN_ATTEMPT", needs="flaky", **{"if": "always()"})
    run = shop.try_workflow({"jobs": {"ok": says("$RANDOM$RANDOM"), "flaky": flaky, "after": after}})
    assert conclusions(run) == {"ok": "success", "flaky": "failure", "after": "success"}
    (first,) = [found for found in run.latest if found.name == "ok"]
    assert shop.ask("POST", f"actions/runs/{run.id}/rerun-failed-jobs", "ben").status_code == 201
    assert set(conclusions(shop.wait(run)).values()) == {"success"}
    assert (run.attempt, run.triggering_actor, run.actor) == (2, "ben", "ada")
    outputs = {found.name: found.outputs.get("x") for found in run.latest}
    assert outputs == {"ok": first.outputs["x"], "flaky": None, "after": "2"}
    assert shop.ask("POST", f"actions/runs/{run.id}/rerun-failed-jobs").status_code == 403


def test_a_whole_run_runs_again(shop: Workshop) -> None:
    run = shop.try_workflow({"jobs": {"a": job("echo attempt $GITHUB_RUN_ATTEMPT")}})
    assert shop.ask("POST", f"actions/runs/{run.id}/rerun").status_code == 201
    shop.wait(run)
    assert "attempt 2" in shop.log(run.latest[0])
    listed = shop.ask("GET", f"actions/runs/{run.id}/jobs?filter=all").json()
    assert [found["run_attempt"] for found in listed["jobs"]] == [1, 2]
    checks = shop.ask("GET", f"commits/{run.event.head_sha}/check-runs").json()
    assert checks["total_count"] == 1


DISPATCHED = {
    "on": {"workflow_dispatch": {"inputs": {"model": {"required": True}, "dry": {"type": "boolean"}}}},
    "jobs": {
        "a": job("echo 'got ${{ inputs.model }} ${{ inputs.dry && 1 || 0 }} ${{ github.event.inputs.dry }}'")
    },
}


def test_a_dispatch_runs_a_branchs_workflow_with_its_inputs(shop: Workshop) -> None:
    shop.commit({".github/workflows/hand.yml": DISPATCHED}, "side")
    body = {"ref": "side", "inputs": {"model": "tumor"}, "return_run_details": True}
    found = shop.ask("POST", "actions/workflows/hand.yml/dispatches", **body).json()
    run = shop.wait(shop.runs.records.runs[found["workflow_run_id"]])
    assert "got tumor 0 false" in shop.log(run.latest[0])
    assert run.event.head_sha == shop.forge.repository.branch("side")
    assert (
        shop.ask(
            "POST", "actions/workflows/hand.yml/dispatches", ref="side", inputs={"model": "x"}
        ).status_code
        == 204
    )


@pytest.mark.parametrize(
    ("workflow", "body", "status", "said"),
    [
        ("hand.yml", {"ref": "side"}, 422, "Required input 'model' not provided"),
        ("hand.yml", {"ref": "side", "inputs": {"model": "a", "x": "1"}}, 422, "Unexpected inputs provided"),
        ("hand.yml", {"ref": "nowhere"}, 422, "No ref found for: nowhere"),
        ("try.yml", {"ref": "main"}, 422, "Workflow does not have 'workflow_dispatch' trigger"),
        ("none.yml", {"ref": "main"}, 404, "Not Found"),
    ],
)
def test_a_dispatch_that_cannot_be_is_refused(
    shop: Workshop, workflow: str, body: dict[str, Any], status: int, said: str
) -> None:
    shop.commit({".github/workflows/hand.yml": DISPATCHED}, "side")
    shop.commit({".github/workflows/try.yml": {"on": "push", "jobs": {"a": job("true")}}})
    answer = shop.ask("POST", f"actions/workflows/{workflow}/dispatches", **body)
    assert (answer.status_code, said in answer.json()["message"]) == (status, True), answer.text


def test_who_may_not_write_dispatches_nothing(shop: Workshop) -> None:
    shop.commit({".github/workflows/hand.yml": DISPATCHED}, "side")
    path = "actions/workflows/hand.yml/dispatches"
    assert shop.ask("POST", path, "eve", ref="side", inputs={"model": "x"}).status_code == 403
    reads = shop.forge.ground.tokens.mint_job({"actions": "read"}, 1, "1", "ada")
    assert shop.ask_with(reads, "POST", path, ref="side", inputs={"model": "x"}).status_code == 403


def test_a_repository_dispatch_carries_its_payload(shop: Workshop) -> None:
    on = {"repository_dispatch": {"types": ["gate"]}}
    say = job("echo 'model ${{ github.event.client_payload.model }} by ${{ github.actor }}'")
    shop.commit({".github/workflows/try.yml": {"on": on, "jobs": {"a": say}}})
    assert (
        shop.ask("POST", "dispatches", "ben", event_type="gate", client_payload={"model": "m"}).status_code
        == 204
    )
    run = shop.wait(max(shop.runs.records.runs.values(), key=lambda found: found.id))
    assert (run.event.name, run.actor) == ("repository_dispatch", "ben")
    assert "model m by ben" in shop.log(run.latest[0])


def test_a_schedule_fires_when_it_is_told_to(shop: Workshop) -> None:
    on = {"schedule": [{"cron": "17 * * * *"}]}
    shop.commit(
        {
            ".github/workflows/nightly.yml": {
                "on": on,
                "jobs": {"a": job("echo '${{ github.event.schedule }}'")},
            }
        }
    )
    (number,) = shop.post("/_schedule", {"workflow": "nightly.yml"}).json()["runs"]
    run = shop.wait(shop.runs.records.runs[number])
    assert (run.event.name, run.conclusion) == ("schedule", "success")
    assert "17 * * * *" in shop.log(run.latest[0])
    shop.commit({".github/workflows/plain.yml": {"on": "push", "jobs": {"a": job("true")}}})
    assert shop.post("/_schedule", {"workflow": "plain.yml"}).status_code == 422
