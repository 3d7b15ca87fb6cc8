"""A rehearsal's repository on GitHub: people with tokens, and a ruleset that main stands under."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.cast import LOGINS, Member
from sandbox.stage import begin_history, console

if TYPE_CHECKING:
    from sandbox.rehearsal.play import Person
    from sandbox.stage import Stage


class OnGithub:
    """See `sandbox.rehearsal.play.Forge`; `up` founds all of it."""

    options: tuple[str, ...] = ()

    def __init__(self, stage: Stage) -> None:
        self.desk = stage
        self.members: dict[str, Member] = {}

    @property
    def people(self) -> dict[str, Person]:
        return {**self.members}

    def begin(self) -> None:
        """Push as ada, who is the admin. GitHub starts nothing for a commit that says so."""
        stage = self.desk
        with stage.act("Push the project to the forge"):
            begin_history(stage, "Start [skip ci]")
            self.members = {login: read_member(stage, login) for login in LOGINS}
            given = stage.environment
            forge, token = given["GITHUB_SERVER_URL"], self.members["ada"].token
            remote = f"{forge.replace('://', f'://ada:{token}@')}/{given['GITHUB_REPOSITORY']}.git"
            stage.run("git", "remote", "add", "origin", remote, shown=f"git remote add origin {forge}/…")
            stage.run("git", "push", "-q", "-u", "origin", "main")

    def refuse(self, number: int, branch: str) -> None:
        """Approved or not: main requires the check."""
        ada = self.members["ada"]
        self.members["ben"].approve(number)
        refused = ada.call("PUT", f"/pulls/{number}/merge", refused=True, merge_method="squash")
        console.print(f"  {refused['message']}", style="yellow", markup=False)
        ada.call("PATCH", f"/pulls/{number}", state="closed")


def read_member(stage: Stage, login: str) -> Member:
    """Somebody with the token that the sandbox gives them."""
    given = stage.read_environment("--user", login)
    api = f"{given['GITHUB_API_URL']}/repos/{given['GITHUB_REPOSITORY']}"
    return Member(login, given["GITHUB_TOKEN"], api)
