"""Starting, stopping, and who is let in."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import warnings

import pytest
import requests

from crustframe.sandbox.server import Sandbox

BODY = {"professional_network_profile_urls": ["https://www.linkedin.com/in/avery-example"], "fields": ["skills"]}


def test_starts_and_stops_quickly_and_cleanly():
    """Under a second each way; nothing stays behind, not even with a client that keeps its connection."""
    before = threading.active_count()
    with warnings.catch_warnings(), requests.Session() as session:
        warnings.simplefilter("error")
        begin = time.monotonic()
        sandbox = Sandbox().start()
        started = time.monotonic()
        session.get(sandbox.url + "/sandbox/meter", timeout=5)
        closing = time.monotonic()
        sandbox.close()
        closed = time.monotonic()
        gc.collect()

    assert started - begin < 1
    assert closed - closing < 1
    assert before == threading.active_count()
    with pytest.raises(RuntimeError, match="not running"):
        _ = sandbox.url


def test_starting_and_closing_twice_changes_nothing():
    sandbox = Sandbox()
    with sandbox:
        url = sandbox.url
        assert url == sandbox.start().url
    sandbox.close()
    with sandbox:
        assert sandbox.url.startswith("http://127.0.0.1:")


def test_measures_stay_after_closing(ask):
    with Sandbox(requests_per_minute=None) as sandbox:
        ask(sandbox, BODY)

    assert (1, 1, {"avery-example": 1}) == (sandbox.calls, sandbox.credits_spent, sandbox.people_charged)


def test_several_at_once_are_strangers(running, ask):
    """Each has its own port, key and book; the same person is the same in all."""
    one, two = running(key="one"), running(key="two")
    headers = {"Authorization": "Bearer one", "x-api-version": "2025-11-01"}

    answers = [ask(sandbox, BODY, headers=headers) for sandbox in (one, two)]

    assert [200, 401] == [answer.status_code for answer in answers]
    assert (1, 0) == (one.credits_spent, two.credits_spent)
    headers["Authorization"] = "Bearer two"
    assert answers[0].json() == ask(two, BODY, headers=headers).json()


def test_parallel_calls_are_all_counted(running):
    sandbox = running()
    headers = {"Authorization": "Bearer sandbox-key", "x-api-version": "2025-11-01"}

    def work():
        with requests.Session() as session:
            for _ in range(20):
                session.post(sandbox.url + "/person/enrich", json=BODY, headers=headers, timeout=10)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (160, 160) == (sandbox.calls, sandbox.credits_spent)
    assert 160 == len({one["request_id"] for one in sandbox.requests})


def test_taken_port_is_said(running):
    taken = int(running().url.rpartition(":")[2])

    with pytest.raises(OSError, match="in use"):
        Sandbox(port=taken).start()


def test_listens_on_loopback_only(running):
    port = int(running().url.rpartition(":")[2])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing; only asks which address would be ours
            outside = probe.getsockname()[0]
        except OSError:
            outside = "127.0.0.2"  # no network: whoever listens on every address would answer here too

    with pytest.raises(OSError, match="refused"):
        socket.create_connection((outside, port), timeout=2)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Host": "localhost"}, 200),
        ({"Host": "127.0.0.1:80"}, 200),
        ({"Host": "[::1]:80"}, 200),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1.rebound.example"}, 403),
        ({"Host": ""}, 403),
        ({"Origin": "http://localhost:3000"}, 200),
        ({"Origin": "https://page.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://[broken"}, 403),
    ],
)
def test_only_this_machine_is_let_in(sandbox, get, headers, status):
    found = get(sandbox, "/sandbox/meter", headers=headers)

    assert status == found.status_code
    assert "access-control-allow-origin" not in found.headers
    assert "x-request-id" in found.headers


def test_preflight_gets_no_permission(sandbox):
    found = requests.options(sandbox.url + "/person/enrich", timeout=5)

    assert 405 == found.status_code
    assert not any(name.lower().startswith("access-control") for name in found.headers)


@pytest.mark.parametrize("chunked", [False, True])
def test_large_bodies_are_refused(sandbox, ask, chunked):
    body = b'{"fields": ["' + b"x" * 2**20 + b'"]}'

    found = ask(sandbox, data=iter([body]) if chunked else body)

    assert (413, "invalid_request") == (found.status_code, found.json()["error"]["type"])
    assert 0 == sandbox.credits_spent
    assert 200 == ask(sandbox, BODY).status_code


@pytest.mark.parametrize(("method", "path", "status"), [("GET", "/nothing", 404), ("GET", "/person/enrich", 405)])
def test_other_places_answer_in_the_same_shape(sandbox, method, path, status):
    found = requests.request(method, sandbox.url + path, timeout=5)

    assert status == found.status_code
    assert {"type", "message", "metadata"} == set(found.json()["error"])
    assert {"x-request-id", "x-ratelimit-limit"} <= {name.lower() for name in found.headers}


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C cannot be sent to a single process")
def test_foreground_says_where_it_is():
    """Address and key on stderr, nothing on stdout, and Ctrl-C ends it without a traceback."""
    code = "from crustframe.sandbox.server import serve; serve(key='mine', requests_per_minute=None)"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        url = process.stderr.readline().removeprefix("url: ").strip()
        key = process.stderr.readline().removeprefix("key: ").strip()
        answer = requests.get(url + "/user/credits", headers={"Authorization": f"Bearer {key}"}, timeout=5)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=10)

    assert ("mine", 200) == (key, answer.status_code)
    assert (0, "", "The sandbox is closed.\n") == (process.returncode, out, err)


def test_importing_the_room_imports_no_web_framework():
    code = "import sys, crustframe.sandbox; print([name for name in ('fastapi', 'uvicorn') if name in sys.modules])"

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert "[]" == done.stdout.strip()
