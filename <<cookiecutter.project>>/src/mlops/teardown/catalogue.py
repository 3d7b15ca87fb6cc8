"""All kinds, in the order in which their things are removed: what is in use before what it uses."""

from __future__ import annotations

from mlops.teardown import buckets, engines, guarding, networks, serving, stacks, watching

KINDS = (
    *serving.KINDS,
    *stacks.KINDS,
    *engines.KINDS,
    *watching.KINDS,
    *buckets.KINDS,
    *networks.KINDS,
    guarding.PROVIDER,
    *guarding.KINDS,
)
