"""crustframe: a column of profile URLs or business e-mails becomes columns about those people.

Importing it registers ``df.crust`` and ``series.crust``; it opens no socket and makes no folder.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Unpack

__version__ = "0.1.0"

from crustframe import interrupts  # noqa: F401  (first: the imports below take a while)

# isort: split
import crustframe.sandbox
import crustframe.schema  # noqa: F401  (both rooms load before the functions of their names, which they would hide)
from crustframe import accessor as _accessor  # noqa: F401
from crustframe import errors
from crustframe.changes import changes
from crustframe.client import Client
from crustframe.contact_plan import ContactPlan
from crustframe.contacts import Contacts, contacts, plan_contacts
from crustframe.enrichment import Enrichment, Interrupted, enrich, matches, plan
from crustframe.errors import CrustframeError, PartialResultWarning, RetirementWarning
from crustframe.plan import Plan
from crustframe.report import Report
from crustframe.steps import last_report, set_ceiling

if TYPE_CHECKING:
    import pandera.pandas as pa

    from crustframe.api.surfaces import Api
    from crustframe.embedded import EmbeddedSandbox, SandboxOptions
    from crustframe.fields import Reduction

__all__ = [
    "Client",
    "ContactPlan",
    "Contacts",
    "CrustframeError",
    "Enrichment",
    "Interrupted",
    "PartialResultWarning",
    "Plan",
    "Report",
    "RetirementWarning",
    "changes",
    "contacts",
    "enrich",
    "errors",
    "last_report",
    "matches",
    "plan",
    "plan_contacts",
    "sandbox",
    "schema",
    "set_ceiling",
]

logging.getLogger(__name__).addHandler(logging.NullHandler())


def sandbox(*, ledger: str | os.PathLike[str] | None = None, **options: Unpack[SandboxOptions]) -> EmbeddedSandbox:
    """Return a sandbox to use with ``with``: a local API with invented people, and ``.client`` to ask it.

    Parameters
    ----------
    ledger : path, optional
        Where its answers are kept; by default a file that goes when the sandbox closes.
    **options
        The switches of :class:`crustframe.sandbox.server.Sandbox`, such as ``requests_per_minute=None``.

    Examples
    --------
    >>> import crustframe
    >>> with crustframe.sandbox() as sandbox:
    ...     sandbox.client.credits()
    1000000.0
    """
    from crustframe.embedded import EmbeddedSandbox

    return EmbeddedSandbox(ledger=ledger, **options)


def schema(
    fields: str | Sequence[str] | Mapping[str, str], *, lists: Reduction = "join", api: Api = "person"
) -> pa.DataFrameSchema:
    """Return the pandera schema of the columns that these fields become.

    For pipelines of your own: it checks types and ranges, asks for nothing, and lets other columns be.
    Costs nothing; opens no socket. Source: the field catalogue of the wire contract.

    Parameters
    ----------
    fields : sequence of str, or mapping of new name to str, length p
        As :func:`crustframe.enrich` takes them.
    lists, api
        As :func:`crustframe.enrich` takes them.

    Returns
    -------
    pandera.pandas.DataFrameSchema
        With p nullable columns.

    Raises
    ------
    FieldError
        A path that cannot be asked for.

    Examples
    --------
    >>> import crustframe
    >>> sorted(crustframe.schema(["professional_network.connections as n"]).columns)
    ['n']
    """
    from crustframe.question import asked_paths
    from crustframe.schema import schema_of

    return schema_of(asked_paths(fields, lists=lists, api=api))
