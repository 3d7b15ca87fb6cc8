"""After an automatic rollback: the endpoint is held, and a pull request makes git say what is live."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import pytest

from mlops import cli
from mlops.hold import list_holds, read_hold
from mlops.pin import pin_path
from tests.conftest import commit, git, write_model
from tests.duties import run
from tests.live import HANDLER
from tests.paper import Paper
from tests.proposals import make_evaluation

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.duties import Acting
    from tests.live import Bench

    Said = pytest.CaptureFixture[str]

ROLLOUT = {"strategy": "canary", "percent": 10, "bake_minutes": 60}  # three seconds in the sandbox's time
FAILING = HANDLER.replace(
    "    return model\n",
    "    if model == 'bad' and data in ('1', b'1'):\n        raise ValueError('no')\n    return model\n",
)


@pytest.fixture
def forge(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> Paper:
    """What `propose` opens pull requests on."""
    forge = Paper(bench.root)
    monkeypatch.setattr("mlops.propose.open_forge", lambda project: forge)
    return forge


@pytest.fixture
def clients(bench: Bench, name: str) -> Iterator[None]:
    """Somebody asks the endpoint all the time."""
    stopped = threading.Event()

    def ask() -> None:
        while not stopped.wait(0.01):
            try:
                bench.ask(name)
            except bench.aws.runtime.exceptions.ClientError:
                continue

    thread = threading.Thread(target=ask)
    thread.start()
    yield
    stopped.set()
    thread.join()


def pin(bench: Bench, model: str, weights: str) -> str:
    """Pin a release that was built from HEAD; the pin's text."""
    evaluation = make_evaluation(model=model).model_dump_json(by_alias=True).encode()
    made = git(bench.root, "rev-parse", "HEAD")
    artifact = bench.register(model, weights, FAILING, made, evaluation)
    bench.pin(model, artifact, count=2, rollout=ROLLOUT)
    return (bench.root / pin_path("staging", model)).read_text()


def roll_back(bench: Bench, model: str, acting: Acting) -> str:
    """Deploy a release that fails over one that does not; the good one's pin."""
    write_model(bench.root, model)
    commit(bench.root, "Add")
    good = pin(bench, model, "good")
    assert run(acting, "deploy-staging", "deploy", "staging", model) == 0
    pin(bench, model, "bad")
    assert run(acting, "deploy-staging", "deploy", "staging", model) == 1
    assert bench.ask(model) == "good"
    return good


@pytest.mark.recorded
@pytest.mark.usefixtures("clients")
def test_what_an_alarm_took_back_is_held_and_git_follows(
    bench: Bench, name: str, forge: Paper, capsys: Said, acting: Acting
) -> None:
    good = roll_back(bench, name, acting)
    assert f"acme-staging-{name}.errors." in capsys.readouterr().out
    refuse_another_try(bench, name, capsys)
    assert run(acting, "ci", "propose", name) == 0
    assert "opened #1" in capsys.readouterr().out
    (pull,) = forge.pulls
    assert pull.branch == f"mlops/rollback/staging/{name}"
    assert pull.title.startswith(f"Roll {name} back to ")
    assert forge.files[pull.head][pin_path("staging", name)].decode() == good
    assert run(acting, "ci", "propose", name) == 0
    assert "#1 is open" in capsys.readouterr().out
    (bench.root / pin_path("staging", name)).write_text(good)
    commit(bench.root, "Roll back (#1)")
    assert run(acting, "deploy-staging", "deploy", "staging", name) == 0
    assert f"{name}: nothing, release" in capsys.readouterr().out
    assert name not in list_holds(bench.aws.s3, bench.project, "staging")
    assert cli.run(["propose"]) == 0
    assert "was pinned before and git went back from it" in capsys.readouterr().out


def refuse_another_try(bench: Bench, name: str, capsys: Said) -> None:
    """The next scheduled run leaves the endpoint alone, and says what to do."""
    hold = read_hold(bench.aws.s3, bench.project, "staging", name)
    live = bench.aws.sagemaker.describe_endpoint(EndpointName=f"acme-staging-{name}")
    assert hold.live == live["EndpointConfigName"] != hold.failed
    assert cli.run(["deploy", "staging", name]) == 1
    said = capsys.readouterr().out
    assert f"endpoint 'acme-staging-{name}' is held: config '{hold.failed}' was rolled back" in said
    assert f"mlops rollback {name} --env staging; or try the same release once more" in said
    again = bench.aws.sagemaker.describe_endpoint(EndpointName=f"acme-staging-{name}")
    assert again["LastModifiedTime"] == live["LastModifiedTime"], "it was tried again"


@pytest.mark.usefixtures("clients")
def test_the_same_release_is_tried_again_only_when_somebody_says_so(
    bench: Bench, name: str, capsys: Said, acting: Acting
) -> None:
    roll_back(bench, name, acting)
    capsys.readouterr()
    assert cli.run(["deploy", "staging", name, "--retry"]) == 1
    said = capsys.readouterr().out
    assert f"acme-staging-{name}.errors." in said, "it was not tried"
    assert "is held" not in said


@pytest.mark.usefixtures("clients")
def test_another_release_ends_the_hold(bench: Bench, name: str, capsys: Said, acting: Acting) -> None:
    good = roll_back(bench, name, acting)
    pin(bench, name, "better")
    assert cli.run(["deploy", "staging", name]) == 0
    assert bench.ask(name) == "better"
    assert name not in list_holds(bench.aws.s3, bench.project, "staging")
    refuse_to_go_back_to_what_failed(bench, name, good, capsys)


def refuse_to_go_back_to_what_failed(bench: Bench, name: str, good: str, capsys: Said) -> None:
    """The way back from `better` leads past `bad`, by pull request and by hand."""
    capsys.readouterr()
    assert cli.run(["rollback", name, "--env", "staging", "--dry-run"]) == 0
    assert capsys.readouterr().out == good
    assert cli.run(["rollback", name, "--env", "staging", "--now"]) == 0
    assert bench.ask(name) == "good"
