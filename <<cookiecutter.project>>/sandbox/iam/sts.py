"""What STS's operations need: the role to assume, and what its trust policy may ask of a token."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sandbox.iam.part import given, tag_keys

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.iam.part import Keys, Params, Part, Place

# The claims of GitHub's tokens that IAM makes condition keys; a policy that asks for another never matches.
CLAIMS = frozenset(
    {
        "actor",
        "actor_id",
        "aud",
        "enterprise_id",
        "environment",
        "job_workflow_ref",
        "ref",
        "repository",
        "repository_id",
        "repository_owner_id",
        "sub",
        "workflow",
    }
)


def parts(operation: str, params: Params, place: Place) -> list[Part]:
    """The parts of one call; of a role the trust policy is the resource's policy."""
    action = f"sts:{operation}"
    if not operation.startswith("AssumeRole") or not params.get("RoleArn"):
        return [place.part(action, "*", tag_keys(params.get("Tags")))]
    role, keys = str(params["RoleArn"]), _keys(params)
    found = [place.part(action, role, keys)]
    if params.get("Tags"):
        found.append(place.part("sts:TagSession", role, _only(keys, "aws:", "sts:Transitive")))
    if params.get("SourceIdentity"):
        found.append(place.part("sts:SetSourceIdentity", role, _only(keys, "sts:SourceIdentity")))
    return found


def _only(keys: Keys, *starts: str) -> Keys:
    return {key: values for key, values in keys.items() if key.startswith(starts)}


def _keys(params: Params) -> Keys:
    return tag_keys(params.get("Tags")) | given(
        {
            "sts:RoleSessionName": params.get("RoleSessionName"),
            "sts:ExternalId": params.get("ExternalId"),
            "sts:SourceIdentity": params.get("SourceIdentity"),
            "sts:TransitiveTagKeys": params.get("TransitiveTagKeys"),
        }
    )


def claim_keys(issuer: str, claims: Mapping[str, object]) -> Keys:
    """The condition keys of a verified token; the issuer's URL without its scheme is their prefix."""
    prefix = issuer.removeprefix("https://").rstrip("/")
    return {f"{prefix}:{name}": [str(claims[name])] for name in sorted(CLAIMS & set(claims))}
