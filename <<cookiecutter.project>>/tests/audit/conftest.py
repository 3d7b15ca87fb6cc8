"""A world for each scenario."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.audit.world import SITE, World

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def world(root: Path, capsys: pytest.CaptureFixture[str]) -> World:
    """A project with three accounts and a quiet trail."""
    path = root / "project.yml"
    text = path.read_text()
    for duty, account in (("staging", SITE.staging), ("prod", SITE.prod)):
        text = text.replace(f'{duty}: "111111111111"', f'{duty}: "{account}"')
    path.write_text(text)
    world = World(root, capsys)
    world.git("commit", "-q", "-am", "Three accounts", date=world.at(-48))
    world.source = world.git("rev-parse", "HEAD")
    return world


@pytest.fixture
def works(world: World) -> World:
    """The same on AWS's own forge and engine."""
    path = world.root / "project.yml"
    text = path.read_text()
    for old, new in (
        ("forge: github", "forge: codecommit"),
        ("repository: acme/models", "repository: models"),
        ("ci: github-actions", "ci: codepipeline"),
    ):
        text = text.replace(old, new)
    path.write_text(text)
    world.git("commit", "-q", "-am", "Move to AWS", date=world.at(-47))
    world.source = world.git("rev-parse", "HEAD")
    return world
