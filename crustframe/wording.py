"""Counts in words, the same in every receipt."""

from __future__ import annotations

import html


def counted(number: float, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 person``, ``2 people``."""
    return f"{number:.12g} {noun(number, one, many)}"


def noun(number: float, one: str, many: str = "") -> str:
    """Return the noun that goes with a number."""
    return one if number == 1 else many or one + "s"


def persons(number: int) -> str:
    """Return how many people: ``1 person``, ``2 people``."""
    return counted(number, "person", "people")


def as_html(heading: str, text: str) -> str:
    """Return lines of text as a notebook shows them."""
    lines = "".join(f"<li>{html.escape(line)}</li>" for line in text.splitlines())
    return f"<div>{heading}<ul>{lines}</ul></div>"
