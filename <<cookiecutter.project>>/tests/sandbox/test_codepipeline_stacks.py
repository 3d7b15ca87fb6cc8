"""The pipeline that CloudFormation makes is the one that runs: there is no second description."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import requests
from botocore.exceptions import ClientError

from tests.sandbox.building import service_role
from tests.sandbox.conftest import wait_for
from tests.sandbox.pipelining import ROLE, Pipeline, push

if TYPE_CHECKING:
    from tests.sandbox.conftest import Sandbox

TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Parameters:
  Name: {Type: String}
  BuildRole: {Type: String}
  PipelineRole: {Type: String}
  Bucket: {Type: String}
  Words: {Type: String}
Resources:
  Forge:
    Type: AWS::CodeConnections::Connection
    Properties: {ConnectionName: !Ref Name, ProviderType: GitHub}
  Build:
    Type: AWS::CodeBuild::Project
    Properties:
      Name: !Sub "${Name}-build"
      ServiceRole: !Ref BuildRole
      Source:
        Type: CODEPIPELINE
        BuildSpec: !Sub |
          version: 0.2
          env: {exported-variables: [SAID]}
          phases: {build: {commands: ['SAID="${Words} $(cat said.txt)"']}}
      Artifacts: {Type: CODEPIPELINE}
      Environment:
        Type: LINUX_CONTAINER
        ComputeType: BUILD_GENERAL1_SMALL
        Image: aws/codebuild/amazonlinux2-x86_64-standard:5.0
  Pipeline:
    Type: AWS::CodePipeline::Pipeline
    Properties:
      Name: !Ref Name
      RoleArn: !Ref PipelineRole
      PipelineType: V2
      ExecutionMode: QUEUED
      ArtifactStore: {Type: S3, Location: !Ref Bucket}
      Stages:
        - Name: Source
          Actions:
            - Name: Source
              ActionTypeId: {Category: Source, Owner: AWS, Provider: CodeStarSourceConnection, Version: "1"}
              Configuration:
                ConnectionArn: !Ref Forge
                FullRepositoryId: acme/shop
                BranchName: main
                DetectChanges: false
              OutputArtifacts: [{Name: Code}]
        - Name: Build
          Actions:
            - Name: Build
              ActionTypeId: {Category: Build, Owner: AWS, Provider: CodeBuild, Version: "1"}
              Configuration: {ProjectName: !Ref Build}
              InputArtifacts: [{Name: Code}]
              Namespace: Built
Outputs:
  Connection: {Value: !Ref Forge}
"""


def apply(sandbox: Sandbox, name: str, verb: str, words: str) -> dict[str, Any]:
    """Create or update the stack; how it stands afterwards."""
    client = sandbox.client("cloudformation")
    given = {
        "Name": name,
        "BuildRole": f"arn:aws:iam::222222222222:role/{name}-b",
        "PipelineRole": f"arn:aws:iam::222222222222:role/{name}-p",
        "Bucket": sandbox.bucket,
        "Words": words,
    }
    parameters = [{"ParameterKey": key, "ParameterValue": value} for key, value in given.items()]
    getattr(client, f"{verb}_stack")(StackName=name, TemplateBody=TEMPLATE, Parameters=parameters)
    pending = (f"{verb.upper()}_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS")
    return wait_for(lambda: client.describe_stacks(StackName=name)["Stacks"][0], "StackStatus", *pending)


def test_a_stack_makes_a_pipeline_that_runs_and_an_update_changes_it(sandbox: Sandbox, unique: str) -> None:
    service_role(sandbox, f"{unique}-b")
    service_role(sandbox, f"{unique}-p", (*ROLE, "codeconnections:UseConnection"), "codepipeline")
    push(sandbox, "said.txt", "Ada\n")
    stack = apply(sandbox, unique, "create", "hello")
    assert stack["StackStatus"] == "CREATE_COMPLETE", stack
    pipeline, arn = Pipeline(sandbox, unique), stack["Outputs"][0]["OutputValue"]
    first = pipeline.finish(pipeline.executions()[0]["pipelineExecutionId"])
    assert "is PENDING. On AWS authorise it in the console" in pipeline.why(first["pipelineExecutionId"])
    assert requests.post(f"{sandbox.endpoint}/_sandbox/connections", json={"arn": arn}, timeout=30).ok
    assert apply(sandbox, unique, "update", "goodbye")["StackStatus"] == "UPDATE_COMPLETE"
    ended = pipeline.run()
    assert ended["status"] == "Succeeded", pipeline.why(ended["pipelineExecutionId"])
    built = pipeline.actions(ended["pipelineExecutionId"])["Build"]
    assert built["output"]["outputVariables"]["SAID"] == "goodbye Ada"
    sandbox.client("cloudformation").delete_stack(StackName=unique)
    wait_for(lambda: {"is": "gone" if is_gone(pipeline) else None}, "is", None)


def is_gone(pipeline: Pipeline) -> bool:
    """Whether a pipeline is not there any more."""
    try:
        pipeline.executions()
    except ClientError as error:
        return str(error.response["Error"]["Code"]) == "PipelineNotFoundException"
    return False
