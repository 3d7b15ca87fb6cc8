"""All checks, in the order in which their lines are shown."""

from __future__ import annotations

from mlops.checkup import (
    account,
    alarms,
    buckets,
    codecommit,
    connections,
    networks,
    roles,
    settings,
    stacks,
    trail,
    versions,
)

CHECKS = (
    *account.CHECKS,
    *stacks.CHECKS,
    *roles.CHECKS,
    *trail.CHECKS,
    *buckets.CHECKS,
    *networks.CHECKS,
    *settings.CHECKS,
    *codecommit.CHECKS,
    *connections.CHECKS,
    *alarms.CHECKS,
    *versions.CHECKS,
)
