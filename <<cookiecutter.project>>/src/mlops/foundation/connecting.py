"""What no stack can do for pipelines on GitHub, and a person does once: the connection's hand-shake, a token.

CloudFormation makes a connection that is PENDING; only the console completes it.
https://docs.aws.amazon.com/dtconsole/latest/userguide/connections-update.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.aws import is_missing
from mlops.foundation.account import client

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.aws import Aws
    from mlops.foundation.stacks import Stack
    from mlops.foundation.survey import Survey

CONNECTION = "AWS::CodeConnections::Connection"
NAMED_BY = "ForgeSecret"  # the parameter of infra/pipeline.yml
AVAILABLE = "AVAILABLE"


def authorise(region: str) -> str:
    """How a person completes a connection."""
    page = f"https://{region}.console.aws.amazon.com/codesuite/settings/connections"
    return f"authorise it once, as an owner of the repository: {page} (Update pending connection)"


def keep_token(secret: str) -> str:
    """How a person keeps the token; what it must be able to do stands in docs/engines.md."""
    command = f'aws secretsmanager create-secret --name {secret} --secret-string "$TOKEN"'
    return f"{command} (whose: docs/engines.md)"


def tell_connections(aws: Aws, found: Survey) -> Iterator[str]:
    """What is left to people in the account that was just made: a line each, none where all is done."""
    for planned in found.planned:
        stack = planned.stack
        arn = read_connection(aws, stack) if CONNECTION in kinds(stack) else ""
        if arn:
            yield from tell_pending(aws, stack.region, arn)
            yield from tell_secret(aws, read_parameter(aws, stack, NAMED_BY))


def kinds(stack: Stack) -> set[str]:
    """The types that a stack's template names."""
    return {each.type for each in stack.template.resources.values()}


def read_connection(aws: Aws, stack: Stack) -> str:
    """The ARN of a stack's connection; none where a condition left it out."""
    pages = aws.cloudformation.get_paginator("list_stack_resources").paginate(StackName=stack.name)
    made = (each for page in pages for each in page["StackResourceSummaries"])
    return next((each["PhysicalResourceId"] for each in made if each["ResourceType"] == CONNECTION), "")


def read_parameter(aws: Aws, stack: Stack, name: str) -> str:
    """What a parameter of a stack is."""
    told = aws.cloudformation.describe_stacks(StackName=stack.name)["Stacks"][0]
    return {each["ParameterKey"]: each["ParameterValue"] for each in told["Parameters"]}[name]


def tell_pending(aws: Aws, region: str, arn: str) -> Iterator[str]:
    """A line for a connection that nobody has authorised."""
    found = client(aws, "codeconnections").get_connection(ConnectionArn=arn)["Connection"]
    if found["ConnectionStatus"] != AVAILABLE:
        yield f"connection {found['ConnectionName']} is {found['ConnectionStatus']}: {authorise(region)}"


def tell_secret(aws: Aws, name: str) -> Iterator[str]:
    """A line for a token that nobody has kept."""
    try:
        client(aws, "secretsmanager").describe_secret(SecretId=name)
    except Exception as error:
        if not is_missing(error):
            raise
        yield f"there is no secret {name}: {keep_token(name)}"
