"""crustframe: a column of profile URLs or business e-mails becomes columns about those people.

Importing it registers ``df.crust`` and ``series.crust`` in pandas and Polars; it opens no socket and makes no folder.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import TYPE_CHECKING, Unpack

__version__ = "0.1.0"

from crustframe.shell import interrupts  # noqa: F401  (first: the imports below take a while)

# isort: split
import crustframe.sandbox  # noqa: F401  (loads before the function of its name, which it would hide)
from crustframe import errors
from crustframe.buying import jobs
from crustframe.buying.plan import Plan
from crustframe.client import Client
from crustframe.errors import CrustframeError, PartialResultWarning, RetirementWarning
from crustframe.verbs.accessor import REGISTER
from crustframe.verbs.awaited import enrich_async
from crustframe.verbs.changes import changes
from crustframe.verbs.contacts import Contacts, contacts, plan_contacts
from crustframe.verbs.enrichment import Enrichment, enrich, matches, plan
from crustframe.verbs.options import SchemaOptions
from crustframe.verbs.report import Interrupted, Report
from crustframe.verbs.signature import takes
from crustframe.verbs.steps import last_report, set_ceiling

if TYPE_CHECKING:
    import pandera.pandas as pa

    from crustframe.verbs.embedded import EmbeddedSandbox, SandboxOptions

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
    "enrich_async",
    "errors",
    "jobs",
    "last_report",
    "matches",
    "plan",
    "plan_contacts",
    "sandbox",
    "schema",
    "set_ceiling",
]

ContactPlan = Plan
"""What plans of contacts were called before they became plans like any other."""

logging.getLogger(__name__).addHandler(logging.NullHandler())


class _WhenFramesCome:
    """Registers ``crust`` once somebody imports pandas or Polars, which takes a time that the shell often need not."""

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name not in REGISTER:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def exec_module(module: ModuleType) -> None:
                load(module)
                if name in REGISTER:
                    REGISTER.pop(name)()

            spec.loader.exec_module = exec_module  # type: ignore[method-assign]
        return spec


sys.meta_path.insert(0, _WhenFramesCome())
for _library in REGISTER.keys() & sys.modules.keys():
    REGISTER.pop(_library)()


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
    from crustframe.verbs.embedded import EmbeddedSandbox

    return EmbeddedSandbox(ledger=ledger, **options)


@takes(SchemaOptions)
def schema(fields: str | Sequence[str] | Mapping[str, str], **options: Unpack[SchemaOptions]) -> pa.DataFrameSchema:
    """Return the pandera schema of the columns that these fields become.

    For pipelines of your own: it checks types and ranges, asks for nothing, and lets other columns be.
    Costs nothing; opens no socket. Source: the field catalogue of the wire contract.

    Parameters
    ----------
    fields : sequence of str, or mapping of new name to str, length p
        As :func:`crustframe.enrich` takes them.
    **options

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
    from crustframe.columns.schema import schema_of
    from crustframe.verbs.question import asked_paths

    return schema_of(asked_paths(fields, lists=options["lists"], api=options["api"]))
