"""Whom a cell names, or why nobody: an identifier, or a refusal with its reason."""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

from crustframe.contract import IdentifierKind

REASONS: Final[dict[str, str]] = {
    "not_text": "the cell is not text",
    "formula": "a formula whose value is not stored; open the file in a spreadsheet program, save it, and run again",
    "not_an_identifier": "neither a profile URL nor a business e-mail",
    "other_site": "a web address, but not of a profile",
    "not_a_profile": "a page of the network, but not the profile (/in/...) of anybody in particular",
    "company": "the page of a company; name somebody who works there by profile URL (/in/...) or business e-mail",
    "school": "the page of a school; name somebody by profile URL (/in/...)",
    "post": "a post or an article; open its author's profile and copy that URL (/in/...)",
    "job": "a job advertisement; open the profile of whoever posted it and copy that URL (/in/...)",
    "group": "the page of a group; open a member's profile and copy that URL (/in/...)",
    "sales_navigator": "a Sales Navigator page without a member id; open the lead and copy the profile URL (/in/...)",
    "recruiter": "a page of Recruiter; open its public profile and copy that URL (/in/...)",
    "old_url": "an old address (/pub/..., /profile/...); open it and copy the profile URL (/in/...)",
    "short_link": "a short or protected link that hides the address; open it and copy the profile URL",
    "bad_slug": "the part after /in/ cannot be a profile name, or it is not clear where it ends",
    "bad_email": "not a valid e-mail address, or it is not clear where it begins and ends",
    "free_mail": "a free-mail address; the API takes business addresses only",
    "government_mail": "a government address; the API does not take these",
    "several": "more than one identifier in the cell",
    "refused_by_server": "the API refused this identifier",
    "suppressed": "forgotten on request, and not to be bought again",
}
"""The closed set of ``crust.reason`` codes of refused cells, each with what it means."""


class Identifier(NamedTuple):
    """One person as the API is asked for and as the ledger knows them.

    Attributes
    ----------
    kind : {"professional_network_profile_url", "business_email"}
    key : str
        The canonical spelling; equal keys are one person.
    text : str
        What is sent.
    """

    kind: IdentifierKind
    key: str
    text: str


class Refusal(NamedTuple):
    """Why nobody is asked about for a row: a code of :data:`REASONS`, ``blank``, or ``limit``.

    Of a free-mail address, `address` is whom it names for a surface that takes such addresses.
    """

    reason: str
    address: Identifier | None = None

    @property
    def status(self) -> Literal["blank", "invalid", "not_run"]:
        """What is said of the row."""
        return "blank" if self == BLANK else "not_run" if self == BEYOND_LIMIT else "invalid"


BLANK: Final = Refusal("blank")
BEYOND_LIMIT: Final = Refusal("limit")
LATER: Final = object()
"""In place of a cell: whoever it names is left for later."""
