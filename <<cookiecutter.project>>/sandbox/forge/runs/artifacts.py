"""What jobs upload and a run keeps: a zip each, with a name that a run has once.

GitHub's artifacts of version 4: https://docs.github.com/en/rest/actions/artifacts
"""

from __future__ import annotations

import hashlib
import json
import secrets
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sandbox.forge import shapes
from sandbox.forge.calls import Answer, Call, Refusal, missing
from sandbox.forge.paging import page
from sandbox.forge.runs import views

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from sandbox.forge.runs.records import RunRecord
    from sandbox.forge.runs.service import Runs

FIRST = 31_000_001
FORM = "%Y-%m-%dT%H:%M:%SZ"
LONGEST = 90  # days; a private repository may allow 400
NOT_IN_NAMES = set('":<>|*?\r\n\\/')


@dataclass(frozen=True)
class Artifact:
    """What is known of one; its bytes lie beside it."""

    id: int
    run_id: int
    attempt: int
    name: str
    size: int
    sha256: str
    created_at: str
    expires_at: str


class Artifacts:
    """Handlers for what jobs upload and people download."""

    def __init__(self, runs: Runs) -> None:
        self._runs = runs
        self._ground = runs.ground
        self._uploaders: dict[str, RunRecord] = {}  # by the token of a job that runs

    @contextmanager
    def uploader(self, run: RunRecord) -> Iterator[str]:
        """A token by which a job of a run uploads while it runs."""
        token = secrets.token_urlsafe(32)
        self._uploaders[token] = run
        try:
            yield token
        finally:
            del self._uploaders[token]

    def upload(self, call: Call) -> Answer:
        """Keep a zip, for the job whose token comes with it."""
        run = self._uploaders.get(call.bearer)
        if run is None:
            raise Refusal(401, "this job has ended, or is none")
        with self._runs.engine.lock:
            artifact = self._describe(run, call.query, call.raw)
            folder = self._folder(run.id)
            folder.mkdir(exist_ok=True)
            self._archive(artifact).write_bytes(call.raw)
            (folder / f"{artifact.id}.json").write_text(json.dumps(asdict(artifact)), encoding="utf-8")
        return Answer({"id": artifact.id, "digest": artifact.sha256}, 201)

    def _describe(self, run: RunRecord, asked: dict[str, str], content: bytes) -> Artifact:
        name, days = asked.get("name", ""), asked.get("days") or str(LONGEST)
        if not name or NOT_IN_NAMES & set(name):
            raise Refusal(400, f"The artifact name is not valid: {name!r}")
        if not days.isdigit() or not 1 <= int(days) <= LONGEST:
            raise Refusal(400, f"retention-days is {days!r}; allowed: 1 to {LONGEST}")
        if any(known.name == name and known.attempt == run.attempt for known in self._of(run.id)):
            raise Refusal(409, "an artifact with this name already exists on the workflow run")
        now = self._ground.clock.now()
        return Artifact(
            max((known.id for known in self._all()), default=FIRST - 1) + 1,
            run.id,
            run.attempt,
            name,
            len(content),
            hashlib.sha256(content).hexdigest(),
            now.strftime(FORM),
            (now + timedelta(days=int(days))).strftime(FORM),
        )

    def list_all(self, call: Call) -> Answer:
        return self._page(call, self._all())

    def list_of_run(self, call: Call) -> Answer:
        run = int(call.arguments["run"])
        if run not in self._runs.records.runs:
            raise missing()
        return self._page(call, self._of(run))

    def get(self, call: Call) -> Answer:
        return Answer(self._shape(self._find(call)))

    def download(self, call: Call) -> Answer:
        """Where the zip is: GitHub answers with a link that opens it."""
        artifact = self._find(call)
        if call.arguments["form"] != "zip":
            raise missing()
        if self._is_expired(artifact):
            raise Refusal(410, "Artifact has expired")
        return Answer(b"", 302, {"Location": f"{call.url}/_artifacts/{artifact.id}.zip"})

    def archive(self, call: Call) -> Answer:
        return Answer(self._archive(self._find(call)).read_bytes(), content_type="application/zip")

    def delete(self, call: Call) -> Answer:
        artifact = self._find(call)
        self._archive(artifact).with_suffix(".json").unlink()
        self._archive(artifact).unlink()
        return Answer(status=204)

    def _page(self, call: Call, found: list[Artifact]) -> Answer:
        wanted = [one for one in found if call.query.get("name") in (None, one.name)]
        return page(call, sorted(wanted, key=lambda one: -one.id), self._shape, "artifacts")

    def _find(self, call: Call) -> Artifact:
        found = next((one for one in self._all() if one.id == int(call.arguments["artifact"])), None)
        if found is None:
            raise missing()
        return found

    def _all(self) -> list[Artifact]:
        return [one for run in self._runs.records.runs for one in self._of(run)]

    def _of(self, run: int) -> list[Artifact]:
        return [Artifact(**json.loads(file.read_text())) for file in self._folder(run).glob("*.json")]

    def _folder(self, run: int) -> Path:
        return self._runs.records.folder(run) / "artifacts"

    def _archive(self, artifact: Artifact) -> Path:
        return self._folder(artifact.run_id) / f"{artifact.id}.zip"

    def _is_expired(self, artifact: Artifact) -> bool:
        end = datetime.strptime(artifact.expires_at, FORM).replace(tzinfo=UTC)
        return bool(self._ground.clock.now() >= end)

    def _shape(self, artifact: Artifact) -> dict[str, Any]:
        run = self._runs.records.runs[artifact.run_id]
        url = f"{views.api(self._ground)}/actions/artifacts/{artifact.id}"
        repository = shapes.repository_urls(self._ground, self._ground.repository)["id"]
        return {
            "id": artifact.id,
            "node_id": shapes.node_id("MDg", artifact.id),
            "name": artifact.name,
            "size_in_bytes": artifact.size,
            "url": url,
            "archive_download_url": f"{url}/zip",
            "expired": self._is_expired(artifact),
            "digest": f"sha256:{artifact.sha256}",
            "created_at": artifact.created_at,
            "updated_at": artifact.created_at,
            "expires_at": artifact.expires_at,
            "workflow_run": {
                "id": run.id,
                "repository_id": repository,
                "head_repository_id": repository,
                "head_branch": views.head_branch(run.event),
                "head_sha": run.event.head_sha,
            },
        }
