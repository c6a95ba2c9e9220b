"""Opens the desk of this process: the user's ledger and origin, with the key that the core finds for it."""

from __future__ import annotations

from functools import cache

from crustframe.client import Client
from excel_addin.functions import Desk


def open_desk() -> Desk:
    """Return a desk; without a key it still answers from nothing and says how to set one."""
    return Desk(Client())


@cache
def the_desk() -> Desk:
    """Return the one desk of this process."""
    return open_desk()
