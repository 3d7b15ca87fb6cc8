"""The first screen of a pull request's body: a proposal in five sentences."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.markdown import code, listing, number, plain

if TYPE_CHECKING:
    from mlops.compare import Comparison, DataChange, Differences
    from mlops.evaluation import Difference, Evaluation
    from mlops.pin import Pin
    from mlops.proposal import Proposal
    from mlops.serving import Serving


def short(pin: Pin) -> str:
    """A release as people name it: its first 12 digits."""
    return code(pin.release_hex[:12])


def move_words(proposal: Proposal) -> str:
    """What goes where."""
    where = f"behind endpoint {code(proposal.endpoint)}"
    what = f"release {short(proposal.pin)} of {code(proposal.model)}"
    if proposal.live is None:
        return f"**To {proposal.environment}:** {what} is the first one {where}."
    if proposal.kind == "serving":
        return f"**In {proposal.environment}:** {what} stays {where}; how it is served changes."
    back = "returns in the" if proposal.kind == "rollback" else "takes the"
    return f"**To {proposal.environment}:** {what} {back} place of {short(proposal.live)} {where}."


def verdict_words(proposal: Proposal, found: Comparison) -> str:
    """How good it is, against what is live where that was measured."""
    evaluation = proposal.evaluation
    if not evaluation.passed:
        return f"**Verdict: failed.** {plain(evaluation.reason)}."
    count = len(evaluation.gates)
    passed = f"passed {f'all {count} gates' if count > 1 else 'the only gate'} of its training run"
    if proposal.kind == "serving":
        return f"**Verdict: the same model.** It {passed}; nothing was measured anew."
    if found.basis == "reversed":
        return f"**Verdict: known.** It {passed}; against what is live: {readings(found)}."
    if found.basis == "none" or found.judged is None:
        alone = "there is nothing to compare it with" if proposal.live is None else "it was not compared"
        return f"**Verdict: good enough by itself.** It {passed}; {alone}."
    whom = "what is live" if found.basis == "live" else "its champion, which is not what is live here"
    return f"**Verdict: {grade(found.judged)} {whom}.** {compared(found, found.judged)} It {passed}."


def grade(judged: Difference) -> str:
    """The gate's comparison in a word or two."""
    if judged.low is not None and judged.low > 0:
        return "better than"
    return "as good as" if judged.low is not None and judged.low >= -judged.margin else "not proven against"


def compared(found: Comparison, judged: Difference) -> str:
    """The gate's comparison in numbers."""
    row = next((row for row in found.metrics if row.name == judged.metric), None)
    ours = row.candidate.value if row else None
    theirs = row.champion.value if row and row.champion else None
    sides = (
        f"{code(judged.metric)} is {number(ours)} against {number(theirs)} on the same {found.rows} test rows"
    )
    if judged.low is None:
        return f"{sides}; too few rows for an interval."
    apart = (
        f"better by at least {judged.low:.3g}" if judged.low > 0 else f"worse by {0 - judged.low:.3g} at most"
    )
    return f"{sides}: {apart} at {100 * judged.confidence:g} % confidence (allowed: {judged.margin:g} worse)."


def readings(found: Comparison) -> str:
    """What the metrics say, where each one is only better or worse."""
    said = {word: [row.name for row in found.metrics if row.reading == word] for word in ("better", "worse")}
    words = [f"{word} in {listing(names)}" for word, names in said.items() if names]
    return " and ".join(words) or "no clear difference in any metric"


def clients_words(proposal: Proposal, found: Differences) -> str:
    """What those who call the endpoint notice."""
    return (
        f"**For clients:** {'; '.join([*interface_words(proposal, found.data), *capture_words(proposal)])}."
    )


def interface_words(proposal: Proposal, data: DataChange | None) -> list[str]:
    """What requests must hold and what answers bring."""
    count = len(proposal.evaluation.data.columns) + proposal.evaluation.data.left_out
    if proposal.live is None:
        return [f"a new endpoint; requests bring {count} columns"]
    if proposal.kind == "serving":
        return ["requests and answers stay as they are"]
    if proposal.live_evaluation is None:
        return [
            f"requests bring {count} columns; whether that changes is unknown, as what is live has no profile"
        ]
    return [*column_words(data, count), score_words(proposal.evaluation, proposal.live_evaluation)]


def column_words(data: DataChange | None, count: int) -> list[str]:
    """What requests must hold."""
    words = []
    if data and data.added:
        words.append(f"requests must bring {listing([column.name for column in data.added])}")
    if data and data.removed:
        words.append(f"{listing([column.name for column in data.removed])} is read no more")
    if data and data.retyped:
        words.append(f"another kind of value in {listing([entry.name for entry in data.retyped])}")
    return words or [f"requests keep their {count} columns"]


def score_words(evaluation: Evaluation, before: Evaluation) -> str:
    """What answers bring."""
    old, new = (found.scores.column if found.scores else "" for found in (before, evaluation))
    if old != new:
        return f"the score is called {code(new)}, not {code(old)}"
    return "answers keep their score and come from another model"


def capture_words(proposal: Proposal) -> list[str]:
    """Whether what clients send is stored."""
    now = proposal.pin.serving.capture.percent
    before = proposal.live.serving.capture.percent if proposal.live else 0
    if now == before:
        return []
    return [
        f"{now} % of what they send is stored (before: {before} %)" if now else "nothing they send is stored"
    ]


def merging_words(proposal: Proposal) -> str:
    """What merging does, and who must agree."""
    serving, count = proposal.pin.serving, proposal.required_approvals
    people = "1 approval" if count == 1 else f"{count} approvals"
    fleet = f"{serving.serve.count} x {code(serving.serve.instance)}"
    does = f"starts {fleet}" if proposal.live is None else f"moves to {fleet}: {rollout_words(serving)}"
    after = {
        "staging": " After its soak, `mlops propose` opens the pull request for prod.",
        "prod": "",
    }[proposal.environment]
    return (
        f"**Merging** {does}. It needs {people} by people who neither wrote nor merged what it brings; "
        f"`mlops deploy` counts them itself.{after}"
    )


def rollout_words(serving: Serving) -> str:
    """How traffic moves, and what brings it back."""
    rollout, alarms = serving.rollout, serving.alarms
    minutes = f"{rollout.bake_minutes} minutes"
    if rollout.strategy == "all-at-once" or (rollout.strategy != "rolling" and serving.serve.count == 1):
        way = f"all traffic at once, watched for {minutes}"
    elif rollout.strategy == "canary":
        way = f"{rollout.percent} % of traffic for {minutes}, then the rest"
    else:
        part = "the fleet" if rollout.strategy == "rolling" else "traffic"
        way = f"{rollout.percent} % of {part} at a time, {minutes} after each"
    guard = (
        f"errors above {alarms.errors_percent:g} %, p95 above {alarms.p95_ms} ms or scores off by more than"
    )
    return f"{way}; {guard} {alarms.score_sigmas:g} standard deviations roll it back"


def undo_words(proposal: Proposal) -> str:
    """How to go back."""
    arguments = f"{proposal.model} --env {proposal.environment}"
    if proposal.live is None:
        return f"**Undo:** `mlops retire {arguments}`; there is no earlier release to go back to."
    return (
        f"**Undo:** `mlops rollback {arguments}` opens the pull request back to {short(proposal.live)}; "
        "with `--now` the endpoint flips first."
    )
