"""Data capture: requests and answers in S3, in the JSON lines that SageMaker writes."""

from __future__ import annotations

import base64
import json
import logging
import threading
import time
import uuid
from collections import defaultdict
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from sandbox import objects

if TYPE_CHECKING:
    from sandbox.sagemaker.instance import Reply
    from sandbox.sagemaker.store import Record
    from sandbox.world import World

log = logging.getLogger("sandbox")
FLUSH_SECONDS = 5.0
SHORTEST_PAUSE = 0.1


@dataclass(frozen=True)
class Exchange:
    """One request and its answer."""

    variant: str
    body: bytes
    headers: dict[str, str]
    reply: Reply


class Capture:
    """Captures a share of an endpoint's requests, and writes them every few seconds and at the end."""

    def __init__(self, world: World, endpoint: str, settings: Record, role: str) -> None:
        self._world = world
        self._endpoint = endpoint
        self._settings = settings
        self._role = role
        self._credit = 0
        self._lines: dict[tuple[str, str], list[str]] = defaultdict(list)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        threading.Thread(target=self._run, name=f"capture-{endpoint}", daemon=True).start()

    def take(self, exchange: Exchange) -> None:
        """Capture an exchange when it is its turn: of 25 percent, every fourth."""
        moment = self._world.clock.now()
        with self._lock:
            self._credit += self._settings["InitialSamplingPercentage"]
            if self._credit < 100:
                return
            self._credit -= 100
            place = (exchange.variant, f"{moment:%Y/%m/%d/%H}")
            self._lines[place].append(json.dumps(record(exchange, self._settings, moment)))

    def _run(self) -> None:
        pause = max(SHORTEST_PAUSE, self._world.clock.real(FLUSH_SECONDS))
        while not self._ended.wait(pause):
            self.flush()

    def flush(self) -> None:
        """Write what has come since, one object for each variant and hour."""
        with self._lock:
            lines, self._lines = self._lines, defaultdict(list)
        if not lines:
            return
        keys = self._world.assume(self._role)
        s3 = self._world.client("s3", keys)
        target = objects.parse_uri(self._settings["DestinationS3Uri"])
        key_id = self._settings.get("KmsKeyId")
        sealed = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else {}
        for (variant, hour), found in lines.items():
            name = f"{self._world.clock.now():%M-%S}-{time.time_ns() // 1000 % 1000:03}-{uuid.uuid4()}.jsonl"
            parts = (target.key.strip("/"), self._endpoint, variant, hour, name)
            key = "/".join(part for part in parts if part)
            try:
                s3.put_object(
                    Bucket=target.bucket, Key=key, Body="".join(f"{line}\n" for line in found), **sealed
                )
            except (ClientError, BotoCoreError) as error:
                log.warning("capture of endpoint %s: %s", self._endpoint, error)

    def stop(self) -> None:
        self._ended.set()
        self.flush()

    def described(self) -> Record:
        """The summary that DescribeEndpoint shows."""
        return {
            "EnableCapture": True,
            "CaptureStatus": "Started",
            "CurrentSamplingPercentage": self._settings["InitialSamplingPercentage"],
            "DestinationS3Uri": self._settings["DestinationS3Uri"],
            "KmsKeyId": self._settings.get("KmsKeyId", ""),
        }


def record(exchange: Exchange, settings: Record, moment: datetime) -> dict[str, Any]:
    """One line of a capture file."""
    modes = {option["CaptureMode"] for option in settings["CaptureOptions"]}
    sides = {
        "Input": ("endpointInput", exchange.headers.get("Content-Type", ""), exchange.body),
        "Output": ("endpointOutput", exchange.reply.kind, exchange.reply.body),
    }
    wanted = {mode: side for mode, side in sides.items() if mode in modes or "InputAndOutput" in modes}
    captured = {name: _side(mode, kind, body, settings) for mode, (name, kind, body) in wanted.items()}
    metadata: dict[str, Any] = {"eventId": str(uuid.uuid4())}
    if sent := exchange.headers.get("X-Amzn-SageMaker-Custom-Attributes"):
        metadata["customAttributes"] = [sent]
    if sent := exchange.headers.get("X-Amzn-SageMaker-Inference-Id"):
        metadata["inferenceId"] = sent
    metadata["inferenceTime"] = f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"
    return {"captureData": captured, "eventMetadata": metadata, "eventVersion": "0"}


def _side(mode: str, kind: str, body: bytes, settings: Record) -> dict[str, str]:
    encoding = _encoding(kind, settings.get("CaptureContentTypeHeader", {}))
    data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode(errors="replace")
    return {"observedContentType": kind, "mode": mode.upper(), "data": data, "encoding": encoding}


def _encoding(kind: str, headers: Record) -> str:
    """Text where the configuration says what is text; anything else in base 64."""
    plain = kind.partition(";")[0].strip().lower()
    for encoding, member in (("CSV", "CsvContentTypes"), ("JSON", "JsonContentTypes")):
        if plain in [each.lower() for each in headers.get(member, [])]:
            return encoding
    return "BASE64"
