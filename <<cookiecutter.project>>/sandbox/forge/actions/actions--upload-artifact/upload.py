"""Packs files of the workspace as actions/upload-artifact does, and uploads the zip with the job's token."""

from __future__ import annotations

import glob
import io
import json
import os
import sys
import urllib.error
import urllib.parse
import urllib.request
import zipfile
from pathlib import Path

AT_THE_END = {"warn": ("::warning::", 0), "error": ("::error::", 1), "ignore": ("", 0)}


def main(given: dict[str, str]) -> int:
    """Exit code 1 where there is nothing to upload, or the forge refuses it."""
    patterns = given["ARTIFACT_PATHS"].split("\n")
    files = find_files(Path(given["GITHUB_WORKSPACE"]), patterns)
    if not files:
        sign, code = AT_THE_END[given["IF_NONE"]]
        sys.stdout.write(f"{sign}No files were found with the provided path: {patterns}\n")
        return code
    days = given["RETENTION_DAYS"]
    asked = {"name": given["ARTIFACT_NAME"], **({"days": days} if days != "0" else {})}
    try:
        kept = upload(given, f"?{urllib.parse.urlencode(asked)}", pack(files))
    except urllib.error.HTTPError as error:
        sys.stdout.write(f"::error::Failed to upload: {json.load(error)['message']}\n")
        return 1
    with Path(given["GITHUB_OUTPUT"]).open("a", encoding="utf-8") as output:
        output.write(f"artifact-id={kept['id']}\nartifact-digest={kept['digest']}\n")
    sys.stdout.write(f"Artifact {asked['name']} has been uploaded: {len(files)} files\n")
    return 0


def find_files(workspace: Path, patterns: list[str]) -> list[Path]:
    """The files that patterns name, and those in folders that they name; hidden ones are left out."""
    found: set[Path] = set()
    for pattern in filter(None, map(str.strip, patterns)):
        if pattern.startswith("!"):
            sys.exit(f"path {pattern!r}: the sandbox knows no exclusions")
        for place in glob.glob(str(workspace / pattern), recursive=True):  # noqa: PTH207 - hides dotfiles
            path = Path(place)
            found |= {one for one in path.rglob("*") if one.is_file()} if path.is_dir() else {path}
    hidden = {file for file in found if any(part[0] == "." for part in file.relative_to(workspace).parts)}
    return sorted(found - hidden)


def pack(files: list[Path]) -> bytes:
    """A zip of files, named from their least common folder on."""
    top = Path(os.path.commonpath([file.parent for file in files]))
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in files:
            archive.write(file, file.relative_to(top))
    return packed.getvalue()


def upload(given: dict[str, str], query: str, content: bytes) -> dict[str, str]:
    """What the forge says of the zip that it has kept."""
    headers = {"Authorization": f"Bearer {given['ACTIONS_RUNTIME_TOKEN']}", "Content-Type": "application/zip"}
    request = urllib.request.Request(given["ACTIONS_RESULTS_URL"] + query, content, headers)  # noqa: S310
    with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - loopback
        return dict(json.load(answer))


if __name__ == "__main__":
    raise SystemExit(main(dict(os.environ)))
