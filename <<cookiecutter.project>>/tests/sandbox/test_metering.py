"""Metrics of training jobs, from the log to CloudWatch."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from mlops.aws import answered_at

from .conftest import Sandbox, ended_training, training

DEFINITIONS = [
    {"Name": "loss", "Regex": "loss=([0-9.]+)"},
    {"Name": "validation:auc", "Regex": "auc: ([0-9.]+)"},
]


def measured(sandbox: Sandbox, name: str, script: str, definitions: list[dict[str, str]]) -> dict[str, Any]:
    made = training(sandbox, name, script)
    made["AlgorithmSpecification"]["MetricDefinitions"] = definitions
    return made


def test_each_value_reaches_cloudwatch_and_the_last_one_is_final(sandbox: Sandbox, unique: str) -> None:
    client = sandbox.client("sagemaker")
    script = "for i in 4 3 2 1; do echo loss=0.$i; sleep 0.2; done; echo auc: 0.9; echo loss=none"
    client.create_training_job(**measured(sandbox, unique, script, DEFINITIONS))
    found = ended_training(client, unique)["FinalMetricDataList"]
    assert {entry["MetricName"]: entry["Value"] for entry in found} == {"loss": 0.1, "validation:auc": 0.9}
    moment = answered_at(client.list_training_jobs())  # the sandbox's clock, which other tests move
    statistics = sandbox.client("cloudwatch").get_metric_statistics(
        Namespace="/aws/sagemaker/TrainingJobs",
        MetricName="loss",
        Dimensions=[{"Name": "TrainingJobName", "Value": unique}],
        StartTime=moment - timedelta(minutes=5),
        EndTime=moment + timedelta(minutes=5),
        Period=3600,
        Statistics=["SampleCount", "Minimum", "Maximum"],
    )["Datapoints"]
    assert sum(point["SampleCount"] for point in statistics) == 4
    assert min(point["Minimum"] for point in statistics) == 0.1
    assert max(point["Maximum"] for point in statistics) == 0.4


def test_an_expression_that_does_not_compile_is_refused(
    sandbox: Sandbox, sagemaker: Any, unique: str
) -> None:
    faulty = [{"Name": "loss", "Regex": "loss=("}]
    with pytest.raises(ClientError, match=r"metric 'loss': 'loss=\(' is not an expression"):
        sagemaker.create_training_job(**measured(sandbox, unique, "true", faulty))
