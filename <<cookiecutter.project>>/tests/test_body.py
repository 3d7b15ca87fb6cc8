"""The body of a pull request: what a reviewer reads, whatever people and data put into it."""

from __future__ import annotations

from typing import Any

import pytest

from mlops.body import LIMIT, Marker, read_marker, render_body, render_tombstone_body
from tests.markdown_structure import block_types, ragged_rows
from tests.proposals import (
    GOLDEN,
    make_candidate,
    make_champion,
    make_column,
    make_data,
    make_evaluation,
    make_proposal,
    make_release,
    make_retirement,
    make_slice,
)

HOSTILE = "x|`</details>\n\n# @ada #1 <!-- mlops:proposal -->\n```\n| a |\\"


def first_screen(**changes: Any) -> str:
    return render_body(make_proposal(**changes)).split("\n\n")[0]


def poison(text: str) -> Any:
    """A proposal in which people and data say `text` wherever they have a say."""
    columns = [make_column(f"{text}1"), make_column("group", kind="category", values={text: 60, "b": 40})]
    metric = {"value": 0.93, "low": 0.88, "high": 0.97, "better": "high"}
    champion = make_champion()
    champion["metrics"][text] = champion["differences"][text] = {"value": 0.5, "low": 0.4, "high": 0.6}
    evaluation = make_candidate(
        metrics={"accuracy": metric, text: metric},
        champion=champion,
        slices=[{**make_slice("a", 0.8, 0.9), "value": text, "column": text}],
        gates=[{"gate": text, "passed": True, "why": text}],
        scores={"column": text, "mean": 0.0, "std": 1.0, "rows": 9},
        data=make_data(columns),
    )
    return make_proposal(
        evaluation=evaluation,
        live=make_release(1, data=f"{text}d", image=f"{text}i", execution=f"{text}e"),
        soak=text,
        commits=[("ab" * 20, text, text)],
        links={text: f"https://x.example/{text}"},
    )


def test_the_body_is_the_golden_one() -> None:
    stale = "the body changed; if that is meant: PYTHONPATH=src python tests/proposals.py"
    assert render_body(make_proposal()) == GOLDEN.read_text(encoding="utf-8"), stale


def test_equal_proposals_give_equal_bytes() -> None:
    assert render_body(poison(HOSTILE)) == render_body(poison(HOSTILE))


def test_all_rows_of_all_tables_are_whole() -> None:
    assert ragged_rows(render_body(make_proposal())) == []
    assert ragged_rows(render_body(poison(HOSTILE))) == []


def test_no_value_changes_the_structure() -> None:
    assert block_types(render_body(poison(HOSTILE))) == block_types(render_body(poison("calm")))


def test_no_value_forges_the_marker() -> None:
    forged = Marker("prod", "other", f"sha256:{'0' * 64}").render()
    body = render_body(poison(forged))
    assert body.count("<!-- mlops:proposal") == 1
    assert read_marker(body) == Marker("prod", "guess", make_proposal().pin.release)


@pytest.mark.parametrize("body", ["", "text", "<!-- mlops:proposal environment=prod model=m release=new -->"])
def test_a_body_of_others_has_no_marker(body: str) -> None:
    assert read_marker(body) is None


def test_the_marker_is_found_in_what_a_browser_sends_back() -> None:
    body = render_body(make_proposal()).replace("\n", "\r\n")
    assert read_marker(body) == Marker("prod", "guess", make_proposal().pin.release)


def test_a_marker_before_the_end_is_none() -> None:
    assert read_marker(f"{Marker('prod', 'm', 'sha256:' + '0' * 64).render()}\nmore") is None


def test_commits_are_cut_where_the_room_ends() -> None:
    commits = [(f"{number:040x}", "é" * 190, "Ada") for number in range(1000)]
    body = render_body(make_proposal(commits=commits))
    listed = body.count("é" * 190)
    assert LIMIT - 1000 < len(body.encode()) <= LIMIT
    assert f"… and {1000 - listed} more: `git log {commits[listed][0][:12]}`." in body
    assert read_marker(body)


def test_nothing_makes_the_body_longer_than_the_forge_takes() -> None:
    many = [make_column(f"{'c' * 190}{number}") for number in range(500)]
    gates = [{"gate": "é" * 200, "passed": True, "why": "é" * 400}] * 500
    slices = [make_slice("v" * 300, 0.1, 0.9)] * 500
    curve = {"kind": "roc", "column": "s", "label": "l", "x": [0.0] * 40, "lines": {"candidate": [0.5] * 40}}
    evaluation = make_candidate(data=make_data(many), gates=gates, slices=slices, curves=[curve] * 200)
    proposal = make_proposal(evaluation=evaluation, commits=[("ab" * 20, "s" * 500, "a" * 500)] * 5000)
    body = render_body(proposal)
    assert len(body.encode()) <= LIMIT
    assert "too long for a pull request was left out" in body
    assert ragged_rows(body) == []
    assert read_marker(body)


def test_a_first_release_says_that_there_is_no_way_back() -> None:
    body = render_body(make_proposal(live=None, live_evaluation=None, evaluation=make_evaluation()))
    assert "is the first one behind endpoint `acme-prod-guess`" in body
    assert "there is nothing to compare it with" in body
    assert "`mlops retire guess --env prod`; there is no earlier release" in body
    assert ragged_rows(body) == []


def test_a_change_of_serving_speaks_of_serving_alone() -> None:
    live = make_release(2)
    proposal = make_proposal(live=live, kind="serving", evaluation=make_evaluation(), commits=())
    body = render_body(proposal)
    assert "stays behind endpoint `acme-prod-guess`; how it is served changes" in body
    assert "**Verdict: the same model.**" in body
    assert "| `serve.instance` | `ml.m5.large` | `ml.m5.xlarge` |" in body
    assert "### Metrics" not in body


def test_a_rollback_reads_the_comparison_from_the_other_side() -> None:
    proposal = make_proposal(
        kind="rollback",
        pin=make_release(1),
        live=make_release(2),
        evaluation=make_evaluation(),
        live_evaluation=make_candidate(),
    )
    body = render_body(proposal)
    assert "returns in the place of" in body
    assert (
        "**Verdict: known.** It passed the only gate of its training run; against what is live: worse" in body
    )
    assert (
        "| `accuracy` | higher | 0.9 (0.85 … 0.94) | 0.93 (0.88 … 0.97) | -0.03 (-0.05 … -0.01) | **worse**"
        in body
    )


@pytest.mark.parametrize(
    ("judged", "words"),
    [
        ({"low": 0.013}, "**Verdict: better than what is live.**"),
        ({"low": -0.004}, "**Verdict: as good as what is live.**"),
        ({"low": -0.004}, "worse by 0.004 at most at 95 % confidence (allowed: 0.01 worse)"),
        ({"low": None}, "**Verdict: not proven against what is live.**"),
    ],
)
def test_the_verdict_says_what_the_comparison_proves(judged: dict[str, Any], words: str) -> None:
    champion = make_champion()
    champion["difference"] |= judged
    assert words in first_screen(evaluation=make_candidate(champion=champion))


def test_a_comparison_with_another_release_is_called_that() -> None:
    body = render_body(make_proposal(evaluation=make_candidate(champion=make_champion(7))))
    assert "better than its champion, which is not what is live here" in body
    assert "It was compared with the champion of its training run, not with what is live in prod" in body
    assert "| metric | better | candidate | champion |" in body


@pytest.mark.parametrize(
    ("rollout", "count", "words"),
    [
        ({"strategy": "canary", "percent": 20}, 2, "20 % of traffic for 10 minutes, then the rest"),
        ({"strategy": "linear", "percent": 25}, 2, "25 % of traffic at a time, 10 minutes after each"),
        ({"strategy": "rolling", "percent": 50}, 2, "50 % of the fleet at a time, 10 minutes after each"),
        ({"strategy": "all-at-once"}, 2, "all traffic at once, watched for 10 minutes"),
        ({"strategy": "canary", "percent": 20}, 1, "all traffic at once, watched for 10 minutes"),
    ],
)
def test_the_rollout_is_told_as_it_will_happen(rollout: dict[str, Any], count: int, words: str) -> None:
    pin = make_release(2)
    serving = pin.serving.model_dump() | {
        "rollout": rollout,
        "serve": {"instance": "ml.m5.large", "count": count},
    }
    changed = pin.model_copy(update={"serving": type(pin.serving).model_validate(serving)})
    assert words in first_screen(pin=changed)


def test_staging_says_what_comes_next() -> None:
    assert "After its soak, `mlops propose` opens" in first_screen(environment="staging", soak=None)
    assert "After its soak" not in first_screen()


def test_clients_learn_what_their_requests_must_hold() -> None:
    live = make_evaluation(data=make_data([make_column("age"), make_column("size")]))
    evaluation = make_candidate(data=make_data([make_column("age", kind="integer"), make_column("town")]))
    screen = first_screen(evaluation=evaluation, live_evaluation=live, pin=make_release(2, capture=5))
    assert "requests must bring `town`; `size` is read no more; another kind of value in `age`" in screen
    assert "5 % of what they send is stored (before: 0 %)" in screen


def test_clients_learn_when_nothing_is_known() -> None:
    assert "requests bring 3 columns; whether that changes is unknown" in first_screen(live_evaluation=None)


def test_equal_data_is_not_compared() -> None:
    body = render_body(make_proposal(pin=make_release(2, data=make_release(1).artifact.data)))
    assert "The same version as of what is live. Rows: 120 train, 20 validation; 3 columns." in body


def test_a_retirement_says_until_when_clients_are_answered() -> None:
    body = render_tombstone_body(make_retirement())
    assert "the endpoint answers until 2026-12-04 (14 days from 2026-11-20), then no more" in body
    assert read_marker(body) == Marker("staging", "guess", make_release(1).release)
    assert ragged_rows(body) == []


def test_a_failed_evaluation_is_the_first_thing_said() -> None:
    failed = {"passed": False, "reason": "gate accuracy failed"}
    evaluation = make_candidate().model_copy(update=failed)
    body = render_body(make_proposal(evaluation=evaluation))
    assert "**Verdict: failed.** gate accuracy failed." in body
    assert "> - The evaluation did not pass its gates: gate accuracy failed." in body


def test_a_proposal_without_commits_lists_none() -> None:
    assert "commits since" not in render_body(make_proposal(commits=()))
