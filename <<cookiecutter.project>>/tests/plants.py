"""One untagged thing of each kind that `mlops destroy` knows, made behind the tool's back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.plants_of_models import (
    plant_config,
    plant_endpoint,
    plant_execution,
    plant_model,
    plant_package,
    plant_pipeline,
    plant_policy,
    plant_processing_job,
    plant_role,
    plant_training_job,
)
from tests.plants_that_watch import (
    plant_alarm,
    plant_bucket,
    plant_budget,
    plant_connection,
    plant_database,
    plant_destination,
    plant_log_group,
    plant_query,
    plant_rule,
    plant_subscription,
    plant_trail,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.teardown.item import Clients


@dataclass(frozen=True)
class Garden:
    """Where things are planted: an account, under a project's name."""

    clients: Clients
    project: str

    @property
    def account(self) -> str:
        """The account's number."""
        return self.clients.account

    @property
    def region(self) -> str:
        """The one region."""
        return self.clients.region

    def __call__(self, service: str) -> Any:
        """A client."""
        return self.clients.of(service)

    def plant(self, kind: str) -> None:
        """Make one thing of a kind."""
        PLANTS[kind](self, self.project)


def plant_network(at: Garden, project: str) -> str:
    """A network without tags: a group in it names its project."""
    ec2 = at("ec2")
    number = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    ec2.create_security_group(GroupName=f"{project}-jobs", Description="jobs", VpcId=number)
    return str(number)


def network_of(at: Garden, project: str) -> str:
    """The planted network."""
    groups = at("ec2").describe_security_groups()["SecurityGroups"]
    found = next((each["VpcId"] for each in groups if each["GroupName"] == f"{project}-jobs"), None)
    return str(found) if found else plant_network(at, project)


def plant_subnet(at: Garden, project: str) -> None:
    at("ec2").create_subnet(VpcId=network_of(at, project), CidrBlock="10.9.1.0/24")


def plant_network_endpoint(at: Garden, project: str) -> None:
    at("ec2").create_vpc_endpoint(
        VpcId=network_of(at, project),
        ServiceName=f"com.amazonaws.{at.region}.s3",
        VpcEndpointType="Gateway",
    )


def plant_group(at: Garden, project: str) -> None:
    """One that another group's rule names: it cannot go before that rule."""
    ec2, network = at("ec2"), network_of(at, project)
    made = ec2.create_security_group(GroupName=f"{project}-endpoints", Description="x", VpcId=network)
    rule = {
        "IpProtocol": "tcp",
        "FromPort": 443,
        "ToPort": 443,
        "UserIdGroupPairs": [{"GroupId": made["GroupId"]}],
    }
    groups = ec2.describe_security_groups()["SecurityGroups"]
    jobs = next(each["GroupId"] for each in groups if each["GroupName"] == f"{project}-jobs")
    ec2.authorize_security_group_egress(GroupId=jobs, IpPermissions=[rule])


def plant_key(at: Garden, project: str) -> None:
    """A key without alias: its description names the project, as those of infra/ do."""
    at("kms").create_key(Description=f"Encrypts the plants of {project}'s garden")


def plant_alias(at: Garden, project: str) -> None:
    key = at("kms").create_key(Description="nobody says whose")["KeyMetadata"]["KeyId"]
    at("kms").create_alias(AliasName=f"alias/{project}-forgotten", TargetKeyId=key)


def plant_stack(at: Garden, project: str) -> None:
    """A stack of a template that infra/ had once, protected."""
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": f"{project}-of-a-stack"}}
    at("cloudformation").create_stack(
        StackName=f"{project}-forgotten",
        TemplateBody=json.dumps({"Resources": {"Topic": topic}}),
        EnableTerminationProtection=True,
    )
    at("cloudformation").get_waiter("stack_create_complete").wait(
        StackName=f"{project}-forgotten",
        WaiterConfig={"Delay": 0.2, "MaxAttempts": 100},
    )


def plant_pipeline_of_builds(at: Garden, project: str) -> None:
    """A pipeline with its build project, one role for both."""
    role, name = f"{project}-builders", f"{project}-forgotten"
    services = ["codebuild.amazonaws.com", "codepipeline.amazonaws.com"]
    trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn = at("iam").create_role(RoleName=role, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    environment = {"type": "LINUX_CONTAINER", "image": "x", "computeType": "BUILD_GENERAL1_SMALL"}
    both = {"type": "CODEPIPELINE"}
    at("codebuild").create_project(
        name=name, source=both, artifacts=both, environment=environment, serviceRole=arn
    )
    kinds = {"Source": ("CodeCommit", {"RepositoryName": name, "BranchName": "main"})}
    kinds["Build"] = ("CodeBuild", {"ProjectName": name})
    stages = [
        {
            "name": kind,
            "actions": [
                {
                    "name": kind,
                    "actionTypeId": {"category": kind, "owner": "AWS", "provider": provider, "version": "1"},
                    "configuration": configuration,
                    "inputArtifacts" if kind == "Build" else "outputArtifacts": [{"name": "Code"}],
                }
            ],
        }
        for kind, (provider, configuration) in kinds.items()
    ]
    store = {"type": "S3", "location": f"{project}-plants"}
    declared = {"name": name, "roleArn": arn, "pipelineType": "V2", "artifactStore": store, "stages": stages}
    at("codepipeline").create_pipeline(pipeline=declared)


def plant_approval_rule(at: Garden, project: str) -> None:
    """A template that a repository has."""
    statement = {"Type": "Approvers", "NumberOfApprovalsNeeded": 1}
    content = json.dumps({"Version": "2018-11-08", "Statements": [statement]})
    name, repository = f"{project}-forgotten", f"{project}-ruled"
    at("codecommit").create_approval_rule_template(
        approvalRuleTemplateName=name, approvalRuleTemplateContent=content
    )
    at("codecommit").create_repository(repositoryName=repository)
    at("codecommit").associate_approval_rule_template_with_repository(
        approvalRuleTemplateName=name, repositoryName=repository
    )


# in an order in which each finds what it needs
PLANTS: dict[str, Callable[[Garden, str], object]] = {
    "log-group": plant_log_group,  # before the endpoint, which would make it
    "model": plant_model,
    "endpoint-config": plant_config,
    "endpoint": plant_endpoint,
    "package-group": lambda at, project: at("sagemaker").create_model_package_group(
        ModelPackageGroupName=f"{project}-plant"
    ),
    "package": plant_package,
    "pipeline": plant_pipeline,
    "execution": plant_execution,
    "training-job": plant_training_job,
    "processing-job": plant_processing_job,
    "stack": plant_stack,
    "alarm": plant_alarm,
    "dashboard": lambda at, project: at("cloudwatch").put_dashboard(
        DashboardName=f"{project}-forgotten", DashboardBody='{"widgets": []}'
    ),
    "trail": plant_trail,
    "rule": plant_rule,
    "connection": plant_connection,
    "api-destination": plant_destination,
    "topic": lambda at, project: at("sns").create_topic(Name=f"{project}-forgotten"),
    "subscription": plant_subscription,
    "workgroup": lambda at, project: at("athena").create_work_group(Name=f"{project}-forgotten"),
    "named-query": plant_query,
    "database": plant_database,
    "budget": plant_budget,
    "bucket": plant_bucket,
    "network": plant_network,
    "subnet": plant_subnet,
    "security-group": plant_group,
    "route-table": lambda at, project: at("ec2").create_route_table(VpcId=network_of(at, project)),
    "network-endpoint": plant_network_endpoint,
    "role": plant_role,
    "policy": plant_policy,
    "image-repository": lambda at, project: at("ecr").create_repository(
        repositoryName=f"{project}-forgotten"
    ),
    "build-project": plant_pipeline_of_builds,
    "build-pipeline": lambda at, project: None,  # with its project
    "report-group": lambda at, project: at("codebuild").create_report_group(
        name=f"{project}-forgotten", type="TEST", exportConfig={"exportConfigType": "NO_EXPORT"}
    ),
    "forge-connection": lambda at, project: at("codeconnections").create_connection(
        ConnectionName=f"{project}-forgotten", ProviderType="GitHub"
    ),
    "approval-rule": plant_approval_rule,
    "code-repository": lambda at, project: at("codecommit").create_repository(
        repositoryName=f"{project}-forgotten"
    ),
    "key": plant_key,
    "key-alias": plant_alias,
}
