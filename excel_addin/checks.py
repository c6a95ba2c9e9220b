"""What ``crustframe excel doctor`` finds."""

from __future__ import annotations

from typing import NamedTuple


class Check(NamedTuple):
    """One thing that an add-in needs.

    Attributes
    ----------
    what, said : str
        Its name, and what is the case.
    is_right : bool
    """

    what: str
    is_right: bool
    said: str
