"""Two engines, one loop: what one scenario pins, refuses and asks of AWS is the same on both.

GitHub Actions on the sandbox's forge, and CodePipeline with CodeBuild on CodeCommit, made by bootstrap in
empty accounts. What names commits differs by nature and is masked; nothing else is.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest

from mlops.forge import MAIN
from tests.audit.engines import audit_works
from tests.engines import OnActions, OnConnections, OnPipelines
from tests.firm import NEEDS_WORKFLOWS, found
from tests.hubworks import found_hub, set_up, start_trainings
from tests.live import PAYLOAD
from tests.sandbox.forge.conftest import run_git
from tests.works import found_works

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from mlops.release import Artifact
    from tests.audit.world import Answer
    from tests.engines import Engine

    Note = Callable[[str, str], None]

pytestmark = [
    NEEDS_WORKFLOWS,
    pytest.mark.skipif(
        not (PAYLOAD / "infra/pipeline.yml").exists(), reason="this project's engine is GitHub Actions alone"
    ),
]
HASH = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{12})\b")
MASKED = re.compile(r"<\d+>")
BEFORE = re.compile(r"^(?:\S+Z )?(?:mlops: )?")  # a stamp of a workflow's log, the verb of an error
# how a session begins is where the engines differ: a token, or a build's own role
OPENING = {"AssumeRole", "AssumeRoleWithWebIdentity"}
DUTIES = ("ci", "deploy-staging", "deploy-prod")


@dataclass
class Story:
    """What one engine made of the scenario."""

    pins: dict[str, str] = field(default_factory=dict)
    said: dict[str, list[str]] = field(default_factory=dict)
    answers: list[str] = field(default_factory=list)
    calls: dict[str, set[str]] = field(default_factory=dict)
    hashes: list[str] = field(default_factory=list)

    def mask(self, text: str) -> str:
        """A text with each hash as the how manyeth of the story: commits differ, their places do not."""

        def number(found: re.Match[str]) -> str:
            known = [each for each in self.hashes if each.startswith(found[0])]
            if not known:
                self.hashes.append(found[0])
            return f"<{self.hashes.index(known[0] if known else found[0])}>"

        return re.sub(r"https?://\S+", "URL", HASH.sub(number, text)).replace("@", "")

    def alone(self, moment: str) -> list[str]:
        """What was said at a moment, its hashes counted from there: what came before may differ."""
        numbers: dict[str, str] = {}
        lines = self.said[moment]
        return [
            MASKED.sub(lambda found: numbers.setdefault(found[0], f"<{len(numbers)}>"), line)
            for line in lines
        ]

    def tell(self, said: str) -> list[str]:
        """The lines about the model and its pins."""
        lines = (BEFORE.sub("", line) for line in said.splitlines())
        return [self.mask(line) for line in lines if line.startswith(("alpha", "releases/"))]

    audits: tuple[Answer, ...] = ()  # with the evidence, and by the trail alone
    facts: dict[str, str] = field(default_factory=dict)  # of one engine alone


def go_round(engine: Engine, remote: str) -> Story:
    """Two releases to staging, one to prod, back again by pull request, and a pin that somebody forged."""
    story, note, first = begin(engine, remote)
    engine.release("alpha", "alpha two")
    engine.propose()
    note("in prod", engine.promote("Promote alpha ", "prod", "ben", "cleo"))
    note("second", engine.promote("Promote alpha ", "staging", "cleo"))
    story.answers += [engine.ask("staging", "alpha"), engine.ask("prod", "alpha")]
    note("going back", engine.roll_back("alpha", "staging"))
    note("back", engine.promote("Roll alpha back ", "staging", "dan"))
    story.answers.append(engine.ask("staging", "alpha"))
    forge(engine, story, first, note)
    story.answers.append(engine.ask("staging", "alpha"))
    story.calls = read_calls(engine.folder)
    return story


def begin(engine: Engine, remote: str) -> tuple[Story, Note, Artifact]:
    """The first release to staging; how later moments are noted, and what was released."""
    story = Story()

    def note(moment: str, said: str) -> None:
        story.pins[moment] = story.mask("\n".join(read_pins(engine.folder, remote)))
        story.said[moment] = story.tell(said)

    first = engine.release("alpha", "alpha one")
    note("proposed", engine.propose())
    note("staged", engine.promote("Promote alpha ", "staging", "ben"))
    story.answers.append(engine.ask("staging", "alpha"))
    return story, note, first


def go_shortly(engine: OnConnections, remote: str) -> Story:
    """The beginning of that story, the forged pin, and the way back from it."""
    story, note, first = begin(engine, remote)
    engine.works.check_pulls_alone()
    forge(engine, story, first, note)
    story.answers.append(engine.ask("staging", "alpha"))
    past = engine.push_past("staging", engine.release("alpha", "alpha two"))
    back = engine.roll_back("alpha", "staging")
    story.facts |= {"merge refused": engine.refused, "pushed past": past, "going back": back}
    story.calls = read_calls(engine.folder)
    return story


def read_pins(folder: Path, remote: str) -> list[str]:
    """All pins of main."""
    run_git(folder, "fetch", "-q", remote, MAIN)
    names = run_git(folder, "ls-tree", "-r", "--name-only", "FETCH_HEAD", "releases").stdout.split()
    return [f"{name}\n{read_file(folder, name)}" for name in names]


def forge(engine: Engine, story: Story, first: Artifact, note: Note) -> None:
    """A pin whose archive is another than its release's: the check says so, and merged all the same it is
    not deployed."""
    text = read_file(engine.folder, "releases/staging/alpha.yml")
    forged = text.replace(f"size: {first.archive.size}", f"size: {first.archive.size + 1}")
    assert forged != text
    story.said["refused"] = story.tell(engine.forge_pin(forged))
    note("forged", engine.promote("Forge", "staging", "ben", "cleo", fails=True))


def read_file(folder: Path, path: str) -> str:
    """A file of main, as it was fetched last."""
    return run_git(folder, "show", f"FETCH_HEAD:{path}").stdout


def read_calls(folder: Path) -> dict[str, set[str]]:
    """What each duty's role asked of AWS, by the trail's own records."""
    calls = defaultdict(set)
    for path in (folder / ".sandbox/trail").glob("*.jsonl"):
        for record in map(json.loads, path.read_text().splitlines()):
            issuer = record["userIdentity"].get("sessionContext", {}).get("sessionIssuer", {})
            duty = issuer.get("userName", "").removeprefix("acme-")
            if duty in DUTIES and record["eventName"] not in OPENING:
                source = record["eventSource"].partition(".")[0]
                calls[duty].add(f"{source}:{record['eventName']}")
    return dict(calls)


@pytest.fixture(scope="module")
def stories(tmp_path_factory: pytest.TempPathFactory) -> tuple[Story, Story]:
    """The scenario on both engines."""
    folder = tmp_path_factory.mktemp("engines")
    return by_actions(folder / "actions"), by_pipelines(folder / "pipelines")


@pytest.fixture(scope="module")
def joined(tmp_path_factory: pytest.TempPathFactory) -> Story:
    """Its shorter form where GitHub and CodePipeline are joined by a connection."""
    return by_connection(tmp_path_factory.mktemp("joined") / "connection")


def by_actions(folder: Path) -> Story:
    with contextmanager(found)(folder, ["alpha"]) as firm, reaching(firm.endpoint):
        return go_round(OnActions(firm), firm.remote("ada"))


def by_pipelines(folder: Path) -> Story:
    with contextmanager(found_works)(folder, ["alpha"]) as works, reaching(works.endpoint):
        story = go_round(OnPipelines(works), works.remote())
        story.audits = audit_works(works)
        return story


def by_connection(folder: Path) -> Story:
    with contextmanager(found_hub)(folder, ["alpha", "beta"]) as works, reaching(works.endpoint):
        facts = set_up(works)
        story = go_shortly(OnConnections(works), works.remote())
        story.facts |= facts | start_trainings(works)
        return story


@contextmanager
def reaching(endpoint: str) -> Iterator[None]:
    """Let this process's AWS be a sandbox."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_ENDPOINT_URL", endpoint)
        yield


def test_both_engines_pin_the_same(stories: tuple[Story, Story]) -> None:
    one, other = stories
    assert one.pins == other.pins
    moved = [one.pins[moment] for moment in ("staged", "in prod", "second", "back", "forged")]
    assert all(before != after for before, after in pairwise(moved)), "each of these moves a pin"


def test_both_engines_say_and_refuse_the_same(stories: tuple[Story, Story]) -> None:
    one, other = stories
    assert one.said == other.said
    assert all("the pin was edited by hand" in "".join(one.said[when]) for when in ("refused", "forged"))


def test_endpoints_answer_alike(stories: tuple[Story, Story]) -> None:
    one, other = stories
    assert one.answers == other.answers
    assert one.answers == ["alpha one", "alpha two", "alpha one", "alpha one", "alpha one"]


def test_each_role_asks_the_same_of_aws(stories: tuple[Story, Story]) -> None:
    one, other = stories
    assert set(one.calls) == set(DUTIES)
    assert one.calls == other.calls


@pytest.mark.parametrize(("place", "proof"), [(0, "evidence and trail"), (1, "trail")])
def test_the_audit_proves_what_builds_did_with_their_evidence_or_without(
    stories: tuple[Story, Story], place: int, proof: str
) -> None:
    answer = stories[1].audits[place]
    for kind, forged in (("pin", ["contradicted"]), ("approval", []), ("endpoint", [])):
        assert answer.verdicts(kind) == ["proved"] * 4 + forged, "only the forged pin is not"
    assert {change["proof"] for change in answer.report["changes"][:-1]} == {proof}
    assert (answer.code, answer.report["problems"]) == (1, [])


def test_the_audit_finds_a_build_that_somebody_turned_aside(stories: tuple[Story, Story]) -> None:
    answer = stories[1].audits[0]
    assert answer.rules == ["build-overridden", "unreadable-pin"]
    assert (
        ":root started acme-reconcile by StartBuild with buildspecOverride"
        in (answer.finding("build-overridden")["message"])
    )


def test_a_connection_and_a_token_are_left_to_people_and_said_so(joined: Story) -> None:
    assert "left to you: connection acme-forge is PENDING: authorise it once" in joined.facts["bootstrap"]
    assert (
        "left to you: there is no secret mlops-forge-token: aws secretsmanager create-secret"
        in (joined.facts["bootstrap"])
    )
    assert "is PENDING" in joined.facts["source"], "the pipeline itself says why it cannot begin"


def test_what_hears_through_a_connection_pins_says_and_answers_the_same(
    stories: tuple[Story, Story], joined: Story
) -> None:
    for story in stories:
        assert {moment: joined.pins[moment] for moment in ("proposed", "staged")} == {
            moment: story.pins[moment] for moment in ("proposed", "staged")
        }
        for moment in ("proposed", "staged", "refused", "forged"):
            assert joined.alone(moment) == story.alone(moment)
        assert all(joined.calls[duty] <= story.calls[duty] for duty in joined.calls), "it asks nothing more"
    assert joined.answers == ["alpha one", "alpha one"]
    assert set(joined.calls) == {"ci", "deploy-staging"}


def test_a_red_check_told_by_the_pipeline_holds_a_merge_back(joined: Story) -> None:
    assert "check" in joined.facts["merge refused"]


def test_what_was_pushed_past_pull_requests_is_refused_and_taken_back_by_one(joined: Story) -> None:
    assert "came into main without a pull request; nobody approved it" in joined.facts["pushed past"]
    assert "opened #3" in joined.facts["going back"]


def test_training_begins_where_the_last_run_that_went_well_ended(joined: Story) -> None:
    assert "alpha: new model" in joined.facts["first training"]
    for model in ("alpha", "beta"):
        assert f"{model}: code or requirements changed" in joined.facts["second training"]
