"""Hostile requests, byte by byte, to the server of ``fastnn draw``: each one is refused, and tells nothing."""

from __future__ import annotations

import json
import socket
import threading
import time
from contextlib import suppress

import pytest
from fastnn.drawing import server as module
from fastnn.drawing.server import CONNECTIONS, TOKEN, Server

SHEET = 256 * 256


def exchange(server: Server, request: bytes, end: bool = True) -> bytes:
    """All that comes back for these bytes; end: and no more follow them."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        with suppress(OSError):  # it may have hung up
            connection.sendall(request)
            if end:
                connection.shutdown(socket.SHUT_WR)
        found = b""
        with suppress(ConnectionResetError):
            while part := connection.recv(1 << 16):
                found += part
    return found


def request(
    server: Server, method: str = "POST", path: str = "/see", body: bytes | None = None, **changes: str | None
) -> bytes:
    """A sound request, but for what is changed: headers by name (_ for -), None for one that is missing."""
    body = bytes(SHEET) if body is None else body
    usual = {"Host": f"127.0.0.1:{server.port}", TOKEN: server.token, "Content-Length": str(len(body))}
    headers = usual | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{method} {path} HTTP/1.1", *[f"{name}: {value}" for name, value in headers.items() if value is not None]]
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def status(answer: bytes) -> int:
    """0 where there was none."""
    return int(answer.split(b" ", 2)[1]) if answer else 0


def see(server: Server, **changes: str | None) -> int:
    return status(exchange(server, request(server, **changes)))


class TestSound:
    """What the refusals below are compared with."""

    def test_a_sheet(self, server: Server) -> None:
        head, _, body = exchange(server, request(server)).partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.0 200 OK\r\n")
        assert set(json.loads(body)) >= {"best", "values", "seen", "layers"}

    @pytest.mark.parametrize("changes", [
        {"Origin": "http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"},
        {"Host": "localhost:{port}", "Origin": "http://localhost:{port}"},
    ])  # fmt: skip
    def test_from_the_page(self, server: Server, changes: dict[str, str]) -> None:
        assert see(server, **{name: value.format(port=server.port) for name, value in changes.items()}) == 200

    @pytest.mark.parametrize(("path", "kind"), [
        ("/", "text/html"), ("/style.css", "text/css"), ("/script.js", "text/javascript"),
    ])  # fmt: skip
    def test_the_page(self, server: Server, path: str, kind: str) -> None:
        """Without a token, as it has no secret; and nothing is allowed to it but itself."""
        answer = exchange(server, request(server, "GET", path, b"", **{TOKEN: None}))
        head, _, body = answer.partition(b"\r\n\r\n")
        assert status(answer) == 200 and f"Content-Type: {kind}".encode() in head and server.token.encode() not in body
        for line in (b"default-src 'none'", b"frame-ancestors 'none'", b"nosniff", b"no-store", b"no-referrer"):
            assert line in head
        assert b"Opener-Policy: same-origin" in head and b"Resource-Policy: same-origin" in head
        assert b"Access-Control" not in head and b"unsafe" not in head

    def test_only_this_machine_is_listened_to(self, server: Server) -> None:
        assert server.server_address[0] == "127.0.0.1"
        assert server.address == f"http://127.0.0.1:{server.port}/#{server.token}" and len(server.token) >= 32


HOSTS = [
    None, "", "127.0.0.1", "localhost", "127.0.0.1:1", "evil.example:{port}", "evil.example",
    "127.0.0.1.evil.example:{port}",
    "127.0.0.1:{port}@evil.example", "0.0.0.0:{port}", "[::1]:{port}", "LOCALHOST.:{port}",
    "127.0.0.1:{port}\r\nHost: evil",
]  # fmt: skip
ORIGINS = [
    "null", "", "http://evil.example", "http://127.0.0.1:1", "https://127.0.0.1:{port}", "http://localhost:{port}",
    "http://127.0.0.1:{port}.evil.example", "http://127.0.0.1:{port}/", "file://",
]  # fmt: skip
TOKENS = [None, "", "x", "{token}x", "\xe4\xf6", "{short}", "{upper}"]
PATHS = [
    "/see/", "/see?x=1", "/see#x", "/../see", "//see", "/%73ee", "/etc/passwd", "/../../../../etc/passwd", "/style.css",
    "http://127.0.0.1:{port}/see", "file:///etc/passwd", "*", "/see\x00", "/" + "x" * 70000, "",
]  # fmt: skip
FILES = [
    "/server.py", "/drawing/page.html", "/../server.py", "/..%2fserver.py", "/style.css/..", "/page.html",
    "/.git/config", "http://127.0.0.1:{port}/", "https://example.com/", "/see", "/\\..\\server.py",
    "/style.css\x00.html",
]  # fmt: skip
METHODS = ["PUT", "DELETE", "OPTIONS", "HEAD", "TRACE", "CONNECT", "PATCH", "PROPFIND", "post", "x" * 2000]
LENGTHS = [
    None, "", "0", "-1", "+65536", "65536.0", "6_5536", "0x10000", "65535", "65537", "99999999999999999999", "1e5",
    "NaN", "65536, 65536", "65536\r\nContent-Length: 65536", "65536\r\nTransfer-Encoding: chunked",
]  # fmt: skip
BODIES = [
    b"", b"{}", b'{"pixels": [NaN]}', b"[" * 60000, b"null", b'{"path": "/etc/passwd"}', b'{"url": "http://127.0.0.1"}',
    b"\x89PNG\r\n\x1a\n" + bytes(100), bytes(28 * 28), bytes(3 * SHEET), bytes(8_000_000), b"a=1&b=2",
]  # fmt: skip


def filled(text: str | None, server: Server) -> str | None:
    token = {"token": server.token, "short": server.token[:-1], "upper": server.token.swapcase()}
    return None if text is None else text.replace("{port}", str(server.port)).format(**token)


@pytest.fixture(autouse=True)
def still_serving(server: Server) -> None:
    """After whatever was sent."""
    yield
    assert see(server) == 200


class TestHostile:
    @pytest.mark.parametrize("host", HOSTS)
    def test_hosts(self, server: Server, host: str | None) -> None:
        """Names that were made to point here, of the page too."""
        assert see(server, Host=filled(host, server)) == 421
        page = request(server, "GET", "/", b"", Host=filled(host, server))
        assert status(exchange(server, page)) == 421

    @pytest.mark.parametrize("origin", ORIGINS)
    def test_origins(self, server: Server, origin: str) -> None:
        assert see(server, Origin=filled(origin, server)) == 403

    @pytest.mark.parametrize("site", ["cross-site", "same-site", "", "same-origin\r\nSec-Fetch-Site: cross-site"])
    def test_sites(self, server: Server, site: str) -> None:
        assert see(server, Sec_Fetch_Site=site) == 403

    @pytest.mark.parametrize("token", TOKENS)
    def test_tokens(self, server: Server, token: str | None) -> None:
        assert see(server, **{TOKEN: filled(token, server)}) == 403
        facts = request(server, path="/model", body=b"", **{TOKEN: filled(token, server)})
        assert status(exchange(server, facts)) == 403

    @pytest.mark.parametrize("path", PATHS)
    def test_paths(self, server: Server, path: str) -> None:
        found = status(exchange(server, request(server, path=filled(path, server))))
        assert found in (400, 404, 414)

    @pytest.mark.parametrize("path", FILES)
    def test_files(self, server: Server, path: str) -> None:
        answer = exchange(server, request(server, "GET", filled(path, server), b""))
        assert status(answer) in (400, 404)
        assert answer.partition(b"\r\n\r\n")[2] in (b"Not Found", b"Bad Request")

    @pytest.mark.parametrize("method", METHODS)
    def test_methods(self, server: Server, method: str) -> None:
        for path in ("/see", "/"):
            answer = exchange(server, request(server, method, path))
            assert status(answer) == 405 and len(answer) < 1000

    @pytest.mark.parametrize("length", LENGTHS)
    def test_lengths(self, server: Server, length: str | None) -> None:
        assert see(server, Content_Length=length) in (400, 411, 413)

    @pytest.mark.parametrize("body", BODIES)
    def test_bodies(self, server: Server, body: bytes) -> None:
        """Nothing is read of what is no sheet."""
        answer = exchange(server, request(server, body=body))
        assert status(answer) in (0, 400, 413)  # 0: hung up while it was still coming

    @pytest.mark.parametrize("sent", [
        b"", b"\r\n", b"\0" * 100, b"GET", b"GET /", b"GET / HTTP/9.9\r\n\r\n", b"GET / FTP/1.0\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01", b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\nA: " + b"b" * 70000 + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET\t/\tHTTP/1.1\r\n\r\n", b"x" * 200000,
    ])  # fmt: skip
    def test_no_requests(self, server: Server, sent: bytes) -> None:
        assert status(exchange(server, sent) or b"HTTP/1.0 0 ") in (0, 400, 414, 421, 431, 505)

    def test_a_body_that_ends_early(self, server: Server) -> None:
        assert exchange(server, request(server)[:-1]) == b""


class TestSlow:
    @pytest.mark.parametrize("sent", [b"", b"POST /see HTTP/1.1\r\n", None])
    def test_whoever_waits_is_cut_off(
        self, server: Server, sent: bytes | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A byte now and then does not buy more time."""
        monkeypatch.setattr(module, "SECONDS", 0.2)
        start = time.monotonic()
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(request(server)[:-SHEET] if sent is None else sent)
            with suppress(OSError):
                while time.monotonic() < start + 15:
                    connection.sendall(b"x")
                    time.sleep(0.05)
            assert time.monotonic() < start + 5

    def test_many_that_wait(self, server: Server) -> None:
        """No more than are allowed are listened to; when they go, others come in."""
        waiting = [socket.create_connection(("127.0.0.1", server.port), timeout=20) for _ in range(CONNECTIONS)]
        for connection in waiting:
            connection.sendall(b"GET / HT")
        time.sleep(0.1)
        assert exchange(server, request(server)) == b""
        assert threading.active_count() < 3 * CONNECTIONS + 10
        for connection in waiting:
            connection.close()
        end = time.monotonic() + 10
        while see(server) != 200:
            assert time.monotonic() < end
