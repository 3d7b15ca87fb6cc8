"""Who is signed in, and what the account and its region can give."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops.checkup.finding import Check, Trouble, UnreadError
from mlops.checkup.site import expected_accounts
from mlops.images import ACCOUNTS
from mlops.pin import Pin, parse_pin_file
from mlops.project import ENVIRONMENTS
from mlops.spec import read_spec
from mlops.workspace import list_models, read_work_pins

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from mlops.checkup.site import Site
    from mlops.project import Project

# The services that the verbs use; those of the templates are read from them.
USED = (
    "cloudformation",
    "cloudwatch",
    "logs",
    "s3",
    "sagemaker",
    "sagemaker-runtime",
    "service-quotas",
    "sts",
)
# CloudFormation's names of services where botocore has others
NAMES = {
    "CodeStarNotifications": "codestar-notifications",
    "CodeConnections": "codeconnections",
    "CodeStarConnections": "codestar-connections",
    "SecretsManager": "secretsmanager",
}


def read_credentials(site: Site) -> Iterator[tuple[str, Any]]:
    """The account signed in to, or why nobody is, and those expected."""
    try:
        found = site.reads.aws("sts", "get_caller_identity")
    except UnreadError as reason:
        yield "", (str(reason), expected_accounts(site.project, site.asked))
        return
    yield found["Arn"], (found["Account"], expected_accounts(site.project, site.asked))


def judge_credentials(facts: tuple[str, Mapping[str, str]]) -> Trouble | None:
    """The account is one that project.yml names."""
    account, expected = facts
    if account in expected:
        return None
    wanted = " or ".join(f"{number} ({duty})" for number, duty in expected.items())
    if not account.isdecimal():
        return Trouble(f"nobody is signed in: {account}", f"aws sso login, for account {wanted}")
    return Trouble(
        f"signed in to account {account}, project.yml names {wanted}", f"AWS_PROFILE=… for account {wanted}"
    )


def read_region(site: Site) -> Iterator[tuple[str, tuple[str, list[str]]]]:
    """The project's region, and those of each service that templates and verbs use."""
    for service in sorted({*USED, *template_services(site)}):
        regions = site.reads.regions(service)
        if regions:  # none: a service of the whole world, as IAM
            yield service, (site.project.region, regions)
    yield "framework images", (site.project.region, sorted(ACCOUNTS))


def template_services(site: Site) -> set[str]:
    """The services of the types that infra/ declares, by botocore's names."""
    types = {each.type for template in site.templates for each in template.resources.values()}
    names = {kind.split("::")[1] for kind in types if kind.startswith("AWS::")}
    return {NAMES.get(name, name.lower()) for name in names}


def judge_region(facts: tuple[str, list[str]]) -> Trouble | None:
    """The service is served in the region."""
    region, regions = facts
    if region in regions:
        return None
    return Trouble(f"is not served in {region}", f"make the project anew in one of: {', '.join(regions)}")


@dataclass(frozen=True)
class Quota:
    """How many instances of a type the project needs for a use at once, and how many it may have."""

    name: str
    needed: int
    granted: float | None
    account: str
    region: str


def read_quotas(site: Site) -> Iterator[tuple[str, Quota]]:
    """The instance types that specs and pins name, each for its use."""
    needed = needed_instances(site.root, site.project, site.duties)
    if not needed:
        return
    listed = site.reads.aws("service-quotas", "list_service_quotas", ServiceCode="sagemaker")
    granted = {quota["QuotaName"]: quota["Value"] for quota in listed["Quotas"]}
    for name, count in sorted(needed.items()):
        yield name, Quota(name, count, granted.get(name), site.account, site.project.region)


def needed_instances(root: Path, project: Project, duties: Iterable[str]) -> dict[str, int]:
    """Quota name → instances at once. An update has the old fleet and the new one for a while."""
    needed: dict[str, int] = defaultdict(int)
    if "training" in duties:
        for model in list_models(root):
            spec = read_spec(root, model)
            for use, instance in (
                ("training", spec.train.instance),
                ("processing", spec.processing.instance),
            ):
                name = f"{instance} for {use} job usage"
                needed[name] = max(needed[name], 1)
    fleets: dict[str, list[int]] = defaultdict(list)
    for environment in ENVIRONMENTS:
        if environment in duties:
            for instance, count in read_fleets(root, environment):
                fleets[f"{instance} for endpoint usage"].append(count)
    return {**needed, **{name: sum(counts) + max(counts) for name, counts in fleets.items()}}


def read_fleets(root: Path, environment: str) -> Iterator[tuple[str, int]]:
    """What each pin of an environment serves on, and of a model that is not pinned yet what its spec says."""
    pinned = set()
    for path, text in read_work_pins(root).items():
        _, where, name = path.split("/")
        if where == environment:
            model = name.removesuffix(".yml")
            pinned.add(model)
            pin = parse_pin_file(text, environment, model)
            if isinstance(pin, Pin):
                yield pin.serving.serve.instance, pin.serving.serve.count
    for model in set(list_models(root)) - pinned:
        serve = read_spec(root, model).serve.resolve("prod" if environment == "prod" else "staging").serve
        yield serve.instance, serve.count


def judge_quota(quota: Quota) -> Trouble | None:
    """The account may have as many as the project needs."""
    if quota.granted is not None and quota.granted >= quota.needed:
        return None
    granted = "none is listed" if quota.granted is None else f"{quota.granted:g} granted"
    return Trouble(
        f"{quota.needed} needed, {granted}",
        f"ask for {quota.needed} of {quota.name!r} in account {quota.account}: "
        f"https://console.aws.amazon.com/servicequotas/home?region={quota.region}#!/services/sagemaker/quotas",
    )


CHECKS = (
    Check(
        "credentials", "the account signed in to is one of project.yml", read_credentials, judge_credentials
    ),
    Check("region", "the region has every service that is used", read_region, judge_region),
    Check("quota", "instance types of specs and pins may be had", read_quotas, judge_quota),
)
