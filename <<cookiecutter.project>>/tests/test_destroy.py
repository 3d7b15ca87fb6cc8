"""`mlops destroy`: one untagged thing of each kind is planted, under two projects of one account."""

from __future__ import annotations

import shutil
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mlops.aws import Aws
from mlops.cli import run
from mlops.foundation import read_templates
from mlops.project import read_project
from mlops.teardown import buckets, guarding
from mlops.teardown.catalogue import KINDS
from mlops.teardown.inventory import make_scope, survey
from mlops.teardown.item import Clients, Item
from mlops.teardown.owning import owner_of
from tests.conftest import ACCOUNT, PROJECT, REGION
from tests.plants import PLANTS, Garden

PAYLOAD = Path(__file__).resolve().parents[1]
OURS, NEIGHBOUR = "zoo", "zoo-north"
# what is costly to plant twice
ONCE = {"endpoint", "execution", "network", "network-endpoint", "processing-job", "training-job", "trail"}
ONCE |= {"route-table", "security-group", "subnet"}
SHARED = guarding.PROVIDER.name  # an account has one: test_destroy_rules.py


@dataclass(frozen=True)
class Story:
    """What was there before and after a destruction, by project, and what the verb said."""

    before: dict[str, list[Item]]
    after: dict[str, list[Item]]
    codes: tuple[int, ...]


def by_project(clients: Clients, root: Path) -> dict[str, list[Item]]:
    """The things of both projects, by their names."""
    scope = make_scope(read_project(root), read_templates(root), "training")
    found = survey(clients, scope)
    assert found.unseen == (), "every kind can be listed here"
    neighbours = {NEIGHBOUR}
    return {
        each: [item for item in found.items if owner_of(item.name, OURS, neighbours) == each]
        for each in (OURS, NEIGHBOUR)
    }


@pytest.fixture(scope="module")
def zoo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of the same account."""
    root = tmp_path_factory.mktemp("zoo")
    (root / "project.yml").write_text(PROJECT.replace("project: acme", f"project: {OURS}"))
    shutil.copytree(PAYLOAD / "infra", root / "infra")
    return root


@pytest.fixture(scope="module")
def story(zoo: Path, endpoint_url: str) -> Story:
    """Plant, destroy staging, destroy training, destroy it again."""
    keys = {"AWS_ACCESS_KEY_ID": f"AKIAROOT{ACCOUNT}", "AWS_SECRET_ACCESS_KEY": "test"}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {**keys, "AWS_ENDPOINT_URL": endpoint_url, "AWS_DEFAULT_REGION": REGION}.items():
            patch.setenv(name, value)
        patch.chdir(zoo)
        clients = Clients(Aws(REGION), ACCOUNT)
        for kind in PLANTS:
            Garden(clients, OURS).plant(kind)
            if kind not in ONCE:
                Garden(clients, NEIGHBOUR).plant(kind)
        neighbours_bucket = f"{NEIGHBOUR}-data-{ACCOUNT}-{REGION}"
        clients.of("s3").create_bucket(
            Bucket=neighbours_bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        before = by_project(clients, zoo)
        commands = (["staging"], ["training"], ["training"])
        codes = tuple(run(["destroy", *words, "--yes", OURS]) for words in commands)
        return Story(before, by_project(clients, zoo), codes)


def kinds(items: list[Item]) -> Counter[str]:
    """How many things there are of each kind."""
    return Counter(item.kind for item in items)


@pytest.mark.parametrize("kind", sorted({kind.name for kind in KINDS} - {SHARED}))
def test_an_untagged_thing_of_each_kind_is_found_and_removed(kind: str, story: Story) -> None:
    assert kinds(story.before[OURS])[kind] >= 1, "what was planted is in the inventory"
    assert kinds(story.after[OURS])[kind] == 0, story.after[OURS]


def test_a_project_whose_name_goes_on_keeps_everything(story: Story) -> None:
    assert kinds(story.before[NEIGHBOUR]) == kinds(story.after[NEIGHBOUR])
    assert set(kinds(story.after[NEIGHBOUR])) == set(PLANTS) - ONCE


def test_each_run_ends_well_and_the_last_finds_nothing_to_do(story: Story) -> None:
    assert story.codes == (0, 0, 0)


def test_no_kind_lacks_a_plant() -> None:
    assert set(PLANTS) == {kind.name for kind in KINDS} - {SHARED}


@pytest.fixture
def clients(endpoint_url: str, monkeypatch: pytest.MonkeyPatch) -> Clients:
    """The sandbox's account."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint_url)
    return Clients(Aws(REGION), ACCOUNT)


def test_what_is_locked_stays_and_all_else_in_its_bucket_goes(clients: Clients, name: str) -> None:
    s3, bucket = clients.of("s3"), Item("bucket", f"ark-{name}", f"ark-{name}")
    where: Any = {"LocationConstraint": REGION}
    s3.create_bucket(Bucket=bucket.id, CreateBucketConfiguration=where, ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC) + timedelta(days=30)
    lock = {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": until}
    s3.put_object(Bucket=bucket.id, Key="kept", Body=b"12345", ChecksumAlgorithm="SHA256", **lock)
    s3.put_object(Bucket=bucket.id, Key="free", Body=b"1", ChecksumAlgorithm="SHA256")
    s3.delete_object(Bucket=bucket.id, Key="kept")
    buckets.remove_bucket(clients, bucket)
    assert [version.key for version in buckets.list_versions(clients, bucket.id)] == ["kept"]
    locked = buckets.describe_lock(clients, bucket.id)
    assert locked is not None, "the bucket is still there, and says what holds it"
    assert (locked.objects, locked.size, locked.free) == (1, 5, 0)
    assert locked.until is not None
    assert locked.until.date() == until.date()
