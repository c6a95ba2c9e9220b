"""Cells become identifiers: which person does a cell name, and if none, why not.

Two spellings of one person become one identifier; two people never do. Nothing here opens a socket.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from typing import Final

from crustframe.contract import BUSINESS_EMAIL, IdentifierKind
from crustframe.errors import IdentifierError
from crustframe.people.emails import is_mail_link, read_email
from crustframe.people.identity import BEYOND_LIMIT, BLANK, LATER, REASONS, Identifier, Refusal
from crustframe.people.marks import bare
from crustframe.people.profile_urls import CANONICAL_URL, SCHEME, read_plain_url, read_url
from crustframe.people.prose import is_separated, read_prose
from crustframe.people.wrapping import inside

__all__ = [
    "BLANK",
    "CANONICAL_URL",
    "REASONS",
    "Identifier",
    "Identifiers",
    "Refusal",
    "count_refused",
    "is_address",
    "read_alone",
    "read_identifier",
    "read_identifiers",
]

_LEVELS: Final = 4  # of wrapping: a mail filter around a search engine around a sign-in page
_LINK_FORMULA: Final = re.compile(
    r"""=\s*(?:HYPERLINK|LIEN_HYPERTEXTE|HIPERV[IÍ]NCULO|COLLEG\.IPERTESTUALE)\s*\(\s*"((?:[^"]|"")*)"\s*"""
    r"""(?:[,;]\s*(.*?)\s*)?\)\s*|="((?:[^"]|"")*)\"""",
    re.IGNORECASE | re.DOTALL,
)


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
    counts : sequence of int, length n, optional
        How many rows of the user's own each row stands for, where equal ones were read once.
    """

    unique: list[Identifier]
    per_row: list[int]
    refusals: dict[int, Refusal]
    spellings: list[int]
    counts: Sequence[int] | None = None

    def __len__(self) -> int:
        return self.count(range(len(self.per_row)))

    def count(self, rows: Collection[int]) -> int:
        """Return how many rows of the user's own these rows stand for."""
        return len(rows) if self.counts is None else sum(self.counts[row] for row in rows)

    @property
    def rows_by_person(self) -> Counter[int]:
        """How many rows name each person, by position in `unique`; at -1, how many name nobody."""
        if self.counts is None:
            return Counter(self.per_row)
        found: Counter[int] = Counter()
        for position, n in zip(self.per_row, self.counts, strict=True):
            found[position] += n
        return found

    @property
    def n_blank(self) -> int:
        """Rows whose cell is empty."""
        return self.count([row for row, refusal in self.refusals.items() if refusal is BLANK])

    @property
    def n_invalid(self) -> int:
        """Rows whose cell names nobody although it is not empty."""
        return sum(self.reasons.values())

    @property
    def reasons(self) -> Counter[str]:
        """Why cells that are not empty name nobody, each with how many."""
        reasons: Counter[str] = Counter()
        for row, refusal in self.refusals.items():
            if refusal.status == "invalid":
                reasons[refusal.reason] += 1 if self.counts is None else self.counts[row]
        return reasons

    @property
    def beyond_limit(self) -> list[int]:
        """Rows that name somebody who is left for later."""
        return [row for row, refusal in self.refusals.items() if refusal is BEYOND_LIMIT]


def read_identifiers(cells: Iterable[object], *, free_mail: bool = False) -> Identifiers:
    """Read a column of profile URLs and business e-mails as it comes.

    Costs nothing; opens no socket.

    Parameters
    ----------
    cells : iterable, length n
        Text; blanks, repeats, other spellings and junk are welcome.
    free_mail : bool
        Whether free-mail addresses name somebody, too.

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
                if isinstance(found, Refusal) and free_mail:
                    found = found.address or found
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
            outcome = BEYOND_LIMIT if cell is LATER else BLANK if _is_missing(cell) else Refusal("not_text")
        if isinstance(outcome, Refusal):
            refusals[row] = outcome
            per_row.append(-1)
        else:
            per_row.append(outcome)
    return Identifiers(unique, per_row, refusals, spellings)


def count_refused(
    cells: Iterable[object], kinds: Collection[IdentifierKind], counts: Iterable[int] | None = None
) -> int:
    """Return how many cells are refused, or 0 as soon as one names somebody of these kinds."""
    refused = 0
    for cell, n in zip(cells, repeat(1) if counts is None else counts, strict=False):
        found = _read(cell) if isinstance(cell, str) else BLANK if _is_missing(cell) else Refusal("not_text")
        if isinstance(found, Identifier) and found.kind in kinds:
            return 0
        refused += n * (found is not BLANK)
    return refused


def read_identifier(cell: object, *, free_mail: bool = False) -> Identifier:
    """Return the identifier that one cell names.

    Raises
    ------
    IdentifierError
        The cell names nobody; the text says why. Nothing was sent.
    """
    found = read_identifiers([cell], free_mail=free_mail)
    if found.unique:
        return found.unique[0]
    reason = found.refusals[0].reason
    raise IdentifierError(
        f"{str(cell)[:80]!r}: {REASONS.get(reason, 'the cell is empty')}. Nothing was sent, nothing was charged.",
        hint="give a URL such as https://www.linkedin.com/in/avery-example or an address such as avery@corp.example.",
    )


def read_alone(text: str) -> Identifier | Refusal:
    """Return whom a text names that is one identifier, in any spelling, and nothing else."""
    text = bare(text)
    return _alone(text) if text else BLANK


def is_address(text: str) -> bool:
    """Whether a text can be nothing but the address of one person: a URL of a profile, or an e-mail."""
    found = read_alone(text)
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
    if plain := read_plain_url(cell):
        return plain
    text = bare(cell)
    if not text:
        return BLANK
    if text.startswith("="):
        return _formula(text)
    found = _alone(text)
    return read_prose(text, found, _alone) if isinstance(found, Refusal) else found


def _alone(text: str, levels: int = _LEVELS) -> Identifier | Refusal:
    """Read a text that is one identifier, or none."""
    if plain := read_plain_url(text):
        return plain
    if is_mail_link(text) or ("@" in text and "/" not in text.partition("@")[0]):
        return Refusal("formula") if text.startswith("=") else read_email(text)
    if is_separated(text):
        return Refusal(_kind_of_junk(text))
    found = read_url(text)
    if isinstance(found, Refusal) and found.reason in {"other_site", "not_a_profile", "short_link"}:
        wrapped = inside(text)
        if wrapped is not None:
            return _alone(bare(wrapped), levels - 1) if levels else Refusal("other_site")
    return found


def _formula(text: str) -> Identifier | Refusal:
    """Read a formula: the address of a link, or a text; what any other one shows cannot be known."""
    link = _LINK_FORMULA.fullmatch(text)
    if link is None:
        return Refusal("formula")
    address, label = (_read((part or "").replace('""', '"')) for part in (link[1] or link[3], link[2]))
    if isinstance(address, Identifier) and isinstance(label, Identifier) and address[:2] != label[:2]:
        return Refusal("several")
    return label if isinstance(label, Identifier) else Refusal("formula") if address is BLANK else address


def _kind_of_junk(text: str) -> str:
    if "@" in text:
        return "bad_email"
    if "linkedin.com/in/" in text.lower():
        return "bad_slug"
    return "other_site" if SCHEME.match(text) else "not_an_identifier"
