"""``df.crust`` and ``series.crust``: the pandas way in. Holds the data and nothing else."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import pandas as pd

from crustframe.api.surfaces import Api
from crustframe.buying.contact_plan import KINDS, ContactPlan, Kinds
from crustframe.buying.plan import Plan
from crustframe.buying.progress import ProgressCallback
from crustframe.buying.purchasing import OnDoubt
from crustframe.buying.question import Fields
from crustframe.buying.routes import Route
from crustframe.client import Client
from crustframe.columns.assembly import Provenance
from crustframe.fields import DEFAULT_FIELDS, Keep, Reduction
from crustframe.people.verdict import MinVerdict
from crustframe.verbs.changes import changes
from crustframe.verbs.contacts import ContactProvenance, contacts, plan_contacts
from crustframe.verbs.enrichment import Prices, enrich, matches, plan
from crustframe.verbs.rows import Only
from crustframe.verbs.steps import Errors


@pd.api.extensions.register_dataframe_accessor("crust")
class DataFrameCrust:
    """Columns about the people of a column, as ``df.crust``.

    Holds the frame and nothing else: pandas 2 keeps one accessor per frame and pandas 3 builds one at each
    ``df.crust``, so remembered state would go stale in one and vanish in the other.
    """

    def __init__(self, frame: pd.DataFrame) -> None:
        self._frame = frame

    def enrich(
        self,
        column: Hashable,
        fields: Fields = DEFAULT_FIELDS,
        *,
        api: Api = "person",
        max_credits: float | None = None,
        partial: bool = False,
        errors: Errors = "coerce",
        min_similarity_score: float | None = None,
        min_verdict: MinVerdict | None = None,
        force_fetch: bool = False,
        enrich_realtime: bool = False,
        preview: bool = False,
        keep: Keep = "all",
        max_age: str | float | None = "30d",
        only: Only = "all",
        on_doubt: OnDoubt = "ask",
        route: Route = "auto",
        provenance: Provenance = "status",
        lists: Reduction = "join",
        overwrite: bool = False,
        wait: bool = True,
        webhook_url: str | None = None,
        chunk_size: int | None = None,
        progress: bool | ProgressCallback | None = None,
        client: Client | None = None,
    ) -> pd.DataFrame:
        """Return a copy with one new column per field: same rows, same index, same order.

        Costs 1 to 7 credits per newly matched person; known people, repeats and nobody found are free.

        Parameters
        ----------
        column : hashable
            Which column holds profile URLs or business e-mails.
        fields, api, max_credits, partial, errors, min_similarity_score, min_verdict, force_fetch, enrich_realtime, \
preview, keep, max_age, only, on_doubt, route, provenance, lists, overwrite, wait, webhook_url, chunk_size, \
progress, client
            As :func:`crustframe.enrich` takes them.

        Returns
        -------
        pandas.DataFrame
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
        return enrich(
            self._frame,
            column,
            fields,
            api=api,
            max_credits=max_credits,
            partial=partial,
            errors=errors,
            min_similarity_score=min_similarity_score,
            min_verdict=min_verdict,
            force_fetch=force_fetch,
            enrich_realtime=enrich_realtime,
            preview=preview,
            keep=keep,
            max_age=max_age,
            only=only,
            on_doubt=on_doubt,
            route=route,
            provenance=provenance,
            lists=lists,
            overwrite=overwrite,
            wait=wait,
            webhook_url=webhook_url,
            chunk_size=chunk_size,
            progress=progress,
            client=client,
        ).frame

    def plan(
        self,
        column: Hashable,
        fields: Fields = DEFAULT_FIELDS,
        *,
        api: Api = "person",
        max_credits: float | None = None,
        partial: bool = False,
        min_similarity_score: float | None = None,
        force_fetch: bool = False,
        enrich_realtime: bool = False,
        preview: bool = False,
        keep: Keep = "all",
        max_age: str | float | None = "30d",
        only: Only = "all",
        on_doubt: OnDoubt = "ask",
        route: Route = "auto",
        lists: Reduction = "join",
        prices: Prices = "list",
        client: Client | None = None,
    ) -> Plan:
        """Return what :meth:`enrich` with the same arguments would send and cost. Opens no socket, costs nothing.

        Parameters
        ----------
        column : hashable
        fields, api, max_credits, partial, min_similarity_score, force_fetch, enrich_realtime, preview, keep, max_age, \
only, on_doubt, route, lists, prices, client
            As :func:`crustframe.plan` takes them.

        Returns
        -------
        Plan

        Raises
        ------
        BudgetError
            It may cost more than `max_credits`.
        """
        return plan(
            self._frame,
            column,
            fields,
            api=api,
            max_credits=max_credits,
            partial=partial,
            min_similarity_score=min_similarity_score,
            force_fetch=force_fetch,
            enrich_realtime=enrich_realtime,
            preview=preview,
            keep=keep,
            max_age=max_age,
            only=only,
            on_doubt=on_doubt,
            route=route,
            lists=lists,
            prices=prices,
            client=client,
        )

    def matches(
        self,
        column: Hashable,
        fields: Fields = DEFAULT_FIELDS,
        *,
        api: Api = "person",
        min_similarity_score: float | None = None,
        min_verdict: MinVerdict | None = None,
        force_fetch: bool = False,
        enrich_realtime: bool = False,
        preview: bool = False,
        max_age: str | float | None = "30d",
        lists: Reduction = "join",
        client: Client | None = None,
    ) -> pd.DataFrame:
        """Return every candidate that :meth:`enrich` bought, one row each, best first. From the ledger; 0 credits.

        Parameters
        ----------
        column, fields, api, min_similarity_score, min_verdict, force_fetch, enrich_realtime, preview, max_age, lists, \
client
            As :func:`crustframe.matches` takes them.

        Returns
        -------
        pandas.DataFrame, one row per candidate
        """
        return matches(
            self._frame,
            column,
            fields,
            api=api,
            min_similarity_score=min_similarity_score,
            min_verdict=min_verdict,
            force_fetch=force_fetch,
            enrich_realtime=enrich_realtime,
            preview=preview,
            max_age=max_age,
            lists=lists,
            client=client,
        )

    def contacts(
        self,
        column: Hashable,
        kinds: Kinds = KINDS,
        *,
        max_credits: float | None = None,
        partial: bool = False,
        verified: bool = False,
        max_age: str | float | None = "30d",
        on_doubt: OnDoubt = "ask",
        provenance: ContactProvenance = "status",
        overwrite: bool = False,
        wait: bool = True,
        webhook_url: str | None = None,
        chunk_size: int | None = None,
        progress: bool | ProgressCallback | None = None,
        client: Client | None = None,
    ) -> pd.DataFrame:
        """Return a copy with business e-mails, personal e-mails and phone numbers as columns.

        Costs 1, 2 and 2 credits for whoever has them; no base credit, and what the ledger holds is free.

        Parameters
        ----------
        column : hashable
            Which column holds profile URLs.
        kinds, max_credits, partial, verified, max_age, on_doubt, provenance, overwrite, wait, webhook_url, \
chunk_size, progress, client
            As :func:`crustframe.contacts` takes them.

        Returns
        -------
        pandas.DataFrame
            With ``wait=False`` people whose job is under way are ``not_run``; :func:`crustframe.contacts` hands back
            the ticket too.
        """
        return contacts(
            self._frame,
            column,
            kinds,
            max_credits=max_credits,
            partial=partial,
            verified=verified,
            max_age=max_age,
            on_doubt=on_doubt,
            provenance=provenance,
            overwrite=overwrite,
            wait=wait,
            webhook_url=webhook_url,
            chunk_size=chunk_size,
            progress=progress,
            client=client,
        ).frame

    def plan_contacts(
        self,
        column: Hashable,
        kinds: Kinds = KINDS,
        *,
        max_credits: float | None = None,
        partial: bool = False,
        verified: bool = False,
        max_age: str | float | None = "30d",
        on_doubt: OnDoubt = "ask",
        client: Client | None = None,
    ) -> ContactPlan:
        """Return what :meth:`contacts` with the same arguments would send and cost. Opens no socket, costs nothing.

        Parameters
        ----------
        column : hashable
            Which column holds profile URLs.
        kinds, max_credits, partial, verified, max_age, on_doubt, client
            As :func:`crustframe.plan_contacts` takes them.

        Returns
        -------
        ContactPlan
        """
        return plan_contacts(
            self._frame,
            column,
            kinds,
            max_credits=max_credits,
            partial=partial,
            verified=verified,
            max_age=max_age,
            on_doubt=on_doubt,
            client=client,
        )

    def changes(self, column: Hashable, fields: Fields | None = None, *, client: Client | None = None) -> pd.DataFrame:
        """Return what changed about these people each time they were bought anew. From the ledger, 0 credits.

        Parameters
        ----------
        column : hashable
        fields, client
            As :func:`crustframe.changes` takes them.

        Returns
        -------
        pandas.DataFrame
            One row for each person and path: ``identifier``, ``path``, ``old``, ``new``, ``changed_at``.
        """
        return changes(self._frame, column, fields, client=client)


@pd.api.extensions.register_series_accessor("crust")
class SeriesCrust:
    """Columns about the people of a series, as ``series.crust``."""

    def __init__(self, series: pd.Series[Any]) -> None:
        self._series = series

    def enrich(
        self,
        fields: Fields = DEFAULT_FIELDS,
        *,
        api: Api = "person",
        max_credits: float | None = None,
        partial: bool = False,
        errors: Errors = "coerce",
        min_similarity_score: float | None = None,
        min_verdict: MinVerdict | None = None,
        force_fetch: bool = False,
        enrich_realtime: bool = False,
        preview: bool = False,
        keep: Keep = "all",
        max_age: str | float | None = "30d",
        on_doubt: OnDoubt = "ask",
        route: Route = "auto",
        provenance: Provenance = "status",
        lists: Reduction = "join",
        wait: bool = True,
        webhook_url: str | None = None,
        chunk_size: int | None = None,
        progress: bool | ProgressCallback | None = None,
        client: Client | None = None,
    ) -> pd.DataFrame:
        """Return the columns about the people of this series, with its index.

        Costs 1 to 7 credits per newly matched person; known people, repeats and nobody found are free.

        Parameters
        ----------
        fields, api, max_credits, partial, errors, min_similarity_score, min_verdict, force_fetch, enrich_realtime, \
preview, keep, max_age, on_doubt, route, provenance, lists, wait, webhook_url, chunk_size, progress, client
            As :func:`crustframe.enrich` takes them.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        CrustframeError
            As :func:`crustframe.enrich` raises.
        """
        return enrich(
            self._series,
            fields=fields,
            api=api,
            max_credits=max_credits,
            partial=partial,
            errors=errors,
            min_similarity_score=min_similarity_score,
            min_verdict=min_verdict,
            force_fetch=force_fetch,
            enrich_realtime=enrich_realtime,
            preview=preview,
            keep=keep,
            max_age=max_age,
            on_doubt=on_doubt,
            route=route,
            provenance=provenance,
            lists=lists,
            wait=wait,
            webhook_url=webhook_url,
            chunk_size=chunk_size,
            progress=progress,
            client=client,
        ).frame

    def plan(
        self,
        fields: Fields = DEFAULT_FIELDS,
        *,
        api: Api = "person",
        max_credits: float | None = None,
        partial: bool = False,
        min_similarity_score: float | None = None,
        force_fetch: bool = False,
        enrich_realtime: bool = False,
        preview: bool = False,
        keep: Keep = "all",
        max_age: str | float | None = "30d",
        on_doubt: OnDoubt = "ask",
        route: Route = "auto",
        lists: Reduction = "join",
        prices: Prices = "list",
        client: Client | None = None,
    ) -> Plan:
        """Return what :meth:`enrich` with the same arguments would send and cost. Opens no socket, costs nothing.

        Parameters
        ----------
        fields, api, max_credits, partial, min_similarity_score, force_fetch, enrich_realtime, preview, keep, max_age, \
on_doubt, route, lists, prices, client
            As :func:`crustframe.plan` takes them.

        Returns
        -------
        Plan
        """
        return plan(
            self._series,
            fields=fields,
            api=api,
            max_credits=max_credits,
            partial=partial,
            min_similarity_score=min_similarity_score,
            force_fetch=force_fetch,
            enrich_realtime=enrich_realtime,
            preview=preview,
            keep=keep,
            max_age=max_age,
            on_doubt=on_doubt,
            route=route,
            lists=lists,
            prices=prices,
            client=client,
        )

    def matches(
        self,
        fields: Fields = DEFAULT_FIELDS,
        *,
        api: Api = "person",
        min_similarity_score: float | None = None,
        min_verdict: MinVerdict | None = None,
        force_fetch: bool = False,
        enrich_realtime: bool = False,
        preview: bool = False,
        max_age: str | float | None = "30d",
        lists: Reduction = "join",
        client: Client | None = None,
    ) -> pd.DataFrame:
        """Return every candidate that :meth:`enrich` bought, one row each, best first. From the ledger; 0 credits.

        Parameters
        ----------
        fields, api, min_similarity_score, min_verdict, force_fetch, enrich_realtime, preview, max_age, lists, client
            As :func:`crustframe.matches` takes them.

        Returns
        -------
        pandas.DataFrame, one row per candidate
        """
        return matches(
            self._series,
            fields=fields,
            api=api,
            min_similarity_score=min_similarity_score,
            min_verdict=min_verdict,
            force_fetch=force_fetch,
            enrich_realtime=enrich_realtime,
            preview=preview,
            max_age=max_age,
            lists=lists,
            client=client,
        )

    def contacts(
        self,
        kinds: Kinds = KINDS,
        *,
        max_credits: float | None = None,
        partial: bool = False,
        verified: bool = False,
        max_age: str | float | None = "30d",
        on_doubt: OnDoubt = "ask",
        provenance: ContactProvenance = "status",
        wait: bool = True,
        webhook_url: str | None = None,
        chunk_size: int | None = None,
        progress: bool | ProgressCallback | None = None,
        client: Client | None = None,
    ) -> pd.DataFrame:
        """Return business e-mails, personal e-mails and phone numbers of these people, with the series' index.

        Costs 1, 2 and 2 credits for whoever has them; no base credit, and what the ledger holds is free.

        Parameters
        ----------
        kinds, max_credits, partial, verified, max_age, on_doubt, provenance, wait, webhook_url, chunk_size, \
progress, client
            As :func:`crustframe.contacts` takes them.

        Returns
        -------
        pandas.DataFrame
            With ``wait=False`` people whose job is under way are ``not_run``.
        """
        return contacts(
            self._series,
            kinds=kinds,
            max_credits=max_credits,
            partial=partial,
            verified=verified,
            max_age=max_age,
            on_doubt=on_doubt,
            provenance=provenance,
            wait=wait,
            webhook_url=webhook_url,
            chunk_size=chunk_size,
            progress=progress,
            client=client,
        ).frame

    def plan_contacts(
        self,
        kinds: Kinds = KINDS,
        *,
        max_credits: float | None = None,
        partial: bool = False,
        verified: bool = False,
        max_age: str | float | None = "30d",
        on_doubt: OnDoubt = "ask",
        client: Client | None = None,
    ) -> ContactPlan:
        """Return what :meth:`contacts` with the same arguments would send and cost. Opens no socket, costs nothing.

        Parameters
        ----------
        kinds, max_credits, partial, verified, max_age, on_doubt, client
            As :func:`crustframe.plan_contacts` takes them.

        Returns
        -------
        ContactPlan
        """
        return plan_contacts(
            self._series,
            kinds=kinds,
            max_credits=max_credits,
            partial=partial,
            verified=verified,
            max_age=max_age,
            on_doubt=on_doubt,
            client=client,
        )
