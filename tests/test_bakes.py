"""Projects at work: their own checks, tests, hooks and rehearsal, as a user runs them."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import make_project
from tests.template import PAYLOAD, ROOT

VENV = sys.prefix
# What git may have to be told where nobody has set it up
IDENTITY = ["-c", "user.name=Ada", "-c", "user.email=ada@example.com", "-c", "commit.gpgsign=false"]
EXAMPLES = ["yes", "no"]
# What reads the project's own files. `make test` runs the rest once, in place: a project has the same bytes
# (test_parse.py) and the same test ids (below).
TESTS = "models libs " + " ".join(f"tests/test_{name}.py" for name in ("check", "cli", "new", "plan", "spec"))


def run(project: Path, *command: str, **settings: str) -> str:
    """Run a command in a project with this virtualenv first on PATH; its output, which a failure shows."""
    env = {
        **os.environ,
        "PATH": f"{VENV}/bin{os.pathsep}{os.environ['PATH']}",
        "PYTEST_XDIST_AUTO_NUM_WORKERS": "1",  # these tests run in parallel themselves
        "PIP_NO_COMPILE": "1",  # the tools of the hooks run once: most of what is installed is never imported
        "PYTHONPATH": "",
        "TESTS": TESTS,
        **settings,
    }
    done = subprocess.run(command, cwd=project, env=env, capture_output=True, text=True)
    assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout[-6000:]}\n{done.stderr[-6000:]}"
    return done.stdout


@pytest.fixture(scope="session")
def projects(template: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """A committed project with the example models, and one without."""
    made = {}
    for examples in EXAMPLES:
        project = make_project(
            template, tmp_path_factory.mktemp(f"examples-{examples}"), {"examples": examples}
        )
        run(project, "git", "init", "--quiet", "--initial-branch=main")
        run(project, "git", "add", "--all")
        run(project, "git", *IDENTITY, "commit", "--quiet", "--message=Start from the template")
        made[examples] = project
    return made


@pytest.mark.parametrize("examples", EXAMPLES)
def test_a_new_project_passes_its_own_check_and_stays_as_it_was(
    examples: str, projects: dict[str, Path], checking: dict[str, str]
) -> None:
    run(projects[examples], "make", "check", f"VENV={VENV}", **checking)
    assert run(projects[examples], "git", "status", "--porcelain") == ""


@pytest.mark.parametrize("examples", EXAMPLES)
def test_a_new_project_passes_its_own_tests_and_stays_as_it_was(
    examples: str, projects: dict[str, Path]
) -> None:
    run(projects[examples], "make", "test", f"VENV={VENV}")
    assert run(projects[examples], "git", "status", "--porcelain") == ""


def test_the_tests_in_place_are_those_of_a_project(projects: dict[str, Path]) -> None:
    collect = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider"]
    in_place, in_a_bake = (
        sorted(line for line in run(folder, *collect).splitlines() if "::" in line)
        for folder in (ROOT / PAYLOAD, projects["yes"])
    )
    assert in_place
    assert in_place == in_a_bake


def test_the_first_model_guide_works_as_written(projects: dict[str, Path], tmp_path: Path) -> None:
    project = shutil.copytree(projects["no"], tmp_path / "project")
    guide = (project / "docs/first-model.md").read_text()
    begin, by_hand = re.findall(r"^```sh\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)[:2]
    # the virtualenv is there and on PATH already
    skipped = {"make setup", "source .venv/bin/activate"}
    typed = [line for line in begin.splitlines() if line not in skipped]
    run(project, "bash", "-c", "\n".join(["set -e", f"export VENV={VENV}", *typed, by_hand]))
    assert list((project / "build/churn/model").iterdir())


def test_the_commit_hooks_of_a_new_project_install_and_pass(projects: dict[str, Path]) -> None:
    run(projects["no"], "env", f"VENV={VENV}", "pre-commit", "run", "--all-files", "--show-diff-on-failure")


def test_a_new_project_rehearses_its_way_to_a_prediction_and_asks_for_what_is_recorded(
    projects: dict[str, Path], tmp_path: Path
) -> None:
    decisions = tmp_path / "decisions.jsonl"
    run(projects["yes"], "make", "rehearse", f"VENV={VENV}", f"DECISIONS={decisions}")
    check = [f"{VENV}/bin/python", "-m", "sandbox.record", "--check", str(decisions)]
    run(projects["yes"], "env", "PYTHONPATH=src", *check)


def test_a_release_comes_to_staging_by_builds_and_pipelines_and_the_audit_proves_it(
    template: Path, tmp_path: Path
) -> None:
    """From bootstrap to the nightly audit on AWS's own engines, each job as its buildspec says. To staging
    alone: what prod, rollback and refusals differ in is compared without training (tests/test_parity.py of
    the payload), and the whole takes minutes: `make rehearse`."""
    answers: dict[str, object] = {"examples": "yes", "forge": "codecommit", "ci": "codepipeline"}
    project = make_project(template, tmp_path, answers)
    said = run(project, f"{VENV}/bin/python", "-m", "sandbox.rehearse", "--short")
    assert "deploy-staging: Source Succeeded, Deploy Succeeded" in said
    assert "1 findings: 1 out-of-band, 3 proved;" in said, "the approval that went round, and nothing else"
