"""Who must look at a file, as .github/CODEOWNERS says: the last line that matches counts."""

from __future__ import annotations

import re
from dataclasses import dataclass

PLACES = (".github/CODEOWNERS", "CODEOWNERS", "docs/CODEOWNERS")


@dataclass(frozen=True)
class OwnerLine:
    """A pattern and the people or teams it names; nobody: the files need no owner."""

    pattern: re.Pattern[str]
    owners: tuple[str, ...]


def parse(text: str) -> list[OwnerLine]:
    """The lines that mean something; GitHub skips those it cannot read, and so does this."""
    lines = [line.split("#", 1)[0].split() for line in text.splitlines()]
    return [
        OwnerLine(_pattern(words[0]), tuple(words[1:])) for words in lines if words and _is_valid(words[0])
    ]


def owners(lines: list[OwnerLine], path: str) -> tuple[str, ...]:
    """Whoever owns a file."""
    found = [line for line in lines if line.pattern.match(path)]
    return found[-1].owners if found else ()


def _is_valid(pattern: str) -> bool:
    return not pattern.startswith("!") and "[" not in pattern and not pattern.startswith("\\#")


def _pattern(text: str) -> re.Pattern[str]:
    """gitignore's rules, as CODEOWNERS has them: a folder matches all below it, `/x/*` only its files."""
    anchored = "/" in text.rstrip("/")
    body = _translate(text.strip("/"))
    start = "" if anchored else "(?:.*/)?"
    end = "/.*" if text.endswith("/") else "" if text.endswith("/*") else "(?:/.*)?"
    return re.compile(f"{start}{body}{end}\\Z")


def _translate(text: str) -> str:
    parts = re.split(r"(\*\*/|/\*\*|\*|\?)", text)
    meaning = {"**/": "(?:.*/)?", "/**": "/.*", "*": "[^/]*", "?": "[^/]"}
    return "".join(meaning.get(part, re.escape(part)) for part in parts)
