"""`mlops audit explain MODEL`: what is live, and each step back to reviewers, job, data and commit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.audit.chain import stamp
from mlops.audit.endpoints import judge_turn
from mlops.audit.event import mapping_at
from mlops.audit.packages import judge_packages
from mlops.audit.pins import judge_pin
from mlops.audit.sources import read_data
from mlops.audit.testimony import testify
from mlops.audit.verdict import worst
from mlops.errors import MlopsError

if TYPE_CHECKING:
    from mlops.audit.case import Case
    from mlops.audit.event import Event
    from mlops.audit.history import Move
    from mlops.audit.replay import Turn
    from mlops.audit.run import Inquiry
    from mlops.audit.verdict import Change, Flag
    from mlops.pin import Pin
    from mlops.project import Environment


def explain(inquiry: Inquiry, model: str, environment: Environment) -> dict[str, Any]:
    """The chain of proof of what an endpoint serves."""
    case = inquiry.case
    turns = case.facts.turns_of(environment, model)
    if not turns:
        endpoint = case.project.endpoint(environment, model)
        raise MlopsError(
            f"the trail holds no change of endpoint {endpoint!r}; ask for an earlier time: --since"
        )
    turn = turns[-1]
    change = inquiry.ratifications.close(judge_turn(case, turn))
    move = find_move(case, turn, change)
    pin = case.history.pin(move)
    flags = [*(() if change.ratified else change.flags), *flags_of(inquiry, move)]
    chain = {
        "schema": 1,
        "endpoint": turn.endpoint,
        "environment": environment,
        "model": model,
        "verdict": worst(flags),
        "why": sorted({flag.message for flag in flags}),
        "config": turn.after,
        "changed": describe_event(turn.event),
        "session": describe_session(case, turn),
    }
    if move is None or pin is None:
        return chain
    return {**chain, **describe_pin(case, move, pin)}


def flags_of(inquiry: Inquiry, move: Move | None) -> list[Flag]:
    """What speaks against the pin and its approval, wherever in time they stand."""
    if move is None:
        return []
    pin = inquiry.case.history.pin(move)
    data = read_data(inquiry.root, [pin] if pin else [])
    changes = [judge_pin(inquiry.case, move, data), *judge_packages(inquiry.case)]
    key = (move.commit, move.environment)
    own = (change for change in changes if (change.commit, change.environment) == key)
    return [flag for change in own if not change.ratified for flag in change.flags]


def find_move(case: Case, turn: Turn, change: Change) -> Move | None:
    """The commit that pins what is live: its session's, one that ratified, or the last with that config."""
    moves = case.history.moves.get((turn.environment, turn.model), [])
    wanted = change.ratified or change.commit
    named = next((move for move in moves if move.commit == wanted), None)
    if named and case.config_of(named) == turn.after:
        return named
    return next((move for move in moves if case.config_of(move) == turn.after), None)


def describe_event(event: Event) -> dict[str, str]:
    """An event by its id."""
    said = {"event": event.id, "name": event.name, "time": stamp(event.time), "by": str(event.who)}
    return {**said, "file": event.file}


def describe_session(case: Case, turn: Turn) -> dict[str, str] | None:
    """The CI job whose session it was."""
    opening = case.openings.get(turn.event.who.key)
    if opening is None:
        return None
    return {"name": opening.name, "subject": opening.subject, **describe_event(opening.event)}


def describe_pin(case: Case, move: Move, pin: Pin) -> dict[str, Any]:
    """Release, package, job, data, commit, pull request, reviewers, approvals."""
    artifact, born = pin.artifact, case.facts.packages.get(pin.artifact.package)
    witness = case.witnesses.find(move.environment, move.model, move.commit) or testify(case, move)
    people = witness.approvals if witness else []
    return {
        "pinned": {"commit": move.commit, "path": move.path, "time": stamp(move.time)},
        "release": pin.release,
        "package": {"arn": artifact.package, "registered": describe_event(born) if born else None},
        "job": artifact.execution,
        "image": artifact.image,
        "archive": f"s3://{artifact.archive.bucket}/{artifact.archive.key}",
        "data": artifact.data,
        "source": artifact.commit,
        "pull_request": {"number": witness.pull, "url": witness.url, "evidence": witness.key}
        if witness
        else None,
        "reviewers": [{"id": each.person, "login": each.login, "commit": each.commit} for each in people],
        "approved": [describe_event(event) for event in approvals_of(case, move)],
    }


def approvals_of(case: Case, move: Move) -> list[Event]:
    """The events that wrote the approval of a pin."""
    return [
        event
        for _, event in case.facts.approvals
        if mapping_at(event.request, "customerMetadataProperties").get(f"{move.environment}.commit")
        == move.commit
    ]


def render_chain(chain: dict[str, Any]) -> str:
    """The chain as lines, from what is live backwards."""
    pull = chain.get("pull_request") or {}
    rows = [
        ("endpoint", f"{chain['endpoint']}: {chain['verdict']}"),
        *(("why", message) for message in chain["why"]),
        ("config", chain["config"]),
        ("changed", line_of(chain["changed"])),
        ("session", line_of(chain["session"])),
        ("pinned", "{path} at {commit}, {time}".format(**chain["pinned"]) if "pinned" in chain else "never"),
        ("release", chain.get("release", "unknown")),
        ("package", chain.get("package", {}).get("arn", "unknown")),
        ("registered", line_of(chain.get("package", {}).get("registered"))),
        ("job", chain.get("job", "unknown")),
        ("data", chain.get("data", "unknown")),
        ("commit", chain.get("source", "unknown")),
        ("pull", f"#{pull['number']} {pull['url']} ({pull['evidence']})" if pull else "unknown"),
        (
            "reviewers",
            ", ".join(f"@{each['login']} ({each['id']})" for each in chain.get("reviewers", [])) or "none",
        ),
        *(("approved", line_of(event)) for event in chain.get("approved", [])),
    ]
    return "".join(f"{name:<11}{value}\n" for name, value in rows)


def line_of(event: dict[str, str] | None) -> str:
    """An event on a line."""
    return "{time} {name} {event} by {by}".format(**event) if event else "not in the trail"
