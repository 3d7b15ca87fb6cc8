"""Runs of the repository's own workflows: from an event to jobs, checks and logs."""

from sandbox.forge.runs.service import Runs

__all__ = ["Runs"]
