"""People on CodeCommit: the identities of AWS behind pull requests, and the names in commits.

CodeCommit knows callers by ARN and commits by whatever name git was told. A person is the name that they have
in every role: an IAM user's, or a session's, without what follows the @ of an address, in lower case. So one
person in two roles is one, and a commit is theirs by its name or address (docs/adr/0018-four-eyes-on-aws.md).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlops.forge import Person

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from mlops.project import Project

ARN = re.compile(r"arn:[\w-]+:(?:iam|sts)::(\d{12}):(user|federated-user|assumed-role|root)(?:/(.+))?")
CO_AUTHOR = re.compile(r"^co-authored-by:\s*(.*?)\s*<([^<>]*)>\s*$", re.IGNORECASE | re.MULTILINE)
IDENTITY_CENTER = "AWSReservedSSO_"  # its sessions bear their user's name
DEVELOPER = "developer"  # the project's role whose trust policy makes sessions bear their user's name
BOT = "mlops"  # whom the commits of `propose` name
BOT_ADDRESS = "mlops@noreply.codecommit"


def read_person(arn: str, project: Project) -> Person:
    """Who an ARN is: a person, or one of the project's roles, which are no people."""
    found = ARN.fullmatch(arn)
    if found is None or not found[3]:
        return Person(arn, arn, is_bot=True, arn=arn)  # a root user, or a service: nobody's name
    role = found[3].partition("/")[0] if found[2] == "assumed-role" else ""
    name = found[3].rpartition("/")[2]
    if role.startswith(f"{project.project}-") and role != f"{project.project}-{DEVELOPER}":
        return Person(role, role, is_bot=True, arn=arn)
    return Person(fold(name), name, arn=arn)


def fold(name: str) -> str:
    """The name that a person has everywhere: without the host of an address, in lower case."""
    return name.partition("@")[0].strip().lower() or name


def name_authors(commit: Mapping[str, Any]) -> list[Person]:
    """Whom a commit names: its author and its co-authors, each by name and by address."""
    author = commit["author"]
    named = [(author.get("name", ""), author.get("email", "")), *CO_AUTHOR.findall(commit.get("message", ""))]
    if named[0] == (BOT, BOT_ADDRESS):
        return [Person(BOT, BOT, is_bot=True), *unite(named[1:])]
    return unite(named)


def unite(named: Iterable[tuple[str, str]]) -> list[Person]:
    """Everybody that pairs of name and address may mean."""
    words = (word for pair in named for word in pair if word.strip())
    return list({fold(word): Person(fold(word), fold(word)) for word in words}.values())


def may_judge(person: Person, pools: Iterable[Iterable[str]]) -> bool:
    """Whether a person's word counts: who is in every rule's pool, or whose session name cannot be chosen."""
    named = [list(pool) for pool in pools if pool]
    if named:
        return all(any(is_member(person.arn, member) for member in pool) for pool in named)
    found = ARN.fullmatch(person.arn)
    if found is None or found[2] == "root":
        return False
    role = found[3].partition("/")[0]
    return found[2] != "assumed-role" or role.startswith(IDENTITY_CENTER) or role.endswith(f"-{DEVELOPER}")


def is_member(arn: str, member: str) -> bool:
    """Whether an approval pool names an identity: by ARN, or as CodeCommitApprovers:ACCOUNT:NAME."""
    kind, _, rest = member.partition(":")
    if kind != "CodeCommitApprovers":
        return matches(member, arn)
    account, _, name = rest.partition(":")
    found = ARN.fullmatch(arn)
    return found is not None and found[1] == account and matches(name, found[3] or "")


def matches(pattern: str, text: str) -> bool:
    """AWS's wildcards: * for any text, ? for one character."""
    said = re.escape(pattern).replace(r"\*", ".*").replace(r"\?", ".")
    return re.fullmatch(said, text, re.DOTALL) is not None
