"""`python -m sandbox.trails DIR`: the signed trail that a faithful pipeline leaves of a project's pins.

For whoever works on the auditor, or wants to see it: make a folder, plant a fault by name, audit it.

    python -m sandbox.trails .audit --plant stranger
    mlops audit --trail .audit
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rfc8785
import yaml

from sandbox.trails import builds, callers, pulls, story
from sandbox.trails.records import call
from sandbox.trails.site import Pinned, Site
from sandbox.trails.writer import HOUR, Writer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

AFTER = timedelta(minutes=5)  # from a merge to its deployment


def read_site(root: Path) -> Site:
    """The project of project.yml."""
    found = yaml.safe_load((root / "project.yml").read_text(encoding="utf-8"))
    accounts = found["accounts"]
    return Site(
        found["project"],
        accounts["training"],
        accounts["staging"],
        accounts["prod"],
        found["region"],
        found["repository"],
        forge=found["forge"],
        ci=found["ci"],
    )


def git(root: Path, *arguments: str) -> str:
    """What git says."""
    done = subprocess.run(["git", "-C", str(root), *arguments], check=True, capture_output=True, text=True)
    return done.stdout


def read_pins(root: Path) -> Iterator[tuple[datetime, Pinned]]:
    """Every pin that main ever held, oldest first, with when it was merged."""
    form = ["log", "--reverse", "--first-parent", "--format=%H %ct", "--", "releases"]
    for number, line in enumerate(git(root, *form).splitlines(), start=1):
        commit, seconds = line.split()
        changed = [
            "diff-tree",
            "--root",
            "-m",
            "--first-parent",
            "-r",
            "--no-commit-id",
            "--name-only",
            commit,
        ]
        for path in git(root, *changed, "--", "releases").splitlines():
            if path.endswith(".yml"):
                found = yaml.safe_load(git(root, "show", f"{commit}:{path}"))
                if "artifact" in found:
                    yield datetime.fromtimestamp(int(seconds), UTC), read_pin(found, path, commit, number)


def read_pin(found: dict[str, Any], path: str, commit: str, number: int) -> Pinned:
    """One pin's file."""
    artifact, serving = found["artifact"], found["serving"]
    archive = artifact["archive"]
    config = rfc8785.dumps({"release": found["release"], "serving": serving})
    return Pinned(
        path.split("/")[1],
        found["model"],
        found["release"],
        story.hash_hex(config),
        artifact["package"],
        artifact["image"],
        f"s3://{archive['bucket']}/{archive['key']}",
        commit,
        number,
    )


def tell(site: Site, pins: list[tuple[datetime, Pinned]]) -> tuple[Writer, dict[str, bytes]]:
    """The trail and the evidence of all pins."""
    first = min((moment for moment, _ in pins), default=datetime.now(UTC))
    start = first.replace(minute=0, second=0, microsecond=0) - HOUR
    last = max((moment for moment, _ in pins), default=first)
    regions = tuple(dict.fromkeys([site.region, "us-east-1"]))
    writer = Writer(
        site.trail_bucket, site.accounts, regions, start, last.replace(minute=0, second=0) + 3 * HOUR
    )
    evidence, seen = {}, set()
    for moment, pinned in pins:
        place = (pinned.environment, pinned.model)
        request = pulls.Request(site, pinned, moment)
        own = request.describe() if site.forge == "codecommit" else {}
        written = story.make_evidence(site, pinned, moment, **own)
        if site.forge == "codecommit":
            writer.extend(request.tell())
        evidence[story.evidence_key(pinned)] = story.evidence_bytes(written)
        writer.extend(story.deploy(site, pinned, moment + AFTER, written, first=place not in seen))
        seen.add(place)
    return writer, evidence


def plant_stranger(site: Site, writer: Writer, pinned: Pinned) -> None:
    """An administrator points the endpoint elsewhere."""
    who = callers.user(site.account(pinned.environment), "mallory")
    writer.add(story.move(site, pinned, who, writer.end - HOUR, config="somebody-elses-config"))


def plant_console(site: Site, writer: Writer, pinned: Pinned) -> None:
    """Somebody approves a package in the console."""
    asked = {"modelPackageArn": pinned.package, "modelApprovalStatus": "Approved"}
    who, at = callers.user(site.training, "mallory"), writer.end - HOUR
    writer.add(call("UpdateModelPackage", "sagemaker", who, at, site.training, site.region, asked))


def plant_silence(site: Site, writer: Writer, pinned: Pinned) -> None:
    """Nothing is recorded for an hour."""
    writer.silent.append((writer.end - 3 * HOUR, writer.end - 2 * HOUR))


def plant_stop(site: Site, writer: Writer, pinned: Pinned) -> None:
    """Somebody stops the trail."""
    who, at = callers.user(site.training, "mallory"), writer.end - HOUR
    asked = {"name": writer.trail}
    writer.add(call("StopLogging", "cloudtrail", who, at, site.training, site.region, asked))


def plant_build(site: Site, writer: Writer, pinned: Pinned) -> None:
    """Somebody starts a build with a buildspec of their own."""
    who, changes = callers.user(site.training, "mallory"), {"buildspecOverride": "version: 0.2"}
    writer.add(builds.Build(site, pinned, writer.end - HOUR, starter=who, changes=changes).start())


PLANTS: dict[str, Callable[[Site, Writer, Pinned], None]] = {
    "build": plant_build,
    "stranger": plant_stranger,
    "console": plant_console,
    "silence": plant_silence,
    "stop": plant_stop,
}


def main(arguments: list[str] | None = None) -> int:
    """Write the folder."""
    parser = argparse.ArgumentParser("python -m sandbox.trails", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--project", type=Path, default=Path(), help="the project's folder; by default this one"
    )
    parser.add_argument(
        "--plant", action="append", default=[], choices=sorted(PLANTS), help="a fault to plant"
    )
    asked = parser.parse_args(arguments)
    pins = list(read_pins(asked.project))
    if not pins:
        print("main never held a pin; there is nothing to tell. Pin one: mlops propose", file=sys.stderr)  # noqa: T201
        return 1
    site = read_site(asked.project)
    writer, evidence = tell(site, pins)
    for name in asked.plant:
        PLANTS[name](site, writer, pins[-1][1])
    writer.close()
    writer.save(asked.folder)
    for key, body in evidence.items():
        path = asked.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
    print(f"{asked.folder}: {len(pins)} pins told. Audit them: mlops audit --trail {asked.folder}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
