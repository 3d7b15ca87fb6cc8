"""`mlops login ROLE`: sign in to AWS with the CI job's own identity; no secret is stored anywhere.

It writes an AWS config whose `credential_process` is this same verb: boto3, DVC and the AWS CLI ask it when
they need credentials. So a deployment that outlasts a session goes on with the next one, where a token in a
file (AWS_WEB_IDENTITY_TOKEN_FILE) would have expired after minutes. A build of CodeBuild has a role instead
of a token (codebuild_job.py); docs/adr/0017-builds-take-a-role.md says why it takes another one.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mlops import codebuild_job
from mlops.aws import client_config, describe_failure
from mlops.errors import MlopsError, UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.project import Project

AUDIENCE = "sts.amazonaws.com"
ROLES = (
    "train",
    "ci",
    "audit",
    "deploy-staging",
    "deploy-prod",
    "rollback-staging",
    "rollback-prod",
)
SPARE = timedelta(minutes=10)  # a session that ends sooner is not handed out again
SESSION = re.compile(r"[^\w+=,.@-]")  # what a session's name may not hold


@dataclass(frozen=True)
class Session:
    """A role session to open: who, under which name."""

    role_arn: str
    name: str
    region: str


@click.command("login")
@click.argument("role")
@click.option("--session", "name", help="The session's name; CloudTrail shows it. By default run and commit.")
@click.option("--region", hidden=True, help="Of a role given by ARN.")
@click.option("--process", is_flag=True, hidden=True, help="Print credentials, as credential_process does.")
def command(role: str, name: str | None, region: str | None, process: bool) -> None:
    """Sign this CI job in to AWS as ROLE."""
    if process:
        click.echo(json.dumps(read_credentials(Session(role, name or "", region or ""))))
        return
    # read here: every AWS tool of a job asks for credentials, again and again, and those need no project
    from mlops.workspace import open_workspace

    project = open_workspace().project
    session = Session(role_arn(project, role), name or session_name(project, role), project.region)
    read_credentials(session)
    if codebuild_job.is_here():
        write_private(codebuild_job.config_path(), config_text(session))
    else:
        export(write_config(session))
    click.echo(f"signed in as {session.role_arn} (session {session.name})")


def role_arn(project: Project, role: str) -> str:
    """The ARN of one of the project's roles: it lies in the account of its environment."""
    if role not in ROLES:
        raise UsageError(f"{role!r} is no role of a CI job; allowed: {', '.join(ROLES)}")
    duty = role.rpartition("-")[2] if "-" in role else "training"
    account = getattr(project.accounts, duty)
    return f"arn:aws:iam::{account}:role/{project.project}-{role}"


def session_name(project: Project, role: str) -> str:
    """`p<pull request>.<commit>.<run>` where a pull request led here, `r.<commit>.<run>` elsewhere."""
    commit, run = os.environ.get("GITHUB_SHA", ""), os.environ.get("GITHUB_RUN_ID", "")
    if codebuild_job.is_here():
        commit, run = codebuild_job.commit_and_run()
    origin = "r"
    if role.startswith("deploy-") and commit:
        from mlops.forge import open_forge

        pull = open_forge(project).merged_pull(commit)
        origin = f"p{pull.number}" if pull else "r"
    return SESSION.sub("-", f"{origin}.{commit[:12] or 'none'}.{run or 'none'}")


def read_credentials(session: Session) -> dict[str, Any]:
    """Credentials in the form of credential_process; those of before while they last."""
    kept = folder() / f"{SESSION.sub('-', session.role_arn.rpartition('/')[2])}.{session.name}.json"
    found = read_kept(kept)
    if found:
        return found
    credentials = take_role(session) if codebuild_job.is_here() else assume(session, fetch_token())
    write_private(kept, json.dumps(credentials))
    return credentials


def read_kept(path: Path) -> dict[str, Any] | None:
    """The credentials of an earlier call, unless they end soon."""
    try:
        found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        ends = datetime.fromisoformat(found["Expiration"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if ends - datetime.now(UTC) > SPARE else None


def fetch_token() -> str:
    """This job's identity token, from the CI's own endpoint.

    https://docs.github.com/en/actions/reference/security/oidc
    """
    import requests

    url, bearer = (os.environ.get(f"ACTIONS_ID_TOKEN_REQUEST_{name}", "") for name in ("URL", "TOKEN"))
    if not url or not bearer:
        raise UsageError(
            "this job has no identity token. In a workflow: permissions: id-token: write "
            "(a fork's pull request has none); on a laptop sign in with: aws sso login"
        )
    try:
        answer = requests.get(
            url, params={"audience": AUDIENCE}, headers={"Authorization": f"Bearer {bearer}"}, timeout=30
        )
        answer.raise_for_status()
        token: str = answer.json()["value"]
    except (requests.RequestException, KeyError, TypeError) as error:
        raise MlopsError(f"the CI gave no identity token ({error!r}); run the same command again") from None
    return token


def assume(session: Session, token: str) -> dict[str, Any]:
    """Exchange the token for a session of the role."""
    import boto3
    from botocore import UNSIGNED
    from botocore.exceptions import ClientError

    config = client_config().merge(type(client_config())(signature_version=UNSIGNED))
    sts = boto3.session.Session(region_name=session.region).client("sts", config=config)
    try:
        answer = sts.assume_role_with_web_identity(
            RoleArn=session.role_arn, RoleSessionName=session.name, WebIdentityToken=token
        )["Credentials"]
    except ClientError as error:
        raise MlopsError(
            f"{session.role_arn}: {describe_failure(error)}. The role trusts this repository's workflow, "
            "branch and environment only: see infra/identity.yml"
        ) from None
    return process_document(answer)


def take_role(session: Session) -> dict[str, Any]:
    """The same for a build of CodeBuild, whose own role may take this one."""
    return process_document(codebuild_job.assume(session.role_arn, session.name, session.region))


def process_document(answer: Mapping[str, Any]) -> dict[str, Any]:
    """What STS answers, as credential_process prints it."""
    return {
        "Version": 1,
        "AccessKeyId": answer["AccessKeyId"],
        "SecretAccessKey": answer["SecretAccessKey"],
        "SessionToken": answer["SessionToken"],
        "Expiration": answer["Expiration"].astimezone(UTC).isoformat(timespec="seconds"),
    }


def folder() -> Path:
    """Where this job keeps its sign-in: GitHub empties it before and after each job."""
    place = Path(os.environ.get("RUNNER_TEMP") or tempfile.gettempdir()) / "mlops-login"
    place.mkdir(mode=0o700, parents=True, exist_ok=True)
    return place


def write_private(path: Path, text: str) -> None:
    """Write a file that nobody else may read, whole or not at all."""
    descriptor, partial = tempfile.mkstemp(dir=path.parent)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
    Path(partial).replace(path)


def write_config(session: Session) -> dict[str, str]:
    """The AWS config that asks this verb for credentials; the variables that make tools read it."""
    path = folder() / "config"
    write_private(path, config_text(session))
    return {
        "AWS_CONFIG_FILE": str(path),
        "AWS_REGION": session.region,
        "AWS_DEFAULT_REGION": session.region,
    }


def config_text(session: Session) -> str:
    """An AWS config that asks this verb."""
    words = [*this_program(), "login", session.role_arn, "--process"]
    words += ["--session", session.name, "--region", session.region]
    return f"[default]\nregion = {session.region}\ncredential_process = {shlex.join(words)}\n"


def this_program() -> list[str]:
    """How to start this tool from anywhere: the folder of its sources may not be known to every step."""
    sources = str(Path(__file__).resolve().parents[1])
    return ["env", f"PYTHONPATH={sources}", sys.executable, "-m", "mlops.cli"]


def export(settings: Mapping[str, str]) -> None:
    """Hand variables to the job's later steps, by GitHub's environment file."""
    place = os.environ.get("GITHUB_ENV", "")
    if not place:
        raise UsageError("GITHUB_ENV is not set; `mlops login` hands its settings to a job's later steps")
    with Path(place).open("a", encoding="utf-8") as file:
        file.writelines(f"{name}={value}\n" for name, value in settings.items())
