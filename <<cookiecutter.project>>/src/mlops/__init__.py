"""Promote models by pull request: git says what is live, this tool makes AWS match it."""

__version__ = "0.1.0"
