"""Four eyes, recomputed from git: who wrote what a release brings did not approve it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from mlops.audit.work import Commit, walk

if TYPE_CHECKING:
    from tests.audit.world import Answer, World

BEN = "Ben <2+ben@users.noreply.github.com>"  # the second of those who approve
PATH = "models/guess/train.py"
STRANGERS = ({"id": 50, "login": "zoe"},)


def write(
    world: World,
    author: str = "Zoe <zoe@example.com>",
    path: str = PATH,
    message: str = "Work",
    hours: float = -1,
) -> str:
    """A commit of main, from which the next release is made."""
    place = world.root / path
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(
        f"# {message} {world.pulls} {len(list(world.root.rglob('*')))} {place.exists()} {author}\n"
    )
    world.git("add", path)
    world.git("commit", "-q", "-m", message, "--author", author, date=world.at(hours))
    world.source = world.git("rev-parse", "HEAD")
    return world.source


def say(*commits: str, people: Any = STRANGERS) -> list[dict[str, Any]]:
    """What the evidence says of who wrote commits."""
    return [{"commit": commit, "people": list(people)} for commit in commits]


def promote(world: World, **changes: Any) -> Answer:
    world.promote("staging", "a", 1, first=True, **changes)
    return world.audit()


@pytest.mark.parametrize(
    ("author", "message"),
    [(BEN, "Work"), ("Zoe <zoe@example.com>", f"Work\n\nCo-authored-by: {BEN}")],
    ids=["author", "co-author"],
)
def test_an_approver_whom_git_names_as_author_is_found(world: World, author: str, message: str) -> None:
    commit = write(world, author, message=message)
    answer = promote(world)
    assert (answer.code, answer.rules) == (1, ["own-work"])
    said = f"@person-2 (number 2) wrote or merged {commit[:12]}, which it brings, and approved it"
    assert said in answer.finding("own-work")["message"]


def test_an_approver_who_brought_the_work_into_main_is_found(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setenv("GIT_COMMITTER_EMAIL", "2+ben@users.noreply.github.com")
        write(world)
    assert promote(world).rules == ["own-work"]


def test_an_approver_whom_the_evidence_itself_names_as_author_is_found(world: World) -> None:
    first, commit = world.source, write(world)
    earlier = world.git("rev-list", "HEAD", "--", "models").split()
    brought = [*say(*earlier, first), *say(commit, people=[{"id": 3, "login": "ben"}])]
    assert promote(world, brought=brought).rules == ["own-work"]


def test_a_commit_whose_authors_nobody_asked_for_is_found(world: World) -> None:
    commit = write(world)
    earlier = [one for one in world.git("rev-list", "HEAD", "--", "models").split() if one != commit]
    answer = promote(world, brought=say(*earlier))
    assert (answer.code, answer.rules) == (1, ["uncounted"])
    assert f"does not say who wrote {commit[:12]}" in answer.finding("uncounted")["message"]


def test_evidence_that_says_who_wrote_all_of_it_is_proved(world: World) -> None:
    write(world)
    commits = world.git("rev-list", "HEAD", "--", "models").split()
    assert promote(world, brought=say(*commits)).code == 0


@pytest.mark.parametrize("path", ["models/other/train.py", "libs/unnamed/code.py", "docs/prose.md"])
def test_work_on_something_else_bars_nobody(world: World, path: str) -> None:
    write(world, BEN, path)
    assert promote(world).code == 0


def test_work_on_the_job_programs_bars_its_author(world: World) -> None:
    write(world, BEN, "src/mlops/jobs/seal.py")
    assert promote(world).rules == ["own-work"]


def test_work_that_was_live_before_bars_nobody(world: World) -> None:
    write(world, BEN)
    world.promote("staging", "a", 1, first=True, approvers=(3,))
    write(world, hours=2)
    world.promote("staging", "b", 3, approvers=(2,))
    assert world.audit().code == 0


def test_work_on_a_branch_that_was_merged_bars_its_author(world: World) -> None:
    world.git("switch", "-q", "-c", "topic")
    write(world, BEN)
    world.git("switch", "-q", "main")
    world.git("merge", "-q", "--no-ff", "-m", "Merge", "topic", date=world.at(-0.5))
    world.source = world.git("rev-parse", "HEAD")
    assert promote(world).rules == ["own-work"]


def graph(**parents: str) -> dict[str, Commit]:
    """Commits, newest first, with their parents' names."""
    empty: frozenset[int | str] = frozenset()
    return {
        name: Commit(place, tuple(one.split()), empty, empty)
        for place, (name, one) in enumerate(parents.items())
    }


@pytest.mark.parametrize(
    ("candidate", "live", "expected"),
    [
        ("m", "", "m b a r"),
        ("m", "a", "m b"),
        ("m", "b", "m a"),
        ("a", "m", ""),
        ("x", "a", ""),
        ("m", "x", "m b a r"),
    ],
)
def test_what_one_commit_has_and_another_has_not(candidate: str, live: str, expected: str) -> None:
    assert " ".join(walk(graph(m="a b", b="r", a="r", r=""), candidate, live)) == expected
