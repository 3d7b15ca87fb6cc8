"""A rehearsal on GitHub whose jobs AWS runs: a connection that somebody authorises, one token in a secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import requests

from sandbox.rehearsal.github import OnGithub, read_member
from sandbox.rehearsal.pipelines import ByPipelines, until
from sandbox.stage import bootstrap, console

if TYPE_CHECKING:
    from sandbox.stage import Stage

MACHINE = "dan"  # whose token builds hold; nobody who reviews
SECRET = "mlops-forge-token"  # noqa: S105  # its name, as infra/pipeline.yml has it


class Connected(OnGithub):
    """See `sandbox.rehearsal.play.Forge`. `stage` is the administrator's of both."""

    options: tuple[str, ...] = ("--empty",)

    def begin(self) -> None:
        """Trust policies name the repository, so it comes first; what is left to people comes last."""
        super().begin()
        with self.desk.act("Found the accounts: rules of main, roles, builds, pipelines"):
            bootstrap(self.desk)
        with self.desk.act("Authorise the connection, and keep a token for the builds"):
            token = read_member(self.desk, MACHINE).token
            words = ("aws", "secretsmanager", "create-secret", "--name", SECRET, "--secret-string")
            self.desk.run(*words, token, shown=f"{' '.join(words)} …", lines=0)
            authorise(self.desk)


def authorise(stage: Stage) -> None:
    """What a person does in the console: only the sandbox has a call for it."""
    (connection,) = stage.client("codeconnections").list_connections()["Connections"]
    place = f"{stage.environment['AWS_ENDPOINT_URL']}/_sandbox/connections"
    with requests.Session() as session:
        session.trust_env = False  # a proxy does not reach loopback
        session.post(place, json={"arn": connection["ConnectionArn"]}, timeout=60).raise_for_status()
    console.print(f"[bold magenta]the administrator[/] authorises {connection['ConnectionName']}")


class ByConnectedPipelines(ByPipelines):
    """See `sandbox.rehearsal.play.Engine`."""

    def __init__(self, stage: Stage, forge: Connected) -> None:
        super().__init__(stage)
        self._forge = forge

    def await_check(self, number: int, fails: bool = False) -> None:
        """A pipeline tells the forge how the check ended, and that is what main requires."""
        ada = self._forge.members["ada"]
        head = ada.call("GET", f"/pulls/{number}")["head"]["sha"]

        def find() -> str:
            found = ada.call("GET", f"/commits/{head}/status")["statuses"]
            states = (each["state"] for each in found if each["context"] == "check")
            return next((state for state in states if state != "pending"), "")

        state = until(find, f"a check of #{number}")
        console.print(f"  check: {state}", style="dim")
        if (state == "success") == fails:
            raise SystemExit(f"the check of #{number} ended as {state!r}")
