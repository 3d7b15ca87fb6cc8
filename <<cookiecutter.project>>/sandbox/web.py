"""The web server: waitress, bound before the application exists, since the application must know the port."""

from __future__ import annotations

import errno
import re
from typing import Any

import waitress  # type: ignore[import-untyped,unused-ignore]
from waitress.channel import HTTPChannel  # type: ignore[import-untyped,unused-ignore]
from waitress.parser import (  # type: ignore[import-untyped,unused-ignore]
    HEADER_FIELD_RE,
    HTTPRequestParser,
    ParsingError,
    get_header_lines,
)
from waitress.task import WSGITask  # type: ignore[import-untyped,unused-ignore]

from sandbox.errors import SandboxError

HOST = "127.0.0.1"
THREADS = 24
LARGEST_BODY = 64 * 2**30
METADATA = re.compile(rb"\r\nX-Amz-Meta-[^:]+:")


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """waitress's parser, without two ways to lose what a client sent."""

    def parse_header(self, header_plus: bytes) -> None:
        super().parse_header(header_plus)
        if not self.content_length and not self.chunked:
            # waitress would wait for a body that does not come: botocore announces an empty one
            self.expect_continue = False
        for line in get_header_lines(header_plus.partition(b"\r\n")[2]):
            name = HEADER_FIELD_RE.match(line).group("name")
            if b"_" in name:
                raise ParsingError(
                    f"the sandbox does not carry header names with an underscore: {name.decode()}"
                )


class Task(WSGITask):  # type: ignore[misc]
    """waitress's task, which capitalises headers: the keys of metadata stay as they were written."""

    def build_response_header(self) -> bytes:
        return METADATA.sub(lambda found: found[0].lower(), super().build_response_header())


class Channel(HTTPChannel):  # type: ignore[misc]
    parser_class = Parser
    task_class = Task


class Server:
    """A listening server; `app` is set once it exists."""

    def __init__(self, port: int) -> None:
        self.app: Any = None
        self._server = waitress.create_server(
            self._call,
            host=HOST,
            port=port,
            threads=THREADS,
            connection_limit=1000,
            max_request_body_size=LARGEST_BODY,
            channel_timeout=300,
            ident=None,
        )
        self._server.channel_class = Channel
        self.port: int = self._server.effective_port
        self.endpoint = f"http://{HOST}:{self.port}"

    def _call(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self.app(environ, start_response)

    def run(self) -> None:
        self._server.run()


def bind(port: int) -> Server:
    """Listen on loopback; port 0 is any free one."""
    try:
        return Server(port)
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise SandboxError(f"cannot listen on {HOST}:{port}: {error.strerror}") from None
        raise SandboxError(
            f"port {port} is taken. Give another, or none for a free one: python -m sandbox up --port N"
        ) from None
