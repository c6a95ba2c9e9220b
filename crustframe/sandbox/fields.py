"""What ``fields`` means: which names are valid, what they cost, and what they leave of a person."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Final, Literal

from crustframe import contract

Snapshot = Literal["A", "B", "C"]
"""The ages of the API that the sandbox can play (contract notes, section 0)."""

Tree = dict[str, Any]  # a wanted key maps to True (whole subtree) or to another tree

_SEED_GROUPS: Final = (
    "basic_profile",
    "professional_network",
    "social_handles",
    "experience",
    "education",
    "skills",
    "contact",
    "dev_platform_profiles",
)
GROUPS: Final[Mapping[Snapshot, tuple[str, ...]]] = {
    # docs name the last three of A and B; a plan may deny them
    "A": (*_SEED_GROUPS, "certifications", "honors", "updated_at"),
    "B": (*_SEED_GROUPS, "certifications", "honors", "updated_at"),
    "C": (
        *(group for group in _SEED_GROUPS if group != "contact"),
        "certifications",
        "honors",
        "assessment",
        "social_posts",
    ),
}
DEFAULT_GROUPS: Final[Mapping[Snapshot, tuple[str, ...]]] = {
    "A": GROUPS["A"],
    "B": ("basic_profile", "social_handles"),
    "C": ("basic_profile", "social_handles"),
}
PREVIEW_GROUPS: Final = ("basic_profile",)  # docs: "basic profile only"
EMPLOYER_ALIAS: Final = "company_name"  # seed's path for the employer; answers carry it under ``name``


@cache
def available(snapshot: Snapshot) -> tuple[str, ...]:
    """Return every name that `snapshot` takes in ``fields``, written without list markers."""
    groups = {*GROUPS[snapshot], "crustdata_person_id"}
    entries = (entry for entry in contract.person_fields() if "enrich" in entry["present_in"])
    names = (str(entry["path"]).replace("[]", "") for entry in entries)
    return tuple(name for name in names if name.split(".")[0] in groups)


def _under(path: str, group: str) -> bool:
    return path == group or path.startswith(group + ".")


def denied(paths: Iterable[str], grants_missing: Sequence[str]) -> list[str]:
    """Return which of `paths` are at or below a name that the account lacks."""
    return [path for path in paths if any(_under(path, group) for group in grants_missing)]


@dataclass(frozen=True)
class Selection:
    """The whitelist of one call.

    Parameters
    ----------
    tree : dict
        Wanted keys of ``person_data``.
    withheld : dict
        Keys below wanted ones that the account lacks.
    prices : dict of str to float
        Credits for each matched identifier, by component of the bill.
    """

    tree: Tree
    withheld: Tree
    prices: Mapping[str, float]

    @property
    def price(self) -> float:
        """Credits for each matched identifier."""
        return sum(self.prices.values())

    @property
    def groups(self) -> tuple[str, ...]:
        """Top-level keys to make."""
        return tuple(group for group in self.tree if group != "crustdata_person_id")

    def of(self, data: Mapping[str, Any]) -> dict[str, Any]:
        """Return what this call may see of `data`; keys that no document names come along."""
        wanted = {
            key: value if self.tree.get(key, True) is True else _kept(value, self.tree[key])
            for key, value in data.items()
        }
        return _without(wanted, self.withheld) if self.withheld else wanted


def select(asked: Sequence[str] | None, snapshot: Snapshot, grants_missing: Sequence[str] = ()) -> Selection:
    """Return the selection for the valid names `asked`.

    ``None`` is the snapshot's default. It costs the base credit, whatever it brings: add-ons are charged only
    when their group is named (contract notes, 2.3).
    """
    names = asked if asked is not None else [g for g in DEFAULT_GROUPS[snapshot] if not denied([g], grants_missing)]
    add_ons = {
        add_on
        for add_on in contract.ADD_ON_PRICES
        for name in asked or ()
        if (_under(name, add_on) or _under(add_on, name)) and not denied([add_on], grants_missing)
    }
    parts = {"base": contract.BASE_PRICE} | {add_on: contract.ADD_ON_PRICES[add_on] for add_on in add_ons}
    prices = {name: parts[part] for name, part in contract.COST_COMPONENTS.items() if part in parts}
    return Selection(_tree(names), _tree(grants_missing), prices)


def preview() -> Selection:
    """Return the free selection of a preview, whatever was asked."""
    return Selection(_tree(PREVIEW_GROUPS), {}, {})


def _tree(names: Iterable[str]) -> Tree:
    tree: Tree = {}
    for name in names:
        *parents, leaf = name.split(".")
        node: Any = tree
        for key in parents:
            node = node.setdefault(key, {}) if node is not True else True
        if node is not True:
            node["name" if leaf == EMPLOYER_ALIAS else leaf] = True
    return tree


def _kept(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_kept(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: item if tree[key] is True else _kept(item, tree[key]) for key, item in value.items() if key in tree}


def _without(value: Any, tree: Tree) -> Any:
    if isinstance(value, list):
        return [_without(item, tree) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _without(item, tree[key]) if key in tree else item
        for key, item in value.items()
        if tree.get(key) is not True
    }
