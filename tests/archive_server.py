"""A Binance archive on loopback: files with their checksums, and the faults of a real server when told so."""

import hashlib
import io
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from attrs import define, field

__all__ = ["ArchiveServer", "archive_server", "zipped"]


@define
class ArchiveServer:
    """What is served. ``faults`` are used up one by one per path: a status, or ``cut`` for a connection that ends half way."""

    base: str = ""
    files: dict[str, bytes] = field(factory=dict)
    faults: dict[str, list[int | str]] = field(factory=dict)
    asked: Counter[str] = field(factory=Counter)

    def add(self, path: str, body: bytes, checksum: str | None = None) -> str:
        """Serve a file with its checksum, or with another one; the SHA-256 of the body."""
        told = hashlib.sha256(body).hexdigest()
        self.files[f"/{path}"] = body
        self.files[f"/{path}.CHECKSUM"] = f"{checksum or told}  {path.rpartition('/')[2]}\n".encode()
        return told


def zipped(name: str, text: str) -> bytes:
    """One CSV in a zip, the same bytes each time."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo(name, (2025, 1, 1, 0, 0, 0)), text, zipfile.ZIP_DEFLATED)
    return made.getvalue()


@contextmanager
def archive_server() -> Iterator[ArchiveServer]:
    """A server that runs until the end of the block."""
    served = ArchiveServer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            served.asked[self.path] += 1
            fault = (served.faults.get(self.path) or [None]).pop(0)
            body = served.files.get(self.path)
            if isinstance(fault, int):
                self.send_error(fault)
            elif body is None:
                self.send_error(404)
            else:
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body[: len(body) // 2] if fault == "cut" else body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        served.base = f"http://127.0.0.1:{server.server_address[1]}"
        try:
            yield served
        finally:
            server.shutdown()
            thread.join()
