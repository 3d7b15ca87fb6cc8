"""Three accounts in one sandbox: what each has of its own, and what crosses between them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from .conftest import (
    ACCOUNT,
    IMAGE,
    PROD,
    REGION,
    STAGING,
    Sandbox,
    archive,
    sandbox_command,
    wait_for,
)
from .workers import Worker, role_arn, sign_in

RELEASES = f"shop-releases-{ACCOUNT}-{REGION}"
HANDLER = """
def model_fn(folder):
    return open(f"{folder}/weights.txt").read()

def transform_fn(model, data, content_type, accept):
    print(model, flush=True)
    return model, "text/plain"
"""


def root(sandbox: Sandbox, account: str) -> Worker:
    return Worker(sandbox, f"AKIAROOT{account}")


def test_names_are_an_accounts_own(sandbox: Sandbox, unique: str) -> None:
    for account in (STAGING, PROD):
        operator = root(sandbox, account)
        made = operator("sagemaker").create_model_package_group(ModelPackageGroupName=unique)
        assert f":{account}:" in made["ModelPackageGroupArn"]
        operator("logs").create_log_group(logGroupName=unique)
        operator("cloudwatch").put_metric_data(
            Namespace=unique, MetricData=[{"MetricName": "n", "Value": float(account[0])}]
        )
    names = root(sandbox, ACCOUNT)("sagemaker").list_model_package_groups(NameContains=unique)
    assert names["ModelPackageGroupSummaryList"] == []
    assert root(sandbox, ACCOUNT)("cloudwatch").list_metrics(Namespace=unique)["Metrics"] == []
    assert root(sandbox, ACCOUNT)("logs").describe_log_groups(logGroupNamePrefix=unique)["logGroups"] == []


def test_every_account_trusts_the_forge_once(sandbox: Sandbox) -> None:
    for account in (ACCOUNT, STAGING, PROD):
        iam = root(sandbox, account)("iam")
        (provider,) = iam.list_open_id_connect_providers()["OpenIDConnectProviderList"]
        found = iam.get_open_id_connect_provider(OpenIDConnectProviderArn=provider["Arn"])
        assert found["ClientIDList"] == ["sts.amazonaws.com"]


def test_a_duty_has_its_roles_in_its_account_alone(sandbox: Sandbox) -> None:
    def roles(account: str) -> set[str]:
        found = root(sandbox, account)("iam").list_roles()["Roles"]
        return {role["RoleName"] for role in found if role["RoleName"].startswith("shop-")}

    training = {"audit", "ci", "developer", "execution", "experiment", "train"}
    assert roles(ACCOUNT) == {f"shop-{duty}" for duty in training}
    for environment, account in (("staging", STAGING), ("prod", PROD)):
        names = ("deploy", "rollback", "serve")
        assert roles(account) == {f"shop-{name}-{environment}" for name in names}


def test_another_accounts_bucket_is_closed_even_to_its_root_user(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match="because no resource-based policy allows"):
        root(sandbox, PROD)("s3").get_object(Bucket=sandbox.bucket, Key="a")
    with pytest.raises(ClientError, match="BucketAlreadyExists"):
        root(sandbox, PROD)("s3").create_bucket(
            Bucket=sandbox.bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )


def test_a_deployment_may_make_no_stacks(sandbox: Sandbox) -> None:
    worker = sign_in(sandbox, "deploy-prod")
    with pytest.raises(ClientError, match="AccessDenied"):
        worker("cloudformation").create_stack(StackName="x", TemplateBody="{}")


@pytest.fixture
def package(sandbox: Sandbox, unique: str) -> str:
    """An approved package of the training account, sealed as the pipeline seals it."""
    training, group = root(sandbox, ACCOUNT), f"shop-{unique}"
    key = f"releases/{unique}/model.tar.gz"
    body = archive({"weights.txt": unique, "code/inference.py": HANDLER})
    training("s3").put_object(
        Bucket=RELEASES, Key=key, Body=body, IfNoneMatch="*", ChecksumAlgorithm="SHA256"
    )
    training("sagemaker").create_model_package_group(ModelPackageGroupName=group)
    container = {
        "Image": IMAGE,
        "ModelDataUrl": f"s3://{RELEASES}/{key}",
        "Environment": {"SAGEMAKER_PROGRAM": "inference.py"},
    }
    made = training("sagemaker").create_model_package(
        ModelPackageGroupName=group,
        ModelApprovalStatus="Approved",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/plain"],
            "SupportedResponseMIMETypes": ["text/plain"],
        },
    )
    return str(made["ModelPackageArn"])


def share(sandbox: Sandbox, package: str, *actions: str) -> None:
    """Let prod's deploy role use the packages of a group."""
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": role_arn("deploy-prod", PROD)},
        "Action": [f"sagemaker:{action}" for action in actions],
        "Resource": package.replace("/1", "/*"),
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    group = package.split("/")[1]
    root(sandbox, ACCOUNT)("sagemaker").put_model_package_group_policy(
        ModelPackageGroupName=group, ResourcePolicy=policy
    )


def create_model(deploy: Worker, name: str, package: str, role: str = "serve-prod") -> None:
    deploy("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=role_arn(role, PROD),
        PrimaryContainer={"ModelPackageName": package},
    )


def serve(deploy: Worker, model: str, endpoint: str) -> dict[str, Any]:
    """Start an endpoint of a model; how it ended up."""
    sagemaker = deploy("sagemaker")
    variant = {
        "VariantName": "main",
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    sagemaker.create_endpoint_config(EndpointConfigName=model, ProductionVariants=[variant])
    sagemaker.create_endpoint(EndpointName=endpoint, EndpointConfigName=model)
    return wait_for(lambda: sagemaker.describe_endpoint(EndpointName=endpoint), "EndpointStatus", "Creating")


def test_a_package_of_training_serves_in_prod_as_prods_own_role(
    sandbox: Sandbox, unique: str, package: str
) -> None:
    share(sandbox, package, "CreateModel", "DescribeModelPackage")
    deploy, name, endpoint = sign_in(sandbox, "deploy-prod"), f"shop-{unique}-prod-0", f"shop-prod-{unique}"
    create_model(deploy, name, package)
    found = serve(deploy, name, endpoint)
    assert found["EndpointStatus"] == "InService", found.get("FailureReason")
    answer = deploy("sagemaker-runtime").invoke_endpoint(EndpointName=endpoint, Body=b"1")
    assert answer["Body"].read().decode() == unique
    with pytest.raises(ClientError, match="not found"):
        root(sandbox, ACCOUNT)("sagemaker-runtime").invoke_endpoint(EndpointName=endpoint, Body=b"1")
    group = f"/aws/sagemaker/Endpoints/{endpoint}"
    for account, wanted in ((PROD, 1), (ACCOUNT, 0)):
        groups = root(sandbox, account)("logs").describe_log_groups(logGroupNamePrefix=group)["logGroups"]
        assert len(groups) == wanted, account
    deploy("sagemaker").delete_endpoint(EndpointName=endpoint)
    assert_read_by_the_serving_role(sandbox, unique)


def assert_read_by_the_serving_role(sandbox: Sandbox, place: str) -> None:
    """The archive was read by prod's serving role, which SageMaker took."""
    records = sandbox.records()
    reads = [
        record
        for record in records
        if record["eventName"] == "GetObject" and place in json.dumps(record["requestParameters"])
    ]
    serving = f"arn:aws:sts::{PROD}:assumed-role/shop-serve-prod/SageMaker"
    own = [record["userIdentity"] for record in reads if record["recipientAccountId"] == PROD]
    assert {caller["arn"] for caller in own} == {serving}
    key = own[0]["accessKeyId"]
    taken = next(record for record in records if key in json.dumps(record["responseElements"]))
    assert (taken["eventName"], taken["recipientAccountId"]) == ("AssumeRole", PROD)
    assert taken["userIdentity"] == {"type": "AWSService", "invokedBy": "sagemaker.amazonaws.com"}


def test_a_package_that_is_not_shared_makes_no_model(sandbox: Sandbox, unique: str, package: str) -> None:
    deploy = sign_in(sandbox, "deploy-prod")
    share(sandbox, package, "DescribeModelPackage")
    with pytest.raises(ClientError, match=r"sagemaker:CreateModel on resource: arn.*model-package/"):
        create_model(deploy, f"shop-{unique}-prod-0", package)


def test_a_deploy_role_hands_on_the_serving_role_alone(sandbox: Sandbox, unique: str, package: str) -> None:
    share(sandbox, package, "CreateModel", "DescribeModelPackage")
    deploy = sign_in(sandbox, "deploy-prod")
    with pytest.raises(ClientError, match=r"iam:PassRole on resource: arn:aws:iam::.*shop-deploy-prod"):
        create_model(deploy, f"shop-{unique}-prod-0", package, "deploy-prod")


def test_an_endpoint_reads_what_its_role_may(sandbox: Sandbox, unique: str) -> None:
    operator, name = root(sandbox, PROD), f"shop-{unique}-prod-0"
    url = f"s3://{sandbox.bucket}/{unique}/model.tar.gz"
    sandbox.put(f"{unique}/model.tar.gz", archive({"code/inference.py": HANDLER}))
    operator("sagemaker").create_model(
        ModelName=name,
        ExecutionRoleArn=role_arn("serve-prod", PROD),
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": url},
    )
    found = serve(operator, name, name)
    assert found["EndpointStatus"] == "Failed"
    assert "AccessDenied" in found["FailureReason"]
    operator("sagemaker").delete_endpoint(EndpointName=name)


def test_env_prints_the_key_of_an_account_and_the_token_of_a_person(sandbox: Sandbox) -> None:
    shown = sandbox_command(sandbox.root, "env", "--account", "prod", "--user", "ben").stdout
    values: dict[str, Any] = dict(
        line.removeprefix("export ").split("=", 1) for line in shown.splitlines() if "=" in line
    )
    assert values["AWS_ACCESS_KEY_ID"] == f"AKIAROOT{PROD}"
    assert values["GITHUB_TOKEN"].startswith("ghp_ben")
    assert values["GITHUB_REPOSITORY"] == "acme/shop"
    assert values["GITHUB_API_URL"] == f"{values['GITHUB_SERVER_URL']}/api/v3"
    refused = sandbox_command(sandbox.root, "env", "--user", "mallory")
    assert refused.returncode == 1
    assert refused.stderr.startswith("'mallory' has no account on the forge. It knows ada, ben")
