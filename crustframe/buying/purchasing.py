"""Buying: claim, pace, send, settle. What is refused is repaired, what is in doubt is told, nothing is sent twice.

One buyer serves one run. A few workers each take up to 25 people at a time from the pool; the ledger decides who
may be taken, the ceiling how many.
"""

from __future__ import annotations

import threading
import time
from collections import Counter, deque
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal, NamedTuple

from crustframe import contract
from crustframe.api.options import Options
from crustframe.buying.terms import Terms
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
    error_from_answer,
)
from crustframe.http.rate_limit import server_wait_s
from crustframe.http.retry import Retries
from crustframe.ledger import Claim, Doubt, Need, Purchase, Run
from crustframe.ledger.people import make_record
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Answer, Record

if TYPE_CHECKING:
    from crustframe.http.transport import Exchange

_OFFERED: Final = 200  # identifiers looked at in one go: enough to fill 25 past those already bought
_FAILURES: Final = 15  # reliability notes, P26: a sick server is asked no more often than this in a row
_REFUSALS: Final = 11  # one culprit among 25 takes at most ten refusals in a row to find
_REFUSALS_OF_A_BATCH: Final = 2 * contract.MAX_IDENTIFIERS - 1  # halves of a batch in which everybody is refused
_DRAIN_S: Final = 30.0
_POLL_S: Final = 0.5


class _Form(NamedTuple):
    """How a request asks, whoever it is about."""

    kind: contract.IdentifierKind
    options: Options


class _Suspect(NamedTuple):
    """Somebody in a refused request, as long as nothing proves that they are the reason."""

    purchase: Purchase
    error: BadRequestError
    form: _Form


class Stopped(Exception):  # noqa: N818  (a signal between workers, not an error)
    """The run is over; whoever waits goes home."""


@dataclass(slots=True)
class Bought:
    """What a run of purchases came to.

    Attributes
    ----------
    calls : int
        Requests that left.
    credits : float
        As the server's own ``x-credits-used`` billed them.
    matched : int
        People whom these credits paid for.
    credits_at_risk : float
        Of requests whose charge is unknown.
    credits_set_aside : float
        For jobs under way, if everybody is found.
    credits_of_repeats : float
        What the resending of earlier doubts may have paid a second time.
    resent : list of str
        Identifiers that were in doubt and were bought again.
    request_ids : list of str
    dropped_groups : list of str
        Groups that the account does not grant and that no field needs.
    stopped : CrustframeError or None
        Why the run ended early.
    interrupted : bool
        The user ended it.
    """

    calls: int = 0
    credits: float = 0.0
    matched: int = 0
    credits_at_risk: float = 0.0
    credits_set_aside: float = 0.0
    credits_of_repeats: float = 0.0
    resent: list[str] = field(default_factory=list)
    request_ids: list[str] = field(default_factory=list)
    dropped_groups: list[str] = field(default_factory=list)
    stopped: Exception | None = None
    interrupted: bool = False

    @property
    def credits_committed(self) -> float:
        """What counts against a ceiling: billed, perhaps billed, and what jobs under way may still cost."""
        return self.credits + self.credits_at_risk + self.credits_set_aside


def price_of(client: Client, options: Options, *endpoints: str) -> float:
    """Return the credits that one person costs at most: by the list, or as this account was billed there."""
    return max(options.price, client.ledger.observed_price(options.coverage, *endpoints, parts=options.prices) or 0.0)


def billed_price(client: Client, options: Options, bought: Bought) -> float:
    """Return what one person cost: in this run, else when the same was last bought, else by the list."""
    if bought.matched:
        return bought.credits / bought.matched
    last = client.ledger.last_price(options.coverage, options.path, contract.PERSON_JOB_PATH)
    return options.price if last is None else last


class Buyer:
    """Buys the people of one run.

    Parameters
    ----------
    client : Client
    options : Options
        What is asked about everybody.
    needed_groups : frozenset of str
        Those of the options' groups that the run cannot do without.
    need : Need
        What an answer bought by somebody else meanwhile must satisfy.
    terms : Terms
    on_record : callable
        Called with every record, from one thread at a time.
    """

    def __init__(
        self,
        client: Client,
        options: Options,
        *,
        needed_groups: frozenset[str],
        need: Need,
        terms: Terms,
        on_record: Callable[[Record], None],
    ) -> None:
        self.bought = Bought()
        self._client = client
        self._options = options
        self._needed = needed_groups
        self._need = need
        self._max_credits = terms.max_credits
        self._on_doubt = terms.on_doubt
        self._stop_at_failure = terms.stop_at_failure
        self._on_record = on_record
        self._price = price_of(client, options, options.path, contract.PERSON_JOB_PATH)
        self._reserved = 0.0
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._pool: deque[Identifier] = deque()
        self._repairs: deque[tuple[Identifier, ...]] = deque()
        self._busy: list[Identifier] = []
        self._in_flight = 0
        self._working = 0
        self._failures = 0
        self._refusals: Counter[contract.IdentifierKind] = Counter()
        self._accepted: set[_Form] = set()
        self._suspects: list[_Suspect] = []
        self._refused_kinds: dict[contract.IdentifierKind, BadRequestError] = {}
        self._fatal: Exception | None = None
        self._doubted = 0
        self._people = 0
        self._run: Run

    @property
    def needed_groups(self) -> frozenset[str]:
        """Those of the groups that the run cannot do without."""
        return self._needed

    def buy(self, people: Iterable[Identifier]) -> Bought:
        """Buy `people`; whoever is not settled at the end has no record.

        Raises
        ------
        LedgerError
            Nothing is sent that cannot be written down first.
        AuthenticationError, PermissionDeniedError, BadRequestError
            Everything would be refused, or with `stop_at_failure` one kind of request was.
        """
        for kind in (contract.PROFILE_URL, contract.BUSINESS_EMAIL):
            self._pool.extend(identifier for identifier in people if identifier.kind == kind)
        self._people = len(self._pool)
        self._stop.clear()
        _ = self._client.transport  # no key, no ledger entry
        self._run = self._client.ledger.start(
            self._options.coverage,
            price=self._price,
            min_similarity_score=self._options.server_threshold,
            endpoint=self._options.path,
        )
        _ = self._client.pace  # made before several threads ask for it
        try:
            self._read_left_answers()
            while (self._pool or self._repairs) and not self._stop.is_set():
                self._work_in_threads()
                self._wait_for_others()
            self._settle_suspects()
        except KeyboardInterrupt:
            self.bought.interrupted = True
        finally:
            self._stop.set()
            self._run.close()
        return self.bought

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
            self.bought.interrupted = True
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
                    with self._changed:
                        self._in_flight -= 1
                        self._reserved -= purchase.worst_credits
                        self._changed.notify_all()
        except Stopped:
            pass
        except Exception as error:  # noqa: BLE001  (told to the thread that waits)
            self._halt(error)
        finally:
            with self._changed:
                self._working -= 1
                self._changed.notify_all()

    def _wait_for_workers(self, at_most_s: float = float("inf")) -> None:
        """Wait in short pieces, so that Ctrl-C is heard at once; on the count, since a join may forget a thread."""
        until = time.monotonic() + at_most_s
        with self._changed:
            while self._working and time.monotonic() < until:
                self._changed.wait(0.1)

    def _halt(self, error: Exception | None = None) -> None:
        with self._changed:
            if error is not None and self.bought.stopped is None:
                self.bought.stopped = error
                self._fatal = None if isinstance(error, _PARTIAL) else error
            self._stop.set()
            self._changed.notify_all()

    def _pause(self, seconds: float) -> None:
        until = self._client.clock() + seconds
        while (left := until - self._client.clock()) > 0:
            if self._stop.is_set():
                raise Stopped
            self._client.sleep(min(left, _POLL_S))

    # Whom to take ----------------------------------------------------------------------------------------------

    def _next_purchase(self) -> Purchase | None:
        with self._changed:
            while not self._stop.is_set():
                if not (self._pool or self._repairs):
                    if not self._in_flight:
                        return None
                    self._changed.wait(_POLL_S)  # a refusal may still bring people back
                    continue
                size = self._affordable()
                if size < 1:
                    if not self._in_flight:
                        self._leave_the_rest()
                        return None
                    self._changed.wait(_POLL_S)  # those in flight may turn out to cost nothing
                    continue
                offered = self._repairs.popleft() if self._repairs else self._next_offer()
                size = min(size, self._options.max_identifiers(offered[0].kind))
                claim = self._run.claim(offered, self._need, size=size, may_resend=self._may_resend)
                self._note(claim, offered)
                if claim.hit_daily_ceiling:
                    if not self._in_flight:
                        self._leave_the_rest()
                        return None
                    self._changed.wait(_POLL_S)
                    continue
                if claim.purchase is not None:
                    self._in_flight += 1
                    self._reserved += claim.purchase.worst_credits
                    return claim.purchase
        return None

    def _leave_the_rest(self) -> None:
        """Nobody more surely fits under a ceiling: they stay ``not_run``."""
        self._pool.clear()
        self._repairs.clear()

    def _affordable(self) -> int:
        if self._max_credits is None or not self._price:
            return contract.MAX_IDENTIFIERS
        left = self._max_credits - self.bought.credits_committed - self._reserved
        return min(contract.MAX_IDENTIFIERS, int((left + 1e-9) // self._price))

    def _next_offer(self) -> tuple[Identifier, ...]:
        kind = self._pool[0].kind
        offered: list[Identifier] = []
        while self._pool and len(offered) < _OFFERED and self._pool[0].kind == kind:
            offered.append(self._pool.popleft())
        return tuple(offered)

    def _note(self, claim: Claim, offered: tuple[Identifier, ...]) -> None:
        self._pool.extendleft(reversed(offered[claim.examined :]))
        self._busy += claim.busy
        for record in self._run.recall(offered, claim.known, self._need):
            self._on_record(record)
        for doubt in claim.doubtful:
            self._on_record(Record(doubt.identifier.key, "in_doubt", reason="no answer to an earlier request"))
        for doubt in claim.resent:
            self.bought.resent.append(doubt.identifier.text)
            self.bought.credits_of_repeats += doubt.credits_at_risk

    def _may_resend(self, doubt: Doubt) -> bool:
        bound = max(contract.MAX_IDENTIFIERS * 4, self._people // 100)  # reliability notes, P7: 4 in flight or 1 %
        if len(self.bought.resent) >= bound:
            return False
        return self._on_doubt == "resend" or (self._on_doubt == "ask" and not doubt.told)

    def _wait_for_others(self) -> None:
        while self._busy and not self._stop.is_set():
            known, busy = self._run.known(self._busy, self._need)
            for record in self._run.recall(self._busy, known, self._need):
                self._on_record(record)
            still = {identifier.key for identifier in busy}
            freed = [i for i in self._busy if i.key not in known and i.key not in still]
            self._busy = busy
            if freed:
                self._pool.extend(freed)
                return
            if busy:
                self._pause(_POLL_S)

    # One purchase ----------------------------------------------------------------------------------------------

    def _send(self, purchase: Purchase) -> None:
        retries = Retries(self._client.jitter)
        while True:
            options = self._options
            try:
                exchange = self._exchange(purchase, options)
                error = None if options.is_answer(exchange, purchase.identifiers) else _error_of(exchange)
            except APIError as failed:
                exchange, error = None, failed
            if exchange is not None and error is None:
                return self._settle(purchase, exchange, options)
            assert error is not None  # noqa: S101
            if error.charged == "unknown":
                return self._doubt(purchase, error)
            self._run.uncharged(purchase)
            if isinstance(error, BadRequestError | PermissionDeniedError) and self._drop_groups(error, options):
                return self._requeue(purchase, purchase.identifiers, str(error.message))
            if isinstance(error, BadRequestError):
                return self._repair(purchase, error, options)
            if not error.retryable:
                raise error
            self._count_failure(error)
            wait_s = retries.wait_s(error)
            if wait_s is None:
                return self._give_up(purchase, error)
            self._pause(wait_s)

    def _exchange(self, purchase: Purchase, options: Options) -> Exchange:
        self._client.pace.wait(self._pause)
        if self._stop.is_set():
            raise Stopped
        if not self._run.sending(purchase):  # let go while we waited: the run is over
            raise Stopped
        with self._changed:
            self.bought.calls += 1
        try:
            exchange = options.send(self._client.transport, purchase.identifiers)
        except APIConnectionError:
            with self._changed:
                self.bought.calls -= 1  # it never left
            raise
        self._client.pace.learn(exchange.headers, exchange.status)
        return exchange

    def _settle(self, purchase: Purchase, exchange: Exchange, options: Options) -> None:
        credits = _credits_of(exchange)
        self._run.answered(
            purchase, exchange.body, credits=credits, http_status=exchange.status, request_id=exchange.request_id
        )
        try:
            answer = self._options.read(exchange.body, purchase.identifiers, credits=credits)
        except ResponseError as error:
            self._doubt(purchase, error)
            return
        self._take_in(purchase, answer, credits, exchange.request_id)
        self._accept(_Form(purchase.identifiers[0].kind, options))

    def _take_in(self, purchase: Purchase, answer: Answer, credits: float | None, request_id: str | None) -> None:
        matched = sum(bool(found) for found in answer.matches.values())
        billed = self._price * matched if credits is None else credits
        answered_at = self._run.settle(purchase, answer, credits=billed)
        with self._changed:
            self._failures = 0
            self._refusals[purchase.identifiers[0].kind] = 0
            self.bought.credits += billed
            self.bought.matched += matched
            if matched:  # an account may pay more than the list says; the ceiling must hold all the same
                self._price = max(self._price, billed / matched)
                self._run.ask_for(self._options.coverage, self._price)
            if request_id:
                self.bought.request_ids.append(request_id)
            by_key = {identifier.key: identifier for identifier in purchase.identifiers}
            for key, found in answer.matches.items():
                outcome: Literal["matched", "no_match"] = "matched" if found else "no_match"
                lists = [found] if found else []
                self._on_record(make_record(by_key[key], outcome, lists, self._need, "api", answered_at, request_id))
            for key, reason in answer.failures.items():
                self._on_record(Record(key, "failed", request_id=request_id, reason=reason))
            self._tell_doubt(answer.missing, "left out of the answer", request_id)
            self._changed.notify_all()

    def _read_left_answers(self) -> None:
        for purchase, body, credits in self._run.unread():
            try:
                answer = self._options.read(body, purchase.identifiers, credits=credits)
            except ResponseError as error:
                self._run.doubt(purchase, str(error.message))
                continue
            self._run.settle(purchase, answer, credits=credits or 0.0)

    def _doubt(self, purchase: Purchase, error: APIError) -> None:
        self._run.doubt(purchase, str(error.message))
        with self._changed:
            self.bought.credits_at_risk += purchase.worst_credits
            self._tell_doubt(purchase.identifiers, str(error.message), error.request_id)
        if self._stop_at_failure or self._doubted > max(contract.MAX_IDENTIFIERS, self._people // 100):
            raise error

    def _tell_doubt(self, identifiers: Iterable[Identifier], reason: str, request_id: str | None) -> None:
        for identifier in identifiers:
            self._doubted += 1
            self._on_record(Record(identifier.key, "in_doubt", request_id=request_id, reason=reason))

    # Refusals --------------------------------------------------------------------------------------------------

    def _drop_groups(self, error: BadRequestError | PermissionDeniedError, asked: Options) -> bool:
        """Ask for less where the account or this age of the API refuses what no field needs."""
        refused = refused_groups(error, asked.groups)
        if not refused or refused & self._needed:
            return False
        with self._changed:
            groups = self._options.groups - refused
            if not groups:
                return False
            self._options = replace(self._options, groups=groups)
            self.bought.dropped_groups = sorted({*self.bought.dropped_groups, *refused})
            self._run.ask_for(self._options.coverage, self._price)
            self._ask_again_in_the_new_form()
        return True

    def _ask_again_in_the_new_form(self) -> None:
        for suspect in [s for s in self._suspects if s.form.options != self._options]:
            self._suspects.remove(suspect)
            self._put_back(suspect.purchase.identifiers, halve=False)

    def _repair(self, purchase: Purchase, error: BadRequestError, options: Options) -> None:
        """Find out whom the refusal is about, and ask again for everybody else.

        It is about people only if the answer names them, or if the same request went through without them.
        """
        if error.available_fields:  # true of whoever is asked about
            raise error
        culprits = _named_by(error, purchase.identifiers)
        self._run.refuse(purchase, culprits, str(error.message))
        form = _Form(purchase.identifiers[0].kind, options)
        with self._changed:
            if culprits:
                self._tell_refused(culprits, error)
                guilty = {identifier.key for identifier in culprits}
                self._put_back([i for i in purchase.identifiers if i.key not in guilty], halve=False)
                return
            if options != self._options:  # another worker asks for less by now
                self._put_back(purchase.identifiers, halve=False)
                return
            self._refusals[form.kind] += 1
            is_refused = error.about_parameters or form.kind in self._refused_kinds
            if len(purchase.identifiers) == 1 or is_refused:
                self._suspects.append(_Suspect(purchase, error, form))
            else:
                self._put_back(purchase.identifiers, halve=True)
            at_most = _REFUSALS_OF_A_BATCH if form in self._accepted else _REFUSALS
            if is_refused or self._refusals[form.kind] > at_most:
                self._refuse_the_form(form.kind, error)

    def _accept(self, form: _Form) -> None:
        """Note that a request of this form went through: whoever was refused alone is the reason after all."""
        with self._changed:
            self._accepted.add(form)
            self._convict(form)

    def _convict(self, form: _Form) -> None:
        for suspect in [s for s in self._suspects if s.form == form and len(s.purchase.identifiers) == 1]:
            self._suspects.remove(suspect)
            self._run.refuse(suspect.purchase, suspect.purchase.identifiers, str(suspect.error.message))
            self._tell_refused(suspect.purchase.identifiers, suspect.error)

    def _tell_refused(self, culprits: Iterable[Identifier], error: BadRequestError) -> None:
        for identifier in culprits:
            self._on_record(Record(identifier.key, "invalid", request_id=error.request_id, reason="refused_by_server"))

    def _refuse_the_form(self, kind: contract.IdentifierKind, error: BadRequestError) -> None:
        """Ask no more in a form that the API refuses; that says nothing about the people in it."""
        self._refused_kinds.setdefault(kind, error)
        people = [i for part in self._repairs if part[0].kind == kind for i in part]
        people += [identifier for identifier in self._pool if identifier.kind == kind]
        self._repairs = deque(part for part in self._repairs if part[0].kind != kind)
        self._pool = deque(identifier for identifier in self._pool if identifier.kind != kind)
        self._tell_request_refused(people, error)
        self._acquit([suspect for suspect in self._suspects if suspect.form.kind == kind])
        if self._stop_at_failure:
            raise self._about_the_request()

    def _settle_suspects(self) -> None:
        """Say at the end of the run of whoever was refused alone whether it was for them or for the request."""
        with self._changed:
            for form in self._accepted:
                self._convict(form)
            self._acquit(list(self._suspects))
            if self._refused_kinds and self.bought.stopped is None:
                self.bought.stopped = self._about_the_request()

    def _acquit(self, suspects: Iterable[_Suspect]) -> None:
        for suspect in suspects:
            self._suspects.remove(suspect)
            self._refused_kinds.setdefault(suspect.form.kind, suspect.error)
            self._tell_request_refused(suspect.purchase.identifiers, suspect.error)

    def _about_the_request(self) -> BadRequestError:
        error = next(iter(self._refused_kinds.values()))
        said = str(error.message)
        if self.bought.credits_committed:
            said = said.replace("Nothing was charged", "This request was not charged")
        return BadRequestError(
            f"{said} It is about the request, not about anybody in it.",
            about_parameters=True,
            hint=_hint_at(self._refused_kinds.keys(), self._options),
            status=error.status,
            request_id=error.request_id,
        )

    def _tell_request_refused(self, people: Iterable[Identifier], error: BadRequestError) -> None:
        for identifier in people:
            self._on_record(Record(identifier.key, "failed", request_id=error.request_id, reason="request_refused"))

    def _give_up(self, purchase: Purchase, error: APIError) -> None:
        """Leave a batch that keeps failing, one half at a time: one person may be the reason."""
        if self._stop_at_failure:
            raise error
        if isinstance(error, ServiceError) and len(purchase.identifiers) > 1:
            self._run.refuse(purchase, [], str(error.message))
            with self._changed:
                self._put_back(purchase.identifiers, halve=True)
            return
        self._run.refuse(purchase, [], str(error.message))
        reason = _REASONS.get(type(error), "server_error")
        with self._changed:
            for identifier in purchase.identifiers:
                self._on_record(Record(identifier.key, "failed", request_id=error.request_id, reason=reason))
        if not isinstance(error, ServiceError):
            raise error

    def _requeue(self, purchase: Purchase, identifiers: tuple[Identifier, ...], why: str) -> None:
        self._run.refuse(purchase, [], why)
        with self._changed:
            self._put_back(identifiers, halve=False)

    def _put_back(self, identifiers: Iterable[Identifier], *, halve: bool) -> None:
        people = tuple(identifiers)
        middle = len(people) // 2 if halve else 0
        self._repairs.extendleft(part for part in (people[middle:], people[:middle]) if part)
        self._changed.notify_all()

    def _count_failure(self, error: APIError) -> None:
        with self._changed:
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


def _hint_at(refused: Collection[contract.IdentifierKind], options: Options) -> str:
    given = {"preview": options.is_preview, "force_fetch": options.force_fetch}
    flags = [flag for flag, is_set in (given | {"enrich_realtime": options.enrich_realtime}).items() if is_set]
    if flags:
        return f"leave out {' and '.join(flags)}: this account's API may not take them."
    if set(refused) == {contract.BUSINESS_EMAIL}:
        return "this account's API may take no e-mails here: ask by profile URL."
    return "check the fields and options; `crustframe doctor` says what this account may ask."


def _named_by(error: BadRequestError, people: Sequence[Identifier]) -> list[Identifier]:
    """Return whom a refusal names; whoever was asked for alone is meant in any spelling."""
    named = {text.casefold() for text in error.identifiers}
    return [i for i in people if i.text.casefold() in named or (named and len(people) == 1)]


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


def refused_groups(error: BadRequestError | PermissionDeniedError, asked: frozenset[str]) -> frozenset[str]:
    """Return those of the asked groups that a refusal is about."""
    if isinstance(error, BadRequestError):
        available = set(error.available_fields)
        below = frozenset(g for g in asked if any(name.startswith(f"{g}.") for name in available))
        return asked - (asked & available or below) if available else frozenset()  # a list may name paths alone
    denied = error.denied_fields
    return frozenset(
        g for g in asked if any(name == g or name.startswith(f"{g}.") or g.startswith(f"{name}.") for name in denied)
    )
