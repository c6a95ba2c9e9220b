"""Opens the desk of this process: the user's key, ledger and origin, as the environment and the key store say."""

from __future__ import annotations

from functools import cache

from crustframe.client import Client
from excel_addin.functions import Desk
from excel_addin.keys import stored_key


def open_desk() -> Desk:
    """Return a desk; without a key it still answers from nothing and says how to set one."""
    found = stored_key()
    return Desk(Client() if found is None else Client(api_key=found.key, base_url=found.origin))


@cache
def the_desk() -> Desk:
    """Return the one desk of this process."""
    return open_desk()
