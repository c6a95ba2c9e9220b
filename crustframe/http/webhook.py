"""Hearing that a job ended. A callback proves nothing: it only says that it is time to read the status again."""

from __future__ import annotations

import hmac
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self

_BODY_CAP: Final = 64 * 1024
_READ_S: Final = 5.0


class Receiver:
    """Listens for callbacks; what they say is not looked at.

    Parameters
    ----------
    host : str
        This machine by default.
    port : int
        0 is any free one.
    token : str
        Must be the path of a callback, compared in constant time.
    """

    def __init__(self, *, host: str = "127.0.0.1", port: int = 0, token: str) -> None:
        self._rung = rung = threading.Event()
        path = f"/{token}".encode()

        class Handler(BaseHTTPRequestHandler):
            timeout = _READ_S

            def do_POST(self) -> None:
                length = self.headers.get("Content-Length", "0")
                fits = length.isascii() and length.isdigit() and int(length) <= _BODY_CAP
                known = hmac.compare_digest(self.path.encode("utf-8", "replace"), path)
                self.send_response(204 if fits and known else 413 if known else 404)
                self.send_header("Connection", "close")
                self.end_headers()
                if fits and known:
                    self.rfile.read(int(length))
                    rung.set()

            def log_message(self, *_: object) -> None:
                """Say nothing: the path holds the token."""

        self._server = ThreadingHTTPServer((host, port), Handler)
        self._server.daemon_threads = True
        shown = f"[{host}]" if ":" in host else host
        self.url = f"http://{shown}:{self._server.server_port}/{token}"
        """What to name as ``webhook_url``, or what a tunnel should lead to."""

    def wait(self, seconds: float) -> bool:
        """Wait for a callback; tell whether one came."""
        came = self._rung.wait(seconds)
        self._rung.clear()
        return came

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, name="crustframe-webhook", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
