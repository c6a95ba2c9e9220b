"""One exchange: what leaves, what comes back, whether it may have cost something. Nothing is ever sent twice."""

from __future__ import annotations

import gzip
import json
import logging
import pickle
import socket
import ssl
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.client import HTTPResponse

import pytest

from crustframe.errors import (
    APIConnectionError,
    APIError,
    ConfigurationError,
    NoAnswerError,
    TransportError,
    error_from_answer,
)
from crustframe.http.transport import Timeouts, Transport
from crustframe.people.records import read_answer
from crustframe.sandbox.server import Sandbox
from crustframe.settings.config import read_settings

pytestmark = pytest.mark.billed_past_the_plan("asked below the engine, without a plan")

CANARY = "canary-key-5d41402abc4b"
PATH = "/person/enrich"
BODY = json.dumps({"professional_network_profile_urls": ["https://www.linkedin.com/in/avery-example"]}).encode()
SHORT = Timeouts(connect_s=0.5, read_s=0.5, total_s=0.5)


@pytest.fixture
def service() -> Iterator[Sandbox]:
    """A sandbox that takes the canary for its key."""
    with Sandbox(key=CANARY, requests_per_minute=None) as running:
        yield running


@contextmanager
def transport_to(url: str, timeouts: Timeouts | None = None, key: str = CANARY) -> Iterator[Transport]:
    transport = Transport(read_settings(api_key=key, base_url=url, environ={}), timeouts)
    try:
        yield transport
    finally:
        transport.close()


def post(url: str, timeouts: Timeouts | None = None, key: str = CANARY):
    with transport_to(url, timeouts, key) as transport:
        return transport.post(PATH, BODY)


def failure(url: str, timeouts: Timeouts | None = None) -> APIError:
    """What one exchange ends in: an error that is raised, or the one that its answer stands for."""
    try:
        exchange = post(url, timeouts)
        if exchange.status != 200:
            return error_from_answer(exchange.status, exchange.body)
        read_answer(exchange.body, [])
    except APIError as error:
        return error
    raise AssertionError("nothing failed")


def everything_told(error: BaseException) -> str:
    """All that a traceback with local variables, a repr and a pickle could show of an error and its causes."""
    told = [str(error), repr(error), repr(vars(error)), repr(pickle.dumps(error))]
    told += traceback.format_exception(error)
    seen: BaseException | None = error
    while seen is not None:
        told += [repr(seen), repr(seen.args)]
        for frame, _ in traceback.walk_tb(seen.__traceback__):
            if frame.f_globals["__name__"].startswith("crustframe."):
                told += [repr(value) for value in frame.f_locals.values()]
        seen = seen.__cause__ or (None if seen.__suppress_context__ else seen.__context__)
    return "\n".join(told)


# A server that does one thing -------------------------------------------------------------------------------------


@contextmanager
def raw_server(answer: bytes, *, linger: bool = False) -> Iterator[tuple[str, list[bytes]]]:
    """Answer every connection with these bytes after the whole request, and note what came."""
    came: list[bytes] = []
    listening = socket.create_server(("127.0.0.1", 0))
    opened: list[socket.socket] = []

    def serve() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                opened.append(connection)
                request = connection.recv(65536)
                head, _, body = request.partition(b"\r\n\r\n")
                length = int(
                    next((h[15:] for h in head.lower().split(b"\r\n") if h.startswith(b"content-length:")), b"0")
                )
                while len(body) < length:
                    body += connection.recv(65536)
                came.append(head + b"\r\n\r\n" + body)
                connection.sendall(answer)
                if not linger:
                    connection.close()

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", came
    finally:
        with suppress(OSError):
            listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        for connection in opened:
            connection.close()
        thread.join(5)


def http(body: bytes, *headers: str, status: str = "200 OK") -> bytes:
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(body)}", "", ""]
    return "\r\n".join(lines).encode() + body


# What is asked -----------------------------------------------------------------------------------------------------


def test_a_request_carries_key_version_and_body_and_comes_back_whole(service):
    exchange = post(service.url)

    assert 200 == exchange.status
    assert "1" == exchange.headers["x-credits-used"].removesuffix(".0")
    assert exchange.request_id
    (sent,) = service.requests
    assert "2025-11-01" == sent["headers"]["x-api-version"]
    assert "application/json" == sent["headers"]["content-type"]
    assert json.loads(BODY) == sent["body"]
    assert "linkedin" in json.loads(exchange.body)[0]["matched_on"]


def test_a_wrong_key_is_an_answer_and_not_counted_as_a_call(service):
    exchange = post(service.url, key="another-key")

    assert (401, 0) == (exchange.status, service.calls)


def test_one_connection_serves_many_requests(service):
    with transport_to(service.url) as transport:
        assert [200] * 5 == [transport.post(PATH, BODY).status for _ in range(5)]

    assert 5 == service.calls


def test_a_fault_leaves_the_next_request_unharmed(service):
    """No connection with half an answer in it goes back to the pool."""
    with transport_to(service.url) as transport:
        for action in ("cut", "reset", "close", "cut_silently"):
            service.faults.add(action, times=1)
            with suppress(APIError):
                transport.post(PATH, BODY)
            service.faults.clear()
            answer = json.loads(transport.post(PATH, BODY).body)
            assert ["https://www.linkedin.com/in/avery-example"] == [item["matched_on"] for item in answer]


# What can happen -----------------------------------------------------------------------------------------------

FAULTS = [
    # action, options, deadline, error, charged, the server's own meter
    ("reset", {"charge": False}, None, "NoAnswerError", "unknown", 0),
    ("reset", {"charge": True}, None, "NoAnswerError", "unknown", 1),
    ("close", {"charge": False}, None, "NoAnswerError", "unknown", 0),
    ("close", {"charge": True}, None, "NoAnswerError", "unknown", 1),
    ("hang", {"charge": True, "seconds": 30.0}, SHORT, "NoAnswerError", "unknown", 1),
    ("drip", {"seconds": 30.0}, SHORT, "NoAnswerError", "unknown", 1),
    ("drip", {"seconds": 30.0}, Timeouts(0.5, 20.0, 0.5), "NoAnswerError", "unknown", 1),
    ("hang", {"seconds": 30.0}, Timeouts(0.5, 20.0, 0.5), "NoAnswerError", "unknown", 0),
    ("cut", {}, None, "NoAnswerError", "unknown", 1),
    ("cut_silently", {}, None, "ResponseError", "unknown", 1),
    ("empty", {}, None, "ResponseError", "unknown", 1),
    ("garbage", {}, None, "ResponseError", "unknown", 1),
    ("html", {}, None, "ResponseError", "unknown", 1),
    ("redirect", {}, None, "TransportError", "no", 0),
    ("redirect", {"status": 301}, None, "TransportError", "no", 0),
    ("redirect", {"status": 303}, None, "TransportError", "no", 0),
    ("redirect", {"status": 308}, None, "TransportError", "no", 0),
    ("status", {"status": 500}, None, "ServiceError", "no", 0),
    ("status", {"status": 503}, None, "ServiceError", "no", 0),
    ("status", {"status": 502, "html": True, "charge": True}, None, "NoAnswerError", "unknown", 1),
    (
        "status",
        {"status": 504, "body": '{"message": "timed out"}', "charge": True},
        None,
        "NoAnswerError",
        "unknown",
        1,
    ),
    ("status", {"status": 429}, None, "RateLimitError", "no", 0),
    ("status", {"status": 402}, None, "InsufficientCreditsError", "no", 0),
    ("status", {"status": 403}, None, "PermissionDeniedError", "no", 0),
    ("status", {"status": 400}, None, "BadRequestError", "no", 0),
]


@pytest.mark.parametrize(
    ("action", "options", "timeouts", "error", "charged", "credits"),
    FAULTS,
    ids=[f"{f[0]} {f[1]} {f[2]}" for f in FAULTS],
)
def test_a_fault_is_its_error_sent_once_with_no_key_in_it(
    service, caplog, action, options, timeouts, error, charged, credits
):
    service.faults.add(action, **options)

    with caplog.at_level(logging.DEBUG):
        found = failure(service.url, timeouts)

    assert (error, charged) == (type(found).__name__, found.charged)
    assert (1, credits) == (service.calls, service.credits_spent)
    assert CANARY not in everything_told(found) + caplog.text


def test_no_cause_that_hangs_on_an_error_holds_the_request_and_its_key(service):
    """Error trackers walk the causes, shown or not."""
    service.faults.add("reset")
    error: BaseException | None = failure(service.url)

    while error is not None:
        request = getattr(error, "request", None)
        assert CANARY not in repr(getattr(request, "headers", None))
        error = error.__cause__ or error.__context__


def test_a_redirect_is_not_followed_even_back_to_the_same_host(service):
    service.faults.add("redirect", location=service.url + PATH, times=1)

    assert TransportError is type(failure(service.url))
    assert 1 == service.calls


def test_a_refused_connection_was_surely_not_charged():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]

    error = failure(f"http://127.0.0.1:{port}", SHORT)

    assert (APIConnectionError, "no", True) == (type(error), error.charged, error.retryable)
    assert "Nothing was sent" in str(error)
    assert CANARY not in everything_told(error)


def test_a_server_that_speaks_no_tls_is_a_stop_without_charge():
    with raw_server(b"HTTP/1.1 400 Bad Request\r\n\r\n") as (url, _):
        error = failure(url.replace("http://", "https://"), Timeouts(2.0, 2.0, 2.0))

    assert "no" == error.charged
    assert not isinstance(error, NoAnswerError)
    assert CANARY not in everything_told(error)


def test_tls_that_breaks_after_the_request_left_says_that_it_may_have_been_charged(monkeypatch):
    """Only a handshake that fails is free; an end without notice is what a server does that dies while it answers."""

    def broken_off(*_):
        raise ssl.SSLEOFError(ssl.SSL_ERROR_EOF, "UNEXPECTED_EOF_WHILE_READING")

    with raw_server(http(b"[]")) as (url, _):
        monkeypatch.setattr(HTTPResponse, "begin", broken_off)
        error = failure(url)

    assert (NoAnswerError, "unknown") == (type(error), error.charged)


def test_a_host_that_cannot_be_one_is_refused_before_anything_leaves():
    with pytest.raises(ConfigurationError, match="Nothing was sent"):
        failure("https://" + "a" * 64 + ".example", SHORT)


# Bytes on the wire --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\xff garbage\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        http(b"[1,2,3]").replace(b"Content-Length: 7", b"Content-Length: 70"),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n[1,2",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"".join(b"x-%d: y\r\n" % n for n in range(200)) + b"\r\n",
        b"HTTP/1.1 200 OK\r\nx: " + b"y" * 70_000 + b"\r\n\r\n",
        http(b"[1,2,3]", "Content-Length: 8"),
        http(b"not gzip at all", "Content-Encoding: gzip"),
        http(gzip.compress(b"[]" * 500)[:-20], "Content-Encoding: gzip"),
        http(gzip.compress(b"[]" * 500)[:12], "Content-Encoding: gzip"),
    ],
    ids=lambda answer: repr(answer[:50]),
)
def test_an_answer_that_is_not_whole_may_have_been_charged_and_is_not_asked_again(answer):
    with raw_server(answer) as (url, came):
        error = failure(url, Timeouts(2.0, 2.0, 2.0))

    assert "unknown" == error.charged
    assert 1 == len(came)
    assert CANARY not in everything_told(error)


def test_a_compressed_answer_is_read():
    with raw_server(http(gzip.compress(b"[1]"), "Content-Encoding: gzip")) as (url, _):
        assert b"[1]" == post(url).body


def test_a_bomb_is_not_unpacked():
    bomb = gzip.compress(bytes(2**20) * 80)

    with raw_server(http(bomb, "Content-Encoding: gzip")) as (url, came):
        error = failure(url)

    assert ("ResponseError", "unknown") == (type(error).__name__, error.charged)
    assert 1 == len(came)


def test_headers_without_end_are_cut_by_the_deadline():
    """An endless row of 100 Continue, too: no timeout of the libraries counts those."""
    with raw_server(b"HTTP/1.1 100 Continue\r\n\r\n" * 3, linger=True) as (url, came):
        error = failure(url, Timeouts(0.5, 20.0, 0.5))

    assert NoAnswerError is type(error)
    assert "0.5 s" in str(error)
    assert 1 == len(came)


def test_headers_cut_by_our_own_deadline_are_no_complete_answer():
    """http.client takes headers that end with the connection for a whole answer."""
    with raw_server(b"HTTP/1.1 200 OK\r\nx-credits-used: 1\r\n", linger=True) as (url, _):
        error = failure(url, Timeouts(0.5, 20.0, 0.5))

    assert NoAnswerError is type(error)


def test_only_gzip_is_accepted():
    with raw_server(http(b"[]")) as (url, came):
        post(url)

    assert b"accept-encoding: gzip\r\n" in came[0].lower()


# The key and the environment ----------------------------------------------------------------------------------------


def test_a_hostile_netrc_does_not_replace_the_key(tmp_path, monkeypatch, service):
    hostile = "machine 127.0.0.1 login evil password evil\ndefault login evil password evil\n"
    for name in (".netrc", "_netrc", "other"):
        (tmp_path / name).write_text(hostile, encoding="utf-8")
        (tmp_path / name).chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / "other"))

    with raw_server(http(b"[]")) as (url, came):
        post(url)
    assert 200 == post(service.url).status

    (request,) = came
    assert f"authorization: bearer {CANARY}".encode() in request.lower()
    assert 1 == request.lower().count(b"authorization:")


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy", "HTTPS_PROXY"])
def test_traffic_of_this_machine_never_goes_through_a_proxy(monkeypatch, service, name):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with raw_server(http(b"[]")) as (proxy, came):
        monkeypatch.setenv(name, proxy)
        assert 200 == post(service.url).status
        assert 200 == post(service.url.replace("127.0.0.1", "localhost")).status

    assert [] == came


def test_a_proxy_that_refuses_was_not_charged_and_its_password_is_not_told(monkeypatch):
    with raw_server(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n") as (proxy, came):
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("//", "//user:hidden-word@"))
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        error = failure("https://api.example", Timeouts(2.0, 2.0, 2.0))

    assert "no" == error.charged
    assert CANARY.encode() not in b"".join(came)
    assert "hidden-word" not in str(error) + repr(error)
    assert CANARY not in everything_told(error)


def test_the_balance_is_read_without_a_charge(service):
    with transport_to(service.url) as transport:
        exchange = transport.get("/user/credits")

    assert {"credits": 1_000_000} == json.loads(exchange.body)
    assert 0 == service.calls
