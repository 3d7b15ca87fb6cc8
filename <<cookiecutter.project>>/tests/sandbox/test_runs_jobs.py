"""Workflows run: jobs in their order, outputs, matrices, calls, logs and summaries."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.sandbox.workshop import Workshop, job, open_workshop

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    yield from open_workshop(tmp_path_factory.mktemp("shop"))


def test_a_push_runs_a_workflow_and_its_jobs_are_checks(shop: Workshop) -> None:
    run = shop.try_workflow({"name": "Try", "jobs": {"say": job("echo hello from $GITHUB_JOB")}})
    assert (run.status, run.conclusion) == ("completed", "success")
    assert "hello from say" in shop.log(run.latest[0])
    found = shop.ask("GET", f"commits/{run.event.head_sha}/check-runs").json()
    assert [(check["name"], check["conclusion"]) for check in found["check_runs"]] == [("say", "success")]
