"""Whether a change of roles, buckets, keys or trails is what infra/*.yml of main says: that was reviewed."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

import yaml

from mlops import git
from mlops.audit.event import mapping_at
from mlops.audit.expression import Bindings, Scope, match
from mlops.foundation.expressions import partition
from mlops.foundation.templates import FOLDER, parse_template
from mlops.project import ENVIRONMENTS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from mlops.audit.event import Event
    from mlops.project import Project

    Settings = Callable[[Scope, "Event"], Iterator[dict[str, str] | None]]

DUTIES = ("training", *ENVIRONMENTS)
# How long after a newer version came into main an older one may still be applied
STALE = timedelta(hours=24)
FORM = "%H %ct"


@dataclass(frozen=True)
class Version:
    """infra/ as a commit of main left it, and when the next one came."""

    commit: str
    until: datetime | None
    templates: tuple[tuple[str, str], ...]  # (path, text)


@dataclass
class Foundation:
    """The templates of main through time. Calls are asked about in the order in which they happened."""

    root: Path
    project: Project
    head: str
    bindings: Bindings = field(default_factory=Bindings)
    _versions: list[Version] | None = None
    _judged: dict[str, bool | None] = field(default_factory=dict)
    _parsed: dict[str, Any] = field(default_factory=dict)

    def proves(self, event: Event) -> bool:
        """Whether the templates of main set just what a call set."""
        return self._judge(event) is True

    def contradicts(self, event: Event) -> bool:
        """Whether the templates of main speak of what a call set, and set something else."""
        return self._judge(event) is False

    def _judge(self, event: Event) -> bool | None:
        """Whether main says the same; None where it does not speak of it. A call is judged once."""
        if event.id not in self._judged:
            self._judged[event.id] = self._compare(event)
        return self._judged[event.id]

    def _compare(self, event: Event) -> bool | None:
        ask = ASKED.get((event.source, event.name))
        verdict = None
        for version in self._versions_for(event) if ask else ():
            for scope in self._scopes(version, event.account):
                for found in ask(scope, event) if ask else ():
                    if found is not None and self.bindings.agree(found):
                        self.bindings.learn(found)
                        return True
                    verdict = False
        return verdict

    def _versions_for(self, event: Event) -> Iterator[Version]:
        """The versions that may have been applied by a call, newest first: main's then, and any later one."""
        for version in self.versions():
            if version.until is not None and version.until + STALE < event.time:
                return
            yield version

    def _scopes(self, version: Version, account: str) -> Iterator[Scope]:
        """Every template for every duty of an account."""
        accounts = self.project.accounts
        owner, _, repository = self.project.repository.rpartition("/")
        known = {
            "AWS::AccountId": account,
            "AWS::Region": self.project.region,
            "AWS::Partition": partition(self.project.region),
            "AWS::URLSuffix": "amazonaws.com.cn"
            if self.project.region.startswith("cn-")
            else "amazonaws.com",
            "Project": self.project.project,
            "Forge": self.project.forge,
            "Ci": self.project.ci,
            "Owner": owner,
            "Repository": repository,
            **{f"{duty.title()}Account": getattr(accounts, duty) for duty in DUTIES},
        }
        for path, text in version.templates:
            document = self._parse(text)
            for duty, choice in product(DUTIES, choices(document, known)):
                if getattr(accounts, duty) == account:
                    yield Scope(f"{path} {duty}", document, {**known, **choice, "Duty": duty})

    def _parse(self, text: str) -> Any:
        """A template; what is none says nothing."""
        if text not in self._parsed:
            try:
                found = parse_template(text)
            except (yaml.YAMLError, ValueError):
                found = {}
            self._parsed[text] = found if isinstance(found, dict) else {}
        return self._parsed[text]

    def versions(self) -> list[Version]:
        """infra/ at each commit of first-parent main that changed it, newest first."""
        if self._versions is None:
            self._versions = list(read_versions(self.root, self.head))
        return self._versions


def choices(document: Mapping[str, Any], known: Mapping[str, str]) -> list[dict[str, str]]:
    """Every combination of what main leaves open, where a template's conditions ask for it."""
    parameters, asked = document.get("Parameters") or {}, json.dumps(document.get("Conditions"), default=str)
    open_ones = {
        name: rules["AllowedValues"]
        for name, rules in parameters.items()
        if isinstance(rules, dict) and isinstance(rules.get("AllowedValues"), list)
        and name not in known and name != "Duty" and json.dumps({"Ref": name}) in asked
    }  # fmt: skip
    combined = product(*open_ones.values())
    return [dict(zip(open_ones, map(str, values), strict=True)) for values in combined]


def read_versions(root: Path, head: str) -> Iterator[Version]:
    """Every version of the templates."""
    lines = (
        git.git(root, "log", "--first-parent", f"--format={FORM}", head, "--", FOLDER).decode().split("\n")
    )
    until = None
    for commit, seconds in (line.split() for line in lines if line):
        paths = [path for path in git.list_files(root, commit, FOLDER) if path.endswith(".yml")]
        texts = git.read_files(root, commit, paths)
        listed = tuple((path, (text or b"").decode(errors="replace")) for path, text in texts.items())
        yield Version(commit, until, listed)
        until = datetime.fromtimestamp(int(seconds), UTC)


def ask_role(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """CreateRole and UpdateAssumeRolePolicy: who may take a role, and within which boundary."""
    trust = read_document(event.asked("assumeRolePolicyDocument") or event.asked("policyDocument"))
    wanted = ["AssumeRolePolicyDocument"]
    found: dict[str, Any] = {"AssumeRolePolicyDocument": trust}
    if event.name == "CreateRole":
        wanted.append("PermissionsBoundary")
        found["PermissionsBoundary"] = event.asked("permissionsBoundary") or None
    for properties in roles(scope, event):
        yield match_members(scope, properties, wanted, found)


def ask_inline(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """PutRolePolicy: one of the policies that stand in the role, or beside it."""
    said = {
        "PolicyName": event.asked("policyName"),
        "PolicyDocument": read_document(event.asked("policyDocument")),
    }
    for properties in roles(scope, event):
        for policy in properties.get("Policies") or []:
            yield match(scope, policy, said)
    for _, properties in scope.resources("AWS::IAM::RolePolicy"):
        yield match(scope, properties, {**said, "RoleName": event.asked("roleName")})


def ask_attached(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """AttachRolePolicy: one of the managed policies of the role."""
    for properties in roles(scope, event):
        for arn in properties.get("ManagedPolicyArns") or []:
            yield match(scope, arn, event.asked("policyArn"))


def ask_boundary(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """PutRolePermissionsBoundary: the boundary of the role."""
    for properties in roles(scope, event):
        yield match(scope, properties.get("PermissionsBoundary"), event.asked("permissionsBoundary"))


def ask_managed(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """CreatePolicyVersion: what a managed policy of that name says."""
    name, document = event.asked("policyArn").rpartition("/")[2], read_document(event.asked("policyDocument"))
    said = {"PolicyDocument": document}
    for properties in named(scope, "AWS::IAM::ManagedPolicy", "ManagedPolicyName", name):
        yield match_members(scope, properties, list(said), said)


def ask_provider(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """CreateOpenIDConnectProvider and AddClientIDToOpenIDConnectProvider: for whom tokens may be."""
    url = (
        event.asked("url")
        or f"https://{event.asked('openIDConnectProviderArn').partition('oidc-provider/')[2]}"
    )
    clients = event.request.get("clientIDList") or [event.asked("clientID")]
    said = {"ClientIdList": clients}
    for properties in named(scope, "AWS::IAM::OIDCProvider", "Url", url):
        yield match_members(scope, properties, list(said), said)


def ask_bucket_policy(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """PutBucketPolicy."""
    for properties in named(scope, "AWS::S3::BucketPolicy", "Bucket", event.asked("bucketName")):
        yield match(scope, properties.get("PolicyDocument"), mapping_at(event.request, "bucketPolicy"))


def ask_bucket(member: str) -> Settings:
    """What else is set on a bucket, by the member that holds it."""

    def ask(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
        found = {key: value for key, value in mapping_at(event.request, member).items() if key != "xmlns"}
        for properties in named(scope, "AWS::S3::Bucket", "BucketName", event.asked("bucketName")):
            yield match(scope, properties.get(member), found)

    return ask


def ask_key(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """PutKeyPolicy: which key it is, its first use says."""
    for logical, properties in scope.resources("AWS::KMS::Key"):
        found = match(scope, properties.get("KeyPolicy"), read_document(event.asked("policy")))
        key = event.asked("keyId").rpartition("/")[2]
        yield None if found is None else {**found, f"{scope.name} {logical}": key}


def ask_trail(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """CreateTrail and UpdateTrail: every setting that the call names."""
    said = {
        TRAIL.get(key, key[:1].upper() + key[1:]): value
        for key, value in event.request.items()
        if key not in ("name", "tagsList") and (key, value) != ("s3KeyPrefix", "")
    }
    for properties in trails(scope, event.asked("name")):
        yield match_members(scope, properties, list(said), said)


def ask_selectors(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """PutEventSelectors: what is recorded."""
    said = {
        key[:1].upper() + key[1:]: raise_keys(event.request[key])
        for key in ("eventSelectors", "advancedEventSelectors")
        if event.request.get(key)
    }
    for properties in trails(scope, event.asked("trailName")):
        yield match_members(scope, properties, list(said), said)


def ask_project(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """CreateProject and UpdateProject: what a build runs, where, as which role; a call may set some of it."""
    said = {RENAMED.get(key, key): value for key, value in raise_keys(event.request).items()}
    if isinstance(said.get("Source"), dict):
        said["Source"] = {RENAMED.get(key, key): value for key, value in said["Source"].items()}
    members = [member for member in RUN if said.get(member) is not None]
    for properties in named(scope, "AWS::CodeBuild::Project", "Name", event.asked("name")):
        yield match_members(scope, properties, members, said)


def ask_pipeline(scope: Scope, event: Event) -> Iterator[dict[str, str] | None]:
    """CreatePipeline and UpdatePipeline: its stages, and as which role it starts them."""
    said = raise_keys(mapping_at(event.request, "pipeline"))
    for properties in named(scope, "AWS::CodePipeline::Pipeline", "Name", str(said.get("Name"))):
        yield match_members(
            scope, properties, ["RoleArn", "Stages"], {"RoleArn": None, "Stages": None, **said}
        )


def trails(scope: Scope, name: str) -> Iterator[Mapping[str, Any]]:
    """The trail that a call is about, by name or ARN."""
    return named(scope, "AWS::CloudTrail::Trail", "TrailName", name.rpartition("/")[2])


def roles(scope: Scope, event: Event) -> Iterator[Mapping[str, Any]]:
    """The role that a call is about."""
    return named(scope, "AWS::IAM::Role", "RoleName", event.asked("roleName"))


def named(scope: Scope, kind: str, key: str, name: str) -> Iterator[Mapping[str, Any]]:
    """The resources of a type that a template gives a name."""
    for _, properties in scope.resources(kind):
        if match(scope, properties.get(key), name) is not None:
            yield properties


def match_members(
    scope: Scope, properties: Mapping[str, Any], members: list[str], found: Mapping[str, Any]
) -> dict[str, str] | None:
    """Some members of a resource against what was set; a member that neither has is equal."""
    wanted = {member: properties[member] for member in members if member in properties}
    return match(scope, wanted, {member: found[member] for member in members if found[member] is not None})


def read_document(text: str) -> Any:
    """A policy, which some calls carry with its signs replaced."""
    try:
        return json.loads(text if text.startswith("{") else unquote(text))
    except ValueError:
        return text


def raise_keys(value: Any) -> Any:
    """Members as templates name them."""
    if isinstance(value, dict):
        return {key[:1].upper() + key[1:]: raise_keys(member) for key, member in value.items()}
    return [raise_keys(one) for one in value] if isinstance(value, list) else value


# What decides what a build does; the rest is where its log and downloads go
RUN = ("ServiceRole", "Source", "SourceVersion", "Environment")
RENAMED = {"Buildspec": "BuildSpec"}
# CloudTrail's own words for what a template calls otherwise
TRAIL = {"s3BucketName": "S3BucketName", "s3KeyPrefix": "S3KeyPrefix", "kmsKeyId": "KMSKeyId"}
ASKED: dict[tuple[str, str], Settings] = {
    ("iam", "CreateRole"): ask_role,
    ("iam", "UpdateAssumeRolePolicy"): ask_role,
    ("iam", "PutRolePolicy"): ask_inline,
    ("iam", "AttachRolePolicy"): ask_attached,
    ("iam", "PutRolePermissionsBoundary"): ask_boundary,
    ("iam", "CreatePolicyVersion"): ask_managed,
    ("iam", "CreateOpenIDConnectProvider"): ask_provider,
    ("iam", "AddClientIDToOpenIDConnectProvider"): ask_provider,
    ("s3", "PutBucketPolicy"): ask_bucket_policy,
    ("s3", "PutBucketVersioning"): ask_bucket("VersioningConfiguration"),
    ("s3", "PutBucketPublicAccessBlock"): ask_bucket("PublicAccessBlockConfiguration"),
    ("s3", "PutBucketObjectLockConfiguration"): ask_bucket("ObjectLockConfiguration"),
    ("s3", "PutObjectLockConfiguration"): ask_bucket("ObjectLockConfiguration"),
    ("kms", "PutKeyPolicy"): ask_key,
    ("codebuild", "CreateProject"): ask_project,
    ("codebuild", "UpdateProject"): ask_project,
    ("codepipeline", "CreatePipeline"): ask_pipeline,
    ("codepipeline", "UpdatePipeline"): ask_pipeline,
    ("cloudtrail", "CreateTrail"): ask_trail,
    ("cloudtrail", "UpdateTrail"): ask_trail,
    ("cloudtrail", "PutEventSelectors"): ask_selectors,
}
