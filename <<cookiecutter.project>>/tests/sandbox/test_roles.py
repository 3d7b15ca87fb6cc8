"""What each role may do: every role tries every act, through the API, and only the listed ones succeed."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError

from .conftest import ACCOUNT, IMAGE, PROD, REGION, STAGING, Sandbox, make_user
from .workers import CI_ROLES, Worker, role_arn, sign_in, worker

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    Act = Callable[[Worker], Any]

DATA, RELEASES = f"shop-data-{ACCOUNT}-{REGION}", f"shop-releases-{ACCOUNT}-{REGION}"
GROUP = "shop-roles"
PACKAGE = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/{GROUP}/1"
HOMES = {"staging": STAGING, "prod": PROD}
# Roles that no job can sign in to: people's, and those that SageMaker takes.
OTHERS = {
    "developer": ACCOUNT,
    "execution": ACCOUNT,
    "experiment": ACCOUNT,
    "serve-staging": STAGING,
    "serve-prod": PROD,
}
INFERENCE = {
    "Containers": [{"Image": IMAGE, "ModelDataUrl": f"s3://{RELEASES}/releases/x/model.tar.gz"}],
    "SupportedContentTypes": ["text/csv"],
    "SupportedResponseMIMETypes": ["text/csv"],
}


def register(status: str) -> Act:
    return lambda role: role("sagemaker").create_model_package(
        ModelPackageGroupName=GROUP, ModelApprovalStatus=status, InferenceSpecification=INFERENCE
    )


def judge(**changes: Any) -> Act:
    return lambda role: role("sagemaker").update_model_package(ModelPackageArn=PACKAGE, **changes)


def stage(environment: str) -> dict[str, Any]:
    return {"Stage": environment, "StageStatus": "Approved"}


def read(bucket: str, key: str) -> Act:
    return lambda role: role("s3").get_object(Bucket=bucket, Key=key)


def write(bucket: str, key: str, **more: Any) -> Act:
    return lambda role: role("s3").put_object(
        Bucket=bucket, Key=key, Body=b"x", ChecksumAlgorithm="SHA256", **more
    )


def once(bucket: str, key: str) -> Act:
    return write(bucket, key, IfNoneMatch="*")


def find(bucket: str, prefix: str) -> Act:
    return lambda role: role("s3").list_objects_v2(Bucket=bucket, Prefix=prefix)


def ask(service: str, operation: str, **params: Any) -> Act:
    return lambda role: getattr(role(service), operation)(**params)


def make_model(role_name: str, environment: str) -> Act:
    return ask(
        "sagemaker",
        "create_model",
        ModelName=f"shop-x-{environment}-0",
        ExecutionRoleArn=role_arn(role_name, HOMES.get(environment, ACCOUNT)),
        PrimaryContainer={"ModelPackageName": PACKAGE},
    )


def alarm(environment: str) -> dict[str, Any]:
    return {
        "AlarmName": f"shop-{environment}-x.errors.0",
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Statistic": "Average",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }


TRAINING_ACTS: dict[str, Act] = {
    "register": register("PendingManualApproval"),
    "register approved": register("Approved"),
    "read package": ask("sagemaker", "describe_model_package", ModelPackageName=PACKAGE),
    "list packages": ask("sagemaker", "list_model_packages", ModelPackageGroupName=GROUP),
    "delete package": ask("sagemaker", "delete_model_package", ModelPackageName=PACKAGE),
    "make group": ask("sagemaker", "create_model_package_group", ModelPackageGroupName=GROUP),
    "approve": judge(ModelApprovalStatus="Approved"),
    "approve in staging": judge(ModelApprovalStatus="Approved", ModelLifeCycle=stage("staging")),
    "approve in prod": judge(ModelApprovalStatus="Approved", ModelLifeCycle=stage("prod")),
    "reject": judge(ModelApprovalStatus="Rejected", ModelLifeCycle=stage("staging")),
    "stage staging": judge(ModelLifeCycle=stage("staging"), CustomerMetadataProperties={"staging.pr": "1"}),
    "stage prod": judge(ModelLifeCycle=stage("prod"), CustomerMetadataProperties={"prod.pr": "1"}),
    "strip metadata": judge(ModelLifeCycle=stage("staging"), CustomerMetadataPropertiesToRemove=["a"]),
    "start run": ask("sagemaker", "start_pipeline_execution", PipelineName=GROUP),
    "start experiment": ask("sagemaker", "start_pipeline_execution", PipelineName=f"{GROUP}-experiment"),
    "see runs": ask("sagemaker", "list_pipeline_executions", PipelineName=GROUP),
    "publish data": write(DATA, "datasets/x/1/a.csv"),
    "push data": write(DATA, "dvc/files/md5/00/0"),
    "upload code": write(DATA, "code/0.tar.gz"),
    "read data": read(DATA, "datasets/x/1/a.csv"),
    "read verdict": read(DATA, "runs/x/evaluation/evaluation.json"),
    "write run": write(DATA, "runs/x/a"),
    "seal": once(RELEASES, "releases/x/roles/model.tar.gz"),
    "overwrite release": write(RELEASES, "releases/x/model.tar.gz"),
    "read release": read(RELEASES, "releases/x/model.tar.gz"),
    "read evaluation": read(RELEASES, "releases/x/evaluations/0.json"),
    "delete release": ask("s3", "delete_object", Bucket=RELEASES, Key="releases/x/model.tar.gz"),
    "drop bucket policy": ask("s3", "delete_bucket_policy", Bucket=RELEASES),
    "trust others": ask(
        "iam", "update_assume_role_policy", RoleName="shop-train", PolicyDocument='{"Version":"2012-10-17"}'
    ),
    "make key": ask("iam", "create_access_key", UserName="nobody"),
}


def environment_acts(environment: str) -> dict[str, Act]:
    """What is done to one environment."""
    endpoint, config = f"shop-{environment}-x", f"shop-x-{environment}-0"
    names = {"EndpointName": endpoint, "EndpointConfigName": config}
    acts = {
        "describe endpoint": ask("sagemaker", "describe_endpoint", EndpointName=endpoint),
        "list endpoints": ask("sagemaker", "list_endpoints"),
        "create endpoint": ask("sagemaker", "create_endpoint", **names),
        "update endpoint": ask("sagemaker", "update_endpoint", **names),
        "delete endpoint": ask("sagemaker", "delete_endpoint", EndpointName=endpoint),
        "shift weights": ask(
            "sagemaker",
            "update_endpoint_weights_and_capacities",
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": "main", "DesiredWeight": 1.0}],
        ),
        "describe config": ask("sagemaker", "describe_endpoint_config", EndpointConfigName=config),
        "delete config": ask("sagemaker", "delete_endpoint_config", EndpointConfigName=config),
        "make model": make_model(f"serve-{environment}", environment),
        "make model as execution": make_model("execution", "training"),
        "invoke": ask("sagemaker-runtime", "invoke_endpoint", EndpointName=endpoint, Body=b"1"),
        "put alarm": ask("cloudwatch", "put_metric_alarm", **alarm(environment)),
        "delete alarm": ask("cloudwatch", "delete_alarms", AlarmNames=[f"shop-{environment}-x.errors.0"]),
        "see alarms": ask("cloudwatch", "describe_alarms", AlarmNamePrefix=f"shop-{environment}-"),
        "write evidence": once(RELEASES, f"evidence/{environment}/x/roles.json"),
        "overwrite evidence": write(RELEASES, f"evidence/{environment}/x/0.json"),
        "write soak": once(RELEASES, f"soaks/{environment}/x/roles.json"),
        "read soak": read(RELEASES, "soaks/staging/x/0.json"),
        "hold": write(DATA, f"holds/{environment}/x.json"),
        "see holds": find(DATA, f"holds/{environment}/"),
        "release hold": ask("s3", "delete_object", Bucket=DATA, Key=f"holds/{environment}/none.json"),
        "capture": write(DATA, f"capture/{environment}/x/a.jsonl"),
    }
    return {f"{environment}: {name}": act for name, act in acts.items()}


ACTS = {**TRAINING_ACTS, **environment_acts("staging"), **environment_acts("prod")}


def within(environment: str, *acts: str) -> set[str]:
    return {f"{environment}: {act}" for act in acts}


READ_REGISTRY = {"read package", "list packages"}
DEPLOY = (
    "describe endpoint",
    "list endpoints",
    "create endpoint",
    "update endpoint",
    "delete endpoint",
    "describe config",
    "delete config",
    "make model",
    "invoke",
    "put alarm",
    "delete alarm",
    "see alarms",
    "write evidence",
    "hold",
    "see holds",
    "release hold",
)
ROLLBACK = ("describe endpoint", "update endpoint", "describe config", "hold")
# Reading a list names no resource: the same act in the other environment's words is the same call.
LISTS = ("list endpoints", "see alarms")


# Who works on data sees all of its bucket's keys: of what is missing S3 would else say that it is forbidden.
KEYS = within("staging", "see holds") | within("prod", "see holds")


def deploy(environment: str, other: str) -> set[str]:
    granted = within(environment, *DEPLOY) | within(other, *LISTS)
    return granted | {"read package", "read release", "read evaluation", f"stage {environment}"}


MAY = {
    "ci": {*READ_REGISTRY, "read evaluation"}
    | within("staging", "see holds", "read soak")
    | within("prod", "see holds", "read soak"),
    "train": {*READ_REGISTRY, "make group", "start run", "start experiment", "see runs", "publish data"}
    | {"upload code", "read data", "read verdict", *KEYS},
    "developer": {"start experiment", "publish data", "push data", "upload code"}
    | {"read data", "read verdict", *KEYS},
    "execution": {*READ_REGISTRY, "register", "read data", "write run", "seal", "read release"}
    | {"read evaluation", "read verdict", *KEYS},
    "experiment": {"read data", "write run", "read release", "read evaluation"} | {"read verdict", *KEYS},
    "deploy-staging": deploy("staging", "prod") | {"approve in staging", "staging: write soak"},
    "deploy-prod": deploy("prod", "staging") | {"staging: read soak", "prod: read soak"},
    "rollback-staging": within("staging", *ROLLBACK),
    "rollback-prod": within("prod", *ROLLBACK),
    "serve-staging": {"read release", "read evaluation", "staging: capture"},
    "serve-prod": {"read release", "read evaluation", "prod: capture"},
}
REFUSED = {"AccessDenied", "AccessDeniedException"}


@pytest.fixture(scope="module")
def roles(sandbox: Sandbox) -> Iterator[dict[str, Worker]]:
    """A session of every role; those that only SageMaker takes are lent to a user for the while."""
    furnish(sandbox)
    found = {name: sign_in(sandbox, name) for name in CI_ROLES}
    for name, account in OTHERS.items():
        found[name] = lend(sandbox, name, account)
    yield found
    sandbox.client("sagemaker").delete_model_package(ModelPackageName=PACKAGE)


def furnish(sandbox: Sandbox) -> None:
    """A package of another account's deploys, a pipeline, and the objects that are read."""
    sagemaker = sandbox.client("sagemaker")
    sagemaker.create_model_package_group(ModelPackageGroupName=GROUP)
    sagemaker.put_model_package_group_policy(ModelPackageGroupName=GROUP, ResourcePolicy=share())
    operator = Worker(sandbox, f"AKIAROOT{ACCOUNT}")
    register("PendingManualApproval")(operator)
    for key in ("datasets/x/1/a.csv", "holds/staging/x.json", "runs/x/evaluation/evaluation.json"):
        sandbox.put(key, "x")
    for key in ("releases/x/model.tar.gz", "releases/x/evaluations/0.json", "soaks/staging/x/0.json"):
        once(RELEASES, key)(operator)


def share() -> str:
    """The group's policy: the deploy roles of the other accounts read, stage and use its packages."""
    deploys = [role_arn(f"deploy-{environment}", account) for environment, account in HOMES.items()]
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": [f"arn:aws:iam::{account}:root" for account in HOMES.values()]},
        "Action": [
            f"sagemaker:{act}" for act in ("CreateModel", "DescribeModelPackage", "UpdateModelPackage")
        ],
        "Resource": PACKAGE.replace("/1", "/*"),
        "Condition": {"ArnEquals": {"aws:PrincipalArn": deploys}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def lend(sandbox: Sandbox, role: str, account: str) -> Worker:
    """A session of a role that trusts no job: its trust is widened to users, and narrowed again at once."""
    iam = sandbox.client("iam", f"AKIAROOT{account}")
    key = make_user(sandbox, f"lent-{role}", account)
    name = f"shop-{role}"
    kept = iam.get_role(RoleName=name)["Role"]["AssumeRolePolicyDocument"]
    statement = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
    document = {"Version": "2012-10-17", "Statement": [*kept["Statement"], statement]}
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(document))
    made = sandbox.client("sts", key).assume_role(RoleArn=role_arn(role, account), RoleSessionName="lent")
    iam.update_assume_role_policy(RoleName=name, PolicyDocument=json.dumps(kept))
    return worker(sandbox, made["Credentials"])


def is_refused(act: Act, role: Worker) -> bool:
    """Whether policies forbid an act; whatever else is wrong with it comes after that question."""
    try:
        act(role)
    except ClientError as error:
        return error.response["Error"]["Code"] in REFUSED
    return False


@pytest.mark.parametrize("role", MAY)
def test_a_role_may_do_what_its_duty_needs_and_nothing_else(roles: dict[str, Worker], role: str) -> None:
    found = {name for name, act in ACTS.items() if not is_refused(act, roles[role])}
    assert found == MAY[role]


def test_a_refusal_says_who_may_not_do_what_and_stands_in_the_trail(
    sandbox: Sandbox, roles: dict[str, Worker]
) -> None:
    with pytest.raises(ClientError) as caught:
        roles["ci"]("sagemaker").delete_model_package_group(ModelPackageGroupName="shop-refused")
    error = caught.value.response["Error"]
    said = (
        f"User: arn:aws:sts::{ACCOUNT}:assumed-role/shop-ci/p7.abc.1 is not authorized to perform: "
        f"sagemaker:DeleteModelPackageGroup on resource: arn:aws:sagemaker:{REGION}:{ACCOUNT}:"
        "model-package-group/shop-refused because no identity-based policy allows the "
        "sagemaker:DeleteModelPackageGroup action"
    )
    assert (error["Code"], error["Message"]) == ("AccessDeniedException", said)
    (record,) = [
        each
        for each in sandbox.records()
        if each["eventName"] == "DeleteModelPackageGroup" and "shop-refused" in json.dumps(each)
    ]
    assert (record["errorCode"], record["errorMessage"]) == ("AccessDenied", said)
    assert record["responseElements"] is None


def test_a_package_of_another_account_is_read_under_its_groups_policy_alone(
    sandbox: Sandbox, roles: dict[str, Worker]
) -> None:
    sagemaker, training = roles["deploy-prod"]("sagemaker"), sandbox.client("sagemaker")
    assert sagemaker.describe_model_package(ModelPackageName=PACKAGE)["ModelPackageArn"] == PACKAGE
    training.delete_model_package_group_policy(ModelPackageGroupName=GROUP)
    try:
        with pytest.raises(ClientError, match="because no resource-based policy allows"):
            sagemaker.describe_model_package(ModelPackageName=PACKAGE)
    finally:
        training.put_model_package_group_policy(ModelPackageGroupName=GROUP, ResourcePolicy=share())


def test_a_call_across_accounts_stands_in_both_trails_under_one_shared_id(
    sandbox: Sandbox, roles: dict[str, Worker]
) -> None:
    properties = {"prod.across": "1"}
    roles["deploy-prod"]("sagemaker").update_model_package(
        ModelPackageArn=PACKAGE, ModelLifeCycle=stage("prod"), CustomerMetadataProperties=properties
    )
    records = [each for each in sandbox.records() if "prod.across" in json.dumps(each["requestParameters"])]
    assert [each["recipientAccountId"] for each in records] == [PROD, ACCOUNT]
    assert len({each["sharedEventID"] for each in records}) == 1
    assert len({each["eventID"] for each in records}) == 2


def test_a_missing_object_looks_forbidden_to_those_who_may_not_list(roles: dict[str, Worker]) -> None:
    for role, code in (("deploy-staging", "NoSuchKey"), ("execution", "NoSuchKey")):
        with pytest.raises(ClientError) as caught:
            roles[role]("s3").get_object(Bucket=RELEASES, Key="releases/x/none")
        assert caught.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError) as caught:
        roles["deploy-staging"]("s3").get_object(Bucket=DATA, Key="holds/staging/none.json")
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"
    with pytest.raises(ClientError) as caught:
        roles["deploy-staging"]("s3").head_object(Bucket=DATA, Key="holds/prod/none.json")
    assert caught.value.response["Error"]["Code"] == "403"


def test_the_bucket_policy_binds_the_root_user_too(sandbox: Sandbox) -> None:
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        write(RELEASES, "releases/x/plain")(Worker(sandbox, f"AKIAROOT{ACCOUNT}"))


@pytest.mark.parametrize(
    ("bucket", "key"), [(DATA, "capture/prod/x/b.jsonl"), (DATA, "dvc/x"), (RELEASES, "releases/x/y")]
)
def test_nobody_lays_down_what_another_key_encrypts(sandbox: Sandbox, bucket: str, key: str) -> None:
    other = sandbox.client("kms").create_key()["KeyMetadata"]["Arn"]
    named = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": other, "IfNoneMatch": "*"}
    with pytest.raises(ClientError, match="with an explicit deny in a resource-based policy"):
        write(bucket, key, **named)(Worker(sandbox, f"AKIAROOT{ACCOUNT}"))
