"""The four functions, whichever program shows them: rows of cells in, rows of cells out.

A formula reads the ledger. People whom it does not know are bought only within the budget that the user armed, or
by the Buy command, which tells people and credits first.
"""

from __future__ import annotations

import functools
import logging
import time
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from typing import Concatenate, Final, ParamSpec

from crustframe.buying.plan import Plan
from crustframe.client import Client
from crustframe.errors import CrustframeError
from crustframe.fields import DEFAULT_FIELDS, catalogue, describe, read_paths
from crustframe.people.identifiers import Identifier, read_identifiers
from crustframe.settings.config import API_KEY_VARIABLE
from crustframe.verbs.lookup import LookUp, look_up
from crustframe.verbs.routed_question import refusal_of
from crustframe.wording import counted, noun, persons
from excel_addin.buying import Buying, Daily, Granted, Orders, Wanted, Wish, one_line
from excel_addin.cells import CellError, Grid, read_column, read_day, read_switch, read_texts, to_cell

ReadAhead = Callable[[], Iterable[tuple[object, object]]]
"""Gives the (identifier, fields) cells of the other one-cell formulas of a sheet."""

PATIENCE_S: Final = 40.0  # Excel offers to break off after 60 s (xlwings maintainers, issue 120)
_PAUSE_S: Final = 1.0  # calls closer together than this belong to one calculation

_log = logging.getLogger("excel_addin")
P = ParamSpec("P")


def _told_in_the_cell(
    function: Callable[Concatenate[Desk, P], Grid],
) -> Callable[Concatenate[Desk, P], Grid]:
    """Show what concerns a whole call as text in its cell; a cell has no other place for a sentence."""

    @functools.wraps(function)
    def told(desk: Desk, /, *args: P.args, **kwargs: P.kwargs) -> Grid:
        try:
            return function(desk, *args, **kwargs)
        except CrustframeError as error:
            return [[remark(one_line(error))]]
        except ValueError as error:
            return [[remark(f"{error}.")]]
        except Exception:  # noqa: BLE001  (the log tells it; a traceback has no place in a cell)
            number = uuid.uuid4().hex[:8]
            _log.exception("internal error %s", number)
            return [[remark(f"internal error {number}; the log of the add-in tells more.")]]
        finally:
            desk.calculation.left()

    return told


class Calculation:
    """One calculation of a sheet: many calls in a row, one patience and one failure between them.

    Parameters
    ----------
    patience_s : float
        How long all its calls together may wait for answers.
    clock : callable
        Seconds of a clock that never goes back.
    """

    def __init__(self, patience_s: float, clock: Callable[[], float]) -> None:
        self.patience_s = patience_s
        self._clock = clock
        self._left_at = float("-inf")
        self._ends_at = 0.0

    def entered(self) -> bool:
        """Note that a call came in; tell whether a new calculation began with it."""
        now = self._clock()
        is_new = now - self._left_at > _PAUSE_S
        if is_new:
            self._ends_at = now + self.patience_s
        self._left_at = now
        return is_new

    def left(self) -> None:
        """Note that a call was answered."""
        self._left_at = self._clock()

    @property
    def left_s(self) -> float:
        """Seconds of patience that remain."""
        return max(0.0, self._ends_at - self._clock())


class Desk:
    """Where formulas are answered: one for each process of a spreadsheet program.

    Parameters
    ----------
    client : Client
    patience_s : float
        How long one calculation may wait; what is not there by then comes with the next one, while the people go on
        being bought in the background.
    clock : callable
        Seconds of a clock that never goes back.
    """

    def __init__(
        self, client: Client, *, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.client = client
        self.calculation = Calculation(patience_s, clock)
        self._buying = Buying(client)
        self._daily = Daily(client.ledger)
        self._wanted = Wanted()
        self._surveying = False

    def close(self) -> None:
        """Finish the requests that have left; buy nothing more."""
        self._buying.close()
        self.client.close()

    # The functions -------------------------------------------------------------------------------------------

    @_told_in_the_cell
    def enrich(
        self,
        identifiers: object,
        fields: object = None,
        headers: object = None,
        refresh_token: object = None,
        *,
        read_ahead: ReadAhead | None = None,
    ) -> Grid:
        """Return the asked fields of every person, one row for each identifier.

        Parameters
        ----------
        identifiers : cells, n rows of one column or several
            Profile URLs or business e-mails, of each row the first that names somebody; blanks behind the last one do
            not count.
        fields : cells, optional
            Dot paths, separated by commas or in cells of their own.
        headers : cell, optional
            TRUE puts a row of names on top.
        refresh_token : cell, optional
            A date: answers from before that day (UTC) do not count.
        read_ahead : callable, optional
            What the other one-cell formulas of the sheet ask, so that they are bought in one go.

        Returns
        -------
        list of list, n (+ 1) x p
            ``#N/A`` is nobody there, ``#VALUE!`` no identifier, an empty text no value; a text that begins with
            ``CRUST:`` says why there is no answer yet.
        """
        asked = tuple(read_texts(fields)) or DEFAULT_FIELDS
        cells = read_column(identifiers)
        since = self._day(refresh_token)
        if self.calculation.entered():
            self._buying.forgive()
        found = self._look_up(cells, asked, since)
        if found.plan.new:
            self._wanted.add(Wish.of(found.paths, since), found.plan.new)
            ahead = read_ahead if len(cells) == 1 else None
            for orders in self._orders(found, since, ahead):
                self._buying.order(orders, self._daily)
                self._buying.start()
                self._buying.wait(found.plan.new, self.calculation.left_s)
                found = self._look_up(cells, asked, since)
                if not found.plan.new:
                    break
        return self._grid(found, with_headers=read_switch(headers))

    @_told_in_the_cell
    def cost(self, identifiers: object, fields: object = None) -> Grid:
        """Return the credits that the people not yet in the ledger may cost. Free."""
        self.calculation.entered()
        asked = tuple(read_texts(fields)) or DEFAULT_FIELDS
        return [[look_up(read_column(identifiers), asked, client=self.client).plan.credits_high]]

    @_told_in_the_cell
    def fields(self, filter: object = None) -> Grid:  # noqa: A002  (the word that people see in the function wizard)
        """Return what can be asked for: path, type and credits for one person. Free."""
        self.calculation.entered()
        found = [describe(field) for field in catalogue().search(" ".join(read_texts(filter)))]
        return [[row["path"], row["type"], row["credits"]] for row in found] or [[CellError.NA]]

    @_told_in_the_cell
    def status(self) -> Grid:
        """Return the state of the add-in: key, budget, what was spent today, what is on its way. Free."""
        self.calculation.entered()
        ceiling = self.client.ledger.daily_ceiling()
        return [
            ["API key", "set" if self.client.settings.api_key else "missing"],
            ["Budget a day, credits", "none armed" if ceiling is None else ceiling],
            ["Spent today (UTC), credits", self.client.ledger.spent_today()],
            ["People on their way", self._buying.n_pending],
            ["People in doubt", len(self.client.ledger.doubts())],
            ["Ledger", str(self.client.ledger.path)],
        ]

    # The Buy command -----------------------------------------------------------------------------------------

    def survey(self) -> None:
        """Let the formulas of the calculation that follows say whom they miss; nobody is bought meanwhile."""
        self._wanted.clear()
        self._surveying = True

    def offer(self) -> tuple[int, float]:
        """Return whom the formulas miss and what they may cost: people, credits at most."""
        self._surveying = False
        return self._wanted.people, self._wanted.credits

    @property
    def question(self) -> str:
        """What to ask before that is bought."""
        people, credits = self._wanted.people, self._wanted.credits
        missing, price = counted(people, "person is", "people are"), counted(credits, "credit")
        return f"{missing} not in the ledger yet. They may cost up to {price}. Buy them?"

    def buy(self, max_credits: float) -> str:
        """Buy those whom the last survey found, for at most `max_credits`; return a sentence about it."""
        self.client.settings.require_key()
        self._buying.forgive()
        granted = Granted(max_credits)
        orders = self._wanted.orders()
        people = [identifier for identifiers in orders.values() for identifier in identifiers]
        self._buying.order(orders, granted)
        self._buying.start()
        self._buying.wait(people, self.calculation.patience_s)
        said = [f"{counted(granted.spent, 'credit was', 'credits were')} spent."]
        if self._buying.fault:
            said.append(self._buying.fault)
        elif pending := self._buying.n_pending:
            said.append(f"{counted(pending, 'person is', 'people are')} on their way; recalculate later.")
        elif left := self._left_of(plans := {wish: self._look_up_people(wish, of).plan for wish, of in orders.items()}):
            ceiling = self.client.ledger.daily_ceiling()
            why = "" if ceiling is None else f"The budget of the day is {counted(ceiling, 'credit')}."
            refused = (one_line(refusal) for plan in plans.values() if (refusal := refusal_of(plan)))
            refusals = (self._why_refused(wish, found) for wish, found in orders.items())
            why = next(filter(None, [*refused, *refusals]), "") or why
            said.append(f"{counted(left, 'person was', 'people were')} not bought. {why}".strip())
        return " ".join(said)

    # Inside --------------------------------------------------------------------------------------------------

    def _day(self, refresh_token: object) -> float | None:
        day = read_day(refresh_token)
        if day is None:
            return None
        today = self.client.clock() // 86400 * 86400
        return min(day.timestamp(), today)  # with NOW() or a date to come, people would be bought at every calculation

    def _look_up(self, cells: Iterable[object], asked: tuple[str, ...], since: float | None) -> LookUp:
        age_s = None if since is None else self.client.clock() - since
        return look_up(cells, asked, max_age=age_s, no_match_age=age_s, client=self.client)

    @staticmethod
    def _left_of(plans: Mapping[Wish, Plan]) -> int:
        return sum(plan.n_new + len(plan.unavailable) for plan in plans.values())

    def _look_up_people(self, wish: Wish, people: Iterable[Identifier]) -> LookUp:
        return self._look_up([identifier.text for identifier in people], wish.fields, wish.since)

    def _may_buy(self, found: LookUp) -> bool:
        if self._surveying or self._buying.fault or self.client.settings.api_key is None:
            return False
        wish = Wish.of(found.paths, None)
        if all(self._buying.why_refused(wish, identifier) for identifier in found.plan.new):
            return False
        return self._daily.left() >= found.plan.price

    def _orders(self, found: LookUp, since: float | None, read_ahead: ReadAhead | None) -> Iterator[Orders]:
        """Yield what to buy: first with all that the sheet asks, then, should that be refused, for this cell alone."""
        own = Wish.of(found.paths, since)
        people = found.plan.new
        if read_ahead is not None and self._may_buy(found):
            wanted = Wanted()
            wanted.add(own, people)
            for cell, fields in read_ahead():
                with suppress(CrustframeError):
                    texts = tuple(read_texts(fields))
                    wish = Wish.of(read_paths(texts), since) if texts else own
                    wanted.add(wish, read_identifiers(read_column(cell)).unique)
            yield wanted.orders()
        if self._may_buy(found) and not self._buying.is_pending(people):
            yield {own: people}

    def _grid(self, found: LookUp, *, with_headers: bool) -> Grid:
        width = len(found.paths)
        grid: Grid = [[path.name for path in found.paths]] if with_headers else []
        missing: str | None = None
        for status, values in zip(found.statuses, found.values, strict=True):
            match status:
                case "matched":
                    grid.append([to_cell(value) for value in values])
                case "no_match":
                    grid.append([CellError.NA] * width)
                case "invalid":
                    grid.append([CellError.VALUE] * width)
                case "blank":
                    grid.append([""] * width)
                case "in_doubt":
                    grid.append([remark("in doubt: it may have been paid for, but no answer came.")] * width)
                case _:
                    missing = missing or remark(self._why_missing(found))
                    grid.append([missing] * width)
        return grid

    def _why_refused(self, wish: Wish, people: Iterable[Identifier]) -> str:
        return next(filter(None, (self._buying.why_refused(wish, identifier) for identifier in people)), "")

    def _why_missing(self, found: LookUp) -> str:
        if refusal := refusal_of(found.plan):
            return one_line(refusal)
        n, credits = found.plan.n_new, found.plan.credits_high
        to_buy = f"{persons(n)} to buy, at most {counted(credits, 'credit')}"
        if self.client.settings.api_key is None:
            return f"{to_buy}, but there is no API key. Run `crustframe key set`, or set {API_KEY_VARIABLE}."
        fault = self._buying.fault or self._why_refused(Wish.of(found.paths, None), found.plan.new)
        if fault:
            return f"{fault} {to_buy}."
        if self._buying.is_pending(found.plan.new):
            pending = counted(self._buying.n_pending, "person is", "people are")
            return f"loading, {pending} on their way. Recalculate later."
        ceiling = self.client.ledger.daily_ceiling()
        if not ceiling:
            return f"{to_buy}. Use the Buy command, or arm a budget with `crustframe budget --daily`."
        left = self._daily.left()
        if left >= found.plan.price:
            return f"{to_buy}; the API gave no answer about them. Recalculate to try again."
        left_today = f"{left:.12g} of {counted(ceiling, 'credit')} {noun(left, 'is', 'are')} left today"
        return f"{to_buy}, but {left_today}. Use the Buy command."


def remark(text: str) -> str:
    """Return a sentence as it stands in a cell."""
    return f"CRUST: {text}"
