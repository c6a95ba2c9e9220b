"""Buying by calls: a few workers claim, wait for the pace, send, and settle; nothing is sent twice."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterable
from functools import cached_property
from typing import TYPE_CHECKING, Final, Literal

from crustframe import contract
from crustframe.buying.abilities import told_by
from crustframe.buying.desk import Desk
from crustframe.buying.jobs import Collector
from crustframe.buying.leftovers import read_left
from crustframe.buying.purse import Purse
from crustframe.buying.refusals import Refusals
from crustframe.buying.terms import Terms
from crustframe.buying.ways import Calls
from crustframe.client import Client
from crustframe.errors import (
    APIConnectionError,
    APIError,
    BadRequestError,
    InsufficientCreditsError,
    NoAnswerError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServiceError,
    SurfaceError,
    error_from_answer,
)
from crustframe.http.rate_limit import server_wait_s
from crustframe.http.retry import Retries
from crustframe.ledger import Need, Purchase
from crustframe.ledger.people import make_record
from crustframe.ledger.runs import Told
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Answer, Record

if TYPE_CHECKING:
    from crustframe.http.transport import Exchange

_FAILURES: Final = 15  # reliability notes, P26: a sick server is asked no more often than this in a row
_DRAIN_S: Final = 30.0
_POLL_S: Final = 0.5
_ABANDONED: Final = "the run ended before the answer came"


class Stopped(Exception):  # noqa: N818  (a signal between workers, not an error)
    """The run is over; whoever waits goes home."""


class Caller:
    """Buys people by calls.

    Parameters
    ----------
    client : Client
    way : Calls
    need : Need
        What an answer bought by somebody else meanwhile must satisfy.
    needed : frozenset of str
        Those of the way's groups that the question cannot do without.
    purse : Purse
    terms : Terms
    on_record : callable
        Called with every record, from one thread at a time.
    """

    def __init__(
        self,
        client: Client,
        way: Calls,
        need: Need,
        needed: frozenset[str],
        *,
        purse: Purse,
        terms: Terms,
        on_record: Callable[[Record], None],
    ) -> None:
        self._client = client
        self._need = need
        self._purse = purse
        self._stop_at_failure = terms.stop_at_failure
        self._waits = terms.wait
        self._on_record = on_record
        self._desk = Desk(client, way, need, needed, purse=purse, terms=terms, on_record=on_record)
        self._refusals = Refusals(self._desk, purse, on_record)
        self._stop = threading.Event()
        self._facts = client.ledger.abilities()
        self._in_flight = 0
        self._flying: dict[int, Purchase] = {}
        self._working = 0
        self._failures = 0
        self._doubted = 0
        self._fatal: Exception | None = None

    def buy(self, people: Iterable[Identifier]) -> None:
        """Buy `people`; whoever is not settled at the end has no record.

        Raises
        ------
        LedgerError
            Nothing is sent that cannot be written down first.
        AuthenticationError, PermissionDeniedError, BadRequestError
            Everything would be refused, or where the terms stop at a failure, one kind of request was.
        """
        bought = self._purse.bought
        self._stop.clear()
        with self._desk as desk:
            desk.queue(people)
            _ = self._client.pace  # made before several threads ask for it
            try:
                read_left(desk.run)
                while desk.has_waiting and not self._stop.is_set():
                    self._work_in_threads()
                    self._wait_for_others()
                about_the_request = self._refusals.settle()
                bought.learnt |= self._refusals.lacking
                if about_the_request is not None and bought.stopped is None:
                    bought.stopped = about_the_request
            except (BadRequestError, PermissionDeniedError, SurfaceError) as error:
                way = desk.way
                bought.learnt |= told_by(error, way.endpoint, way.refused_by(error)) | self._refusals.lacking
                raise
            except KeyboardInterrupt:
                bought.interrupted = True
            finally:
                self._stop.set()
                self._abandon()

    # Workers ---------------------------------------------------------------------------------------------------

    def _work_in_threads(self) -> None:
        workers = [
            threading.Thread(target=self._work, name=f"crustframe-{number}", daemon=True)
            for number in range(self._client.concurrency)
        ]
        self._working = len(workers)
        for worker in workers:
            worker.start()
        try:
            self._wait_for_workers()
        except KeyboardInterrupt:
            self._halt()
            self._purse.bought.interrupted = True
            self._wait_for_workers(_DRAIN_S)  # a second Ctrl-C ends this wait too; what is in flight is then in doubt
        if self._fatal is not None:
            raise self._fatal

    def _work(self) -> None:
        try:
            while (purchase := self._next_purchase()) is not None:
                try:
                    self._send(purchase)
                except Exception as error:
                    self._halt(None if isinstance(error, Stopped) else error)  # before its credits are let go: no
                    raise  # other worker may spend what nobody knows to be spent
                finally:
                    self._desk.run.ended(purchase)
                    with self._purse.changed:
                        self._flying.pop(purchase.purchase_id, None)
                        self._in_flight -= 1
                        self._purse.give_back(purchase.worst_credits)
        except Stopped:
            pass
        except KeyboardInterrupt:  # of a progress callback, which this thread calls
            self._purse.bought.interrupted = True
            self._halt()
        except Exception as error:  # noqa: BLE001  (told to the thread that waits)
            self._halt(error)
        finally:
            with self._purse.changed:
                self._working -= 1
                self._purse.changed.notify_all()

    def _abandon(self) -> None:
        """Tell whose request is still on its way: an answer that comes later is taken in, and ends the doubt."""
        with self._purse.changed:
            left, self._flying = list(self._flying.values()), {}
            for purchase in left:
                if self._desk.run.abandon(purchase, _ABANDONED, gone_by=self._client.transport.server_time()):
                    self._purse.bought.credits_at_risk += purchase.worst_credits
                    self._tell_doubt(purchase.identifiers, _ABANDONED, None)

    def _wait_for_workers(self, at_most_s: float = float("inf")) -> None:
        """Wait in short pieces, so that Ctrl-C is heard at once; on the count, since a join may forget a thread."""
        until = time.monotonic() + at_most_s
        with self._purse.changed:
            while self._working and time.monotonic() < until:
                self._purse.changed.wait(0.1)

    def _halt(self, error: Exception | None = None) -> None:
        with self._purse.changed:
            if error is not None and self._purse.bought.stopped is None:
                self._purse.bought.stopped = error
                self._fatal = None if isinstance(error, _PARTIAL) else error
            self._stop.set()
            self._purse.changed.notify_all()

    def _pause(self, seconds: float) -> None:
        left = seconds  # counted down, since the clock may jump meanwhile
        while left > 0:
            if self._stop.is_set():
                raise Stopped
            self._client.sleep(min(left, _POLL_S))
            left -= _POLL_S

    def _next_purchase(self) -> Purchase | None:
        with self._purse.changed:
            while not self._stop.is_set():
                if self._in_flight and self._is_first_contact:
                    self._purse.changed.wait(_POLL_S)
                    continue
                purchase = self._desk.claim() if self._desk.has_waiting else None
                if purchase is not None:
                    self._in_flight += 1
                    return purchase
                if self._desk.has_waiting and not self._desk.is_full:
                    continue
                if not self._in_flight:
                    self._desk.leave_the_rest()
                    return None
                self._purse.changed.wait(_POLL_S)  # those in flight may bring people back, or turn out to cost nothing
        return None

    @property
    def _is_first_contact(self) -> bool:
        """Whether nobody knows yet that the account has this surface: then one request alone finds out."""
        endpoint = self._desk.way.endpoint
        return endpoint in contract.GRANTED_PATHS and not self._facts.get((endpoint, ""))

    def _learn_from(self, purchase: Purchase, way: Calls) -> None:
        """Take in that the account has what an accepted request asked."""
        contacts = way.groups & {*contract.CONTACT_GROUPS}
        parts = {"", *(contract.CONTACT_GROUPS if contacts else ())}
        parts |= {contract.REQUEST_KEYS[contract.BUSINESS_EMAIL]} & {
            contract.REQUEST_KEYS[identifier.kind] for identifier in purchase.identifiers
        }
        parts |= way.options.flags
        told = {(way.endpoint, part): part in contacts for part in parts}
        news = {what: True for what, is_sure in told.items() if is_sure or what not in self._facts}
        news = {what: True for what in news if not self._facts.get(what)}
        self._facts = {**self._facts, **news}
        self._purse.bought.learnt |= news

    def _wait_for_others(self) -> None:
        while self._desk.busy and not self._stop.is_set():
            self._desk.look_at_others()
            if self._desk.has_waiting:
                return
            self._follow_jobs()
            if self._desk.busy:
                self._pause(_POLL_S)

    def _follow_jobs(self) -> None:
        """Look at the jobs that hold people of ours: perhaps nobody else does. Who waits for no job goes on."""
        book = self._client.ledger.jobs(create=False)
        busy = [identifier.key for identifier in self._desk.busy]
        for job in book.about(busy, self._need.groups) if book is not None and busy else []:
            if self._waits:
                self._collector.advance(job)
                continue
            held = {identifier.key for identifier in job.purchase.identifiers}
            for key in held.intersection(busy):
                self._on_record(Record(key, "not_run", request_id=job.batch_id, reason="job_under_way"))
            self._desk.pass_over(held)

    @cached_property
    def _collector(self) -> Collector:
        return Collector(self._client, self._purse.bought)

    # One purchase ----------------------------------------------------------------------------------------------

    def _send(self, purchase: Purchase) -> None:
        retries = Retries(self._client.jitter)
        while True:
            way = self._desk.way
            if way.asked != purchase.groups:  # another worker learnt meanwhile that the account lacks a group
                purchase = self._desk.run.asks(purchase, way.asked)
            try:
                exchange = self._exchange(purchase, way)
                error = None if way.options.is_answer(exchange, purchase.identifiers) else _error_of(exchange)
            except APIError as failed:
                exchange, error = None, failed
            if exchange is not None and error is None:
                return self._settle(purchase, exchange, way)
            assert error is not None  # noqa: S101
            if exchange is not None:
                self._client.pace.learn(exchange.headers, exchange.status)
            billed = None if exchange is None else _credits_of(exchange)
            if error.charged == "unknown" or billed:
                return self._doubt(purchase, error, billed)
            self._desk.run.uncharged(purchase)
            if isinstance(error, BadRequestError | PermissionDeniedError) and self._desk.ask_for_less(error, way):
                self._refusals.ask_again()
                self._desk.run.refuse(purchase, [], str(error.message))
                return self._desk.put_back(purchase.identifiers)
            if isinstance(error, BadRequestError):
                return self._repair(purchase, error, way)
            if not error.retryable:
                raise error
            self._count_failure(error)
            wait_s = retries.wait_s(error)
            if wait_s is None:
                return self._give_up(purchase, error)
            self._pause(wait_s)

    def _exchange(self, purchase: Purchase, way: Calls) -> Exchange:
        may_leave: list[bool] = []

        def leaves(connection: sqlite3.Connection) -> None:  # no, if the claim was let go while we waited
            may_leave.append(not self._stop.is_set() and self._desk.run.leaves(connection, purchase))

        self._client.pace.wait(self._pause, leaves)
        if may_leave != [True]:
            raise Stopped
        with self._purse.changed:
            self._purse.bought.calls += 1
            self._flying[purchase.purchase_id] = purchase
        try:
            exchange = way.options.send(self._client.transport, purchase.identifiers)
        except APIConnectionError:
            with self._purse.changed:
                self._purse.bought.calls -= 1  # it never left
            raise
        return exchange

    def _settle(self, purchase: Purchase, exchange: Exchange, way: Calls) -> None:
        credits = _credits_of(exchange)
        told = Told(exchange.body, credits, exchange.status, exchange.request_id)
        try:
            answer = way.options.read(exchange.body, purchase.identifiers, credits=credits)
        except ResponseError as error:
            self._desk.run.answered(purchase, told)
            self._client.pace.learn(exchange.headers, exchange.status)
            if credits == 0:
                self._leave(purchase, error, "unreadable")
            else:
                self._doubt(purchase, error, credits)
            return
        except BaseException:
            self._desk.run.answered(purchase, told)
            raise
        with self._purse.changed:
            self._learn_from(purchase, way)
        self._take_in(purchase, answer, told)
        self._client.pace.learn(exchange.headers, exchange.status)
        self._refusals.accept(purchase, way)

    def _take_in(self, purchase: Purchase, answer: Answer, told: Told) -> None:
        bought, credits, request_id = self._purse.bought, told.credits, told.request_id
        matched = sum(bool(found) for found in answer.matches.values())
        billed = self._desk.price * matched if credits is None else credits
        is_open = credits is None and bool(answer.missing)  # whoever was left out may have been charged, too
        answered_at = self._desk.run.settle(purchase, answer, credits=None if is_open else billed, told=told)
        with self._purse.changed:
            self._failures = 0
            bought.charge(self._desk.way.endpoint, billed)
            bought.credits_at_risk += self._desk.price * len(answer.missing) if is_open else 0.0
            bought.matched += matched
            if matched:
                self._desk.learn_price(billed / matched)
            if request_id:
                bought.request_ids.append(request_id)
            by_key = {identifier.key: identifier for identifier in purchase.identifiers}
            for key, found in answer.matches.items():
                outcome: Literal["matched", "no_match", "redacted"] = "matched" if found else "no_match"
                if key in answer.redacted:
                    outcome = "redacted"
                lists = [found] if found else []
                self._on_record(make_record(by_key[key], outcome, lists, self._need, "api", answered_at, request_id))
            for key, reason in answer.failures.items():
                self._on_record(Record(key, "failed", request_id=request_id, reason=reason))
            self._tell_doubt(answer.missing, "left out of the answer", request_id)
            self._purse.changed.notify_all()

    def _doubt(self, purchase: Purchase, error: APIError, billed: float | None = None) -> None:
        gone_by = self._client.transport.server_time()
        self._desk.run.doubt(purchase, str(error.message), credits=billed, gone_by=gone_by)
        with self._purse.changed:
            self._purse.bought.charge(self._desk.way.endpoint, billed or 0.0)
            self._purse.bought.credits_at_risk += purchase.worst_credits if billed is None else 0.0
            self._tell_doubt(purchase.identifiers, str(error.message), error.request_id)
        if self._stop_at_failure or self._doubted > max(contract.MAX_IDENTIFIERS, self._desk.people // 100):
            raise error

    def _tell_doubt(self, identifiers: Iterable[Identifier], reason: str, request_id: str | None) -> None:
        for identifier in identifiers:
            self._doubted += 1
            self._on_record(Record(identifier.key, "in_doubt", request_id=request_id, reason=reason))

    def _repair(self, purchase: Purchase, error: BadRequestError, way: Calls) -> None:
        self._refusals.repair(purchase, error, way)
        if self._stop_at_failure and self._refusals.has_refused_kinds:
            raise self._refusals.about_the_request()

    def _give_up(self, purchase: Purchase, error: APIError) -> None:
        """Leave a batch that keeps failing, one half at a time: one person may be the reason."""
        if self._stop_at_failure:
            raise error
        self._desk.run.refuse(purchase, [], str(error.message))
        if isinstance(error, ServiceError) and len(purchase.identifiers) > 1:
            return self._desk.put_back(purchase.identifiers, halve=True)
        self._tell_failed(purchase, error, _REASONS.get(type(error), "server_error"))
        if not isinstance(error, ServiceError):
            raise error
        return None

    def _leave(self, purchase: Purchase, error: APIError, reason: str) -> None:
        """Leave people whose answer cannot be read and surely cost nothing."""
        if self._stop_at_failure:
            raise error
        self._desk.run.refuse(purchase, [], str(error.message))
        self._tell_failed(purchase, error, reason)

    def _tell_failed(self, purchase: Purchase, error: APIError, reason: str) -> None:
        with self._purse.changed:
            for identifier in purchase.identifiers:
                self._on_record(Record(identifier.key, "failed", request_id=error.request_id, reason=reason))

    def _count_failure(self, error: APIError) -> None:
        with self._purse.changed:
            self._failures += isinstance(error, ServiceError | APIConnectionError)
            if self._failures >= _FAILURES:
                raise error


_REASONS: Final = {APIConnectionError: "unreachable", RateLimitError: "rate_limited"}
_PARTIAL: Final = (
    InsufficientCreditsError,
    ServiceError,
    APIConnectionError,
    RateLimitError,
    NoAnswerError,
    ResponseError,
)
"""Errors that end a run with what was found so far; every other one is the caller's to mend."""


def _error_of(exchange: Exchange) -> APIError:
    return error_from_answer(
        exchange.status,
        exchange.body,
        request_id=exchange.request_id,
        wait_s=server_wait_s(exchange.headers) if exchange.status in {429, 500, 503} else None,
    )


def _credits_of(exchange: Exchange) -> float | None:
    try:
        credits = float(exchange.headers[contract.CREDITS_HEADER])
    except (KeyError, ValueError):
        return None
    return credits if 0 <= credits < 1e9 else None
