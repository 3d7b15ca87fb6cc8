"""A sandbox of its own for tests of trails: its clock moves, and the AWS CLI validates what it delivers."""

from __future__ import annotations

import functools
import gzip
import json
import os
import re
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from .conftest import ACCOUNT, REGION, Sandbox, environment, sandbox_command

BUCKET = f"shop-trail-{ACCOUNT}-{REGION}"
TRAIL = "shop-audit"


@dataclass
class Trailed:
    """A running server and its trails."""

    sandbox: Sandbox

    @functools.cached_property
    def s3(self) -> Any:
        return self.client("s3")

    def client(self, service: str, account: str = ACCOUNT) -> Any:
        return self.sandbox.client(service, f"AKIAROOT{account}")

    def command(self, *words: str) -> str:
        """One command of the sandbox on this server; the time that it says."""
        done = sandbox_command(self.sandbox.root, *words)
        assert done.returncode == 0, done.stderr
        return done.stdout.split()[-1]

    def deliver(self) -> datetime:
        """Deliver what was recorded; the sandbox's time."""
        return datetime.fromisoformat(self.command("trail"))

    def forward(self, duration: str) -> datetime:
        return datetime.fromisoformat(self.command("clock", "--forward", duration))

    def keys(self, kind: str, account: str = ACCOUNT, region: str = REGION) -> list[str]:
        """The keys of a kind of files, oldest first."""
        prefix = f"AWSLogs/{account}/{kind}/{region}/"
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix)
        return sorted(found["Key"] for page in pages for found in page.get("Contents", []))

    def read(self, key: str) -> Any:
        return json.loads(gzip.decompress(self.body(key)))

    def body(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())

    def digests(self, account: str = ACCOUNT, region: str = REGION) -> list[dict[str, Any]]:
        return [self.read(key) for key in self.keys("CloudTrail-Digest", account, region)]

    def records(self, account: str = ACCOUNT, region: str = REGION) -> list[dict[str, Any]]:
        return [
            each for key in self.keys("CloudTrail", account, region) for each in self.read(key)["Records"]
        ]

    def replace(self, key: str, body: bytes, **more: Any) -> None:
        """Overwrite an object as an administrator could who first takes the bucket's policy away."""
        s3 = self.s3
        policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"]
        s3.delete_bucket_policy(Bucket=BUCKET)
        s3.put_object(Bucket=BUCKET, Key=key, Body=body, **more)
        s3.put_bucket_policy(Bucket=BUCKET, Policy=policy)


@dataclass(frozen=True)
class Verdict:
    """What `aws cloudtrail validate-logs` says."""

    code: int
    said: str

    def count(self, kind: str) -> tuple[int, int]:
        """How many files of a kind are valid, and of how many."""
        found = re.search(rf"(\d+)/(\d+) {kind} files valid", self.said)
        return (int(found[1]), int(found[2])) if found else (0, 0)


def validate(trailed: Trailed, account: str = ACCOUNT, region: str = REGION) -> Verdict:
    """Run the AWS CLI, unmodified, on the trail of an account in a region."""
    now = datetime.fromisoformat(trailed.command("clock"))
    words = {
        "--trail-arn": f"arn:aws:cloudtrail:{REGION}:{account}:trail/{TRAIL}",
        "--s3-bucket": BUCKET,
        "--start-time": (now - timedelta(days=30)).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "--end-time": now.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    options = [word for pair in words.items() for word in pair]
    done = subprocess.run(
        ["aws", "--region", region, "cloudtrail", "validate-logs", "--verbose", *options],
        env={
            **environment(),
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "AWS_ENDPOINT_URL": trailed.sandbox.endpoint,
            "AWS_ACCESS_KEY_ID": f"AKIAROOT{ACCOUNT}",
            "AWS_SECRET_ACCESS_KEY": "secret",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    return Verdict(done.returncode, done.stdout + done.stderr)


def await_message(sqs: Any, url: str, seconds: float = 60) -> dict[str, Any]:
    """The next event that a topic sends to a queue; a minute is what the template promises."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for message in sqs.receive_message(QueueUrl=url).get("Messages", []):
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            event: dict[str, Any] = json.loads(json.loads(message["Body"])["Message"])
            return event
        time.sleep(0.1)
    raise AssertionError(f"no message within {seconds} s")


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
