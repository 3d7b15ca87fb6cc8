"""What a pull request proposes: a pin in the place of another, or the end of a model in an environment."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from mlops.evaluation import Evaluation
    from mlops.pin import Pin, Tombstone
    from mlops.project import Environment, Project

Kind = Literal["promote", "rollback", "serving"]


@dataclass(frozen=True)
class Proposal:
    """A pin that would take the place of what is live.

    `soak`: how it did in the environment before, in words. `commits`: (sha, subject, author), newest first,
    from the live release to the candidate. `links`: pages where one can look further, by what they show.
    """

    project: Project
    environment: Environment
    model: str
    pin: Pin
    live: Pin | None
    evaluation: Evaluation
    live_evaluation: Evaluation | None
    soak: str | None
    commits: Sequence[tuple[str, str, str]]
    kind: Kind
    required_approvals: int
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """The endpoint that it is about."""
        return self.project.endpoint(self.environment, self.model)


@dataclass(frozen=True)
class Retirement:
    """A tombstone that would take the place of a pin."""

    project: Project
    environment: Environment
    tombstone: Tombstone
    live: Pin
    required_approvals: int
    links: Mapping[str, str] = field(default_factory=dict)

    @property
    def endpoint(self) -> str:
        """The endpoint that would go."""
        return self.project.endpoint(self.environment, self.tombstone.model)
