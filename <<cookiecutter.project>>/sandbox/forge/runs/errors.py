"""What the runs refuse: a workflow that GitHub, or this forge, would not start."""

from __future__ import annotations


class WorkflowError(Exception):
    """A workflow, or an expression in one, that cannot run here; the message becomes the run's."""
