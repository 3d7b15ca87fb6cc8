"""infra/ as main has it: what was reviewed, and so what the stacks should have been made from."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yaml import YAMLError

from mlops import git
from mlops.checkup.finding import UnreadError
from mlops.errors import MlopsError
from mlops.foundation.templates import FOLDER, parse_template

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from mlops.checkup.site import Site
    from mlops.foundation import Template

MAINS = ("origin/main", "main")  # as the forge was last seen to have it; without a forge, the own


@dataclass(frozen=True)
class Reviewed:
    """The templates that a commit of main holds, by stem; those that it lacks are not among them."""

    name: str
    templates: Mapping[str, Template]


def read_reviewed(site: Site) -> Reviewed:
    """Main's form of each template that the work tree has."""
    try:
        branch, commit = find_main(site.root)
        paths = {f"{FOLDER}/{each.path.name}": each for each in site.templates}
        found = git.read_files(site.root, commit, list(paths))
    except MlopsError as error:
        raise UnreadError(str(error)) from None
    name = f"{branch} ({commit[:12]})"
    return Reviewed(
        name, {paths[path].stem: parse(paths[path], text, name) for path, text in found.items() if text}
    )


def find_main(root: Path) -> tuple[str, str]:
    """(branch, commit) of main."""
    for branch in MAINS:
        asked = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{branch}^{{commit}}")
        done = git.run(root, asked)
        if done.returncode == 0:
            return branch, done.stdout.decode().strip()
    raise UnreadError(f"{str(root)!r} knows no {' and no '.join(MAINS)}; type: git fetch origin main")


def parse(template: Template, content: bytes, name: str) -> Template:
    """A template as main has it."""
    try:
        text = content.decode()
        return replace(template, text=text, document=parse_template(text))
    except (ValueError, YAMLError) as error:
        said = " ".join(str(error).split())
        raise UnreadError(f"{FOLDER}/{template.path.name} of {name} cannot be read: {said}") from None
