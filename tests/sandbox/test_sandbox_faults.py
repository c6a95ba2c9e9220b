"""Each scripted fault, as the wire and the meter show it."""

from __future__ import annotations

import email.utils
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

import pytest
import requests

HEADERS = {"Authorization": "Bearer sandbox-key", "x-api-version": "2025-11-01"}
SLUGS = ("avery-example", "blair-example", "casey-example", "nobody-example")
URLS = [f"https://www.linkedin.com/in/{slug}" for slug in SLUGS]
BODY = {"professional_network_profile_urls": URLS, "fields": ["basic_profile"]}
PAID = dict.fromkeys(SLUGS[:3], 1)


@contextmanager
def raw_call(sandbox) -> Iterator[socket.socket]:
    """Send one plain request over a bare socket."""
    where = urlsplit(sandbox.url)
    body = b'{"professional_network_profile_urls": ["%s"]}' % URLS[0].encode()
    lines = [
        b"POST /person/enrich HTTP/1.1",
        b"host: 127.0.0.1",
        b"authorization: Bearer sandbox-key",
        b"x-api-version: 2025-11-01",
        b"content-length: %d" % len(body),
    ]
    with socket.create_connection((where.hostname, where.port), timeout=10) as connection:
        connection.sendall(b"\r\n".join(lines) + b"\r\n\r\n" + body)
        yield connection


def everything(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(65536), b""))


def matched_on(response):
    return [entry["matched_on"] for entry in response.json()]


@pytest.mark.parametrize(("charge", "paid"), [(None, 0), (False, 0), (True, 1)])
def test_reset_is_a_reset(sandbox, charge, paid):
    """RST on the wire; charged or not, the sender cannot tell, and the meter can."""
    sandbox.faults.add("reset", charge=charge)

    with raw_call(sandbox) as connection, pytest.raises(ConnectionResetError):
        connection.recv(1)

    assert (paid, 1) == (sandbox.credits_spent, sandbox.calls)
    assert [(None, "reset")] == [(one["status"], one["fault"]) for one in sandbox.requests]
    assert {"reset": 1} == sandbox.meter()["outcomes"]


@pytest.mark.parametrize(("charge", "paid"), [(None, 0), (True, 1)])
def test_close_is_an_end_without_answer(sandbox, charge, paid):
    sandbox.faults.add("close", charge=charge)

    with raw_call(sandbox) as connection:
        assert b"" == connection.recv(1)

    assert paid == sandbox.credits_spent


def test_hang_ends_after_its_seconds(sandbox):
    sandbox.faults.add("hang", seconds=0.3, charge=True)

    begin = time.monotonic()
    with raw_call(sandbox) as connection:
        assert b"" == connection.recv(1)

    assert 0.25 <= time.monotonic() - begin <= 2
    assert 1 == sandbox.credits_spent


def test_hang_ends_with_the_sandbox(running):
    sandbox = running()
    sandbox.faults.add("hang", seconds=60)

    with raw_call(sandbox) as connection:
        time.sleep(0.1)
        begin = time.monotonic()
        sandbox.close()
        assert time.monotonic() - begin <= 2
        assert b"" == connection.recv(1)


def test_client_that_leaves_early_was_charged(running, ask):
    """A read timeout of the client does not take the charge back."""
    sandbox = running(latency_s=0.5)

    with pytest.raises(requests.ReadTimeout):
        ask(sandbox, BODY, timeout=0.2)

    assert PAID == sandbox.people_charged


def test_latency_runs_with_the_clock(running, ask):
    sandbox = running(latency_s=30, speed=100.0)

    begin = time.monotonic()
    ask(sandbox, BODY)

    assert 0.25 <= time.monotonic() - begin <= 2


def test_cut_promises_more_than_it_sends(sandbox, ask):
    sandbox.faults.add("cut")

    with pytest.raises(requests.exceptions.ChunkedEncodingError, match="IncompleteRead"):
        ask(sandbox, BODY)

    assert PAID == sandbox.people_charged


def test_cut_silently_looks_whole(sandbox, ask):
    """No length, no chunks: only the JSON tells that half of it is missing."""
    sandbox.faults.add("cut_silently")

    found = ask(sandbox, BODY)

    assert 200 == found.status_code
    assert not {"content-length", "transfer-encoding"} & {name.lower() for name in found.headers}
    assert "3" == found.headers["x-credits-used"]
    assert {"x-request-id", "x-ratelimit-limit", "date"} <= {name.lower() for name in found.headers}
    with pytest.raises(requests.exceptions.JSONDecodeError):
        found.json()
    assert PAID == sandbox.people_charged


def test_drip_is_slow_and_whole(sandbox, ask):
    sandbox.faults.add("drip", seconds=0.4)

    begin = time.monotonic()
    found = ask(sandbox, BODY)

    assert 0.35 <= time.monotonic() - begin <= 2
    assert URLS == matched_on(found)


def test_drip_comes_in_pieces(sandbox):
    sandbox.faults.add("drip", seconds=0.4)

    with raw_call(sandbox) as connection:
        pieces = list(_pieces(connection))

    assert len(pieces) > 5


def _pieces(connection: socket.socket) -> Iterator[bytes]:
    connection.settimeout(0.3)
    try:
        while piece := connection.recv(65536):
            yield piece
    except TimeoutError:
        return


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (400, "invalid_request"),
        (402, "insufficient_credits"),
        (403, "permission_error"),
        (404, "not_found"),
        (418, "invalid_request"),
        (429, "rate_limit_exceeded"),
        (500, "internal_error"),
        (503, "internal_error"),
    ],
)
def test_status_in_the_apis_shape(sandbox, ask, status, kind):
    sandbox.faults.add("status", status=status)

    found = ask(sandbox, BODY)

    assert (status, kind, []) == (found.status_code, found.json()["error"]["type"], found.json()["error"]["metadata"])
    assert "x-credits-used" not in found.headers
    assert 0 == sandbox.credits_spent


def test_status_401_has_the_short_shape(sandbox, ask):
    sandbox.faults.add("status", status=401)

    assert {"message": "Invalid API key in request"} == ask(sandbox, BODY).json()


def test_gateway_page_after_a_hidden_charge(sandbox, ask):
    sandbox.faults.add("status", status=502, html=True, charge=True)

    found = ask(sandbox, BODY)

    assert (502, True) == (found.status_code, found.headers["content-type"].startswith("text/html"))
    assert "x-credits-used" not in found.headers
    assert PAID == sandbox.people_charged


@pytest.mark.parametrize("value", ["7", "0.5", "-1", "soon", "", email.utils.formatdate(4e9, usegmt=True)])
def test_retry_after_says_anything(sandbox, ask, value):
    sandbox.faults.add("status", status=429, retry_after=value, rate_headers=False)

    found = ask(sandbox, BODY)

    assert (429, value) == (found.status_code, found.headers["retry-after"])
    assert not any(name.lower().startswith("x-ratelimit") for name in found.headers)
    assert "x-request-id" in found.headers


def test_modifiers_go_with_a_true_answer(sandbox, ask):
    sandbox.faults.add(rate_headers=False, retry_after="3")

    found = ask(sandbox, BODY)

    assert URLS == matched_on(found)
    assert "3" == found.headers["retry-after"]
    assert "x-ratelimit-limit" not in found.headers


def test_redirect_is_told_not_followed(sandbox, ask):
    sandbox.faults.add("redirect", status=308, location="http://127.0.0.1:9/other")

    found = ask(sandbox, BODY)

    assert (308, "http://127.0.0.1:9/other") == (found.status_code, found.headers["location"])
    assert 0 == sandbox.credits_spent


def test_bodies_that_are_no_answer(sandbox, ask):
    """Empty, cut-off JSON, any text and a page: all 200, all charged."""
    for action, more in (("empty", {}), ("garbage", {}), ("garbage", {"body": "null"}), ("html", {})):
        sandbox.faults.add(action, times=1, **more)
    empty, garbage, null, page = (ask(sandbox, BODY) for _ in range(4))

    assert {200} == {found.status_code for found in (empty, garbage, null, page)}
    assert b"" == empty.content
    with pytest.raises(requests.exceptions.JSONDecodeError):
        garbage.json()
    assert null.json() is None
    assert page.headers["content-type"].startswith("text/html")
    assert dict.fromkeys(SLUGS[:3], 4) == sandbox.people_charged


@pytest.mark.parametrize(
    ("action", "more", "expected"),
    [
        ("drop_item", {}, URLS[:3]),
        ("drop_item", {"identifier": "blair-example"}, [URLS[0], *URLS[2:]]),
        ("duplicate_item", {"identifier": URLS[0]}, [*URLS, URLS[0]]),
        ("extra_item", {}, [*URLS, "https://www.linkedin.com/in/stranger-example"]),
        ("wrong_matched_on_case", {}, [url.swapcase() for url in URLS]),
    ],
)
def test_entries_go_wrong(sandbox, ask, action, more, expected):
    """The list is not what was asked; the charge is."""
    sandbox.faults.add(action, **more)

    found = ask(sandbox, BODY)

    assert expected == matched_on(found)
    assert "3" == found.headers["x-credits-used"]
    assert PAID == sandbox.people_charged


def test_shuffle_changes_the_order_only(sandbox, ask):
    true = ask(sandbox, BODY).json()
    for seed in range(5):
        sandbox.faults.clear()
        sandbox.faults.add("shuffle", seed=seed)
        mixed = ask(sandbox, BODY).json()

        assert true != mixed
        assert sorted(true, key=str) == sorted(mixed, key=str)


def test_overcharge_shows_in_header_and_meter(sandbox, ask):
    sandbox.faults.add("overcharge", factor=2.5)

    found = ask(sandbox, BODY)

    assert "7.5" == found.headers["x-credits-used"]
    assert 7.5 == sandbox.credits_spent
    assert PAID == sandbox.people_charged


def test_unbilled_answer(sandbox, ask):
    sandbox.faults.add("answer", charge=False)

    found = ask(sandbox, BODY)

    assert URLS == matched_on(found)
    assert "0" == found.headers["x-credits-used"]
    assert 0 == sandbox.credits_spent


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ({"nth": 2}, [200, 500, 200, 200, 200, 200]),
        ({"nth": (1, 4)}, [500, 200, 200, 500, 200, 200]),
        ({"every": 3}, [200, 200, 500, 200, 200, 500]),
        ({"times": 2}, [500, 500, 200, 200, 200, 200]),
        ({"every": 2, "times": 1}, [200, 500, 200, 200, 200, 200]),
        ({"probability": 1.0}, [500] * 6),
        ({"probability": 0.0}, [200] * 6),
        ({"identifier": URLS[1]}, [500] * 6),
        ({"identifier": "casey-example", "nth": 3}, [200, 200, 500, 200, 200, 200]),
        ({"identifier": "elsewhere-example"}, [200] * 6),
    ],
)
def test_which_requests_a_fault_meets(sandbox, ask, conditions, expected):
    sandbox.faults.add("status", **conditions)

    assert expected == [ask(sandbox, BODY).status_code for _ in range(6)]


def test_chance_is_the_same_with_the_same_seed(running, ask):
    def run(seed):
        sandbox = running()
        sandbox.faults.add("status", probability=0.5, seed=seed)
        return [ask(sandbox, BODY).status_code for _ in range(20)]

    assert run(1) == run(1) != run(2)
    assert {200, 500} == set(run(1))


def test_first_fault_that_meets_acts(sandbox, ask):
    sandbox.faults.add("status", status=503, nth=2)
    sandbox.faults.add("status", status=429, every=2)

    assert [200, 503, 200, 429] == [ask(sandbox, BODY).status_code for _ in range(4)]


def test_faults_meet_only_calls_with_key_and_place(running, ask):
    """A wrong key and a full window come before the script."""
    sandbox = running(requests_per_minute=1)
    sandbox.faults.add("status", status=503)

    assert 401 == ask(sandbox, BODY, headers={}).status_code
    assert [503, 429] == [ask(sandbox, BODY).status_code for _ in range(2)]


def test_script_over_http(sandbox, ask):
    """The same script for tests in other processes; the key is needed."""
    place = sandbox.url + "/sandbox/faults"
    fault = {"action": "status", "status": 503, "nth": [1], "retry_after": "2"}

    assert 401 == requests.post(place, json=fault, timeout=10).status_code
    assert 201 == requests.post(place, json=fault, headers=HEADERS, timeout=10).status_code
    assert [503, 200] == [ask(sandbox, BODY).status_code for _ in range(2)]
    cleared = requests.delete(place, headers=HEADERS, timeout=10)
    assert {"cleared": 1} == cleared.json()
    for wrong in (
        {"action": "explode"},
        {"nonsense": 1},
        {"every": 0},
        [],
        "reset",
        {"status": 99},
        {"nth": "x"},
        {"seconds": "1"},
    ):
        assert 400 == requests.post(place, json=wrong, headers=HEADERS, timeout=10).status_code
    assert 200 == ask(sandbox, BODY).status_code


def test_unknown_action_is_refused_at_once(sandbox):
    with pytest.raises(ValueError, match="unknown action 'explode'"):
        sandbox.faults.add("explode")


def test_broken_connections_do_not_hurt_the_next(sandbox, ask):
    for action in ("reset", "close", "cut_silently"):
        sandbox.faults.add(action, nth=1, times=1)
        with raw_call(sandbox) as connection:
            try:
                everything(connection)
            except ConnectionResetError:
                assert "reset" == action
        sandbox.faults.clear()
        assert URLS == matched_on(ask(sandbox, BODY))
