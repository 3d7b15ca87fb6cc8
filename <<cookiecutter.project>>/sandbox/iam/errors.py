"""What the evaluator refuses: a policy document that IAM would not take."""

from __future__ import annotations


class PolicyError(Exception):
    """A policy that says nothing IAM understands; AWS answers MalformedPolicyDocument when it is put."""
