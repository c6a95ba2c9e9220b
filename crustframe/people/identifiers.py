"""Cells become identifiers: which person does a cell name, and if none, why not.

Two spellings of one person become one identifier; two people never do. Nothing here opens a socket.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from crustframe.contract import BUSINESS_EMAIL, PROFILE_URL, IdentifierKind
from crustframe.errors import IdentifierError

CANONICAL_URL: Final = "https://www.linkedin.com/in/"  # docs: the form of profile_url in answers

REASONS: Final[dict[str, str]] = {
    "not_text": "the cell is not text",
    "not_an_identifier": "neither a profile URL nor a business e-mail",
    "other_site": "a web address, but not of a profile",
    "not_a_profile": "a page of the network, but not the profile (/in/...) of anybody in particular",
    "short_link": "a short link; open it and copy the profile URL",
    "bad_slug": "the part after /in/ cannot be a profile name",
    "bad_email": "not a valid e-mail address",
    "free_mail": "a free-mail address; the API takes business addresses only",
    "government_mail": "a government address; the API does not take these",
    "several": "more than one identifier in the cell",
    "refused_by_server": "the API refused this identifier",
    "suppressed": "forgotten on request, and not to be bought again",
}
"""The closed set of ``crust.reason`` codes of refused cells, each with what it means."""

# Contract notes: the API refuses a whole request for one free-mail or government address.
FREE_MAIL_DOMAINS: Final = frozenset(
    """gmail.com googlemail.com yahoo.com yahoo.co.uk yahoo.fr yahoo.de ymail.com hotmail.com hotmail.co.uk
    hotmail.fr outlook.com live.com msn.com aol.com icloud.com me.com mac.com proton.me protonmail.com
    gmx.com gmx.de gmx.net web.de mail.com mail.ru yandex.ru yandex.com qq.com 163.com 126.com""".split()  # noqa: SIM905
)
_GOVERNMENT: Final = re.compile(r"(?:^|\.)(?:gov|mil|gouv|gob)(?:\.[a-z]{2})?$")

_PLAIN_URL: Final = re.compile(
    r"(?:https?://)?(?:[a-z]{2,3}\.)?linkedin\.com/in/([a-z0-9-]+)/?", re.IGNORECASE | re.ASCII
)
_PLAIN_EMAIL: Final = re.compile(
    r"([a-z0-9_+-]+(?:\.[a-z0-9_+-]+)*)@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})",
    re.IGNORECASE | re.ASCII,
)
_HOST: Final = re.compile(r"(?:[a-z0-9-]+\.)*linkedin\.com")
_MEMBER_ID: Final = re.compile(r"AC[a-zA-Z]A[A-Za-z0-9_-]{30,}")  # URN-like slugs differ by case
_SUBPAGES: Final = re.compile(r"[a-z]{2}(?:[-_][a-z]{2})?|details?|overlay|recent-activity|activity", re.IGNORECASE)
# Whoever is signed in, what is shown in place of a profile that is gone, the form to change one's own.
_NOBODY: Final = frozenset({"me", "unavailable", "edit"})
_SCHEME: Final = re.compile(r"(?:https?:?/{1,3}|//)", re.IGNORECASE)
_DOMAIN_LIKE: Final = re.compile(r"[\w-]+(?:\.[\w-]+)+(?:[/:?#].*)?", re.DOTALL)
_DISPLAY_NAME: Final = re.compile(r"[^<>@]*<\s*([^<>]+?)\s*>")
# What shows nothing wherever it stands (Unicode: format characters, Default_Ignorable_Code_Point): no part of a name.
_INVISIBLE: Final = re.compile(
    "[\u00ad\u034f\u0600-\u0605\u061c\u06dd\u070f\u0890\u0891\u08e2\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000110bd\U000110cd\U00013430-\U0001343f"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)
_CODED: Final = re.compile(r"(?:%[0-9a-f]{2})+", re.IGNORECASE)
# Blanks of every kind that copying from pages and spreadsheets leaves at the ends of a cell.
_MARGINS: Final = "\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u2800\u3000"
_TRIM: Final = re.compile(f"^[{_MARGINS}]+|[{_MARGINS}]+$")
_FORBIDDEN: Final = frozenset('/\\?#%<>"|^{}`@,;:&=[]')


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
    """Why a cell names nobody: a code of :data:`REASONS`, or ``blank``."""

    reason: str


BLANK: Final = Refusal("blank")


@dataclass(frozen=True, slots=True)
class Identifiers:
    """A column, read.

    Attributes
    ----------
    unique : list of Identifier, length u
        The distinct people, in the order of their first row.
    per_row : list of int, length n
        Position in `unique`, or -1 for a row that names nobody.
    refusals : dict of int to Refusal
        Row number to the reason, for every row with -1.
    spellings : list of int, length u
        How many different texts name each person: what a tool that compares texts would pay.
    """

    unique: list[Identifier]
    per_row: list[int]
    refusals: dict[int, Refusal]
    spellings: list[int]

    def __len__(self) -> int:
        return len(self.per_row)

    @property
    def n_blank(self) -> int:
        """Rows whose cell is empty."""
        return sum(refusal is BLANK for refusal in self.refusals.values())

    @property
    def n_invalid(self) -> int:
        """Rows whose cell names nobody although it is not empty."""
        return len(self.refusals) - self.n_blank


def read_identifiers(cells: Iterable[object]) -> Identifiers:
    """Read a column of profile URLs and business e-mails as it comes.

    Costs nothing; opens no socket.

    Parameters
    ----------
    cells : iterable, length n
        Text; blanks, repeats, other spellings and junk are welcome.

    Returns
    -------
    Identifiers
    """
    seen: dict[str, int | Refusal] = {}
    positions: dict[tuple[str, str], int] = {}
    unique: list[Identifier] = []
    per_row: list[int] = []
    refusals: dict[int, Refusal] = {}
    spellings: list[int] = []
    for row, cell in enumerate(cells):
        outcome: int | Refusal | None
        if isinstance(cell, str):
            outcome = seen.get(cell)
            if outcome is None:
                found = _read(cell)
                if isinstance(found, Refusal):
                    outcome = found
                else:
                    outcome = positions.setdefault((found.kind, found.key), len(unique))
                    if outcome == len(unique):
                        unique.append(found)
                        spellings.append(0)
                    spellings[outcome] += 1
                seen[cell] = outcome
        else:
            outcome = BLANK if _is_missing(cell) else Refusal("not_text")
        if isinstance(outcome, Refusal):
            refusals[row] = outcome
            per_row.append(-1)
        else:
            per_row.append(outcome)
    return Identifiers(unique, per_row, refusals, spellings)


def count_refused(cells: Iterable[object], kinds: Collection[IdentifierKind]) -> int:
    """Return how many cells are refused, or 0 as soon as one names somebody of these kinds."""
    refused = 0
    for cell in cells:
        found = _read(cell) if isinstance(cell, str) else BLANK if _is_missing(cell) else Refusal("not_text")
        if isinstance(found, Identifier) and found.kind in kinds:
            return 0
        refused += found is not BLANK
    return refused


def read_identifier(cell: object) -> Identifier:
    """Return the identifier that one cell names.

    Raises
    ------
    IdentifierError
        The cell names nobody; the text says why. Nothing was sent.
    """
    found = read_identifiers([cell])
    if found.unique:
        return found.unique[0]
    reason = found.refusals[0].reason
    raise IdentifierError(
        f"{str(cell)[:80]!r}: {REASONS.get(reason, 'the cell is empty')}. Nothing was sent, nothing was charged.",
        hint="give a URL such as https://www.linkedin.com/in/avery-example or an address such as avery@corp.example.",
    )


def is_address(text: str) -> bool:
    """Whether a text can be nothing but the address of one person: a URL of a profile, or an e-mail."""
    found = _read(text)
    if isinstance(found, Refusal):
        return found.reason in {"free_mail", "government_mail"}
    return found.kind == BUSINESS_EMAIL or "linkedin.com/in/" in text.lower()


def _is_missing(cell: object) -> bool:
    if cell is None or type(cell).__name__ in {"NAType", "NaTType"}:
        return True
    try:
        return bool(cell != cell)  # every kind of NaN
    except (TypeError, ValueError, ArithmeticError):
        return False


def _read(cell: str) -> Identifier | Refusal:
    if plain := _PLAIN_URL.fullmatch(cell):
        return _profile(plain[1])
    text = _unwrap(cell)
    if not text:
        return BLANK
    if plain := _PLAIN_URL.fullmatch(text):
        return _profile(plain[1])
    if any(unicodedata.category(character) in {"Cc", "Cs"} for character in text):
        parts = text.split()
        return Refusal(
            "several" if len(parts) > 1 and all(_names_somebody(part) for part in parts) else _kind_of_junk(text)
        )
    if _is_mail_link(text) or ("@" in text and "/" not in text.partition("@")[0]):
        return _email(text)
    return _url(text)


def _unwrap(cell: str) -> str:
    text = _TRIM.sub("", _visible(cell))
    while len(text) > 1 and (text[0], text[-1]) in {('"', '"'), ("'", "'"), ("<", ">"), ("(", ")"), ("[", "]")}:
        text = _TRIM.sub("", text[1:-1])
    return _TRIM.sub("", text.rstrip(",;"))


def _visible(text: str) -> str:
    """Return `text` without invisible characters, percent-coded ones among them."""
    text = text if text.isascii() else _INVISIBLE.sub("", text)
    return _CODED.sub(_visible_code, text) if "%" in text else text


def _visible_code(code: re.Match[str]) -> str:
    try:
        decoded = unquote_to_bytes(code[0]).decode()
    except UnicodeDecodeError:
        return code[0]
    seen = _INVISIBLE.sub("", decoded)
    return code[0] if seen == decoded else quote(seen, safe="")


def _names_somebody(text: str) -> bool:
    return isinstance(_read(text), Identifier)


def _kind_of_junk(text: str) -> str:
    if "@" in text:
        return "bad_email"
    return "bad_slug" if "linkedin.com/in/" in text.lower() else "not_an_identifier"


def _url(text: str) -> Identifier | Refusal:
    scheme = _SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text.lstrip("/")
    if rest.lower().startswith("in/"):
        rest = "www.linkedin.com/" + rest
    try:
        parts = urlsplit("//" + rest)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return Refusal("not_an_identifier")
    if host in {"lnkd.in", "www.lnkd.in"}:
        return Refusal("short_link")
    if not _HOST.fullmatch(host) or parts.username is not None or port not in {None, 80, 443}:
        return Refusal("other_site" if scheme or _DOMAIN_LIKE.fullmatch(text) else "not_an_identifier")
    if len(re.split(r"[\s,;|]+(?=(?:https?:)?//|www\.|linkedin\.com)", text)) > 1:
        return Refusal("several")
    section, *segments = [segment for segment in parts.path.split("/") if segment] or [""]
    if section.lower() != "in" or not segments:
        return Refusal("not_a_profile")
    found = _profile(segments[0])
    if len(segments) > 1 and not _SUBPAGES.fullmatch(segments[1]) and isinstance(found, Identifier):
        return Refusal("bad_slug")
    return found


def _profile(slug: str) -> Identifier | Refusal:
    try:
        for _ in range(3):  # pasted links are sometimes coded twice; a profile name never holds a percent sign
            if "%" not in slug:
                break
            slug = unquote_to_bytes(slug).decode("utf-8")
    except UnicodeDecodeError:
        return Refusal("bad_slug")
    slug = _TRIM.sub("", unicodedata.normalize("NFC", _INVISIBLE.sub("", slug)))
    if not _MEMBER_ID.fullmatch(slug):
        # Letter by letter, and not str.casefold: strauß and strauss are two people.
        slug = unicodedata.normalize("NFC", "".join(letter.lower() for letter in slug))
    if not slug.strip(".") or len(slug) > 200 or any(map(_cannot_be_in_a_slug, slug)):
        return Refusal("bad_slug")
    if slug in _NOBODY:
        return Refusal("not_a_profile")
    url = CANONICAL_URL + quote(slug, safe="")
    return Identifier(PROFILE_URL, url, url)


def _cannot_be_in_a_slug(character: str) -> bool:
    return character in _FORBIDDEN or unicodedata.category(character) in {"Cc", "Cs", "Zs", "Zl", "Zp"}


def _email(text: str) -> Identifier | Refusal:
    if named := _DISPLAY_NAME.fullmatch(text):
        text = named[1]
    if _is_mail_link(text):
        text = _TRIM.sub("", _visible(unquote(text[7:].partition("?")[0])))
    if text.count("@") > 1 and len(list(_addresses(text))) > 1:
        return Refusal("several")
    plain = _PLAIN_EMAIL.fullmatch(text)
    if plain and len(plain[1]) <= 64 and len(plain[2]) <= 253 and "--" not in plain[2]:
        local, domain = plain[1], plain[2].lower()
    else:
        checked = _checked_email(text)
        if checked is None:
            return Refusal("bad_email")
        local, domain = checked
    if domain in FREE_MAIL_DOMAINS:
        return Refusal("free_mail")
    if _GOVERNMENT.search(domain):
        return Refusal("government_mail")
    return Identifier(BUSINESS_EMAIL, f"{_lower(local)}@{domain}", f"{local}@{domain}")


def _is_mail_link(text: str) -> bool:
    return text[:7].lower() == "mailto:"


def _lower(local: str) -> str:
    return unicodedata.normalize("NFC", "".join(letter.lower() for letter in local))


def _addresses(text: str) -> Iterator[str]:
    for part in re.split(r"[\s,;|/]+", text):
        if isinstance(_email(part) if part.count("@") == 1 else BLANK, Identifier):
            yield part


def _checked_email(text: str) -> tuple[str, str] | None:
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(text, check_deliverability=False, globally_deliverable=False, strict=True)
    except (EmailNotValidError, ValueError):
        return None
    domain = (found.ascii_domain or "").lower()
    if "." not in domain or not re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", domain.rpartition(".")[2]):
        return None
    return found.local_part, domain
