"""`mlops audit` over millions of events, beside what one would write by hand: `python audit.py [EVENTS]`.

Beside it, in the same run and on one processor: a loop that only unpacks and hashes every file, one that also
decodes every record with json.loads (on a tenth, scaled), and jq where it is on PATH (on a tenth, scaled).
Faults are planted; a run that misses one, or finds another, is no result. Contents repeat (hard links), so
that millions of events need no disk of their own. Then what is done every hour: a run from a checkpoint with
one new hour, beside a run without; and digests alone, beside a loop that only verifies their signatures.
"""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key
from measure import PAYLOAD, Result, run, timed

sys.path.insert(0, str(PAYLOAD / "src"))
sys.path.insert(0, str(PAYLOAD))
sys.path.insert(0, str(PAYLOAD / "tests/audit"))
sys.path.insert(0, str(PAYLOAD / "tests"))

from conftest import DVC_CONFIG, PROJECT, write_model  # type: ignore[import-not-found]
from sandbox.trails import callers, records, story
from sandbox.trails.writer import Writer, compact, pack
from world import World  # type: ignore[import-not-found]

if TYPE_CHECKING:
    from collections.abc import Callable

EVENTS = 1_000_000
A_FILE = 5_000  # events
CONTENTS = 8  # distinct files
PROMOTIONS = 50
SHARE = 10  # of the files, for the slow ways
BUDGET_RATE = 150_000  # events a second and processor
BUDGET_MEMORY = 300  # MB
BUDGET_HOUR = 5.0  # seconds
BUDGET_DIGESTS = 10_000  # a second
DIGESTS = 4_000
STAMP = re.compile(r"_(\d{8}T\d{4})(?:\d\d)?Z[_.]")  # in the name of a log or digest
FAULTS = ["attempt", "console-approval", "key-changed", "stranger", "trail-changed"]


def main() -> None:
    """Plant, measure, compare."""
    events = int(sys.argv[1]) if len(sys.argv) > 1 else EVENTS
    with tempfile.TemporaryDirectory() as folder:
        world = plant(Path(folder) / "project", events)
        files = sorted(world.folder.glob("AWSLogs/*/CloudTrail/**/*.json.gz"))
        print(f"{len(files)} files, {PROMOTIONS} promotions, {len(FAULTS)} faults", flush=True)
        ours, memory = measure_verb(world)
        few = files[::SHARE]
        scale = len(files) / len(few)
        bare = timed(lambda: loop(files, check))
        say(f"audit of {events} events", ours, "unpack and hash only", bare, events)
        say("the same", ours, "json.loads", scale * timed(lambda: loop(few, decode)), events)
        if shutil.which("jq"):
            say("the same", ours, "jq", scale * timed(lambda: ask_jq(few)), events)
        verdict = "within" if memory <= BUDGET_MEMORY else "OVER"
        print(f"peak memory of a process: {memory:.0f} MB ({verdict} {BUDGET_MEMORY} MB)")
        print(Result("an hour from a checkpoint", measure_hour(world), "all without one", ours, BUDGET_HOUR))
        measure_digests(Path(folder) / "chain")


def say(what: str, ours: float, other: str, theirs: float, events: int) -> None:
    """A ratio, and both rates."""
    budget = events / BUDGET_RATE / (os.cpu_count() or 1)
    print(Result(what, ours, other, theirs, budget))
    print(f"  {events / ours:,.0f} events/s against {events / theirs:,.0f}", flush=True)


def plant(root: Path, events: int) -> World:
    """A project with promotions, faults, and a trail full of others' calls."""
    world = open_world(root, hours=PROMOTIONS + 8)
    for number in range(PROMOTIONS):
        world.promote("staging", "0123456789abcdef"[number % 16], number + 1, first=number == 0)
    plant_faults(world)
    fill(world, events)
    world.settle()
    return world


def open_world(root: Path, hours: int) -> World:
    """A repository with one model."""
    root.mkdir()
    (root / "project.yml").write_text(PROJECT.replace('staging: "111111111111"', 'staging: "222222222222"'))
    (root / ".dvc").mkdir()
    (root / ".dvc/config").write_text(DVC_CONFIG)
    write_model(root, "guess")
    for name in ("AUTHOR_NAME", "AUTHOR_EMAIL", "COMMITTER_NAME", "COMMITTER_EMAIL"):
        os.environ[f"GIT_{name}"] = "bench@example.com"
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "Start"]):
        run(["git", *command], root)
    capture: Any = None
    world = World(root, capture, hours=hours)
    world.writer.accounts = ("111111111111", "222222222222")
    return world


def plant_faults(world: World) -> None:
    """Five things that a stranger did."""
    site, at = world.site, world.at(PROMOTIONS + 2)
    pinned = world.promote("staging", "a", PROMOTIONS + 1)
    package = {"modelPackageArn": pinned.package, "modelApprovalStatus": "Approved"}
    here, there = (callers.user(account, "mallory") for account in (site.training, site.staging))

    def call(name: str, service: str, request: dict[str, str], error: str = "") -> None:
        place = (site.training, site.region)
        world.writer.add(records.call(name, service, here, at, *place, request, error=error))

    call("UpdateModelPackage", "sagemaker", package)
    call("UpdateModelPackage", "sagemaker", package, error="AccessDenied")
    call("DisableKey", "kms", {"keyId": "1234"})
    call("UpdateTrail", "cloudtrail", {"name": "audit"})
    world.writer.add(story.move(site, pinned, there, at, config="acme-guess-staging-0123456789ab"))


def fill(world: World, events: int) -> None:
    """Files of calls that concern nobody here."""
    contents = [pack(compact({"Records": [noise(world) for _ in range(A_FILE)]})) for _ in range(CONTENTS)]
    files = events // A_FILE
    step = timedelta(hours=PROMOTIONS + 6) / files
    moments = (world.at(0.1) + number * step for number in range(files))
    world.writer.fill("222222222222", "eu-west-1", moments, contents)


def noise(world: World) -> dict[str, Any]:
    """A call of somebody else, as long as real ones are."""
    items = [{"instanceId": f"i-{random.getrandbits(68):017x}"} for _ in range(16)]
    who = callers.role_session("222222222222", "app", f"{random.getrandbits(40):x}", "ASIAAPP")
    request = {"instancesSet": {"items": items}}
    at, account = world.at(1), "222222222222"
    made = records.call("DescribeInstances", "ec2", who, at, account, "eu-west-1", request, read_only=True)
    return dict(made)


def measure_hour(world: World) -> float:
    """Seconds of a run that goes on from a checkpoint and finds one more hour in the folder."""
    aside = world.root / "aside"
    last = f"{world.writer.end - timedelta(hours=1):%Y%m%dT%H%M}"
    late = [path for path in world.folder.glob("AWSLogs/**/*.json.gz") if is_after(path.name, last)]
    for path in late:
        move_file(path, aside / path.relative_to(world.folder))
    until = (world.writer.end - timedelta(hours=1)).isoformat()
    measure_verb(world, "--checkpoint", "checkpoint.json", "--until", until, "--now", until)
    for path in late:
        move_file(aside / path.relative_to(world.folder), path)
    return measure_verb(world, "--checkpoint", "checkpoint.json")[0]


def is_after(name: str, moment: str) -> bool:
    """Whether a log or digest is of a later time."""
    found = STAMP.search(name)
    return found is not None and found[1] > moment


def move_file(source: Path, target: Path) -> None:
    """Move a file, with its folders."""
    target.parent.mkdir(parents=True, exist_ok=True)
    source.rename(target)


def measure_digests(folder: Path) -> None:
    """A chain of digests, verified whole, beside a loop that only verifies signatures."""
    from mlops.audit.integrity import verify_digests
    from mlops.audit.store import open_store

    account, region = "111111111111", "eu-west-1"
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    bucket = f"acme-trail-{account}-{region}"
    writer = Writer(bucket, (account,), (region,), begin, begin + timedelta(hours=DIGESTS))
    writer.close()
    writer.save(folder)
    store = open_store(folder)
    known, problems = verify_digests(store, None)
    if problems or len(known) != DIGESTS:
        raise SystemExit(f"{len(known)} of {DIGESTS} digests verified: {problems[:1]}")
    ours = timed(lambda: verify_digests(store, None))
    bare = timed(lambda: verify_signatures(folder, store.signatures, store.keys[region]))
    budget = DIGESTS / BUDGET_DIGESTS
    print(Result(f"{DIGESTS} digests verified", ours, "their signatures alone", bare, budget))
    print(f"  {DIGESTS / ours:,.0f} digests/s against {DIGESTS / bare:,.0f}", flush=True)


def verify_signatures(folder: Path, signatures: dict[str, Any], keys: list[dict[str, Any]]) -> None:
    """What a script does that knows the format: unpack, hash, verify; no link, no place, no gap."""
    public = {key["Fingerprint"]: load_der_public_key(base64.b64decode(key["Value"])) for key in keys}
    for name, said in signatures.items():
        content = gzip.decompress((folder / name).read_bytes())
        document = json.loads(content)
        place = f"{document['digestS3Bucket']}/{document['digestS3Object']}"
        previous = document["previousDigestSignature"] or "null"
        digest = hashlib.sha256(content).hexdigest()
        text = "\n".join([document["digestEndTime"], place, digest, previous]).encode()
        key: Any = public[document["digestPublicKeyFingerprint"]]
        key.verify(bytes.fromhex(said["signature"]), text, PKCS1v15(), SHA256())


def measure_verb(world: World, *options: str) -> tuple[float, float]:
    """Seconds of the verb as a process, and the most memory that one process took, in MB."""
    command = [sys.executable, "-m", "mlops.cli", "audit", "--format", "json", "--output", "report.json"]
    command += options
    environment = {**os.environ, "PYTHONPATH": str(PAYLOAD / "src")}
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=world.root, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    report = json.loads((world.root / "report.json").read_text())
    rules = sorted({finding["rule"] for finding in report["findings"]})
    if rules != FAULTS or os.waitstatus_to_exitcode(status) != 1:
        raise SystemExit(f"the audit found {rules}, planted were {FAULTS}; {report['summary']}")
    return seconds, usage.ru_maxrss / 1024


def loop(files: list[Path], act: Callable[[bytes], object]) -> None:
    """A script's loop over files."""
    for path in files:
        act(gzip.decompress(path.read_bytes()))


def check(content: bytes) -> object:
    """The hash alone."""
    return hashlib.sha256(content).hexdigest()


def decode(content: bytes) -> object:
    """The hash, and every record."""
    hashlib.sha256(content).hexdigest()
    return [record for record in json.loads(content)["Records"] if record["eventName"] == "UpdateEndpoint"]


def ask_jq(files: list[Path]) -> None:
    """What AWS's own articles show."""
    program = '.Records[] | select(.eventName == "UpdateEndpoint")'
    for path in files:
        content = gzip.decompress(path.read_bytes())
        subprocess.run(["jq", program], input=content, capture_output=True, check=True)


if __name__ == "__main__":
    main()
