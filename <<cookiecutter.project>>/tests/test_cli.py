"""Exit codes, one-line failures, and a help that imports nothing heavy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError
from click.testing import CliRunner

from mlops import cli
from mlops.errors import AwsError, MlopsError, UsageError

HEAVY = ("boto3", "pydantic", "rich", "yaml", "sagemaker")


def test_help_lists_every_verb() -> None:
    text = CliRunner().invoke(cli.mlops, ["--help"]).output
    assert [verb for verb in cli.VERBS if f"  {verb} " not in text] == []


@pytest.mark.parametrize("verb", cli.VERBS)
def test_every_verb_has_its_own_help(verb: str) -> None:
    result = CliRunner().invoke(cli.mlops, [verb, "--help"])
    assert result.exit_code == 0, result.output
    assert result.output.startswith("Usage:")


def test_help_imports_nothing_heavy() -> None:
    program = (
        f"import sys, mlops.cli as c; c.run(['--help']); print([m for m in {HEAVY} if m in sys.modules])"
    )
    command = [sys.executable, "-c", program]
    environment = {**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (UsageError("bad file"), 2, "mlops: bad file\n"),
        (MlopsError("refused"), 1, "mlops: refused\n"),
        (AwsError("gone"), 1, "mlops: gone\n"),
        (
            ClientError({"Error": {"Code": "ExpiredToken", "Message": "old"}}, "GetObject"),
            1,
            "mlops: GetObject was refused: ExpiredToken: old. Sign in again, then run the same command\n",
        ),
        (
            EndpointConnectionError(endpoint_url="http://127.0.0.1:1"),
            1,
            ". Nothing is lost: check network, region and credentials, then run the same command\n",
        ),
        (KeyError("x"), 3, "mlops: unexpected KeyError: 'x'; this is a bug in mlops\n"),
    ],
)
def test_a_failure_is_one_line_and_a_code(
    error: Exception,
    code: int,
    text: str,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(_: object) -> None:
        raise error

    monkeypatch.setattr("mlops.status.Aws", fail)
    assert cli.run(["status"]) == code
    assert capsys.readouterr().err.endswith(text)


@pytest.mark.parametrize("arguments", [["nonsense"], ["deploy", "moon"], ["train"], ["plan", "--nope"]])
def test_wrong_usage_is_exit_2(arguments: list[str], root: Path) -> None:
    assert cli.run(arguments) == 2


def test_outside_a_project_the_error_says_where_it_looked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.run(["check"]) == 2
    expected = (
        f"mlops: {str(tmp_path)!r} is not inside a project: no project.yml here or above. cd into one\n"
    )
    assert capsys.readouterr().err == expected
