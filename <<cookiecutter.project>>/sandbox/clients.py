"""The server's own boto3 clients: AWS's models of its services are read from disk once for all of them."""

from __future__ import annotations

import functools
import threading
from typing import Any

import boto3
import botocore.session
from botocore.config import Config

from sandbox import wire

_creating = threading.Lock()  # a session makes one client at a time


def make_client(service: str, endpoint: str, region: str, keys: dict[str, str | None], **config: Any) -> Any:
    """A client of an endpoint of ours; `keys` are named as boto3 names them."""
    create: Any = _session(own=service == "s3").client
    with _creating:
        return create(
            service, endpoint_url=endpoint, region_name=region, config=Config(proxies={}, **config), **keys
        )


@functools.cache
def _session(own: bool) -> boto3.session.Session:
    if own:  # a client of S3 rewrites the model that it is made of
        return boto3.session.Session()
    shared = botocore.session.get_session()
    shared.register_component("data_loader", wire.session().get_component("data_loader"))
    return boto3.session.Session(botocore_session=shared)
