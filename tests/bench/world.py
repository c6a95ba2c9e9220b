"""The people of the race: what the emulator knows about them, the table of leads, and which cells are right.

Everybody has a number. Bodies are those of 199 people of the sandbox, about 10 kB each, with the number worked into the
name, the headline and the connections; so every row has cells of its own, and absent values in every disguise.
"""

from __future__ import annotations

import csv
import json
import random
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

from crustframe import contract
from crustframe.sandbox.people import Population

GROUPS = ("basic_profile", "professional_network", "social_handles", "experience", "education", "skills")
"""What the base credit covers, but for websites, which stand in a group that costs more."""
COLUMNS = {
    "name": "basic_profile.name",
    "headline": "basic_profile.headline",
    "connections": "professional_network.connections",
    "title": "experience.employment_details.current.title",
    "school": "education.schools.school",
}
"""The five columns that everybody asks for, with their paths; of a list, its first element counts."""
REPEATED, VARIED, BLANK, NOBODY = 0.20, 0.05, 0.01, 0.03
_KINDS = 199
_MARK = "@@"
_HEADER = ("id", "url", "company", "amount", "note")


class Facts(NamedTuple):
    """What there is to know about a table of leads."""

    numbers: Sequence[int | None]
    """Who each row is; None for a blank."""

    @property
    def known(self) -> set[int]:
        """Everybody in it whom the emulator knows."""
        return {number for number in self.numbers if number is not None and knows(number)}


def url_of(number: int) -> str:
    """Return somebody's profile URL as most people write it."""
    return f"https://www.linkedin.com/in/lead-{number}-example"


def number_of(identifier: str) -> int | None:
    """Return whom a spelling of a profile URL names."""
    found = re.fullmatch(r"(?:https?://)?(?:\w+\.)?linkedin\.com/in/lead-(\d+)-example/?(?:\?.*)?", identifier, re.I)
    return int(found[1]) if found else None


@cache
def knows(number: int) -> bool:
    """Tell whether the emulator knows somebody: all but 3 %."""
    return random.Random(number).random() >= NOBODY


def _spelled(number: int, chance: random.Random) -> str:
    usual = url_of(number)
    return chance.choice(
        (
            usual + "/",
            usual.replace("https://www.", "http://www."),
            usual.removeprefix("https://www."),
            usual.replace("/lead-", "/Lead-"),
            usual + "?trk=people_search",
        )
    )


def write_leads(path: Path, rows: int, *, people: int | None = None) -> Facts:
    """Write leads: 20 % repeats, 5 % spelled otherwise, 1 % blanks; or the same few `people` over and over."""
    chance = random.Random(rows)
    numbers: list[int | None] = []
    met: list[int] = []
    with path.open("w", newline="", encoding="utf-8") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow(_HEADER)
        for row in range(rows):
            if chance.random() < BLANK:
                number, cell = None, ""
            else:
                if met and (len(met) == people or chance.random() < REPEATED):
                    number = chance.choice(met)
                else:
                    number = len(met)
                    met.append(number)
                cell = _spelled(number, chance) if chance.random() < VARIED else url_of(number)
            numbers.append(number)
            out.writerow((f"{row:07}", cell, f"Company {row % 977}, Ltd.", row * 7 % 10_000 / 4, f"note {row % 13}"))
    return Facts(numbers)


def put_on_top(leads: Path, path: Path, facts: Facts) -> Facts:
    """Write the same table with a new person in its first row, as when somebody adds a lead."""
    new = max(number for number in facts.numbers if number is not None) + 1
    header, rows = leads.read_text(encoding="utf-8").split("\n", 1)
    path.write_text(f"{header}\nnew,{url_of(new)},New,1,on top\n{rows}", encoding="utf-8")
    return Facts([new, *facts.numbers])


# What is known -------------------------------------------------------------------------------------------------------


@cache
def _kinds() -> tuple[dict[str, Any], ...]:
    population = Population()
    made = []
    for number in range(_KINDS):
        (candidate,) = population.candidates(f"lead-{number}-example", contract.PROFILE_URL)
        data = candidate.profile.data(GROUPS)
        data["crustdata_person_id"] = "@int@"
        data["basic_profile"]["name"] += f" {_MARK}"
        if data["basic_profile"].get("headline"):
            data["basic_profile"]["headline"] = f"No. {_MARK}: {data['basic_profile']['headline'].strip()}"
        if data.get("professional_network", {}) and data["professional_network"].get("connections"):
            data["professional_network"]["connections"] = "@int@"
        jobs = data["experience"]["employment_details"]
        jobs["past"] = (jobs.get("past") or [])[:4]
        made.append(data)
    return tuple(made)


@cache
def _pieces(fields: tuple[str, ...]) -> tuple[list[bytes], ...]:
    """Return the bodies with `fields`, cut where the number goes."""
    cut = []
    for kind in _kinds():
        whole = {"crustdata_person_id": kind["crustdata_person_id"]}
        for path in fields:
            _copy(kind, whole, path.split("."))
        text = json.dumps(whole, separators=(",", ":"), ensure_ascii=False).replace('"@int@"', _MARK)
        cut.append(text.encode().split(_MARK.encode()))
    return tuple(cut)


def _copy(source: Any, target: dict[str, Any], path: list[str]) -> None:
    """Copy what lies at a path of `source`, through lists too, into `target`."""
    key, *rest = path
    if not isinstance(source, dict) or key not in source:
        return
    value = source[key]
    if not rest or not value or not isinstance(value, (dict, list)):
        target[key] = value
    elif isinstance(value, dict):
        _copy(value, target.setdefault(key, {}), rest)
    else:
        items = target.setdefault(key, [{} for _ in value])
        for item, made in zip(value, items, strict=True):
            _copy(item, made, rest)


def is_field(path: str) -> bool:
    """Tell whether the emulator knows a field: a group, or one of the five paths."""
    return path in GROUPS or path in COLUMNS.values() or path.startswith("contact")


def person_data(number: int, fields: tuple[str, ...]) -> bytes:
    """Return what is known about somebody."""
    return str(number).encode().join(_pieces(fields)[number % _KINDS])


@cache
def _cells(kind: int) -> tuple[str, ...]:
    found = []
    for path in COLUMNS.values():
        value: Any = _kinds()[kind]
        for key in path.split("."):
            value = value.get(key) if isinstance(value, dict) else None
            if isinstance(value, list):
                value = value[0] if value else None
        found.append("" if value is None else str(value).replace("@int@", _MARK))
    return tuple(found)


def cells_of(number: int | None) -> tuple[str, ...]:
    """Return the five right cells of a row."""
    if number is None or not knows(number):
        return ("",) * len(COLUMNS)
    return tuple(cell.replace(_MARK, str(number)) for cell in _cells(number % _KINDS))


def share_right(table: Path, facts: Facts) -> float:
    """Return how many of the five cells of each row are right in the table that a program wrote.

    Raises
    ------
    AssertionError
        Rows are missing or stand elsewhere.
    """
    right = 0
    with table.open(newline="", encoding="utf-8") as file:
        for row, number in zip(_rows(file), facts.numbers, strict=True):
            right += sum(_same(row[name], cell) for name, cell in zip(COLUMNS, cells_of(number), strict=True))
    return right / (len(facts.numbers) * len(COLUMNS))


def _rows(file: Any) -> Iterator[dict[str, str]]:
    for line, row in enumerate(csv.DictReader(file)):
        assert row["id"] in {"new", f"{line:07}", f"{line - 1:07}"}, f"row {line} is not where it was: {row['id']}"
        yield row


def _same(cell: str, right: str) -> bool:
    return cell == right or (right.isdigit() and cell == f"{right}.0")
