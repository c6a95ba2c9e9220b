"""The sliding window and its headers, on a clock that runs fast."""

from __future__ import annotations

import time

URL = {"professional_network_profile_urls": ["https://www.linkedin.com/in/nobody"] * 25}


def rate(response):
    names = ("limit", "remaining", "reset")
    return tuple(int(response.headers[f"x-ratelimit-{name}"]) for name in names)


def test_window_counts_requests_not_identifiers(running, ask, get):
    """Fifteen go, the sixteenth is a 429 with the way back in its headers; other endpoints are not held."""
    sandbox = running(requests_per_minute=15)

    allowed = [ask(sandbox, URL) for _ in range(15)]
    refused = ask(sandbox, URL)

    assert [14 - n for n in range(15)] == [rate(response)[1] for response in allowed]
    assert 429 == refused.status_code
    assert "rate_limit_exceeded" == refused.json()["error"]["type"]
    limit, remaining, reset = rate(refused)
    assert (15, 0) == (limit, remaining)
    assert 55 <= reset <= 60
    assert (300, 299) == rate(get(sandbox, "/user/credits"))[:2]
    assert 16 == sandbox.calls
    assert {"200": 15, "429": 1} == sandbox.meter()["outcomes"]


def test_window_slides(running, ask):
    """A place comes free when its own request is a minute old, not when a minute begins; refusals do not count."""
    sandbox = running(requests_per_minute=2, speed=60.0)  # the minute lasts one real second

    begin = time.monotonic()
    assert 200 == ask(sandbox, URL).status_code
    time.sleep(0.5)
    assert 200 == ask(sandbox, URL).status_code
    while (refused := ask(sandbox, URL)).status_code == 429:
        assert 0 < rate(refused)[2] <= 31
        time.sleep(0.02)
    opened = time.monotonic() - begin
    assert 429 == ask(sandbox, URL).status_code

    assert 0.95 <= opened <= 1.4


def test_bad_requests_count(running, ask):
    sandbox = running(requests_per_minute=2)

    assert [400, 400, 429] == [ask(sandbox, {}).status_code for _ in range(3)]


def test_no_limit_still_says_one(sandbox, ask):
    assert (1_000_000, 1_000_000, 0) == rate(ask(sandbox, URL))


def test_less_than_one_a_minute(running, ask):
    sandbox = running(requests_per_minute=0.5)

    ask(sandbox, URL)
    refused = ask(sandbox, URL)

    assert 429 == refused.status_code
    assert 115 <= rate(refused)[2] <= 120
