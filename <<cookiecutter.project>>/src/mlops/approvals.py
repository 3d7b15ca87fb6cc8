"""Count the approvals of a pin: who reviewed what was merged, and who may not judge it.

`deploy` counts for itself, whatever the forge's settings are: they depend on the plan that a team pays for.
An approver counts who may push, reviewed the merged head, and neither wrote the pull request nor wrote or
merged what the release brings (docs/adr/0012-four-eyes.md).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mlops import git
from mlops.errors import MlopsError
from mlops.forge import MAIN
from mlops.pin import is_tombstone, pin_path, read_past_pin
from mlops.workspace import read_specs_at

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from mlops.forge import Authorship, Forge, Person, PullRequest, Review
    from mlops.project import Environment

    CanWrite = Callable[[Person], bool]

JOBS = "src/mlops/jobs"  # the programs around a model's own: part of what a release is made of


@dataclass(frozen=True)
class Move:
    """A pin as HEAD holds it, or a tombstone, whose `commit` and `config` are empty."""

    environment: Environment
    model: str
    release: str
    commit: str = ""
    config: str = ""

    @property
    def path(self) -> str:
        """The pin's file."""
        return pin_path(self.environment, self.model)


@dataclass(frozen=True)
class Approved:
    """What was approved, by whom, under which rule. `barred` names the reviews that did not count;
    `earlier` the commits before that pinned the same release, `brought` who wrote what the release brings.
    """

    pull: PullRequest
    pin_commit: str
    live_commit: str
    reviews: tuple[Review, ...]
    barred: tuple[tuple[Person, str], ...] = ()
    required: int = 1
    rules: tuple[Mapping[str, Any], ...] = ()
    earlier: tuple[str, ...] = ()
    brought: tuple[Authorship, ...] = ()


@dataclass
class Bars:
    """Why a person may not judge, by the person's id; the first reason stays."""

    reasons: dict[int | str, str] = field(default_factory=dict)

    brought: list[Authorship] = field(default_factory=list)

    def add(self, people: Iterable[Person], why: str) -> None:
        """Bar people."""
        for person in people:
            self.reasons.setdefault(person.id, why)


def require_approvals(forge: Forge, root: Path, move: Move, required: int) -> Approved:
    """Count the approvals of the pin at HEAD. Raises unless enough people reviewed what was merged."""
    path = move.path
    git.require_full_history(root)
    pin_commit = git.last_versions(root, path)[0]
    inside = git.project_prefix(root) + path
    refuse_moved_main(forge, root, inside, path)
    pull = require_pull(forge, pin_commit, path)
    refuse_other_paths(forge, pull, inside)
    refuse_unreviewed_content(forge, root, pull, pin_commit, path)
    live = live_commit(root, move, pin_commit)
    bars = read_bars(forge, root, pull, move, live)
    counted, barred = count(forge.list_reviews(pull.number), pull.head, bars.reasons, forge.can_write)
    if len(counted) < required:
        raise MlopsError(refusal(pull, counted, barred, required))
    rules = tuple(forge.list_rules(MAIN))
    earlier = earlier_commits(root, move, pin_commit)
    people = (tuple(counted), tuple(barred))
    return Approved(pull, pin_commit, live, *people, required, rules, earlier, tuple(bars.brought))


def refuse_moved_main(forge: Forge, root: Path, inside: str, path: str) -> None:
    """Raise unless main still pins what HEAD pins: an old run must not bring back what was reverted."""
    here = git.read_files(root, "HEAD", [path])[path]
    if forge.read_file(inside, MAIN) != here:
        raise MlopsError(
            f"{path}: main pins something else by now than {git.head_commit(root)[:12]}; nothing was "
            f"deployed. The run of the newer commit does it: git pull"
        )


def require_pull(forge: Forge, commit: str, path: str) -> PullRequest:
    """The pull request that moved a pin."""
    pull = forge.merged_pull(commit)
    if pull is None:
        raise MlopsError(
            f"{path}: commit {commit[:12]} came into main without a pull request; nobody approved it. "
            "Revert it, then: mlops propose"
        )
    return pull


def refuse_other_paths(forge: Forge, pull: PullRequest, inside: str) -> None:
    """Raise when a pull request touched more than one pin: its reviewers had more than a release to judge."""
    others = [changed for changed in forge.list_paths(pull.number) if changed != inside]
    if others:
        raise MlopsError(
            f"{inside}: pull request #{pull.number} also changes {', '.join(map(repr, others[:3]))}; a pull "
            "request that moves a pin changes nothing else. Revert it, then propose each on its own"
        )


def refuse_unreviewed_content(
    forge: Forge, root: Path, pull: PullRequest, pin_commit: str, path: str
) -> None:
    """Raise when the merged pin is not the one that stood at the reviewed head."""
    merged = git.read_files(root, pin_commit, [path])[path]
    if forge.read_file(git.project_prefix(root) + path, pull.head) != merged:
        raise MlopsError(
            f"{path}: what was merged by #{pull.number} is not what its head {pull.head[:12]} held; "
            "nobody reviewed it. Revert it, then: mlops propose"
        )


def live_commit(root: Path, move: Move, pin_commit: str) -> str:
    """The source commit of the release that was pinned before; empty where there was none."""
    path = move.path
    versions = git.last_versions(root, path, f"{pin_commit}~1") if has_parent(root, pin_commit) else []
    for commit in versions:
        content = git.read_files(root, commit, [path])[path]
        if content is not None and not is_tombstone(content.decode(errors="replace")):
            pin = read_past_pin(content, move.environment, move.model)
            if pin:
                return pin.artifact.commit
    return ""


def earlier_commits(root: Path, move: Move, pin_commit: str) -> tuple[str, ...]:
    """The commits before `pin_commit` that pinned the same release: it comes back."""
    wanted = f"release: {move.release}\n".encode()
    commits = [commit for commit in git.last_versions(root, move.path) if commit != pin_commit]
    files = ((commit, git.read_files(root, commit, [move.path])[move.path]) for commit in commits)
    return tuple(commit for commit, content in files if content and wanted in content)


def has_parent(root: Path, commit: str) -> bool:
    """Whether a commit is not the first one."""
    return len(git.git(root, "rev-list", "--parents", "-n", "1", commit).split()) > 1


def read_bars(forge: Forge, root: Path, pull: PullRequest, move: Move, live: str) -> Bars:
    """Who wrote the pull request, and who wrote or merged the sources that the release brings."""
    bars = Bars()
    bars.add([pull.author], "opened the pull request")
    for authorship in forge.list_authors(pull.number):
        bars.add(require_known(authorship), f"wrote {authorship.commit[:12]} of the pull request")
    for commit in source_commits(root, move, live):
        bars.brought.append(forge.read_authors(commit))
        bars.add(require_known(bars.brought[-1]), f"wrote {commit[:12]}, which it brings")
        source = forge.merged_pull(commit)
        if source and source.merged_by:
            bars.add([source.merged_by], f"merged #{source.number}, which it brings")
    return bars


def require_known(authorship: Authorship) -> tuple[Person, ...]:
    """The authors of a commit. Raises for one whom the forge does not know: who judges could be who wrote."""
    if authorship.unknown:
        raise MlopsError(
            f"commit {authorship.commit[:12]} was written by {authorship.unknown[0]!r}, whom the forge does "
            "not know, so that nobody can be said to judge another's work. Add that address to the "
            "person's account on the forge, then run the same command"
        )
    return authorship.people


def source_commits(root: Path, move: Move, live: str) -> list[str]:
    """The commits between the live release and the candidate that touch what a release is made of."""
    if not move.commit:
        return []
    wanted = [f"{live}..{move.commit}"] if live else [move.commit]
    paths = source_paths(root, move.model, move.commit)
    return git.git(root, "log", "--format=%H", *wanted, "--", *paths).decode().split()


def source_paths(root: Path, model: str, commit: str) -> list[str]:
    """What a release is made of: the model's folder, the libs that it names, the job programs."""
    spec = read_specs_at(root, commit, [model])[model]
    return [f"models/{model}", *(f"libs/{lib}" for lib in (spec.libs if spec else [])), JOBS]


def count(
    reviews: Iterable[Review], head: str, barred: Mapping[int | str, str], can_write: CanWrite
) -> tuple[list[Review], list[tuple[Person, str]]]:
    """The approvals that count, one a person, and why others do not."""
    counted, refused = [], []
    for review in last_reviews(reviews):
        why = why_not(review, head, barred, can_write)
        if why:
            refused.append((review.person, why))
        else:
            counted.append(review)
    return counted, refused


def last_reviews(reviews: Iterable[Review]) -> list[Review]:
    """Each person's last word: a comment takes no approval back, a request for changes does."""
    last = {review.person.id: review for review in reviews if review.state != "COMMENTED"}
    return sorted(last.values(), key=lambda review: review.person.place)


def why_not(review: Review, head: str, barred: Mapping[int | str, str], can_write: CanWrite) -> str:
    """Why a review does not count; empty where it does."""
    if review.state != "APPROVED":
        return f"said {review.state}"
    if review.person.is_bot:
        return "is a bot"
    if review.commit != head:
        return f"approved {review.commit[:12]}, merged was {head[:12]}"
    if review.person.id in barred:
        return barred[review.person.id]
    return "" if can_write(review.person) else "may not push to the repository"


def refusal(pull: PullRequest, counted: list[Review], barred: list[tuple[Person, str]], required: int) -> str:
    """Why a pin may not be deployed yet."""
    words = [f"{review.person} counts" for review in counted]
    words += [f"{person} does not: {why}" for person, why in barred]
    remedy = f"another person approves {pull.url}, then run the same command"
    if not pull.takes_reviews:
        remedy = "nobody can approve it any more. Revert it, then: mlops propose"
    return (
        f"pull request #{pull.number} has {len(counted)} of {required} approvals "
        f"({'; '.join(words) or 'nobody reviewed it'}). Nothing was deployed: {remedy}"
    )
