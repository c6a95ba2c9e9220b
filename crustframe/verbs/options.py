"""What a user may say to the verbs, each option once: its type, its default, its meaning, and its flag in the shell.

The classes are what type checkers read (PEP 692); :mod:`crustframe.verbs.signature` makes signatures and docstrings of
them, and :mod:`crustframe.shell.flags` the flags of the shell. A new option is one entry here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypedDict

from crustframe.api.surfaces import Api
from crustframe.buying.progress import ProgressCallback
from crustframe.buying.routes import Route
from crustframe.buying.terms import OnDoubt
from crustframe.client import Client
from crustframe.columns.assembly import Provenance
from crustframe.fields import Keep, Reduction
from crustframe.people.verdict import MinVerdict

ContactProvenance = Literal["none", "status"]
Errors = Literal["coerce", "raise"]
Only = Literal["all", "missing", "failed", "stale"]
Prices = Literal["list", "account"]


@dataclass(frozen=True)
class Flag:
    """How the shell takes an option.

    Attributes
    ----------
    help : str
    default : str, optional
        What the help shows as the default.
    type : type, optional
        Where it is another one than in Python.
    read : callable, optional
        Makes of that what Python takes.
    """

    help: str
    default: str | None = None
    type: Any = None
    read: Callable[[Any], Any] | None = None


@dataclass(frozen=True)
class Option:
    """One option.

    Attributes
    ----------
    default : Any
    doc : str
        For docstrings.
    flag : Flag, optional
        ``None``: the shell has none.
    type : str, optional
        Its type in the words of numpydoc, where the annotation says it less well.
    """

    default: Any
    doc: str
    flag: Flag | None = None
    type: str | None = None


def _age(text: str) -> str | None:
    return None if text.strip().lower() == "none" else text


class Aged(TypedDict, total=False):
    """How old an answer may be."""

    max_age: Annotated[
        str | float | None,
        Option(
            "30d",
            'How old a stored answer may be: ``"30d"``, ``"12h"``, seconds, or ``None`` for any age. ``0`` buys '
            'everybody anew. "Nobody there" is believed for 7 days at most.',
            Flag("How old a stored answer may be: 30d, 12h, or none.", type=str, read=_age),
            type="str or float, optional",
        ),
    ]


class OfPaths(TypedDict, total=False):
    """Whose paths are meant, and what a list becomes."""

    api: Annotated[
        Api,
        Option(
            "person",
            "Which surface to ask: ``POST /person/enrich``, or the legacy ``GET /screener/person/enrich`` with its "
            "own paths and prices (3 credits a person, 5 with `enrich_realtime`, 2 for business e-mails), which the"
            " vendor is retiring. Answers of one never pass for answers of the other. People whom the legacy "
            "surface has queued are ``failed`` with the reason ``queued``, cost nothing, and are asked for again "
            "after 60 minutes.",
            Flag("person, or screener for the legacy surface, with its own paths and prices."),
        ),
    ]
    lists: Annotated[
        Reduction,
        Option("join", "How a list becomes a cell, where a path does not say.", Flag("How a list becomes a cell.")),
    ]


class OfSurface(OfPaths, total=False):
    """Which surface is asked, and how."""

    min_similarity_score: Annotated[
        float | None,
        Option(
            None,
            "For e-mails, 0 to 1: candidates below it are neither returned nor charged (on the legacy surface they "
            "are charged, and left out here).",
            Flag("For e-mails: candidates below it (0 to 1) are neither returned nor charged."),
        ),
    ]
    free_mail: Annotated[
        bool,
        Option(
            False,
            "Ask about free-mail addresses such as ``gmail.com`` too, at ``POST /person/identify`` (1 credit for each "
            "found, and the profile behind it where `fields` need one). Without it they are ``invalid``: person enrich "
            "refuses everybody in a request for one of them.",
            Flag("Ask about free-mail addresses too, where the account has identify: 1 credit for who is found."),
        ),
    ]
    force_fetch: Annotated[
        bool,
        Option(
            False,
            "Ask for a fresh fetch. The vendor leaves the effect open; stored answers of plain requests do not "
            "count then.",
            Flag("Ask for a fresh fetch, as far as the API does it."),
        ),
    ]
    enrich_realtime: Annotated[
        bool,
        Option(
            False,
            "Ask for realtime data, under the same conditions.",
            Flag("Ask for realtime data, as far as the API does it."),
        ),
    ]
    preview: Annotated[
        bool,
        Option(
            False,
            "Basic profile only, 0 credits; the vendor grants it per account.",
            Flag("Basic profile only, 0 credits, where the account has it."),
        ),
    ]


class Judged(TypedDict, total=False):
    """Which candidates count."""

    min_verdict: Annotated[
        MinVerdict | None,
        Option(
            None,
            "Leave out candidates whose verdict is worse (see :mod:`crustframe.people.verdict`); whoever has no "
            "other is ``no_match`` with the reason ``below_verdict``. What was paid stays in the ledger.",
            Flag("Leave out matches whose verdict is worse.", "none"),
        ),
    ]


class Spending(TypedDict, total=False):
    """What may be spent, and on whom again."""

    max_credits: Annotated[
        float | None,
        Option(
            None,
            "Ceiling for this call, in credits. ``None``: that of :func:`crustframe.set_ceiling`, of "
            "``CRUSTFRAME_MAX_CREDITS`` or of the settings file; without any, a run that may cost more than 100 "
            "credits is refused.",
            Flag("Ceiling in credits; never passed.", "none"),
        ),
    ]
    partial: Annotated[
        bool,
        Option(
            False,
            "Buy what surely fits under the ceiling; the rest is ``not_run``.",
            Flag("Buy what surely fits under the ceiling."),
        ),
    ]
    on_doubt: Annotated[
        OnDoubt,
        Option(
            "ask",
            'People whose earlier request got no complete answer: leave them in doubt ("ask" and "skip"; "ask" '
            "still finishes a run that was killed), or buy them again, each at most once a run.",
            Flag("People whose earlier request got no answer: ask, buy them again, or leave them."),
        ),
    ]


class Limited(TypedDict, total=False):
    """How many people are looked up."""

    limit: Annotated[
        int | None,
        Option(
            None,
            "Look up the first so many people of the column; the rows of everybody else are ``not_run`` with the "
            "reason ``limit``, or stay as they are with `only`, and the receipt says what they would cost at most.",
            Flag("Look up the first so many people alone; the receipt says what the rest would cost.", "all"),
        ),
    ]


class Routed(TypedDict, total=False):
    """What is bought beside, and which way."""

    keep: Annotated[
        Keep,
        Option(
            "all",
            "Ask for every group that the base credit covers, so that later columns are free, or only for what "
            "`fields` need.",
            Flag("Ask for all groups of the base credit, or only for what fields need."),
        ),
    ]
    route: Annotated[
        Route,
        Option(
            "auto",
            "Calls of 25 at the account's pace, or jobs of up to 10,000 whose results are fetched when they are "
            "done; by default what ends first, told in the plan. The columns are the same, but for "
            "``crust.confidence_score``, which is ``<NA>`` for what a job brought. E-mails with a "
            "`min_similarity_score` never go by job.",
            Flag("Calls of 25, jobs of up to 10,000, or what ends first; the plan says why."),
        ),
    ]


class OfRows(TypedDict, total=False):
    """Which rows of a frame are looked up."""

    only: Annotated[
        Only,
        Option(
            "all",
            "On a frame that has the columns already: look up every row, or only rows with an empty asked cell, "
            "rows that failed, are in doubt or were not run, or rows whose stored person is older than `max_age`. "
            "All other cells stay as they are.",
            Flag("In a table that has the columns: all rows, rows with empty cells, rows that failed, stale ones."),
        ),
    ]


class OfColumns(TypedDict, total=False):
    """How several columns of identifiers are used."""

    fallback: Annotated[
        bool,
        Option(
            False,
            "Of several columns, go on to a row's next cell that names somebody else where nobody was found by the "
            "cell before it, or its match was below `min_verdict`. The plan's highest figure counts it.",
            Flag("Of several columns: go on to a row's next cell where nobody was found."),
        ),
    ]


class Priced(TypedDict, total=False):
    """How a plan reckons."""

    prices: Annotated[
        Prices,
        Option(
            "list",
            "Reckon with the published limits, or ask ``GET /account/endpoints`` (free) at which pace this account "
            "may ask and which fields it lacks, and ``GET /account/usage/events`` (free) what the parts of its "
            "latest bills were. Credits come from the price list, or from what this account was billed before.",
            Flag("Published limits, or ask the account (free)."),
        ),
    ]


class OfFailures(TypedDict, total=False):
    """What a failure does."""

    errors: Annotated[
        Errors,
        Option(
            "coerce",
            "Finish and tell row by row, or stop at the first batch that fails. A wrong key, an unknown field and a"
            " missing column always raise.",
            Flag("Finish and tell row by row, or stop at a failure."),
        ),
    ]


class Told(TypedDict, total=False):
    """What is told of a row."""

    provenance: Annotated[
        Provenance,
        Option(
            "status",
            'Which ``crust.`` columns come along; ``"full"`` has ``crust.match_verdict`` and ``crust.match_reasons``.',
            Flag("Which crust. columns come along."),
        ),
    ]


class ToldOfContacts(TypedDict, total=False):
    """What is told of a row about contacts."""

    provenance: Annotated[
        ContactProvenance,
        Option(
            "status",
            'Whether ``crust.status`` comes along; "none" for a frame that has one from :func:`crustframe.enrich`.',
            Flag("Whether crust.status comes along."),
        ),
    ]


class Replacing(TypedDict, total=False):
    """What becomes of columns that are there already."""

    overwrite: Annotated[
        bool,
        Option(False, "Replace columns that exist already.", Flag("Replace columns that exist already.")),
    ]


class Running(TypedDict, total=False):
    """How a run goes."""

    wait: Annotated[
        bool,
        Option(
            True,
            "Wait for jobs. Without it their people are ``not_run`` until their results are fetched "
            "(``crustframe.jobs.collect``, ``crustframe jobs wait``) and the same is run again, at 0 credits.",
            Flag("Wait for jobs, or print a ticket and write no table."),
        ),
    ]
    webhook_url: Annotated[
        str | None,
        Option(
            None,
            "Whom the API tells when a job ends; see ``crustframe jobs listen``.",
            Flag("Whom the API tells when a job ends; see `crustframe jobs listen`."),
        ),
    ]
    chunk_size: Annotated[
        int | None,
        Option(
            None,
            "How many people of a job the API works on at a time, 10 to 1000; by default its own choice, 100.",
            Flag("People of a job worked on at a time, 10 to 1000.", "the API's, 100"),
        ),
    ]
    progress: Annotated[
        bool | ProgressCallback | None,
        Option(
            None,
            "A line on stderr, or a callable that takes :class:`~crustframe.buying.progress.Progress`. Default: "
            "when somebody watches.",
            Flag("A line on stderr.", "on a terminal", type=bool | None),
            type="bool or callable, optional",
        ),
    ]


class Verified(TypedDict, total=False):
    """What contacts alone take."""

    verified: Annotated[
        bool,
        Option(
            False,
            "Let the API check business addresses anew.",
            Flag("Check business addresses anew, +0.5 credits."),
        ),
    ]


class OfClient(TypedDict, total=False):
    """Whom to ask."""

    client: Annotated[Client | None, Option(None, "Whom to ask; by default the one configured in the environment.")]


# What each verb takes, in the order of its signature ----------------------------------------------------------------


class RunOptions(Spending, Running):
    """On which terms a run buys."""


class QuestionOptions(Aged, OfSurface):
    """What is asked about everybody."""


class EnrichOptions(
    Spending,
    Limited,
    OfFailures,
    QuestionOptions,
    Judged,
    Routed,
    OfRows,
    OfColumns,
    Told,
    Replacing,
    Running,
    OfClient,
):
    """What :func:`crustframe.enrich` takes."""


class SeriesEnrichOptions(Spending, Limited, OfFailures, QuestionOptions, Judged, Routed, Told, Running, OfClient):
    """What ``series.crust.enrich`` takes."""


class PlanOptions(Spending, Limited, QuestionOptions, Judged, Routed, OfRows, OfColumns, Priced, OfClient):
    """What :func:`crustframe.plan` takes."""


class SeriesPlanOptions(Spending, Limited, QuestionOptions, Routed, Priced, OfClient):
    """What ``series.crust.plan`` takes."""


class MatchesOptions(QuestionOptions, Judged, OfClient):
    """What :func:`crustframe.matches` takes."""


class ContactOptions(Spending, Limited, Verified, Aged, ToldOfContacts, Replacing, Running, OfClient):
    """What :func:`crustframe.contacts` takes."""


class SeriesContactOptions(Spending, Limited, Verified, Aged, ToldOfContacts, Running, OfClient):
    """What ``series.crust.contacts`` takes."""


class ContactPlanOptions(Spending, Limited, Verified, Aged, OfClient):
    """What :func:`crustframe.plan_contacts` takes."""


class SqlOptions(Spending, QuestionOptions, Judged, Routed, Told, OfClient):
    """What :func:`crustframe.duckdb.register` takes."""


class SchemaOptions(OfPaths):
    """What :func:`crustframe.schema` takes."""
