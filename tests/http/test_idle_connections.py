"""A paid request never rides on a connection that lay idle: whoever closes it then leaves people in doubt."""

from __future__ import annotations

import json
import socketserver
import threading
import time
from collections.abc import Iterator

import pytest
from odd_servers import found, people

import crustframe

FORGETS_AFTER_S = 1.5
NAME = ["basic_profile.name"]


class Forgetful:
    """A server behind something that forgets idle connections without a word: what comes on one later is lost."""

    def __init__(self) -> None:
        self.connections = 0
        self.asked: list[int] = []
        self.wait_s = 0
        server = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                server.connections += 1
                answered_at = time.monotonic()
                while head := self.rfile.readline():
                    length = 0
                    while (line := self.rfile.readline()) not in {b"\r\n", b""}:
                        name, _, value = line.partition(b":")
                        length = int(value) if name.lower() == b"content-length" else length
                    sent = json.loads(self.rfile.read(length) or b"{}")
                    if time.monotonic() - answered_at > FORGETS_AFTER_S:
                        return
                    self.wfile.write(server.answer(head, sent))
                    answered_at = time.monotonic()

        self._server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def answer(self, head: bytes, sent: dict) -> bytes:
        if b"/person/enrich " not in head:
            return b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}"
        urls = sent["professional_network_profile_urls"]
        self.asked.append(len(urls))
        body = json.dumps([found(url) for url in urls]).encode()
        lines = ["HTTP/1.1 200 OK", f"X-Credits-Used: {len(urls)}", f"Content-Length: {len(body)}"]
        if self.wait_s:
            lines += ["X-RateLimit-Limit: 15", "X-RateLimit-Remaining: 0", f"X-RateLimit-Reset: {self.wait_s}"]
        return "\r\n".join([*lines, "", ""]).encode() + body

    def __enter__(self) -> Forgetful:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def server() -> Iterator[Forgetful]:
    with Forgetful() as running:
        yield running


@pytest.fixture
def client(server, tmp_path) -> Iterator[crustframe.Client]:
    with crustframe.Client(
        api_key="idle-key-0001", base_url=server.url, ledger=tmp_path / "ledger.sqlite3", concurrency=1
    ) as client:
        yield client


def test_after_a_pause_a_paid_request_gets_a_fresh_connection_and_nobody_is_in_doubt(server, client):
    """The account's pace makes the run wait between its requests."""
    server.wait_s = 2
    found = crustframe.enrich(people(75), fields=NAME, client=client, route="calls")

    assert {"matched"} == set(found.frame["crust.status"])
    assert (0, 75) == (found.report.credits_at_risk, found.report.credits)
    assert [25] * 3 == server.asked
    assert 3 == server.connections


def test_requests_in_quick_succession_share_one_connection(server, client):
    found = crustframe.enrich(people(150), fields=NAME, client=client, route="calls", max_credits=150)

    assert {"matched"} == set(found.frame["crust.status"])
    assert [25] * 6 == server.asked
    assert 1 == server.connections
