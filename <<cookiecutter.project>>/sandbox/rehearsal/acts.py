"""The acts of a rehearsal. People push, review and merge; the project's own jobs do the rest."""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from sandbox.stage import REFUSED, WELL, console

if TYPE_CHECKING:
    from sandbox.rehearsal.play import Play
    from sandbox.stage import Codes, Stage


def push_data(stage: Stage, model: str) -> None:
    """Put the model's bytes into the DVC remote."""
    with stage.act(f"Version the data of {model} with DVC"):
        fetch = stage.folder / "models" / model / "data/fetch.py"
        if fetch.is_file():
            stage.run(sys.executable, str(fetch), shown=f"python models/{model}/data/fetch.py")
        pointers = [str(path.relative_to(stage.folder)) for path in fetch.parent.glob("*.dvc")]
        data = [pointer.removesuffix(".dvc") for pointer in pointers]
        stage.python("dvc", "add", "-q", *data, shown=f"dvc add {' '.join(data)}")
        stage.python("dvc", "push", "-q", *pointers, shown=f"dvc push {' '.join(pointers)}")


def first_training(play: Play) -> None:
    """Start the first run by hand; merges start the later ones."""
    with play.stage.act(f"Train {play.model}: prepare, train, evaluate, gate, seal; all of it real"):
        play.engine.start("train", model=play.model)
        play.stage.mlops("train", play.model, "--wait")


def promote(play: Play, environment: str) -> None:
    """A pull request that a bot opens and people approve: prod's when it looks by the clock."""
    with play.stage.act(f"Promote {play.model} to {environment}: a pull request moves its pin"):
        job = "propose" if environment == "staging" else "reconcile"
        number = await_proposal(play, job, f"Promote {play.model} ")
        merge_pin(play, number, environment)


def await_proposal(play: Play, job: str, title: str) -> int:
    """Start what runs by the clock or by an event, until it has opened the pull request."""
    for _ in range(10):
        play.engine.start(job)
        number = play.ada.find_pull(title)
        if number:
            console.print(f"[bold magenta]the bot[/] opened #{number}")
            return number
    raise SystemExit(f"no pull request {title!r} was opened")


def merge_pin(play: Play, number: int, environment: str) -> None:
    """Approve a pin's pull request, merge it, and wait until AWS matches."""
    play.engine.await_check(number)
    for member in play.reviewers(environment):
        member.approve(number)
    with play.engine.following(f"deploy-{environment}"):
        play.ada.merge(number)
    pull(play)


def pull(play: Play) -> None:
    """Bring the copy to main."""
    play.forge.desk.run("git", "checkout", "-q", "main")
    play.forge.desk.run("git", "pull", "-q", "--ff-only")


def read_changes(stage: Stage, model: str) -> dict[str, dict[str, float]]:
    """models/<model>/rehearsal.yml: hyperparameters of another good model, and of a worse one."""
    path = stage.folder / "models" / model / "rehearsal.yml"
    if not path.is_file():
        raise SystemExit(
            f"{path}: no such file. It says which hyperparameters make another model and a worse one"
        )
    changes: dict[str, dict[str, float]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return changes


def change(play: Play, hyperparameters: dict[str, float]) -> int:
    """Ask for other hyperparameters by a pull request, what a data scientist does all day; its number.

    Nobody waits while it is checked: that runs beside the acts until `merge_change`.
    """
    words = ", ".join(f"{name} {value}" for name, value in hyperparameters.items())
    branch = f"ada/{re.sub('[^a-z0-9]+', '-', words)}"
    edits = {rf"^(    {name}: ).*$": rf"\g<1>{value}" for name, value in hyperparameters.items()}
    with play.stage.act(f"Change {play.model}: {words}, by a pull request that is checked meanwhile"):
        return open_edit(play, branch, f"models/{play.model}/model.yml", edits, f"Set {words}")


def merge_change(play: Play, number: int) -> None:
    """Review a change and merge it, which starts a training."""
    with play.stage.act(f"Merge #{number}: that starts a training"):
        play.engine.await_check(number)
        play.ben.approve(number)
        with play.engine.following("train"):
            play.ada.merge(number)
        pull(play)


def open_edit(play: Play, branch: str, file: str, edits: dict[str, str], title: str) -> int:
    """Edit a file on a branch, by patterns and what stands for them, and open a pull request; its number."""
    desk = play.forge.desk
    desk.run("git", "checkout", "-q", "-b", branch)
    path = desk.folder / file
    text = path.read_text(encoding="utf-8")
    for pattern, other in edits.items():
        text = re.sub(pattern, other, text, flags=re.MULTILINE)
    path.write_text(text, encoding="utf-8")
    desk.run("git", "commit", "-q", "-a", "-m", title)
    desk.run("git", "push", "-q", "origin", branch)
    return play.ada.open_pull(branch, title)


def follow(play: Play, title: str, fails: bool = False) -> None:
    """Follow a run that exists: the verb starts no second one."""
    with play.stage.act(title):
        play.stage.mlops("train", play.model, "--wait", ends=REFUSED if fails else WELL)


def refuse_forged_pin(play: Play) -> None:
    """A pin that was edited by hand ends at the check, and does not reach main."""
    branch, edits = f"ada/forged-{play.model}", {r"(sha256: )[0-9a-f]{8}": r"\g<1>00000000"}
    with play.stage.act("Forge a pin: the check refuses it, and main does not take it"):
        number = open_edit(play, branch, f"releases/prod/{play.model}.yml", edits, "Serve something else")
        play.engine.await_check(number, fails=True)
        play.forge.refuse(number, branch)
        play.forge.desk.run("git", "checkout", "-q", "main")


def roll_back(play: Play) -> None:
    """Return prod to the release before: a pull request, as every change of what is live."""
    with play.stage.act(f"Roll {play.model} back in prod: a pull request pins what was live before"):
        play.engine.start("rollback", model=play.model, environment="prod")
        number = play.ada.find_pull(f"Roll {play.model} back")
        if number is None:
            raise SystemExit("no pull request was opened for the rollback")
        merge_pin(play, number, "prod")


def ask(play: Play, title: str) -> str:
    """Send one row of the model's sample to its endpoint in prod; the answer."""
    stage = play.stage
    with stage.act(title):
        body = sample_request(stage, play.model)
        console.print(body.decode(), markup=False, style="dim", overflow="ellipsis", no_wrap=True)
        answer = (
            stage.as_owner("prod")
            .client("sagemaker-runtime")
            .invoke_endpoint(
                EndpointName=f"{stage.names['project']}-prod-{play.model}",
                ContentType="text/csv",
                Accept="application/json",
                Body=body,
            )
        )
        text: str = answer["Body"].read().decode().strip()
        console.print(f"[bold green]{text}[/]")
        return text


def sample_request(stage: Stage, model: str) -> bytes:
    """The header and the first row of the committed sample's test side, as prepare.py writes it anywhere."""
    with tempfile.TemporaryDirectory() as prepared:
        script, sample = f"models/{model}/prepare.py", f"models/{model}/sample"
        shown = f"python {script} --input {sample} --output {prepared}"
        stage.run(sys.executable, script, "--input", sample, "--output", prepared, shown=shown, lines=0)
        lines = (Path(prepared) / "test/features.csv").read_bytes().splitlines(keepends=True)
    return b"".join(lines[:2])


def go_round(stage: Stage, model: str) -> None:
    """Change what is live by hand, with the keys of the account's owner."""
    with stage.act("Go round the pull requests: point prod's endpoint elsewhere, by hand"):
        project, prod = stage.names["project"], stage.as_owner("prod")
        endpoint = ["--endpoint-name", f"{project}-prod-{model}"]
        live = prod.aws("sagemaker", "describe-endpoint", *endpoint, "--query", "EndpointConfigName")
        listed = prod.aws(
            *("sagemaker", "list-endpoint-configs", "--query", "EndpointConfigs[].EndpointConfigName"),
            *("--name-contains", f"{project}-{model}-prod-"),
        )
        other = next(config for config in listed.split() if config != live.strip())
        prod.aws("sagemaker", "update-endpoint", *endpoint, "--endpoint-config-name", other)


def approve_alone(stage: Stage, model: str) -> None:
    """Approve a package as the console does, with the keys of the account's owner."""
    with stage.act("Approve a release in the console, past every reviewer"):
        names = stage.names
        registry = f"arn:aws:sagemaker:{names['region']}:{names['accounts']['training']}:model-package"
        package = ["--model-package-arn", f"{registry}/{names['project']}-{model}/1"]
        stage.aws("sagemaker", "update-model-package", *package, "--model-approval-status", "Approved")


def audit(play: Play, begun: str) -> None:
    """The audit finds what went round, and proves all the rest."""
    with play.stage.act("Audit: every approval and every change of an endpoint, proved or named"):
        play.stage.python("sandbox", "trail", shown="python -m sandbox trail")
        play.engine.audit(begun)


def explain(play: Play, environment: str, ends: Codes) -> None:
    """From an endpoint back to reviewers, job, data and commit; REFUSED where it is not as main pins it."""
    with play.stage.act(f"Explain what {environment} serves"):
        play.stage.mlops("audit", "explain", play.model, "--env", environment, ends=ends)
