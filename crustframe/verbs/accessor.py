"""``df.crust`` and ``series.crust``, in pandas and in Polars: one way in. Holds the data and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Generic, TypeVar, Unpack

from crustframe.buying.plan import Plan
from crustframe.client import Client
from crustframe.columns.frames import Column
from crustframe.fields import DEFAULT_FIELDS
from crustframe.verbs import options as of
from crustframe.verbs.changes import changes
from crustframe.verbs.contact_question import KINDS, Kinds
from crustframe.verbs.contacts import contacts, plan_contacts
from crustframe.verbs.enrichment import enrich, matches, plan
from crustframe.verbs.question import Fields
from crustframe.verbs.signature import takes

Frame = TypeVar("Frame")
"""``pandas.DataFrame``, ``polars.DataFrame`` or ``polars.LazyFrame``."""


class DataFrameCrust(Generic[Frame]):
    """Columns about the people of a column, as ``df.crust``; what comes back is of the kind of `df`.

    Holds the frame and nothing else: pandas 2 keeps one accessor per frame and pandas 3 builds one at each
    ``df.crust``, so remembered state would go stale in one and vanish in the other.
    """

    def __init__(self, frame: Frame) -> None:
        self._frame: Any = frame

    @takes(of.EnrichOptions)
    def enrich(self, column: Column, fields: Fields = DEFAULT_FIELDS, **options: Unpack[of.EnrichOptions]) -> Frame:
        """Return a copy with one new column per field: same rows, same index, same order.

        Costs 1 to 7 credits per newly matched person; known people, repeats and nobody found are free.

        Parameters
        ----------
        column : hashable or list of hashable
            Which column holds profile URLs or business e-mails.
        fields : str, sequence of str, or mapping of new name to str
            As :func:`crustframe.enrich` takes them.
        **options

        Returns
        -------
        frame
            ``crust.status`` says in every row what happened. For the receipt use :func:`crustframe.enrich`.

        Raises
        ------
        CrustframeError
            As :func:`crustframe.enrich` raises.

        Examples
        --------
        >>> import pandas as pd, crustframe
        >>> leads = pd.DataFrame({"url": ["linkedin.com/in/avery-example", ""]})
        >>> with crustframe.sandbox() as sandbox:
        ...     found = leads.crust.enrich("url", ["crustdata_person_id as id"], client=sandbox.client)
        >>> found["crust.status"].tolist()
        ['matched', 'blank']
        """
        found: Frame = enrich(self._frame, column, fields, **options).frame
        return found

    @takes(of.PlanOptions)
    def plan(self, column: Column, fields: Fields = DEFAULT_FIELDS, **options: Unpack[of.PlanOptions]) -> Plan:
        """Return what :meth:`enrich` with the same arguments would send and cost. Opens no socket, costs nothing.

        Parameters
        ----------
        column : hashable or list of hashable
            Which column holds profile URLs or business e-mails.
        fields : str, sequence of str, or mapping of new name to str
            As :func:`crustframe.plan` takes them.
        **options

        Returns
        -------
        Plan

        Raises
        ------
        BudgetError
            It may cost more than `max_credits`.
        """
        return plan(self._frame, column, fields, **options)

    @takes(of.MatchesOptions)
    def matches(self, column: Column, fields: Fields = DEFAULT_FIELDS, **options: Unpack[of.MatchesOptions]) -> Frame:
        """Return every candidate that :meth:`enrich` bought, one row each, best first. From the ledger; 0 credits.

        Parameters
        ----------
        column : hashable or list of hashable
            Which column holds profile URLs or business e-mails.
        fields : str, sequence of str, or mapping of new name to str
            As :func:`crustframe.matches` takes them.
        **options

        Returns
        -------
        frame, one row per candidate
        """
        found: Frame = matches(self._frame, column, fields, **options)
        return found

    @takes(of.ContactOptions)
    def contacts(self, column: Column, kinds: Kinds = KINDS, **options: Unpack[of.ContactOptions]) -> Frame:
        """Return a copy with business e-mails, personal e-mails and phone numbers as columns.

        Costs 1, 2 and 2 credits for whoever has them; no base credit, and what the ledger holds is free.

        Parameters
        ----------
        column : hashable or list of hashable
            Which column holds profile URLs.
        kinds : str or sequence of str
            As :func:`crustframe.contacts` takes them.
        **options

        Returns
        -------
        frame
            With ``wait=False`` people whose job is under way are ``not_run``; :func:`crustframe.contacts` hands back
            the ticket too.
        """
        found: Frame = contacts(self._frame, column, kinds, **options).frame
        return found

    @takes(of.ContactPlanOptions)
    def plan_contacts(self, column: Column, kinds: Kinds = KINDS, **options: Unpack[of.ContactPlanOptions]) -> Plan:
        """Return what :meth:`contacts` with the same arguments would send and cost. Opens no socket, costs nothing.

        Parameters
        ----------
        column : hashable or list of hashable
            Which column holds profile URLs.
        kinds : str or sequence of str
            As :func:`crustframe.contacts` takes them.
        **options

        Returns
        -------
        Plan
        """
        return plan_contacts(self._frame, column, kinds, **options)

    def changes(self, column: Column, fields: Fields | None = None, *, client: Client | None = None) -> Frame:
        """Return what changed about these people each time they were bought anew. From the ledger, 0 credits.

        Parameters
        ----------
        column : hashable or list of hashable
        fields, client
            As :func:`crustframe.changes` takes them.

        Returns
        -------
        frame
            One row for each person and path: ``identifier``, ``path``, ``old``, ``new``, ``changed_at``.
        """
        found: Frame = changes(self._frame, column, fields, client=client)
        return found


class SeriesCrust:
    """Columns about the people of a series, as ``series.crust``."""

    def __init__(self, series: Any) -> None:
        self._series = series

    @takes(of.SeriesEnrichOptions)
    def enrich(self, fields: Fields = DEFAULT_FIELDS, **options: Unpack[of.SeriesEnrichOptions]) -> Any:
        """Return the columns about the people of this series, with its index.

        Costs 1 to 7 credits per newly matched person; known people, repeats and nobody found are free.

        Parameters
        ----------
        fields : str, sequence of str, or mapping of new name to str
            As :func:`crustframe.enrich` takes them.
        **options

        Returns
        -------
        frame

        Raises
        ------
        CrustframeError
            As :func:`crustframe.enrich` raises.
        """
        return enrich(self._series, fields=fields, **options).frame

    @takes(of.SeriesPlanOptions)
    def plan(self, fields: Fields = DEFAULT_FIELDS, **options: Unpack[of.SeriesPlanOptions]) -> Plan:
        """Return what :meth:`enrich` with the same arguments would send and cost. Opens no socket, costs nothing.

        Parameters
        ----------
        fields : str, sequence of str, or mapping of new name to str
            As :func:`crustframe.plan` takes them.
        **options

        Returns
        -------
        Plan
        """
        return plan(self._series, fields=fields, **options)

    @takes(of.MatchesOptions)
    def matches(self, fields: Fields = DEFAULT_FIELDS, **options: Unpack[of.MatchesOptions]) -> Any:
        """Return every candidate that :meth:`enrich` bought, one row each, best first. From the ledger; 0 credits.

        Parameters
        ----------
        fields : str, sequence of str, or mapping of new name to str
            As :func:`crustframe.matches` takes them.
        **options

        Returns
        -------
        frame, one row per candidate
        """
        return matches(self._series, fields=fields, **options)

    @takes(of.SeriesContactOptions)
    def contacts(self, kinds: Kinds = KINDS, **options: Unpack[of.SeriesContactOptions]) -> Any:
        """Return business e-mails, personal e-mails and phone numbers of these people, with the series' index.

        Costs 1, 2 and 2 credits for whoever has them; no base credit, and what the ledger holds is free.

        Parameters
        ----------
        kinds : str or sequence of str
            As :func:`crustframe.contacts` takes them.
        **options

        Returns
        -------
        frame
            With ``wait=False`` people whose job is under way are ``not_run``.
        """
        return contacts(self._series, kinds=kinds, **options).frame

    @takes(of.ContactPlanOptions)
    def plan_contacts(self, kinds: Kinds = KINDS, **options: Unpack[of.ContactPlanOptions]) -> Plan:
        """Return what :meth:`contacts` with the same arguments would send and cost. Opens no socket, costs nothing.

        Parameters
        ----------
        kinds : str or sequence of str
            As :func:`crustframe.contacts` takes them.
        **options

        Returns
        -------
        Plan
        """
        return plan_contacts(self._series, kinds=kinds, **options)


def _register_in_pandas() -> None:
    from pandas.api import extensions

    extensions.register_dataframe_accessor("crust")(DataFrameCrust)
    extensions.register_series_accessor("crust")(SeriesCrust)


def _register_in_polars() -> None:
    from polars import api

    api.register_dataframe_namespace("crust")(DataFrameCrust)
    api.register_lazyframe_namespace("crust")(DataFrameCrust)
    api.register_series_namespace("crust")(SeriesCrust)


REGISTER: Final[dict[str, Callable[[], None]]] = {"pandas": _register_in_pandas, "polars": _register_in_polars}
"""By library: what gives its frames a ``crust``."""
