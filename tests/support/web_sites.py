"""A web server on this machine that does what tests ask."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest


@dataclass
class Asked:
    """One request as the server saw it, and the bytes that it sent."""

    path: str
    range: str | None
    if_range: str | None
    agent: str | None
    sent: int = 0


@dataclass
class Site:
    """What the server does; tests change it between calls."""

    address: str = ""
    content: bytes = b""
    content_type: str = "application/zip"
    status: int = 200
    etag: str | None = '"one"'
    modified: str | None = None
    ranges: bool = True
    length: bool = True
    shift: int = 0  # a faulty server: how far from the byte asked for it begins
    most: int = 10**9  # bytes of one partial answer
    drops: list[int] = field(
        default_factory=list
    )  # bytes before it hangs up, per request
    asked: list[Asked] = field(default_factory=list)

    def answer(self, ask: Asked) -> tuple[int, dict[str, str], bytes]:
        if self.status != 200:
            return self.status, {}, b"<html>a fault</html>"
        headers = {"Content-Type": self.content_type}
        if self.etag:
            headers["ETag"] = self.etag
        if self.modified:
            headers["Last-Modified"] = self.modified
        size = len(self.content)
        unchanged = ask.if_range in (None, self.etag, self.modified)
        if not (self.ranges and ask.range and unchanged):
            return 200, headers, self.content
        start = int(ask.range.removeprefix("bytes=").removesuffix("-"))
        if start >= size:
            return 416, {"Content-Range": f"bytes */{size}"}, b""
        start += self.shift
        end = min(size, start + self.most)
        headers["Content-Range"] = f"bytes {start}-{end - 1}/{size}"
        return 206, headers, self.content[start:end]


@pytest.fixture
def site(monkeypatch) -> Iterator[Site]:
    site = Site()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            h = self.headers
            ask = Asked(self.path, h["Range"], h["If-Range"], h["User-Agent"])
            site.asked.append(ask)
            status, headers, body = site.answer(ask)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            if site.length:
                self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            body = body[: site.drops.pop(0)] if site.drops else body
            ask.sent = len(body)
            self.wfile.write(body)

        def log_message(self, format, *args):
            pass

    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        site.address = f"http://127.0.0.1:{server.server_port}"
        yield site
        server.shutdown()
        thread.join()
