"""The commits of a pull request, walked from its source, whatever dates they bear."""

from __future__ import annotations

from typing import Any

import pytest

from mlops.codecommit_history import Commits


class Answers:
    """CodeCommit's BatchGetCommits over commits written as `name: (date, parents)`."""

    def __init__(self, **commits: tuple[int, str]) -> None:
        self.commits = commits
        self.asked: list[str] = []

    def batch_get_commits(self, repositoryName: str, commitIds: list[str]) -> Any:  # noqa: N803
        self.asked += commitIds
        found = [(name, self.commits[name]) for name in commitIds if name in self.commits]
        return {
            "commits": [
                {"commitId": name, "parents": parents.split(), "committer": {"date": f"{date} +0000"}}
                for name, (date, parents) in found
            ]
        }


def between(answers: Answers, base: str, head: str) -> list[str]:
    """The names of what a head brings."""
    client: Any = answers
    return [commit["commitId"] for commit in Commits(client, "models").between(base, head)]


def test_a_branch_brings_its_own_commits() -> None:
    answers = Answers(f=(1, ""), m=(2, "f"), a=(3, "f"), b=(4, "a"))
    assert between(answers, "f", "b") == ["b", "a"]


def test_what_came_from_main_by_a_merge_is_not_the_branchs() -> None:
    answers = Answers(r=(0, ""), f=(1, "r"), a=(2, "f"), m=(3, "f"), n=(4, "m"), j=(5, "a n"), b=(6, "j"))
    assert between(answers, "n", "b") == ["b", "j", "a"]


@pytest.mark.parametrize("date", [0, 99], ids=["old", "new"])
def test_a_date_hides_nothing_and_adds_nothing(date: int) -> None:
    answers = Answers(r=(0, ""), f=(1, "r"), m=(date, "f"), a=(date, "f"), j=(5, "a m"), b=(6, "j"))
    assert set(between(answers, "m", "b")) == {"b", "j", "a"}


def test_each_commit_is_asked_for_once() -> None:
    answers = Answers(r=(0, ""), f=(1, "r"), a=(2, "f"), b=(3, "f"), j=(4, "a b"))
    between(answers, "r", "j")
    assert sorted(answers.asked) == ["a", "b", "f", "j", "r"]


def test_a_branch_without_common_history_brings_all_of_it() -> None:
    assert between(Answers(a=(1, ""), b=(2, "a")), "", "b") == ["b", "a"]


def test_a_long_history_of_main_is_not_read() -> None:
    main = {f"m{place}": (place, f"m{place - 1}" if place else "") for place in range(500)}
    answers = Answers(**main, b=(501, "m499"))
    assert between(answers, "m499", "b") == ["b"]
    assert len(answers.asked) < 30
