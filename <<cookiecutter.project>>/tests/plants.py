"""One untagged thing of each kind that `mlops destroy` knows, made behind the tool's back."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlops.teardown.item import Clients

IMAGE = "123456789012.dkr.ecr.eu-west-1.amazonaws.com/empty:1"
DIGEST = "0123456789ab"
ALLOWED = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["logs:*", "s3:*", "sagemaker:*", "iam:PassRole"], "Resource": "*"}
    ],
}
TRUST = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ],
}


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


def plant_role(at: Garden, project: str, name: str = "forgotten") -> str:
    """A role with a policy inline."""
    role = f"{project}-{name}"
    made = at("iam").create_role(RoleName=role, AssumeRolePolicyDocument=json.dumps(TRUST))
    at("iam").put_role_policy(RoleName=role, PolicyName="work", PolicyDocument=json.dumps(ALLOWED))
    return str(made["Role"]["Arn"])


def plant_policy(at: Garden, project: str) -> None:
    """A managed policy with two versions, on a role."""
    iam, name = at("iam"), f"{project}-forgotten"
    made = iam.create_policy(PolicyName=name, PolicyDocument=json.dumps(ALLOWED))["Policy"]["Arn"]
    iam.create_policy_version(PolicyArn=made, PolicyDocument=json.dumps(ALLOWED), SetAsDefault=True)
    iam.attach_role_policy(RoleName=name, PolicyArn=made)


def plant_model(at: Garden, project: str) -> str:
    """A model that nothing serves."""
    name = f"{project}-plant-staging-{DIGEST}"
    role = plant_role(at, project, "serve-plants")
    at("sagemaker").create_model(
        ModelName=name, ExecutionRoleArn=role, PrimaryContainer={"Image": IMAGE, "Mode": "SingleModel"}
    )
    return name


def plant_config(at: Garden, project: str) -> None:
    name = f"{project}-plant-staging-{DIGEST}"
    variant = {
        "VariantName": "main",
        "ModelName": name,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
    }
    at("sagemaker").create_endpoint_config(EndpointConfigName=name, ProductionVariants=[variant])


def plant_endpoint(at: Garden, project: str) -> None:
    """One that never comes up: it can be deleted all the same."""
    at("sagemaker").create_endpoint(
        EndpointName=f"{project}-staging-plant", EndpointConfigName=f"{project}-plant-staging-{DIGEST}"
    )


def plant_package(at: Garden, project: str) -> None:
    container = {"Image": IMAGE}
    at("sagemaker").create_model_package(
        ModelPackageGroupName=f"{project}-plant",
        ModelApprovalStatus="PendingManualApproval",
        InferenceSpecification={
            "Containers": [container],
            "SupportedContentTypes": ["text/csv"],
            "SupportedResponseMIMETypes": ["text/csv"],
        },
    )


def nap(at: Garden, project: str) -> dict[str, Any]:
    """A processing job that does not end by itself; it runs as a role of the project."""
    cluster = {"InstanceType": "ml.m5.large", "InstanceCount": 1, "VolumeSizeInGB": 1}
    return {
        "AppSpecification": {"ImageUri": IMAGE, "ContainerEntrypoint": ["/bin/sleep", "600"]},
        "RoleArn": f"arn:aws:iam::{at.account}:role/{project}-serve-plants",
        "ProcessingResources": {"ClusterConfig": cluster},
        "StoppingCondition": {"MaxRuntimeInSeconds": 432_000},
    }


def plant_processing_job(at: Garden, project: str) -> None:
    at("sagemaker").create_processing_job(ProcessingJobName=f"nobodys-{project}", **nap(at, project))


def plant_training_job(at: Garden, project: str) -> None:
    job = nap(at, project)
    at("sagemaker").create_training_job(
        TrainingJobName=f"nobodys-{project}",
        AlgorithmSpecification={
            "TrainingImage": IMAGE,
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["/bin/sleep"],
            "ContainerArguments": ["600"],
        },
        RoleArn=job["RoleArn"],
        OutputDataConfig={"S3OutputPath": f"s3://{project}-plants/runs"},
        ResourceConfig=job["ProcessingResources"]["ClusterConfig"],
        StoppingCondition=job["StoppingCondition"],
    )


def plant_pipeline(at: Garden, project: str) -> None:
    step = {"Name": "Nap", "Type": "Processing", "Arguments": nap(at, project)}
    at("sagemaker").create_pipeline(
        PipelineName=f"{project}-plant",
        PipelineDefinition=json.dumps({"Version": "2020-12-01", "Steps": [step]}),
        ClientRequestToken="x" * 32,
        RoleArn=step["Arguments"]["RoleArn"],  # type: ignore[index]
    )


def plant_execution(at: Garden, project: str) -> None:
    at("sagemaker").start_pipeline_execution(PipelineName=f"{project}-plant", ClientRequestToken="y" * 32)


def plant_alarm(at: Garden, project: str) -> None:
    at("cloudwatch").put_metric_alarm(
        AlarmName=f"{project}-staging-plant.errors.{DIGEST}",
        Namespace="AWS/SageMaker",
        MetricName="Invocation5XXErrors",
        Statistic="Average",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1.0,
        ComparisonOperator="GreaterThanThreshold",
    )


def plant_log_group(at: Garden, project: str) -> None:
    name = f"/aws/sagemaker/Endpoints/{project}-staging-plant"
    at("logs").create_log_group(logGroupName=name)
    at("logs").put_metric_filter(
        logGroupName=name,
        filterName="score",
        filterPattern="{ $.mlops.score = * }",
        metricTransformations=[
            {"metricName": "Score", "metricNamespace": f"mlops/{project}", "metricValue": "$.mlops.score"}
        ],
    )


def plant_bucket(at: Garden, project: str) -> None:
    """One with versions, a delete marker and an upload begun."""
    s3, name = at("s3"), f"{project}-plants"
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": at.region})
    s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"one", b"two"):
        s3.put_object(Bucket=name, Key="key", Body=body)
    s3.delete_object(Bucket=name, Key="key")
    s3.create_multipart_upload(Bucket=name, Key="upload")


def plant_trail(at: Garden, project: str) -> None:
    """One that writes into a bucket of its own."""
    bucket, service = f"{project}-logs", {"Service": "cloudtrail.amazonaws.com"}
    at("s3").create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": at.region})
    resources = {"s3:GetBucketAcl": f"arn:aws:s3:::{bucket}", "s3:PutObject": f"arn:aws:s3:::{bucket}/*"}
    statements = [
        {"Effect": "Allow", "Principal": service, "Action": action, "Resource": resource}
        for action, resource in resources.items()
    ]
    document = {"Version": "2012-10-17", "Statement": statements}
    at("s3").put_bucket_policy(Bucket=bucket, Policy=json.dumps(document))
    at("cloudtrail").create_trail(Name=f"{project}-forgotten", S3BucketName=bucket)


def plant_rule(at: Garden, project: str) -> None:
    at("events").put_rule(Name=f"{project}-forgotten", EventPattern='{"source": ["aws.sagemaker"]}')
    topic = at("sns").create_topic(Name=f"{project}-forgotten")["TopicArn"]
    at("events").put_targets(Rule=f"{project}-forgotten", Targets=[{"Id": "topic", "Arn": topic}])


def plant_connection(at: Garden, project: str) -> str:
    key = {"ApiKeyName": "Authorization", "ApiKeyValue": "x"}
    made = at("events").create_connection(
        Name=f"{project}-forgotten", AuthorizationType="API_KEY", AuthParameters={"ApiKeyAuthParameters": key}
    )
    return str(made["ConnectionArn"])


def plant_destination(at: Garden, project: str) -> None:
    at("events").create_api_destination(
        Name=f"{project}-forgotten",
        ConnectionArn=at("events").describe_connection(Name=f"{project}-forgotten")["ConnectionArn"],
        InvocationEndpoint="https://example.com/dispatches",
        HttpMethod="POST",
    )


def plant_subscription(at: Garden, project: str) -> None:
    topic = at("sns").create_topic(Name=f"{project}-forgotten")["TopicArn"]
    at("sns").subscribe(TopicArn=topic, Protocol="email", Endpoint="ada@example.com")


def plant_query(at: Garden, project: str) -> None:
    at("athena").create_named_query(
        Name=f"{project} forgotten", Database="d", QueryString="SELECT 1", WorkGroup="primary"
    )


def plant_database(at: Garden, project: str) -> None:
    name = f"{project}_forgotten".replace("-", "_")
    at("glue").create_database(DatabaseInput={"Name": name})
    at("glue").create_table(DatabaseName=name, TableInput={"Name": "events"})


def plant_budget(at: Garden, project: str) -> None:
    at("budgets").create_budget(
        AccountId=at.account,
        Budget={
            "BudgetName": f"{project}-forgotten",
            "BudgetType": "COST",
            "TimeUnit": "MONTHLY",
            "BudgetLimit": {"Amount": "1", "Unit": "USD"},
        },
    )


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
