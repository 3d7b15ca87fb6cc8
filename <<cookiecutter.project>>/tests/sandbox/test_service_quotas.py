"""What the sandbox serves of Service Quotas and Athena is true; the rest is refused by name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from .conftest import Sandbox


def test_instance_types_have_quotas_by_use(sandbox: Sandbox) -> None:
    pages = sandbox.client("service-quotas").get_paginator("list_service_quotas")
    quotas = [each for page in pages.paginate(ServiceCode="sagemaker") for each in page["Quotas"]]
    values = {each["QuotaName"]: each["Value"] for each in quotas}
    assert values["ml.m5.large for endpoint usage"] > 0
    assert values["ml.p4d.24xlarge for training job usage"] == 0, "a new account has no GPU"
    assert len({each["QuotaCode"] for each in quotas}) == len(quotas)


def test_a_quota_is_found_by_its_code(sandbox: Sandbox) -> None:
    client = sandbox.client("service-quotas")
    (first,) = client.list_service_quotas(ServiceCode="sagemaker", MaxResults=1)["Quotas"]
    found = client.get_service_quota(ServiceCode="sagemaker", QuotaCode=first["QuotaCode"])
    assert found["Quota"] == first


def test_quotas_of_other_services_and_increases_are_refused_by_name(sandbox: Sandbox) -> None:
    client = sandbox.client("service-quotas")
    with pytest.raises(ClientError, match="quotas of 'sagemaker' alone, not of 'ec2'"):
        client.list_service_quotas(ServiceCode="ec2")
    with pytest.raises(ClientError, match="does not serve service-quotas:RequestServiceQuotaIncrease"):
        client.request_service_quota_increase(ServiceCode="sagemaker", QuotaCode="L-1", DesiredValue=2)


def test_a_named_query_can_be_taken_away_and_none_runs(sandbox: Sandbox) -> None:
    athena = sandbox.client("athena")
    number = athena.create_named_query(Name="q", Database="d", QueryString="SELECT 1")["NamedQueryId"]
    athena.delete_named_query(NamedQueryId=number)
    assert number not in athena.list_named_queries()["NamedQueryIds"]
    with pytest.raises(ClientError, match=f"NamedQuery {number} was not found"):
        athena.delete_named_query(NamedQueryId=number)
    with pytest.raises(ClientError, match="the sandbox runs no Athena queries"):
        athena.start_query_execution(QueryString="SELECT 1")
