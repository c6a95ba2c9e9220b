"""Rows with several cells that name somebody: by which cell each row is asked, and by which next."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING

from crustframe.contract import BUSINESS_EMAIL, PROFILE_URL
from crustframe.people.identifiers import Identifier, Identifiers, read_identifiers
from crustframe.people.identity import LATER
from crustframe.wording import counted, persons

if TYPE_CHECKING:
    from crustframe.buying.plan import Plan
    from crustframe.client import Client
    from crustframe.columns.assembly import PeopleTable


@dataclass
class Rows:
    """By which cell each row is asked now.

    Attributes
    ----------
    cells : list of object, length n
    further : dict of int to list of object
        By row, the cells that come next where nobody is found.
    may_reject : bool
        Whether somebody who was found, and paid for, may count as nobody.
    free_mail : bool
        Whether free-mail addresses are asked about.
    counts : sequence of int, optional
        How many rows of the user's own each row stands for.
    """

    cells: list[object]
    further: dict[int, list[object]] = field(default_factory=dict)
    may_reject: bool = False
    free_mail: bool = False
    counts: Sequence[int] | None = None

    @classmethod
    def of(
        cls,
        choices: Sequence[Sequence[object]],
        *,
        may_reject: bool = False,
        free_mail: bool = False,
        counts: Sequence[int] | None = None,
    ) -> Rows:
        """Begin with the first cell of each row."""
        further = {row: [*cells[1:]] for row, cells in enumerate(choices) if len(cells) > 1}
        return cls([cells[0] for cells in choices], further, may_reject, free_mail, counts)

    def only(self, rows: Sequence[int] | None) -> Rows:
        """Return some of the rows; `None` is all."""
        if rows is None:
            return self
        further = {n: self.further[row] for n, row in enumerate(rows) if row in self.further}
        counts = self.counts and [self.counts[row] for row in rows]
        return replace(self, cells=[self.cells[row] for row in rows], further=further, counts=counts)

    def first(self, limit: int | None, takes: Callable[[Identifier], bool]) -> tuple[Rows, Rows]:
        """Return the rows with all but the first people whom it can be asked about left for later, and those left."""
        if limit is None:
            return self, Rows([])
        read, n_seen, beyond = self.identifiers, 0, set()
        for place, identifier in enumerate(read.unique):
            n_seen += (is_counted := takes(identifier))
            if is_counted and n_seen > limit:
                beyond.add(place)
        later = {row for row, place in enumerate(read.per_row) if place in beyond}
        cells = [LATER if row in later else cell for row, cell in enumerate(self.cells)]
        further = {row: cells for row, cells in self.further.items() if row not in later}
        return replace(self, cells=cells, further=further), self.only(sorted(later))

    @cached_property
    def identifiers(self) -> Identifiers:
        """Who is asked about."""
        return replace(read_identifiers(self.cells, free_mail=self.free_mail), counts=self.counts)

    def has_further(self, keys: Collection[str]) -> bool:
        """Whether a row of one of these people can still go on."""
        return any(self._key(row) in keys for row in self.further)

    def go_on(self, table: PeopleTable, unavailable: Collection[str] = ()) -> bool:
        """Let rows whose person is nobody, or cannot be asked about, go on to their next cell; whether any did."""
        nobody = {
            identifier.key
            for identifier, status in zip(table.identifiers.unique, table.statuses, strict=True)
            if status == "no_match" or identifier.key in unavailable
        }
        rows = [row for row in self.further if self._key(row) in nobody]
        for row in rows:
            self.cells[row] = self.further[row].pop(0)
            if not self.further[row]:
                del self.further[row]
        if rows:
            del self.identifiers
        return bool(rows)

    def with_further(self, client: Client, plan: Plan, plan_people: Callable[[Identifiers], Plan]) -> Plan:
        """Return the plan with what next cells may cost; who is found is paid for once a row, unless it may reject."""
        if not self.further:
            return plan
        first = {identifier.key for identifier in plan.new}
        paid: dict[str, float] = {}
        for errand in (errand for errand in plan.errands if not errand.is_step):
            for person in errand.people:
                for key in errand.stands_for.get(person.key, (person.key,)):
                    paid[key] = paid.get(key, 0.0) + errand.way.price(client)
        dearest = self._prices(plan_people)
        behind: dict[str, set[str]] = {}
        for row, cells in self.further.items():
            who = self._key(row)
            if who is not None and who in first:
                found = {identifier.key for identifier in read_identifiers(cells).unique}
                behind.setdefault(who, set()).update(found & dearest.keys() - first)
        more = sum(
            max(0.0, sum(dearest[key] for key in keys) - (0.0 if self.may_reject else paid.get(who, 0.0)))
            for who, keys in behind.items()
        )
        people = set().union(*behind.values())
        if not people:
            return plan
        note = f"where nobody is found, rows go on to their next cell: up to {persons(len(people))} more"
        return replace(
            plan,
            credits_high=plan.credits_high + more,
            credits_by_group={**plan.credits_by_group} | ({"next cells": more} if more else {}),
            notes=(*plan.notes, f"{note}, {counted(more, 'credit')} of the highest figure" if more else note),
        )

    def _prices(self, plan_people: Callable[[Identifiers], Plan]) -> dict[str, float]:
        """Return what each new person of the next cells costs at most."""
        cells = [*chain.from_iterable(self.further.values())]
        read = read_identifiers(cells)
        prices: dict[str, float] = {}
        for kind in (PROFILE_URL, BUSINESS_EMAIL):
            texts = [identifier.text for identifier in read.unique if identifier.kind == kind]
            plan = plan_people(read_identifiers(texts))
            prices |= {i.key: max(plan.price, plan.credits_high / plan.n_new) for i in plan.new}
        return prices

    def _key(self, row: int) -> str | None:
        at = self.identifiers.per_row[row]
        return self.identifiers.unique[at].key if at >= 0 else None
