"""What a request asks of a stack: template, parameters, tags; what the sandbox lacks is refused."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from botocore.exceptions import ClientError

from sandbox.cloudformation import template
from sandbox.cloudformation.design import Design, draw, require_capabilities
from sandbox.cloudformation.errors import refused, unserved

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sandbox.cloudformation.kinds import Place
    from sandbox.cloudformation.records import Stack
    from sandbox.cloudformation.template import Template

NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
# Of each operation that changes a stack, all that is served; anything else is refused by name.
DRAWN = frozenset(
    {
        "Capabilities",
        "ClientRequestToken",
        "Parameters",
        "RoleARN",
        "StackName",
        "Tags",
        "TemplateBody",
        "TemplateURL",
    }
)
SERVED = {
    "CreateStack": DRAWN
    | {"DisableRollback", "EnableTerminationProtection", "OnFailure", "RetainExceptOnCreate"},
    "UpdateStack": DRAWN | {"DisableRollback", "RetainExceptOnCreate", "UsePreviousTemplate"},
    "CreateChangeSet": DRAWN
    | {
        "ChangeSetName",
        "ChangeSetType",
        "Description",
        "OnStackFailure",
        "ResourcesToImport",
        "UsePreviousTemplate",
    },
    "ExecuteChangeSet": {
        "ChangeSetName",
        "ClientRequestToken",
        "DisableRollback",
        "RetainExceptOnCreate",
        "StackName",
    },
    "DeleteStack": {"ClientRequestToken", "DeletionMode", "RetainResources", "RoleARN", "StackName"},
    "ContinueUpdateRollback": {"ClientRequestToken", "ResourcesToSkip", "RoleARN", "StackName"},
}
EMPTY: tuple[Any, ...] = (None, "", False, [], {})


def check(operation: str, params: Mapping[str, Any]) -> None:
    """Refuse members that would be without effect, unless they ask for nothing."""
    served = SERVED.get(operation)
    if served is None:
        return
    asked = sorted(name for name, value in params.items() if name not in served and value not in EMPTY)
    if asked:
        raise unserved(f"{', '.join(asked)} in {operation}")


def check_name(name: str) -> None:
    if not NAME.fullmatch(name):
        raise refused(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy constraint: "
            f"Member must satisfy regular expression pattern: {NAME.pattern}"
        )


@dataclass(frozen=True)
class Reader:
    """Reads a request; `fetch` gives an object of S3 by bucket and key, as the caller may."""

    fetch: Callable[[str, str], bytes]

    def template(self, params: Mapping[str, Any], stack: Stack | None = None) -> Template:
        body, url = params.get("TemplateBody"), params.get("TemplateURL")
        if params.get("UsePreviousTemplate") and stack and stack.design:
            return stack.design.template
        if (body is None) == (url is None):
            raise refused("Either Template URL or Template Body must be specified.")
        if url is not None:
            return template.read(self._stored(url))
        body = str(body)
        if len(body.encode()) > template.LONGEST:
            raise refused(
                "1 validation error detected: Value at 'templateBody' failed to satisfy constraint: "
                f"Member must have length less than or equal to {template.LONGEST}; "
                "give a larger template as TemplateURL"
            )
        return template.read(body)

    def _stored(self, url: str) -> str:
        bucket, key = read_url(url)
        try:
            found = self.fetch(bucket, key)
        except ClientError as error:
            said = error.response.get("Error", {})
            raise refused(f"S3 error: {said.get('Message', error)}") from None
        if len(found) > template.LONGEST_STORED:
            raise refused(f"Template may not exceed {template.LONGEST_STORED} bytes in size.")
        return found.decode("utf-8", "replace")

    def design(self, params: Mapping[str, Any], place: Place, stack: Stack | None = None) -> Design:
        """The design that a request describes; of a stack that has one, tags not given stay."""
        found = self.template(params, stack)
        before = stack.design if stack else None
        drawn = draw(
            found,
            params.get("Parameters") or (),
            before.chosen if before else None,
            read_tags(params, before.tags if before else {}),
            place,
        )
        require_capabilities(drawn, params.get("Capabilities") or ())
        return drawn


def read_tags(params: Mapping[str, Any], before: Mapping[str, str]) -> Mapping[str, str]:
    asked = params.get("Tags")
    if asked is None:
        return before
    found = {each["Key"]: each["Value"] for each in asked}
    if reserved := [key for key in found if key.lower().startswith("aws:")]:
        raise refused(f"Tags: keys that start with aws: are reserved: {', '.join(reserved)}")
    return found


def read_url(url: str) -> tuple[str, str]:
    """The bucket and key of a template's address, which has the bucket in its path or its host."""
    parts = urlsplit(url)
    path = unquote(parts.path).lstrip("/")
    hosted = re.fullmatch(r"(.+)\.s3[.-].*amazonaws\.com", parts.hostname or "")
    if parts.scheme not in ("http", "https"):
        raise refused("TemplateURL must be a supported URL.")
    if hosted:
        return hosted[1], path
    bucket, _, key = path.partition("/")
    if not bucket or not key:
        raise refused("TemplateURL must reference a valid S3 object to which you have access.")
    return bucket, key
