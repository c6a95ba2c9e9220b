"""What is sent again and after how long; what the server's headers are taken to mean."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from requests.structures import CaseInsensitiveDict

from crustframe.errors import (
    APIConnectionError,
    AuthenticationError,
    BadRequestError,
    InsufficientCreditsError,
    NoAnswerError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServiceError,
    TransportError,
)
from crustframe.http.rate_limit import Pace, server_wait_s
from crustframe.http.retry import Retries
from crustframe.ledger import Ledger
from crustframe.settings.keys import Secret


def waits(error, count, jitter=1.0):
    retries = Retries(lambda: jitter)
    return [retries.wait_s(error) for _ in range(count)]


# How long ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("error", [ServiceError(), APIConnectionError()], ids=repr)
def test_a_failure_that_cost_nothing_is_tried_four_times_with_full_jitter(error):
    assert [1, 2, 4, None] == waits(error, 4)
    assert [0.5, 1, 2, None] == waits(error, 4, jitter=0.5)
    assert [0, 0, 0, None] == waits(error, 4, jitter=0.0)


def test_a_failure_waits_at_least_as_long_as_the_server_asks():
    assert [10, 10, 10, None] == waits(ServiceError(wait_s=10.0), 4)


def test_a_429_without_a_hint_waits_longer_and_longer_and_jitters_upwards_only():
    """Full jitter could burn every try inside one window."""
    assert [4, 8, 16, 32, 60, 60, 60] == waits(RateLimitError(), 7, jitter=0.0)
    assert [5, 10, 20, 40, 75] == waits(RateLimitError(), 5, jitter=1.0)


@pytest.mark.parametrize("hint", [0.5, 4.0, 60.0, 300.0])
def test_a_429_with_a_hint_waits_for_it_and_up_to_a_quarter_more(hint):
    assert [hint, hint * 1.25] == [waits(RateLimitError(wait_s=hint), 1, jitter)[0] for jitter in (0.0, 1.0)]


@pytest.mark.parametrize("error", [RateLimitError(wait_s=301.0), ServiceError(wait_s=86_400.0)], ids=repr)
def test_a_hint_beyond_five_minutes_is_given_up_and_not_slept(error):
    assert [None] == waits(error, 1)


@pytest.mark.parametrize("hint", [None, 1.0, 30.0, 300.0])
def test_patience_with_429_ends_after_ten_minutes_of_nothing_else(hint):
    slept = [wait for wait in waits(RateLimitError(wait_s=hint), 2_000, jitter=0.5) if wait is not None]

    assert 250 <= sum(slept) <= 600
    assert None is waits(RateLimitError(wait_s=hint), 2_000, jitter=0.5)[-1]


def test_a_429_does_not_count_as_a_failure():
    retries = Retries(lambda: 1.0)

    found = [
        retries.wait_s(e) for e in (ServiceError(), RateLimitError(), ServiceError(), RateLimitError(), ServiceError())
    ]

    assert [1, 5, 2, 10, 4] == found
    assert None is retries.wait_s(ServiceError())


@pytest.mark.parametrize(
    "kind",
    [
        NoAnswerError,
        ResponseError,
        TransportError,
        BadRequestError,
        AuthenticationError,
        PermissionDeniedError,
        InsufficientCreditsError,
    ],
)
def test_what_may_have_been_charged_or_cannot_help_is_never_sent_again(kind):
    assert [None] == waits(kind(wait_s=1.0), 1)


# What the server asks for -------------------------------------------------------------------------------------------

DATE = "Sun, 22 Nov 2026 10:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "wait_s"),
    [
        ({}, None),
        ({"x-ratelimit-reset": "12"}, 12),
        ({"x-ratelimit-reset": "12.5"}, 12.5),
        ({"x-ratelimit-reset": "12", "Retry-After": "99"}, 12),
        ({"x-ratelimit-reset": "soon", "Retry-After": "9"}, 9),
        ({"x-ratelimit-reset": "0", "Retry-After": "9"}, 9),
        ({"X-RateLimit-Reset": "7"}, 7),
        ({"Retry-After": "30"}, 30),
        ({"Retry-After": "1.5"}, 1.5),
        ({"Retry-After": " 30 "}, 30),
        ({"Retry-After": "86400"}, 86_400),
        ({"Retry-After": "0"}, None),
        ({"Retry-After": "-1"}, None),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": ""}, None),
        ({"Retry-After": "2, 3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "2026-11-22T10:00:30Z"}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 10:00:30 GMT", "Date": DATE}, 30),
        ({"Retry-After": "Sun, 22 Nov 2026 09:59:30 GMT", "Date": DATE}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 10:00:30 GMT"}, None),
        ({"Retry-After": "Sun, 22 Nov 2026 10:00:30 GMT", "Date": "yesterday"}, None),
    ],
    ids=repr,
)
def test_a_wait_is_read_in_every_form_or_left(headers, wait_s):
    assert wait_s == server_wait_s(CaseInsensitiveDict(headers))


def test_the_year_9999_is_longer_than_anybody_waits():
    wait_s = server_wait_s(CaseInsensitiveDict({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT", "Date": DATE}))

    assert [None] == waits(RateLimitError(wait_s=wait_s), 1)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_any_headers_are_read_as_a_wait_of_at_least_nothing_or_left(reset, after, date):
    wait_s = server_wait_s({"x-ratelimit-reset": reset, "retry-after": after, "date": date})

    assert wait_s is None or wait_s > 0


# The pace ---------------------------------------------------------------------------------------------------------


class Clock:
    """A clock that moves when somebody waits."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0
        self.waited: list[float] = []

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waited.append(seconds)
        self.now += seconds


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pace_of(tmp_path: Path, clock: Clock):
    ledgers = []

    def make(own_limit=None):
        ledger = Ledger(
            tmp_path / "ledger.sqlite3", origin="https://api.example", find_key=lambda: Secret("test-key"), clock=clock
        )
        ledgers.append(ledger)
        return Pace(ledger.pace("/person/enrich"), clock=clock, own_limit=own_limit)

    yield make
    for ledger in ledgers:
        ledger.close()


def sent_at(pace, clock, count):
    times = []
    for _ in range(count):
        pace.wait(clock.wait)
        times.append(clock.now)
    return times


def most_in_a_window(times):
    return max(sum(start <= time < start + 60 for time in times) for start in times)


@pytest.mark.parametrize(("own_limit", "limit"), [(None, 15), (5, 5), (40, 40), (1, 1)])
def test_no_minute_holds_more_requests_than_the_limit_and_none_is_wasted(pace_of, clock, own_limit, limit):
    times = sent_at(pace_of(own_limit), clock, limit * 3)

    assert limit == most_in_a_window(times)
    assert 120 <= times[-1] - times[0] <= 120 * 1.05


def test_the_servers_own_limit_is_learned_by_every_process(pace_of, clock):
    one, other = pace_of(), pace_of()
    one.learn({"x-ratelimit-limit": "3"}, 200)

    assert 3 == most_in_a_window(sent_at(other, clock, 9))


def test_two_processes_share_one_window(pace_of, clock):
    one, other = pace_of(), pace_of()
    times = [time for _ in range(20) for pace in (one, other) for time in sent_at(pace, clock, 1)]

    assert 15 == most_in_a_window(times)


def test_the_lower_of_two_limits_counts(pace_of, clock):
    pace = pace_of(5)
    pace.learn({"x-ratelimit-limit": "30"}, 200)
    assert 5 == most_in_a_window(sent_at(pace, clock, 10))

    pace.learn({"x-ratelimit-limit": "2"}, 200)
    clock.wait(61)
    assert 2 == most_in_a_window(sent_at(pace, clock, 6))


def test_a_429_holds_everybody_until_the_window_opens(pace_of, clock):
    one, other = pace_of(), pace_of()
    one.learn({"x-ratelimit-reset": "20"}, 429)

    start = clock.now
    assert [start + 20] == sent_at(other, clock, 1)


def test_the_last_request_of_a_window_holds_too(pace_of, clock):
    pace = pace_of()
    start = clock.now
    pace.learn({"x-ratelimit-limit": "15", "x-ratelimit-remaining": "0", "x-ratelimit-reset": "7"}, 200)

    assert [start + 7] == sent_at(pace, clock, 1)


@pytest.mark.parametrize(
    "headers", [{}, {"x-ratelimit-limit": "many"}, {"x-ratelimit-limit": "0"}, {"x-ratelimit-limit": "-3"}]
)
def test_headers_that_say_nothing_leave_the_default(pace_of, clock, headers):
    pace = pace_of()
    pace.learn(headers, 200)

    assert 15 == most_in_a_window(sent_at(pace, clock, 30))


@pytest.mark.parametrize("jump", [-86_400, -3_600, 3_600, 86_400])
def test_a_clock_that_jumps_costs_at_most_a_window(pace_of, clock, jump):
    pace = pace_of()
    sent_at(pace, clock, 15)
    clock.now += jump

    start = clock.now
    assert sent_at(pace, clock, 1)[0] - start <= 61
