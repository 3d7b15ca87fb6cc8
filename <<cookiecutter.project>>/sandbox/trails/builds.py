"""What a build of CodeBuild leaves in the trail before it works: its start, its session, its duty's role."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sandbox.trails import callers, records

if TYPE_CHECKING:
    from datetime import datetime

    from sandbox.trails.callers import Identity
    from sandbox.trails.site import Pinned, Site

Record = dict[str, Any]
SECOND = timedelta(seconds=1)


@dataclass(frozen=True)
class Build:
    """One build that takes a role; `changes` of the request are what its starter says otherwise."""

    site: Site
    pinned: Pinned
    at: datetime
    project: str = ""
    role: str = ""
    run: str = ""
    starter: Identity | None = None
    changes: dict[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The build project, without the project's prefix."""
        return self.project or f"deploy-{self.pinned.environment}"

    @property
    def id(self) -> str:
        """The build's number."""
        return self.run or str(uuid.uuid5(records.SPACE, f"build {self.name} {self.pinned.commit}"))

    @property
    def session(self) -> str:
        """The name under which it takes the role."""
        return f"p{self.pinned.pull}.{self.pinned.commit[:12]}.{self.id}"

    @property
    def key(self) -> str:
        """The access key of the role's session."""
        return f"ASIA{self.id.replace('-', '')[:16].upper()}"

    @property
    def taken(self) -> str:
        """The role that it takes."""
        return f"{self.site.project}-{self.role or f'deploy-{self.pinned.environment}'}"

    @property
    def who(self) -> Identity:
        """Who it is afterwards."""
        account = self.site.account(self.pinned.environment)
        return callers.role_session(account, self.taken, self.session, self.key)

    @property
    def own(self) -> Identity:
        """Who it is before: its project's service role, in a session that CodeBuild names."""
        role, key = f"{self.site.project}-build-{self.name}", f"ASIB{self.key[4:]}"
        return callers.role_session(self.site.training, role, f"AWSCodeBuild-{self.id}", key)

    def start(self) -> Record:
        """StartBuild (derived): CodePipeline names the artifact that it hands over."""
        site = self.site
        pipeline = callers.role_session(
            site.training,
            f"{site.project}-pipeline",
            f"{site.project}-{self.name}",
            "ASIAPIPELINE00000000",
            invoked_by="codepipeline.amazonaws.com",
        )
        request: dict[str, Any] = {"projectName": f"{site.project}-{self.name}"}
        if self.starter is None:
            request["sourceVersion"] = f"arn:aws:s3:::{site.project}-builds/{self.name}/Source/abcdefg"
            request["environmentVariablesOverride"] = [
                {"name": "EXECUTION", "value": "1", "type": "PLAINTEXT"}
            ]
        answer = {
            "build": {"id": f"{request['projectName']}:{self.id}", "projectName": request["projectName"]}
        }
        return records.call(
            "StartBuild", "codebuild", self.starter or pipeline, self.at, site.training, site.region,
            {**request, **self.changes}, answer,
        )  # fmt: skip

    def provision(self) -> Record:
        """CodeBuild takes the service role (real)."""
        own, site = self.own, self.site
        service, role = callers.service("codebuild.amazonaws.com"), f"{site.project}-build-{self.name}"
        return records.assume(
            service, self.at + SECOND, site.training, site.region, role, f"AWSCodeBuild-{self.id}",
            own["accessKeyId"],
        )  # fmt: skip

    def sign_in(self, who: Identity | None = None) -> list[Record]:
        """It takes the role of its duty: one record in its account, one in the role's."""
        who, account = who or self.own, self.site.account(self.pinned.environment)
        at, region = self.at + 2 * SECOND, self.site.region
        record = records.assume(who, at, account, region, self.taken, self.session, self.key)
        if account == who["accountId"]:
            return [record]
        mine, theirs = records.shared(record, account)
        return [mine, {**theirs, "userIdentity": records.hidden(who)}]

    def begin(self) -> list[Record]:
        """All three, as they should be."""
        return [self.start(), self.provision(), *self.sign_in()]
