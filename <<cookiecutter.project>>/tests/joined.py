"""A world of `mlops doctor` whose pipelines reach GitHub: a connection that was authorised, a kept token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.conftest import ACCOUNT, REGION, commit

if TYPE_CHECKING:
    from tests.patient import Patient

ARN = f"arn:aws:codeconnections:{REGION}:{ACCOUNT}:connection/7"
STACK, TOKEN = "acme-pipeline", "mlops-forge-token"
TEMPLATE = """\
Metadata: {AppliedTo: training, Ci: codepipeline}
Parameters: {ForgeSecret: {Type: String, Default: mlops-forge-token}}
Resources:
  Connection:
    Type: AWS::CodeConnections::Connection
    Properties: {ConnectionName: acme-forge, ProviderType: GitHub}
"""


def join_pipelines(patient: Patient, status: str = "AVAILABLE") -> None:
    """The same account with pipelines; no other stack is looked at."""
    patient.edit("project.yml", "ci: github-actions", "ci: codepipeline")
    for path in (patient.root / "infra").glob("*.yml"):
        path.unlink()
    (patient.root / "infra/pipeline.yml").write_text(TEMPLATE)
    commit(patient.root, "Move")
    made = {"ResourceType": "AWS::CodeConnections::Connection", "LogicalResourceId": "Connection"}
    stack = {
        "StackName": STACK,
        "StackStatus": "CREATE_COMPLETE",
        "Parameters": [{"ParameterKey": "ForgeSecret", "ParameterValue": TOKEN}],
        "Tags": [{"Key": "project", "Value": "acme"}, {"Key": "managed-by", "Value": "mlops"}],
    }
    patient.replace(("cloudformation", "describe_stacks", STACK), {"Stacks": [stack]})
    patient.replace(("cloudformation", "get_template", STACK), {"TemplateBody": TEMPLATE})
    listed = {"StackResourceSummaries": [{**made, "PhysicalResourceId": ARN}]}
    patient.replace(("cloudformation", "list_stack_resources", STACK), listed)
    connection = {"ConnectionName": "acme-forge", "ConnectionStatus": status, "ConnectionArn": ARN}
    patient.replace(("codeconnections", "get_connection"), {"Connection": connection})
    patient.replace(("secretsmanager", "describe_secret"), {"Name": TOKEN})


def forget_token(patient: Patient) -> None:
    """Nobody kept the token."""
    join_pipelines(patient)
    patient.replace(("secretsmanager", "describe_secret"), None)
