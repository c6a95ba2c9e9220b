"""A company proxy that opens TLS: its certificate is named once, and holds for calls, jobs and their files."""

from __future__ import annotations

import gzip
import json
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
import trustme
from odd_servers import Jobs, line, people

import crustframe
from crustframe.client import Client
from crustframe.errors import TransportError

API = "https://api.people.example"
STORAGE = "https://results.s3.amazonaws.com"


@contextmanager
def opening_proxy(authority: trustme.CA, answer) -> Iterator[str]:
    """Run a proxy that takes a tunnel to any host, and speaks in its place."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_CONNECT(self) -> None:
            host = self.path.partition(":")[0]
            self.send_response(200)
            self.end_headers()
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert(host).configure_cert(context)
            try:
                self.connection = context.wrap_socket(self.connection, server_side=True)
            except (ssl.SSLError, ConnectionError):
                self.close_connection = True
                return
            self.rfile, self.wfile = self.connection.makefile("rb"), self.connection.makefile("wb", 0)
            self.close_connection = False

        def finish(self) -> None:
            super().finish()
            self.connection.close()

        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            said = answer(method, self.path, json.loads(sent) if sent else None)
            body = said.body if isinstance(said.body, bytes) else json.dumps(said.body).encode()
            self.send_response(said.status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


@pytest.fixture
def behind_proxy(tmp_path, monkeypatch):
    """Return what asks through the proxy, knowing its certificate or not; and the jobs that it was asked for."""
    jobs = Jobs([gzip.compress(b"\n".join(map(line, people(3))))], count=3, charged=3.0)
    jobs.url = STORAGE
    authority = trustme.CA()
    bundle = tmp_path / "company.pem"
    authority.cert_pem.write_to_path(bundle)
    with opening_proxy(authority, jobs) as proxy:
        for variable in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "NO_PROXY", "no_proxy"):
            monkeypatch.delenv(variable, raising=False)
        monkeypatch.setenv("HTTPS_PROXY", proxy)

        def ask(trust: str | None):
            if trust is not None:
                monkeypatch.setenv(trust, str(bundle))
            with Client(api_key="key-of-tests", base_url=API, ledger=tmp_path / "l.sqlite3") as client:
                return crustframe.enrich(people(3), fields=["basic_profile.name"], route="job", client=client).report

        yield ask, jobs


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_one_certificate_holds_for_the_job_and_for_its_file(behind_proxy, variable):
    ask, jobs = behind_proxy
    report = ask(variable)

    assert (3, 1, 1) == (report.statuses["matched"], jobs.submits, jobs.downloads)


def test_an_unknown_certificate_is_told_before_anything_is_submitted(behind_proxy):
    ask, jobs = behind_proxy
    with pytest.raises(TransportError, match="REQUESTS_CA_BUNDLE"):
        ask(None)
    assert (0, 0.0) == (jobs.submits, jobs.credits)
