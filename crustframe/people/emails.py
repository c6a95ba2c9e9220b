"""E-mail addresses: which the API takes, and which it refuses together with everybody else in the request."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from importlib.resources import files
from typing import Final
from urllib.parse import unquote

from crustframe.contract import BUSINESS_EMAIL
from crustframe.people.identity import Identifier, Refusal
from crustframe.people.marks import trimmed, visible, without_marks_behind

_GOVERNMENT: Final = re.compile(r"(?:^|\.)(?:gov|mil|gouv|gob)(?:\.[a-z]{2})?$")
_PLAIN: Final = re.compile(
    r"([a-z0-9_][a-z0-9_+-]*(?:\.[a-z0-9_+-]+)*)@((?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,24})",
    re.IGNORECASE | re.ASCII,
)
_DISPLAY_NAME: Final = re.compile(r"[^<>@]*<\s*([^<>]+?)\s*>")
_APART: Final = re.compile(r"(\S+)\s*@\s*(\S+)")
_OPENING: Final = "\"'([{<“„‘«|*`…•·–—"


@cache
def free_mail_domains() -> frozenset[str]:
    """Return the domains of free mail: the API refuses a whole request for one address of these (contract notes)."""
    return frozenset(files(__package__).joinpath("free_mail.txt").read_text(encoding="ascii").split())


def is_free_mail(identifier: Identifier) -> bool:
    """Whether somebody is named by a free-mail address."""
    return identifier.kind == BUSINESS_EMAIL and identifier.key.rpartition("@")[2] in free_mail_domains()


def is_mail_link(text: str) -> bool:
    """Whether a text is a ``mailto:`` link."""
    return text[:7].lower() == "mailto:"


def read_email(text: str) -> Identifier | Refusal:
    """Read a text that is one e-mail address, or none."""
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        text = _address_in(text)
        plain = _PLAIN.fullmatch(text)
    if plain and len(plain[1]) <= 64 and len(plain[2]) <= 253 and "--" not in plain[2]:
        local, domain = plain[1], plain[2].lower()
    else:
        checked = _checked(text)
        if checked is None or not (checked[0][0].isalnum() or checked[0][0] == "_"):  # a mark, or a cut
            return Refusal("bad_email")
        local, domain = checked
    found = Identifier(BUSINESS_EMAIL, f"{_lower(local)}@{domain}", f"{local}@{domain}")
    if is_free_mail(found):
        return Refusal("free_mail", found)
    return Refusal("government_mail") if _GOVERNMENT.search(domain) else found


def _address_in(text: str) -> str:
    if named := _DISPLAY_NAME.fullmatch(text):
        text = named[1]
    if is_mail_link(text):
        text = trimmed(visible(unquote(text[7:].partition("?")[0])))
    text = without_marks_behind(text.lstrip(_OPENING))
    apart = _APART.fullmatch(text)
    return f"{apart[1]}@{apart[2]}" if apart else text


def _lower(local: str) -> str:
    return unicodedata.normalize("NFC", "".join(letter.lower() for letter in local))


def _checked(text: str) -> tuple[str, str] | None:
    from email_validator import EmailNotValidError, validate_email

    try:
        found = validate_email(text, check_deliverability=False, globally_deliverable=False, strict=True)
    except (EmailNotValidError, ValueError):
        return None
    domain = (found.ascii_domain or "").lower()
    if "." not in domain or not re.fullmatch(r"[a-z][a-z0-9-]*[a-z0-9]", domain.rpartition(".")[2]):
        return None
    return found.local_part, domain
