"""Addresses of the network: whose profile is it, or which other page?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from typing import Final
from urllib.parse import quote, unquote, unquote_to_bytes, urlsplit

from crustframe.contract import PROFILE_URL
from crustframe.people.identity import Identifier, Refusal
from crustframe.people.marks import INVISIBLE, trimmed, without_marks_behind

CANONICAL_URL: Final = "https://www.linkedin.com/in/"  # docs: the form of profile_url in answers

SCHEME: Final = re.compile(r"(?:https?:?/{1,3}|//)", re.IGNORECASE)
_PLAIN: Final = re.compile(r"(?:https?://)?(?:[a-z]{2,3}\.)?linkedin\.com/in/([a-z0-9-]+)/?", re.IGNORECASE | re.ASCII)
_HOST: Final = re.compile(r"(?:[a-z0-9-]+\.)*linkedin\.com")
_SHORT: Final = re.compile(r"(?:www\.)?lnkd\.in|(?:.+\.)?mimecast(?:protect)?\.com")
_MEMBER_ID: Final = re.compile(r"AC[a-zA-Z]A[A-Za-z0-9_-]{30,}")  # URN-like slugs differ by case
_SUBPAGES: Final = re.compile(r"[a-z]{2}(?:[-_][a-z]{2})?|details?|overlay|recent-activity|activity", re.IGNORECASE)
# Whoever is signed in, what is shown in place of a profile that is gone, the form to change one's own.
_NOBODY: Final = frozenset({"me", "unavailable", "edit"})
_DOMAIN_LIKE: Final = re.compile(r"[\w-]+(?:\.[\w-]+)+(?:[/:?#].*)?", re.DOTALL)
# The mobile site, and links in the network's own mails.
_PREFIXES: Final = (["mwlite", "profile"], ["mwlite"], ["comm", "mwlite"], ["comm"])
_PAGES: Final[dict[str, str]] = {
    **dict.fromkeys(("company", "showcase", "organization", "company-beta"), "company"),
    **dict.fromkeys(("school", "edu"), "school"),
    **dict.fromkeys(("posts", "feed", "pulse", "embed", "video"), "post"),
    **dict.fromkeys(("jobs", "job"), "job"),
    **dict.fromkeys(("groups", "grp"), "group"),
    **dict.fromkeys(("talent", "recruiter", "cap", "hire"), "recruiter"),
    **dict.fromkeys(("pub", "profile"), "old_url"),
    "sales": "sales_navigator",
}
_LONGEST_SLUG: Final = 200
_TAIL: Final = re.compile(r"&(?:amp;)?[\w.%-]+=.*", re.DOTALL)  # of a query whose question mark was lost
_FORBIDDEN: Final = frozenset("/\\?#%<>\"|^{}`@,;:&=[]!'()*+$~…‒–—―")
_NOT_IN_A_SLUG: Final = frozenset({"Cc", "Cs", "Zs", "Zl", "Zp", "Pi", "Pf", "Ps", "Pe"})


def read_plain_url(text: str) -> Identifier | Refusal | None:
    """Read a URL in one of its usual spellings, fast; None is no verdict."""
    plain = _PLAIN.fullmatch(text)
    if plain is None:
        return None
    slug = plain[1]
    if _MEMBER_ID.fullmatch(slug) is None:
        slug = slug.lower()
    if len(slug) > _LONGEST_SLUG:
        return Refusal("bad_slug")
    return Refusal("not_a_profile") if slug in _NOBODY else _identifier(CANONICAL_URL + slug)


def read_url(text: str) -> Identifier | Refusal:
    """Read a text that is one web address, or none."""
    scheme = SCHEME.match(text)
    rest = text[scheme.end() :] if scheme else text.lstrip("/")
    if rest.lower().startswith("in/"):
        rest = "www.linkedin.com/" + rest
    try:
        parts = urlsplit("//" + rest)
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return Refusal("not_an_identifier")
    if _SHORT.fullmatch(host):
        return Refusal("short_link")
    if not _HOST.fullmatch(host) or parts.username is not None or port not in {None, 80, 443}:
        return Refusal("other_site" if scheme or _DOMAIN_LIKE.fullmatch(text) else "not_an_identifier")
    return _page([segment for segment in parts.path.split("/") if segment])


def _page(segments: Sequence[str]) -> Identifier | Refusal:
    names = [segment.lower() for segment in segments]
    skipped = next((len(prefix) for prefix in _PREFIXES if names[: len(prefix) + 1] == [*prefix, "in"]), 0)
    section, *rest = names[skipped:] or [""]
    if section == "sales" and rest[1:] and rest[0] in {"lead", "people", "profile"}:
        member = unquote(segments[2]).partition(",")[0]
        return _profile_of(member) if _MEMBER_ID.fullmatch(member) else Refusal("sales_navigator")
    if section != "in" or not rest:
        return Refusal(_PAGES.get(without_marks_behind(section), "not_a_profile"))
    found = _read_slug(_TAIL.sub("", segments[skipped + 1]))
    below = without_marks_behind(unquote(rest[1])) if rest[1:] else ""
    is_other_page = below and (not _SUBPAGES.fullmatch(below) or (below == "in" and rest[2:]))  # in: Indonesian
    return Refusal("bad_slug") if is_other_page and isinstance(found, Identifier) else found


def _read_slug(slug: str) -> Identifier | Refusal:
    try:
        for _ in range(3):  # pasted links are sometimes coded twice; a profile name never holds a percent sign
            if "%" not in slug:
                break
            slug = unquote_to_bytes(slug).decode("utf-8")
    except UnicodeDecodeError:
        return Refusal("bad_slug")
    slug = trimmed(unicodedata.normalize("NFC", INVISIBLE.sub("", slug)))
    return _profile_of(without_marks_behind(slug))


def _profile_of(slug: str) -> Identifier | Refusal:
    if not _MEMBER_ID.fullmatch(slug):
        # Letter by letter, and not str.casefold: strauß and strauss are two people.
        slug = slug.lower() if slug.isascii() else unicodedata.normalize("NFC", "".join(map(str.lower, slug)))
    if not slug.strip(".") or len(slug) > _LONGEST_SLUG or any(map(_cannot_be_in_a_slug, slug)):
        return Refusal("bad_slug")
    if slug in _NOBODY:
        return Refusal("not_a_profile")
    return _identifier(CANONICAL_URL + quote(slug, safe=""))


def _identifier(url: str) -> Identifier:
    return Identifier(PROFILE_URL, url, url)


def _cannot_be_in_a_slug(character: str) -> bool:
    return character in _FORBIDDEN or unicodedata.category(character) in _NOT_IN_A_SLUG
