"""What a question sends us out for: people, one way to buy them, and what an answer must hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from crustframe.buying.ways import Way
from crustframe.ledger import Need
from crustframe.people.identifiers import Identifier


@dataclass(frozen=True, eq=False)
class Errand:
    """One purchase of a question: a person may be in several.

    Attributes
    ----------
    way : Way
    people : tuple of Identifier
    need : Need
        What an answer that somebody else bought meanwhile must satisfy.
    needed : frozenset of str
        Those of the groups that the question cannot do without; where the API refuses others, it is asked for less.
    otherwise : Way or None
        How whoever this way does not take is bought.
    parts : tuple of int
        Which parts of the question the answers fill.
    stands_for : mapping of str to tuple of str
        Of people who are asked for under another name than the user's: their keys in the table.
    is_step : bool
        Whoever is found is asked for again in the next round, under the name that was found.
    """

    way: Way
    people: tuple[Identifier, ...]
    need: Need
    needed: frozenset[str]
    otherwise: Way | None = None
    parts: tuple[int, ...] = (0,)
    stands_for: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_step: bool = False
