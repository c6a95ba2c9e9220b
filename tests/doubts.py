"""Answers that are lost, and doubts that are settled when the server's log had time to tell."""

from __future__ import annotations

from typing import Any

import pytest

import crustframe
from crustframe.buying.reconcile import Resolution, resolve
from crustframe.client import Client
from crustframe.errors import PartialResultWarning
from crustframe.verbs.embedded import EmbeddedSandbox

NAME = ["basic_profile.name"]


def lose(
    sandbox: EmbeddedSandbox, client: Client, cells: Any, fields: Any = NAME, *, charge: bool, **options: Any
) -> None:
    """Ask, and lose the answer; the client has heard before what time it is at the server."""
    client.credits()
    sandbox.faults.clear()
    sandbox.faults.add("reset", charge=charge)
    with pytest.warns(PartialResultWarning):
        crustframe.enrich(cells, fields=fields, client=client, **options)
    sandbox.faults.clear()


def resolved_later(sandbox: EmbeddedSandbox, client: Client, **options: Any) -> Resolution:
    """Settle the doubts two minutes on, by the server's clock."""
    sandbox.pass_time(120.0)
    return resolve(client, **options)
