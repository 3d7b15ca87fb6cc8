"""Every payload file parses before it is rendered, so that editors, linters and tests work in place."""

import configparser
import json
import re
import tomllib
from pathlib import Path

import pytest
import yaml

from tests.conftest import Bake
from tests.template import (
    DELIMITER_STRINGS,
    PAYLOAD,
    QUESTIONS,
    RENDERED,
    ROOT,
    list_files,
    list_payload,
    list_project,
)

PLACEHOLDER = re.compile(r"<< cookiecutter\.(\w+)( \| [^<>]*)? >>")
DELIMITERS = re.compile("|".join(map(re.escape, DELIMITER_STRINGS)))


class CloudFormationLoader(yaml.SafeLoader):
    """YAML with CloudFormation's short functions (!Ref, !Sub): their tags are read as plain values."""


def read_tagged(loader: yaml.SafeLoader, _suffix: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.ScalarNode):
        return loader.construct_scalar(node)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    assert isinstance(node, yaml.MappingNode)
    return loader.construct_mapping(node, deep=True)


CloudFormationLoader.add_multi_constructor("!", read_tagged)


PARSED = {".py", ".yml", ".yaml", ".dvc", ".json", ".toml"}


def parse(path: Path) -> None:
    text = path.read_bytes().decode("utf-8", errors="strict" if path.suffix in PARSED else "replace")
    match path.suffix:
        case ".py":
            compile(text, str(path), "exec")
        case ".yml" | ".yaml" | ".dvc":
            loader = CloudFormationLoader if path.parent.name == "infra" else yaml.SafeLoader
            list(yaml.load_all(text, loader))
        case ".json":
            json.loads(text)
        case ".toml":
            tomllib.loads(text)
        case _ if path.parts[-2:] == (".dvc", "config"):
            configparser.ConfigParser().read_string(text)


@pytest.mark.parametrize("path", list_files(PAYLOAD))
def test_a_payload_file_parses_unrendered(path: str) -> None:
    parse(ROOT / path)


@pytest.mark.parametrize("path", sorted(RENDERED))
def test_a_rendered_file_uses_delimiters_for_answers_only(path: str) -> None:
    text = (ROOT / PAYLOAD / path).read_text()
    asked = {found.group(1) for found in PLACEHOLDER.finditer(text)}
    assert asked <= set(QUESTIONS)
    assert DELIMITERS.findall(PLACEHOLDER.sub("", text)) == []


def test_only_the_rendered_files_hold_placeholders() -> None:
    holders = {path for path in list_payload() if b"<< cookiecutter." in (ROOT / PAYLOAD / path).read_bytes()}
    assert holders == RENDERED


def test_every_other_file_is_copied_byte_for_byte(template: Path, default_project: Path) -> None:
    copied = [path for path in list_project(default_project) if path not in RENDERED]
    changed = [
        path
        for path in copied
        if (default_project / path).read_bytes() != (template / PAYLOAD / path).read_bytes()
    ]
    assert changed == []


@pytest.mark.parametrize("path", sorted(RENDERED))
def test_a_rendered_file_has_no_delimiter_left(path: str, default_project: Path) -> None:
    assert DELIMITERS.findall((default_project / path).read_text()) == []


@pytest.mark.parametrize("path", sorted(RENDERED))
def test_a_rendered_file_parses_and_ends_in_one_newline(path: str, bake: Bake) -> None:
    rendered = bake(examples="no") / path
    parse(rendered)
    assert re.search(r"[^\n]\n\Z", rendered.read_text())
