"""What a reviewer should not overlook in a proposal, each in one line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlops.markdown import code, listing, plain

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlops.compare import Comparison, DataChange, Differences
    from mlops.proposal import Proposal


def find_concerns(proposal: Proposal, found: Differences) -> list[str]:
    """Every concern, the gravest kind first; empty where nothing stands out."""
    return [
        *judgement(proposal, found.models),
        *worse(found.models),
        *inputs(proposal, found.data),
        *operation(proposal),
    ]


def judgement(proposal: Proposal, models: Comparison) -> Iterator[str]:
    """Whether it was judged, and against what."""
    if not proposal.evaluation.passed:
        yield f"The evaluation did not pass its gates: {plain(proposal.evaluation.reason)}."
    if proposal.kind == "serving" or proposal.live is None:
        return
    if models.why:
        yield f"It could not be compared with its champion: {plain(models.why)}."
    elif models.basis == "none":
        yield "It was never measured on the same rows as what is live."
    elif models.basis == "other":
        yield (
            f"It was compared with the champion of its training run, not with what is live in "
            f"{proposal.environment}; training again compares it with what is live then."
        )


def worse(models: Comparison) -> Iterator[str]:
    """Metrics and groups in which it loses."""
    lost = [row.name for row in models.metrics if row.reading == "worse"]
    if lost:
        yield f"Clearly worse in {listing(lost)}."
    margin = models.judged.margin if models.judged else 0.0
    groups = [f"{row.column} = {row.value}" for row in models.slices if (row.loss or 0.0) > margin]
    if groups:
        yield f"Groups that lose more than the margin: {listing(groups)}."


def inputs(proposal: Proposal, data: DataChange | None) -> Iterator[str]:
    """Whether what the model learnt from is another thing than before."""
    if proposal.live and proposal.live_evaluation is None and proposal.kind != "serving":
        yield "What is live has no readable evaluation: its data cannot be compared."
    if data is None:
        return
    if data.added or data.removed or data.retyped:
        yield "The columns of requests change: clients must change with it."
    far = [shift.column for shift in data.shifts if shift.is_far]
    if far:
        yield f"Inputs moved far (population stability index above 0.25): {listing(far)}."


def operation(proposal: Proposal) -> Iterator[str]:
    """What changes for those who run it."""
    live, pin = proposal.live, proposal.pin
    if proposal.environment == "prod" and proposal.kind == "promote" and not proposal.soak:
        yield "No soak in staging is known: `mlops deploy prod` refuses it until there is one."
    if live is None:
        return
    if live.artifact.image != pin.artifact.image:
        yield f"Another image: {code(live.artifact.image)} → {code(pin.artifact.image)}."
    if pin.serving.serve.count < live.serving.serve.count:
        yield f"The fleet shrinks from {live.serving.serve.count} to {pin.serving.serve.count} instances."
    if pin.serving.capture.percent > live.serving.capture.percent:
        yield f"More of what clients send is stored: {pin.serving.capture.percent} %."
