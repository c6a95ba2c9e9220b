"""Whether a web domain is a company's: the same house, one that is related, or neither.

Knows the public suffixes from the list that ``publicsuffixlist`` carries; nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

_AFFIXES: Final = re.compile(r"^(get|go|hello|join|my|team|the|try|use|we)(?=.{4})")
_TELLING: Final = 4  # a shorter beginning is shared by chance


def is_same_house(domain: str, other: str) -> bool:
    """Tell whether two domains are one company's: alike up to the public suffix, whatever stands before."""
    own = label(domain)
    return own != "" and own == label(other)


def is_related(domain: str, name: str, domains: Sequence[str]) -> bool:
    """Tell whether a domain's label contains a company's label or name, legal form aside, or is contained in it."""
    import cleanco
    from anyascii import anyascii

    own = label(domain)
    words = re.findall(r"[a-z0-9]+", anyascii(cleanco.basename(name) or name).lower())
    initials = "".join(word[0] for word in words)
    return (len(initials) > 1 and own == initials) or any(
        _is_alike(own, other) for other in ["-".join(words), *map(label, domains)]
    )


@cache
def label(domain: str) -> str:
    """Return the part of a domain that its owner chose: ``acme`` of ``mail.acme.co.uk``; empty for a bare suffix."""
    domain = domain.lower().strip(".").removeprefix("www.")
    return (_suffixes().privatesuffix(domain) or "").partition(".")[0]


def _is_alike(one: str, other: str) -> bool:
    shorter, longer = sorted((_AFFIXES.sub("", one), _AFFIXES.sub("", other)), key=len)
    joined = shorter.replace("-", "")
    if joined == longer.replace("-", ""):
        return joined != ""
    return len(joined) >= _TELLING and (longer.replace("-", "").startswith(joined) or joined in longer.split("-"))


@cache
def _suffixes() -> PublicSuffixList:
    from publicsuffixlist import PublicSuffixList

    return PublicSuffixList()
