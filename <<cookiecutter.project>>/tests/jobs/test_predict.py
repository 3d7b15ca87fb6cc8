"""Requests as clients send them: bounded, each with its header, single rows timed."""

from typing import Any

import pytest


def test_rows_go_in_bounded_requests_with_their_header() -> None:
    import predict

    rows = [[str(number), "a,b"] for number in range(1200)]
    bodies = list(predict.requests(["x", "y"], iter(rows)))
    assert [body.count("\n") - 1 for body in bodies] == [500, 500, 200]
    assert all(body.startswith("x,y\n") for body in bodies)
    assert bodies[0].splitlines()[1] == '0,"a,b"'


def test_long_rows_go_in_fewer_per_request() -> None:
    import predict

    bodies = list(predict.requests(["x"], iter([["v" * 1_500_000]] * 5)))
    assert [body.count("\n") - 1 for body in bodies] == [3, 2]
    assert max(map(len, bodies)) < 6_000_000


def test_answers_of_other_columns_are_refused(tmp_path: Any) -> None:
    import predict

    with (
        (tmp_path / "p.csv").open("w") as target,
        pytest.raises(ValueError, match="answers differ") as caught,
    ):
        predict.write_answers(iter(["y\n1\n", "z\n1\n"]), target)
    assert str(caught.value) == "answers differ in their columns: ['y'] and then ['z']"


def test_a_slow_handler_is_timed_for_seconds_not_forever(monkeypatch: pytest.MonkeyPatch) -> None:
    import predict

    now = [0.0]
    asked = []

    def ask(body: str) -> str:
        asked.append(body)
        now[0] += 0.5
        return body

    monkeypatch.setattr("time.perf_counter", lambda: now[0])
    assert predict.time_rows(ask, ["x"], [["1"], ["2"]]) == {"p50_ms": 500.0, "p95_ms": 500.0}
    assert len(asked) == 2 + 5  # two to warm up, then until two seconds are over
