"""Links that mail filters, search engines and sign-in pages wrap around an address, unwrapped without a socket."""

from __future__ import annotations

import base64
import re
from collections.abc import Sequence
from typing import Final
from urllib.parse import parse_qsl, unquote

_AT_THE_START: Final = re.compile(r"(?:https?:?/{1,3}|//|/|mailto:|www\.)", re.IGNORECASE)
_LINK: Final = re.compile(r"(?:https?:?/{1,3}|//)?([^/?#@\s]+)(/[^?#\s]*)?(?:\?(.*))?", re.IGNORECASE | re.DOTALL)
_WRAPPERS: Final[Sequence[tuple[re.Pattern[str], frozenset[str]]]] = [
    (re.compile(place, re.IGNORECASE), frozenset(keys.split()))
    for place, keys in (
        (r"(?:[\w-]+\.)*safelinks\.protection\.(?:outlook\.com|outlook\.de|(?:partner\.)?outlook\.cn|office365\.us)/.*",
         "url"),
        (r"statics\.teams\.(?:cdn\.office\.net|microsoft\.com)/.*", "url"),
        (r"(?:www\.)?google\.(?:com|[a-z]{2}|com?\.[a-z]{2})/url/?", "q url"),
        (r"urldefense(?:\.proofpoint)?\.com/v1/url", "u"),
        (r"(?:.+\.)?mimecast(?:protect)?\.com/.*", "url u"),
        (r"lm?\.(?:facebook|messenger)\.com/l\.php", "u"),
        (r"(?:www\.)?facebook\.com/(?:l|flx/warn)(?:\.php|/)", "u"),
        (r"l\.instagram\.com/?", "u"),
        (r"slack-redir\.net/link", "url"),
        (r"protect\d*\.fireeye\.com/.*", "u"),
        (r"linkprotect\.cudasvc\.com/url", "a"),
        (r"clicktime\.symantec\.com/.*", "u"),
        (r"(?:[\w-]+\.)*trendmicro\.com(?::443)?/wis/clicktime/.*", "url"),
        (r"(?:www\.)?youtube\.com/redirect", "q"),
        (r"duckduckgo\.com/l/?", "uddg"),
        (r"(?:[\w-]+\.)*linkedin\.com/(?:redir|safety|authwall|uas|login|checkpoint|signup|start|cold-join)(?:/.*)?",
         "url sessionredirect session_redirect"),
    )
]  # fmt: skip
_V2: Final = re.compile(r"urldefense(?:\.proofpoint)?\.com/v2/url", re.IGNORECASE)
_V3: Final = re.compile(
    r"(?:https?:/{1,2})?urldefense\.(?:com|us|proofpoint\.com)/v3/__(.+)__(?:;([\w-]*)(?:!.*)?)?", re.IGNORECASE
)
_STAR: Final = re.compile(r"\*(?:\*(.))?")
_LENGTHS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


def inside(text: str) -> str | None:
    """Return the address that a wrapped link holds, or None: it wraps nothing, or nobody can tell what."""
    if third := _V3.fullmatch(text):
        return _third(third[1], third[2] or "")
    link = _LINK.fullmatch(text)
    if link is None or not link[3]:
        return None
    place = link[1].rstrip(".") + (link[2] or "/")
    if _V2.fullmatch(place):
        return _only({unquote(url.translate(_SECOND)) for url in _values(link[3], {"u"})})
    keys = next((keys for pattern, keys in _WRAPPERS if pattern.fullmatch(place)), frozenset[str]())
    return _only({url for url in _values(link[3], keys) if _AT_THE_START.match(url)})


_SECOND: Final = str.maketrans("-_", "%/")


def _values(query: str, keys: frozenset[str] | set[str]) -> list[str]:
    pairs = parse_qsl(query.partition("#")[0] if "#" in query else query)
    return [value for key, value in pairs if key.lower().removeprefix("amp;") in keys]


def _only(found: set[str]) -> str | None:
    return found.pop() if len(found) == 1 else None


def _third(url: str, token: str) -> str | None:
    """Put back what stars stand for: one character each, or as many as the letter behind two stars says."""
    try:
        replaced = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except ValueError:
        return None
    out, at, used = [], 0, 0
    for star in _STAR.finditer(url):
        length = _LENGTHS.find(star[1]) + 2 if star[1] else 1
        out += [url[at : star.start()], replaced[used : used + length]]
        at, used = star.end(), used + length
    return "".join([*out, url[at:]]) if used == len(replaced) else None
