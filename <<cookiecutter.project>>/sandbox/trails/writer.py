"""Deliver records as CloudTrail does: gzip logs, and hourly signed digests in a chain."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.trails.signing import SigningKey, make_key

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

Record = dict[str, Any]
HOUR = timedelta(hours=1)
LATE = timedelta(minutes=7)  # from a call to its record's delivery
STAMP = "%Y-%m-%dT%H:%M:%SZ"


def pack(content: bytes) -> bytes:
    """gzip, the same bytes for the same content."""
    return gzip.compress(content, 6, mtime=0)


def compact(value: Any) -> bytes:
    """JSON on one line, as the service writes it."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode()


@dataclass
class Chain:
    """The last digest of an account and region: what the next one links to."""

    key: str = ""
    sha256: str = ""
    signature: str = ""


@dataclass
class Writer:
    """A bucket under one trail. `start` and `end` bound the hours that have a digest."""

    bucket: str
    accounts: tuple[str, ...]
    regions: tuple[str, ...]
    start: datetime
    end: datetime
    trail: str = "audit"
    prefix: str = ""
    organization: str = ""
    keys: list[SigningKey] = field(default_factory=list)
    silent: list[tuple[datetime, datetime]] = field(default_factory=list)
    objects: dict[str, bytes] = field(default_factory=dict)
    signatures: dict[str, dict[str, str]] = field(default_factory=dict)
    _hashes: dict[str, str] = field(default_factory=dict)
    _records: dict[tuple[str, str, datetime], list[Record]] = field(default_factory=lambda: defaultdict(list))
    _logs: dict[tuple[str, str], list[tuple[datetime, str]]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def __post_init__(self) -> None:
        if not self.keys:
            self.keys = [make_key(self.start - 24 * HOUR, self.end + 8760 * HOUR)]

    def add(self, record: Record, late: timedelta = LATE) -> None:
        """Deliver a record some minutes after its call."""
        moment = datetime.strptime(record["eventTime"], STAMP).replace(tzinfo=UTC) + late
        slot = moment.replace(minute=moment.minute - moment.minute % 5, second=0, microsecond=0)
        self._records[(record["recipientAccountId"], record["awsRegion"], slot)].append(record)

    def extend(self, records: Iterable[Record]) -> None:
        """Deliver records."""
        for record in records:
            self.add(record)

    def close(self) -> None:
        """Write every log and every digest."""
        for (account, region, moment), records in sorted(self._records.items(), key=lambda item: item[0]):
            if not self._is_silent(moment):
                self.deliver(account, region, moment, {"Records": records})
        self.sign()

    def sign(self) -> None:
        """Write every digest, of the logs as they are now."""
        for account in self.accounts:
            for region in self.regions:
                self._write_chain(account, region)

    def deliver(self, account: str, region: str, moment: datetime, document: Any, listed: bool = True) -> str:
        """Write one log file; its key. One that is not `listed` stands in no digest."""
        content = compact(document)
        unique = hashlib.sha256(content + region.encode() + str(moment).encode()).hexdigest()[:16]
        key = self.log_key(account, region, moment, unique)
        self.objects[key] = pack(content)
        if listed:
            self._logs[(account, region)].append((moment, key))
        return key

    def log_key(self, account: str, region: str, moment: datetime, unique: str) -> str:
        """The key of a log file."""
        day = f"{self.root(account)}/CloudTrail/{region}/{moment:%Y/%m/%d}"
        return f"{day}/{account}_CloudTrail_{region}_{moment:%Y%m%dT%H%MZ}_{unique}.json.gz"

    def fill(self, account: str, region: str, moments: Iterable[datetime], contents: Sequence[bytes]) -> None:
        """Deliver packed files over and over, as many as there are moments: a trail of any size."""
        hashes = [hashlib.sha256(gzip.decompress(content)).hexdigest() for content in contents]
        for number, moment in enumerate(moments):
            key = self.log_key(account, region, moment, f"{number:016d}")
            self.objects[key] = contents[number % len(contents)]
            self._hashes[key] = hashes[number % len(contents)]
            self._logs[(account, region)].append((moment, key))

    def root(self, account: str) -> str:
        """The folder of an account."""
        parts = [self.prefix, "AWSLogs", self.organization, account]
        return "/".join(part for part in parts if part)

    def _is_silent(self, moment: datetime) -> bool:
        return any(since <= moment < until for since, until in self.silent)

    def _write_chain(self, account: str, region: str) -> None:
        chain, moment = Chain(), self.start
        logs = sorted(self._logs[(account, region)])
        while moment < self.end:
            if self._is_silent(moment):
                chain = Chain()
            else:
                own = [key for delivered, key in logs if moment <= delivered < moment + HOUR]
                chain = self.write_digest(account, region, moment, own, chain)
            moment += HOUR

    def write_digest(
        self, account: str, region: str, moment: datetime, logs: list[str], last: Chain, suffix: str = ""
    ) -> Chain:
        """Sign the digest of an hour; what the next one links to."""
        end = moment + HOUR
        signer = next(key for key in self.keys if key.since <= end < key.until)
        day = f"{self.root(account)}/CloudTrail-Digest/{region}/{end:%Y/%m/%d}"
        name = f"{account}_CloudTrail-Digest_{region}_{self.trail}_{self.regions[0]}_{end:%Y%m%dT%H%M%SZ}"
        key = f"{day}/{name}{suffix}.json.gz"
        document = self._digest(account, key, moment, logs, last, signer.fingerprint)
        content = compact(document)
        digest = hashlib.sha256(content).hexdigest()
        text = "\n".join(
            [document["digestEndTime"], f"{self.bucket}/{key}", digest, last.signature or "null"]
        )
        self.objects[key] = pack(content)
        self.signatures[key] = {"signature": signer.sign(text), "signature-algorithm": "SHA256withRSA"}
        if suffix:
            self.signatures[key]["backfill-generation-timestamp"] = end.strftime(STAMP)
        return Chain(key, digest, self.signatures[key]["signature"])

    def _digest(
        self, account: str, key: str, moment: datetime, logs: list[str], last: Chain, fingerprint: str
    ) -> dict[str, Any]:
        times = [time for log in logs for time in self._times(log)]
        linked = bool(last.key)
        return {
            "awsAccountId": account,
            "digestStartTime": moment.strftime(STAMP),
            "digestEndTime": (moment + HOUR).strftime(STAMP),
            "digestS3Bucket": self.bucket,
            "digestS3Object": key,
            "digestPublicKeyFingerprint": fingerprint,
            "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": max(times, default=None),
            "oldestEventTime": min(times, default=None),
            "previousDigestS3Bucket": self.bucket if linked else None,
            "previousDigestS3Object": last.key or None,
            "previousDigestHashValue": last.sha256 or None,
            "previousDigestHashAlgorithm": "SHA-256" if linked else None,
            "previousDigestSignature": last.signature or None,
            "logFiles": [self._listed(log) for log in logs],
        }

    def _listed(self, log: str) -> dict[str, Any]:
        times = self._times(log)
        known = self._hashes.get(log)
        return {
            "s3Bucket": self.bucket,
            "s3Object": log,
            "hashValue": known or hashlib.sha256(gzip.decompress(self.objects[log])).hexdigest(),
            "hashAlgorithm": "SHA-256",
            "newestEventTime": max(times, default=None),
            "oldestEventTime": min(times, default=None),
        }

    def _times(self, log: str) -> list[str]:
        if log in self._hashes:
            return []
        found = json.loads(gzip.decompress(self.objects[log]))["Records"]
        return [record["eventTime"] for record in found if "eventTime" in record]

    def save(self, folder: Path) -> None:
        """Write what `mlops audit --fetch` would have brought: objects, signatures, public keys, the time."""
        first: dict[int, Path] = {}
        for key, content in self.objects.items():
            path = folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True)
            if key in self._hashes and id(content) in first:
                path.hardlink_to(first[id(content)])
                continue
            path.write_bytes(content)
            first[id(content)] = path
        (folder / "signatures.json").write_bytes(compact(self.signatures))
        published = {region: [key.describe() for key in self.keys] for region in self.regions}
        (folder / "keys.json").write_bytes(compact(published))
        (folder / "fetched.json").write_bytes(
            compact({"bucket": self.bucket, "at": self.end.strftime(STAMP)})
        )
