"""CloudTrail's API: what a trail may be, the event history, and the foundation's audit stack."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from moto.s3.models import s3_backends

from sandbox.backend import Moto
from sandbox.cloudformation.conditions import evaluate
from sandbox.cloudformation.template import read
from sandbox.cloudtrail.digests import Place
from sandbox.cloudtrail.keep import keep
from sandbox.cloudtrail.keys import Keyring
from sandbox.cloudtrail.store import Store

from .conftest import ACCOUNT, PAYLOAD, PROD, REGION, STAGING, Sandbox, sandbox_command
from .workers import sign_in

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TRAILS = f"shop-trail-{ACCOUNT}-{REGION}"
TEMPLATE = (PAYLOAD / "infra/audit.yml").read_text()


@pytest.fixture
def bucket(sandbox: Sandbox, unique: str) -> str:
    """A bucket that takes what the trail of that name delivers."""
    s3, arn = sandbox.client("s3"), f"arn:aws:s3:::{unique}"
    s3.create_bucket(Bucket=unique, CreateBucketConfiguration={"LocationConstraint": REGION})
    trail = {"aws:SourceArn": f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{unique}"}
    service = {"Effect": "Allow", "Principal": {"Service": "cloudtrail.amazonaws.com"}}
    statements = [
        {**service, "Action": "s3:GetBucketAcl", "Resource": arn},
        {**service, "Action": "s3:PutObject", "Resource": f"{arn}/*", "Condition": {"StringEquals": trail}},
    ]
    policy = {"Version": "2012-10-17", "Statement": statements}
    s3.put_bucket_policy(Bucket=unique, Policy=json.dumps(policy))
    return unique


@pytest.fixture
def cloudtrail(sandbox: Sandbox) -> Any:
    return sandbox.client("cloudtrail")


@pytest.fixture
def trail(cloudtrail: Any, bucket: str) -> Iterator[str]:
    cloudtrail.create_trail(Name=bucket, S3BucketName=bucket)
    yield bucket
    cloudtrail.delete_trail(Name=bucket)


def test_a_trail_is_described_as_it_was_made(cloudtrail: Any, trail: str) -> None:
    found = cloudtrail.get_trail(Name=trail)["Trail"]
    assert found["TrailARN"] == f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{trail}"
    assert (found["IsMultiRegionTrail"], found["HasCustomEventSelectors"]) == (False, False)
    assert cloudtrail.get_trail_status(Name=trail)["IsLogging"] is False
    cloudtrail.update_trail(Name=trail, IsMultiRegionTrail=True, EnableLogFileValidation=True)
    (described,) = cloudtrail.describe_trails(trailNameList=[trail])["trailList"]
    assert (described["IsMultiRegionTrail"], described["LogFileValidationEnabled"]) == (True, True)
    assert trail in [each["Name"] for each in cloudtrail.list_trails()["Trails"]]


def test_a_trail_carries_tags(cloudtrail: Any, trail: str) -> None:
    arn = cloudtrail.get_trail(Name=trail)["Trail"]["TrailARN"]
    cloudtrail.add_tags(ResourceId=arn, TagsList=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    cloudtrail.remove_tags(ResourceId=arn, TagsList=[{"Key": "a"}])
    (found,) = cloudtrail.list_tags(ResourceIdList=[arn])["ResourceTagList"]
    assert found["TagsList"] == [{"Key": "b", "Value": "2"}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Name": "x"}, "InvalidTrailNameException"),
        ({"Name": "two__lines"}, "InvalidTrailNameException"),
        ({"Name": "another"}, "InsufficientS3BucketPolicyException"),
        ({"Name": "shop-audit"}, "TrailAlreadyExistsException"),
        ({"S3BucketName": "no-such-bucket"}, "S3BucketDoesNotExistException"),
        ({"S3BucketName": f"shop-data-{ACCOUNT}-{REGION}"}, "InsufficientS3BucketPolicyException"),
        ({"KmsKeyId": "alias/none"}, "KmsKeyNotFoundException"),
        ({"KmsKeyId": "alias/shop-trail"}, "InsufficientEncryptionPolicyException"),
        (
            {"IsMultiRegionTrail": True, "IncludeGlobalServiceEvents": False},
            "InvalidParameterCombinationException",
        ),
        ({"SnsTopicName": "topic"}, "UnsupportedOperationException"),
        ({"IsOrganizationTrail": True}, "OrganizationsNotInUseException"),
    ],
)
def test_a_trail_that_could_not_deliver_or_is_not_served_is_refused(
    cloudtrail: Any, bucket: str, changes: dict[str, Any], code: str
) -> None:
    with pytest.raises(ClientError) as caught:
        cloudtrail.create_trail(**{"Name": bucket, "S3BucketName": bucket, **changes})
    assert caught.value.response["Error"]["Code"] == code


@pytest.mark.parametrize("operation", ["get_trail", "get_trail_status", "start_logging", "delete_trail"])
def test_an_unknown_trail_is_not_found(cloudtrail: Any, operation: str) -> None:
    with pytest.raises(ClientError, match="TrailNotFoundException"):
        getattr(cloudtrail, operation)(Name="none-such")


def test_an_operation_that_is_not_served_is_refused_by_name(cloudtrail: Any) -> None:
    with pytest.raises(ClientError, match="does not serve cloudtrail:ListEventDataStores"):
        cloudtrail.list_event_data_stores()


def test_the_history_is_looked_up_by_attribute_newest_first(
    sandbox: Sandbox, cloudtrail: Any, unique: str
) -> None:
    sagemaker = sandbox.client("sagemaker")
    for number in range(3):
        sagemaker.create_model_package_group(ModelPackageGroupName=f"{unique}-{number}")
    wanted = [{"AttributeKey": "EventName", "AttributeValue": "CreateModelPackageGroup"}]
    page = cloudtrail.lookup_events(LookupAttributes=wanted, MaxResults=2)
    rest = cloudtrail.lookup_events(LookupAttributes=wanted, MaxResults=2, NextToken=page["NextToken"])
    names = [
        json.loads(each["CloudTrailEvent"])["requestParameters"]["modelPackageGroupName"]
        for each in [*page["Events"], *rest["Events"]][:3]
    ]
    assert names == [f"{unique}-{number}" for number in (2, 1, 0)]
    first = page["Events"][0]
    assert (first["Username"], first["ReadOnly"]) == ("root", "false")
    assert first["EventSource"] == "sagemaker.amazonaws.com"


def test_the_history_has_no_data_events_and_no_other_accounts(sandbox: Sandbox, unique: str) -> None:
    sandbox.put(unique, "1")
    sandbox.client("sagemaker", f"AKIAROOT{PROD}").create_model_package_group(ModelPackageGroupName=unique)
    found = sandbox.client("cloudtrail").lookup_events()["Events"]
    assert unique not in json.dumps([each["CloudTrailEvent"] for each in found])
    there = sandbox.client("cloudtrail", f"AKIAROOT{PROD}").lookup_events()["Events"]
    assert unique in there[0]["CloudTrailEvent"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        (
            {"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "a"}] * 2},
            "LookupAttributes",
        ),
        (
            {"StartTime": datetime(2026, 1, 2, tzinfo=UTC), "EndTime": datetime(2026, 1, 1, tzinfo=UTC)},
            "Range",
        ),
        ({"NextToken": "page two"}, "NextToken"),
    ],
)
def test_a_lookup_that_makes_no_sense_is_refused(cloudtrail: Any, asked: dict[str, Any], code: str) -> None:
    with pytest.raises(ClientError, match=f"Invalid.*{code}"):
        cloudtrail.lookup_events(**asked)


def post(sandbox: Sandbox, path: str, body: bytes, kind: str = "application/json") -> tuple[int, Any]:
    request = urllib.request.Request(f"{sandbox.endpoint}/_sandbox/{path}", body, {"Content-Type": kind})  # noqa: S310
    try:
        with urllib.request.urlopen(request) as answer:  # noqa: S310  # our own server
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


@pytest.mark.parametrize(
    ("path", "body", "kind", "said"),
    [
        ("clock", b'{"forward": -1}', "application/json", "forward is -1"),
        ("clock", b'{"forward": "1h"}', "application/json", "forward is '1h'"),
        ("clock", b"{", "application/json", "not a JSON object"),
        ("clock", b'{"forward": 1}', "text/plain", "allowed, as JSON"),
        ("moon", b"{}", "application/json", "POST /_sandbox/trails"),
    ],
)
def test_the_sandbox_refuses_what_it_cannot_do_to_itself(
    sandbox: Sandbox, path: str, body: bytes, kind: str, said: str
) -> None:
    status, answer = post(sandbox, path, body, kind)
    assert status == 400
    assert said in answer["error"]


@pytest.mark.parametrize("given", ["1", "h", "-1h", "1w"])
def test_a_duration_that_is_none_is_a_usage_error(sandbox: Sandbox, given: str) -> None:
    done = sandbox_command(sandbox.root, "clock", f"--forward={given}")
    assert done.returncode == 2
    assert "is not a number with one of s, m, h, d" in done.stderr


def test_the_audit_role_reads_the_trail_and_changes_nothing(sandbox: Sandbox) -> None:
    audit = sign_in(sandbox, "audit")
    assert sandbox_command(sandbox.root, "trail").returncode == 0
    found = audit("s3").list_objects_v2(Bucket=TRAILS, Prefix=f"AWSLogs/{PROD}/")["Contents"]
    assert audit("s3").get_object(Bucket=TRAILS, Key=found[0]["Key"])["Metadata"]["signature"]
    assert audit("cloudtrail").list_public_keys(StartTime=datetime.now(UTC) - timedelta(days=1))
    with pytest.raises(ClientError, match="AccessDenied"):
        audit("cloudtrail").stop_logging(Name="shop-audit")
    with pytest.raises(ClientError, match="AccessDenied"):
        audit("s3").delete_object(Bucket=TRAILS, Key=found[0]["Key"])


def test_the_audit_role_names_its_actions_and_what_they_concern() -> None:
    role = read(TEMPLATE).resources["AuditRole"]["Properties"]
    for statement in role["Policies"][0]["PolicyDocument"]["Statement"]:
        actions = statement["Action"] if isinstance(statement["Action"], list) else [statement["Action"]]
        reads = ("s3:Get", "s3:List", "kms:Decrypt", "cloudtrail:Describe", "cloudtrail:List")
        assert all(action.startswith(reads) and "*" not in action for action in actions), statement["Sid"]
        # trails and public keys are nobody's resource
        assert (statement["Resource"] == "*") is (statement["Sid"] == "ReadKeys"), statement["Sid"]


@pytest.mark.parametrize("account", [ACCOUNT, STAGING, PROD])
def test_every_account_has_its_trail_and_its_rules(sandbox: Sandbox, account: str) -> None:
    key = f"AKIAROOT{account}"
    (found,) = [
        each
        for each in sandbox.client("cloudtrail", key).describe_trails()["trailList"]
        if each["Name"] == "shop-audit"
    ]
    assert (found["S3BucketName"], found["IsMultiRegionTrail"]) == (TRAILS, True)
    assert found["LogFileValidationEnabled"] is True
    assert found["KmsKeyId"].startswith(f"arn:aws:kms:{REGION}:{ACCOUNT}:key/")
    assert sandbox.client("cloudtrail", key).get_trail_status(Name="shop-audit")["IsLogging"] is True
    rules = sandbox.client("events", key).list_rules()["Rules"]
    enabled = {each["Name"] for each in rules if each["State"] == "ENABLED"}
    assert enabled >= {"shop-out-of-band", "shop-trail-touched"}


def test_the_trails_bucket_and_key_are_the_training_accounts_alone(sandbox: Sandbox) -> None:
    lock = sandbox.client("s3").get_object_lock_configuration(Bucket=TRAILS)["ObjectLockConfiguration"]
    assert lock["Rule"]["DefaultRetention"]["Mode"] == "GOVERNANCE"
    assert lock["Rule"]["DefaultRetention"]["Days"] == 400
    aliases = sandbox.client("kms", f"AKIAROOT{PROD}").list_aliases()["Aliases"]
    assert "alias/shop-trail" not in [each["AliasName"] for each in aliases]


@pytest.mark.parametrize("queries", ["create", "none"])
@pytest.mark.parametrize("account", [ACCOUNT, PROD])
def test_athena_is_left_out_by_a_parameter_and_nothing_else_is(account: str, queries: str) -> None:
    template = read(TEMPLATE)
    given = {"TrainingAccount": ACCOUNT, "Queries": queries, "NotifyEmail": "", "Ci": "github-actions"}
    holds = evaluate(template, {**given, "AWS::AccountId": account})
    kept = {
        resource["Type"].split("::")[1]
        for resource in template.resources.values()
        if "Condition" not in resource or holds[resource["Condition"]]
    }
    everywhere, home = {"CloudTrail", "Events", "SNS"}, {"KMS", "S3", "IAM"}
    athena = {"Athena", "Glue"} if (account, queries) == (ACCOUNT, "create") else set()
    assert kept == everywhere | (home if account == ACCOUNT else set()) | athena


def test_each_query_reads_partitions_that_the_table_has() -> None:
    resources = read(TEMPLATE).resources
    table = resources["Events"]["Properties"]["TableInput"]
    queries = [each["Properties"] for each in resources.values() if each["Type"] == "AWS::Athena::NamedQuery"]
    assert len(queries) >= 8
    assert [each["Name"] for each in table["PartitionKeys"]] == ["account", "region", "day"]
    for query in queries:
        text = query["QueryString"]["Fn::Sub"]
        assert "account IN ('${TrainingAccount}'" in text, query["Name"]
        assert "day >= date_format(" in text, query["Name"]


def test_a_template_of_every_account_says_so() -> None:
    assert read(TEMPLATE).metadata["AppliedTo"] == "every account"


def test_what_a_trail_wrote_is_kept_with_its_signatures(tmp_path: Path, unique: str) -> None:
    place, key = Place(unique, "", ACCOUNT, "audit", REGION, REGION), "AWSLogs/1/CloudTrail-Digest/x.json.gz"
    backend, everyone = s3_backends[ACCOUNT]["aws"], {"Effect": "Allow", "Principal": "*", "Resource": "*"}
    backend.create_bucket(unique, REGION)
    policy = {"Version": "2012-10-17", "Statement": {**everyone, "Action": "s3:PutObject"}}
    backend.put_bucket_policy(unique, json.dumps(policy).encode())
    Store(Moto()).put(place, key, b"digest", {"signature": "ab", "signature-algorithm": "SHA256withRSA"})
    keep(unique, tmp_path, Keyring(tmp_path / "keys"), datetime(2026, 11, 1, tzinfo=UTC))
    assert (tmp_path / key).read_bytes() == b"digest"
    kept = json.loads((tmp_path / "signatures.json").read_text())
    assert kept[key] == {"signature": "ab", "signature-algorithm": "SHA256withRSA"}


def test_a_bucket_without_trail_is_kept_as_an_empty_folder(tmp_path: Path) -> None:
    keyring = Keyring(tmp_path / "keys")
    keyring.at(REGION, datetime(2026, 11, 1, tzinfo=UTC))
    keep("no-such-bucket", tmp_path / "kept", keyring, datetime(2026, 11, 1, tzinfo=UTC))
    assert json.loads((tmp_path / "kept/signatures.json").read_text()) == {}
    (key,) = json.loads((tmp_path / "kept/keys.json").read_text())[REGION]
    assert key["ValidityEndTime"] == "2026-11-30T23:00:00Z"
    assert json.loads((tmp_path / "kept/fetched.json").read_text())["bucket"] == "no-such-bucket"
