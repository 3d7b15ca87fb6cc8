"""How a trail delivers as time passes, without a server: logs, digests, keys, selectors, the clock."""

from __future__ import annotations

import gzip
import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import load_der_public_key

from sandbox.clock import Clock
from sandbox.cloudtrail import selectors
from sandbox.cloudtrail.delivery import HOUR, Chain, Delivery
from sandbox.cloudtrail.digests import Place
from sandbox.cloudtrail.keys import Keyring
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 11, 1, 12, tzinfo=UTC)
PLACE = Place("logs", "", "222222222222", "audit", "eu-west-1", "eu-west-1")


class Bucket:
    """A bucket that keeps what it is given, unless it is closed."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.metadata: dict[str, dict[str, str]] = {}
        self.closed = False

    def put(self, place: Place, key: str, body: bytes, metadata: Any = None, *, kms: str = "") -> None:
        if self.closed:
            raise ServiceError("AccessDenied", "closed")
        self.objects[key], self.metadata[key] = body, metadata or {}

    def documents(self, kind: str) -> list[dict[str, Any]]:
        """The documents of a kind, oldest first."""
        keys = sorted(key for key in self.objects if f"/{kind}/" in key)
        return [json.loads(gzip.decompress(self.objects[key])) for key in keys]


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture(scope="module")
def keyring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def delivery(bucket: Bucket, keyring: Keyring) -> Delivery:
    return Delivery(bucket, keyring)  # type: ignore[arg-type]


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def call(chain: Chain, minutes: float) -> None:
    """A call that many minutes after the start."""
    text = f"{at(minutes):%Y-%m-%dT%H:%M:%SZ}"
    chain.add(text, json.dumps({"eventTime": text}).encode())


def test_a_log_comes_five_minutes_after_its_first_call(delivery: Delivery, bucket: Bucket) -> None:
    chain = Chain(PLACE, START)
    for minutes in (1, 2, 7):
        call(chain, minutes)
    delivery.advance(chain, at(5), validated=True)
    assert bucket.objects == {}
    delivery.advance(chain, at(6), validated=True)
    (log,) = bucket.documents("CloudTrail")
    assert [each["eventTime"] for each in log["Records"]] == ["2026-11-01T12:01:00Z", "2026-11-01T12:02:00Z"]


def test_time_that_jumps_leaves_the_same_hours_as_time_that_passes(
    delivery: Delivery, bucket: Bucket, keyring: Keyring
) -> None:
    jumped, passed, other = Chain(PLACE, START), Chain(PLACE, START), Bucket()
    for chain in (jumped, passed):
        for minutes in (3, 58, 130):
            call(chain, minutes)
    delivery.advance(jumped, at(400), validated=True)
    for minutes in range(401):
        Delivery(other, keyring).advance(passed, at(minutes), validated=True)  # type: ignore[arg-type]
    for mine, theirs in zip(
        bucket.documents("CloudTrail-Digest"), other.documents("CloudTrail-Digest"), strict=True
    ):
        assert mine["digestEndTime"] == theirs["digestEndTime"]
        assert len(mine["logFiles"]) == len(theirs["logFiles"])
    assert len(bucket.documents("CloudTrail-Digest")) == 6


def test_a_call_of_an_hours_last_minutes_stands_in_the_next_digest(
    delivery: Delivery, bucket: Bucket
) -> None:
    chain = Chain(PLACE, START)
    call(chain, 58)
    delivery.advance(chain, at(120), validated=True)
    assert [len(each["logFiles"]) for each in bucket.documents("CloudTrail-Digest")] == [0, 1]


def test_each_digest_signs_itself_and_the_one_before(
    delivery: Delivery, bucket: Bucket, keyring: Keyring
) -> None:
    delivery.advance(Chain(PLACE, START), at(180), validated=True)
    public = keyring.at("eu-west-1", START).private.public_key()
    found: list[dict[str, Any]] = bucket.documents("CloudTrail-Digest")
    for before, digest in zip([None, *found], found, strict=False):
        key = digest["digestS3Object"]
        content = gzip.decompress(bucket.objects[key])
        link = digest["previousDigestSignature"] or "null"
        lines = [digest["digestEndTime"], f"logs/{key}", hashlib.sha256(content).hexdigest(), link]
        signature = bytes.fromhex(bucket.metadata[key]["signature"])
        public.verify(signature, "\n".join(lines).encode(), padding.PKCS1v15(), hashes.SHA256())
        if before:
            last = gzip.decompress(bucket.objects[before["digestS3Object"]])
            assert digest["previousDigestHashValue"] == hashlib.sha256(last).hexdigest()
            assert link == bucket.metadata[before["digestS3Object"]]["signature"]


def test_a_log_is_listed_by_its_hash_and_the_times_in_it(delivery: Delivery, bucket: Bucket) -> None:
    chain = Chain(PLACE, START)
    call(chain, 1)
    call(chain, 4)
    delivery.flush(chain, at(5), validated=True)
    (digest,) = bucket.documents("CloudTrail-Digest")
    (log,) = digest["logFiles"]
    content = gzip.decompress(bucket.objects[log["s3Object"]])
    assert log["hashValue"] == hashlib.sha256(content).hexdigest()
    assert (log["oldestEventTime"], log["newestEventTime"]) == (
        "2026-11-01T12:01:00Z",
        "2026-11-01T12:04:00Z",
    )
    assert (digest["digestStartTime"], digest["digestEndTime"]) == (
        "2026-11-01T12:00:00Z",
        "2026-11-01T12:05:00Z",
    )


def test_what_a_closed_bucket_refuses_is_lost_to_nobody(delivery: Delivery, bucket: Bucket) -> None:
    chain = Chain(PLACE, START)
    call(chain, 1)
    bucket.closed = True
    with pytest.raises(ServiceError, match="AccessDenied"):
        delivery.advance(chain, at(90), validated=True)
    call(chain, 91)
    bucket.closed = False
    delivery.flush(chain, at(100), validated=True)
    records = [each for log in bucket.documents("CloudTrail") for each in log["Records"]]
    assert len(records) == 2
    assert [len(each["logFiles"]) for each in bucket.documents("CloudTrail-Digest")] == [1, 1]


def test_calls_that_would_fill_the_memory_are_delivered_at_once(
    delivery: Delivery, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sandbox.cloudtrail.delivery.LARGEST", 100)
    chain = Chain(PLACE, START)
    for _ in range(5):
        call(chain, 1)
    delivery.advance(chain, at(2), validated=True)
    (log,) = bucket.documents("CloudTrail")
    assert len(log["Records"]) == 5
    assert chain.weight() == 0


def test_a_trail_without_validation_has_logs_and_no_digest(delivery: Delivery, bucket: Bucket) -> None:
    chain = Chain(PLACE, START)
    call(chain, 1)
    delivery.advance(chain, at(180), validated=False)
    assert len(bucket.documents("CloudTrail")) == 1
    assert bucket.documents("CloudTrail-Digest") == []


def test_keys_are_exchanged_after_a_month_and_outlive_the_server(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path)
    first = keyring.at("eu-west-1", START)
    second = keyring.at("eu-west-1", START + timedelta(days=31))
    assert first.fingerprint != second.fingerprint
    assert keyring.at("eu-west-1", START + timedelta(days=1)) is first
    assert [key.fingerprint for key in keyring.published("eu-west-1", START, START + HOUR)] == [
        first.fingerprint
    ]
    assert keyring.published("us-east-1", START, START + HOUR) == []
    again = Keyring(tmp_path)
    assert [key.fingerprint for key in again.of("eu-west-1")] == [first.fingerprint, second.fingerprint]


def test_a_public_key_is_der_of_pkcs1(keyring: Keyring) -> None:
    key = keyring.at("eu-west-1", START)
    assert load_der_public_key(key.public) == key.private.public_key()
    assert key.public[:4] == b"\x30\x82\x01\x0a"  # a sequence of two integers, and no algorithm before it


def record(**changes: Any) -> dict[str, Any]:
    plain = {
        "eventSource": "s3.amazonaws.com",
        "eventName": "PutObject",
        "eventCategory": "Data",
        "managementEvent": False,
        "readOnly": False,
        "resources": [
            {"type": "AWS::S3::Object", "ARN": "arn:aws:s3:::b/releases/x"},
            {"type": "AWS::S3::Bucket", "ARN": "arn:aws:s3:::b"},
        ],
    }
    return {**plain, **changes}


MANAGED = record(eventName="CreateTrail", eventCategory="Management", managementEvent=True, resources=[])
READ = {**MANAGED, "readOnly": True}


def advanced(**fields: Any) -> dict[str, Any]:
    return {"FieldSelectors": [{"Field": name.replace("_", "."), **ways} for name, ways in fields.items()]}


@pytest.mark.parametrize(
    ("selector", "found", "taken"),
    [
        (selectors.DEFAULT, MANAGED, True),
        (selectors.DEFAULT, READ, True),
        (selectors.DEFAULT, record(), False),
        ({"ReadWriteType": "WriteOnly"}, READ, False),
        ({"ReadWriteType": "ReadOnly"}, MANAGED, False),
        ({"IncludeManagementEvents": False}, MANAGED, False),
        ({"ExcludeManagementEventSources": ["s3.amazonaws.com"]}, MANAGED, False),
        ({"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::b/"]}]}, record(), True),
        ({"DataResources": [{"Type": "AWS::S3::Object", "Values": ["arn:aws:s3:::c/"]}]}, record(), False),
        ({"DataResources": [{"Type": "AWS::Lambda::Function", "Values": ["arn"]}]}, record(), False),
        (advanced(eventCategory={"Equals": ["Management"]}), MANAGED, True),
        (advanced(eventCategory={"Equals": ["Management"]}), record(), False),
        (advanced(readOnly={"Equals": ["true"]}), MANAGED, False),
        (advanced(eventName={"NotEquals": ["PutObject"]}), record(), False),
        (advanced(eventName={"NotStartsWith": ["Get"], "EndsWith": ["Object"]}), record(), True),
        (
            advanced(
                resources_type={"Equals": ["AWS::S3::Object"]},
                resources_ARN={"StartsWith": ["arn:aws:s3:::b/releases/"]},
            ),
            record(),
            True,
        ),
        (
            advanced(
                resources_type={"Equals": ["AWS::S3::Object"]},
                resources_ARN={"StartsWith": ["arn:aws:s3:::b/evidence/"]},
            ),
            record(),
            False,
        ),
    ],
)
def test_a_selector_takes_what_cloudtrail_documents(
    selector: dict[str, Any], found: dict[str, Any], taken: bool
) -> None:
    assert selectors.selects([selector], found) is taken


@pytest.mark.parametrize(
    ("basic", "more", "said"),
    [
        ([], [], "Exactly one of"),
        ([selectors.DEFAULT], [advanced(eventCategory={"Equals": ["Data"]})], "Exactly one of"),
        ([], [advanced(eventCategory={"Equals": ["Insight"]})], "must equal Management or Data"),
        ([], [advanced(eventCategory={"Equals": ["Data"]})], "must equal one resources.type"),
        ([], [advanced(vpcEndpointId={"Equals": ["v"]})], "not by vpcEndpointId"),
    ],
)
def test_selectors_that_select_nothing_sensible_are_refused(
    basic: list[Any], more: list[Any], said: str
) -> None:
    with pytest.raises(ServiceError, match=said):
        selectors.check(basic, more)


@pytest.mark.parametrize("speed", [1, 600])
def test_a_moved_clock_tells_the_wall_time_of_before_as_before(speed: float) -> None:
    clock = Clock(speed)
    wall = datetime.now(UTC).timestamp()
    before = clock.of_wall(wall)
    clock.move(3600)
    assert clock.time() - before >= 3600
    assert clock.of_wall(wall) == before
    assert clock.of_wall(datetime.now(UTC).timestamp()) - before >= 3600


def test_time_moves_forward_only() -> None:
    with pytest.raises(ValueError, match="time only moves forward"):
        Clock().move(-1)
