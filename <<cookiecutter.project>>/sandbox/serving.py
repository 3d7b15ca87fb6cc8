"""What an endpoint's container runs: the model's own handler behind /ping and /invocations.

    python serving.py PORT_FILE [DESCRIPTOR]

DESCRIPTOR is a socket that listens outside, for a container in a network that nothing reaches. Standard
library only: the image's Python runs it by path. It follows AWS's scikit-learn container: handler functions
from SAGEMAKER_PROGRAM, 415 and 406 for a format that a handler declares unsupported, else 500.
"""

from __future__ import annotations

import fcntl
import hashlib
import importlib.util
import json
import os
import shutil
import socket
import subprocess
import sys
import sysconfig
import traceback
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

MODEL_DIR = f"{os.environ.get('SANDBOX_ML', '/opt/ml')}/model"


@dataclass(frozen=True)
class Reply:
    """One answer of /invocations."""

    status: int
    kind: str
    body: bytes


class Model:
    """A loaded model and the handler functions around it."""

    def __init__(self, handler: Any) -> None:
        self._input = getattr(handler, "input_fn", read_json)
        self._predict = getattr(handler, "predict_fn", lambda data, model: model.predict(data))
        self._output = getattr(handler, "output_fn", write_json)
        self._transform = getattr(handler, "transform_fn", None)
        self._loaded = handler.model_fn(MODEL_DIR)

    def answer(self, body: bytes, kind: str, accept: str) -> Reply:
        """Answer one request as the container would, errors included."""
        failing = 415
        try:
            content: Any = body.decode() if kind.startswith("text/") or "json" in kind else body
            if self._transform:
                return reply(self._transform(self._loaded, content, kind, accept), accept)
            data = self._input(content, kind)
            failing = 500
            prediction = self._predict(data, self._loaded)
            failing = 406
            return reply(self._output(prediction, accept), accept)
        except Exception as error:  # noqa: BLE001  # user code may raise anything; the client must hear of it
            traceback.print_exc()
            status = failing if type(error).__name__ == "UnsupportedFormatError" else 500
            return Reply(status, "text/plain", str(error).encode() or type(error).__name__.encode())


def reply(result: Any, accept: str) -> Reply:
    """Take what output_fn returned: a body, or a body and its content type."""
    body, kind = result if isinstance(result, tuple) else (result, accept)
    if isinstance(body, str):
        body = body.encode()
    return Reply(200, kind, bytes(body))


def read_json(body: Any, kind: str) -> Any:
    if "json" not in kind:
        raise UnsupportedFormatError(f"content type {kind!r} is not supported; define input_fn")
    return json.loads(body)


def write_json(prediction: Any, accept: str) -> str:
    if "json" not in accept:
        raise UnsupportedFormatError(f"accept type {accept!r} is not supported; define output_fn")
    return json.dumps(prediction.tolist() if hasattr(prediction, "tolist") else prediction)


class UnsupportedFormatError(Exception):
    """A content type that a handler cannot read or write."""


def load_handler() -> Any:
    """Import SAGEMAKER_PROGRAM from the model's code folder."""
    folder = Path(os.environ.get("SAGEMAKER_SUBMIT_DIRECTORY", f"{MODEL_DIR}/code"))
    program = folder / os.environ.get("SAGEMAKER_PROGRAM", "inference.py")
    sys.path.insert(0, str(folder))
    install_requirements(folder / "requirements.txt")
    spec = importlib.util.spec_from_file_location(program.stem, program)
    if spec is None or spec.loader is None or not program.is_file():
        raise SystemExit(
            f"no handler at {str(program)!r}: set SAGEMAKER_PROGRAM to a file of the archive's code/"
        )
    module = importlib.util.module_from_spec(spec)
    sys.modules[program.stem] = module
    spec.loader.exec_module(module)
    return module


def install_requirements(listing: Path) -> None:
    """Install the archive's requirements, unless the image has them already."""
    if not listing.is_file() or satisfied(listing):
        return
    text, shared = listing.read_text(encoding="utf-8"), os.environ.get("SANDBOX_LAYERS")
    if shared and is_hashed(text):
        name = hashlib.sha256(f"{sys.version} {text}".encode()).hexdigest()
        install_layer(listing, Path(shared) / name)
    else:
        pip_install(listing)


def install_layer(listing: Path, layer: Path) -> None:
    """Take what equal hashes put into another container of the image, or install it and keep it for others.

    On AWS every instance is a machine of its own and installs for itself; here all share one.
    """
    own = Path(sysconfig.get_path("purelib"))
    layer.parent.mkdir(parents=True, exist_ok=True)
    with layer.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if layer.is_dir():
            for entry in layer.iterdir():
                (own / entry.name).symlink_to(entry)
            return
        image = {entry.name for entry in own.iterdir()}
        pip_install(listing)
        partial = layer.with_suffix(".partial")
        shutil.rmtree(partial, ignore_errors=True)
        shutil.copytree(own, partial, ignore=lambda folder, _: image if folder == str(own) else ())
        partial.rename(layer)


def pip_install(listing: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--no-input", "-r", str(listing)]
    if subprocess.run(command, check=False).returncode != 0:
        raise SystemExit(f"pip could not install {str(listing)!r}")


def is_hashed(text: str) -> bool:
    """Whether every requirement names its bytes: only then do equal listings mean equal packages."""
    lines = (line.split("#")[0].strip() for line in text.replace("\\\n", " ").splitlines())
    return all(" --hash=" in line and not line.startswith("-") for line in lines if line)


def satisfied(listing: Path) -> bool:
    """Whether each requirement that applies here is installed; pip carries the reader of markers."""
    from pip._vendor.packaging.requirements import (  # type: ignore[import-not-found,unused-ignore]
        InvalidRequirement,
        Requirement,
    )

    text = listing.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in (line.split("#")[0].split("--hash")[0].strip() for line in text.splitlines()):
        try:
            wanted = Requirement(line) if line else None
            if wanted is None or (wanted.marker and not wanted.marker.evaluate()):
                continue
            if not wanted.specifier.contains(version(wanted.name), prereleases=True):
                return False
        except (InvalidRequirement, PackageNotFoundError):
            return False
    return True


def handler_class(model: Model) -> type[BaseHTTPRequestHandler]:
    """The HTTP face of a model."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        wbufsize = -1

        def do_GET(self) -> None:
            self._send(Reply(200 if self.path == "/ping" else 404, "text/plain", b""))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            if self.path != "/invocations":
                self._send(Reply(404, "text/plain", b""))
                return
            kind = self.headers.get("Content-Type") or "application/json"
            accept = self.headers.get("Accept") or "application/json"
            fallback = os.environ.get("SAGEMAKER_DEFAULT_INVOCATIONS_ACCEPT", "application/json")
            self._send(model.answer(body, kind, fallback if accept == "*/*" else accept))

        def _send(self, answer: Reply) -> None:
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.kind)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            """Say nothing for a request that went well; handlers' tracebacks are the log."""

    return Handler


def main(port_file: str, descriptor: str = "") -> None:
    """Load the model, then listen, then say where: the port file exists only when pings succeed."""
    sys.path.pop(0)  # this file's own folder, whose modules are no part of the image
    model = Model(load_handler())
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler_class(model))
    if descriptor:
        server.socket.close()
        server.socket = socket.socket(fileno=int(descriptor))
    server.daemon_threads = True
    partial = Path(f"{port_file}.partial")
    partial.write_text(str(server.socket.getsockname()[1]), encoding="utf-8")
    partial.rename(port_file)
    server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
