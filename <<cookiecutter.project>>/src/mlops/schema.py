"""Write the JSON schemas of the files that people edit and jobs write: `python -m mlops.schema docs/schemas`.

An editor that reads the `# yaml-language-server:` line of a file completes and checks it while one types.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from mlops.audit.document import AuditReport
from mlops.evaluation import Evaluation
from mlops.pin import Pin, Tombstone
from mlops.project import Project
from mlops.spec import ModelSpec

if TYPE_CHECKING:
    from mlops.documents import Document

SCHEMAS: dict[str, type[Document]] = {
    "audit": AuditReport,
    "evaluation": Evaluation,
    "model": ModelSpec,
    "pin": Pin,
    "project": Project,
    "tombstone": Tombstone,
}


def render(kind: type[Document]) -> str:
    """The JSON schema (draft 2020-12) of a document, as text that does not change by itself."""
    schema = kind.model_json_schema(by_alias=True)
    schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def write_schemas(folder: Path) -> None:
    """Write <name>.schema.json for each document."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, kind in SCHEMAS.items():
        (folder / f"{name}.schema.json").write_text(render(kind), encoding="utf-8")


if __name__ == "__main__":
    write_schemas(Path(sys.argv[1]))
