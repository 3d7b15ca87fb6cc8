"""Which data a release's source commit names: read from git, to hold against what the release says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from mlops import git
from mlops.audit.event import text_at

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from mlops.pin import Pin

Loader: type[Any] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_data(root: Path, pins: Iterable[Pin]) -> dict[str, str]:
    """`commit model` → the DVC hash that the commit names; empty where commit or pointer is not there."""
    wanted = sorted({(pin.artifact.commit, pin.model) for pin in pins})
    prefix = git.project_prefix(root)
    folders = [f"{commit}:{prefix}models/{model}" for commit, model in wanted]
    specs = read_objects(root, [f"{folder}/model.yml" for folder in folders])
    pointers = [pointer_of(text) for text in specs]
    files = read_objects(
        root, [f"{folder}/{pointer}" for folder, pointer in zip(folders, pointers, strict=True)]
    )
    return {f"{commit} {model}": hash_of(text) for (commit, model), text in zip(wanted, files, strict=True)}


def read_objects(root: Path, names: Sequence[str]) -> list[bytes | None]:
    """Objects of git by name, in one process; None for one that is not there."""
    if not names:
        return []
    clean = [name if "\n" not in name else "missing" for name in names]
    return git.split_batch(
        git.git(root, "cat-file", "--batch", stdin="\n".join([*clean, ""]).encode()), len(names)
    )


def pointer_of(text: bytes | None) -> str:
    """The pointer that a spec names."""
    return text_at(parse(text), "data", "pointer") or "no-pointer"


def hash_of(text: bytes | None) -> str:
    """The hash in a DVC pointer; empty where there is none."""
    outs = parse(text).get("outs")
    first = outs[0] if isinstance(outs, list) and outs else {}
    return text_at(first, "md5")


def parse(text: bytes | None) -> Mapping[str, Any]:
    """YAML that may be anything."""
    try:
        found = yaml.load(text or b"", Loader=Loader)  # noqa: S506 - a safe loader
    except yaml.YAMLError:
        return {}
    return found if isinstance(found, dict) else {}
