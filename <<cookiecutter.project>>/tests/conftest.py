"""Fixtures of the tool's tests: a small project under git, and an AWS that moto plays in process."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import subprocess
import sys
import uuid
from typing import TYPE_CHECKING, Literal

import pytest

from mlops.aws import Aws
from mlops.project import read_project
from mlops.workspace import Workspace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

    from mlops.github_forge import GithubForge
    from tests.codecommit import Counter
    from tests.codecommit import Port as CodecommitPort
    from tests.hub import Port
    from tests.live import Bench
    from tests.newcomer import Newcomer, Place
    from tests.sandbox.forge.conftest import Desk

REGION: Literal["eu-west-1"] = "eu-west-1"
ACCOUNT = "111111111111"

PROJECT = f"""\
schema: 1
template: "0.1.0"
project: acme
description: Models of the Acme company
owner_team: "@acme/ml"
forge: github
repository: acme/models
ci: github-actions
region: {REGION}
accounts:
  training: "{ACCOUNT}"
  staging: "{ACCOUNT}"
  prod: "{ACCOUNT}"
"""

SPEC = """\
schema: 1
model: {model}
description: Guesses
data: {{pointer: data/rows.csv.dvc}}
image: {{framework: sklearn, version: "1.9-0"}}
train:
  instance: ml.m5.large
  max_minutes: 10
  hyperparameters: {{depth: 3}}
gate:
  metrics:
    - {{metric: accuracy, min: 0.5}}
serve: {{instance: ml.m5.large}}
"""

POINTER = """\
outs:
- md5: 0cc175b9c0f1b6a831c399e269772661
  size: 1
  hash: md5
  path: rows.csv
"""

DVC_CONFIG = f"""\
[core]
    remote = storage
['remote "storage"']
    url = s3://acme-data-{ACCOUNT}-{REGION}/dvc
"""


# Workers take whole files (`make test`), for what a file's tests share. These take longest, so they begin: a
# worker that came to one last would keep the others waiting.
LONGEST = (
    "test_parity",
    "test_manual_approval",
    "test_connections",
    "test_loop",
    "test_by_pull_request",
    "test_train",
    "test_least_privilege_on_aws",
    "test_rollback",
    "test_refused_pins",
    "test_performed",
    "test_server",
    "test_killed",
    "test_bootstrap",
    "test_faults",
    "test_guard",
    "test_judgement",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest files begin."""
    places = {f"{name}.py": place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(places)))


@pytest.fixture(scope="session", autouse=True)
def one_loader() -> Iterator[None]:
    """Sessions share what they read of AWS's service models: each takes a tenth of a second to read."""
    import botocore.session

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(botocore.session, "create_loader", functools.cache(botocore.session.create_loader))
        yield


@pytest.fixture(scope="session")
def homes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Empty folders, without pytest's look through those of all tests before."""
    return (tmp_path_factory.getbasetemp() / f"homes/{number}" for number in itertools.count())


@pytest.fixture(autouse=True)
def isolated(homes: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """No test sees the machine's home, git configuration or AWS settings."""
    home = next(homes)
    home.mkdir(parents=True)
    for name in [name for name in os.environ if name.startswith(("AWS_", "GIT_"))]:
        monkeypatch.delenv(name)
    if "boto3" in sys.modules:  # another test may have signed in: boto3.client() would go on as that role
        monkeypatch.setattr("boto3.DEFAULT_SESSION", None)
    settings = {
        "HOME": str(home),
        "GIT_CONFIG_GLOBAL": str(home / "gitconfig"),
        "GIT_CONFIG_SYSTEM": os.devnull,
        "GIT_AUTHOR_NAME": "Ada",
        "GIT_AUTHOR_EMAIL": "ada@example.com",
        "GIT_COMMITTER_NAME": "Ada",
        "GIT_COMMITTER_EMAIL": "ada@example.com",
        "AWS_ACCESS_KEY_ID": f"AKIAROOT{ACCOUNT}",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": REGION,
        "MOTO_ACCOUNT_ID": ACCOUNT,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def aws() -> Iterator[None]:
    """An AWS in this process, empty but for the project's two buckets."""
    import boto3
    from moto import mock_aws

    with mock_aws():
        s3 = boto3.client("s3", region_name=REGION)
        for kind in ("data", "releases"):
            s3.create_bucket(
                Bucket=f"acme-{kind}-{ACCOUNT}-{REGION}",
                CreateBucketConfiguration={"LocationConstraint": REGION},
            )
        yield


@pytest.fixture(scope="session")
def live(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the project that the sandbox serves."""
    return tmp_path_factory.mktemp("live") / "project"


@pytest.fixture(scope="session")
def endpoint_url(live: Path) -> Iterator[str]:
    """A sandbox that lasts for the run; tests keep apart by the names of their models."""
    from tests.live import start_sandbox

    yield from start_sandbox(live)


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    """Three empty accounts and an empty forge, for the run; projects keep apart by their names."""
    from tests.newcomer import open_place

    yield from open_place(tmp_path_factory.mktemp("place") / "project")


@pytest.fixture
def settle(place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Newcomer]:
    """`settle(*accounts, stem=template)` begins a project of its own there, as its administrator."""
    from tests.newcomer import settle

    monkeypatch.setenv("AWS_ENDPOINT_URL", place.endpoint)
    monkeypatch.setenv("GITHUB_API_URL", place.forge)
    monkeypatch.setenv("GITHUB_TOKEN", place.tokens["ada"])
    return functools.partial(settle, place, tmp_path, monkeypatch)


@pytest.fixture
def acting(live: Path, bench: Bench, endpoint_url: str) -> Callable[[str], AbstractContextManager[None]]:
    """`with acting(role):` lets the verbs inside be one of the project's roles, as their CI jobs are."""
    from tests import duties

    return functools.partial(duties.acting, live, endpoint_url)


@pytest.fixture
def bench(workspace: Workspace, endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A project whose AWS is the sandbox."""
    from tests.live import Bench

    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
    bench = Bench(workspace.root, workspace.project, Aws(workspace.project.region))
    monkeypatch.setattr("mlops.deploy.open_counter", lambda workspace: bench.approve)
    return bench


@pytest.fixture(scope="session")
def forge_port(tmp_path_factory: pytest.TempPathFactory) -> Port:
    """Where forges are served."""
    from tests.hub import Port

    return Port(tmp_path_factory.mktemp("issuer"))


@pytest.fixture
def desk(forge_port: Port, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Desk]:
    """A forge, named by the environment; ben acts."""
    from tests.hub import open_desk

    monkeypatch.setenv("GITHUB_API_URL", f"{forge_port.server.endpoint}/api/v3")
    for desk in open_desk(forge_port, tmp_path):
        monkeypatch.setenv("GITHUB_TOKEN", desk.token("ben"))
        yield desk


@pytest.fixture
def hub(desk: Desk) -> GithubForge:
    """The forge as `mlops` sees it."""
    from mlops.github_forge import connect

    return connect(desk.forge.repository.full_name)


@pytest.fixture(scope="session")
def codecommit_port() -> CodecommitPort:
    """The web server that each test's CodeCommit stands behind."""
    from tests.codecommit import Port

    return Port()


@pytest.fixture
def counter(codecommit_port: CodecommitPort, tmp_path: Path) -> Counter:
    """CodeCommit with one repository."""
    from tests.codecommit import open_counter

    return open_counter(codecommit_port, tmp_path)


@pytest.fixture
def name() -> str:
    """A model name that no other test uses; of letters alone, as `make record` takes numbers for alike."""
    return "m" + "".join(chr(ord("a") + int(digit, 16)) for digit in uuid.uuid4().hex[:10])


@pytest.fixture(scope="session")
def first_commit(tmp_path_factory: pytest.TempPathFactory) -> Callable[[], Path]:
    """The folder that projects are copies of: git takes longer to make one."""

    @functools.cache
    def make() -> Path:
        root = tmp_path_factory.mktemp("first")
        (root / "project.yml").write_text(PROJECT)
        (root / ".dvc").mkdir()
        (root / ".dvc/config").write_text(DVC_CONFIG)
        write_model(root, "guess")
        git(root, "init", "-q", "-b", "main", "--template=")
        commit(root, "Start")
        return root

    return make


@pytest.fixture
def root(first_commit: Callable[[], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one model, `guess`, committed on main; the current folder is its root."""
    root = shutil.copytree(first_commit(), tmp_path / "my project")
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def workspace(root: Path) -> Workspace:
    """The project of `root`."""
    return Workspace(root, read_project(root))


@pytest.fixture
def make_model(root: Path) -> Callable[[str], Path]:
    """Add another model of the same kind."""
    return lambda model: write_model(root, model)


def write_model(root: Path, model: str) -> Path:
    """The files of a model whose scripts do nothing."""
    folder = root / "models" / model
    (folder / "data").mkdir(parents=True)
    (folder / "model.yml").write_text(SPEC.format(model=model))
    (folder / "data/rows.csv.dvc").write_text(POINTER)
    (folder / "requirements.lock").write_text("scikit-learn==1.9.0 \\\n    --hash=sha256:00\n")
    for script in ("prepare", "train", "evaluate", "inference"):
        (folder / f"{script}.py").write_text(f'"""{script}."""\n')
    return folder


def git(root: Path, *arguments: str) -> str:
    """Run git in a folder; its output."""
    done = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    return done.stdout.strip()


def commit(root: Path, message: str) -> str:
    """Commit everything; the commit's hash."""
    git(root, "add", "-A")
    git(root, "commit", "-q", "--allow-empty", "-m", message)
    return git(root, "rev-parse", "HEAD")


def edit(path: Path, old: str, new: str) -> None:
    """Replace a text that must be there."""
    text = path.read_text()
    assert old in text, f"{old!r} is not in {path}"
    path.write_text(text.replace(old, new))
