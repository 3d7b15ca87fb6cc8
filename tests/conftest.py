"""Isolation from the machine, a clean copy of the template, and a way to bake it."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.template import PAYLOAD, ROOT, list_files

Bake = Callable[..., Path]
# These tests and files take longest, so they begin: a worker that came to one last would delay all
LONGEST = (
    "test_a_new_project_rehearses",
    "test_the_tests_in_place",  # short: a worker keeps what comes after its first test
    "test_a_release_comes_to_staging",
    "test_buildspecs.py",
    "test_forge_judged.py",
    "test_the_commit_hooks",
    "test_a_new_project_passes",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest tests begin."""

    def place(item: pytest.Item) -> int:
        test = item.nodeid.partition("[")[0]
        return next((at for at, name in enumerate(LONGEST) if name in test), len(LONGEST))

    items.sort(key=place)


@pytest.fixture(scope="session", autouse=True)
def isolated(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nobody's HOME, git identity or AWS credentials; only the download caches are shared."""
    home = tmp_path_factory.mktemp("home")
    cache = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache"))
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("AWS_", "GIT_", "COOKIECUTTER_"))]:
            patch.delenv(name)
        for variable, folder in {"UV_CACHE_DIR": "uv", "PIP_CACHE_DIR": "pip"}.items():
            if variable not in os.environ:
                patch.setenv(variable, str(cache / folder))
        patch.setenv("HOME", str(home))
        patch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
        patch.setenv("PRE_COMMIT_HOME", str(home / "pre-commit"))
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        patch.setenv("GIT_CONFIG_NOSYSTEM", "1")
        patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
        yield


@pytest.fixture
def checking() -> Iterator[dict[str, str]]:
    """What `make check` is told of a cache that it shares with all others; one checks at a time, so that each
    finds there what the one before has learnt."""
    cache = os.environ.get("MYPY_CACHE_DIR", str(ROOT / "build/cache/mypy"))
    (ROOT / "build").mkdir(exist_ok=True)
    with (ROOT / "build/checking.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield {"MYPY_CACHE_DIR": cache}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The template as a clone would hold it: no caches, no virtualenv."""
    copy = tmp_path_factory.mktemp("template")
    for path in ["cookiecutter.json", *list_files("hooks"), *list_files(PAYLOAD)]:
        (copy / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, copy / path)
    return copy


@pytest.fixture
def bake(template: Path, tmp_path: Path) -> Bake:
    """Make a project in process; answers not given are the defaults."""

    def bake_here(**answers: object) -> Path:
        return make_project(template, tmp_path / "bakes", answers)

    return bake_here


@pytest.fixture(scope="session")
def default_project(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What a user gets who accepts every default. Shared: only read it, or run what leaves it as it is."""
    return make_project(template, tmp_path_factory.mktemp("default"), {})


def make_project(template: Path, output: Path, answers: dict[str, object]) -> Path:
    # imported late: cookiecutter reads HOME when it is imported
    from cookiecutter.main import cookiecutter

    made = cookiecutter(
        str(template), no_input=True, default_config=True, extra_context=answers, output_dir=str(output)
    )
    return Path(made)
