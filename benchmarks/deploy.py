"""`mlops deploy staging` with nothing to do on 200 pinned models, beside a loop over them as a script has it.

The 200 endpoints are live: each is a process of its own behind the sandbox's API (6 GB of memory in all).
They serve one archive, which is all that they share. Twice: on loopback, where a request costs the sandbox's
processor time only, and with 30 ms on the way to AWS, as from a CI runner.
"""

from __future__ import annotations

import os
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any

from measure import PAYLOAD, Result, run, timed
from publish import AWAY, bake, delayed
from sandboxed import IMAGE, archive, served

sys.path.insert(0, str(PAYLOAD / "src"))

from mlops.alarms import make_alarms
from mlops.aws import Aws
from mlops.endpoint import endpoint_config
from mlops.pin import dump_pin, make_pin
from mlops.project import read_project
from mlops.release import Archive, Artifact
from mlops.serving import Fleet, Serving
from mlops.target import Target, read_targets
from mlops.verify import Verified

if TYPE_CHECKING:
    from mlops.project import Project

MODELS = 200
BUDGET = 10.0
HEX = "ab" * 32
ENVIRONMENT: Any = "staging"
HANDLER = "def model_fn(folder): return 1\n"


def main() -> None:
    """Pin and serve 200 models, then deploy them again."""
    with tempfile.TemporaryDirectory() as folder:
        root = bake(Path(folder))
        project = read_project(root)
        pin_models(root, project)
        with served(root) as environment:
            os.environ.update(environment)
            aws = Aws(project.region)
            targets = read_targets(root, project, ENVIRONMENT, None)
            seconds = timed(lambda: serve(aws, project, targets))
            print(f"{len(targets)} endpoints, a process each, in service after {seconds:.0f} s", flush=True)
            for delay in (0.0, AWAY):
                with delayed(environment, delay) as seen:
                    measure(root, project, targets, seen, delay)


def measure(
    root: Path, project: Project, targets: list[Target], environment: dict[str, str], delay: float
) -> None:
    """The verb, a process and all; then the calls of the loop alone."""
    os.environ.update(environment)
    aws = Aws(project.region)
    verb = [sys.executable, "-m", "mlops.cli", "deploy", ENVIRONMENT]
    said = run(verb, root, **environment)
    if said.count(": nothing, ") != len(targets):
        raise SystemExit(f"deploy found something to do: {said}")
    ours = timed(lambda: run(verb, root, **environment))
    loop = timed(lambda: [describe(aws, target.endpoint) for target in targets])
    what = f"deploy with nothing to do, {len(targets)} models, {1000 * delay:.0f} ms to AWS"
    print(Result(what, ours, "describe endpoint and config in a loop", loop, BUDGET), flush=True)


def describe(aws: Aws, endpoint: str) -> dict[str, Any]:
    """What a script reads of one endpoint to compare it with a file."""
    live = aws.sagemaker.describe_endpoint(EndpointName=endpoint)
    return dict(aws.sagemaker.describe_endpoint_config(EndpointConfigName=live["EndpointConfigName"]))


def pin_models(root: Path, project: Project) -> None:
    """Commit a pin for each model."""
    folder = root / "releases" / ENVIRONMENT
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(MODELS):
        model = f"m{number:03d}"
        pin = make_pin(model, artifact(project), Serving(serve=Fleet(instance="ml.m5.large")))
        (folder / f"{model}.yml").write_text(dump_pin(pin))
    identity = ["-c", "user.name=Bench", "-c", "user.email=bench@example.com"]
    for command in (["init", "-q"], ["add", "-A"], [*identity, "commit", "-q", "-m", "Pin"]):
        run(["git", *command], root)


def artifact(project: Project) -> Artifact:
    """The release that all serve; nothing that is live already is verified again."""
    arn = f"arn:aws:sagemaker:{project.region}:{project.accounts.training}:model-package/bench/1"
    key = f"releases/bench/{HEX}/model.tar.gz"
    return Artifact(
        package=arn,
        archive=Archive(bucket=project.releases_bucket, key=key, sha256=HEX, size=1),
        image=IMAGE,
        data="d" * 32,
        bundle=HEX,
        commit="c" * 40,
        execution="execution",
        evaluation=HEX,
    )


def serve(aws: Aws, project: Project, targets: list[Target]) -> None:
    """Bring up what `deploy` would have: model, config, alarms, endpoint."""
    place = targets[0].pin.artifact.archive
    aws.s3.put_object(Bucket=place.bucket, Key=place.key, Body=archive(HANDLER))
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda target: serve_one(aws, project, target), targets))
    # Eight at a time above; the waiter below asks each until it serves.
    for target in targets:
        aws.sagemaker.get_waiter("endpoint_in_service").wait(
            EndpointName=target.endpoint, WaiterConfig={"Delay": 1, "MaxAttempts": 600}
        )


def serve_one(aws: Aws, project: Project, target: Target) -> None:
    """One endpoint of the shared archive."""
    place = target.pin.artifact.archive
    aws.sagemaker.create_model(
        ModelName=target.model,
        ExecutionRoleArn=project.execution_role,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{place.bucket}/{place.key}"},
    )
    aws.sagemaker.create_endpoint_config(**endpoint_config(target))
    make_alarms(aws, target, Verified({}, {}))
    aws.sagemaker.create_endpoint(EndpointName=target.endpoint, EndpointConfigName=target.config)


if __name__ == "__main__":
    main()
