"""STS: sessions of roles, for tokens of the forge's jobs, for other identities, and for services."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from moto.iam.models import iam_backends

from sandbox import identity
from sandbox.errors import ServiceError, invalid
from sandbox.iam import Policies, PolicyError, Principal, Request, claim_keys, evaluate
from sandbox.iam.document import compile_policy
from sandbox.identity import Caller
from sandbox.oidc import issuer_of
from sandbox.sessions import Opening
from sandbox.trail import Event

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from sandbox.identity import Role
    from sandbox.oidc import Issuer
    from sandbox.sessions import Session, Sessions
    from sandbox.trail import Trail
    from sandbox.world import Call

DEFAULT_SECONDS = 3600
SHORTEST, LONGEST = 900, 43_200
CHAINED = 3600  # of a session that another session opens
SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)


class Sts:
    """Opens sessions. Who may is decided in front of every call, by the role's trust policy."""

    def __init__(
        self, sessions: Sessions, issuer: Issuer, accounts: Collection[str], records: Trail, region: str
    ) -> None:
        self._sessions = sessions
        self._issuer = issuer
        self._accounts = accounts
        self._records = records
        self._region = region
        self.operations: dict[str, Callable[[Call], dict[str, Any]]] = {
            "AssumeRole": self.assume_role,
            "AssumeRoleWithWebIdentity": self.assume_role_with_web_identity,
            "GetCallerIdentity": self.get_caller_identity,
        }

    def read_token(self, params: dict[str, Any]) -> Caller:
        """Who calls AssumeRoleWithWebIdentity: what its token says, once it is verified."""
        account = (str(params.get("RoleArn", "")).split(":") + [""] * 5)[4]
        if account not in self._accounts:
            raise not_authorized("AssumeRoleWithWebIdentity")
        token = str(params.get("WebIdentityToken", ""))
        issuer = issuer_of(token)
        arn = provider_arn(account, issuer)
        provider = iam_backends[account]["aws"].open_id_providers.get(arn)
        if provider is None:
            raise ServiceError(
                "InvalidIdentityToken", f"No OpenIDConnect provider found in your account for {issuer}"
            )
        if issuer != self._issuer.url:
            raise ServiceError(
                "InvalidIdentityToken",
                "Couldn't retrieve verification key from your identity provider, please reference "
                "AssumeRoleWithWebIdentity documentation for requirements",
            )
        return web_caller(account, arn, self._issuer.verify(token, provider.client_id_list))

    def assume_role_with_web_identity(self, call: Call) -> dict[str, Any]:
        claims = call.caller.facts
        host = urlsplit(self._issuer.url).netloc
        provider = call.caller.principal.arn
        session = self._open(call, Opening(self._seconds(call), _policies(call), provider=provider))
        return {
            **_opened(session),
            "SubjectFromWebIdentityToken": claims[f"{host}:sub"][0],
            "Audience": claims[f"{host}:aud"][0],
            "Provider": provider,
        }

    def assume_role(self, call: Call) -> dict[str, Any]:
        if call.caller.principal.kind == "root":
            raise ServiceError("AccessDenied", "Roles may not be assumed by root accounts.", 403)
        tags = {tag["Key"]: tag["Value"] for tag in call.params.get("Tags", [])}
        source = call.params.get("SourceIdentity", "")
        if inherited := call.caller.facts.get("aws:SourceIdentity"):
            source = inherited[0]
        opening = Opening(self._seconds(call), _policies(call), tags, source)
        return _opened(self._open(call, opening))

    def get_caller_identity(self, call: Call) -> dict[str, Any]:
        principal = call.caller.principal
        return {"UserId": principal.id, "Account": principal.account, "Arn": principal.arn}

    def assume_for(self, service: str, role: str, name: str, account: str, source: str = "") -> Session:
        """A session that a service opens to act for an account; `source` is the ARN of what it acts for."""
        found = self.require_trust(service, role, account, source)
        session = self._sessions.open(found, name, Opening(None, service=service))
        self._records.append(self._event(service, session))
        return session

    def _event(self, service: str, session: Session) -> Event:
        """What CloudTrail says of a role that a service takes: the service is its own caller."""
        answered = {
            "credentials": {"accessKeyId": session.access_key},
            "assumedRoleUser": {"assumedRoleId": session.id, "arn": session.arn},
        }
        return Event(
            service="sts",
            name="AssumeRole",
            region=self._region,
            accounts=(session.role.account,),
            identity=identity.service(service, session.role.account).record,
            request={"roleArn": session.role.arn, "roleSessionName": session.name},
            response=answered,
            error=None,
            source_ip=service,
            user_agent=service,
            request_id=str(uuid.uuid4()),
        )

    def require_trust(self, service: str, role: str, account: str, source: str = "") -> Role:
        """The role of an ARN; raises unless it is this account's and trusts the service."""
        found = identity.find_role(role)
        if found is None or found.account != account or not _trusts(service, found, source):
            raise invalid(
                f"Could not assume role {role}. Please ensure that the role exists and allows principal "
                f"'{service}' to assume the role."
            )
        return found

    def _open(self, call: Call, opening: Opening) -> Session:
        name = call.params["RoleSessionName"]
        if not SESSION_NAME.fullmatch(name):
            raise ServiceError(
                "ValidationError",
                f"1 validation error detected: Value '{name}' at 'roleSessionName' failed to satisfy "
                "constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*, of 2 to 64 "
                "characters",
            )
        return self._sessions.open(_role(call), name, opening)

    def _seconds(self, call: Call) -> int:
        role, seconds = _role(call), int(call.params.get("DurationSeconds", DEFAULT_SECONDS))
        if not SHORTEST <= seconds <= LONGEST:
            raise ServiceError(
                "ValidationError",
                f"1 validation error detected: Value '{seconds}' at 'durationSeconds' failed to satisfy "
                f"constraint: Member must have value between {SHORTEST} and {LONGEST}",
            )
        if call.caller.session and seconds > CHAINED:
            raise ServiceError(
                "ValidationError",
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
                "role chaining.",
            )
        if seconds > role.longest:
            raise ServiceError(
                "ValidationError",
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            )
        return self._sessions.capped(seconds)


def _role(call: Call) -> Role:
    role = identity.find_role(call.params["RoleArn"])
    assert role is not None  # noqa: S101  # its trust policy has just allowed the call
    return role


def _policies(call: Call) -> tuple[str, ...]:
    """The session policies of a call: they limit what the role's own allow."""
    if call.params.get("PolicyArns"):
        raise ServiceError("ValidationError", "the sandbox does not serve PolicyArns; see docs/sandbox.md")
    policy = call.params.get("Policy")
    try:
        if policy:
            compile_policy(policy)
    except PolicyError as error:
        raise ServiceError("MalformedPolicyDocument", str(error)) from None
    return (policy,) if policy else ()


def _opened(session: Session) -> dict[str, Any]:
    return {
        "Credentials": {
            "AccessKeyId": session.access_key,
            "SecretAccessKey": session.secret,
            "SessionToken": session.token,
            "Expiration": session.expires,
        },
        "AssumedRoleUser": {"AssumedRoleId": session.id, "Arn": session.arn},
    }


def _trusts(service: str, role: Role, source: str) -> bool:
    caller = identity.service(service, role.account, source)
    request = Request(caller.principal, "sts:AssumeRole", role.arn, role.account, caller.facts)
    trust = identity.trust_of(role.arn)
    return evaluate(request, Policies(resource=[trust] if trust else [])).allowed


def provider_arn(account: str, issuer: str) -> str:
    parts = urlsplit(issuer)
    return f"arn:aws:iam::{account}:oidc-provider/{parts.netloc}{parts.path}"


def web_caller(account: str, provider: str, claims: dict[str, Any]) -> Caller:
    """A caller that has nothing but a verified token."""
    subject = str(claims["sub"])
    said = claims["aud"]
    audience = str(said[0] if isinstance(said, list) else said)
    facts = dict(claim_keys(str(claims["iss"]), {**claims, "aud": audience}))
    record = {
        "type": "WebIdentityUser",
        "principalId": f"{provider}:{audience}:{subject}",
        "userName": subject,
        "identityProvider": provider,
    }
    facts["aws:FederatedProvider"] = [provider]
    return Caller(account, Principal(account, provider, "web"), record, facts=facts)


def not_authorized(operation: str) -> ServiceError:
    """What STS says of a token that a role does not trust, whether or not the role exists."""
    return ServiceError("AccessDenied", f"Not authorized to perform sts:{operation}", 403)
