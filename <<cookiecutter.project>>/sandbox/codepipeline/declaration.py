"""Whether a pipeline could run: its stages, actions, artifacts, variables, conditions and triggers.

What the sandbox does not serve is refused by name. The rules are those of the user guide, "Pipeline structure
reference".
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.codepipeline.references import references
from sandbox.codepipeline.window import WindowError, read_window
from sandbox.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Record = dict[str, Any]


@dataclass(frozen=True)
class Kind:
    """A provider that the sandbox serves: the keys of its configuration, how many artifacts it has."""

    required: tuple[str, ...]
    optional: tuple[str, ...]
    inputs: tuple[int, int]
    outputs: tuple[int, int]


CONNECTION = Kind(
    ("ConnectionArn", "FullRepositoryId", "BranchName"),
    ("OutputArtifactFormat", "DetectChanges"),
    (0, 0),
    (1, 1),
)
CODECOMMIT = Kind(
    ("RepositoryName", "BranchName"), ("OutputArtifactFormat", "PollForSourceChanges"), (0, 0), (1, 1)
)
CODEBUILD = Kind(("ProjectName",), ("PrimarySource", "EnvironmentVariables"), (1, 5), (0, 5))
MANUAL = Kind((), ("NotificationArn", "CustomData", "ExternalEntityLink"), (0, 0), (0, 0))
KINDS = {
    ("Source", "CodeStarSourceConnection"): CONNECTION,
    ("Source", "CodeCommit"): CODECOMMIT,
    ("Build", "CodeBuild"): CODEBUILD,
    ("Test", "CodeBuild"): CODEBUILD,
    ("Approval", "Manual"): MANUAL,
}
FORMATS = ("CODE_ZIP", "CODEBUILD_CLONE_REF")
RULES = {"VariableCheck": ("Variable", "Operator", "Value"), "DeploymentWindow": ("Cron", "TimeZone")}
CAN_SKIP = ("VariableCheck",)
OPERATORS = ("EQ", "NE", "CONTAINS", "MATCHES")
RESULTS = {
    "beforeEntry": ("FAIL", "SKIP"),
    "onSuccess": ("FAIL", "ROLLBACK"),
    "onFailure": ("ROLLBACK",),
}
UNSERVED = {
    "artifactStores": "one artifactStore, in the sandbox's one region",
}
OWN_NAMESPACES = ("codepipeline", "variables")
FEWEST_STAGES, MOST_STAGES = 2, 50


def wrong(message: str) -> ServiceError:
    return ServiceError("InvalidStructureException", message)


def check(pipeline: Record) -> None:
    """Refuse a pipeline that could not run here."""
    if pipeline.get("pipelineType", "V1") != "V2":
        raise wrong("the sandbox runs pipelines of type V2: pipelineType: V2")
    for member, instead in UNSERVED.items():
        if pipeline.get(member):
            raise wrong(f"the sandbox does not serve {member}; it has {instead}")
    if "artifactStore" not in pipeline:
        raise wrong("the pipeline has no artifactStore")
    stages = pipeline["stages"]
    if not FEWEST_STAGES <= len(stages) <= MOST_STAGES:
        raise wrong(
            f"Pipeline has {len(stages)} stage(s). There should be a minimum of two stages in a pipeline"
        )
    _unique([stage["name"] for stage in stages], "stages")
    for number, stage in enumerate(stages):
        _check_stage(stage, number == 0, pipeline)
    _check_artifacts(stages)
    _check_references(pipeline)
    _check_triggers(pipeline)
    _unique([variable["name"] for variable in pipeline.get("variables", [])], "variables")


def _unique(names: list[str], what: str) -> None:
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise wrong(f"{what} with the same name: {', '.join(twice)}")


def _check_stage(stage: Record, is_first: bool, pipeline: Record) -> None:
    name = stage["name"]
    if stage.get("blockers"):
        raise wrong(f"stage {name}: the sandbox does not serve blockers; disable the transition instead")
    if not stage["actions"]:
        raise wrong(f"stage {name} has no actions")
    _unique([action["name"] for action in stage["actions"]], f"stage {name}: actions")
    for action in stage["actions"]:
        _check_action(name, action)
        if (action["actionTypeId"]["category"] == "Source") != is_first:
            raise wrong(
                f"{name}/{action['name']}: the first stage holds source actions, and only that one: "
                f"found {action['actionTypeId']['category']}"
            )
    for moment, results in RESULTS.items():
        _check_conditions(stage, moment, results, is_first, pipeline)


def _check_action(stage: str, action: Record) -> None:
    place, kind_id = f"{stage}/{action['name']}", action["actionTypeId"]
    kind = KINDS.get((kind_id["category"], kind_id["provider"])) if kind_id["owner"] == "AWS" else None
    if kind is None:
        served = ", ".join("/".join(key) for key in KINDS)
        raise wrong(
            f"{place}: the sandbox does not serve {kind_id['owner']} "
            f"{kind_id['category']}/{kind_id['provider']}; it has {served}"
        )
    given = set(action.get("configuration", {}))
    if missing := sorted(set(kind.required) - given):
        raise wrong(f"{place}: configuration lacks {', '.join(missing)}")
    if unknown := sorted(given - {*kind.required, *kind.optional}):
        allowed = ", ".join((*kind.required, *kind.optional))
        raise wrong(f"{place}: unknown configuration {', '.join(unknown)}; served here: {allowed}")
    for member, (least, most) in (("inputArtifacts", kind.inputs), ("outputArtifacts", kind.outputs)):
        if not least <= len(action.get(member, [])) <= most:
            raise wrong(f"{place}: {len(action.get(member, []))} {member}; allowed: {least} to {most}")
    for member in ("commands", "outputVariables", "environmentVariables", "roleArn"):
        if action.get(member):
            raise wrong(f"{place}: the sandbox does not serve {member} of an action")
    _check_values(place, action.get("configuration", {}))


def _check_values(place: str, configuration: Mapping[str, str]) -> None:
    if configuration.get("OutputArtifactFormat", FORMATS[0]) not in FORMATS:
        raise wrong(
            f"{place}: OutputArtifactFormat is {configuration['OutputArtifactFormat']!r}; "
            f"allowed: {', '.join(FORMATS)}"
        )
    read_environment(place, configuration)


def read_environment(place: str, configuration: Mapping[str, str]) -> list[Record]:
    """EnvironmentVariables of a CodeBuild action: a JSON list within the configuration."""
    text = configuration.get("EnvironmentVariables", "[]")
    try:
        found = json.loads(text)
        right = isinstance(found, list) and all({"name", "value"} <= set(each) for each in found)
    except (ValueError, TypeError):
        right = False
    if not right:
        raise wrong(f'{place}: EnvironmentVariables is {text!r}, not [{{"name": …, "value": …, "type": …}}]')
    return [{"type": "PLAINTEXT", **each} for each in found]


def _check_conditions(
    stage: Record, moment: str, results: tuple[str, ...], is_first: bool, pipeline: Record
) -> None:
    asked, place = stage.get(moment, {}), f"stage {stage['name']}.{moment}"
    if asked and is_first:
        raise wrong(f"{place}: the source stage has no conditions")
    whole = asked.get("result", "")
    if whole and whole not in ("ROLLBACK", "RETRY", "FAIL"):
        raise wrong(f"{place}: result is {whole}; served here: ROLLBACK, RETRY, FAIL")
    if len(asked.get("conditions", [])) > 1:
        raise wrong(f"{place}: {len(asked['conditions'])} conditions; a moment has one, of up to five rules")
    if whole == "RETRY" and asked.get("conditions"):
        raise wrong(f"{place}: a stage that is tried again by itself has no conditions for its failure")
    for condition in asked.get("conditions", []):
        result = condition.get("result", "FAIL")
        if result not in results:
            raise wrong(f"{place}: result is {result}; served here: {', '.join(results)}")
        for rule in condition.get("rules", []):
            _check_rule(place, rule, result)
    wanted = [whole, *(condition.get("result", "") for condition in asked.get("conditions", []))]
    if "ROLLBACK" in wanted and pipeline.get("executionMode") == "PARALLEL":
        raise wrong(f"{place}: a pipeline in PARALLEL mode cannot roll back")


def _check_rule(place: str, rule: Record, result: str) -> None:
    provider = rule["ruleTypeId"]["provider"]
    if provider not in RULES:
        raise wrong(f"{place}: the sandbox does not serve the rule {provider}; it has {', '.join(RULES)}")
    if result == "SKIP" and provider not in CAN_SKIP:
        raise wrong(f"{place}.{rule['name']}: only {' and '.join(CAN_SKIP)} can skip a stage, not {provider}")
    for member in ("commands", "inputArtifacts", "roleArn"):
        if rule.get(member):
            raise wrong(f"{place}.{rule['name']}: the sandbox does not serve {member} of a rule")
    configuration, takes = rule.get("configuration", {}), RULES[provider]
    optional = {"TimeZone"}
    if not set(takes) - optional <= set(configuration) <= set(takes):
        raise wrong(f"{place}.{rule['name']}: {provider} takes {', '.join(takes)}")
    if configuration.get("Operator", OPERATORS[0]) not in OPERATORS:
        raise wrong(
            f"{place}.{rule['name']}: Operator is {configuration['Operator']!r}; {', '.join(OPERATORS)}"
        )
    if provider == "DeploymentWindow":
        try:
            read_window(configuration["Cron"], configuration.get("TimeZone", ""))
        except WindowError as error:
            raise wrong(f"{place}.{rule['name']}: {error}") from None


def in_order(stage: Record) -> list[list[Record]]:
    """The actions of a stage: those that run side by side together, one group after the other."""
    orders = sorted({action.get("runOrder", 1) for action in stage["actions"]})
    return [[action for action in stage["actions"] if action.get("runOrder", 1) == order] for order in orders]


def _groups(stages: list[Record]) -> Iterator[tuple[str, list[Record]]]:
    for stage in stages:
        for group in in_order(stage):
            yield stage["name"], group


def _check_artifacts(stages: list[Record]) -> None:
    """What an action takes in, an earlier one must put out."""
    known: set[str] = set()
    for stage, group in _groups(stages):
        for action in group:
            taken = [each["name"] for each in action.get("inputArtifacts", [])]
            if strange := sorted(set(taken) - known):
                raise wrong(f"{stage}/{action['name']}: no earlier action puts out {', '.join(strange)}")
            primary = action.get("configuration", {}).get("PrimarySource", taken[0] if taken else "")
            if taken and primary not in taken:
                raise wrong(f"{stage}/{action['name']}: PrimarySource {primary!r} is no input of it")
        for action in group:
            for name in (each["name"] for each in action.get("outputArtifacts", [])):
                if name in known:
                    raise wrong(f"{stage}/{action['name']}: another action puts out {name}, too")
                known.add(name)


def _check_references(pipeline: Record) -> None:
    """A variable must come from an earlier action, or from the pipeline itself."""
    declared = {variable["name"] for variable in pipeline.get("variables", [])}
    known = set(OWN_NAMESPACES)
    for stage, group in _groups(pipeline["stages"]):
        for action in group:
            for namespace, name in references(json.dumps(action.get("configuration", {}))):
                if namespace not in known:
                    raise wrong(
                        f"{stage}/{action['name']}: no earlier action has the namespace {namespace!r}"
                    )
                if namespace == "variables" and name not in declared:
                    raise wrong(f"{stage}/{action['name']}: the pipeline has no variable {name!r}")
        for namespace in filter(None, (action.get("namespace") for action in group)):
            if namespace in known:
                raise wrong(f"stage {stage}: the namespace {namespace!r} is taken")
            known.add(namespace)


def _check_triggers(pipeline: Record) -> None:
    sources = {action["name"]: action for action in pipeline["stages"][0]["actions"]}
    for trigger in pipeline.get("triggers", []):
        configuration = trigger["gitConfiguration"]
        source = sources.get(configuration["sourceActionName"])
        if source is None or source["actionTypeId"]["provider"] != "CodeStarSourceConnection":
            raise wrong(
                f"trigger: {configuration['sourceActionName']!r} is no CodeStarSourceConnection action; "
                "CodeCommit is followed by an EventBridge rule"
            )
        if not configuration.get("push") and not configuration.get("pullRequest"):
            raise wrong(f"trigger of {configuration['sourceActionName']}: neither push nor pullRequest")
