"""Buying behind the sheet: what formulas miss is gathered, put into full batches and bought while cells wait or go on.

One thread for each process; between processes the ledger sees to it that one budget is not spent twice.
"""

from __future__ import annotations

import logging
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final, NamedTuple, Protocol, Self

from crustframe import contract
from crustframe.client import Client
from crustframe.errors import BadRequestError, CrustframeError, PermissionDeniedError
from crustframe.fields import Path, read_paths, requested_groups
from crustframe.ledger import Ledger
from crustframe.people.identifiers import Identifier
from crustframe.verbs.lookup import buy

_log = logging.getLogger("excel_addin")
_CHUNK: Final = 4 * contract.MAX_IDENTIFIERS  # bought in one go; the budget is looked at again in between
_ANY_BASE_FIELD: Final = "basic_profile.name"
_WIDE_BASE_FIELD: Final = "experience.employment_details.current[0].title"
"""Of what no surface tells beside a person's id: it takes a whole profile."""
_LONE: Final = 3  # refusals of one person each before nobody of their kind is asked for
_CLOSING_S: Final = 90.0  # longer than one answer may take


class Purse(Protocol):
    """What an order may spend."""

    def left(self) -> float:
        """Credits that may still be spent."""

    def pay(self, credits: float) -> None:
        """Note what was spent."""


class Daily:
    """The budget that the user armed: so many credits in a day, whoever spends them."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger

    def left(self) -> float:
        """Credits that may still be spent today."""
        ceiling = self._ledger.daily_ceiling()
        return max(0.0, ceiling - self._ledger.spent_today()) if ceiling else 0.0

    def pay(self, credits: float) -> None:
        """The ledger notes it."""


class Granted:
    """What the user agreed to in the Buy command."""

    def __init__(self, credits: float) -> None:
        self._credits = credits
        self.spent = 0.0

    def left(self) -> float:
        """Credits that may still be spent."""
        return max(0.0, self._credits - self.spent)

    def pay(self, credits: float) -> None:
        """Note what was spent."""
        self.spent += credits


class Wish(NamedTuple):
    """What is asked about a person.

    Attributes
    ----------
    groups : frozenset of str
        Groups of the API.
    fields : tuple of str
        Paths that stand for them.
    since : float or None
        Answers from before then (UTC seconds) do not count.
    """

    groups: frozenset[str]
    fields: tuple[str, ...]
    since: float | None

    @classmethod
    def of(cls, paths: Iterable[Path], since: float | None) -> Self:
        """Return the wish that these columns stand for; columns of one price are one wish."""
        paths = tuple(paths)
        groups = requested_groups(paths)
        by_group = {path.field.group: path.field.path for path in sorted(paths, key=lambda path: path.field.path)}
        beyond = {group: path for group, path in by_group.items() if group not in contract.BASE_GROUPS}
        base = by_group.keys() - beyond.keys()
        stand_in = _ANY_BASE_FIELD if base <= {*contract.IDENTIFY_GROUPS} else _WIDE_BASE_FIELD
        return cls(groups, (*sorted(beyond.values()), *([stand_in] if base else [])), since)

    def __or__(self, other: Wish) -> Wish:
        """Return both wishes in one."""
        times = [since for since in (self.since, other.since) if since is not None]
        return Wish.of(read_paths(sorted({*self.fields, *other.fields})), max(times, default=None))

    @property
    def price(self) -> float:
        """Credits that one person costs at most."""
        return contract.price_of(self.groups)


Orders = Mapping[Wish, Iterable[Identifier]]


class Wanted:
    """Whom formulas miss, each person once with everything that is asked about them."""

    def __init__(self) -> None:
        self._wishes: dict[Identifier, Wish] = {}

    def add(self, wish: Wish, people: Iterable[Identifier]) -> None:
        """Note that `people` are missed."""
        for identifier in people:
            known = self._wishes.get(identifier)
            self._wishes[identifier] = wish if known is None or known == wish else known | wish

    def clear(self) -> None:
        """Forget everybody."""
        self._wishes.clear()

    @property
    def people(self) -> int:
        """How many are missed."""
        return len(self._wishes)

    @property
    def credits(self) -> float:
        """What they cost at most."""
        return sum(wish.price for wish in self._wishes.values())

    def orders(self) -> dict[Wish, list[Identifier]]:
        """Return the people of every wish."""
        orders: dict[Wish, list[Identifier]] = {}
        for identifier, wish in self._wishes.items():
            orders.setdefault(wish, []).append(identifier)
        return orders


class Buying:
    """Buys in the background, a hundred people at a time.

    Parameters
    ----------
    client : Client

    Attributes
    ----------
    fault : str
        Why the last purchase ended early; nothing more is bought until it is forgiven.
    """

    def __init__(self, client: Client) -> None:
        self.fault = ""
        self._client = client
        self._changed = threading.Condition()
        self._orders: dict[tuple[Wish, Purse], dict[str, Identifier]] = {}
        self._in_hand: frozenset[str] = frozenset()
        self._tried: set[tuple[Wish, str]] = set()
        self._refused: dict[tuple[frozenset[str], str], str] = {}
        self._lone: Counter[tuple[frozenset[str], str]] = Counter()
        self._thread: threading.Thread | None = None
        self._closing = False

    def order(self, orders: Orders, purse: Purse) -> None:
        """Put people in line, unless they were tried in vain since the last pardon."""
        with self._changed:
            for wish, people in orders.items():
                line = self._orders.setdefault((wish, purse), {})
                line |= {i.key: i for i in people if self._may_try(wish, i)}

    def _may_try(self, wish: Wish, identifier: Identifier) -> bool:
        if (wish, identifier.key) in self._tried or identifier.key in self._in_hand:
            return False
        return not self.why_refused(wish, identifier)

    def start(self) -> None:
        """Begin to buy those in line."""
        with self._changed:
            if self._thread is None and not self._closing:
                self._thread = threading.Thread(target=self._work, name="crustframe-sheet", daemon=True)
                self._thread.start()

    def wait(self, people: Iterable[Identifier], at_most_s: float) -> None:
        """Wait until `people` are bought or cannot be, or for so many seconds."""
        people = tuple(people)
        with self._changed:
            self._changed.wait_for(lambda: not self.is_pending(people), at_most_s)

    def forgive(self) -> None:
        """Let what failed be tried again."""
        with self._changed:
            self._tried.clear()
            self._refused.clear()
            self._lone.clear()
            self.fault = ""

    def why_refused(self, wish: Wish, identifier: Identifier) -> str:
        """Return why the API does not take this question about somebody, or nothing."""
        found = (self._refused.get((wish.groups, whom)) for whom in (identifier.kind, identifier.key))
        return next(filter(None, found), "")

    @property
    def n_pending(self) -> int:
        """How many people are in line or on their way."""
        with self._changed:
            return len(self._pending())

    def is_pending(self, people: Iterable[Identifier]) -> bool:
        """Whether one of `people` is in line or on their way."""
        with self._changed:
            pending = self._pending()
            return any(identifier.key in pending for identifier in people)

    def close(self) -> None:
        """Buy nothing more; wait for the answers of what has left."""
        with self._changed:
            self._closing = True
            thread = self._thread
        if thread is not None:
            thread.join(_CLOSING_S)

    def _pending(self) -> set[str]:
        return set(self._in_hand).union(*self._orders.values())

    def _work(self) -> None:
        while (chunk := self._next_chunk()) is not None:
            wish, purse, people = chunk
            fault = ""
            try:
                fault = self._buy(wish, purse, people)
                self._lone[wish.groups, people[0].kind] = 0
            except (BadRequestError, PermissionDeniedError) as error:
                self._note_refusal(wish, people, error)
            except CrustframeError as error:
                fault = one_line(error)
            except Exception:  # noqa: BLE001  (the log tells it)
                _log.exception("buying for a sheet failed")
                fault = "internal error; the log of the add-in tells more."
            with self._changed:
                self.fault = self.fault or fault
                self._tried |= {(wish, identifier.key) for identifier in people}
                self._in_hand = frozenset()
                self._changed.notify_all()

    def _note_refusal(self, wish: Wish, people: list[Identifier], error: CrustframeError) -> None:
        """Ask no more about people of this kind; somebody refused alone may be the reason, and holds up nobody else."""
        form = wish.groups, people[0].kind
        is_lone = len(people) == 1 and isinstance(error, BadRequestError) and not error.available_fields
        self._lone[form] += is_lone
        whom = people[0].key if is_lone and self._lone[form] < _LONE else people[0].kind
        with self._changed:
            self._refused[wish.groups, whom] = one_line(error)
            for (other, _), line in self._orders.items():
                for key in [key for key, identifier in line.items() if self.why_refused(other, identifier)]:
                    del line[key]

    def _next_chunk(self) -> tuple[Wish, Purse, list[Identifier]] | None:
        with self._changed:
            if self.fault or self._closing:
                self._orders.clear()
            self._orders = {order: line for order, line in self._orders.items() if line}
            if not self._orders:
                self._thread = None
                self._changed.notify_all()
                return None
            (wish, purse), line = next(iter(self._orders.items()))
            kind = next(iter(line.values())).kind  # a request takes one kind: a chunk of both would break batches
            people = [identifier for identifier in line.values() if identifier.kind == kind][:_CHUNK]
            for identifier in people:
                del line[identifier.key]
            self._in_hand = frozenset(identifier.key for identifier in people)
            return wish, purse, people

    def _buy(self, wish: Wish, purse: Purse, people: list[Identifier]) -> str:
        left = purse.left()
        if left < wish.price:
            return ""
        bought = buy(
            [identifier.text for identifier in people],
            wish.fields,
            max_credits=left,
            max_age=None if wish.since is None else self._client.clock() - wish.since,
            client=self._client,
        )
        purse.pay(bought.credits + bought.credits_at_risk)
        match bought.stopped:
            case None:
                return ""
            case BadRequestError() as error:
                raise error
            case CrustframeError() as error:
                return one_line(error)
            case error:
                raise error


def one_line(error: CrustframeError) -> str:
    """Return an error as one line: what happened, what it cost, what to do."""
    return " ".join(f"{error.message} {error.hint and 'Hint: ' + error.hint}".split())
