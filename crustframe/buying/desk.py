"""Who of an errand is next: claimed in the ledger, reserved under the ceilings, nobody twice."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Container, Iterable
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from crustframe import contract
from crustframe.buying.purse import Purse
from crustframe.buying.terms import Terms
from crustframe.buying.ways import Way
from crustframe.client import Client
from crustframe.errors import APIError, BadRequestError
from crustframe.ledger import Doubt, Need, Purchase, Run
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Record

if TYPE_CHECKING:
    from types import TracebackType

    from crustframe.ledger import Claim

W = TypeVar("W", bound=Way)

_OFFERED: Final = 200  # identifiers looked at in one go: enough to fill 25 past those already bought


class Desk(Generic[W]):
    """The queue of one way to buy, inside ``with``: its claims are honoured by every process meanwhile.

    Parameters
    ----------
    client : Client
    way : Way
    need : Need
        What an answer that somebody else bought meanwhile must satisfy.
    needed : frozenset of str
        Those of the way's groups that the question cannot do without.
    purse : Purse
        Shared by everything that the same run buys.
    terms : Terms
    on_record : callable
        Hears of people whom somebody else bought, or left in doubt; from one thread at a time.

    Attributes
    ----------
    way : Way
        How people are asked for now: perhaps for less than in the beginning.
    price : float
        Credits that one person costs at most, as far as bills have told.
    run : Run
        The part of the ledger that this queue writes.
    is_full : bool
        Nobody more surely fits under a ceiling.
    """

    def __init__(
        self,
        client: Client,
        way: W,
        need: Need,
        needed: frozenset[str],
        *,
        purse: Purse,
        terms: Terms,
        on_record: Callable[[Record], None],
    ) -> None:
        self.way = way
        self.price = way.price(client)
        self.is_full = False
        self._client = client
        self._need = need
        self._needed = needed
        self._purse = purse
        self._on_doubt = terms.on_doubt
        self._on_record = on_record
        self._pool: deque[Identifier] = deque()
        self._repairs: deque[tuple[Identifier, ...]] = deque()
        self._busy: dict[str, Identifier] = {}
        self._people = 0
        self._started = client.clock()
        self.run: Run

    def __enter__(self) -> Self:
        _ = self._client.transport  # no key, no ledger entry
        self.run = self._client.ledger.start(
            self.way.asked, price=self.price, min_similarity_score=self.way.threshold, endpoint=self.way.endpoint
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.run.close()

    # The queue -------------------------------------------------------------------------------------------------

    @property
    def people(self) -> int:
        """How many people were queued, but for those who were put back."""
        return self._people

    @property
    def waiting(self) -> list[Identifier]:
        """Whoever is not claimed yet."""
        return [*(identifier for part in self._repairs for identifier in part), *self._pool]

    @property
    def has_waiting(self) -> bool:
        """Whether anybody is not claimed yet."""
        return bool(self._pool or self._repairs)

    @property
    def busy(self) -> list[Identifier]:
        """Whom somebody else is buying."""
        return list(self._busy.values())

    @property
    def need(self) -> Need:
        """What was asked for, and whatever came since this began: a job's results are a little old at once."""
        return self._need._replace(since=self._started)

    def queue(self, people: Iterable[Identifier]) -> None:
        """Take people in, profile URLs first."""
        some = sorted(people, key=lambda identifier: identifier.kind != contract.PROFILE_URL)
        self._pool.extend(some)
        self._people += len(some)

    def put_back(self, people: Iterable[Identifier], *, halve: bool = False) -> None:
        """Ask for them again next, in halves if one of them may be the reason of a failure."""
        again = tuple(people)
        middle = len(again) // 2 if halve else 0
        with self._purse.changed:
            self._repairs.extendleft(part for part in (again[middle:], again[:middle]) if part)
            self._purse.changed.notify_all()

    def leave_the_rest(self) -> None:
        """Let go of whoever waits: they stay ``not_run``."""
        self._pool.clear()
        self._repairs.clear()

    def take_out(self, kind: contract.IdentifierKind) -> list[Identifier]:
        """Take whoever waits and is named by such identifiers out, and return them."""
        out = [identifier for identifier in self.waiting if identifier.kind == kind]
        self._repairs = deque(part for part in self._repairs if part[0].kind != kind)
        self._pool = deque(identifier for identifier in self._pool if identifier.kind != kind)
        return out

    # Claims ----------------------------------------------------------------------------------------------------

    def fits_one(self) -> bool:
        """Whether one more person surely fits under the ceiling of the run; else it is full."""
        self.is_full = self._purse.fits(self.price, 1) < 1
        return not self.is_full

    def claim(self) -> Purchase | None:
        """Claim who is next and reserve what they may cost; give that back when the request has ended.

        None: nobody of those looked at is to be bought now, or nobody more surely fits (`is_full`).
        """
        kind = (self._repairs[0] if self._repairs else self._pool)[0].kind
        size = self._purse.fits(self.price, self.way.most(kind))
        self.is_full = size < 1
        if self.is_full:
            return None
        offered = self._repairs.popleft() if self._repairs else self._next_offer(self.way.most(kind))
        claim = self.run.claim(offered, self.need, size=size, may_resend=self._may_resend)
        self._note(claim, offered)
        self.is_full = claim.hit_daily_ceiling
        if claim.purchase is not None:
            self._purse.reserve(claim.purchase.worst_credits)
        return claim.purchase

    def _next_offer(self, most: int) -> tuple[Identifier, ...]:
        kind = self._pool[0].kind
        offered: list[Identifier] = []
        while self._pool and len(offered) < max(_OFFERED, most) and self._pool[0].kind == kind:
            offered.append(self._pool.popleft())
        return tuple(offered)

    def _note(self, claim: Claim, offered: tuple[Identifier, ...]) -> None:
        self._pool.extendleft(reversed(offered[claim.examined :]))
        self._busy |= {identifier.key: identifier for identifier in claim.busy}
        for record in self.run.recall(offered, claim.known, self.need):
            self._on_record(record)
        for doubt in claim.doubtful:
            self._on_record(Record(doubt.identifier.key, "in_doubt", reason="no answer to an earlier request"))
        bought = self._purse.bought
        for doubt in claim.resent:
            bought.resent.append(doubt.identifier.text)
            bought.credits_of_repeats += doubt.credits_at_risk

    def _may_resend(self, doubt: Doubt) -> bool:
        most = max(contract.MAX_IDENTIFIERS, self.way.most(doubt.identifier.kind))
        if len(self._purse.bought.resent) >= max(most * 4, self._people // 100):  # reliability notes, P7
            return False
        return self._on_doubt == "resend" or (self._on_doubt == "ask" and not doubt.told)

    # Others ----------------------------------------------------------------------------------------------------

    def pass_over(self, keys: Container[str]) -> None:
        """Wait no more for these people, whom somebody else is buying."""
        self._busy = {key: identifier for key, identifier in self._busy.items() if key not in keys}

    def look_at_others(self) -> None:
        """Look whom others have bought meanwhile; whom they left is ours again."""
        if not self._busy:
            return
        known, still = self.run.known(self.busy, self.need)
        for record in self.run.recall(self.busy, known, self.need):
            self._on_record(record)
        busy = {identifier.key: identifier for identifier in still}
        self._pool.extend(i for key, i in self._busy.items() if key not in known and key not in busy)
        self._busy = busy

    # What a request asks ---------------------------------------------------------------------------------------

    def ask_for_less(self, error: APIError, asked: Way) -> bool:
        """Ask for less where the account or this age of the API refuses what nothing needs; False if it does not."""
        refused = asked.refused_by(error)
        if not refused or refused & self._needed:
            return False
        with self._purse.changed:
            if not self.way.groups - refused:
                return False
            self.way = self.way.without(refused)
            bought = self._purse.bought
            bought.dropped_groups = sorted({*bought.dropped_groups, *refused})
            if isinstance(error, BadRequestError):
                bought.learnt |= {(self.way.endpoint, group): False for group in refused}
            self.run.ask_for(self.way.asked, self.price)
        return True

    def needs(self, refused: frozenset[str]) -> bool:
        """Whether the question cannot do without any of these groups."""
        return bool(refused & self._needed)

    def learn_price(self, price: float) -> None:
        """An account may pay more than the list says; the ceiling must hold all the same."""
        with self._purse.changed:
            self.price = max(self.price, price)
            self.run.ask_for(self.way.asked, self.price)
