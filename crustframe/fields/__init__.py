"""Dot paths: what can be asked for, what it costs, which type comes back, and how to pick inside lists.

Grammar: the API's own dot paths; ``[0]``, ``[-1]`` pick, ``[*]`` takes all; a path that crosses a list without
an index takes the first element; `` as name`` names the column; ``| join``, ``| count``, ``| json``, ``| list``
reduce a list: columns over one list of objects keep their places, ``count`` counts the values. A suffix that fits one
path only stands for that path.
"""

from __future__ import annotations

import dataclasses
import difflib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final, Literal, get_args

from crustframe import contract
from crustframe.errors import FieldError, SettingError
from crustframe.fields.legacy import CURRENT_PATHS, WITHOUT
from crustframe.fields.synonyms import SYNONYMS

Reduction = Literal["join", "list", "json", "count"]
DType = Literal["string", "Int64", "Float64", "boolean", "datetime64[us, UTC]", "object"]

DEFAULT_FIELDS: Final = (
    "basic_profile.name",
    "basic_profile.headline",
    "basic_profile.current_title",
    "experience.employment_details.current.name",
    "basic_profile.location.raw",
)
"""What a front end asks for when nothing is named: who, what, where at. All of it base-priced."""

PREVIEW: Final = "preview"
"""Ledger group of free previews, which hold ``basic_profile`` only."""

_DTYPES: Final[Mapping[str, DType]] = {
    "string": "string",
    "integer": "Int64",
    "number": "Float64",
    "boolean": "boolean",
    "datetime": "datetime64[us, UTC]",
    "date": "datetime64[us, UTC]",
}
# Facts of the contract that a type cannot say: (least, greatest) of the number at the end of a path.
_RANGES: Final[Mapping[str, tuple[float, float]]] = {
    "connections": (0, 1e9),
    "num_of_connections": (0, 1e9),
    "score": (0, 1),
    "followers": (0, 1e10),
    "following": (0, 1e10),
    "confidence_score": (0, 1),
    "start_year": (1900, 2100),
    "end_year": (1900, 2100),
    "years_at_company_raw": (0, 120),
    "company_headcount_latest": (0, 1e8),
    "public_repo_count": (0, 1e8),
    "total_repos": (0, 1e8),
    "total_stars": (0, 1e10),
    "max_stars": (0, 1e10),
}
# The seed's table names the employer company_name; answers carry it under name. Either is read.
_ALSO_UNDER: Final = {"company_name": "name"}


@dataclass(frozen=True, slots=True)
class Field:
    """One documented path of ``person_data``.

    Attributes
    ----------
    path : str
        Dot path without list marks, as ``fields`` of a request takes it.
    type : str
        ``string``, ``integer``, ``number``, ``boolean``, ``datetime``, ``date``, ``object``,
        ``array<string>`` or ``array<object>``.
    lists : frozenset of int
        Which segments (by position) are lists.
    group : str
        What a request must name so that the path comes back.
    price : float
        Credits per matched person on top of the base credit.
    access : str
        ``base``, ``gated`` or the name of an add-on.
    source, confidence, note : str
        Where the catalogue knows it from, and how well.
    """

    path: str
    type: str
    lists: frozenset[int]
    group: str
    price: float
    access: str
    source: str
    confidence: str
    note: str


ADDRESS: Final = "email"
_ADDRESSES: Final = ("contact.business_emails", "contact.personal_emails")

Step = str | int | None
"""A key, a position in a list, or None for all elements of a list."""


@dataclass(frozen=True, slots=True)
class Path:
    """One asked column: a field of the catalogue, where to pick in its lists, and the column's name and type.

    Attributes
    ----------
    name : str
        The column.
    field : Field
    steps : tuple
        Keys, list positions, and ``None`` for every element.
    reduction : {"join", "list", "json", "count"} or None
        How a list becomes a cell; ``None`` where the path ends at one value.
    dtype : str
        pandas dtype of the column.
    names_its_form : bool
        Whether the form of a list was asked for with ``|``, rather than taken from the option ``lists``.
    word : str or None
        The everyday word that was asked for instead.
    """

    name: str
    field: Field
    steps: tuple[Step, ...]
    reduction: Reduction | None
    dtype: DType
    names_its_form: bool = dataclasses.field(default=False, compare=False)
    word: str | None = dataclasses.field(default=None, compare=False)

    @property
    def spelled(self) -> str:
        """The path with its picks, as it can be asked for."""
        picks = ("*" if step is None else step for step in self.steps)
        return "".join(f"[{p}]" if not isinstance(p, str) or p == "*" else f".{p}" for p in picks).removeprefix(".")

    @property
    def groups(self) -> frozenset[str]:
        """Groups of the API that hold this path; asking for all of ``contact`` names four."""
        if self.field.group == "contact":
            return frozenset(g for g in (*contract.ADD_ON_PRICES, *contract.BASE_GROUPS) if g.startswith("contact."))
        return frozenset({self.field.group})

    @property
    def is_of_addresses(self) -> bool:
        """Whether the objects at the end stand for their e-mail addresses; with ``| json`` they are told whole."""
        return self.field.path in _ADDRESSES and self.reduction != "json"

    @property
    def limits(self) -> tuple[float, float] | None:
        """The least and the greatest value that the contract allows, where it says so."""
        if self.reduction is not None or element_type(self.field) not in {"integer", "number"}:
            return None
        return _RANGES.get(self.field.path.rpartition(".")[2])


@dataclass(frozen=True)
class Catalogue:
    """The documented paths of one surface.

    Attributes
    ----------
    fields : dict of str to Field
        By path, in the documented order.
    elsewhere : frozenset of str
        Paths that are documented for another endpoint only.
    holder : str
        What the paths are paths of.
    renamed : mapping of str to str
        Names of an older surface to paths of this one.
    gone : mapping of str to str
        Names of an older surface that this one lacks, and what to do instead.
    synonyms : mapping of str to str
        Everyday words to paths.
    """

    fields: Mapping[str, Field]
    elsewhere: frozenset[str]
    holder: str = "person_data"
    renamed: Mapping[str, str] = dataclasses.field(default_factory=dict)
    gone: Mapping[str, str] = dataclasses.field(default_factory=dict)
    synonyms: Mapping[str, str] = dataclasses.field(default_factory=dict)

    def meant_by(self, word: str) -> str | None:
        """Return the path that an everyday word stands for, if it does and is no path itself."""
        return None if word in self.fields else self.synonyms.get(word.casefold())

    @cached_property
    def _by_suffix(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in self.fields:
            segments = path.split(".")
            for start in range(len(segments)):
                found.setdefault(".".join(segments[start:]), []).append(path)
        return found

    def find(self, path: str) -> Field:
        """Return the field of a path or of a suffix that fits one path only.

        Raises
        ------
        FieldError
            Unknown, ambiguous or not returned by this endpoint; names the nearest paths. Nothing was sent.
        """
        if path in self.fields:
            return self.fields[path]
        candidates = self._by_suffix.get(path, [])
        if len(candidates) == 1:
            return self.fields[candidates[0]]
        current = self.renamed.get(path)
        if candidates:
            legacy = f"{path!r} is the legacy name of {current!r}" if current else self.gone.get(path, "")
            raise FieldError(
                f"{path!r} fits {len(candidates)} paths: {', '.join(candidates)}. Nothing was sent.",
                hint="give the whole path" + (f"; {legacy}." if legacy else "."),
                candidates=[*([current] if current else []), *(c for c in candidates if c != current)],
            )
        if current or path in self.gone:
            raise self._legacy_name(path)
        near = self.nearest(path)
        what = "is not returned by person enrich" if path in self.elsewhere else f"is not a path of {self.holder}"
        raise FieldError(
            f"{path!r} {what}. Nothing was sent, nothing was charged.",
            hint=(f"did you mean {' or '.join(near)}? " if near else "") + "`crustframe fields` lists every path.",
            candidates=near,
        )

    def _legacy_name(self, path: str) -> FieldError:
        if path in self.gone:
            return FieldError(
                f"{path!r} is a name of the legacy surface, and the current one has no such path. Nothing was sent, "
                "nothing was charged.",
                hint=f"{self.gone[path]}.",
            )
        return FieldError(
            f"{path!r} is the legacy name of {self.renamed[path]!r}. Nothing was sent, nothing was charged.",
            hint=f"ask for {self.renamed[path]!r}; `crustframe migrate` renames the columns of an old file.",
            candidates=[self.renamed[path]],
        )

    def nearest(self, path: str) -> list[str]:
        """Return up to three paths that look like `path`."""
        near = difflib.get_close_matches(path, self.fields, n=3, cutoff=0.72)
        endings = difflib.get_close_matches(path, self._by_suffix, n=4, cutoff=0.75)
        last = difflib.get_close_matches(path.rpartition(".")[2], self._by_suffix, n=2, cutoff=0.8)
        for ending in (*endings, *last):
            near += self._by_suffix[ending]
        return list(dict.fromkeys(near))[:3]

    def search(self, text: str = "") -> list[Field]:
        """Return what words of `text` stand for, fields with a word in path or group, and with all in their note."""
        words = text.lower().split()
        meant = dict.fromkeys(re.sub(r"\[[^\]]*\]", "", path) for word in words if (path := self.meant_by(word)))

        def is_found(field: Field) -> bool:
            name, whole = f"{field.path} {field.group}".lower(), f"{field.path} {field.group} {field.note}".lower()
            return any(word in name for word in words) or all(word in whole for word in words)

        found = [field for path, field in self.fields.items() if path not in meant and is_found(field)]
        return [*(self.fields[path] for path in meant), *found]


@cache
def catalogue() -> Catalogue:
    """Return the paths of ``POST /person/enrich``."""
    fields: dict[str, Field] = {}
    elsewhere = set()
    for entry in contract.person_fields():
        path = entry["path"].replace("[]", "")
        if "enrich" not in entry["present_in"]:
            elsewhere.add(path)
            continue
        group = _group_of(path, entry["access"])
        price = contract.price_of({group}) - contract.BASE_PRICE
        if path == "contact":
            price = sum(p for g, p in contract.ADD_ON_PRICES.items() if g.startswith("contact."))
        fields[path] = read_field(entry, group, price)
    return Catalogue(fields, frozenset(elsewhere), renamed=CURRENT_PATHS, gone=WITHOUT, synonyms=SYNONYMS)


def read_field(entry: Mapping[str, Any], group: str, price: float) -> Field:
    """Return the field that an entry of the contract describes."""
    segments = entry["path"].split(".")
    lists = {position for position, segment in enumerate(segments) if segment.endswith("[]")}
    if entry["type"].startswith("array"):
        lists.add(len(segments) - 1)
    return Field(
        entry["path"].replace("[]", ""),
        entry["type"],
        frozenset(lists),
        group,
        price,
        entry["access"],
        entry["source"],
        entry["confidence"],
        entry.get("note", ""),
    )


def _group_of(path: str, access: str) -> str:
    if path == "crustdata_person_id":  # docs: always returned beside the requested groups
        return contract.BASE_GROUPS[0]
    section, _, rest = path.partition(".")
    if access == contract.GATED and section in contract.BASE_GROUPS:  # by its own name: what is denied is then free
        return path
    return f"contact.{rest.partition('.')[0]}" if section == "contact" and rest else section


_ASKED: Final = re.compile(
    r"\s*(?P<path>[^|\s]+)(?:\s+as\s+(?P<name>[^|]*?))?\s*(?:\|\s*(?P<reduction>\w+)\s*)?(?:\s+as\s+(?P<late>[^|]*?)\s*)?",
    re.IGNORECASE,
)
_SEGMENT: Final = re.compile(r"([^\[\]]+)((?:\[(?:-?\d+|\*|)\])*)")


def split_fields(text: str) -> list[str]:
    """Return the paths that one text names; commas, semicolons or line breaks stand between them."""
    return [part for part in map(str.strip, re.split(r"[,;\r\n]", text)) if part]


def read_paths(
    fields: str | Sequence[str] | Mapping[str, str],
    *,
    lists: Reduction = "join",
    known: Catalogue | None = None,
) -> tuple[Path, ...]:
    """Read the asked columns.

    Parameters
    ----------
    fields : str, sequence of str, or mapping of new name to str, length p
        Dot paths in the grammar of this module, such as ``"experience.employment_details.current[0].title as title"``;
        in one text, commas stand between them.
    lists : {"join", "list", "json", "count"}
        How a path that ends at a list becomes a cell, unless the path says otherwise.
    known : Catalogue, optional
        The paths of another surface than the current one.

    Returns
    -------
    tuple of Path, length p

    Raises
    ------
    FieldError
        A path that cannot be asked for, or two columns of one name. Nothing was sent.
    """
    if lists not in get_args(Reduction):
        raise SettingError(f"lists={lists!r} is not one of {', '.join(get_args(Reduction))}. Nothing was sent.")
    if isinstance(fields, str):
        fields = split_fields(fields)
    if isinstance(fields, Mapping):
        paths = [_read_path(str(asked), lists, known, name=str(name)) for name, asked in fields.items()]
    else:
        paths = [_read_path(asked, lists, known) for asked in fields]
    if not paths:
        raise FieldError("No field is named. Nothing was sent.", hint=f"for instance {DEFAULT_FIELDS[0]!r}.")
    names = [path.name for path in paths]
    if taken := [name for name in names if name.startswith("crust.")]:
        raise FieldError(
            f"A column cannot be named {taken[0]!r}: names that begin with 'crust.' are our remarks. Nothing was sent.",
            hint="choose another name.",
        )
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise FieldError(
            f"Two columns would be named {doubled[0]!r}. Nothing was sent.",
            hint="name one of them with ' as other_name'.",
        )
    return tuple(paths)


def _read_path(asked: object, lists: Reduction, known: Catalogue | None, name: str | None = None) -> Path:
    parts = _ASKED.fullmatch(asked) if isinstance(asked, str) else None
    if not parts or (parts["name"] and parts["late"]):
        raise FieldError(
            f"{asked!r} cannot be read as a field. Nothing was sent.",
            hint="write path[index] as name | join, such as 'skills.professional_network_skills as skills | join'.",
        )
    path, word = parts["path"], None
    if meant := (known or catalogue()).meant_by(path):
        path, word = meant, path
    segments = []
    for text in path.split("."):
        segment = _SEGMENT.fullmatch(text)
        if not segment:
            raise FieldError(
                f"{asked!r}: {text!r} cannot be read. Nothing was sent.", hint="lists take [0], [-1] or [*]."
            )
        segments.append((segment[1], [mark or "*" for mark in re.findall(r"\[([^\]]*)\]", segment[2])]))
    field = (known or catalogue()).find(".".join(key for key, _ in segments))
    keys = field.path.split(".")
    marks: list[list[str]] = [[] for _ in range(len(keys) - len(segments))] + [found for _, found in segments]
    steps, ends_in_list = _steps(field, keys, marks, str(asked))
    reduction = _reduction(parts["reduction"], str(asked), field, ends_in_list, lists)
    spelled = ".".join(key + "".join(f"[{mark}]" for mark in found) for key, found in zip(keys, marks, strict=True))
    default_name = f"{spelled} | {reduction}" if parts["reduction"] else spelled
    column = name or parts["name"] or parts["late"] or default_name
    return Path(column, field, steps, reduction, _dtype(field, reduction), bool(parts["reduction"]), word)


def _steps(field: Field, keys: list[str], marks: list[list[str]], asked: str) -> tuple[tuple[Step, ...], bool]:
    steps: list[Step] = []
    last = len(keys) - 1
    many = False
    for position, (key, found) in enumerate(zip(keys, marks, strict=True)):
        steps.append(key)
        if position not in field.lists:
            if found:
                raise FieldError(f"{asked!r}: {key!r} is not a list. Nothing was sent.", hint="leave the index out.")
            continue
        if len(found) > 1:
            raise FieldError(f"{asked!r}: {key!r} is one list deep. Nothing was sent.", hint="use one index.")
        mark = found[0] if found else ("*" if position == last else "0")
        many |= mark == "*"
        steps.append(None if mark == "*" else int(mark))
    return tuple(steps), many


def _reduction(word: str | None, asked: str, field: Field, ends_in_list: bool, lists: Reduction) -> Reduction | None:
    if word and word.lower() not in get_args(Reduction):
        raise FieldError(
            f"{asked!r}: '| {word}' is not known. Nothing was sent.", hint=f"use {', '.join(get_args(Reduction))}."
        )
    chosen: Reduction = word.lower() if word else lists  # type: ignore[assignment]
    is_object = field.type in {"object", "array<object>"}
    if field.path in _ADDRESSES and not (word and not ends_in_list):
        return chosen if ends_in_list or chosen == "json" else None
    if not ends_in_list:
        if word and not (word.lower() == "json" and is_object):
            raise FieldError(
                f"{asked!r} ends at one value, not at a list. Nothing was sent.", hint="use [*] to take all."
            )
        return "json" if is_object else None
    return "json" if is_object and chosen == "join" else chosen


def _dtype(field: Field, reduction: Reduction | None) -> DType:
    match reduction:
        case None:
            return _DTYPES.get(element_type(field), "string")
        case "count":
            return "Int64"
        case "list":
            return "object"
        case _:
            return "string"


def element_type(field: Field) -> str:
    """Return the type of one value at the end of the path, lists taken apart."""
    return field.type.removeprefix("array<").removesuffix(">")


def alternatives(key: str) -> tuple[str, ...]:
    """Return the keys under which a value may stand, the asked one first."""
    return (key, _ALSO_UNDER[key]) if key in _ALSO_UNDER else (key,)


Keep = Literal["all", "asked"]


def needed_groups(paths: Iterable[Path]) -> frozenset[str]:
    """Return the groups that the paths cannot do without."""
    return frozenset().union(*(path.groups for path in paths))


def requested_groups(paths: Iterable[Path], keep: Keep = "all") -> frozenset[str]:
    """Return the groups to ask for.

    The base credit covers every base-priced group, so with ``keep="all"`` all of them are asked and later
    base columns are free; ``"asked"`` names only what the paths need.
    """
    needed = needed_groups(paths)
    return needed if keep == "asked" else needed | frozenset(contract.BASE_GROUPS)


def describe(field: Field) -> dict[str, Any]:
    """Return one row of ``crustframe fields``."""
    return {
        "path": field.path,
        "type": field.type,
        "group": field.group,
        "credits": contract.BASE_PRICE + field.price,
        "access": field.access,
        "note": field.note,
    }
