"""What each account has of its own: SageMaker, CloudWatch, metric filters."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sandbox.athena import Athena
from sandbox.backend import has_log_group
from sandbox.budgets import Budgets
from sandbox.cloudwatch import CloudWatch
from sandbox.codebuild import CodeBuild
from sandbox.codepipeline import CodePipeline
from sandbox.filters import Filters
from sandbox.metrics import Metrics
from sandbox.sagemaker.service import SageMaker
from sandbox.service_quotas import ServiceQuotas
from sandbox.watch import Watch
from sandbox.world import World

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from pathlib import Path

    from sandbox.clock import Clock
    from sandbox.codebuild.reach import Reach
    from sandbox.images import Images
    from sandbox.launch import Launcher
    from sandbox.sagemaker.registry import Registry
    from sandbox.sts import Sts
    from sandbox.world import Call

    Table = Mapping[str, Callable[[Call], dict[str, Any]]]


@dataclass(frozen=True)
class Plane:
    """One account's services."""

    service: SageMaker
    tables: dict[str, Table]
    filters: Filters


@dataclass(frozen=True)
class Shared:
    """What all accounts have in common."""

    region: str
    endpoint: str
    jobs: Path
    images: Images
    launcher: Launcher
    clock: Clock
    sts: Sts
    no_capacity: frozenset[str]
    trails: Callable[[str], Table]
    reach: Reach
    codecommit: Callable[[str], Table]
    stacks: Callable[[str], Table]


def make_planes(accounts: Iterable[str], shared: Shared) -> tuple[dict[str, Plane], dict[str, Registry]]:
    """A plane for each account, and the registries that know of each other."""
    registries: dict[str, Registry] = {}
    return {account: _plane(account, shared, registries) for account in accounts}, registries


def _plane(account: str, shared: Shared, registries: dict[str, Registry]) -> Plane:
    metrics, region = Metrics(), shared.region
    watch = Watch(shared.clock, metrics, f"arn:aws:cloudwatch:{region}:{account}")
    jobs = shared.jobs / account
    jobs.mkdir(exist_ok=True)
    world = World(
        account,
        region,
        shared.endpoint,
        jobs,
        shared.images,
        shared.launcher,
        shared.clock,
        metrics,
        watch,
        shared.sts,
        shared.no_capacity,
    )
    service = SageMaker(world, registries)
    filters = Filters(shared.clock, metrics, functools.partial(has_log_group, account, region))
    tables: dict[str, Table] = {
        "sagemaker": service.operations,
        "cloudwatch": CloudWatch(shared.clock, metrics, watch).operations,
        "athena": Athena(account, region).operations,
        "logs": filters.operations,
        "service-quotas": ServiceQuotas(account, region).operations,
        "sts": shared.sts.operations,
        "cloudtrail": shared.trails(account),
        "cloudformation": shared.stacks(account),
        "budgets": Budgets(account, shared.clock).operations,
        "codecommit": shared.codecommit(account),
        "codebuild": CodeBuild(world, shared.reach).operations,
        **CodePipeline(world, shared.reach).tables(),
    }
    return Plane(service, tables, filters)
