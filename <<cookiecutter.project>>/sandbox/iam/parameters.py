"""The parameters of any request in botocore's shape, which is what the table of actions reads."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from xml.etree import ElementTree

from sandbox import wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.wire import Target

# Headers of data rather than of documents; WSGI gives these two without the HTTP_ prefix.
BARE = {"Content-Type": "CONTENT_TYPE", "Content-Length": "CONTENT_LENGTH"}


def read_parameters(
    target: Target, environ: Mapping[str, Any], form: Mapping[str, str], body: bytes | None
) -> dict[str, Any]:
    """Read what a request carries in path, query, headers, form or document; data is left alone."""
    shape = wire.operation_model(target.service, target.operation).input_shape
    if shape is None:
        return {}
    if form:
        return _form(shape, form, "", is_ec2=target.service == "ec2") or {}
    found = {**target.path, **_located(shape, environ)}
    payload = shape.serialization.get("payload")
    if not body or (payload and shape.members[payload].type_name == "blob"):
        return found
    if environ.get("HTTP_CONTENT_ENCODING") == "gzip":
        body = gzip.decompress(body)
    document = _document(body)
    if isinstance(document, ElementTree.Element):
        document = _xml(shape.members[payload] if payload else shape, document)
        document = {payload: document} if payload else document
    return {**document, **found}


def _document(body: bytes) -> Any:
    """A document as JSON or XML says it; of what is neither nothing is known, and only `*` allows it."""
    try:
        return ElementTree.fromstring(body) if body.lstrip()[:1] == b"<" else _object(json.loads(body))  # noqa: S314  # expat expands no bombs, and clients are this machine's
    except (ValueError, ElementTree.ParseError):
        return {}


def _object(document: Any) -> dict[str, Any]:
    return document if isinstance(document, dict) else {}


def _located(shape: Any, environ: Mapping[str, Any]) -> dict[str, Any]:
    query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
    found = {}
    for name, member in shape.members.items():
        place, key = member.serialization.get("location"), member.serialization.get("name", name)
        values = None
        if place == "querystring":
            values = query.get(key)
        elif place == "header":
            value = environ.get(BARE.get(key, f"HTTP_{key.upper().replace('-', '_')}"))
            values = None if value is None else [value]
        if values:
            found[name] = values if member.type_name == "list" else values[0]
    return found


def _form(shape: Any, form: Mapping[str, str], prefix: str, is_ec2: bool = False) -> Any:
    """A value of the query protocol: Tags.member.1.Key=team; in EC2's own, Tag.1.Key=team."""
    if shape.type_name == "structure":
        starts = {
            name: _join(prefix, _sent_as(name, member, is_ec2)) for name, member in shape.members.items()
        }
        members = {
            name: _form(shape.members[name], form, start, is_ec2)
            for name, start in starts.items()
            if any(key == start or key.startswith(f"{start}.") for key in form)
        }
        return {name: value for name, value in members.items() if value is not None}
    if shape.type_name == "list":
        flat = is_ec2 or shape.serialization.get("flattened")
        inner = prefix if flat else _join(prefix, shape.member.serialization.get("name", "member"))
        return [_form(shape.member, form, f"{inner}.{index}", is_ec2) for index in _indices(form, inner)]
    if shape.type_name == "map":
        inner = prefix if shape.serialization.get("flattened") else _join(prefix, "entry")
        numbers = [f"{inner}.{index}" for index in _indices(form, inner)]
        return {form.get(f"{number}.key", ""): form.get(f"{number}.value", "") for number in numbers}
    return form.get(prefix)


def _sent_as(name: str, member: Any, is_ec2: bool) -> str:
    """A member's name in a form. EC2's begin with a capital, whatever its model says of answers."""
    sent = str(member.serialization.get("name", name))
    return str(member.serialization.get("queryName", sent[:1].upper() + sent[1:])) if is_ec2 else sent


def _join(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _indices(form: Mapping[str, str], prefix: str) -> list[int]:
    start = f"{prefix}."
    found = {key[len(start) :].split(".", 1)[0] for key in form if key.startswith(start)}
    return sorted(int(index) for index in found if index.isdigit())


def _xml(shape: Any, node: ElementTree.Element) -> Any:
    if shape.type_name == "structure":
        return {
            name: value
            for name, member in shape.members.items()
            if (value := _child(member, node, member.serialization.get("name", name))) is not None
        }
    return node.text or ""


def _child(member: Any, node: ElementTree.Element, name: str) -> Any:
    nodes = _named(node, name)
    if not nodes:
        return None
    if member.type_name != "list":
        return _xml(member, nodes[0])
    if not member.serialization.get("flattened"):
        nodes = _named(nodes[0], member.member.serialization.get("name", "member"))
    return [_xml(member.member, found) for found in nodes]


def _named(node: ElementTree.Element, name: str) -> list[ElementTree.Element]:
    return [child for child in node if child.tag.rpartition("}")[2] == name]
