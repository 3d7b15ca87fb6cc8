from __future__ import annotations

import json
import shutil
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from mlops.aws import Aws
from mlops.checkup.catalogue import CHECKS
from mlops.checkup.reads import Reads
from mlops.cli import run
from mlops.codecommit_settings import rule_content, rule_name
from mlops.github_forge import connect
from mlops.pin import dump_pin
from mlops.project import read_project
from sandbox.forge import settings
from tests.conftest import ACCOUNT, DVC_CONFIG, PROJECT, REGION, commit, git, write_model
from tests.hub import open_desk
from tests.joined import forget_token, join_pipelines
from tests.networked import ENDPOINTS, give_network, pin_elsewhere
from tests.patient import ENDPOINT, Patient, refuse, serve_one
from tests.test_check import write_pin
from tests.test_pin import make_guess

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops.checkup.finding import Check
    from tests.hub import Port

PAYLOAD = Path(__file__).resolve().parents[1]
INFRA = ("audit.yml", "boundary.yml", "data.yml", "identity.yml", "runtime.yml")
PROJECT_NAME = "acme/models"
TOPIC = f"arn:aws:sns:{REGION}:{ACCOUNT}:acme-audit"
DEPLOYER, TRAIL, DATA = "acme-deploy-staging", "acme-audit", f"acme-data-{ACCOUNT}-{REGION}"


@pytest.fixture(scope="module")
def healthy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose files are in order."""
    root = tmp_path_factory.mktemp("healthy") / "project"
    (root / "infra").mkdir(parents=True)
    (root / "project.yml").write_text(PROJECT)
    for name in INFRA:
        shutil.copy(PAYLOAD / "infra" / name, root / "infra" / name)
    shutil.copytree(PAYLOAD / ".github", root / ".github")
    (root / ".dvc").mkdir()
    (root / ".dvc/config").write_text(DVC_CONFIG)
    write_model(root, "guess")
    git(root, "init", "-q", "-b", "main")
    git(root, "add", "-A")
    git(root, "-c", "user.name=Ada", "-c", "user.email=ada@example.com", "commit", "-q", "-m", "Begin")
    return root


@pytest.fixture(scope="module")
def forge(
    forge_port: Port, healthy: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, str]]:
    """The environment that names a forge with the project's settings, as its admin."""
    for desk in open_desk(forge_port, tmp_path_factory.mktemp("desk"), repository=PROJECT_NAME):
        settings.apply(settings.Api(desk.forge.wsgi, desk.token("ada"), PROJECT_NAME), healthy)
        yield {"GITHUB_API_URL": f"{desk.url}/api/v3", "GITHUB_TOKEN": desk.token("ada")}


@pytest.fixture(scope="module")
def true_reads() -> Reads:
    """What sandbox and forge answer: asked once for all tests."""
    return Reads(Aws(REGION), lambda: connect(PROJECT_NAME).read)


@pytest.fixture
def patient(
    healthy: Path,
    forge: dict[str, str],
    endpoint_url: str,
    true_reads: Reads,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Patient:
    """A world in which all is well, with one endpoint live."""
    for name, value in {**forge, "AWS_ENDPOINT_URL": endpoint_url}.items():
        monkeypatch.setenv(name, value)
    boto3.client("sns").subscribe(TopicArn=TOPIC, Protocol="email", Endpoint="ada@example.com")
    root = tmp_path / "project"
    shutil.copytree(healthy, root)
    patient = Patient(root, true_reads)
    serve_one(patient)
    return patient


def change_trust(patient: Patient, change: Callable[[dict[str, Any]], object]) -> None:
    """Alter the exact conditions under which staging's deploy role lets jobs in."""

    def alter(answer: Any) -> Any:
        change(answer["Role"]["AssumeRolePolicyDocument"]["Statement"][0]["Condition"]["StringEquals"])
        return answer

    patient.change(("iam", "get_role", DEPLOYER), alter)


def change_trail(patient: Patient, **members: Any) -> None:
    """Alter what CloudTrail says of the trail."""
    patient.change(
        ("cloudtrail", "describe_trails"),
        lambda answer: {"trailList": [{**answer["trailList"][0], **members}]},
    )


def change_stack(patient: Patient, **members: Any) -> None:
    """Alter what CloudFormation says of the stack of buckets."""
    patient.change(
        ("cloudformation", "describe_stacks", "acme-data"),
        lambda answer: {"Stacks": [{**answer["Stacks"][0], **members}]},
    )


def change_rule(patient: Patient, **parameters: Any) -> None:
    """Alter the rule about pull requests that is in force."""

    def alter(rules: Any) -> Any:
        found = next(rule for rule in rules if rule["type"] == "pull_request")
        found["parameters"] |= parameters
        return rules

    patient.change("/rules/branches/main", alter)


def change_alarms(patient: Patient, **members: Any) -> None:
    """Alter the endpoint's alarms."""
    patient.change(
        ("cloudwatch", "describe_alarms", f"{ENDPOINT}."),
        lambda answer: {"MetricAlarms": [{**each, **members} for each in answer["MetricAlarms"]]},
    )


def lower_quota(answer: Any) -> Any:
    for quota in answer["Quotas"]:
        if quota["QuotaName"] == "ml.m5.large for endpoint usage":
            quota["Value"] = 1.0
    return answer


def forget_boundary(patient: Patient) -> None:
    """Let a role lack the boundary that its template gives it."""

    def drop(answer: Any) -> Any:
        answer["Role"].pop("PermissionsBoundary", None)
        return answer

    patient.change(("iam", "get_role", "acme-developer"), drop)


# check → what makes just that check fail
def move_to_codecommit(patient: Patient) -> None:
    """The same account, its repository on CodeCommit with all that main needs; no stack is looked at."""
    patient.edit("project.yml", "forge: github", "forge: codecommit")
    for path in (patient.root / "infra").glob("*.yml"):
        path.unlink()
    (patient.root / "infra/elsewhere.yml").write_text(
        "Metadata: {AppliedTo: training, Forge: github}\nResources: {Topic: {Type: AWS::SNS::Topic}}\n"
    )
    commit(patient.root, "Move")
    project = read_project(patient.root)
    name, content = rule_name(project), json.dumps(rule_content(project))
    names = {"approvalRuleTemplateNames": [name]}
    template = {"approvalRuleTemplateName": name, "approvalRuleTemplateContent": content}
    push = ["codecommit:GitPush", "codecommit:CreateCommit", "codecommit:PutFile"]
    condition = {"StringEqualsIfExists": {"codecommit:References": ["refs/heads/main"]}}
    denial = {"Effect": "Deny", "Action": push, "Condition": condition}
    answers = {
        ("codecommit", "list_approval_rule_templates"): names,
        ("codecommit", "list_associated_approval_rule_templates_for_repository"): names,
        ("codecommit", "get_approval_rule_template"): {"approvalRuleTemplate": template},
        ("iam", "get_policy"): {"Policy": {"DefaultVersionId": "v1"}},
        ("iam", "get_policy_version"): {"PolicyVersion": {"Document": {"Statement": [denial]}}},
    }
    for key, answer in answers.items():
        patient.replace(key, answer)


def forget_association(patient: Patient) -> None:
    """A template that the repository does not have."""
    move_to_codecommit(patient)
    key = ("codecommit", "list_associated_approval_rule_templates_for_repository")
    patient.replace(key, {"approvalRuleTemplateNames": []})


def allow_pushes(patient: Patient) -> None:
    """A policy without the denial."""
    move_to_codecommit(patient)
    patient.replace(
        ("iam", "get_policy_version"),
        {"PolicyVersion": {"Document": {"Statement": [{"Effect": "Allow", "Action": ["codecommit:*"]}]}}},
    )


BREAKS: dict[str, Callable[[Patient], object]] = {
    "credentials": lambda p: p.put(("sts", "get_caller_identity"), Account="999999999999"),
    "region": lambda p: p.change(("regions", "athena"), lambda _: ["us-east-1"]),
    "quota": lambda p: p.change(("service-quotas", "list_service_quotas"), lower_quota),
    "stack": lambda p: p.change(("cloudformation", "describe_stacks", "acme-data"), lambda _: None),
    "stack-state": lambda p: change_stack(p, StackStatus="UPDATE_ROLLBACK_FAILED"),
    "stack-template": lambda p: p.put(
        ("cloudformation", "get_template", "acme-data"), TemplateBody="{Resources: {}}"
    ),
    "infra-reviewed": lambda p: p.edit("infra/data.yml", "Description: ", "Description: Our "),
    "stack-parameters": lambda p: change_stack(p, Parameters=[]),
    "provider": lambda p: p.put(("iam", "get_open_id_connect_provider"), ClientIDList=["others"]),
    "role": lambda p: p.change(("iam", "get_role", "acme-execution"), lambda _: None),
    "role-boundary": forget_boundary,
    "trust-repository": lambda p: change_trust(
        p, lambda asked: asked.update({"token.actions.githubusercontent.com:repository_id": "1"})
    ),
    "trust-subject": lambda p: change_trust(
        p, lambda asked: asked.pop("token.actions.githubusercontent.com:environment")
    ),
    "trust-audience": lambda p: change_trust(
        p, lambda asked: asked.pop("token.actions.githubusercontent.com:aud")
    ),
    "trust-workflow": lambda p: (p.root / ".github/workflows/train.yml").unlink(),
    "trail-logging": lambda p: p.put(("cloudtrail", "get_trail_status"), IsLogging=False),
    "trail-reach": lambda p: change_trail(p, IsMultiRegionTrail=False),
    "trail-validation": lambda p: change_trail(p, LogFileValidationEnabled=False),
    "trail-events": lambda p: p.put(("cloudtrail", "get_event_selectors"), AdvancedEventSelectors=[]),
    "trail-key": lambda p: p.put(("kms", "describe_key"), KeyMetadata={"KeyState": "Disabled", "KeyId": "k"}),
    "bucket": lambda p: p.change(("s3", "head_bucket", f"acme-releases-{ACCOUNT}-{REGION}"), lambda _: None),
    "bucket-versions": lambda p: p.put(("s3", "get_bucket_versioning", DATA), Status="Suspended"),
    "bucket-private": lambda p: p.change(("s3", "get_public_access_block", DATA), lambda _: None),
    "bucket-encrypted": lambda p: p.change(("s3", "get_bucket_encryption", DATA), lambda _: None),
    "bucket-tls": lambda p: p.change(("s3", "get_bucket_policy", DATA), lambda _: None),
    "bucket-locked": lambda p: p.change(
        ("s3", "get_object_lock_configuration", f"acme-trail-{ACCOUNT}-{REGION}"), lambda _: None
    ),
    "dvc-remote": lambda p: p.edit(".dvc/config", "acme-data", "other-data"),
    "network": lambda p: give_network(p, subnets=[]),
    "network-endpoints": lambda p: give_network(p, endpoints=ENDPOINTS[1:]),
    "network-used": pin_elsewhere,
    "ruleset": lambda p: change_rule(p, require_last_push_approval=False),
    "ruleset-bypass": lambda p: p.change(
        ("forge", "bypass"), lambda kept: {**kept, "bypass_actors": [{"actor_type": "OrganizationAdmin"}]}
    ),
    "environment": lambda p: p.change("/environments/prod", lambda _: None),
    "actions-propose": lambda p: p.put(
        "/actions/permissions/workflow", can_approve_pull_request_reviews=False
    ),
    "actions-default": lambda p: p.put("/actions/permissions/workflow", default_workflow_permissions="write"),
    "approval-rule": forget_association,
    "direct-push": allow_pushes,
    "connection": lambda p: join_pipelines(p, status="PENDING"),
    "forge-token": forget_token,
    "alarm": lambda p: p.change(
        ("cloudwatch", "describe_alarms", f"{ENDPOINT}."), lambda _: {"MetricAlarms": []}
    ),
    "alarm-rollback": lambda p: p.put(
        ("sagemaker", "describe_endpoint", ENDPOINT), LastDeploymentConfig={"BlueGreenUpdatePolicy": {}}
    ),
    "alarm-actions": lambda p: change_alarms(p, ActionsEnabled=False),
    "topic": lambda p: p.put(
        ("sns", "list_subscriptions_by_topic"), Subscriptions=[{"SubscriptionArn": "PendingConfirmation"}]
    ),
    "closed": lambda p: p.edit("models/guess/prepare.py", '"""', "ClarifyCheckStep"),
    "action-version": lambda p: p.edit(".github/workflows/train.yml", "3d3c42e5aac5", "000042e5aac5"),
    "image-version": lambda p: p.edit("models/guess/model.yml", "1.9-0", "1.4-2"),
    "tool": lambda p: p.change(("tool", "dvc"), lambda _: None),
}


@pytest.fixture(autouse=True)
def bypass(patient: Patient) -> None:
    """Give the ruleset's own number a name: the forge draws it."""
    rules = patient.true.forge("/rules/branches/main")
    path = f"/rulesets/{rules[0]['ruleset_id']}"
    patient.change(path, lambda kept: patient.changes.get(("forge", "bypass"), lambda same: same)(kept))


def test_a_world_in_order_has_no_finding(patient: Patient) -> None:
    assert patient.findings == []
    looked = {line.check for line in patient.lines if line.verdict == "ok"}
    seldom = {"approval-rule", "direct-push", "role-boundary", "network", "network-endpoints", "network-used"}
    seldom |= {"connection", "forge-token"}
    assert looked >= {check.id for check in CHECKS} - seldom, "some check has nothing to look at"


def test_pipelines_that_reach_the_forge_are_looked_at_and_have_no_finding(patient: Patient) -> None:
    join_pipelines(patient)
    assert patient.findings == []
    verdicts = {line.check: line.verdict for line in patient.lines}
    assert [verdicts[name] for name in ("connection", "forge-token", "actions-propose")] == [
        "ok",
        "ok",
        "none",
    ]


def test_a_network_in_order_is_looked_at_and_has_no_finding(patient: Patient) -> None:
    give_network(patient)
    assert patient.findings == []
    looked = {line.check for line in patient.lines if line.verdict == "ok"}
    assert looked >= {"network", "network-endpoints", "network-used"}


def test_a_nat_stands_for_every_endpoint(patient: Patient) -> None:
    give_network(patient, endpoints=[], nat="nat-0a1b2c3d")
    assert patient.findings == []


def test_an_endpoint_that_is_not_asked_by_its_usual_name_is_none(patient: Patient) -> None:
    without = {**ENDPOINTS[0], "PrivateDnsEnabled": False}
    give_network(patient, endpoints=[without, *ENDPOINTS[1:]])
    (found,) = patient.findings
    assert found.said.startswith("vpc-0a1b2c3d has no endpoint of ecr.api and no NAT: ")


def test_a_pin_in_another_network_than_project_yml_is_proposed_anew(patient: Patient) -> None:
    write_pin(patient.root, "staging", dump_pin(make_guess()))
    give_network(patient, duty="staging")
    (found,) = patient.findings
    assert (found.check, found.remedy) == ("network-used", "mlops propose guess --to staging --serving")


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.id)
def test_each_check_can_fail_alone(check: Check, patient: Patient) -> None:
    BREAKS[check.id](patient)
    found = patient.findings
    assert {line.check for line in found} == {check.id}, found
    assert all(line.said and line.remedy for line in found), "a finding says what it is and what to type"


def test_no_check_lacks_a_world_in_which_it_fails() -> None:
    assert set(BREAKS) == {check.id for check in CHECKS}
    assert len(CHECKS) == len({check.id for check in CHECKS}), "an id is used twice"


def test_what_may_not_be_looked_at_is_not_said_to_be_well(patient: Patient) -> None:
    for service in ("cloudformation", "iam", "s3", "sagemaker", "service-quotas"):
        for operation in OPERATIONS[service]:
            patient.change((service, operation), refuse)
    verdicts = {line.check: line.verdict for line in patient.lines}
    assert {verdicts[name] for name in ("stack", "role", "bucket", "topic", "quota", "alarm")} == {"untold"}


OPERATIONS = {
    "cloudformation": ("describe_stacks", "list_stack_resources"),
    "iam": ("get_role", "list_open_id_connect_providers"),
    "s3": ("head_bucket",),
    "sagemaker": ("list_endpoints",),
    "service-quotas": ("list_service_quotas",),
}


def test_stacks_are_held_against_main_and_not_against_a_branch(patient: Patient) -> None:
    git(patient.root, "switch", "-q", "-c", "feature")
    patient.edit("infra/data.yml", "Description: ", "Description: Our ")
    commit(patient.root, "Try")
    (found,) = patient.findings
    assert (found.check, found.subject) == ("infra-reviewed", "infra/data.yml")
    assert found.said.startswith("differs from that of main (")
    git(patient.root, "branch", "-q", "-f", "main", "feature")
    (found,) = patient.findings
    assert (found.check, found.subject) == ("stack-template", "acme-data")


def test_a_template_that_main_lacks_is_found_with_its_stack(patient: Patient) -> None:
    git(patient.root, "rm", "-q", "--cached", "infra/data.yml")
    git(patient.root, "commit", "-q", "-m", "Forget")
    found = {line.check: line.said for line in patient.findings}
    assert set(found) == {"infra-reviewed", "stack-template"}
    assert all("lacks" in said for said in found.values())


def test_without_main_nothing_is_said_to_be_well(patient: Patient) -> None:
    git(patient.root, "branch", "-q", "-m", "main", "trunk")
    lines = [line for line in patient.lines if line.check in ("infra-reviewed", "stack-template")]
    assert {line.verdict for line in lines} == {"untold"}
    assert all("git fetch origin main" in line.said for line in lines)


def test_a_repository_that_was_made_anew_is_found(patient: Patient) -> None:
    patient.put("", id=777)
    found = {line.check: line for line in patient.findings}
    assert set(found) == {"trust-repository", "trust-subject", "stack-parameters"}
    assert "the forge's is 777: made anew" in found["trust-repository"].said
    assert found["trust-repository"].remedy.startswith("mlops bootstrap ")


def test_without_the_forge_trust_cannot_be_told(patient: Patient) -> None:
    patient.change("", refuse)
    lines = {line.check: line for line in patient.lines if line.check == "trust-repository"}
    assert lines["trust-repository"].verdict == "untold"


def test_a_wrong_account_is_named_by_its_number_and_nothing_in_it_is_judged(patient: Patient) -> None:
    BREAKS["credentials"](patient)
    lines = patient.lines
    said = next(line.said for line in lines if line.check == "credentials")
    assert said == f"signed in to account 999999999999, project.yml names {ACCOUNT} (training)"
    assert {line.verdict for line in lines if line.check.startswith(("stack", "bucket", "trail"))} == {
        "untold"
    }


def test_the_table_of_actions_grows_too_old_to_judge(patient: Patient) -> None:
    patient.today = date(2027, 6, 1)
    verdicts = {line.verdict for line in patient.lines if line.check == "action-version"}
    assert verdicts == {"untold"}, "an old table knows nothing of what is newest"


def test_a_movable_action_is_a_finding_however_old_the_table_is(patient: Patient) -> None:
    patient.today = date(2027, 6, 1)
    patient.edit(".github/workflows/train.yml", "@3d3c42e5aac5ba805825da76410c181273ba90b1", "@v7")
    assert [line.check for line in patient.findings] == ["action-version"]


def test_the_verb_shows_findings_with_their_remedies_and_fails(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(patient.root)
    assert run(["doctor", "--only", "dvc-remote", "--only", "tool"]) == 0
    patient.edit(".dvc/config", "acme-data", "other-data")
    assert run(["doctor", "--only", "dvc-remote"]) == 1
    assert f"dvc remote add --default --force storage s3://{DATA}/dvc" in capfd.readouterr().out


def test_json_has_every_line(
    patient: Patient, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(patient.root)
    assert run(["doctor", "prod", "--json", "--only", "role"]) == 0
    lines = json.loads(capfd.readouterr().out)
    assert {line["subject"] for line in lines} >= {"acme-deploy-prod", "acme-serve-prod"}
    assert "acme-deploy-staging" not in {line["subject"] for line in lines}, "prod was asked for"
