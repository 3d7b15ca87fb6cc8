"""A build of AWS CodeBuild, as `mlops login` sees it: its commit and run, and the role that it may take.

A build acts as its project's service role, whose session CodeBuild names. To change an environment it takes
that environment's role, in that account, under a name that says pull request, commit and build
(docs/adr/0017-builds-take-a-role.md).
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops.aws import client_config, describe_failure
from mlops.errors import MlopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from boto3.session import Session

BUILD = "CODEBUILD_BUILD_ID"  # project:uuid
COMMIT = "CODEBUILD_RESOLVED_SOURCE_VERSION"
CHAINED_SECONDS = 3600  # AWS's limit for a session that another session opens


def is_here() -> bool:
    """Whether this process is part of a build."""
    return bool(os.environ.get(BUILD))


def commit_and_run() -> tuple[str, str]:
    """The commit that the build is of, and the build's own number."""
    return os.environ.get(COMMIT, ""), os.environ.get(BUILD, "").partition(":")[2]


def config_path() -> Path:
    """Where every AWS tool looks by itself; a build's home is its own, and gone after it."""
    place = Path(os.environ.get("AWS_CONFIG_FILE") or "~/.aws/config").expanduser()
    place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def own_session(region: str) -> Session:
    """AWS as the build's own role, whatever role the build has taken since: the config is not asked."""
    import boto3
    import botocore.session
    from botocore.credentials import ContainerProvider, CredentialResolver

    core = botocore.session.get_session()
    core.register_component("credential_provider", CredentialResolver([ContainerProvider()]))
    if core.get_credentials() is None:
        raise UsageError("this build has no credentials of its own; give its project a service role")
    return boto3.session.Session(botocore_session=core, region_name=region)


def client(region: str, service: str) -> Any:
    """A client of where builds and pipelines are: as the build's own role, or as whoever is no build."""
    from mlops.aws import Aws
    from mlops.foundation import account

    if not is_here():
        return account.client(Aws(region), service)
    create: Any = own_session(region).client
    return create(service, config=client_config())


def assume(role: str, name: str, region: str) -> Mapping[str, Any]:
    """A session of a role, opened as the build's own role."""
    from botocore.exceptions import ClientError

    try:
        answer: Mapping[str, Any] = (
            own_session(region)
            .client("sts", config=client_config())
            .assume_role(RoleArn=role, RoleSessionName=name, DurationSeconds=CHAINED_SECONDS)
        )
    except ClientError as error:
        raise MlopsError(
            f"{role}: {describe_failure(error)}. The role trusts its own CodeBuild project's "
            "service role alone: see infra/pipeline.yml"
        ) from None
    found: Mapping[str, Any] = answer["Credentials"]
    return found
