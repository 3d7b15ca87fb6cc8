"""A firm on GitHub whose engine is AWS's: its people push and review on the forge, pipelines hear of it."""

from __future__ import annotations

import json
import shutil
import time
import urllib.request
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from mlops.forge import MAIN
from tests.conftest import ACCOUNT
from tests.firm import ACCOUNTS, NAMES, PATIENCE, Firm, write_project
from tests.live import PAYLOAD, SPEED, run_sandbox
from tests.sandbox.forge.conftest import Clone, run_git
from tests.works import OVER, Works, run_verb

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlops.aws import Aws

MACHINE = "cleo"  # whose token the builds hold
ANSWERS = {"ci: github-actions": "ci: codepipeline"}
SECRET = "mlops-forge-token"  # noqa: S105 - a name


@dataclass
class HubWorks(Works):
    """A project on the sandbox's forge, in one account."""

    forge: str = ""
    tokens: dict[str, str] = field(default_factory=dict)

    @cached_property
    def firm(self) -> Firm:
        """The forge and its people."""
        return Firm(self.folder, self.endpoint, self.forge, self.tokens)

    def sign_in(self, duty: str) -> Aws:
        return super().sign_in("training")

    def remote(self, login: str = "ada") -> str:
        return self.firm.remote(login)

    def main(self) -> str:
        return self.firm.main()

    def titles(self) -> dict[int, str]:
        return self.firm.titles()

    def approve(self, number: int, *logins: str) -> None:
        self.firm.approve(number, *logins)

    def merge(self, number: int, by: str = "ada") -> str:
        return self.firm.merge(number, by=by)

    def run(self, *words: str) -> subprocess.CompletedProcess[str]:
        """A verb as the account's root user and ada, whatever it ends as."""
        keys = {"AWS_ACCESS_KEY_ID": f"AKIAROOT{ACCOUNT}", "AWS_SECRET_ACCESS_KEY": "x"}
        hub = {"GITHUB_TOKEN": self.tokens["ada"], "GITHUB_API_URL": f"{self.forge}/api/v3"}
        return run_verb(self.folder, self.endpoint, {**keys, **hub}, *words)

    def connection(self) -> dict[str, Any]:
        """The one connection."""
        (found,) = self.client("codeconnections").list_connections()["Connections"]
        return dict(found)

    def authorise(self) -> None:
        """What a person does in the console."""
        body = json.dumps({"arn": self.connection()["ConnectionArn"]}).encode()
        asked = urllib.request.Request(  # noqa: S310 - loopback
            f"{self.endpoint}/_sandbox/connections", body, {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=10):  # noqa: S310 - loopback
            pass

    def status(self, commit: str) -> tuple[str, str] | None:
        """How the status `check` of a commit stands, and what it says."""
        found = self.firm.ada.call("GET", f"/commits/{commit}/status")["statuses"]
        return next(
            ((each["state"], each["description"]) for each in found if each["context"] == "check"), None
        )

    def await_check(self, number: int, fails: bool = False) -> str:
        """Wait until the head of a pull request has its status; the log of the build behind it."""
        head = str(self.firm.ada.call("GET", f"/pulls/{number}")["head"]["sha"])
        deadline = time.monotonic() + PATIENCE
        while not (found := self.status(head)):
            assert time.monotonic() < deadline, f"#{number} got no status: {self.executions('check')}"
            time.sleep(0.1)
        assert found[0] == ("failure" if fails else "success"), found
        (execution,) = [each for each in self.executions("check") if revision(each) == head]
        return self.await_build(self.build_of("check", execution), fails)

    def await_execution(self, pipeline: str) -> dict[str, Any]:
        """Wait for the end of a pipeline's only execution."""
        deadline = time.monotonic() + PATIENCE
        while True:
            (found,) = self.executions(pipeline)
            if found["status"] in OVER:
                return found
            assert time.monotonic() < deadline, found
            time.sleep(0.1)

    def check_pulls_alone(self) -> None:
        """Let main move without a check of what it has become: one is enough to have seen."""
        client = self.client("codepipeline")
        pipeline = client.get_pipeline(name="acme-check")["pipeline"]
        for trigger in pipeline["triggers"]:
            trigger["gitConfiguration"].pop("push")
        client.update_pipeline(pipeline=pipeline)

    def build_of(self, pipeline: str, execution: dict[str, Any]) -> str:
        """The build that an execution came to."""
        actions = self.actions(pipeline, execution)
        (build,) = [each for each in actions if each["input"]["actionTypeId"]["provider"] == "CodeBuild"]
        return str(build["output"]["executionResult"]["externalExecutionId"])

    def actions(self, pipeline: str, execution: dict[str, Any]) -> list[dict[str, Any]]:
        """What the actions of an execution did."""
        listed = self.client("codepipeline").list_action_executions(
            pipelineName=f"acme-{pipeline}",
            filter={"pipelineExecutionId": execution["pipelineExecutionId"]},
        )
        return list(listed["actionExecutionDetails"])


def make_one_account(folder: Path) -> None:
    """The project in one account, with what main's ruleset asks."""
    text = (folder / "project.yml").read_text()
    for account in ACCOUNTS.values():
        text = text.replace(f'"{account}"', f'"{ACCOUNT}"')
    (folder / "project.yml").write_text(text)
    shutil.copytree(PAYLOAD / ".github/rulesets", folder / ".github/rulesets")


def revision(execution: dict[str, Any]) -> str:
    """The commit of an execution."""
    return str((execution.get("sourceRevisions") or [{"revisionId": ""}])[0]["revisionId"])


def found_hub(folder: Path, models: Iterable[str]) -> Iterator[HubWorks]:
    """Start a firm: its repository first, then the foundation, then what only people do."""
    write_project(folder, models, ANSWERS)
    make_one_account(folder)
    for model in models:
        spec = folder / "models" / model / "model.yml"
        spec.write_text(spec.read_text().replace("  max_minutes", "  on_merge: manual\n  max_minutes"))
    run_sandbox(folder, "up", "--detach", "--empty", "--images", "images", "--speed", SPEED)
    try:
        address = json.loads((folder / ".sandbox/sandbox.json").read_text())
        tokens = json.loads((folder / ".sandbox/forge/tokens.json").read_text())
        works = HubWorks(folder, address["endpoint"], forge=address["forge"], tokens=tokens)
        run_git(folder, "init", "-q", "-b", MAIN)
        Clone(folder, NAMES["ada"], "ada@example.com").commit({}, "Start [skip ci]")
        run_git(folder, "push", "-q", works.remote(), f"HEAD:{MAIN}")
        yield works
    finally:
        run_sandbox(folder, "down")


def set_up(works: HubWorks) -> dict[str, str]:
    """The foundation, and then what is left to people; what was said on the way."""
    made = works.run("bootstrap", "--yes", "--set", "Queries=none")
    assert made.returncode == 0, made.stdout + made.stderr
    execution = works.await_execution("check")
    (source,) = works.actions("check", execution)
    kept = works.client("secretsmanager")
    kept.create_secret(Name=SECRET, SecretString=works.tokens[MACHINE])
    works.authorise()
    return {
        "bootstrap": made.stdout,
        "source": source["output"]["executionResult"]["errorDetails"]["message"],
    }


def start_trainings(works: HubWorks) -> dict[str, str]:
    """A first run of training, and one by a push of three commits of which the last touches no model."""
    known = works.known("train")
    works.client("codepipeline").start_pipeline_execution(name="acme-train")
    first = works.await_pipeline("train", known)
    clone, known = works.firm.clone("ada"), works.known("train")
    for path in ("models/alpha/train.py", "models/beta/train.py", "docs/more.md"):
        clone.commit({path: "# changed\n"}, f"Change {path}")
    run_git(clone.folder, "push", "-q", "origin", f"HEAD:{MAIN}")
    return {"first training": first, "second training": works.await_pipeline("train", known)}
