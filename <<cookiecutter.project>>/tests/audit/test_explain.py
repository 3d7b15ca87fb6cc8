"""From what is live back to who approved it, by event ids."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from sandbox.trails import story
from tests.audit.world import DATA

if TYPE_CHECKING:
    from tests.audit.world import World


def test_every_step_from_endpoint_to_reviewers_is_named(world: World) -> None:
    pinned = world.promote("staging", "a", 2, first=True)
    world.writer.add(story.register(world.site, pinned, world.at(1)))
    world.settle()
    answer = world.run("explain", "guess", "--env", "staging", "--json")
    chain = json.loads(answer.text)
    assert (answer.code, chain["verdict"], chain["release"]) == (0, "proved", pinned.release)
    assert chain["pinned"]["commit"] == pinned.commit
    assert (chain["data"], chain["source"], chain["job"]) == (DATA, world.source, "run")
    assert chain["package"]["registered"]["name"] == "CreateModelPackage"
    assert [person["login"] for person in chain["reviewers"]] == ["person-2", "person-3"]
    assert [event["name"] for event in chain["approved"]] == ["UpdateModelPackage"]


def test_the_chain_reads_from_the_endpoint_backwards(world: World) -> None:
    pinned = world.promote("prod", "a", 2, first=True)
    world.settle()
    lines = world.run("explain", "guess").text.splitlines()
    assert lines[0] == "endpoint   acme-prod-guess: contradicted"
    assert "was never pinned in staging before" in lines[1]
    assert f"pinned     releases/prod/guess.yml at {pinned.commit}, 2026-11-20T02:00:00Z" in lines
    assert "reviewers  @person-2 (2), @person-3 (3)" in lines


def test_a_model_that_the_trail_does_not_know_is_said_so(world: World) -> None:
    world.settle()
    answer = world.run("explain", "guess", "--env", "staging")
    assert answer.code == 1
    assert answer.text.startswith(
        "mlops: the trail holds no change of endpoint 'acme-staging-guess'; ask for"
    )
