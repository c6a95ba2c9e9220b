"""What a refused call is about: people whom it names, or the request whoever is in it.

A refusal is about people only if the answer names them, or if the same request went through without them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Final, NamedTuple

from crustframe import contract
from crustframe.api.options import Options
from crustframe.buying.desk import Desk
from crustframe.buying.purse import Purse
from crustframe.buying.ways import Calls
from crustframe.errors import BadRequestError
from crustframe.ledger import Purchase
from crustframe.people.identifiers import Identifier
from crustframe.people.records import Record

_REFUSALS: Final = 11  # one culprit among 25 takes at most ten refusals in a row to find
_REFUSALS_OF_A_BATCH: Final = 2 * contract.MAX_IDENTIFIERS - 1  # halves of a batch in which everybody is refused


class _Form(NamedTuple):
    """How a request asks, whoever it is about."""

    kind: contract.IdentifierKind
    way: Calls


class _Suspect(NamedTuple):
    """Somebody in a refused request, as long as nothing proves that they are the reason."""

    purchase: Purchase
    error: BadRequestError
    form: _Form


class Refusals:
    """Finds out whom the refusals of one queue are about, and asks again for everybody else.

    Parameters
    ----------
    desk : Desk
    purse : Purse
        Its lock is held wherever something changes here.
    on_record : callable
    """

    def __init__(self, desk: Desk[Calls], purse: Purse, on_record: Callable[[Record], None]) -> None:
        self._desk = desk
        self._purse = purse
        self._on_record = on_record
        self._in_a_row: Counter[contract.IdentifierKind] = Counter()
        self._accepted: set[_Form] = set()
        self._suspects: list[_Suspect] = []
        self._kinds: dict[contract.IdentifierKind, BadRequestError] = {}

    def repair(self, purchase: Purchase, error: BadRequestError, way: Calls) -> None:
        """Take in a refusal of a request that asked in this way."""
        if error.available_fields:  # true of whoever is asked about
            raise error
        culprits = _named_by(error, purchase.identifiers)
        self._desk.run.refuse(purchase, culprits, str(error.message))
        form = _Form(purchase.identifiers[0].kind, way)
        with self._purse.changed:
            if culprits:
                self._tell_refused(culprits, error)
                guilty = {identifier.key for identifier in culprits}
                self._desk.put_back(i for i in purchase.identifiers if i.key not in guilty)
                return
            if way != self._desk.way:  # another worker asks for less by now
                self._desk.put_back(purchase.identifiers)
                return
            self._in_a_row[form.kind] += 1
            is_refused = error.about_parameters or form.kind in self._kinds
            if len(purchase.identifiers) == 1 or is_refused:
                self._suspects.append(_Suspect(purchase, error, form))
            else:
                self._desk.put_back(purchase.identifiers, halve=True)
            at_most = _REFUSALS_OF_A_BATCH if form in self._accepted else _REFUSALS
            if is_refused or self._in_a_row[form.kind] > at_most:
                self._refuse_the_kind(form.kind, error)

    def accept(self, purchase: Purchase, way: Calls) -> None:
        """Note that a request asked in this way went through: whoever was refused alone is the reason after all."""
        form = _Form(purchase.identifiers[0].kind, way)
        with self._purse.changed:
            self._in_a_row[form.kind] = 0
            self._accepted.add(form)
            self._convict(form)

    def ask_again(self) -> None:
        """Ask again for whoever was refused alone while more was asked for."""
        with self._purse.changed:
            for suspect in [s for s in self._suspects if s.form.way != self._desk.way]:
                self._suspects.remove(suspect)
                self._desk.put_back(suspect.purchase.identifiers)

    def settle(self) -> BadRequestError | None:
        """Say at the end of whoever was refused alone whether it was for them; return the refusal of the request."""
        with self._purse.changed:
            for form in self._accepted:
                self._convict(form)
            self._acquit(list(self._suspects))
            return self.about_the_request() if self._kinds else None

    def about_the_request(self) -> BadRequestError:
        """Return the refusal as one of the request, which says nothing about the people in it."""
        error = next(iter(self._kinds.values()))
        said = str(error.message)
        if self._purse.bought.credits_committed:
            said = said.replace("Nothing was charged", "This request was not charged")
        return BadRequestError(
            f"{said} It is about the request, not about anybody in it.",
            about_parameters=True,
            hint=_hint_at(self._kinds.keys(), self._desk.way.options),
            status=error.status,
            request_id=error.request_id,
        )

    @property
    def lacking(self) -> dict[tuple[str, str], bool]:
        """What the account lacks, as these refusals tell it: the flags that were sent, else identifiers of a kind."""
        options = self._desk.way.options
        if options.flags:
            return {(options.path, flag): False for flag in options.flags if self._kinds}
        kinds = {contract.REQUEST_KEYS[kind] for kind in self._kinds if kind == contract.BUSINESS_EMAIL}
        return {(options.path, name): False for name in kinds}

    @property
    def has_refused_kinds(self) -> bool:
        """Whether some identifiers are asked about no more."""
        return bool(self._kinds)

    def _convict(self, form: _Form) -> None:
        for suspect in [s for s in self._suspects if s.form == form and len(s.purchase.identifiers) == 1]:
            self._suspects.remove(suspect)
            self._desk.run.refuse(suspect.purchase, suspect.purchase.identifiers, str(suspect.error.message))
            self._tell_refused(suspect.purchase.identifiers, suspect.error)

    def _refuse_the_kind(self, kind: contract.IdentifierKind, error: BadRequestError) -> None:
        """Ask no more about such identifiers."""
        self._kinds.setdefault(kind, error)
        self._tell_request_refused(self._desk.take_out(kind), error)
        self._acquit([suspect for suspect in self._suspects if suspect.form.kind == kind])

    def _acquit(self, suspects: Iterable[_Suspect]) -> None:
        for suspect in suspects:
            self._suspects.remove(suspect)
            self._kinds.setdefault(suspect.form.kind, suspect.error)
            self._tell_request_refused(suspect.purchase.identifiers, suspect.error)

    def _tell_refused(self, culprits: Iterable[Identifier], error: BadRequestError) -> None:
        for identifier in culprits:
            self._on_record(Record(identifier.key, "invalid", request_id=error.request_id, reason="refused_by_server"))

    def _tell_request_refused(self, people: Iterable[Identifier], error: BadRequestError) -> None:
        for identifier in people:
            self._on_record(Record(identifier.key, "failed", request_id=error.request_id, reason="request_refused"))


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
