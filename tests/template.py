"""The template's tree and questions, as the tests see them."""

import itertools
import json
import subprocess
from pathlib import Path

from hooks.post_gen_project import KEEP, Answers

ROOT = Path(__file__).parents[1]
PAYLOAD = "<<cookiecutter.project>>"
# The only files with answers in them; every other file is copied byte for byte
RENDERED = frozenset({".dvc/config", ".github/CODEOWNERS", "LICENSE", "README.md", "project.yml"})

CONTEXT = json.loads((ROOT / "cookiecutter.json").read_text())
DELIMITER_STRINGS = sorted(CONTEXT["_jinja2_env_vars"].values())
QUESTIONS = [question for question in CONTEXT if not question.startswith("_")]
CHOICES = {question: CONTEXT[question] for question in QUESTIONS if isinstance(CONTEXT[question], list)}


def list_files(folder: str = ".") -> list[str]:
    """The files that git tracks or would track, relative to the root."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", folder]
    listed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return sorted(path for path in listed.split("\0") if path and (ROOT / path).is_file())


def list_payload() -> list[str]:
    return [path.removeprefix(f"{PAYLOAD}/") for path in list_files(PAYLOAD)]


def list_project(project: Path) -> list[str]:
    """The files of a baked project, relative to it."""
    return sorted(path.relative_to(project).as_posix() for path in project.rglob("*") if path.is_file())


def combine_choices() -> list[Answers]:
    """Every combination of every choice, read from the questions, so that none is forgotten."""
    return [
        dict(zip(CHOICES, combination, strict=True)) for combination in itertools.product(*CHOICES.values())
    ]


def name_choices(answers: Answers) -> str:
    """A test id that tells which choices it bakes."""
    return ",".join(f"{question}={answer}" for question, answer in answers.items())


def is_kept(path: str, answers: Answers) -> bool:
    """Whether KEEP leaves a payload file in a project with these answers."""
    return all(
        condition(answers) for row, condition in KEEP.items() if path == row or path.startswith(f"{row}/")
    )
