"""The jobs of a run as a graph: which wait, which may start, how they ended. Decides; starts nothing."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sandbox.forge.runs.errors import WorkflowError
from sandbox.forge.runs.expressions import Scope, evaluate_condition, evaluate_template, evaluate_tree
from sandbox.forge.runs.matrix import Combination, describe, expand
from sandbox.forge.runs.values import as_number, as_text, truth
from sandbox.forge.runs.workflow import ancestors

if TYPE_CHECKING:
    from collections.abc import Container, Iterator

    from sandbox.forge.runs.permissions import Permissions
    from sandbox.forge.runs.records import JobRecord
    from sandbox.forge.runs.workflow import Job, Workflow


@dataclass(eq=False)
class Leg:
    """One combination of a job: something that runs, or a call that holds jobs of its own."""

    key: str
    name: str
    node: Node
    matrix: Combination
    place: int = 0
    of: int = 1
    record: JobRecord | None = None
    opening: Graph | None = None  # the call, while it may wait for the called workflow's group
    called: Graph | None = None
    permissions: Permissions = field(default_factory=dict)
    environment: str = ""
    approval: str = ""  # approved, rejected; empty while nobody has said
    group: str = ""
    is_forgiven: bool = False  # continue-on-error: the run passes although this failed
    cancelling: bool = False
    result: str = ""
    outputs: dict[str, str] = field(default_factory=dict)

    @property
    def is_over(self) -> bool:
        return bool(self.result)


@dataclass(eq=False)
class Node:
    """One job of a workflow, with its combinations once they are known."""

    job: Job
    graph: Graph
    legs: list[Leg] = field(default_factory=list)
    result: str = ""
    outputs: dict[str, str] = field(default_factory=dict)
    fails_fast: bool = False
    most: int = 0  # combinations at a time; 0 is all of them

    @property
    def key(self) -> str:
        return f"{self.graph.key}{self.job.id}"


@dataclass(eq=False)
class Graph:
    """A workflow at work: a run's own, or one that a job calls."""

    workflow: Workflow
    github: dict[str, Any]
    inputs: dict[str, Any]
    key: str = ""  # ids of the calling jobs, each with a slash
    names: str = ""  # their names, as checks show them
    allowed: Permissions | None = None  # what the caller may hand on; None: the run's own workflow
    nodes: dict[str, Node] = field(default_factory=dict)
    caller: Leg | None = None
    group: str = ""
    is_cancelled: bool = False

    def __post_init__(self) -> None:
        self.nodes = {name: Node(job, self) for name, job in self.workflow.jobs.items()}

    @property
    def is_over(self) -> bool:
        return all(node.result for node in self.nodes.values())


def walk(graph: Graph) -> Iterator[Node]:
    """Every job, those of called workflows after their caller."""
    for node in graph.nodes.values():
        yield node
        for leg in node.legs:
            if leg.called:
                yield from walk(leg.called)


def legs_of(graph: Graph) -> Iterator[Leg]:
    for node in walk(graph):
        yield from node.legs


def is_ready(node: Node) -> bool:
    """Whether everything a job needs has ended and it has not started."""
    return not node.result and not node.legs and all(node.graph.nodes[need].result for need in node.job.needs)


def needs_context(node: Node) -> dict[str, Any]:
    found = {need: node.graph.nodes[need] for need in node.job.needs}
    return {name: {"result": need.result, "outputs": dict(need.outputs)} for name, need in found.items()}


def contexts(node: Node, matrix: Combination | None = None) -> dict[str, Any]:
    """What an expression of a job may look at."""
    graph = node.graph
    base: dict[str, Any] = {
        "github": graph.github,
        "inputs": graph.inputs,
        "needs": needs_context(node),
        "vars": {},
    }
    return base if matrix is None else {**base, "matrix": matrix}


def scope(leg: Leg) -> Scope:
    strategy = {"job-index": leg.place, "job-total": leg.of, **_strategy(leg.node)}
    return Scope({**contexts(leg.node, leg.matrix), "strategy": strategy}, {})


def should_run(node: Node, cancelled: bool) -> bool:
    """The job's `if:`; success() looks at everything before it, as GitHub's does."""
    before = [node.graph.nodes[name].result for name in ancestors(node.graph.workflow.jobs, node.job.id)]
    status = {
        "success": not cancelled and all(result == "success" for result in before),
        "failure": any(result == "failure" for result in before),
        "cancelled": cancelled,
        "always": True,
    }
    condition = node.job.raw.get("if")
    text = "success()" if condition is None else as_text(condition)
    return evaluate_condition(text, Scope(contexts(node), status))


def split(node: Node) -> list[Leg]:
    """The combinations of a job, each under the name that its check has."""
    strategy = evaluate_tree(node.job.raw.get("strategy", {}), Scope(contexts(node), {}))
    if "matrix" not in strategy:
        return [_leg(node, {}, 0, 1)]
    found = expand(strategy["matrix"])
    node.fails_fast = truth(strategy.get("fail-fast", True))
    node.most = int(as_number(strategy.get("max-parallel", 0)))
    return [_leg(node, combination, place, len(found)) for place, combination in enumerate(found)]


def _leg(node: Node, matrix: Combination, place: int, of: int) -> Leg:
    leg = Leg(f"{node.key}/{place}", "", node, matrix, place, of)
    leg.name = node.graph.names + _name(leg)
    leg.is_forgiven = truth(evaluate_tree(node.job.raw.get("continue-on-error", False), scope(leg)))
    return leg


def _name(leg: Leg) -> str:
    """What is written under `name:`; GitHub adds the combination where the name does not compute one."""
    written = as_text(leg.node.job.raw.get("name") or leg.node.job.id)
    if "${{" in written:
        return as_text(evaluate_template(written, scope(leg)))
    return written + describe(leg.matrix)


def skip(node: Node) -> Leg:
    """The one entry of a job that does not run: it is called by its unexpanded name."""
    written = as_text(node.job.raw.get("name") or node.job.id)
    return Leg(f"{node.key}/0", node.graph.names + written, node, {})


def _strategy(node: Node) -> dict[str, Any]:
    found = node.job.raw.get("strategy", {})
    return {key: value for key, value in found.items() if key != "matrix"}


def room(node: Node) -> int:
    """How many more combinations may start now."""
    started = sum(bool(leg.record or leg.called) and not leg.is_over for leg in node.legs)
    return max((node.most or len(node.legs)) - started, 0)


def may_keep(leg: Leg, kept: Container[str]) -> bool:
    """Whether a job of the attempt before still counts: it succeeded, and nothing before it runs again."""
    return leg.key in kept and _is_unchanged(leg, kept)


def _is_unchanged(leg: Leg, kept: Container[str]) -> bool:
    graph = leg.node.graph
    before = [graph.nodes[name] for name in ancestors(graph.workflow.jobs, leg.node.job.id)]
    jobs = [inner for node in before for outer in node.legs for inner in _jobs_of(outer)]
    same = all(job.key in kept or job.result == "skipped" for job in jobs)
    return same and (graph.caller is None or _is_unchanged(graph.caller, kept))


def _jobs_of(leg: Leg) -> list[Leg]:
    return [inner for inner in legs_of(leg.called) if not inner.called] if leg.called else [leg]


def settle(node: Node) -> None:
    """Give a job its result once its combinations have theirs; the last output that says something stays."""
    if not node.legs or not all(leg.is_over for leg in node.legs):
        return
    results = ["success" if leg.result == "failure" and leg.is_forgiven else leg.result for leg in node.legs]
    node.result = worst(results)
    for leg in node.legs:
        node.outputs |= {name: value for name, value in leg.outputs.items() if value}


def worst(results: list[str]) -> str:
    for result in ("failure", "cancelled"):
        if result in results:
            return result
    return "skipped" if results and all(result == "skipped" for result in results) else "success"


def call_result(graph: Graph) -> str:
    """How a called workflow ended."""
    return worst([node.result for node in graph.nodes.values()])


def call_outputs(graph: Graph) -> dict[str, str]:
    """What `on.workflow_call.outputs` hand to the caller."""
    declared = graph.workflow.on.get("workflow_call", {}).get("outputs") or {}
    jobs = {
        name: {"result": node.result, "outputs": dict(node.outputs)} for name, node in graph.nodes.items()
    }
    found = Scope({"github": graph.github, "inputs": graph.inputs, "jobs": jobs, "vars": {}}, {})
    return {
        name: as_text(evaluate_template(as_text(spec["value"]), found)) for name, spec in declared.items()
    }


def conclusion(graph: Graph, cancelled: bool) -> str:
    """How a run ended: a forgiven failure does not count, a cancelled run is cancelled."""
    found = worst([node.result for node in graph.nodes.values()])
    return "cancelled" if cancelled and found != "failure" else found


def environment_of(leg: Leg) -> str:
    """The environment that a job names; its `url` may use outputs of steps and is not looked at."""
    written = leg.node.job.raw.get("environment")
    name = written.get("name") if isinstance(written, dict) else written
    found = evaluate_tree(name, scope(leg))
    if written is not None and not found:
        raise WorkflowError(f"job {leg.node.job.id!r}: `environment` {written!r} comes to nothing")
    return as_text(found)


def outer_groups(leg: Leg) -> list[str]:
    """The groups that are held around a job; to wait for one of them would be to wait for oneself."""
    graph = leg.node.graph
    return (
        [graph.group]
        if graph.caller is None
        else [graph.group, graph.caller.group, *outer_groups(graph.caller)]
    )


def group_of(raw: Any, found: Scope) -> tuple[str, bool]:
    """A concurrency group and whether a newer one cancels what runs."""
    if raw is None:
        return "", False
    written = {"group": raw} if isinstance(raw, str) else raw
    unknown = [key for key in written if key not in ("group", "cancel-in-progress")]
    if unknown:
        raise WorkflowError(f"`concurrency` has {unknown[0]!r}. Known: cancel-in-progress, group")
    group = as_text(evaluate_tree(written.get("group"), found))
    return group, truth(evaluate_tree(written.get("cancel-in-progress", False), found))
