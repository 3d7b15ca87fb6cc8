"""Follow a model to prod and back on this machine, by pull requests: `python -m sandbox.rehearse [MODEL …]`.

Works on a copy of the project, so that no commit, pin or data of yours changes. People push, review and
merge; the repository's own workflows do the rest; nothing here does what one of these could do.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import yaml

from sandbox.cast import Member
from sandbox.project import read_project
from sandbox.stage import console, read_exports, sandbox, set_stage

if TYPE_CHECKING:
    from sandbox.stage import Stage

SPEED = "600"  # ten minutes of canary in a second, half an hour of soak in three


@dataclass(frozen=True)
class Play:
    """A model on stage: ada writes, ben and cleo review."""

    stage: Stage
    model: str
    ada: Member
    ben: Member
    cleo: Member

    def reviewers(self, environment: str) -> list[Member]:
        """Who approves: one in staging, two in prod."""
        return [self.ben] if environment == "staging" else [self.ben, self.cleo]


def main(arguments: list[str] | None = None) -> None:
    """Rehearse the models named, or the last one of the project by name."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.rehearse", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="models to follow; by default the last one")
    parser.add_argument("--folder", type=Path, default=Path(".sandbox/rehearsal"), help="where the copy goes")
    parser.add_argument(
        "--decisions", type=Path, metavar="FILE", help="record what each role may: see sandbox/decisions.py"
    )
    chosen = parser.parse_args(arguments)
    refuse_other_engines(Path.cwd())
    models = chosen.models or choose_model(Path.cwd())
    stage = set_stage(Path.cwd(), chosen.folder.resolve())
    with sandbox(stage, SPEED, chosen.decisions):
        begun = push_project(stage)
        for model in models:
            rehearse(cast(stage, model))
        go_round(stage, models[-1])
        audit(stage, models[-1], begun)
    report(stage)


def refuse_other_engines(project: Path) -> None:
    """Stop where the people of the rehearsal do not know their way: they act on GitHub and Actions."""
    answers = read_project(project)
    if (answers.forge, answers.ci) != ("github", "github-actions"):
        raise SystemExit(
            f"the rehearsal is played on forge 'github' with ci 'github-actions'; project.yml says "
            f"{answers.forge!r} and {answers.ci!r}. There, try the loop by hand: docs/engines.md"
        )


def choose_model(project: Path) -> list[str]:
    """One model of the project; stops where there is none."""
    specs = sorted((project / "models").glob("*/model.yml"))
    if not specs:
        raise SystemExit(f"{str(project)!r} has no model to follow. Add one: mlops new MODEL")
    return [specs[-1].parent.name]


def push_project(stage: Stage) -> str:
    """The project's first commit, on the forge. GitHub starts nothing for a commit that says so.

    Returns the sandbox's time then: all that comes later is the story.
    """
    with stage.act("Push the project to the forge"):
        login = read_exports(
            stage.run(sys.executable, "-m", "sandbox", "env", shown="python -m sandbox env", quiet=True)
        )
        forge, token = login["GITHUB_SERVER_URL"], login["GITHUB_TOKEN"]
        remote = f"{forge.replace('://', f'://ada:{token}@')}/{login['GITHUB_REPOSITORY']}.git"
        stage.run("git", "init", "-q", "-b", "main")
        stage.run("git", "config", "user.name", "Ada Quist")
        stage.run("git", "config", "user.email", "ada@example.com")
        stage.run("git", "add", "-A")
        stage.run("git", "commit", "-q", "-m", "Start [skip ci]")
        stage.run("git", "remote", "add", "origin", remote, shown=f"git remote add origin {forge}/…")
        stage.run("git", "push", "-q", "-u", "origin", "main")
        return stage.python("sandbox", "clock", shown="python -m sandbox clock").strip()


def cast(stage: Stage, model: str) -> Play:
    """The people, each with the token that the sandbox gives them."""
    members = {}
    for login in ("ada", "ben", "cleo"):
        given = read_exports(
            stage.run(
                sys.executable,
                "-m",
                "sandbox",
                "env",
                "--user",
                login,
                quiet=True,
                shown="python -m sandbox env --user " + login,
            )
        )
        api = f"{given['GITHUB_API_URL']}/repos/{given['GITHUB_REPOSITORY']}"
        members[login] = Member(login, given["GITHUB_TOKEN"], api)
    return Play(stage, model, **members)


def rehearse(play: Play) -> None:
    """One model's life: to prod, a better one, a worse one, a forged pin, and back."""
    stage, model = play.stage, play.model
    push_data(stage, model)
    first_training(play)
    promote(play)
    before = ask(play, f"Ask {model} in prod")
    changes = read_changes(stage, model)
    change(play, changes["other"])
    follow(
        play, f"Follow the training that the merge started: {model} against the champion, on the same rows"
    )
    promote(play)
    between = ask(play, f"Ask {model} in prod the same")
    change(play, changes["worse"])
    follow(play, f"Follow the worse {model}: the gate stops it, and says why", fails=True)
    refuse_forged_pin(play)
    roll_back(play)
    after = ask(play, f"Ask {model} in prod the same once more")
    if not before == after != between:
        raise SystemExit(f"the answers do not tell the releases apart: {before!r}, {between!r}, {after!r}")
    console.print("Before the promotion and after the rollback: the same answer. In between: another one.")


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
        known = play.ada.known_runs()
        play.ada.dispatch("train.yml", model=play.model)
        play.ada.await_run("Train", known)
        play.stage.mlops("train", play.model, "--wait")


def promote(play: Play) -> None:
    """Through staging into prod: each time a pull request that a bot opens and people approve."""
    for environment, workflow in (("staging", "Propose"), ("prod", "Reconcile")):
        with play.stage.act(f"Promote {play.model} to {environment}: a pull request moves its pin"):
            number = await_proposal(play, workflow, f"Promote {play.model} ")
            merge_pin(play, number, environment)


def await_proposal(play: Play, workflow: str, title: str) -> int:
    """Start what runs each quarter of an hour, until it has opened the pull request."""
    for _ in range(10):
        known = play.ada.known_runs()
        play.ada.dispatch(f"{workflow.lower()}.yml")
        play.ada.await_run(workflow, known)
        number = play.ada.find_pull(title)
        if number:
            console.print(f"[bold magenta]the bot[/] opened #{number}")
            return number
    raise SystemExit(f"no pull request {title!r} was opened")


def merge_pin(play: Play, number: int, environment: str) -> None:
    """Approve a pin's pull request, merge it, and wait until AWS matches."""
    play.ada.await_check(number)
    for member in play.reviewers(environment):
        member.approve(number)
    known = play.ada.known_runs()
    play.ada.merge(number)
    play.ada.await_run("Deploy", known)
    pull(play.stage)


def pull(stage: Stage) -> None:
    """Bring the copy to main."""
    stage.run("git", "checkout", "-q", "main")
    stage.run("git", "pull", "-q", "--ff-only")


def read_changes(stage: Stage, model: str) -> dict[str, dict[str, float]]:
    """models/<model>/rehearsal.yml: hyperparameters of another good model, and of a worse one."""
    path = stage.folder / "models" / model / "rehearsal.yml"
    if not path.is_file():
        raise SystemExit(
            f"{path}: no such file. It says which hyperparameters make another model and a worse one"
        )
    changes: dict[str, dict[str, float]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return changes


def change(play: Play, hyperparameters: dict[str, float]) -> None:
    """Other hyperparameters by a pull request: what a data scientist does all day."""
    words = ", ".join(f"{name} {value}" for name, value in hyperparameters.items())
    stage, branch = play.stage, f"ada/{re.sub('[^a-z0-9]+', '-', words)}"
    with stage.act(f"Change {play.model}: {words}"):
        stage.run("git", "checkout", "-q", "-b", branch)
        path = stage.folder / "models" / play.model / "model.yml"
        text = path.read_text(encoding="utf-8")
        for name, value in hyperparameters.items():
            text = re.sub(rf"^(    {name}: ).*$", rf"\g<1>{value}", text, flags=re.MULTILINE)
        path.write_text(text, encoding="utf-8")
        stage.run("git", "commit", "-q", "-a", "-m", f"Set {words}")
        stage.run("git", "push", "-q", "origin", branch)
        number = play.ada.open_pull(branch, f"Set {words}")
        play.ada.await_check(number)
        play.ben.approve(number)
        known = play.ada.known_runs()
        play.ada.merge(number)
        play.ada.await_run("Train", known)
        pull(stage)


def follow(play: Play, title: str, fails: bool = False) -> None:
    """Follow a run that exists: the verb starts no second one."""
    with play.stage.act(title):
        play.stage.mlops("train", play.model, "--wait", fails=fails)


def refuse_forged_pin(play: Play) -> None:
    """A pin that was edited by hand ends at the check, and cannot be merged."""
    stage, pin, branch = play.stage, f"releases/prod/{play.model}.yml", f"ada/forged-{play.model}"
    with stage.act("Forge a pin: the check refuses it, and main takes no merge without the check"):
        stage.run("git", "checkout", "-q", "-b", branch)
        path = stage.folder / pin
        text = path.read_text(encoding="utf-8")
        path.write_text(re.sub(r"(sha256: )[0-9a-f]{8}", r"\g<1>00000000", text), encoding="utf-8")
        stage.run("git", "commit", "-q", "-a", "-m", "Serve something else")
        stage.run("git", "push", "-q", "origin", branch)
        number = play.ada.open_pull(branch, "Serve something else")
        play.ada.await_check(number, fails=True)
        play.ben.approve(number)
        refused = play.ada.call("PUT", f"/pulls/{number}/merge", refused=True, merge_method="squash")
        console.print(f"  {refused['message']}", style="yellow", markup=False)
        play.ada.call("PATCH", f"/pulls/{number}", state="closed")
        stage.run("git", "checkout", "-q", "main")


def roll_back(play: Play) -> None:
    """Return prod to the release before: a pull request, as every change of what is live."""
    with play.stage.act(f"Roll {play.model} back in prod: a pull request pins what was live before"):
        known = play.ada.known_runs()
        play.ada.dispatch("rollback.yml", model=play.model, environment="prod")
        play.ada.await_run("Roll back", known)
        number = play.ada.find_pull(f"Roll {play.model} back")
        if number is None:
            raise SystemExit("no pull request was opened for the rollback")
        merge_pin(play, number, "prod")


def go_round(stage: Stage, model: str) -> None:
    """Change what is live by hand, and approve in the console, with the keys of the accounts' owners."""
    with stage.act("Go round the pull requests, by hand and with the root's own keys"):
        names = read_names(stage)
        prod = replace(stage, environment={**stage.environment, **read_account(stage, "prod")})
        endpoint = ["--endpoint-name", f"{names['project']}-prod-{model}"]
        text = ["--output", "text", "--query"]
        live = prod.run("aws", "sagemaker", "describe-endpoint", *endpoint, *text, "EndpointConfigName")
        listed = prod.run(
            *("aws", "sagemaker", "list-endpoint-configs", *text, "EndpointConfigs[].EndpointConfigName"),
            *("--name-contains", f"{names['project']}-{model}-prod-"),
        )
        other = next(config for config in listed.split() if config != live.strip())
        prod.run(
            "aws", "sagemaker", "update-endpoint", *endpoint, "--endpoint-config-name", other, quiet=True
        )
        registry = f"arn:aws:sagemaker:{names['region']}:{names['accounts']['training']}:model-package"
        package = ["--model-package-arn", f"{registry}/{names['project']}-{model}/1"]
        approve = ["update-model-package", *package, "--model-approval-status", "Approved"]
        stage.run("aws", "sagemaker", *approve, quiet=True)


def audit(stage: Stage, model: str, begun: str) -> None:
    """The audit finds both, and proves all the rest."""
    with stage.act("Audit: every approval and every change of an endpoint, proved or named"):
        stage.python("sandbox", "trail", shown="python -m sandbox trail")
        names = read_names(stage)
        bucket = f"{names['project']}-trail-{names['accounts']['training']}-{names['region']}"
        stage.mlops("audit", "--trail", f"s3://{bucket}", "--since", begun, fails=True)
        stage.mlops("audit", "explain", model, "--env", "prod", fails=True)


def read_names(stage: Stage) -> Any:
    """The answers that names on AWS are made of."""
    return yaml.safe_load((stage.folder / "project.yml").read_text(encoding="utf-8"))


def read_account(stage: Stage, account: str) -> dict[str, str]:
    """The settings of one account's owner."""
    command = ["sandbox", "env", "--account", account]
    shown = f"python -m {' '.join(command)}"
    return read_exports(stage.run(sys.executable, "-m", *command, quiet=True, shown=shown))


def ask(play: Play, title: str) -> str:
    """Send one row of the model's sample to its endpoint in prod; the answer."""
    stage = play.stage
    with stage.act(title):
        keys = read_account(stage, "prod")
        session = boto3.session.Session(
            aws_access_key_id=keys["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=keys["AWS_SECRET_ACCESS_KEY"],
            region_name=keys["AWS_DEFAULT_REGION"],
        )
        runtime = session.client("sagemaker-runtime", endpoint_url=keys["AWS_ENDPOINT_URL"])
        body = sample_request(stage, play.model)
        console.print(body.decode(), markup=False, style="dim", overflow="ellipsis", no_wrap=True)
        answer = runtime.invoke_endpoint(
            EndpointName=f"{read_names(stage)['project']}-prod-{play.model}",
            ContentType="text/csv",
            Accept="application/json",
            Body=body,
        )
        text: str = answer["Body"].read().decode().strip()
        console.print(f"[bold green]{text}[/]")
        return text


def sample_request(stage: Stage, model: str) -> bytes:
    """The header and the first row of the committed sample's test side, as prepare.py writes it anywhere."""
    with tempfile.TemporaryDirectory() as prepared:
        script, sample = f"models/{model}/prepare.py", f"models/{model}/sample"
        shown = f"python {script} --input {sample} --output {prepared}"
        stage.run(sys.executable, script, "--input", sample, "--output", prepared, shown=shown, quiet=True)
        lines = (Path(prepared) / "test/features.csv").read_bytes().splitlines(keepends=True)
    return b"".join(lines[:2])


def report(stage: Stage) -> None:
    """How long it took, and what to try next."""
    total = sum(seconds for _, seconds in stage.acts)
    console.print(f"\n[bold]Done in {total:.0f} s.[/] The copy is in {stage.folder}")
    console.print("Next: start the sandbox in the copy, push a change of your own, and review it as ben:")
    console.print(f"  cd {stage.folder} && python -m sandbox up", markup=False)


if __name__ == "__main__":
    main()
