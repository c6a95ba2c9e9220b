"""Text around an identifier: notes, labels, Markdown, HTML. Exactly one person in it is that person."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from crustframe.contract import PROFILE_URL
from crustframe.people.identity import Identifier, Refusal
from crustframe.people.marks import without_marks_behind

_URL_START: Final = r"(?:https?:?/{1,3}|(?<![\w@./])(?<!\w-)(?:[a-z0-9][a-z0-9-]*\.)+[a-z]{2,}/)"
_OUTSIDE: Final = r"\s<>()\[\]:;,\"|/\\@"
_ADDRESS: Final = rf"(?<![^{_OUTSIDE}])[^{_OUTSIDE}]{{1,64}}@[^{_OUTSIDE}]{{1,255}}"
_NEXT: Final = rf"[,;(']{{1,8}}(?:{_URL_START}|{_ADDRESS})"
_ANYBODY: Final = re.compile(rf"{_URL_START}(?:(?!{_NEXT})[^\s<>\"\[\]|\\^`{{}}])*|{_ADDRESS}", re.IGNORECASE)
_SEPARATED: Final = re.compile(
    r"\s|[,;|]+(?=(?:https?:)?//|www\.|linkedin\.com)|[,;|\"<>()\[\]{}](?=[^\s@]{1,64}@)", re.IGNORECASE
)
_WITH_USER: Final = re.compile(r"(?:https?:)?/*[^/?#]*@", re.IGNORECASE)
_UNREAD: Final = re.compile(r"\S@\S|linkedin\.com/\S", re.IGNORECASE)
_BLANK_SLUG: Final = re.compile(r"(?<=/in/)\s+", re.IGNORECASE)
_WORD_BEHIND: Final = re.compile(r"(\s+)(\w[\w'’-]*)")
_WORD_BEFORE: Final = re.compile(r"(\w[\w'’.-]*)(\s+)$")
# Words beside an address that are no part of it.
_LABELS: Final = frozenset(
    """address and at business contact e-mail email for from is linkedin mail me my on or please profile thanks the to
    url via work""".split()  # noqa: SIM905
)
_OF_NOBODY: Final = frozenset(
    {"other_site", "not_an_identifier", "not_a_profile", "company", "school", "post", "job", "group"}
)


def is_separated(text: str) -> bool:
    """Whether a text holds more than one web address can."""
    return _SEPARATED.search(text) is not None


def read_prose(text: str, alone: Refusal, read: Callable[[str], Identifier | Refusal]) -> Identifier | Refusal:
    """Return the one person whom a text names.

    Parameters
    ----------
    text : str
    alone : Refusal
        What the whole text is, read as one identifier.
    read : callable
        Reads one identifier.
    """
    text = _BLANK_SLUG.sub("", text)
    found = [(part, read(part[0])) for part in _ANYBODY.finditer(text)]
    people = {(who.kind, who.key): who for _, who in found if isinstance(who, Identifier)}
    reasons = {who.reason for _, who in found if isinstance(who, Refusal)}
    if not people:
        return Refusal(reasons.pop()) if len(reasons) == 1 and not reasons & {"other_site", alone.reason} else alone
    rest = _ANYBODY.sub("x", text)
    has_others = any(isinstance(who, Refusal) and _WITH_USER.match(part[0]) for part, who in found)
    if len(people) > 1 or reasons - _OF_NOBODY or has_others or _UNREAD.search(rest):
        return Refusal("several")
    (who,) = people.values()
    is_url = who.kind == PROFILE_URL
    ends = [0, *(part.end() for part, _ in found)]
    starts = [*(part.start() for part, _ in found), len(text)]
    for number, (part, one) in enumerate(found):
        before, behind = text[ends[number] : part.start()], text[part.end() : starts[number + 1]]
        if isinstance(one, Identifier) and not _stands_apart(part[0], before, behind, is_url=is_url):
            return Refusal("bad_slug" if is_url else "bad_email")
    return who


def _stands_apart(part: str, before: str, behind: str, *, is_url: bool) -> bool:
    """Whether it is clear where an identifier begins and ends: a blank in it would cut it to somebody else."""
    name = part.partition("/in/")[2] if is_url else part.partition("@")[0]
    names = {word[at:] for word in re.split(r"[\W_]+", name.lower()) for at in (0, 1)} - {""}  # tester, atester
    is_named = not names.isdisjoint(re.findall(r"\w+", f"{before} {behind}".lower()))
    if word := _WORD_BEHIND.match(behind):
        is_closed = is_url and (re.search(r"[/?#]", name) or without_marks_behind(part) != part)
        is_new_line = "\n" in word[1] and word[2][0].isupper() and part[-1] not in "-_."
        if not (is_closed or is_new_line or is_named or word[2].lower() in _LABELS):
            return False
    elif not is_url and re.match(r":?/\S", behind):  # part of something else
        return False
    if not is_url and (word := _WORD_BEFORE.search(before)):
        return is_named or word[1].lower() in _LABELS or ("\n" in word[2] and word[1][-1] not in "-_.")
    return True
