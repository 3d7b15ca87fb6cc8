"""Who calls: what stands behind an access key, for the evaluator and for the trail."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from moto.iam.models import iam_backends

from sandbox.errors import ServiceError
from sandbox.iam import ANONYMOUS, Policies, Principal

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from sandbox.iam.part import Keys
    from sandbox.iam.request import Document
    from sandbox.sessions import Session, Sessions

ROOT_KEY = "AKIAROOT"


@dataclass(frozen=True)
class Caller:
    """One caller: its account, what policies see, what the trail says, and what it brings to conditions."""

    account: str
    principal: Principal
    record: dict[str, Any]
    session: Session | None = None
    facts: Keys = field(default_factory=dict)

    @property
    def policies(self) -> Policies:
        """The policies that hang on the caller, as they are at this moment."""
        return _policies(self)


NOBODY = Caller("", ANONYMOUS, {"type": "AWSAccount", "principalId": "", "accountId": "ANONYMOUS_PRINCIPAL"})


class Callers:
    """Knows every access key: those of the accounts' root users, of IAM users, and of role sessions."""

    def __init__(self, accounts: Collection[str], sessions: Sessions) -> None:
        self._accounts = accounts
        self._sessions = sessions

    def find(self, access_key: str, token: str) -> Caller:
        """Who owns a key; raises for one that nobody owns."""
        account = access_key.removeprefix(ROOT_KEY)
        if account != access_key and account in self._accounts:
            return root(account)
        if session := self._sessions.find(access_key):
            if not hmac.compare_digest(session.token.encode(), token.encode()):
                raise unknown_key()
            return of_session(session)
        for account in self._accounts:
            if found := _user_of_key(account, access_key):
                return found
        raise unknown_key()


def unknown_key() -> ServiceError:
    return ServiceError("InvalidClientTokenId", "The security token included in the request is invalid.", 403)


def root_key(account: str) -> str:
    """The access key of an account's root user, whom IAM does not bind."""
    return f"{ROOT_KEY}{account}"


def root(account: str) -> Caller:
    arn = f"arn:aws:iam::{account}:root"
    who = {"type": "Root", "principalId": account, "arn": arn, "accountId": account}
    return Caller(
        account,
        Principal(account, arn, "root", id=account),
        {**who, "accessKeyId": root_key(account)},
    )


def _user_of_key(account: str, access_key: str) -> Caller | None:
    found = iam_backends[account]["aws"].access_keys.get(access_key)
    if found is None or found.status != "Active" or found.user_name is None:
        return None
    user = iam_backends[account]["aws"].users[found.user_name]
    tags = iam_backends[account]["aws"].tagger.get_tag_dict_for_resource(user.arn)
    record = {
        "type": "IAMUser",
        "principalId": user.id,
        "arn": user.arn,
        "accountId": account,
        "accessKeyId": access_key,
        "userName": user.name,
    }
    return Caller(account, Principal(account, user.arn, "user", tags=tags, id=user.id), record)


def of_session(session: Session) -> Caller:
    """The caller behind a role session."""
    principal = Principal(
        session.role.account,
        session.arn,
        "session",
        session.role.arn,
        session.name,
        session.opening.tags,
        session.id,
    )
    opening = session.opening
    facts: Keys = {"aws:MultiFactorAuthPresent": ["false"]}
    if opening.source_identity:
        facts["aws:SourceIdentity"] = [opening.source_identity]
    if opening.provider:
        facts["aws:FederatedProvider"] = [opening.provider]
    return Caller(session.role.account, principal, _session_record(session), session, facts)


def _session_record(session: Session) -> dict[str, Any]:
    opening = session.opening
    web = {"webIdFederationData": {"federatedProvider": opening.provider, "attributes": {}}}
    source = {"sourceIdentity": opening.source_identity}
    return {
        "type": "AssumedRole",
        "principalId": session.id,
        "arn": session.arn,
        "accountId": session.role.account,
        "accessKeyId": session.access_key,
        "sessionContext": {
            "sessionIssuer": {
                "type": "Role",
                "principalId": session.role.id,
                "arn": session.role.arn,
                "accountId": session.role.account,
                "userName": session.role.name,
            },
            **(web if opening.provider else {}),
            "attributes": {
                "creationDate": session.began.strftime("%Y-%m-%dT%H:%M:%SZ"),
                "mfaAuthenticated": "false",
            },
            **(source if opening.source_identity else {}),
        },
        **({"invokedBy": opening.service} if opening.service else {}),
    }


def through(service: str, caller: Caller) -> Caller:
    """A caller for whom a service makes a call with the caller's own rights."""
    facts: Keys = {
        **caller.facts,
        "aws:CalledVia": [service],
        "aws:CalledViaFirst": [service],
        "aws:CalledViaLast": [service],
        "aws:ViaAWSService": ["true"],
    }
    return replace(caller, record={**caller.record, "invokedBy": service}, facts=facts)


def service(name: str, account: str, source: str = "") -> Caller:
    """An AWS service that acts on behalf of an account, for one of its resources."""
    own = {"aws:SourceArn": [source]} if source else {}
    return Caller(
        account,
        Principal(account, name, "service"),
        {"type": "AWSService", "invokedBy": name},
        facts={"aws:SourceAccount": [account], **own},
    )


@dataclass(frozen=True)
class Role:
    """An IAM role, as a session keeps it."""

    account: str
    name: str
    arn: str
    id: str
    longest: int


def find_role(arn: str) -> Role | None:
    """The role of an ARN, in whichever account it is."""
    found = _role(arn)
    if found is None:
        return None
    return Role(found.account_id, found.name, found.arn, found.id, int(found.max_session_duration or 3600))


def trust_of(arn: str) -> Document | None:
    """The trust policy of a role; None where there is no such role."""
    found = _role(arn)
    return found.assume_role_policy_document if found else None


def _role(arn: str) -> Any:
    account = (arn.split(":") + [""] * 5)[4]
    if not account.isdecimal():
        return None
    roles: Iterable[Any] = iam_backends[account]["aws"].roles.values()
    return next((role for role in tuple(roles) if role.arn == arn), None)


def _policies(caller: Caller) -> Policies:
    principal = caller.principal
    if principal.kind == "session":
        assert caller.session is not None  # noqa: S101  # of_session() made the caller
        role = _role(principal.role_arn)
        # a role that was deleted and made anew has another id: sessions of the first are worth nothing
        held = role if role is not None and role.id == caller.session.role.id else None
        return Policies(_attached(held), _boundary(held), caller.session.opening.policies or None)
    if principal.kind == "user":
        backend = iam_backends[caller.account]["aws"]
        user = backend.users.get(principal.arn.rsplit("/", 1)[-1])
        groups = [group for group in backend.groups.values() if user in group.users]
        documents = [document for holder in (user, *groups) for document in _attached(holder)]
        return Policies(documents, _boundary(user))
    return Policies()


def _attached(holder: Any) -> list[Document]:
    """The inline and managed policies of a role, user or group."""
    if holder is None:
        return []
    return [*holder.policies.values(), *map(_document, holder.managed_policies.values())]


def _document(policy: Any) -> Document:
    """The default version of a managed policy."""
    found: Document = next(
        version.document for version in policy.versions if version.version_id == policy.default_version_id
    )
    return found


def _boundary(holder: Any) -> list[Document] | None:
    arn = getattr(holder, "permissions_boundary_arn", None)
    if not arn:
        return None
    backend = iam_backends[arn.split(":")[4] if arn.split(":")[4].isdecimal() else holder.account_id]["aws"]
    policy = backend.managed_policies.get(arn)
    return [_document(policy)] if policy else []  # a boundary that is gone allows nothing
