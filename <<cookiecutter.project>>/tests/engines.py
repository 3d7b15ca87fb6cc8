"""A firm's loop, whichever engine it runs on: the same acts on GitHub Actions and on AWS's pipelines."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from mlops.forge import MAIN
from mlops.pin import pin_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops.project import Environment
    from mlops.release import Artifact
    from tests.firm import Firm
    from tests.hubworks import HubWorks
    from tests.works import Works


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
class OnConnections(OnPipelines):
    """CodePipeline and CodeBuild, which hear of GitHub through a connection."""

    works: HubWorks
    refused: str = field(default="", init=False)  # what the forge said of a merge whose check is red

    def promote(self, title: str, environment: str, *approvers: str, fails: bool = False) -> str:
        number, firm = find_pull(self.works.titles(), title, environment), self.works.firm
        if not fails:
            return super().promote(title, environment, *approvers)
        self.works.await_check(number, fails)
        firm.approve(number, *approvers)
        self.refused = firm.ada.call("PUT", f"/pulls/{number}/merge", True, merge_method="squash")["message"]
        firm.enforce(is_on=False)
        known = self.works.known(f"deploy-{environment}")
        firm.merge(number)
        return self.works.await_pipeline(f"deploy-{environment}", known, fails)

    def forge_pin(self, text: str) -> str:
        firm = self.works.firm
        firm.hub("dan").push_file("forged", pin_path("staging", "alpha"), text, "Change a pin")
        number = firm.people["dan"].open_pull("forged", "Forge staging")
        return self.works.await_check(number, fails=True)

    def push_past(self, environment: Environment, artifact: Artifact) -> str:
        """Pin a release by a push to main, whose rules are off; what the deployment printed."""
        clone, known = self.works.firm.clone("ada"), self.works.known(f"deploy-{environment}")
        clone.commit({pin_path(environment, "alpha"): self.works.firm.pin(artifact, "alpha")}, "Pin alpha")
        assert clone.push("-q", "origin", f"HEAD:{MAIN}").returncode == 0
        return self.works.await_pipeline(f"deploy-{environment}", known, fails=True)


def find_pull(titles: Mapping[int, str], begins: str, ends: str) -> int:
    """The one open pull request whose title begins and ends so."""
    (number,) = [
        number for number, title in titles.items() if title.startswith(begins) and title.endswith(ends)
    ]
    return number
