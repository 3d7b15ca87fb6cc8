"""Model package groups and their versions. moto lacks life cycles, deletion and the update's rules."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sandbox.errors import ServiceError, invalid
from sandbox.iam import PolicyError
from sandbox.iam.document import compile_policy
from sandbox.sagemaker.store import Record, Shelf, page, pick, select
from sandbox.world import Call, World, now

if TYPE_CHECKING:
    from sandbox.sagemaker.tags import Tags

MOST_PROPERTIES = 50
KEPT = [
    "ModelPackageDescription",
    "InferenceSpecification",
    "SourceAlgorithmSpecification",
    "ValidationSpecification",
    "MetadataProperties",
    "ModelMetrics",
    "Domain",
    "Task",
    "SamplePayloadUrl",
    "CustomerMetadataProperties",
    "DriftCheckBaselines",
    "AdditionalInferenceSpecifications",
    "SkipModelValidation",
    "SourceUri",
    "SecurityConfig",
    "ModelCard",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
    "ManagedStorageType",
]
SUMMARY = [
    "ModelPackageName",
    "ModelPackageGroupName",
    "ModelPackageVersion",
    "ModelPackageArn",
    "ModelPackageDescription",
    "CreationTime",
    "ModelPackageStatus",
    "ModelApprovalStatus",
    "ModelLifeCycle",
    "ModelPackageRegistrationType",
]


class Registry:
    """Versions of models and what may be deployed; `others` are the registries of all accounts, ours too."""

    def __init__(self, world: World, tags: Tags, others: dict[str, Registry]) -> None:
        self._world = world
        self._tags = tags
        self._others = others
        others[world.account] = self
        self._policies: dict[str, str] = {}
        self._groups = Shelf(
            lambda name: invalid(f"Model Package Group {self._group_arn(name)} does not exist."),
            lambda name: invalid(f"Model Package Group already exists: {self._group_arn(name)}"),
        )
        self._packages = Shelf(
            lambda arn: invalid(f"ModelPackage {arn} does not exist."),
            lambda arn: ServiceError("ConflictException", f"ModelPackage {arn} already exists."),
        )
        self._versions: dict[str, int] = {}

    def create_group(self, call: Call) -> dict[str, Any]:
        name = call.params["ModelPackageGroupName"]
        arn = self._group_arn(name)
        self._groups.add(
            name,
            {
                **pick(call.params, "ModelPackageGroupName", "ModelPackageGroupDescription"),
                "ModelPackageGroupArn": arn,
                "CreationTime": now(),
                "CreatedBy": created_by(call),
                "ModelPackageGroupStatus": "Completed",
            },
        )
        self._tags.put(arn, call.params.get("Tags"))
        return {"ModelPackageGroupArn": arn}

    def describe_group(self, call: Call) -> dict[str, Any]:
        return self._groups.get(_last(call.params["ModelPackageGroupName"]))

    def delete_group(self, call: Call) -> dict[str, Any]:
        name = _last(call.params["ModelPackageGroupName"])
        self._groups.get(name)
        if any(package.get("ModelPackageGroupName") == name for package in self._packages.all()):
            raise ServiceError("ConflictException", f"Model Package Group {name!r} still has model packages.")
        self._groups.remove(name)
        self._policies.pop(name, None)
        return {}

    def put_policy(self, call: Call) -> dict[str, Any]:
        name, policy = _last(call.params["ModelPackageGroupName"]), call.params["ResourcePolicy"]
        group = self._groups.get(name)
        try:
            compile_policy(policy)
        except PolicyError as error:
            raise invalid(f"Invalid resource policy: {error}") from None
        self._policies[name] = policy
        return {"ModelPackageGroupArn": group["ModelPackageGroupArn"]}

    def get_policy(self, call: Call) -> dict[str, Any]:
        name = _last(call.params["ModelPackageGroupName"])
        self._groups.get(name)
        if name not in self._policies:
            raise invalid(f"Cannot find resource policy for Model Package Group {self._group_arn(name)}.")
        return {"ResourcePolicy": self._policies[name]}

    def delete_policy(self, call: Call) -> dict[str, Any]:
        name = _last(call.params["ModelPackageGroupName"])
        self._groups.get(name)
        self._policies.pop(name, None)
        return {}

    def policy_of(self, group: str) -> str | None:
        """The resource policy of a group: it says what other accounts may do with it and its packages."""
        return self._policies.get(group)

    def list_groups(self, call: Call) -> dict[str, Any]:
        found = select(self._groups.all(), call.params, "ModelPackageGroupName")
        return page(
            found,
            call.params,
            "ModelPackageGroupSummaryList",
            lambda group: {key: value for key, value in group.items() if key != "CreatedBy"},
        )

    def create(self, call: Call) -> dict[str, Any]:
        params = call.params
        if ("ModelPackageGroupName" in params) == ("ModelPackageName" in params):
            raise invalid("Either ModelPackageName or ModelPackageGroupName must be specified, and not both.")
        _check_properties(params.get("CustomerMetadataProperties", {}))
        identity = (
            self._next_version(params) if "ModelPackageGroupName" in params else self._unversioned(params)
        )
        status = params.get("ModelApprovalStatus", "PendingManualApproval")
        arn = identity["ModelPackageArn"]
        self._packages.add(
            arn,
            {
                **pick(params, *KEPT),
                **identity,
                "CreationTime": now(),
                "CreatedBy": created_by(call),
                "ModelPackageStatus": "Completed",
                "ModelPackageStatusDetails": {"ValidationStatuses": []},
                **({"ModelApprovalStatus": status} if "ModelPackageGroupName" in params else {}),
            },
        )
        self._tags.put(arn, params.get("Tags"))
        return {"ModelPackageArn": arn}

    def _next_version(self, params: Record) -> Record:
        group = _last(params["ModelPackageGroupName"])
        self._groups.get(group)
        with self._packages.lock:
            version = self._versions[group] = self._versions.get(group, 0) + 1
        arn = self._world.arn("model-package", f"{group}/{version}")
        return {"ModelPackageGroupName": group, "ModelPackageVersion": version, "ModelPackageArn": arn}

    def _unversioned(self, params: Record) -> Record:
        name = params["ModelPackageName"]
        return {"ModelPackageName": name, "ModelPackageArn": self._world.arn("model-package", name)}

    def find(self, name: str) -> Record:
        """Read a package by ARN, which may be another account's, or, unversioned, by name."""
        account = name.split(":")[4] if name.startswith("arn:") else self._world.account
        if account != self._world.account and account in self._others:
            return self._others[account].find(name)
        package = self._packages.get(
            name if name.startswith("arn:") else self._world.arn("model-package", name)
        )
        package.setdefault("ModelPackageName", package["ModelPackageArn"].split("/", 1)[1])
        return package

    def describe(self, call: Call) -> dict[str, Any]:
        return self.find(call.params["ModelPackageName"])

    def update(self, call: Call) -> dict[str, Any]:
        params, arn = call.params, call.params["ModelPackageArn"]
        with self._packages.lock:
            package = self._packages.get(arn)
            properties = {**(package.get("CustomerMetadataProperties") or {})}
            properties.update(params.get("CustomerMetadataProperties", {}))
            for key in params.get("CustomerMetadataPropertiesToRemove", []):
                properties.pop(key, None)
            _check_properties(properties)
            extra = params.get("AdditionalInferenceSpecificationsToAdd", [])
            changed = pick(
                params,
                "ModelApprovalStatus",
                "ApprovalDescription",
                "ModelLifeCycle",
                "SourceUri",
                "ModelCard",
                "InferenceSpecification",
                "ModelPackageRegistrationType",
            )
            self._packages.update(
                arn,
                **changed,
                CustomerMetadataProperties=properties or None,
                AdditionalInferenceSpecifications=[
                    *(package.get("AdditionalInferenceSpecifications") or []),
                    *extra,
                ]
                or None,
                LastModifiedTime=now(),
                LastModifiedBy=created_by(call),
            )
        return {"ModelPackageArn": arn}

    def delete(self, call: Call) -> dict[str, Any]:
        self._packages.remove(self.find(call.params["ModelPackageName"])["ModelPackageArn"])
        return {}

    def list(self, call: Call) -> dict[str, Any]:
        params = call.params
        group = _last(params["ModelPackageGroupName"]) if "ModelPackageGroupName" in params else None
        kind = params.get("ModelPackageType", "Versioned" if group else "Unversioned")
        if group:
            self._groups.get(group)
        chosen = [
            package
            for package in self._packages.all()
            if (group is None or package.get("ModelPackageGroupName") == group)
            and params.get("ModelApprovalStatus") in (None, package.get("ModelApprovalStatus"))
            and kind in ("Both", "Versioned" if "ModelPackageVersion" in package else "Unversioned")
        ]
        chosen = select(chosen, params, "ModelPackageArn")
        return page(chosen, params, "ModelPackageSummaryList", lambda package: pick(package, *SUMMARY))

    def _group_arn(self, name: str) -> str:
        return self._world.arn("model-package-group", name)


def created_by(call: Call) -> dict[str, Any]:
    """Who made a resource, as far as an identity outside a studio domain says."""
    identity = {"Arn": call.identity.get("arn"), "PrincipalId": call.identity.get("principalId")}
    return {"IamIdentity": {key: value for key, value in identity.items() if value}}


def _last(name_or_arn: str) -> str:
    return name_or_arn.rsplit("/", 1)[-1]


def _check_properties(properties: dict[str, str]) -> None:
    if len(properties) > MOST_PROPERTIES:
        raise invalid(
            f"CustomerMetadataProperties has {len(properties)} entries; "
            f"at most {MOST_PROPERTIES} are allowed."
        )
