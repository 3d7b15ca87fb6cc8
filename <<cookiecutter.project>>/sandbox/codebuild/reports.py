"""Report groups, and the reports of tests that builds put into them."""

from __future__ import annotations

import threading
import uuid
from collections import Counter
from typing import TYPE_CHECKING, Any

from sandbox.codebuild import junit
from sandbox.codebuild.records import Record, arn, bad, missing, page, taken

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.codebuild.reach import Reach
    from sandbox.identity import Caller
    from sandbox.world import Call, World


class Reports:
    """The report groups of an account."""

    def __init__(self, world: World, reach: Reach) -> None:
        self._world, self._reach = world, reach
        self._groups: dict[str, Record] = {}
        self._reports: dict[str, Record] = {}
        self._cases: dict[str, list[Record]] = {}
        self._lock = threading.RLock()
        self.operations: dict[str, Callable[[Call], Record]] = {
            "CreateReportGroup": self.create_group,
            "UpdateReportGroup": self.update_group,
            "DeleteReportGroup": self.delete_group,
            "BatchGetReportGroups": self.get_groups,
            "ListReportGroups": self.list_groups,
            "BatchGetReports": self.get_reports,
            "ListReports": self.list_reports,
            "ListReportsForReportGroup": self.list_of_group,
            "DescribeTestCases": self.describe_cases,
        }

    def create_group(self, call: Call) -> Record:
        params = call.params
        if params["type"] != "TEST":
            raise bad(f"type is {params['type']}; the sandbox serves TEST alone, see docs/sandbox.md")
        if params["exportConfig"].get("exportConfigType", "NO_EXPORT") != "NO_EXPORT":
            raise bad("the sandbox exports no reports: exportConfigType is NO_EXPORT; see docs/sandbox.md")
        return {"reportGroup": self._add_group(params["name"], params.get("tags", []))}

    def _add_group(self, name: str, tags: list[Record]) -> Record:
        found, now = arn(self._world, "report-group", name), self._world.clock.now()
        with self._lock:
            if found in self._groups:
                raise taken(f"Report group already exists: {found}")
            self._groups[found] = {
                "arn": found,
                "name": name,
                "type": "TEST",
                "exportConfig": {"exportConfigType": "NO_EXPORT"},
                "created": now,
                "lastModified": now,
                "tags": tags,
                "status": "ACTIVE",
            }
        return self._groups[found]

    def update_group(self, call: Call) -> Record:
        group = self._group(call.params["arn"])
        group["tags"] = call.params.get("tags", group["tags"])
        group["lastModified"] = self._world.clock.now()
        return {"reportGroup": group}

    def delete_group(self, call: Call) -> Record:
        found = call.params["arn"]
        with self._lock:
            own = [each for each, report in self._reports.items() if report["reportGroupArn"] == found]
            if own and not call.params.get("deleteReports"):
                raise bad(f"Report group {found} has reports; deleteReports deletes them with it")
            self._groups.pop(found, None)
            for each in own:
                self._reports.pop(each)
                self._cases.pop(each)
        return {}

    def get_groups(self, call: Call) -> Record:
        return _found(self._groups, call.params["reportGroupArns"], "reportGroups", "reportGroupsNotFound")

    def list_groups(self, call: Call) -> Record:
        return page(sorted(self._groups), call.params, "reportGroups")

    def get_reports(self, call: Call) -> Record:
        return _found(self._reports, call.params["reportArns"], "reports", "reportsNotFound")

    def list_reports(self, call: Call) -> Record:
        return page(list(reversed(self._reports)), call.params, "reports")

    def list_of_group(self, call: Call) -> Record:
        wanted = self._group(call.params["reportGroupArn"])["arn"]
        own = [each for each, report in self._reports.items() if report["reportGroupArn"] == wanted]
        return page(list(reversed(own)), call.params, "reports")

    def describe_cases(self, call: Call) -> Record:
        if call.params["reportArn"] not in self._cases:
            raise missing(f"no report {call.params['reportArn']}")
        wanted = call.params.get("filter", {}).get("status")
        cases = self._cases[call.params["reportArn"]]
        chosen = [case for case in cases if wanted in (None, case["status"])]
        return {"testCases": chosen}

    def _group(self, found: str) -> Record:
        if found not in self._groups:
            raise missing(f"Report group {found} does not exist")
        return self._groups[found]

    def keep(self, caller: Caller, group: str, build: str, cases: list[junit.Case]) -> str:
        """Keep one report of a build, by the leave of its role; its ARN."""
        place = group if group.startswith("arn:") else arn(self._world, "report-group", group)
        with self._lock:
            if place not in self._groups:
                self._reach.require(caller, "codebuild:CreateReportGroup", place)
                self._add_group(place.rpartition("/")[2], [])
        for action in ("CreateReport", "UpdateReport", "BatchPutTestCases"):
            self._reach.require(caller, f"codebuild:{action}", place)
        found = f"{place.replace(':report-group/', ':report/')}:{uuid.uuid4()}"
        with self._lock:
            self._reports[found] = self._report(found, place, build, cases)
            self._cases[found] = [_case(found, case) for case in cases]
        return found

    def _report(self, found: str, group: str, build: str, cases: list[junit.Case]) -> Record:
        return {
            "arn": found,
            "type": "TEST",
            "name": group.rpartition("/")[2],
            "reportGroupArn": group,
            "executionId": build,
            "status": junit.status_of(cases),
            "created": self._world.clock.now(),
            "exportConfig": {"exportConfigType": "NO_EXPORT"},
            "truncated": False,
            "testSummary": {
                "total": len(cases),
                "statusCounts": dict(Counter(case.status for case in cases)),
                "durationInNanoSeconds": sum(case.nanoseconds for case in cases),
            },
        }


def _case(report: str, case: junit.Case) -> Record:
    return {
        "reportArn": report,
        "testRawDataPath": case.path,
        "prefix": case.prefix,
        "name": case.name,
        "status": case.status,
        "durationInNanoSeconds": case.nanoseconds,
        "message": case.message,
        "testSuiteName": case.suite,
    }


def _found(shelf: dict[str, Any], wanted: list[str], member: str, absent: str) -> Record:
    return {
        member: [shelf[each] for each in wanted if each in shelf],
        absent: [each for each in wanted if each not in shelf],
    }
