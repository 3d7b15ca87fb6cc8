"""IAM: decides every call by the policies that bear on it, as AWS documents it.

`read_parameters` reads a request, `authorize` says which actions on which resources it is, `evaluate` decides
one of them, `denial` says why not.
"""

from sandbox.iam.actions import authorize, facts
from sandbox.iam.decision import denial, evaluate
from sandbox.iam.errors import PolicyError
from sandbox.iam.parameters import read_parameters
from sandbox.iam.part import Part
from sandbox.iam.request import ANONYMOUS, Decision, Policies, Principal, Request
from sandbox.iam.s3 import listing
from sandbox.iam.sts import claim_keys

__all__ = [
    "ANONYMOUS",
    "Decision",
    "Part",
    "Policies",
    "PolicyError",
    "Principal",
    "Request",
    "authorize",
    "claim_keys",
    "denial",
    "evaluate",
    "facts",
    "listing",
    "read_parameters",
]
