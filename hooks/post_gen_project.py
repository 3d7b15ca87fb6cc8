"""Deletes what was not chosen; cookiecutter runs this in the new project's folder."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path

Answers = dict[str, str]


def with_examples(answers: Answers) -> bool:
    return answers["examples"] == "yes"


def on_github(answers: Answers) -> bool:
    return answers["forge"] == "github"


def on_codecommit(answers: Answers) -> bool:
    return answers["forge"] == "codecommit"


def by_github_actions(answers: Answers) -> bool:
    return answers["ci"] == "github-actions"


def by_codepipeline(answers: Answers) -> bool:
    return answers["ci"] == "codepipeline"


# A row per path that some answers remove; anything else is in every project.
# Inner paths come before the folder that holds them.
KEEP: dict[str, Callable[[Answers], bool]] = {
    "libs/tabular": with_examples,
    "models/diabetes": with_examples,
    "models/tumor": with_examples,
    "buildspec": by_codepipeline,
    "infra/codecommit.yml": on_codecommit,
    "infra/events.yml": by_github_actions,
    "infra/pipeline.yml": by_codepipeline,
    ".github/dependabot.yml": by_github_actions,
    ".github/environments": by_github_actions,
    ".github/workflows": by_github_actions,
    ".github": on_github,
}

# A clone that somebody worked in has these too: git ignores them, cookiecutter copies them
LEFTOVERS = (".mypy_cache", ".pytest_cache", ".ruff_cache", ".sandbox", ".venv", "build")


def delete_unchosen(project: Path, answers: Answers) -> None:
    """Removes the rows whose condition fails. A row that names nothing is a mistake in KEEP."""
    missing = [path for path in KEEP if not (project / path).exists()]
    if missing:
        raise FileNotFoundError(
            f"hooks/post_gen_project.py: KEEP names {missing!r}, which the template lacks"
        )
    for path, condition in KEEP.items():
        if not condition(answers):
            remove(project / path)


def delete_leftovers(project: Path) -> None:
    for path in [*map(project.joinpath, LEFTOVERS), *project.rglob("__pycache__")]:
        if path.exists():
            remove(path)


def remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink()


if __name__ == "__main__":
    # JSON in a raw string: tojson escapes quotes, so no answer can end the literal
    delete_leftovers(Path.cwd())
    delete_unchosen(Path.cwd(), json.loads(r"""<< cookiecutter | tojson >>"""))
