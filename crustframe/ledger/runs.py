"""One buyer at work: claims, requests on their way, answers; every step is written down before the next."""

from __future__ import annotations

import sqlite3
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, NamedTuple

from crustframe.errors import LedgerError
from crustframe.ledger import aside, people, purchases
from crustframe.ledger.owners import Owner, is_alive, is_on_its_way
from crustframe.ledger.packing import pack
from crustframe.ledger.people import Known, Need, Outcome
from crustframe.ledger.purchases import Claim, Doubt, Purchase, Request
from crustframe.ledger.store import Store, salt_of
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Answer, Record


class Told(NamedTuple):
    """What the server said: the raw answer, its bill where it told one, its status and its number."""

    body: bytes
    credits: float | None
    http_status: int
    request_id: str | None


_DEAD: Final = "the process that bought it ended"


class Run:
    """One buyer at work. Close it when done: its claims are let go then, but for requests that are on their way."""

    def __init__(self, store: Store, request: Request, owner: Owner, clock: Callable[[], float]) -> None:
        self._store = store
        self._request = request
        self._owner = owner
        self._clock = clock
        self.id = request.run_id
        self._unended: set[int] = set()
        self._is_closed = False

    def close(self) -> None:
        """Let go of what was claimed and not sent."""
        try:
            with suppress(LedgerError), self._store.transaction() as connection:  # the dead hold no claim either
                purchases.release_unsent(connection, self._owner.id)
        finally:
            self._is_closed = True
            self._let_go()

    def ended(self, purchase: Purchase) -> None:
        """Take in that a request has ended, whichever way; the last one that nobody waited for lets the owner go."""
        self._unended.discard(purchase.purchase_id)
        self._let_go()

    def _let_go(self) -> None:
        if self._is_closed and not self._unended:
            self._owner.close()

    def recover(self) -> None:
        """Take over what dead buyers left: unsent claims go free, sent requests are in doubt, paid bytes are read."""
        self._take_in_kept()
        with self._store.reading() as connection:
            left_open = purchases.left_open(connection, self._request.scope_id)
        dead = {left.owner for left in left_open if not is_alive(self._store.owners, left.owner)}
        if not dead:
            return
        with self._store.transaction() as connection:
            for left in purchases.left_open(connection, self._request.scope_id):
                if left.owner not in dead:
                    continue
                match left.state:
                    case "waiting":
                        purchases.remove(connection, left.purchase_id)
                    case "sent":
                        purchases.close(connection, left.purchase_id, "in_doubt", self._clock(), error=_DEAD)
                    case "answered":
                        purchases.adopt(connection, left.purchase_id, self._owner.id)

    def ask_for(self, groups: frozenset[str], price: float) -> None:
        """Change what the purchases from here on ask for, and what they cost at most."""
        self._request = self._request._replace(groups=groups, price=price)

    def unread(self) -> list[tuple[Purchase, str, bytes, float | None]]:
        """Return paid answers that nobody has read yet, where they were bought, and what they cost."""
        with self._store.reading() as connection:
            return purchases.unread(connection, self._owner.id)

    def claim(
        self, offered: Sequence[Identifier], need: Need, *, size: int, may_resend: Callable[[Doubt], bool]
    ) -> Claim:
        """Claim up to `size` identifiers, written down before anything leaves."""

        def may(doubt: Doubt) -> bool:
            return not is_on_its_way(self._store.owners, doubt.owner) and may_resend(doubt)

        with self._store.transaction() as connection:
            return purchases.claim(
                connection, self._request, offered, need, size, self._clock(), may, salt_of(connection)
            )

    def sending(self, purchase: Purchase) -> bool:
        """Write down that the request leaves now: from here to the answer its charge is unknown.

        Returns
        -------
        bool
            False if the claim was let go meanwhile: then nothing may leave.
        """
        with self._store.transaction() as connection:
            return self.leaves(connection, purchase)

    def leaves(self, connection: sqlite3.Connection, purchase: Purchase) -> bool:
        """Write down the same within a transaction."""
        sent = connection.execute(
            "UPDATE purchases SET state = 'sent', sent_at = ?, attempts = attempts + 1 WHERE purchase_id = ?",
            (self._clock(), purchase.purchase_id),
        )
        return sent.rowcount == 1

    def asks(self, purchase: Purchase, groups: frozenset[str]) -> Purchase:
        """Write down that a request asks for other groups than when it was claimed."""
        with self._store.transaction() as connection:
            coverage = people.coverage_id(connection, groups)
            connection.execute(
                "UPDATE purchases SET coverage_id = ? WHERE purchase_id = ?", (coverage, purchase.purchase_id)
            )
        return purchase._replace(groups=groups)

    def uncharged(self, purchase: Purchase) -> None:
        """Write down that the last attempt surely cost nothing; the claim stays."""
        with self._store.transaction() as connection:
            connection.execute("UPDATE purchases SET state = 'waiting' WHERE purchase_id = ?", (purchase.purchase_id,))

    def answered(self, purchase: Purchase, told: Told) -> None:
        """Save the raw answer and its bill for whoever reads it later.

        Raises
        ------
        LedgerError
            The ledger cannot take it; it is kept in a file then, which the next run reads.
        """
        with self._kept_aside(purchase, told), self._store.transaction() as connection:
            self._take_bill(connection, purchase, told, zlib.compress(told.body, 1))

    def _take_bill(self, connection: sqlite3.Connection, purchase: Purchase, told: Told, packed: bytes | None) -> None:
        ours = connection.execute(
            "UPDATE purchases SET state = 'answered', body = ?, credits = ?, http_status = ?, request_id = ? "
            "WHERE purchase_id = ? AND owner = ?",
            (packed, told.credits, told.http_status, told.request_id, purchase.purchase_id, self._owner.id),
        )
        if not ours.rowcount:
            raise LedgerError("The ledger is another one now, which does not know this request.")

    @contextmanager
    def _kept_aside(self, purchase: Purchase, told: Told) -> Iterator[None]:
        """Keep the answer in a file if the ledger cannot take it."""
        try:
            yield
        except LedgerError as error:
            answer = aside.Kept(self._store.path, purchase.purchase_id, self._owner.id, *told)
            file = aside.keep(self._store.path, answer)
            if file is None:
                raise
            said = f"{error.message} What was paid for is kept in {file}."
            raise LedgerError(said, hint="the next run reads it, free.") from None

    def _take_in_kept(self) -> None:
        """Take in answers that the ledger could not take when they came, unless their buyer still works on them."""
        for answer in aside.kept(self._store.path):
            if is_alive(self._store.owners, answer.owner):
                continue
            with self._store.transaction() as connection:
                whose = (answer.purchase_id, answer.owner, self._request.scope_id)
                connection.execute(
                    "UPDATE purchases SET state = 'answered', owner = ?, body = ?, credits = ?, http_status = ?, "
                    "request_id = ? WHERE purchase_id = ? AND owner = ? AND scope_id = ? "
                    "AND state IN ('sent', 'in_doubt')",
                    (
                        self._owner.id,
                        zlib.compress(answer.body, 1),
                        answer.credits,
                        answer.http_status,
                        answer.request_id,
                        *whose,
                    ),
                )
                is_others = connection.execute(
                    "SELECT 1 FROM purchases WHERE purchase_id = ? AND owner = ? AND scope_id <> ?", whose
                ).fetchone()
            if is_others is None:
                answer.file.unlink(missing_ok=True)

    def settle(self, purchase: Purchase, answer: Answer, *, credits: float | None, told: Told | None = None) -> float:
        """Write down everybody who was answered; who was not stays in doubt. Returns when it was answered.

        With `told`, what the server said, the bill is taken in at the same time, and nothing is lost where the ledger
        cannot take it.
        """
        if told is None:
            return self._settle(purchase, answer, credits, None)
        with self._kept_aside(purchase, told):
            return self._settle(purchase, answer, credits, told)

    def _settle(self, purchase: Purchase, answer: Answer, credits: float | None, told: Told | None) -> float:
        outcomes = [
            _outcome(key, found, is_redacted=key in answer.redacted)
            for key, found in answer.matches.items()
            if key not in answer.holds
        ]
        outcomes += [(key, "queued", None) for key, reason in answer.failures.items() if reason == "queued"]
        by_groups = _by_groups(answer)
        is_whole = not answer.missing and not answer.unasked
        packed = None if told is None or is_whole else zlib.compress(told.body, 1)
        now = self._clock()
        with self._store.transaction() as connection:
            if told is not None:
                self._take_bill(connection, purchase, told, packed)
            self._save(purchase, outcomes, now)
            for groups, held in by_groups.items():
                self._save(purchase._replace(groups=groups), held, now)
            state = "in_doubt" if answer.missing else "done"
            error = "left out of the answer" if answer.missing else None
            purchases.drop_people(connection, purchase.purchase_id, [*answer.matches, *answer.failures])
            purchases.end_doubts(connection, self._request.scope_id, list(answer.matches), purchase.groups)
            matched = sum(bool(found) for found in answer.matches.values())
            purchases.close(
                connection, purchase.purchase_id, state, now, error=error, credits=credits, matched=matched, told=True
            )
            if is_whole and told is None:
                connection.execute("UPDATE purchases SET body = NULL WHERE purchase_id = ?", (purchase.purchase_id,))
        return now

    def refuse(self, purchase: Purchase, refused: Iterable[Identifier], error: str) -> None:
        """Write down that the request was refused and cost nothing, and who was the reason."""
        with self._store.transaction() as connection:
            now = self._clock()
            self._save(purchase, [(identifier.key, "refused", None) for identifier in refused], now)
            purchases.drop_people(connection, purchase.purchase_id, [i.key for i in purchase.identifiers])
            purchases.close(connection, purchase.purchase_id, "refused", now, error=error, credits=0.0)

    def doubt(
        self, purchase: Purchase, error: str, *, credits: float | None = None, gone_by: float | None = None
    ) -> None:
        """Write down that no answer came, and what it cost if that is known; the caller tells the user.

        `gone_by` is the server's time now, where one knows it: the request had surely left by then.
        """
        with self._store.transaction() as connection:
            purchases.note_gone(connection, [purchase.purchase_id], gone_by)
            purchases.close(
                connection, purchase.purchase_id, "in_doubt", self._clock(), error=error, credits=credits, told=True
            )

    def abandon(self, purchase: Purchase, error: str, *, gone_by: float | None = None) -> bool:
        """Write down that nobody waits for the answer any more; False if it has come."""
        with self._store.transaction() as connection:
            purchases.note_gone(connection, [purchase.purchase_id], gone_by)
            changed = connection.execute(
                "UPDATE purchases SET state = 'in_doubt', told = 1, error = ?, closed_at = NULL "
                "WHERE purchase_id = ? AND state = 'sent'",
                (error, purchase.purchase_id),
            )
            if changed.rowcount:
                self._unended.add(purchase.purchase_id)
            return changed.rowcount == 1

    def known(self, identifiers: Sequence[Identifier], need: Need) -> tuple[dict[str, Known], list[Identifier]]:
        """Return who was bought meanwhile, and who is still being bought by a living buyer."""
        self.recover()
        with self._store.reading() as connection:
            keys = [identifier.key for identifier in identifiers]
            known = people.find_known(
                connection, self._request.scope_id, keys, need, self._clock(), salt_of(connection)
            )
            busy = purchases.claimed(connection, self._request.scope_id, keys, need.groups)
        return known, [i for i in identifiers if i.key not in known and i.key in busy]

    def recall(self, identifiers: Iterable[Identifier], known: Mapping[str, Known], need: Need) -> Iterator[Record]:
        """Yield the records of the known ones."""
        with self._store.reading() as connection:
            yield from people.recall(connection, identifiers, known, need)

    def _save(self, purchase: Purchase, outcomes: Iterable[tuple[str, Outcome, bytes | None]], now: float) -> None:
        with self._store.reading() as connection:
            coverage = people.coverage_id(connection, purchase.groups)
            people.save(
                connection,
                self._request.scope_id,
                purchase.purchase_id,
                coverage,
                purchase.min_similarity_score,
                now,
                outcomes,
            )


Outcomes = list[tuple[str, Outcome, bytes | None]]


def _outcome(key: str, found: list[Any], *, is_redacted: bool) -> tuple[str, Outcome, bytes | None]:
    if is_redacted:
        return key, "redacted", None
    return (key, "matched", pack(found)) if found else (key, "no_match", None)


def _by_groups(answer: Answer) -> dict[frozenset[str], Outcomes]:
    """Return what is filed under other groups than were asked for."""
    found: dict[frozenset[str], Outcomes] = {}
    for key, holds in answer.holds.items():
        for groups, matches in holds:
            found.setdefault(groups, []).append((key, "matched", pack(matches)))
    return found
