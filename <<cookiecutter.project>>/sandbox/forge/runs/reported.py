"""Check runs that somebody reports, as an app does, beside those that jobs are."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from sandbox.forge import shapes
from sandbox.forge.calls import invalid, missing
from sandbox.forge.runs import views

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.forge.ground import Ground
    from sandbox.forge.runs.records import Records

STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "timed_out",
)
WRITABLE = ("name", "status", "conclusion", "started_at", "completed_at", "external_id", "details_url")


class Reported:
    """Kept in one file beside the runs."""

    def __init__(self, file: Path, ground: Ground, records: Records) -> None:
        self._file = file
        self._ground = ground
        self._records = records
        self._found: dict[int, dict[str, Any]] = {}
        if file.exists():
            self._found = {check["id"]: check for check in json.loads(file.read_text(encoding="utf-8"))}
        records.reserve(max(self._found, default=0))

    def of(self, sha: str) -> list[dict[str, Any]]:
        return [check for check in self._found.values() if check["head_sha"] == sha]

    def find(self, number: int) -> dict[str, Any] | None:
        return self._found.get(number)

    def create(self, body: dict[str, Any], moment: str) -> dict[str, Any]:
        number = self._records.next_job()
        url = f"{views.api(self._ground)}/check-runs/{number}"
        made = {
            "id": number,
            "node_id": shapes.node_id("CR", number),
            "head_sha": body["head_sha"],
            "external_id": "",
            "url": url,
            "html_url": f"{views.page(self._ground)}/runs/{number}",
            "details_url": "",
            "status": "queued",
            "conclusion": None,
            "started_at": moment,
            "completed_at": None,
            "check_suite": {"id": number},
            "app": views.app(self._ground),
            "pull_requests": [],
        }
        return self._write(made, body, moment)

    def update(self, number: int, body: dict[str, Any], moment: str) -> dict[str, Any]:
        found = self.find(number)
        if found is None:
            raise missing()
        return self._write(dict(found), body, moment)

    def _write(self, check: dict[str, Any], body: dict[str, Any], moment: str) -> dict[str, Any]:
        check |= {name: body[name] for name in WRITABLE if name in body}
        if check["status"] not in STATUSES:
            raise invalid("CheckRun", "status")
        if check["conclusion"] is not None:
            if check["conclusion"] not in CONCLUSIONS:
                raise invalid("CheckRun", "conclusion")
            check["status"] = "completed"
            check["completed_at"] = check["completed_at"] or moment
        elif check["status"] == "completed":
            raise invalid("CheckRun", "conclusion", "missing_field")
        output = body.get("output") or check.get("output") or {}
        check["output"] = {
            "title": output.get("title"),
            "summary": output.get("summary"),
            "text": output.get("text"),
            "annotations_count": 0,
            "annotations_url": f"{check['url']}/annotations",
        }
        self._found[check["id"]] = check
        partial = self._file.with_suffix(".partial")
        partial.write_text(json.dumps(list(self._found.values())), encoding="utf-8")
        partial.replace(self._file)
        return check
