"""Going back: by a commit, or at once with a hold that git must ratify."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.evidence import evidence_key, exists
from mlops.pin import parse_pin, pin_path
from tests.conftest import commit
from tests.duties import run

if TYPE_CHECKING:
    from tests.duties import Acting
    from tests.live import Bench

    Said = pytest.CaptureFixture[str]


def deploy_two(bench: Bench, model: str) -> None:
    """Two releases after each other; the second is live."""
    for weights in ("first", "second"):
        bench.pin(model, bench.register(model, weights))
        assert cli.run(["deploy", "staging", model]) == 0
    assert bench.ask(model) == "second"


def proposed(model: str, capsys: Said) -> str:
    capsys.readouterr()
    assert cli.run(["rollback", model, "--env", "staging", "--dry-run"]) == 0
    return capsys.readouterr().out


def test_committing_the_proposed_pin_is_the_rollback(bench: Bench, name: str, capsys: Said) -> None:
    deploy_two(bench, name)
    text = proposed(name, capsys)
    assert parse_pin(text, "staging", name).release_hex
    (bench.root / pin_path("staging", name)).write_text(text)
    commit(bench.root, "Roll back")
    assert cli.run(["deploy", "staging", name]) == 0
    assert bench.ask(name) == "first"


@pytest.mark.recorded
def test_now_flips_at_once_and_holds_deploy_until_git_says_the_same(
    bench: Bench, name: str, capsys: Said, acting: Acting
) -> None:
    deploy_two(bench, name)
    assert run(acting, "rollback-staging", "rollback", name, "--env", "staging", "--now") == 0
    assert bench.ask(name) == "first"
    assert run(acting, "deploy-staging", "deploy", "staging", name) == 1
    assert f"endpoint 'acme-staging-{name}' is held: rolled back by hand from" in capsys.readouterr().out
    assert bench.ask(name) == "first", "deploy undid what a hand did"
    (bench.root / pin_path("staging", name)).write_text(proposed(name, capsys))
    ratified = commit(bench.root, "Ratify")
    assert run(acting, "deploy-staging", "deploy", "staging", name) == 0
    key = evidence_key("staging", name, ratified)
    assert exists(bench.aws.s3, bench.project.releases_bucket, key), "nobody counted who ratified it"
    bench.pin(name, bench.register(name, "third"))
    assert cli.run(["deploy", "staging", name]) == 0, "the hold outlived its ratification"
    assert bench.ask(name) == "third"


def test_a_second_flip_changes_nothing(bench: Bench, name: str) -> None:
    deploy_two(bench, name)
    for _ in range(2):
        assert cli.run(["rollback", name, "--env", "staging", "--now"]) == 0
        assert bench.ask(name) == "first"


def test_without_an_earlier_release_there_is_nothing_to_go_back_to(
    bench: Bench, name: str, capsys: Said
) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    assert cli.run(["rollback", name, "--env", "staging", "--now"]) == 1
    assert "has no earlier release in staging whose endpoint config still exists" in capsys.readouterr().err


def test_a_release_that_was_pinned_but_never_live_is_passed_over(bench: Bench, name: str) -> None:
    bench.pin(name, bench.register(name, "first"))
    cli.run(["deploy", "staging", name])
    bench.pin(name, bench.register(name, "never"))
    bench.pin(name, bench.register(name, "third"))
    cli.run(["deploy", "staging", name])
    assert cli.run(["rollback", name, "--env", "staging", "--now"]) == 0
    assert bench.ask(name) == "first"


def test_a_pin_that_somebody_edited_by_hand_does_not_bar_the_way_back(
    bench: Bench, name: str, capsys: Said
) -> None:
    deploy_two(bench, name)
    path = bench.root / pin_path("staging", name)
    live = path.read_text()
    for text in (f"{live}forged: true\n", live):
        path.write_text(text)
        commit(bench.root, "Edit a pin, and take that back")
    assert (
        parse_pin(proposed(name, capsys), "staging", name).release != parse_pin(live, "staging", name).release
    )


def test_a_model_that_was_never_pinned_is_refused(bench: Bench, name: str, capsys: Said) -> None:
    assert cli.run(["rollback", name, "--env", "staging", "--dry-run"]) == 1
    assert (
        f"{name!r} was never pinned in staging. See: git log -- releases/staging/{name}.yml"
        in capsys.readouterr().err
    )
