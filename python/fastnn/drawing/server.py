"""A web server for one page, one machine and one browser: what other programs, machines and web sites send is refused.

It listens on 127.0.0.1. A request has to name this host (no other name can be made to point here), to come from our
own page where it says from where, and to ask for one of a fixed list of paths. What is more than the page has to bring
the token of this start, which is in the address that is printed, behind the # that browsers send nowhere. A body has
exactly the length that its path has. Nothing is looked up by what a request says.
"""

from __future__ import annotations

import re
import secrets
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from importlib.resources import files
from typing import Any

from fastnn.io.checks import compact_json

HOST = "127.0.0.1"
SECONDS = 10.0  # of a connection, from the first byte to the last: on one machine all of it takes milliseconds
CONNECTIONS = 32  # a browser opens six
TOKEN = "X-Fastnn-Token"

_HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}
_ASSETS = {
    "/": ("text/html", "page.html"),
    "/style.css": ("text/css", "style.css"),
    "/script.js": ("text/javascript", "script.js"),
}

# What a path answers with, as JSON, and the length of the body that it is given.
Answer = tuple[int, Callable[[bytes], Any]]


class Server(socketserver.ThreadingTCPServer):
    """Serves the page, and what it asks for by POST.

    answers: by path. port: 0 for any free one. failed: is told of what an answer raised; who asked is not.

    Raises:
        OSError: the port is taken.
    """

    daemon_threads = True
    allow_reuse_address = True
    request_queue_size = CONNECTIONS

    def __init__(self, answers: Mapping[str, Answer], port: int, failed: Callable[[Exception], None]) -> None:
        super().__init__((HOST, port), _Handler)
        self.port = self.server_address[1]
        self.hosts = {f"{HOST}:{self.port}", f"localhost:{self.port}"}
        self.token = secrets.token_urlsafe(24)
        self.assets = {
            path: (f"{kind}; charset=utf-8", (files("fastnn.drawing") / name).read_bytes())
            for path, (kind, name) in _ASSETS.items()
        }
        self.answers, self.failed = answers, failed
        self.turn = threading.Lock()  # one answer is computed at a time
        self._free = threading.BoundedSemaphore(CONNECTIONS)

    @property
    def address(self) -> str:
        """For the browser."""
        return f"http://{HOST}:{self.port}/#{self.token}"

    def process_request(self, request: Any, client_address: Any) -> None:
        if self._free.acquire(blocking=False):
            super().process_request(request, client_address)
        else:
            self.shutdown_request(request)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        deadline = threading.Timer(SECONDS, _cut, [request])
        deadline.daemon = True
        deadline.start()
        try:
            super().process_request_thread(request, client_address)
        finally:
            deadline.cancel()
            self._free.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Who asked has gone: nothing is left to be said."""


def _cut(connection: socket.socket) -> None:
    """Whoever waits for it, to read or to write, goes on with nothing."""
    with suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)


class _Handler(BaseHTTPRequestHandler):
    """One request; the connection ends with it."""

    server: Server
    server_version, sys_version = "fastnn", ""
    default_request_version = "HTTP/1.0"  # whatever comes has an answer with a status

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        self.path = self.requestline.split()[1]  # as it was sent: //see is not /see
        refusal = self._refusal()
        if refusal is not None:
            self.send_error(refusal)
        return refusal is None

    def _refusal(self) -> HTTPStatus | None:
        """Why the request is not to be answered."""
        hosts, server = self.headers.get_all("Host", []), self.server
        if len(hosts) != 1 or hosts[0] not in server.hosts:
            return HTTPStatus.MISDIRECTED_REQUEST
        if not self._is_ours(f"http://{hosts[0]}"):
            return HTTPStatus.FORBIDDEN
        if self.command not in ("GET", "POST"):
            return HTTPStatus.METHOD_NOT_ALLOWED
        if self.path not in (server.assets if self.command == "GET" else server.answers):
            return HTTPStatus.NOT_FOUND
        if self.command == "GET":
            return None
        token = "".join(self.headers.get_all(TOKEN, []))
        if not secrets.compare_digest(token.encode(), server.token.encode()):
            return HTTPStatus.FORBIDDEN
        return self._wrong_length(server.answers[self.path][0])

    def _is_ours(self, origin: str) -> bool:
        """Whether it is from our page, or from the user's own hand."""
        sites = self.headers.get_all("Sec-Fetch-Site", [])
        origins = self.headers.get_all("Origin", [])
        return all(site in ("same-origin", "none") for site in sites) and all(other == origin for other in origins)

    def _wrong_length(self, wanted: int) -> HTTPStatus | None:
        """What is wrong with a body's length."""
        lengths = self.headers.get_all("Content-Length", [])
        if "Transfer-Encoding" in self.headers or len(lengths) != 1 or not re.fullmatch("[0-9]{1,9}", lengths[0]):
            return HTTPStatus.LENGTH_REQUIRED
        length = int(lengths[0])
        if length == wanted:
            return None
        return HTTPStatus.REQUEST_ENTITY_TOO_LARGE if length > wanted else HTTPStatus.BAD_REQUEST

    def do_GET(self) -> None:
        self._send(HTTPStatus.OK, *self.server.assets[self.path])

    def do_POST(self) -> None:
        length, answer = self.server.answers[self.path]
        body = self.rfile.read(length)
        if len(body) < length:
            return  # given up, or too slow
        try:
            with self.server.turn:
                text = compact_json(answer(body))
        except Exception as error:  # a network's own forward may raise anything
            self.server.failed(error)
            self.send_error(HTTPStatus.INTERNAL_SERVER_ERROR)
        else:
            self._send(HTTPStatus.OK, "application/json", text.encode())

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """A word, and nothing of what was asked."""
        self._send(code, "text/plain", HTTPStatus(code).phrase.encode())

    def _send(self, code: int, kind: str, data: bytes) -> None:
        self.send_response(code)
        for name, value in {**_HEADERS, "Content-Type": kind, "Content-Length": str(len(data))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a line for each stroke tells nobody anything."""
