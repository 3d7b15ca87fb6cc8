"""What was decided, each kind once: which role or user did what to which resource.

`python -m sandbox up --decisions FILE` appends a line of JSON for every new kind; the proof that no role may
more than the loop needs is made of such a record.
"""

from __future__ import annotations

import json
import re
import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.iam import Request

# They differ from call to call and no policy here asks for them.
PASSING = frozenset(
    {"aws:Referer", "aws:SourceIp", "aws:UserAgent", "s3:x-amz-content-sha256", "s3:authType"}
)
# Of two resources that differ in ids, digests and numbers alone, one tells both.
ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|[0-9a-f]{12,}|\d{4}-\d\d-\d\dT[\d:.Z-]+|\d+|(?<=[/-])[a-z0-9]{12}\b"
)


class Decisions:
    """A file of decisions on the calls of role sessions and of IAM users."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._known = {shape(json.loads(line)) for line in _lines(path)}

    def note(self, request: Request, allowed: bool) -> None:
        """Write a decision down, unless one of its kind is there."""
        if request.principal.kind not in ("session", "user"):
            return
        decision = {
            "role": request.principal.role_arn or request.principal.arn,
            "action": request.action,
            "resource": request.resource,
            "account": request.account,
            "context": {name: list(values) for name, values in _lasting(request).items()},
            "allowed": allowed,
        }
        with self._lock:
            kind = shape(decision)
            if kind not in self._known:
                self._known.add(kind)
                with self._path.open("a", encoding="utf-8") as record:
                    record.write(json.dumps(decision, sort_keys=True) + "\n")


def shape(decision: dict[str, Any]) -> str:
    """A decision without what tells two of its kind apart."""
    role, account = decision["role"], decision["account"]
    rest = json.dumps(
        [decision[name] for name in ("action", "resource", "context", "allowed")], sort_keys=True
    )
    return f"{role} {account} {ID.sub('#', rest)}"


def _lasting(request: Request) -> dict[str, Any]:
    return {name: values for name, values in sorted(request.context.items()) if name not in PASSING}


def _lines(path: Path) -> list[str]:
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []
