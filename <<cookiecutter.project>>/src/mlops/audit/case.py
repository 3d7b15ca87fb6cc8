"""All that the rules look at: events, history, evidence, and what is known not to be known."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from mlops.audit.builds import Builds
    from mlops.audit.chain import Gap, Range
    from mlops.audit.codecommit import Pulls
    from mlops.audit.event import Event
    from mlops.audit.history import History, Move
    from mlops.audit.names import Names
    from mlops.audit.replay import Facts
    from mlops.audit.sessions import Opening
    from mlops.audit.witness import Witnesses
    from mlops.audit.work import Work
    from mlops.project import Project


@dataclass(frozen=True)
class Breach:
    """A change of what guards a role: its later sessions prove nothing."""

    event: Event
    role: str


@dataclass
class Case:
    """One audit. `served` names the release of a config by its name, filled as it is asked for."""

    project: Project
    names: Names
    history: History
    witnesses: Witnesses
    facts: Facts
    openings: Mapping[str, Opening]
    builds: Builds
    pulls: Pulls
    repository_id: str
    asked: Range
    work: Work
    gaps: Sequence[Gap] = ()
    breaches: Sequence[Breach] = ()  # those that nobody ratified
    _configs: dict[str, str] = field(default_factory=dict)
    _releases: dict[tuple[str, str], dict[str, tuple[str, str]]] = field(default_factory=dict)

    def release_of(self, environment: str, model: str, config: str) -> str:
        """The release that a config serves, in words."""
        if not config:
            return "nothing"
        release, commit = self.known_configs(environment, model).get(config, ("", ""))
        return (
            f"{release} (pinned by {commit[:12]})"
            if release
            else f"config {config!r}, which was never pinned"
        )

    def known_configs(self, environment: str, model: str) -> dict[str, tuple[str, str]]:
        """Config name → (release, commit that pinned it last) of all pins of a model."""
        key = (environment, model)
        if key not in self._releases:
            found: dict[str, tuple[str, str]] = {}
            for move in self.history.moves.get(key, []):
                pin = self.history.pin(move)
                if pin:
                    found.setdefault(self.config_of(move), (pin.release, move.commit))
            self._releases[key] = found
        return self._releases[key]

    def config_of(self, move: Move | None) -> str:
        """The endpoint config that a move pins; empty where it pins none."""
        if move is None:
            return ""
        key = f"{move.environment} {move.blob}"
        if key not in self._configs:
            pin = self.history.pin(move)
            self._configs[key] = pin.config_name(self.project, move.environment) if pin else ""
        return self._configs[key]

    def in_gap(self, account: str, since: datetime, until: datetime) -> Gap | None:
        """The hours of an account's own region that nothing covers, where they touch a span."""
        return next(
            (
                gap
                for gap in self.gaps
                if gap.source.account == account
                and gap.source.region == self.project.region
                and gap.since < until
                and since < gap.until
            ),
            None,
        )

    def config_at(self, environment: str, model: str, moment: datetime) -> str:
        """What an endpoint was pointed at, at a moment; empty where nothing is known or it was deleted."""
        turn = self.facts.turn_at((environment, model), moment)
        return turn.after if turn else ""
