"""Requests a second through InvokeEndpoint, beside the container's own HTTP server with the same handler.

The difference is what the sandbox adds to each request: its server, botocore's client, the fleet's turn,
metrics and the trail; on AWS it is the service's. Clients are threads: their processor time counts on both
sides.
"""

from __future__ import annotations

import http.client
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
from botocore.config import Config
from measure import PAYLOAD
from publish import bake
from sandboxed import IMAGE, archive, served

sys.path.insert(0, str(PAYLOAD / "src"))

from mlops.project import read_project

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

CLIENTS = (1, 4, 8)
SECONDS = 1.0  # of each round
ROUNDS = 5
BODY = b'{"rows": [[1.0, 2.0, 3.0]]}'
KIND = "application/json"
HANDLER = """
import json

def model_fn(folder):
    return 2.0

def predict_fn(data, model):
    return {"scores": [model * sum(row) for row in data["rows"]]}
"""


def main() -> None:
    """Serve one handler both ways; rounds take turns, so that both see the same machine."""
    with tempfile.TemporaryDirectory() as folder:
        root = bake(Path(folder))
        with served(root) as environment, direct(Path(folder)) as port:
            os.environ.update(environment)
            create_endpoint(root)
            for clients in CLIENTS:
                report(clients, port)


def report(clients: int, port: int) -> None:
    """The median of both, and of the ratio in each round."""
    pairs = [(throughput(invoke, clients), throughput(lambda: post(port), clients)) for _ in range(ROUNDS)]
    through, bare = (statistics.median(side) for side in zip(*pairs, strict=True))
    ratio = statistics.median(bare / through for through, bare in pairs)
    print(
        f"InvokeEndpoint, {clients} at once: {through:.0f} requests/s; the handler's server: {bare:.0f}; "
        f"{ratio:.1f}x less",
        flush=True,
    )


def throughput(connect: Callable[[], Callable[[], object]], clients: int) -> float:
    """Requests a second while `clients` threads ask for some time, each over a connection of its own."""
    asks = [connect() for _ in range(clients)]
    for ask in asks:
        ask()
    end = time.perf_counter() + SECONDS

    def client(ask: Callable[[], object]) -> int:
        count = 0
        while time.perf_counter() < end:
            ask()
            count += 1
        return count

    with ThreadPoolExecutor(clients) as pool:
        return sum(pool.map(client, asks)) / SECONDS


def invoke() -> Callable[[], object]:
    """A client of the endpoint."""
    runtime = boto3.session.Session().client(
        "sagemaker-runtime", config=Config(retries={"total_max_attempts": 1})
    )
    return lambda: runtime.invoke_endpoint(EndpointName="bench", ContentType=KIND, Accept=KIND, Body=BODY)[
        "Body"
    ].read()


def post(port: int) -> Callable[[], object]:
    """A client of the container."""
    connection = http.client.HTTPConnection("127.0.0.1", port)

    def ask() -> object:
        connection.request("POST", "/invocations", BODY, {"Content-Type": KIND, "Accept": KIND})
        return connection.getresponse().read()

    return ask


@contextmanager
def direct(folder: Path) -> Iterator[int]:
    """The program that a container runs, alone; its port."""
    code = folder / "ml/model/code"
    code.mkdir(parents=True)
    (code / "inference.py").write_text(HANDLER)
    program, port = PAYLOAD / "sandbox/serving.py", folder / "port"
    environment = {**os.environ, "SANDBOX_ML": str(folder / "ml")}
    with subprocess.Popen([sys.executable, str(program), str(port)], env=environment) as process:
        try:
            while not port.exists() and process.poll() is None:
                threading.Event().wait(0.02)
            yield int(port.read_text())
        finally:
            process.kill()


def create_endpoint(root: Path) -> None:
    """One instance of the handler."""
    project = read_project(root)
    key, bucket = "bench/model.tar.gz", project.releases_bucket
    boto3.client("s3").put_object(Bucket=bucket, Key=key, Body=archive(HANDLER))
    sagemaker = boto3.client("sagemaker")
    sagemaker.create_model(
        ModelName="bench",
        ExecutionRoleArn=project.execution_role,
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": f"s3://{bucket}/{key}"},
    )
    sagemaker.create_endpoint_config(
        EndpointConfigName="bench",
        ProductionVariants=[
            {
                "VariantName": "main",
                "ModelName": "bench",
                "InstanceType": "ml.m5.large",
                "InitialInstanceCount": 1,
            }
        ],
    )
    sagemaker.create_endpoint(EndpointName="bench", EndpointConfigName="bench")
    sagemaker.get_waiter("endpoint_in_service").wait(
        EndpointName="bench", WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )


if __name__ == "__main__":
    main()
