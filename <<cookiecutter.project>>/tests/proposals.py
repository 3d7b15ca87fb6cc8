"""Proposals for tests, and the golden body: `PYTHONPATH=src python tests/proposals.py` writes it anew."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from mlops.body import render_body
from mlops.evaluation import Evaluation
from mlops.pin import Origin, Pin, Tombstone, make_pin
from mlops.project import Project
from mlops.proposal import Proposal, Retirement
from mlops.release import Archive, Artifact
from mlops.serving import Capture, Fleet, Serving

ACCOUNT = "111111111111"
GOLDEN = Path(__file__).parent / "golden/promote.md"
PROJECT = Project.model_validate(
    {
        "schema": 1,
        "template": "0.1.0",
        "project": "acme",
        "description": "Models of the Acme company",
        "owner_team": "@acme/ml",
        "forge": "github",
        "repository": "acme/models",
        "ci": "github-actions",
        "region": "eu-west-1",
        "accounts": dict.fromkeys(("training", "staging", "prod"), ACCOUNT),
    }
)
COMMITS = (("ab" * 20, "Weigh rare cases", "Ada"), ("cd" * 20, "Add the rows of May", "Ben"))


def make_artifact(number: int, **changes: Any) -> Artifact:
    """The artifact of the `number`-th release."""
    digest = f"{number:02x}" * 32
    key = f"releases/guess/{digest}/model.tar.gz"
    content = {
        "package": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:model-package/acme-guess/{number}",
        "archive": Archive(bucket="acme-releases", key=key, sha256=digest, size=1000 + number),
        "image": "1.dkr.ecr/image:1",
        "data": digest[:32],
        "bundle": digest,
        "commit": digest[:40],
        "execution": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:pipeline/acme-guess/execution/{number}",
        "evaluation": digest,
    }
    return Artifact.model_validate({**content, **changes})


def make_release(number: int, instance: str = "ml.m5.large", capture: int = 0, **changes: Any) -> Pin:
    """The pin of the `number`-th release."""
    serving = Serving(serve=Fleet(instance=instance, count=2), capture=Capture(percent=capture))
    origin = Origin(environment="staging", commit="e" * 40)
    return make_pin("guess", make_artifact(number, **changes), serving, origin)


def make_column(name: str, **changes: Any) -> dict[str, Any]:
    """A column of numbers in four parts, or what `changes` make of it."""
    scale = {"edges": [1.0, 2.0, 3.0], "counts": [25, 25, 25, 25]}
    about = {"name": name, "kind": "number", "missing": 0.0, "distinct": 90}
    return {**about, **({} if "kind" in changes else scale), **changes}


def make_champion(number: int = 1, **changes: Any) -> dict[str, Any]:
    """The `number`-th release as a champion: worse in accuracy, with some certainty."""
    accuracy = {"value": 0.9, "low": 0.85, "high": 0.94}
    apart = {"value": 0.03, "low": 0.01, "high": 0.05}
    judged = {"metric": "accuracy", "value": 0.03, "low": 0.013, "margin": 0.01, "confidence": 0.95}
    content = {
        "archive": f"s3://acme-releases/releases/guess/{f'{number:02x}' * 32}/model.tar.gz",
        "metrics": {"accuracy": accuracy, "loss": {"value": 0.3, "low": None, "high": None}},
        "differences": {"accuracy": apart, "loss": {"value": -0.01, "low": -0.02, "high": 0.004}},
        "difference": judged,
    }
    return {**content, **changes}


def make_evaluation(**changes: Any) -> Evaluation:
    """An evaluation without champion, of two columns."""
    columns = [make_column("age"), make_column("group", kind="category", values={"a": 60, "b": 40})]
    content = {
        "schema": 3,
        "model": "guess",
        "rows": 100,
        "metrics": {
            "accuracy": {"value": 0.93, "low": 0.88, "high": 0.97, "better": "high"},
            "loss": {"value": 0.29, "low": 0.21, "high": 0.4, "better": "low"},
        },
        "champion": None,
        "slices": [],
        "scores": {"column": "score", "mean": 0.4, "std": 0.1, "rows": 100},
        "latency": {"p50_ms": 1.0, "p95_ms": 2.5},
        "archive": {"bytes": 2**20},
        "gates": [{"gate": "accuracy >= 0.9", "passed": True, "why": "0.93 is at least 0.9"}],
        "verdict": "no-champion",
        "passed": True,
        "reason": "all 1 gates passed",
        "resamples": 1000,
        "seed": 0,
        "plots": {},
        "smoke": {"content_type": "text/csv", "body": "age,group\n2,a\n"},
        "data": make_data(columns),
        "curves": [],
    }
    return Evaluation.model_validate({**content, **changes})


def make_data(columns: list[dict[str, Any]], rows: int = 100) -> dict[str, Any]:
    """A profile of these columns."""
    sides = {"train": rows, "validation": 20, "test": None}
    return {"rows": sides, "side": "train", "profiled": rows, "columns": columns, "left_out": 0}


def make_slice(value: str, result: float, champion: float | None) -> dict[str, Any]:
    """A group of test rows."""
    entry = {"column": "group", "value": value, "rows": 50, "metric": "accuracy"}
    return {**entry, "result": result, "champion": champion}


def make_candidate(**changes: Any) -> Evaluation:
    """An evaluation against what is live, on data of which one column moved and one is new."""
    columns = [
        make_column("age", counts=[5, 10, 25, 60]),
        make_column("group", kind="category", values={"a": 58, "b": 42}),
        make_column("town", kind="text", distinct=80),
    ]
    curve = {"column": "score", "label": "right", "x": [0.0, 0.5, 1.0]}
    lines = {"candidate": [0.4, 0.9, 1.0], "champion": [0.3, 0.8, 1.0]}
    content = {
        "champion": make_champion(),
        "slices": [make_slice("a", 0.95, 0.9), make_slice("b", 0.85, 0.9)],
        "verdict": "passed",
        "data": make_data(columns, rows=120),
        "curves": [{**curve, "kind": "roc", "lines": lines}],
    }
    return make_evaluation(**{**content, **changes})


def make_proposal(**changes: Any) -> Proposal:
    """A promotion to prod, with much to look at."""
    proposal = Proposal(
        project=PROJECT,
        environment="prod",
        model="guess",
        pin=make_release(2, instance="ml.m5.xlarge"),
        live=make_release(1),
        evaluation=make_candidate(),
        live_evaluation=make_evaluation(),
        soak="in service in staging for 62 minutes without an alarm",
        commits=COMMITS,
        kind="promote",
        required_approvals=2,
        links={"Endpoint": "https://console.example.com/endpoints/acme-prod-guess"},
    )
    return replace(proposal, **changes)


def make_retirement() -> Retirement:
    """The end of a model in staging."""
    live = make_release(1)
    content = {"schema": 1, "model": "guess", "retired": {"since": "2026-11-20", "drain_days": 14}}
    tombstone = Tombstone.model_validate({**content, "last_release": live.release})
    return Retirement(PROJECT, "staging", tombstone, live, 1)


if __name__ == "__main__":
    GOLDEN.write_text(render_body(make_proposal()), encoding="utf-8")
