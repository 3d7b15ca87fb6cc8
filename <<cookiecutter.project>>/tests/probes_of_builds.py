"""What builds, pipelines, what starts them and people must be refused, where CodePipeline runs the loop."""

from __future__ import annotations

from sandbox.kinds import Kind
from tests.blueprint import ACCOUNTS, REGION
from tests.probes import PACKAGE, RELEASES, STAGE, STATUS

TRAINING = ACCOUNTS["training"]
PLACE = f"{REGION}:{TRAINING}"
BUILDS = f"arn:aws:s3:::shop-builds-{TRAINING}-{REGION}"
CODE = f"arn:aws:codecommit:{PLACE}:shop"
MAIN = "refs/heads/main"
DUTIES = {
    "audit": "training",
    "ci": "training",
    "train": "training",
    "deploy-staging": "staging",
    "rollback-staging": "staging",
    "deploy-prod": "prod",
    "rollback-prod": "prod",
}
BUILDERS = ("check", "train", "propose", "deploy-staging", "deploy-prod", "reconcile", "rollback", "audit")
MERGES = tuple(f"MergePullRequestBy{way}" for way in ("FastForward", "Squash", "ThreeWay"))
MOVES = ("CreateCommit", "DeleteBranch", "GitPush", "MergeBranchesByThreeWay")


def take(role: str, duty: str, on: str = "") -> Kind:
    """A role taking the role of a duty."""
    arn = f"arn:aws:iam::{ACCOUNTS[DUTIES[duty]]}:role/shop-{duty}"
    return Kind(role, "sts:AssumeRole", arn, False, on=on)


def takes(role: str, *allowed: str) -> tuple[Kind, ...]:
    """Each duty that a build is not there for."""
    return tuple(take(role, duty) for duty in DUTIES if duty not in allowed)


def on_code(role: str, *operations: str, ref: str = "") -> tuple[Kind, ...]:
    when = {"codecommit:References": (ref,)} if ref else {}
    return tuple(Kind(role, f"codecommit:{operation}", CODE, False, when) for operation in operations)


def on_build(role: str, project: str, *operations: str) -> tuple[Kind, ...]:
    arn = f"arn:aws:codebuild:{PLACE}:project/shop-{project}"
    return tuple(Kind(role, f"codebuild:{operation}", arn, False) for operation in operations)


def on_pipeline(role: str, name: str, *operations: str) -> tuple[Kind, ...]:
    arn = f"arn:aws:codepipeline:{PLACE}:shop-{name}"
    return tuple(Kind(role, f"codepipeline:{operation}", arn, False) for operation in operations)


def every(*makers: tuple[Kind, ...]) -> tuple[Kind, ...]:
    return tuple(kind for made in makers for kind in made)


def confirm(role: str) -> tuple[Kind, ...]:
    """A person's answer to the manual approval."""
    return on_pipeline(role, "deploy-prod/Approve/Approve", "PutApprovalResult")


def endpoint(role: str, environment: str) -> Kind:
    place = f"{REGION}:{ACCOUNTS[environment]}"
    return Kind(
        role, "sagemaker:UpdateEndpoint", f"arn:aws:sagemaker:{place}:endpoint/shop-{environment}-x", False
    )


def judge(role: str) -> Kind:
    facts = {STAGE: ("staging",), STATUS: ("Approved",)}
    return Kind(role, "sagemaker:UpdateModelPackage", PACKAGE, False, facts)


def read_plainly(role: str) -> Kind:
    facts = {"aws:SecureTransport": ("false",)}
    return Kind(role, "s3:GetObject", f"{BUILDS}/shop-train/Source/0", False, facts)


BUILD_ROLES = tuple(f"build-{name}" for name in BUILDERS)
MACHINES = (*BUILD_ROLES, "builds-start", "pipeline")
RAILS = {
    "the check build takes no role, and so registers and deploys nothing": (
        *takes("build-check"),
        Kind(
            "build-check",
            "sagemaker:CreateModelPackage",
            PACKAGE,
            False,
            {STATUS: ("PendingManualApproval",)},
        ),
        endpoint("build-check", "staging"),
        Kind("build-check", "s3:PutObject", f"{RELEASES}/releases/x/0/model.tar.gz", False),
    ),
    "the check build starts nothing": every(
        on_build("build-check", "deploy-prod", "StartBuild"),
        on_pipeline("build-check", "deploy-prod", "StartPipelineExecution"),
    ),
    "the train build takes the role train alone, and approves nothing": (
        *takes("build-train", "train"),
        judge("build-train"),
    ),
    "the deploy build of staging reaches nothing of prod": (
        *takes("build-deploy-staging", "deploy-staging"),
        endpoint("build-deploy-staging", "prod"),
        Kind("build-deploy-staging", "s3:PutObject", f"{BUILDS}/cache/deploy-prod/0", False),
    ),
    "no build but its own and the hourly one takes prod's role": tuple(
        take(role, "deploy-prod") for role in MACHINES if role not in ("build-deploy-prod", "build-reconcile")
    ),
    "no machine confirms a release": every(*map(confirm, MACHINES)),
    "no machine approves, merges or sets rules aside": every(
        *(
            on_code(role, "UpdatePullRequestApprovalState", "OverridePullRequestApprovalRules", *MERGES)
            for role in MACHINES
        )
    ),
    "no machine moves main": every(*(on_code(role, *MOVES, ref=MAIN) for role in MACHINES)),
    "no machine changes what runs": every(
        *(on_build(role, "deploy-prod", "UpdateProject") for role in MACHINES),
        *(on_pipeline(role, "deploy-prod", "UpdatePipeline") for role in MACHINES),
    ),
    "what the pipeline and events start is what the templates name": every(
        on_build("pipeline", "rollback", "StartBuild"),
        on_build("builds-start", "rollback", "StartBuild"),
        on_build("builds-start", "deploy-prod", "StartBuild"),
    ),
    "pipelines write no cache that a build unpacks": (
        Kind("pipeline", "s3:PutObject", f"{BUILDS}/cache/deploy-prod/0", False),
    ),
    "a build reads no other's cache": tuple(
        Kind(role, "s3:GetObject", f"{BUILDS}/cache/other/0", False) for role in BUILD_ROLES
    ),
    "nobody reads artifacts without TLS": (read_plainly("build-train"),),
    "people start no build with a source of their own, and change no pipeline": every(
        *(
            (
                *on_build(role, "deploy-prod", "StartBuild", "RetryBuild", "UpdateProject"),
                *on_pipeline(
                    role, "deploy-prod", "StartPipelineExecution", "UpdatePipeline", "RollbackStage"
                ),
            )
            for role in ("contributor", "developer")
        )
    ),
    "people take no role of a build's duty": (
        *takes("contributor"),
        *takes("developer"),
    ),
    "who writes does not confirm": every(*map(confirm, ("contributor", "developer"))),
    "who confirms does that alone": every(
        takes("confirmer"),
        on_build("confirmer", "deploy-prod", "StartBuild", "UpdateProject"),
        on_pipeline("confirmer", "deploy-prod", "UpdatePipeline", "RollbackStage", "OverrideStageCondition"),
        on_pipeline("confirmer", "deploy-staging", "StartPipelineExecution"),
        on_code("confirmer", "UpdatePullRequestApprovalState", "GitPush", *MERGES, ref=MAIN),
    ),
    "nobody pushes to main": on_code("contributor", *MOVES, "PutFile", "DeleteFile", ref=MAIN),
    "nobody sets the rules of pull requests aside": on_code(
        "contributor",
        "DeletePullRequestApprovalRule",
        "OverridePullRequestApprovalRules",
        "UpdatePullRequestApprovalRuleContent",
    ),
}
