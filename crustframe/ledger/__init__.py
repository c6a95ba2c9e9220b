"""The account book: what was asked, what was paid, what came back. One file for every front end and process."""

from __future__ import annotations

import copy
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from crustframe import contract
from crustframe.ledger import abilities, aside, bookkeeping, budget, forgetting, owners, pace, people, prices, purchases
from crustframe.ledger.abilities import Facts
from crustframe.ledger.jobs import JobBook
from crustframe.ledger.owners import Owner
from crustframe.ledger.people import Known, Need
from crustframe.ledger.purchases import Claim, Doubt, OpenDoubt, Purchase, Request
from crustframe.ledger.runs import Run
from crustframe.ledger.store import Store, salt_of
from crustframe.ledger.successor import Succession, take_over
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Record
from crustframe.settings.config import read_ceiling
from crustframe.settings.keys import Secret

__all__ = ["Claim", "Doubt", "Known", "Ledger", "Need", "OpenDoubt", "Purchase", "Run", "Succession"]


class Ledger:
    """The ledger of one account: an origin, a key and an API version.

    Rows of another account, or of a sandbox, never answer this one. Nothing is created before the first purchase.

    Parameters
    ----------
    path : pathlib.Path
    origin : str
        Scheme, host and port of the API, or the name of an embedded sandbox.
    find_key : callable
        Returns the key, or None; asked only where there are rows to look for. Only a keyed digest of it is stored.
    clock : callable
        Seconds since 1970 UTC.
    """

    def __init__(
        self,
        path: Path,
        *,
        origin: str,
        find_key: Callable[[], Secret | None],
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._store = Store(path)
        self._origin = origin
        self._find_key = find_key
        self._clock = clock
        self._api_version = contract.API_VERSION
        self._scope_id: int | None = None
        self._scope_of: int | None = None
        self._told: dict[tuple[str, str], bool] = {}

    def of(self, api_version: str) -> Ledger:
        """Return the part of this ledger that holds another surface's answers; the file and its lock are shared."""
        part = copy.copy(self)
        part._api_version = api_version
        part._scope_id = part._scope_of = None
        return part

    @property
    def path(self) -> Path:
        """The file."""
        return self._store.path

    def close(self) -> None:
        """Close the file; it is opened again when needed."""
        self._store.close()

    # What is known ------------------------------------------------------------------------------------------

    def known(self, identifiers: Iterable[Identifier], need: Need) -> dict[str, Known]:
        """Return, by key, the identifiers that need not be bought. Writes nothing, creates nothing."""
        keys = [identifier.key for identifier in identifiers]
        scope = self._scope(create=False)
        if scope is None or not keys:
            return {}
        with self._store.reading() as connection:
            return people.find_known(connection, scope, keys, need, self._clock(), salt_of(connection))

    def recall(self, identifiers: Iterable[Identifier], known: Mapping[str, Known], need: Need) -> Iterator[Record]:
        """Yield the records of the known ones, a few hundred in memory at a time."""
        if known:
            with self._store.reading() as connection:
                yield from people.recall(connection, identifiers, known, need)

    def answers(self, identifier: Identifier) -> list[tuple[float, frozenset[str], dict[str, Any]]]:
        """Return every kept answer about one person's best candidate: when, which groups, what; the newest first."""
        scope = self._scope(create=False)
        if scope is None:
            return []
        with self._store.reading() as connection:
            return people.history(connection, scope, identifier.key)

    def match_rate(self) -> float | None:
        """Return the share of this account's people that were found, or None while too few are known."""
        scope = self._scope(create=False)
        if scope is None:
            return None
        with self._store.reading() as connection:
            return people.match_rate(connection, scope)

    def observed_price(
        self, groups: frozenset[str], *endpoints: str, parts: Mapping[str, float] | None = None
    ) -> float | None:
        """Return the most that this account lately paid for one matched person and these groups.

        What one endpoint cost is thought to hold for the next ones too, until they tell their own.

        Parameters
        ----------
        groups : frozenset of str
        *endpoints : str
        parts : mapping of str to float, optional
            List prices of the parts of `groups`. Where bills told what a part costs, other combinations of groups
            are reckoned from that.
        """
        scope = self._scope(create=False)
        if scope is None:
            return None
        with self._store.reading() as connection:
            for endpoint in endpoints:
                by_part = prices.reckoned(connection, scope, endpoint, parts or {})
                whole = prices.observed(connection, scope, endpoint, groups)
                if told := [price for price in (by_part, whole) if price is not None]:
                    return max(told)
        return None

    def last_price(self, groups: frozenset[str], *endpoints: str) -> float | None:
        """Return what one matched person cost when these groups were last bought there."""
        scope = self._scope(create=False)
        if scope is None:
            return None
        with self._store.reading() as connection:
            told = (prices.observed(connection, scope, endpoint, groups, latest=1) for endpoint in endpoints)
            return next((price for price in told if price is not None), None)

    def prices_of_parts(self, endpoint: str) -> dict[str, float]:
        """Return what the parts of a price cost there for one person, as the account's bills told it."""
        scope = self._scope(create=False)
        if scope is None:
            return {}
        with self._store.reading() as connection:
            return prices.of_parts(connection, scope, endpoint)

    def learn_prices(self, bills: Mapping[str, Mapping[str, float]]) -> None:
        """Write down what the parts of a price cost one person, from bills by request id; others' are passed over."""
        scope = self._scope(create=False)
        if scope is None or not bills:
            return
        with self._store.transaction() as connection:
            prices.learn(connection, scope, bills)

    # The account ----------------------------------------------------------------------------------------------

    def abilities(self) -> Facts:
        """Return what this account was found to have and to lack within a day."""
        scope = self._scope(create=False)
        if scope is None:
            return dict(self._told)
        with self._store.reading() as connection:
            return {**self._told, **abilities.known(connection, scope, self._clock())}

    def learn_abilities(self, facts: Facts) -> None:
        """Write down what this account has, or lacks; before the first purchase it is only kept in mind."""
        if not self._store.exists():
            self._told.update(facts)
            return
        scope = self._scope(create=True)
        assert scope is not None  # noqa: S101
        with self._store.transaction() as connection:
            abilities.learn(connection, scope, facts, self._clock())

    def other_names(self, identifiers: Iterable[Identifier]) -> dict[str, list[str]]:
        """Return, by key, under which other identifiers the same people are known."""
        scope = self._scope(create=False)
        keys = [identifier.key for identifier in identifiers]
        if scope is None or not keys:
            return {}
        with self._store.reading() as connection:
            return people.other_names(connection, scope, keys)

    # The standing ceiling --------------------------------------------------------------------------------------

    def daily_ceiling(self) -> float | None:
        """Return the credits that may be spent in a day (UTC), or None where nobody set a ceiling."""
        if not self._store.exists():
            return None
        with self._store.reading() as connection:
            return budget.ceiling(connection)

    def set_daily_ceiling(self, credits: float | None) -> None:
        """Set what all front ends together may spend in a day, or take the ceiling away with None.

        Raises
        ------
        SettingError
            It is no number of credits.
        """
        credits = None if credits is None else read_ceiling(credits, "daily")
        with self._store.transaction() as connection:
            budget.set_ceiling(connection, credits)

    def spent_today(self) -> float:
        """Return what was spent today, with every key: billed, at risk, and set aside for requests on their way."""
        if not self._store.exists():
            return 0.0
        with self._store.reading() as connection:
            return budget.spent(connection, self._origin, self._clock())

    def left_today(self) -> float | None:
        """Return what may still be spent today, or None where nobody set a ceiling."""
        ceiling = self.daily_ceiling()
        return None if ceiling is None else max(0.0, ceiling - self.spent_today())

    def doubts(self, identifiers: Iterable[Identifier] | None = None) -> list[Doubt]:
        """Return what is in doubt, of these identifiers or of all."""
        scope = self._scope(create=False)
        if scope is None:
            return []
        with self._store.reading() as connection:
            found = purchases.all_doubts(connection, scope)
        if identifiers is None:
            return found
        keys = {identifier.key for identifier in identifiers}
        return [doubt for doubt in found if doubt.identifier.key in keys]

    # Book-keeping ----------------------------------------------------------------------------------------------

    def stats(self) -> dict[str, Any]:
        """Return what the file holds and what it cost, account by account."""
        with self._store.reading() as connection:
            found = bookkeeping.stats(connection, self._clock())
            ceiling = budget.ceiling(connection)
        return {"ledger": str(self.path), "bytes": self.path.stat().st_size, "daily_ceiling": ceiling, **found}

    def purchases(self, limit: int = 20) -> list[dict[str, Any]]:
        """Return the latest purchases of every account, the newest first."""
        with self._store.reading() as connection:
            return bookkeeping.purchases(connection, limit)

    def entries(self, identifiers: Iterable[Identifier] | None = None) -> Iterator[dict[str, Any]]:
        """Yield everything kept about these people, or about all."""
        keys = None if identifiers is None else [identifier.key for identifier in identifiers]
        with self._store.reading() as connection:
            yield from bookkeeping.entries(connection, keys)

    def forget(self, texts: Sequence[str], *, suppress: bool = False) -> dict[str, int]:
        """Take people out of every table and every byte of the file, by profile URL, e-mail or person id.

        Parameters
        ----------
        texts : sequence of str
        suppress : bool
            Never buy them again; only a salted digest of their identifiers is kept.
        """
        JobBook.forget_files(self._store.path)  # they are downloaded again where a job is still being read
        with self._store.transaction() as connection:
            return forgetting.forget(connection, texts, suppress=suppress, salt=salt_of(connection))

    def purge(self, older_than_s: float) -> dict[str, int]:
        """Take out every answer that is older."""
        with self._store.transaction() as connection:
            return bookkeeping.purge(connection, self._clock() - older_than_s)

    def verify(self) -> dict[str, Any]:
        """Check every page of the file and every answer in it."""
        with self._store.reading() as connection:
            return bookkeeping.verify(connection)

    def exists(self) -> bool:
        """Whether anything was written yet."""
        return self._store.exists()

    def set_aside_copies(self) -> list[Path]:
        """Return the files that an earlier ledger became when it was found damaged; nobody looks into them."""
        return sorted(self.path.parent.glob(f"{self.path.name}.damaged-*"))

    def has_left(self) -> bool:
        """Whether requests of this account are without an end."""
        scope = self._scope(create=False)
        if scope is None:
            return False
        with self._store.reading() as connection:
            return bool(purchases.left_open(connection, scope)) or any(aside.kept(self.path))

    def start_anew(self) -> Succession:
        """Put a damaged ledger out of the way and begin a new one.

        The standing ceiling, what was spent today and who is never stored are taken over where they can be read.

        Raises
        ------
        LedgerError
            A run is at work with it.
        """
        old = self._store.start_anew()
        if old is None or not old.exists():
            return Succession(None, is_complete=True)
        with self._store.transaction() as connection:
            return Succession(old, is_complete=take_over(connection, old, self._clock()))

    # Doubts ----------------------------------------------------------------------------------------------------

    def open_doubts(self) -> list[OpenDoubt]:
        """Return the requests of this account whose charge is unknown or whose answer is lost."""
        scope = self._scope(create=False)
        if scope is None:
            return []
        with self._store.reading() as connection:
            return purchases.open_doubts(connection, scope)

    def request_ids(self) -> set[str]:
        """Return the ids of every answered request of this account."""
        scope = self._scope(create=False)
        if scope is None:
            return set()
        with self._store.reading() as connection:
            rows = connection.execute(
                "SELECT request_id FROM purchases WHERE scope_id = ? AND request_id IS NOT NULL", (scope,)
            )
            return {row[0] for row in rows}

    def is_on_its_way(self, doubt: OpenDoubt) -> bool:
        """Whether the request has not ended: nobody waits for it, and its answer may still come."""
        return owners.is_on_its_way(self._store.owners, doubt.owner)

    def note_gone(self, doubts: Iterable[OpenDoubt], server_time: float) -> None:
        """Write down that these requests had surely left by then, where nothing earlier is known."""
        with self._store.transaction() as connection:
            purchases.note_gone(connection, [doubt.purchase_id for doubt in doubts], server_time)

    def free(self, doubt: OpenDoubt, *, credits: float | None) -> None:
        """Let the people of a doubt be bought; `credits` is what the lost answer cost, None if nobody knows."""
        with self._store.transaction() as connection:
            if not purchases.is_known_job(connection, doubt.purchase_id):  # its results may still be read
                purchases.drop_everybody(connection, doubt.purchase_id)
            state = "refused" if credits == 0 else "resent"
            purchases.close(connection, doubt.purchase_id, state, self._clock(), credits=credits, told=True)

    def lost(self, doubt: OpenDoubt, *, credits: float) -> None:
        """Write down that a request was billed although its answer never came."""
        with self._store.transaction() as connection:
            connection.execute(
                "UPDATE purchases SET credits = ?, told = 1, error = 'charged, and the answer is lost' "
                "WHERE purchase_id = ?",
                (credits, doubt.purchase_id),
            )

    # Buying ---------------------------------------------------------------------------------------------------

    def start(
        self, groups: frozenset[str], *, price: float, min_similarity_score: float | None = None, endpoint: str
    ) -> Run:
        """Begin a run of purchases: from here on this buyer's claims are honoured by every process."""
        scope = self._scope(create=True)
        assert scope is not None  # noqa: S101
        owner = Owner(self._store.owners)
        request = Request(scope, uuid.uuid4().hex, owner.id, endpoint, groups, price, min_similarity_score)
        run = Run(self._store, request, owner, self._clock)
        try:
            run.recover()
        except BaseException:
            run.close()
            raise
        return run

    def jobs(self, *, create: bool = True) -> JobBook | None:
        """Return the jobs of this account; None where `create` is off and nothing was written yet."""
        scope = self._scope(create=create)
        return None if scope is None else JobBook(self._store, scope, self._clock)

    def pace(self, endpoint: str) -> pace.SharedPace:
        """Return the pace that every process of this account keeps together."""
        scope = self._scope(create=True)
        assert scope is not None  # noqa: S101
        return pace.SharedPace(self._store, scope, endpoint)

    def _scope(self, *, create: bool) -> int | None:
        if not (create or self._store.exists()):
            return None
        opening = self._store.opening
        if self._scope_id is not None and opening is not None and opening == self._scope_of:
            return self._scope_id
        api_key = self._find_key()
        if api_key is None:
            return None
        with self._store.transaction() if create else self._store.reading() as connection:
            account = (self._origin, api_key.fingerprint(salt_of(connection)), self._api_version)
            if create:
                connection.execute(
                    "INSERT OR IGNORE INTO scopes (origin, key_fingerprint, api_version) VALUES (?, ?, ?)", account
                )
            row = connection.execute(
                "SELECT scope_id FROM scopes WHERE origin = ? AND key_fingerprint = ? AND api_version = ?", account
            ).fetchone()
        self._scope_id = None if row is None else int(row[0])
        self._scope_of = self._store.opening
        return self._scope_id
