"""GitHub as the forge, through PyGithub. GITHUB_API_URL and GITHUB_TOKEN say where and as whom.

https://docs.github.com/en/rest. Branches and commits are made through the API as well: no work tree is
touched, no git identity is needed, and GitHub signs what it commits for a workflow.
"""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

from github import Auth, Github, InputGitTreeElement, UnknownObjectException

from mlops import __name__ as tool
from mlops.errors import UsageError
from mlops.forge import CHECK_WORKFLOW, MAIN, Authorship, Person, PullRequest, Review
from mlops.github_refusals import asking
from mlops.patience import Patience

if TYPE_CHECKING:
    from collections.abc import Mapping

    from github.Commit import Commit
    from github.GitCommit import GitCommit
    from github.GitRef import GitRef
    from github.NamedUser import NamedUser
    from github.PullRequest import PullRequest as GithubPull
    from github.Repository import Repository

    from mlops.github_issues import GithubIssues
    from mlops.github_settings import GithubSettings

DEFAULT_API = "https://api.github.com"
ATTEMPTS = 5
LONGEST_WAIT = 120  # seconds that a rate limit may cost a run; a later run carries on
# https://docs.github.com/en/account-and-profile/reference/email-addresses-reference
NOREPLY = re.compile(r"(?:(?P<id>\d+)\+)?(?P<login>[^@+]+)@users\.noreply\.github\.com", re.IGNORECASE)
CO_AUTHOR = re.compile(r"^co-authored-by:.*<([^<>]+)>\s*$", re.IGNORECASE | re.MULTILINE)
WRITERS = frozenset({"admin", "maintain", "write"})


def connect(repository: str, by_workflow: bool = True) -> GithubForge:
    """GitHub, or what GITHUB_API_URL names, as the holder of GITHUB_TOKEN. Raises without a token.

    `by_workflow`: checks are a workflow of GitHub's, not a pipeline that GitHub tells of every change.
    """
    token = os.environ.get("GITHUB_TOKEN", "")
    if not token:
        raise UsageError(
            "GITHUB_TOKEN is not set; it says as whom to ask GitHub. In a workflow: "
            "env: GITHUB_TOKEN: ${{ github.token }}; by hand: export GITHUB_TOKEN=$(gh auth token)"
        )
    client = Github(
        auth=Auth.Token(token),
        base_url=os.environ.get("GITHUB_API_URL", DEFAULT_API),
        user_agent=tool,
        per_page=100,
        timeout=30,
        retry=Patience(total=ATTEMPTS, max_rate_limit_wait=LONGEST_WAIT, backoff_factor=0.5),
        seconds_between_requests=None,
        seconds_between_writes=None,
    )
    return GithubForge(client, repository, by_workflow)


class GithubForge:
    """One repository of GitHub; see `mlops.forge.Forge`."""

    def __init__(self, client: Github, repository: str, by_workflow: bool = True) -> None:
        self._client, self._by_workflow = client, by_workflow
        self._name = repository
        self._owner = repository.partition("/")[0]
        self._repository: Repository = client.withLazy(lazy=True).get_repo(repository)
        # what cannot change is asked once: a run counts many pins, and a job's token has 1,000 calls an hour
        self._authors: dict[str, Authorship] = {}
        self._pulls: dict[int, PullRequest] = {}
        self._merged: dict[str, int] = {}

    def issues(self) -> GithubIssues:
        """The repository's issues."""
        from mlops.github_issues import GithubIssues

        return GithubIssues(self._repository)

    def settings(self) -> GithubSettings:
        """The repository's settings."""
        from mlops.github_settings import GithubSettings

        return GithubSettings(self._repository, self._name, self._by_workflow)

    @asking
    def find_pull(self, branch: str) -> PullRequest | None:
        """The open pull request of a branch: its name alone would match forks too."""
        found = self._repository.get_pulls(state="open", head=f"{self._owner}:{branch}", base=MAIN)
        return next((read_pull(pull) for pull in found), None)

    @asking
    def list_open(self) -> list[PullRequest]:
        """The open pull requests into main; those of forks, whose branches anybody names, are left out."""
        found = self._repository.get_pulls(state="open", base=MAIN)
        return [
            read_pull(pull) for pull in found if pull.head.repo and pull.head.repo.id == pull.base.repo.id
        ]

    @asking
    def last_closed(self, branch: str) -> PullRequest | None:
        """The newest closed pull request of a branch."""
        found = self._repository.get_pulls(
            state="closed", head=f"{self._owner}:{branch}", base=MAIN, sort="created", direction="desc"
        )
        return next((read_pull(pull) for pull in found), None)

    @asking
    def merged_pull(self, commit: str) -> PullRequest | None:
        """The merged pull request of a commit; the listing does not say who merged it."""
        if commit not in self._merged:
            pulls = self._repository.get_commit(commit).get_pulls()
            number = next((pull.number for pull in pulls if pull.base.ref == MAIN and pull.merged_at), None)
            if number is None:
                return None
            self._merged[commit] = number
        number = self._merged[commit]
        if number not in self._pulls:
            self._pulls[number] = read_pull(self._pull(number))
        return self._pulls[number]

    @asking
    def list_reviews(self, number: int) -> list[Review]:
        """The reviews that their authors have sent."""
        reviews = self._pull(number).get_reviews()
        return [
            Review(
                review.id,
                read_person(review.user),
                review.commit_id or "",
                review.state,
                review.submitted_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
            )
            for review in reviews
            if review.state != "PENDING" and review.user
        ]

    @asking
    def list_paths(self, number: int) -> list[str]:
        """Paths changed, both names of a rename."""
        files = list(self._pull(number).get_files())
        names = [file.filename for file in files]
        return sorted({*names, *(file.previous_filename for file in files if file.previous_filename)})

    @asking
    def list_authors(self, number: int) -> list[Authorship]:
        """Who wrote each commit of a pull request."""
        return [self._authorship(commit) for commit in self._pull(number).get_commits()]

    @asking
    def read_authors(self, commit: str) -> Authorship:
        """Who wrote a commit, and who is named as co-author in its message."""
        if commit not in self._authors:
            self._authors[commit] = self._authorship(self._repository.get_commit(commit))
        return self._authors[commit]

    def _authorship(self, commit: Commit) -> Authorship:
        people, unknown = set(), set()
        author = commit.author
        if author:
            people.add(read_person(author))
        else:
            unknown.add(commit.commit.author.email or "no address")
        for address in CO_AUTHOR.findall(commit.commit.message):
            person = self._find_person(address)
            people.update([person] if person else [])
            unknown.update([] if person else [address])
        in_order = sorted(people, key=lambda person: person.place)
        return Authorship(commit.sha, tuple(in_order), tuple(sorted(unknown)))

    def _find_person(self, address: str) -> Person | None:
        """Whose an e-mail address is: by its form, or by another commit that carries it."""
        match = NOREPLY.fullmatch(address)
        try:
            if match and match["id"]:
                return read_person(self._client.get_user_by_id(int(match["id"])))
            if match:
                return read_person(self._client.get_user(match["login"]))
        except UnknownObjectException:
            return None
        known = (commit.author for commit in self._repository.get_commits(author=address))
        author = next(known, None)
        return read_person(author) if author else None

    @asking
    def can_write(self, person: Person) -> bool:
        """Whether a person may push to the repository."""
        return self._repository.get_collaborator_permission(person.login) in WRITERS

    @asking
    def list_rules(self, branch: str) -> list[Mapping[str, Any]]:
        """The rules in force on a branch, whichever ruleset they come from."""
        path = f"{self._repository.url}/rules/branches/{branch}"
        _, rules = self._repository.requester.requestJsonAndCheck("GET", path)
        return list(rules)

    @asking
    def read_file(self, path: str, ref: str) -> bytes | None:
        """A file at a branch or commit."""
        try:
            found = self._repository.get_contents(path, ref=ref)
        except UnknownObjectException:
            return None
        return None if isinstance(found, list) else found.decoded_content

    @asking
    def read(self, path: str) -> Any:
        """What GitHub answers to GET of a path below the repository; None where it shows nothing."""
        try:
            return self._repository.requester.requestJsonAndCheck("GET", f"{self._repository.url}{path}")[1]
        except UnknownObjectException:
            return None

    @asking
    def find_branch(self, branch: str) -> str | None:
        """The commit of a branch."""
        reference = self._find_reference(branch)
        return reference.object.sha if reference else None

    def _find_reference(self, branch: str) -> GitRef | None:
        """The reference of a branch, read: until then PyGithub has an address that only GET is served at."""
        reference = self._repository.get_git_ref(f"heads/{branch}")
        try:
            reference.update()
        except UnknownObjectException:
            return None
        return reference

    @asking
    def find_fork(self, commit: str) -> str:
        """The commit of main that a branch's head grew from last."""
        return self._repository.compare(MAIN, commit).merge_base_commit.sha

    @asking
    def push_file(self, branch: str, path: str, text: str, message: str) -> str:
        """Main's tree with one file changed, committed on top of what the branch holds: never forced."""
        main = self._repository.get_branch(MAIN).commit
        reference = self._find_reference(branch)
        parent = self._take_main(reference.object.sha, main, path) if reference else main.commit
        made = self._commit(message, main, {path: text}, [parent])
        if reference:
            reference.edit(made.sha, force=False)
        else:
            self._repository.create_git_ref(f"refs/heads/{branch}", made.sha)
        return made.sha

    def _take_main(self, head: str, main: Commit, path: str) -> GitCommit:
        """A branch's head with all of main in it, merged by a commit of its own: a rebase drops merges."""
        here = self._repository.get_git_commit(head)
        if self._repository.compare(main.sha, head).behind_by == 0:
            return here
        kept = self.read_file(path, head)
        files = {path: kept.decode()} if kept is not None else {}
        return self._commit(f"Merge branch '{MAIN}'", main, files, [here, main.commit])

    def _commit(
        self, message: str, main: Commit, files: Mapping[str, str], parents: list[GitCommit]
    ) -> GitCommit:
        """A commit of main's tree with some files changed; no branch points at it yet."""
        elements = [InputGitTreeElement(path, "100644", "blob", content=text) for path, text in files.items()]
        base = main.commit.tree
        tree = self._repository.create_git_tree(elements, base) if elements else base
        return self._repository.create_git_commit(message, tree, parents)

    @asking
    def delete_branch(self, branch: str) -> None:
        """Delete a branch, if it is there."""
        reference = self._find_reference(branch)
        if reference:
            reference.delete()

    @asking
    def open_pull(self, branch: str, title: str, body: str) -> PullRequest:
        """Open a pull request into main."""
        return read_pull(self._repository.create_pull(MAIN, branch, title=title, body=body))

    @asking
    def update_pull(self, number: int, title: str, body: str) -> None:
        """Write title and body anew."""
        self._pull(number).edit(title=title, body=body)

    @asking
    def close_pull(self, number: int) -> None:
        """Close without merging."""
        self._pull(number).edit(state="closed")

    @asking
    def list_comments(self, number: int) -> list[str]:
        """The texts of a pull request's comments."""
        return [comment.body for comment in self._pull(number).get_issue_comments()]

    @asking
    def comment(self, number: int, text: str) -> None:
        """Add a comment."""
        self._pull(number).create_issue_comment(text)

    @asking
    def has_checks(self, commit: str) -> bool:
        """Whether a commit has check runs, or a pipeline's status; a run that GitHub holds back has none."""
        found = self._repository.get_commit(commit)
        if self._by_workflow:
            return found.get_check_runs().totalCount > 0
        return found.get_combined_status().total_count > 0

    @asking
    def start_checks(self, branch: str) -> None:
        """Dispatch the check workflow: GitHub holds back the runs of a pull request that a bot opened."""
        if not self._by_workflow:  # a connection has heard of it, whoever opened it
            return
        path = f"{self._repository.url}/actions/workflows/{CHECK_WORKFLOW}/dispatches"
        self._repository.requester.requestJsonAndCheck("POST", path, input={"ref": branch})

    @asking
    def write_status(self, commit: str, state: str, context: str, description: str, url: str) -> None:
        """Say how a check of a commit stands."""
        self._repository.get_commit(commit).create_status(state, url, description, context)

    def _pull(self, number: int) -> GithubPull:
        return self._repository.get_pull(number)


def read_pull(pull: GithubPull) -> PullRequest:
    """A pull request as the verbs know it."""
    return PullRequest(
        number=pull.number,
        url=pull.html_url,
        title=pull.title,
        body=pull.body or "",
        branch=pull.head.ref,
        head=pull.head.sha,
        base=pull.base.ref,
        author=read_person(pull.user),
        is_open=pull.state == "open",
        merge_commit=(pull.merge_commit_sha or "") if pull.merged_at else "",
        merged_by=read_person(pull.merged_by) if pull.merged_at and pull.merged_by else None,
        opened_at=pull.created_at,
    )


def read_person(user: NamedUser) -> Person:
    """An account as the verbs know it."""
    return Person(user.id, user.login, user.type == "Bot")
