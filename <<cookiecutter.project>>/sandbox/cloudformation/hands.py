"""boto3 clients of the sandbox itself, without a socket: CloudFormation's hands, acting for its caller.

A request goes through the same layer as any other, with the caller's own key: IAM is asked for each call, and
the trail records it. That a service makes it stands in the request's environment, where no client can write.
"""

from __future__ import annotations

import io
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders

from sandbox.clients import make_client
from sandbox.layer import VIA

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sandbox.identity import Caller

AGENT = "cloudformation.amazonaws.com"
BARE = {"CONTENT-TYPE": "CONTENT_TYPE", "CONTENT-LENGTH": "CONTENT_LENGTH"}
Environ = dict[str, Any]


@dataclass(frozen=True)
class Keys:
    """What calls are signed with; `via` unless a role that the service took stands behind them."""

    access_key: str
    token: str = ""
    via: bool = True


def keys_of(caller: Caller) -> Keys:
    """The keys of a caller, to act for it."""
    return Keys(caller.record.get("accessKeyId", ""), caller.session.token if caller.session else "")


class Body(io.BytesIO):
    """An answer's body as botocore reads one."""

    def stream(self, amount: int = 2**16, decode_content: bool | None = None) -> Iterator[bytes]:
        while chunk := self.read(amount):
            yield chunk


class Hands:
    """Makes clients, one for each service, region and keys; `app` is set once the layer exists."""

    def __init__(self, endpoint: str) -> None:
        self.app: Any = None
        self._endpoint = endpoint
        self._clients: dict[tuple[str, str, Keys], Any] = {}
        self._lock = threading.Lock()

    def client(self, service: str, region: str, keys: Keys) -> Any:
        with self._lock:
            name = (service, region, keys)
            if name not in self._clients:
                self._clients[name] = self._make(service, region, keys)
            return self._clients[name]

    def _make(self, service: str, region: str, keys: Keys) -> Any:
        signed_with = {
            "aws_access_key_id": keys.access_key,
            "aws_secret_access_key": "sandbox",  # the sandbox checks no signature
            "aws_session_token": keys.token or None,
        }
        client = make_client(service, self._endpoint, region, signed_with, user_agent=AGENT)
        via = AGENT if keys.via else ""
        client.meta.events.register("before-send", lambda request, **_: self._send(request, via))
        return client

    def _send(self, request: Any, via: str) -> AWSResponse:
        """Call the layer instead of a socket."""
        seen: list[Any] = []
        chunks = self.app(
            read_environ(request, via), lambda status, headers, exc_info=None: seen.append((status, headers))
        )
        status, headers = seen[0]
        body: Any = Body(b"".join(chunks))
        whole: Any = HTTPHeaders.from_dict(dict(headers))
        return AWSResponse(request.url, int(status[:3]), whole, body)


def read_environ(request: Any, via: str) -> Environ:
    """A prepared request as a WSGI server would hand it on."""
    parts = urlsplit(request.url)
    body = request.body.read() if hasattr(request.body, "read") else request.body or b""
    body = body.encode() if isinstance(body, str) else body
    environ: Environ = {
        "REQUEST_METHOD": request.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote(parts.path or "/", "latin-1"),
        "QUERY_STRING": parts.query,
        "REQUEST_URI": f"{parts.path or '/'}{'?' if parts.query else ''}{parts.query}",
        "SERVER_NAME": parts.hostname or "",
        "SERVER_PORT": str(parts.port),
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "" if via else "127.0.0.1",
        "HTTP_HOST": parts.netloc,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": parts.scheme,
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.multithread": True,
        "wsgi.multiprocess": False,
        "wsgi.run_once": False,
        **({VIA: via} if via else {}),
    }
    for name, value in request.headers.items():
        key = name.upper().replace("-", "_")
        said = value.decode() if isinstance(value, bytes) else str(value)
        environ[BARE.get(name.upper(), f"HTTP_{key}")] = said
    return environ
