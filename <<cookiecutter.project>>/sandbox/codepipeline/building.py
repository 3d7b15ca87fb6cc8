"""Build actions: CodeBuild is asked through its own API, as the pipeline's role."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.codepipeline.acting import ActionError
from sandbox.codepipeline.declaration import read_environment

if TYPE_CHECKING:
    from sandbox.codepipeline.acting import Actor
    from sandbox.codepipeline.hands import Hands
    from sandbox.codepipeline.records import ActionRun, Execution

LONGEST_MINUTES = 8 * 60


def build(actor: Actor, hands: Hands, execution: Execution, run: ActionRun) -> None:
    """Start a build of the project, wait, and take what it puts out."""
    codebuild, world = hands.client("codebuild"), actor.world
    asked = _request(hands, execution, run)
    started = codebuild.start_build(**asked)["build"]
    run.external_id, run.external_url = started["id"], _page(world.region, started)
    over = actor.reach.builds[world.account](started["id"])
    actor.wait(execution, run, over, LONGEST_MINUTES, actor.processing_time)
    ended = codebuild.batch_get_builds(ids=[started["id"]])["builds"][0]
    run.variables = {each["name"]: each["value"] for each in ended.get("exportedEnvironmentVariables", [])}
    if ended["buildStatus"] != "SUCCEEDED":
        run.outputs.clear()
        raise ActionError("JobFailed", f"Build terminated with state: {ended['buildStatus']}{_why(ended)}")


def _why(ended: dict[str, Any]) -> str:
    told = [
        f". Phase: {phase['phaseType']}, Code: {phase['contexts'][0].get('statusCode', '')}, "
        f"Message: {phase['contexts'][0].get('message', '')}"
        for phase in ended["phases"]
        if phase.get("phaseStatus") not in ("SUCCEEDED", None)
    ]
    return told[0] if told else ""


def _page(region: str, started: dict[str, Any]) -> str:
    return f"https://console.aws.amazon.com/codebuild/home?region={region}#/builds/{started['id']}/view/new"


def _request(hands: Hands, execution: Execution, run: ActionRun) -> dict[str, Any]:
    taken = [each["name"] for each in run.action["inputArtifacts"]]
    primary = run.configuration.get("PrimarySource", taken[0])
    run.inputs = {name: execution.artifacts[name] for name in taken}
    places = {name: f"arn:aws:s3:::{hands.bucket}/{key}" for name, key in run.inputs.items()}
    others = [name for name in taken if name != primary]
    outputs = [each["name"] for each in run.action.get("outputArtifacts", [])]
    run.outputs = {name: hands.new_key(name) for name in outputs}
    targets = [
        {"type": "CODEPIPELINE", "location": hands.bucket, "path": key, "artifactIdentifier": name}
        for name, key in run.outputs.items()
    ]
    environment = read_environment(run.name, run.configuration)
    asked: dict[str, Any] = {
        "projectName": run.configuration["ProjectName"],
        "sourceVersion": places[primary],
        "secondarySourcesOverride": [{"type": "CODEPIPELINE", "sourceIdentifier": name} for name in others],
        "secondarySourcesVersionOverride": [
            {"sourceIdentifier": name, "sourceVersion": places[name]} for name in others
        ],
        "environmentVariablesOverride": environment,
        "artifactsOverride": targets[0] if len(targets) == 1 else {"type": "CODEPIPELINE"},
        "secondaryArtifactsOverride": targets if len(targets) > 1 else [],
    }
    if hands.key_id:
        asked["encryptionKeyOverride"] = hands.key_id
    return {name: value for name, value in asked.items() if value}
