"""The report as SARIF 2.1.0, which forges show beside the pins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from mlops.audit.rules import PROBLEMS, RULES

if TYPE_CHECKING:
    from mlops.audit.chain import Problem
    from mlops.audit.report import Report
    from mlops.audit.verdict import Finding

ANYWHERE = "project.yml"  # SARIF wants a file for every result


def as_sarif(report: Report) -> dict[str, Any]:
    """One run: a result each finding, a notification each thing that cannot be proved."""
    used = sorted({finding.rule for finding in report.findings})
    driver = {
        "name": "mlops audit",
        "rules": [{"id": rule, "shortDescription": {"text": RULES[rule]}} for rule in used],
    }
    invocation = {
        "executionSuccessful": report.outcome != "incomplete",
        "exitCode": report.exit_code,
        "toolExecutionNotifications": [describe_problem(problem) for problem in report.problems],
    }
    return {
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": driver},
                "invocations": [invocation],
                "results": [describe_result(finding, used) for finding in report.findings],
                "properties": {"summary": report.summary},
            }
        ],
    }


def describe_result(finding: Finding, rules: list[str]) -> dict[str, Any]:
    """One finding."""
    place = {"artifactLocation": {"uri": finding.path or ANYWHERE}, "region": {"startLine": 1}}
    return {
        "ruleId": finding.rule,
        "ruleIndex": rules.index(finding.rule),
        "level": finding.level,
        "message": {"text": f"{finding.subject}: {finding.message}"},
        "locations": [{"physicalLocation": place}],
        "partialFingerprints": {"finding/v1": finding.id},
        "properties": {
            "verdict": finding.verdict,
            "time": finding.time,
            "events": [vars(event) for event in finding.events],
        },
    }


def describe_problem(problem: Problem) -> dict[str, Any]:
    """One thing that cannot be proved."""
    return {
        "level": "error",
        "descriptor": {"id": problem.rule},
        "message": {"text": f"{PROBLEMS[problem.rule]}: {problem.place}: {problem.message}"},
    }
