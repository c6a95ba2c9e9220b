"""Counts in words, the same in every receipt."""

from __future__ import annotations


def counted(number: float, one: str, many: str = "") -> str:
    """Return a number with its noun: ``1 person``, ``2 people``."""
    return f"{number:g} {one if number == 1 else many or one + 's'}"


def persons(number: int) -> str:
    """Return how many people: ``1 person``, ``2 people``."""
    return counted(number, "person", "people")
