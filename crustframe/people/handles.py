"""The part of an address before the ``@``: its words, and those that are no name."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

ROLES: Final = frozenset(
    """abuse accounting accounts admin administration ap apply ar billing booking bookings care careers
    contact contactus crew customercare customerservice desk editor enquiries enquiry events feedback finance
    frontdesk general hello help helpdesk hi hr info information infos inquiries invoice invoices it jobs
    legal mail mailbox management marketing media newsletter noreply office official operations ops orders
    partners partnerships payable payroll people postmaster pr press privacy procurement purchasing receivable
    reception recruiting recruitment reply sales security service services shop staff subscribe supply support
    talent team tech webmaster welcome""".split()  # noqa: SIM905
)
_OUTSIDERS: Final = "consultant|contractor|ctr|ext|extern|externa|externe|externo|external|freelance|freelancer|vendor"
_MARK: Final = re.compile(rf"^(?:{_OUTSIDERS})[\W_]+|[\W_]+(?:{_OUTSIDERS})$")
_LETTER: Final = re.compile(r"^[cvx]-(?=.*\w{2})")


class Unmarked(NamedTuple):
    """A handle without the mark of an outsider, and the code of the reason that this is."""

    handle: str
    reason: str


def unmarked(handle: str) -> Unmarked | None:
    """Return a handle without the mark of an outsider (``ext.``, ``-contractor``, ``c-``); None if it has none."""
    bare = handle.partition("+")[0].lower()
    for mark, reason in ((_MARK, "outsider"), (_LETTER, "outsider_letter")):
        if (rest := mark.sub("", bare)) != bare and rest:
            return Unmarked(rest, reason)
    return None


def is_shared(handle: str) -> bool:
    """Tell whether a handle names a role or a team, not a person."""
    words = [word for word in re.split(r"[\W\d_]+", handle.partition("+")[0].lower()) if word]
    return bool(words) and (all(word in ROLES for word in words) or "".join(words) in ROLES)
