"""Test reports: what a JUnit XML file says, as CodeBuild's test cases."""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

KINDS = {"failure": "FAILED", "error": "ERROR", "skipped": "SKIPPED"}
NANO = 1_000_000_000
MOST_MESSAGE = 5000


class ReportError(Exception):
    """A report that cannot be read."""


@dataclass(frozen=True)
class Case:
    """One test, as a report has it."""

    suite: str
    prefix: str
    name: str
    status: str
    nanoseconds: int
    message: str
    path: str


def read_cases(text: bytes, path: str) -> list[Case]:
    """The tests of one file."""
    try:
        # written by the build's own tests; expat expands no external entity, and 2.4 or later no bomb
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError as error:
        raise ReportError(f"{path} is not XML: {error}") from None
    if root.tag not in ("testsuites", "testsuite"):
        raise ReportError(f"{path} is no JUnit report: it begins with <{root.tag}>")
    return [
        _case(case, str(suite.get("name", "")), path)
        for suite in root.iter("testsuite")
        for case in suite.findall("testcase")
    ]


def _case(case: ElementTree.Element, suite: str, path: str) -> Case:
    told = next((child for child in case if child.tag in KINDS), None)
    message = "" if told is None else (told.get("message") or told.text or "")
    return Case(
        suite,
        str(case.get("classname", "")),
        str(case.get("name", "")),
        "SUCCEEDED" if told is None else KINDS[told.tag],
        _nanoseconds(str(case.get("time", "0"))),
        message[:MOST_MESSAGE],
        path,
    )


def _nanoseconds(text: str) -> int:
    try:
        return round(float(text) * NANO)
    except ValueError:
        return 0


def status_of(cases: list[Case]) -> str:
    return "FAILED" if any(case.status in ("FAILED", "ERROR") for case in cases) else "SUCCEEDED"
