"""What is performed in the sandbox before its trail is audited: each model lives through one scenario."""

from __future__ import annotations

import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.conftest import ACCOUNT, REGION
from tests.live import HANDLER, IMAGE
from tests.proposals import make_evaluation
from tests.sandbox.forge.conftest import run_git

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mlops.aws import Aws
    from mlops.release import Artifact
    from tests.audit.workplace import Merged, Report, Workplace

LIVE = (
    "on-shift", "on-scale", "on-move", "on-glass", "on-extra", "on-byte", "on-mixed", "on-again", "on-falls"
)  # fmt: skip
AGAIN = ("on-never", "on-move", "on-glass", "on-again", "on-falls")  # a second release is merged
MODELS = (*LIVE, "on-never", "on-raw", "on-swap", "on-skip", "on-desk", "on-born", "on-denied")
CANARY = {"strategy": "canary", "percent": 10, "bake_minutes": 60}  # three seconds in the sandbox's time
FAILING = HANDLER.replace(
    "    return model\n",
    "    if model == 'two' and data in ('1', b'1'):\n        raise ValueError('no')\n    return model\n",
)
SCALER = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
SCALER_PATH = "/aws-service-role/sagemaker.application-autoscaling.amazonaws.com/"


@dataclass
class Performance:
    """What people and jobs did: the pins by model and weights, what verbs said, the answers of calls."""

    place: Workplace
    pins: dict[tuple[str, str], Merged] = field(default_factory=dict)
    said: dict[str, str] = field(default_factory=dict)
    calls: dict[str, Any] = field(default_factory=dict)
    report: Report = field(init=False)
    later: Report = field(init=False)

    def pin(self, model: str, weights: str) -> Merged:
        """Merge the pin of a release for staging."""
        made = self.place.merge(model, weights)
        self.pins[model, weights] = made
        return made

    def endpoint(self, model: str) -> str:
        return f"acme-staging-{model}"


def perform(place: Workplace) -> Performance:
    """Everything, in the order in which it happens."""
    play = Performance(place)
    place.begin(MODELS)
    promote_first(play)
    with asking(play, "on-falls"):
        promote_second(play)
    play.said["status"] = place.deploy(play.pins["on-mixed", "two"], "staging", "--dry-run")
    refuse_prod(play)
    interfere(play, place.hire_administrator("mallory"))
    scale(play)
    try_without_right(play)
    break_glass(play)
    go_back_and_run_again(play, "on-again")
    play.report = place.audit(MODELS)
    play.said["revert"] = go_back(play, "on-falls")
    play.later = place.audit(MODELS)
    leave(place.firm.bench.aws)
    return play


def leave(aws: Aws) -> None:
    """The sandbox goes on for other tests: take the endpoints away."""
    for endpoint in aws.sagemaker.list_endpoints(NameContains="-on-", MaxResults=100)["Endpoints"]:
        aws.sagemaker.delete_endpoint(EndpointName=endpoint["EndpointName"])


def promote_first(play: Performance) -> None:
    """First releases are merged and deployed as they should be."""
    for model in LIVE:
        if model == "on-falls":
            play.pins[model, "one"] = pin_failing(play, "one")
        else:
            play.pin(model, "one")
    last = play.pins[LIVE[-1], "one"]
    play.said["first"] = play.place.deploy(last, "staging")


def pin_failing(play: Performance, weights: str) -> Merged:
    """A release whose handler fails with the second weights."""
    firm, model = play.place.firm, "on-falls"
    evaluation = make_evaluation(model=model).model_dump_json(by_alias=True).encode()
    artifact = firm.bench.register(model, weights, FAILING, firm.main(), evaluation)
    return play.place.merge_artifact(model, artifact, count=2, rollout=CANARY)


def promote_second(play: Performance) -> None:
    """Second releases: one by another pull request's session, some prepared by an insider, one swapped."""
    place = play.place
    for model in ("on-raw", "on-swap", "on-never"):
        play.pin(model, "one")
    for model in (*AGAIN, "on-mixed"):
        play.pins[model, "two"] = pin_failing(play, "two") if model == "on-falls" else play.pin(model, "two")
    place.wait("20m")  # longer than a run may be under way
    play.said["mixed"] = place.deploy(play.pins["on-mixed", "one"], "staging", "on-mixed")
    last = play.pins["on-mixed", "two"]
    with place.acting("deploy-staging", last) as aws:
        forge_raw(play, aws)
    swap(play)
    play.said["second"] = place.deploy(last, "staging")
    with place.acting("deploy-staging", last) as aws:
        add_variant(play, aws)
        raw, name = play.pins["on-raw", "one"].config, play.endpoint("on-raw")
        play.calls["raw"] = aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=raw)


def model_name(pin: Merged, model: str) -> str:
    return f"acme-{model}-staging-{pin.release.removeprefix('sha256:')[:12]}"


def variant(name: str, model: str) -> dict[str, Any]:
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m5.large",
        "InitialInstanceCount": 1,
        "InitialVariantWeight": 1.0,
    }


def add_variant(play: Performance, aws: Aws) -> None:
    """Make endpoint and config anew under their names; the config also serves another model's release."""
    pin, stowaway, name = (
        play.pins["on-extra", "one"],
        "acme-on-extra-staging-stowaway",
        play.endpoint("on-extra"),
    )
    sagemaker = aws.sagemaker
    sagemaker.create_model(
        ModelName=stowaway,
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/acme-serve-staging",
        Containers=[{"ModelPackageName": play.place.firm.release("on-move", "one").package}],
    )
    variants: Any = [variant("main", model_name(pin, "on-extra")), variant("more", stowaway)]
    sagemaker.delete_endpoint(EndpointName=name)
    sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1})
    sagemaker.delete_endpoint_config(EndpointConfigName=pin.config)
    sagemaker.create_endpoint_config(EndpointConfigName=pin.config, ProductionVariants=variants)
    play.calls["extra"] = sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=pin.config)
    sagemaker.get_waiter("endpoint_in_service").wait(EndpointName=name, WaiterConfig={"Delay": 1})


def forge_raw(play: Performance, aws: Aws) -> None:
    """Under the name of the pinned model, one from files that nobody registered."""
    one, archive = play.pins["on-raw", "one"], play.place.firm.release("on-raw", "one").archive
    environment = {"SAGEMAKER_PROGRAM": "inference.py", "SAGEMAKER_SUBMIT_DIRECTORY": "/opt/ml/model/code"}
    url = f"s3://{archive.bucket}/{archive.key}"
    aws.sagemaker.create_model(
        ModelName=model_name(one, "on-raw"),
        ExecutionRoleArn=f"arn:aws:iam::{ACCOUNT}:role/acme-serve-staging",
        PrimaryContainer={"Image": IMAGE, "ModelDataUrl": url, "Environment": environment},
    )
    variants: Any = [variant("main", model_name(one, "on-raw"))]
    aws.sagemaker.create_endpoint_config(EndpointConfigName=one.config, ProductionVariants=variants)


def swap(play: Performance) -> None:
    """The account's root puts other bytes in the place of an archive whose pin is approved."""
    archive = play.place.firm.release("on-swap", "one").archive
    play.place.firm.bench.replace_sealed(archive.key, b"other bytes")


def refuse_prod(play: Performance) -> None:
    """Prod's pins: of a release that staging never had, and of one that is a byte longer than staging's."""
    firm = play.place.firm
    play.place.merge("on-skip", "one", "prod")
    true = firm.release("on-byte", "one")
    longer = true.model_copy(
        update={"archive": true.archive.model_copy(update={"size": true.archive.size + 1})}
    )
    last = play.place.merge_artifact("on-byte", longer, "prod")
    play.said["check"] = play.place.run("check")
    play.said["prod"] = play.place.deploy(last, "prod")


def interfere(play: Performance, session: Any) -> None:
    """An administrator does what only jobs should."""
    firm, calls = play.place.firm, play.calls
    sagemaker = session.client("sagemaker", region_name=REGION)
    package = firm.release("on-desk", "one").package
    calls["desk"] = sagemaker.update_model_package(ModelPackageArn=package, ModelApprovalStatus="Approved")
    calls["born"] = sagemaker.create_model_package(**approved_package(firm.release("on-born", "one")))
    calls["move"] = sagemaker.update_endpoint(
        EndpointName=play.endpoint("on-move"), EndpointConfigName=play.pins["on-move", "one"].config
    )
    calls["shift"] = shift(sagemaker, play.endpoint("on-shift"))


def approved_package(artifact: Artifact) -> dict[str, Any]:
    container = {"Image": IMAGE, "ModelDataUrl": f"s3://{artifact.archive.bucket}/{artifact.archive.key}"}
    return {
        "ModelPackageGroupName": artifact.package.split("/")[1],
        "ModelApprovalStatus": "Approved",
        "InferenceSpecification": {
            "Containers": [container],
            "SupportedContentTypes": ["application/json"],
            "SupportedResponseMIMETypes": ["application/json"],
        },
    }


def shift(sagemaker: Any, endpoint: str, **change: Any) -> Any:
    changes = [{"VariantName": "main", **(change or {"DesiredWeight": 0.5})}]
    return sagemaker.update_endpoint_weights_and_capacities(
        EndpointName=endpoint, DesiredWeightsAndCapacities=changes
    )


def scale(play: Performance) -> None:
    """Application Auto Scaling changes how many instances there are, by its service-linked role."""
    iam: Any = boto3.session.Session().client("iam", region_name=REGION)
    trust = {"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "sts:AssumeRole"}
    ]}  # fmt: skip
    iam.create_role(RoleName=SCALER, Path=SCALER_PATH, AssumeRolePolicyDocument=json.dumps(trust))
    allowed = {"Effect": "Allow", "Action": "sagemaker:UpdateEndpointWeightsAndCapacities", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_role_policy(RoleName=SCALER, PolicyName="scale", PolicyDocument=policy)
    sts = play.place.hire_administrator("service").client("sts", region_name=REGION)
    arn = f"arn:aws:iam::{ACCOUNT}:role{SCALER_PATH}{SCALER}"
    keys = sts.assume_role(RoleArn=arn, RoleSessionName="AutoScaling-UpdateCapacity")["Credentials"]
    session = boto3.session.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], REGION
    )
    shift(session.client("sagemaker"), play.endpoint("on-scale"), DesiredInstanceCount=2)


def try_without_right(play: Performance) -> None:
    """The train role tries to approve, twelve times, and to register what is approved already."""
    artifact = play.place.firm.release("on-denied", "one")
    request: Any = {"ModelPackageArn": artifact.package, "ModelApprovalStatus": "Approved"}
    with play.place.acting("train", "r.000000000000.1") as aws:
        for _ in range(12):
            denied(play, "approve", lambda: aws.sagemaker.update_model_package(**request))
        denied(play, "register", lambda: aws.sagemaker.create_model_package(**approved_package(artifact)))


def denied(play: Performance, name: str, call: Callable[[], object]) -> None:
    with pytest.raises(ClientError, match="AccessDenied") as refused:
        call()
    play.calls.setdefault(name, []).append(refused.value.response)


def break_glass(play: Performance) -> None:
    """Somebody on call goes back at once."""
    head = play.place.firm.main()[:12]
    with play.place.acting("rollback-staging", f"r.{head}.1"):
        play.said["glass"] = play.place.run("rollback", "on-glass", "--env", "staging", "--now")


def go_back(play: Performance, model: str) -> str:
    """`mlops rollback` proposes the release that was live before; people approve it, `deploy` brings it."""
    place = play.place
    with place.acting("ci", "r.000000000000.2"):
        said = place.run("rollback", model, "--env", "staging")
    back = place.approve(place.firm.pull(f"Roll {model} back to "), model)
    play.pins[model, "back"] = back
    return said + place.deploy(back, "staging", model)


def go_back_and_run_again(play: Performance, model: str) -> None:
    """After the revert, the run of the reverted merge is started again, in a checkout as it was then."""
    play.said["back"] = go_back(play, model)
    old, place = play.pins[model, "two"], play.place
    run_git(place.folder, "worktree", "add", "-q", "--detach", "../stale", old.commit)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place.folder.parent / "stale")
        play.said["again"] = place.deploy(old, "staging", model)
    with place.acting("ci", "r.000000000000.3"):
        play.said["never"] = place.run("rollback", "on-never", "--env", "staging", "--dry-run")


@contextmanager
def asking(play: Performance, model: str) -> Iterator[None]:
    """Somebody asks an endpoint all the time."""
    stopped, runtime = threading.Event(), play.place.firm.bench.aws.runtime

    def ask() -> None:
        while not stopped.wait(0.02):
            try:
                runtime.invoke_endpoint(
                    EndpointName=play.endpoint(model), ContentType="application/json", Body=b"1"
                )
            except runtime.exceptions.ClientError:
                continue

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()
