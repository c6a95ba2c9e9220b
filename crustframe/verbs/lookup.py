"""What spreadsheets ask: one cell a thousand times from the ledger, and one purchase for all that is missing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from crustframe.buying.leftovers import read_everything_left
from crustframe.buying.plan import Plan
from crustframe.buying.purse import Bought
from crustframe.buying.terms import Terms
from crustframe.client import Client
from crustframe.fields import DEFAULT_FIELDS, Path
from crustframe.people.records import Status
from crustframe.settings.config import read_age
from crustframe.verbs.fallback import Rows
from crustframe.verbs.options import QuestionOptions
from crustframe.verbs.question import Fields, read_question
from crustframe.verbs.rounds import buy_in_rounds
from crustframe.verbs.routed_question import for_account
from crustframe.verbs.run import plan_run, recalled, table_of
from crustframe.verbs.signature import completed


@dataclass(frozen=True)
class LookUp:
    """What the ledger knows of a column, without pandas: spreadsheets ask for one cell a thousand times.

    Attributes
    ----------
    paths : tuple of Path, length p
    statuses : list of str, length n
        ``crust.status`` of every row; ``not_run`` is somebody whom the ledger does not know.
    values : list of list, n x p
        The same cells that :func:`enrich` gives; ``None`` where it gives ``<NA>``.
    plan : Plan
        Who is missing and what they may cost.
    """

    paths: tuple[Path, ...]
    statuses: list[Status]
    values: list[list[Any]]
    plan: Plan


def look_up(
    cells: Iterable[object],
    fields: Fields = DEFAULT_FIELDS,
    *,
    max_age: str | float | None = None,
    no_match_age: str | float | None = None,
    client: Client,
) -> LookUp:
    """Return what the ledger knows of a column. Opens no socket, costs nothing, writes nothing.

    Parameters
    ----------
    cells : iterable, n rows
        Blanks, repeats, other spellings and junk are welcome.
    fields : str, sequence of str, or mapping of new name to str, length p
    max_age, no_match_age : str or float, optional
        How old a stored person, and a stored "nobody there", may be; by default any age.
    client : Client
        Whose ledger.

    Returns
    -------
    LookUp

    Raises
    ------
    FieldError, LedgerError
        Something to mend first.
    """
    question = read_question(fields, completed(QuestionOptions, max_age=max_age))
    [part] = question.parts
    need = part.need._replace(no_match_age_s=read_age(no_match_age, "no_match_age"))
    question = replace(question, parts=(replace(part, need=need),))
    asked = for_account(question, client)
    rows = Rows([*cells])
    known, made = plan_run(client, rows, asked, "skip")
    table = table_of(rows.identifiers, asked)
    recalled(client, table, made, asked, known)
    statuses, values = table.rows()
    made_of = [path.name for part in asked.parts for path in part.paths]
    order = [made_of.index(path.name) for path in question.paths]
    return LookUp(question.paths, statuses, [[row[at] for at in order] for row in values], made)


def buy(
    cells: Iterable[object],
    fields: Fields = DEFAULT_FIELDS,
    *,
    max_credits: float,
    max_age: str | float | None = None,
    client: Client,
) -> Bought:
    """Buy the people of a column that the ledger does not know, as many as surely fit; nobody in doubt.

    Costs what :func:`enrich` costs. The answers are read with :func:`look_up`.

    Parameters
    ----------
    cells : iterable, n rows
    fields : str, sequence of str, or mapping of new name to str, length p
    max_credits : float
        Never passed.
    max_age : str or float, optional
        How old a stored person may be; by default any age.
    client : Client

    Returns
    -------
    Bought
        Calls and credits; ``stopped`` says why it ended early.

    Raises
    ------
    ConfigurationError, AuthenticationError, PermissionDeniedError, LedgerError, OfflineError
        Everything would be refused.
    """
    question = read_question(fields, completed(QuestionOptions, max_age=max_age))
    rows = Rows([*cells])
    read_everything_left(client)
    asked = for_account(question, client)
    asked.check()
    known, made = plan_run(client, rows, asked, "skip")
    terms = Terms(max_credits=max_credits, on_doubt="skip", wait=False)
    ask_anew = partial(for_account, question, client)
    _, outcome = buy_in_rounds(client, rows, asked, made, known, terms, "calls", table_of, ask_anew)
    return outcome.bought
