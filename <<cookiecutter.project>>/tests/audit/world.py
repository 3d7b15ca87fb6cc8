"""A project, its clone and its trail, told as a story: what a scenario plants, the auditor must find."""

from __future__ import annotations

import json
import os
import subprocess
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from mlops import cli
from mlops.pin import dump_pin, make_pin
from mlops.release import Archive, Artifact
from mlops.serving import Fleet, Serving
from sandbox.trails import records, story
from sandbox.trails.site import Pinned, Site
from sandbox.trails.writer import Writer

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

START = datetime(2026, 11, 20, tzinfo=UTC)
HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
DATA = "0cc175b9c0f1b6a831c399e269772661"
SITE = Site("acme", "111111111111", "222222222222", "333333333333", "eu-west-1", "acme/models")


@dataclass(frozen=True)
class Answer:
    """What the verb said."""

    code: int
    text: str

    @property
    def report(self) -> dict[str, Any]:
        return dict(json.loads(self.text))

    @property
    def rules(self) -> list[str]:
        """The rules of all findings, each once."""
        return sorted({finding["rule"] for finding in self.report["findings"]})

    @property
    def problems(self) -> list[str]:
        return sorted({problem["rule"] for problem in self.report["problems"]})

    def finding(self, rule: str) -> dict[str, Any]:
        """The one finding of a rule."""
        (found,) = [finding for finding in self.report["findings"] if finding["rule"] == rule]
        return dict(found)

    def verdicts(self, kind: str) -> list[str]:
        return [change["verdict"] for change in self.report["changes"] if change["kind"] == kind]


@dataclass
class World:
    """One project. Hours count from START; the trail ends at `hours`."""

    root: Path
    capsys: pytest.CaptureFixture[str]
    site: Site = SITE
    hours: int = 12
    writer: Writer = field(init=False)
    evidence: dict[str, bytes] = field(default_factory=dict)
    pulls: int = 11

    def __post_init__(self) -> None:
        records.restart()
        self.source = self.git("rev-parse", "HEAD")
        self.writer = Writer(
            self.site.trail_bucket,
            self.site.accounts,
            ("eu-west-1", "us-east-1"),
            START,
            START + self.hours * HOUR,
        )

    @property
    def folder(self) -> Path:
        return self.root / ".audit"

    def at(self, hours: float) -> datetime:
        return START + timedelta(seconds=round(hours * 3600))

    def git(self, *arguments: str, date: datetime | None = None) -> str:
        when = {f"GIT_{who}_DATE": f"{date:%s} +0000" for who in ("AUTHOR", "COMMITTER")} if date else {}
        command = ["git", "-C", str(self.root), *arguments]
        done = subprocess.run(command, check=True, capture_output=True, text=True, env={**os.environ, **when})
        return done.stdout.strip()

    def artifact(self, model: str, salt: str, **changes: Any) -> Artifact:
        digest = salt * 64
        place = f"{self.site.region}:{self.site.training}"
        package = f"arn:aws:sagemaker:{place}:model-package/acme-{model}/{int(salt, 16)}"
        key = f"releases/{model}/{digest}/model.tar.gz"
        archive = Archive(bucket=self.site.releases_bucket, key=key, sha256=digest, size=1)
        values = {"package": package, "archive": archive, "image": "image", "data": DATA, "bundle": "b" * 64}
        values |= {"commit": self.source, "execution": "run", "evaluation": "e" * 64}
        return Artifact.model_validate(values | changes)

    def pin(
        self,
        environment: str,
        salt: str,
        hours: float,
        model: str = "guess",
        subject: str = "",
        extra: str = "",
        **changes: Any,
    ) -> Pinned:
        """Merge a pull request that pins a release."""
        self.pulls += 1
        pin = make_pin(
            model, self.artifact(model, salt, **changes), Serving(serve=Fleet(instance="ml.m5.large"))
        )
        path = self.root / f"releases/{environment}/{model}.yml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(dump_pin(pin))
        if extra:
            (self.root / extra).write_text("changed\n")
        self.git("add", "-A", "--", ".", ":!.audit")
        self.git("commit", "-q", "-m", subject or f"Pin {model} (#{self.pulls})", date=self.at(hours))
        archive = pin.artifact.archive
        return Pinned(
            environment,
            model,
            pin.release,
            pin.config_hex,
            pin.artifact.package,
            pin.artifact.image,
            f"s3://{archive.bucket}/{archive.key}",
            self.git("rev-parse", "HEAD"),
            self.pulls,
        )

    def prove(self, pinned: Pinned, hours: float, **changes: Any) -> dict[str, Any]:
        """Write the evidence of a pin."""
        evidence = story.make_evidence(self.site, pinned, self.at(hours), **changes)
        self.evidence[story.evidence_key(pinned)] = story.evidence_bytes(evidence)
        return evidence

    def promote(
        self,
        environment: str,
        salt: str,
        hours: float,
        *,
        first: bool = False,
        model: str = "guess",
        **changes: Any,
    ) -> Pinned:
        """Merge a pin, then deploy it some minutes later, as it should be."""
        pinned = self.pin(environment, salt, hours, model)
        evidence = self.prove(pinned, hours, **changes)
        self.writer.extend(
            story.deploy(self.site, pinned, self.at(hours) + 3 * MINUTE, evidence, first=first)
        )
        return pinned

    def settle(self) -> None:
        """Write the folder that the auditor reads."""
        self.writer.close()
        self.writer.save(self.folder)
        for key, body in self.evidence.items():
            path = self.folder / key
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(body)

    def run(self, *arguments: str) -> Answer:
        """`mlops audit` with these arguments."""
        self.capsys.readouterr()
        code = cli.run(["audit", *arguments])
        said = self.capsys.readouterr()
        return Answer(code, said.out or said.err)

    def audit(self, *arguments: str) -> Answer:
        """Settle and audit, as JSON."""
        self.settle()
        return self.run("--format", "json", *arguments)
