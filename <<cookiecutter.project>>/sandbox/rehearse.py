"""Follow a model to prod and back on this machine, by pull requests: `python -m sandbox.rehearse [MODEL …]`.

Works on a copy of the project, so that no commit, pin or data of yours changes. People push, review and
merge; the repository's own jobs do the rest; nothing here does what one of these could do.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.project import read_project
from sandbox.rehearsal import acts
from sandbox.rehearsal.actions import ByActions
from sandbox.rehearsal.codecommit import OnCodecommit
from sandbox.rehearsal.connected import ByConnectedPipelines, Connected
from sandbox.rehearsal.github import OnGithub
from sandbox.rehearsal.pipelines import ByBuilds
from sandbox.rehearsal.play import Play
from sandbox.stage import REFUSED, WELL, console, sandbox, set_stage

if TYPE_CHECKING:
    from sandbox.project import Project
    from sandbox.rehearsal.play import Engine, Forge
    from sandbox.stage import Stage

SPEED = "600"  # ten minutes of canary in a second, half an hour of soak in three


def main(arguments: list[str] | None = None) -> None:
    """Rehearse the models named, or the last one of the project by name."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.rehearse", description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="*", help="models to follow; by default the last one")
    parser.add_argument("--folder", type=Path, default=Path(".sandbox/rehearsal"), help="where the copy goes")
    parser.add_argument(
        "--decisions", type=Path, metavar="FILE", help="record what each role may: see sandbox/decisions.py"
    )
    parser.add_argument("--short", action="store_true", help="one release to staging, and the audit")
    chosen = parser.parse_args(arguments)
    project = read_project(Path.cwd())
    models = chosen.models or choose_model(Path.cwd())
    stage = set_stage(Path.cwd(), chosen.folder.resolve())
    forge, engine = take_sides(project, stage)
    record = ["--decisions", str(chosen.decisions.absolute())] if chosen.decisions else []
    with sandbox(stage, "--speed", SPEED, *forge.options, *record):
        plays = [Play(stage, model, forge, engine) for model in models]
        forge.begin()
        begun = stage.python("sandbox", "clock", shown="python -m sandbox clock").strip()
        for play in plays:
            acts.push_data(stage, play.model)
            acts.first_training(play)
            acts.promote(play, "staging")
            if not chosen.short:
                go_on(play)
        if not chosen.short:
            acts.go_round(stage, play.model)
        acts.approve_alone(stage, play.model)
        acts.audit(play, begun)
        if chosen.short:
            acts.explain(play, "staging", ends=WELL)
        else:
            acts.explain(play, "prod", ends=REFUSED)
    report(stage)


def choose_model(project: Path) -> list[str]:
    """One model of the project; stops where there is none."""
    specs = sorted((project / "models").glob("*/model.yml"))
    if not specs:
        raise SystemExit(f"{str(project)!r} has no model to follow. Add one: mlops new MODEL")
    return [specs[-1].parent.name]


def take_sides(project: Project, stage: Stage) -> tuple[Forge, Engine]:
    """Where the repository lives, and what runs its jobs."""
    if project.forge == "codecommit":
        codecommit = OnCodecommit(stage)
        return codecommit, ByBuilds(stage, codecommit)
    if project.ci == "codepipeline":
        connected = Connected(stage)
        return connected, ByConnectedPipelines(stage, connected)
    github = OnGithub(stage)
    return github, ByActions(stage, github)


def go_on(play: Play) -> None:
    """The life of a model that is in staging: to prod, a better one, a worse one, a forged pin, and back."""
    model = play.model
    changes = acts.read_changes(play.stage, model)
    other = acts.change(play, changes["other"])
    acts.promote(play, "prod")
    before = acts.ask(play, f"Ask {model} in prod")
    acts.merge_change(play, other)
    acts.follow(
        play, f"Follow the training that the merge started: {model} against the champion, on the same rows"
    )
    worse = acts.change(play, changes["worse"])
    acts.promote(play, "staging")
    acts.promote(play, "prod")
    between = acts.ask(play, f"Ask {model} in prod the same")
    acts.merge_change(play, worse)
    acts.refuse_forged_pin(play)
    acts.follow(play, f"Follow the worse {model}: the gate stops it, and says why", fails=True)
    acts.roll_back(play)
    after = acts.ask(play, f"Ask {model} in prod the same once more")
    if not before == after != between:
        raise SystemExit(f"the answers do not tell the releases apart: {before!r}, {between!r}, {after!r}")
    console.print("Before the promotion and after the rollback: the same answer. In between: another one.")


def report(stage: Stage) -> None:
    """How long it took, and what to try next."""
    total = sum(seconds for _, seconds in stage.acts)
    console.print(f"\n[bold]Done in {total:.0f} s.[/] The copy is in {stage.folder}")
    console.print("Next: start the sandbox in the copy, push a change of your own, and review it as ben:")
    console.print(f"  cd {stage.folder} && python -m sandbox up", markup=False)


if __name__ == "__main__":
    main()
