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
from typing import TYPE_CHECKING, Protocol

import pytest

from mlops.forge import MAIN
from mlops.pin import pin_path
from tests.audit.engines import audit_works
from tests.firm import NEEDS_WORKFLOWS, Firm, found
from tests.live import PAYLOAD
from tests.sandbox.forge.conftest import run_git
from tests.works import Works, found_works

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mlops.release import Artifact
    from tests.audit.world import Answer

    Note = Callable[[str, str], None]

pytestmark = [
    NEEDS_WORKFLOWS,
    pytest.mark.skipif(
        not (PAYLOAD / "infra/pipeline.yml").exists(), reason="this project's engine is GitHub Actions alone"
    ),
]
HASH = re.compile(r"\b(?:[0-9a-f]{64}|[0-9a-f]{40}|[0-9a-f]{12})\b")
BEFORE = re.compile(r"^(?:\S+Z )?(?:mlops: )?")  # a stamp of a workflow's log, the verb of an error
# how a session begins is where the engines differ: a token, or a build's own role
OPENING = {"AssumeRole", "AssumeRoleWithWebIdentity"}
DUTIES = ("ci", "deploy-staging", "deploy-prod")


class Engine(Protocol):
    """A firm whose loop runs on one of the engines."""

    @property
    def folder(self) -> Path: ...

    def release(self, model: str, weights: str) -> Artifact: ...

    def propose(self) -> str:
        """Have what is missing proposed; what that printed."""

    def promote(self, title: str, environment: str, *approvers: str, fails: bool = False) -> str:
        """Wait for the checks, approve, merge and wait for the deployment; what that printed."""

    def roll_back(self, model: str, environment: str) -> str:
        """Have the way back proposed; what that printed."""

    def forge_pin(self, text: str) -> str:
        """Open a pull request with a pin of one's own making; what its check printed."""

    def ask(self, environment: str, model: str) -> str: ...


@dataclass
class OnActions:
    """GitHub Actions."""

    firm: Firm

    @property
    def folder(self) -> Path:
        return self.firm.folder

    def release(self, model: str, weights: str) -> Artifact:
        return self.firm.release(model, weights)

    def propose(self) -> str:
        return self.firm.run("propose.yml", "Propose")["Propose"]

    def promote(self, title: str, environment: str, *approvers: str, fails: bool = False) -> str:
        number = find_pull(self.firm.titles(), title, environment)
        if not fails:
            self.firm.ada.await_check(number)
        self.firm.approve(number, *approvers)
        self.firm.enforce(is_on=not fails)
        known = self.firm.ada.known_runs()
        self.firm.merge(number)
        logs = self.firm.await_run("Deploy", known, fails)
        return logs[environment.title()]

    def roll_back(self, model: str, environment: str) -> str:
        return "\n".join(
            self.firm.run("rollback.yml", "Roll back", model=model, environment=environment).values()
        )

    def forge_pin(self, text: str) -> str:
        self.firm.hub("dan").push_file("forged", pin_path("staging", "alpha"), text, "Change a pin")
        known = self.firm.ada.known_runs()
        self.firm.people["dan"].open_pull("forged", "Forge staging")
        return self.firm.await_run("Check", known, fails=True)["Rules"]

    def ask(self, environment: str, model: str) -> str:
        return self.firm.ask(environment, model)


@dataclass
class OnPipelines:
    """CodePipeline and CodeBuild."""

    works: Works

    @property
    def folder(self) -> Path:
        return self.works.folder

    def release(self, model: str, weights: str) -> Artifact:
        return self.works.release(model, weights)

    def propose(self) -> str:
        return self.works.build("propose")

    def promote(self, title: str, environment: str, *approvers: str, fails: bool = False) -> str:
        number, pipeline = find_pull(self.works.titles(), title, environment), f"deploy-{environment}"
        self.works.await_check(number, fails)
        self.works.approve(number, *approvers)
        known = self.works.known(pipeline)
        self.works.merge(number)
        return self.works.await_pipeline(pipeline, known, fails)

    def roll_back(self, model: str, environment: str) -> str:
        return self.works.build("rollback", MODEL=model, ENVIRONMENT=environment)

    def forge_pin(self, text: str) -> str:
        client = self.works.client("codecommit", "dan")
        client.create_branch(repositoryName="models", branchName="forged", commitId=self.works.main())
        client.create_commit(
            repositoryName="models",
            branchName="forged",
            parentCommitId=self.works.main(),
            putFiles=[{"filePath": pin_path("staging", "alpha"), "fileContent": text.encode()}],
            authorName="Dan Ivers",
            email="dan@example.com",
        )
        target = {"repositoryName": "models", "sourceReference": "forged", "destinationReference": MAIN}
        made = client.create_pull_request(title="Forge staging", targets=[target])["pullRequest"]
        return self.works.await_check(int(made["pullRequestId"]), fails=True)

    def ask(self, environment: str, model: str) -> str:
        return self.works.ask(environment, model)


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

    def tell(self, said: str) -> list[str]:
        """The lines about the model and its pins."""
        lines = (BEFORE.sub("", line) for line in said.splitlines())
        return [self.mask(line) for line in lines if line.startswith(("alpha", "releases/"))]

    audits: tuple[Answer, ...] = ()  # with the evidence, and by the trail alone


def go_round(engine: Engine, remote: str) -> Story:
    """Two releases to staging, one to prod, back again by pull request, and a pin that somebody forged."""
    story = Story()

    def note(moment: str, said: str) -> None:
        story.pins[moment] = story.mask("\n".join(read_pins(engine.folder, remote)))
        story.said[moment] = story.tell(said)

    first = engine.release("alpha", "alpha one")
    note("proposed", engine.propose())
    note("staged", engine.promote("Promote alpha ", "staging", "ben"))
    story.answers.append(engine.ask("staging", "alpha"))
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


def find_pull(titles: Mapping[int, str], begins: str, ends: str) -> int:
    """The one open pull request whose title begins and ends so."""
    (number,) = [
        number for number, title in titles.items() if title.startswith(begins) and title.endswith(ends)
    ]
    return number


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


def by_actions(folder: Path) -> Story:
    with contextmanager(found)(folder, ["alpha"]) as firm, reaching(firm.endpoint):
        return go_round(OnActions(firm), firm.remote("ada"))


def by_pipelines(folder: Path) -> Story:
    with contextmanager(found_works)(folder, ["alpha"]) as works, reaching(works.endpoint):
        story = go_round(OnPipelines(works), works.remote())
        story.audits = audit_works(works)
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
