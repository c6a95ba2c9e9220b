"""A server of a few lines in the API's place, whose own counter is the truth."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple


class Said(NamedTuple):
    """An answer: status, body (JSON unless it is bytes), headers, and how long it takes."""

    status: int
    body: Any = b""
    headers: dict[str, str] = {}  # noqa: RUF012  (never changed)
    after_s: float = 0.0


class StandIn:
    """A running server; `asked` holds what came: method, path and decoded body; its clock is `ahead_s` fast."""

    def __init__(self, answer: Callable[[str, str, Any], Said]) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.ahead_s = 0.0
        stand_in = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer("GET")

            def do_POST(self) -> None:
                self._answer("POST")

            def _answer(self, method: str) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                body = json.loads(sent) if sent else None
                stand_in.asked.append((method, self.path, body))
                said = answer(method, self.path, body)
                time.sleep(said.after_s)
                content = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
                self.send_response(said.status)
                for name, value in said.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                with suppress(BrokenPipeError):  # whoever asked has gone
                    self.end_headers()
                    self.wfile.write(content)

            def date_time_string(self, timestamp: float | None = None) -> str:
                return super().date_time_string((timestamp or time.time()) + stand_in.ahead_s)

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def paid(self) -> list[tuple[str, str, Any]]:
        """Return what came to the paid surfaces."""
        return [one for one in self.asked if "enrich" in one[1].partition("?")[0]]


@contextmanager
def standing_in(answer: Callable[[str, str, Any], Said]) -> Iterator[StandIn]:
    """Run a stand-in that answers as `answer(method, path, body)` says."""
    stand_in = StandIn(answer)
    thread = threading.Thread(target=stand_in.server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield stand_in
    finally:
        stand_in.server.shutdown()
        stand_in.server.server_close()
        thread.join(5)
