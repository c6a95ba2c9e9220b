"""What is asked about everybody: read and checked before anybody is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, get_args

from crustframe.api.options import Options
from crustframe.api.surfaces import SURFACES, Api
from crustframe.errors import FieldError, SettingError
from crustframe.fields import DEFAULT_FIELDS, PREVIEW, Keep, Path, Reduction, needed_groups, read_paths
from crustframe.ledger import Need
from crustframe.people.verdict import MinVerdict
from crustframe.settings.config import read_age, read_ceiling

Fields = str | Sequence[str] | Mapping[str, str]

NO_MATCH_AGE_S: Final = 7 * 86400.0
"""How long "nobody there" is believed; it cost nothing, and people join."""


@dataclass(frozen=True)
class Question:
    """What is asked about everybody: read and checked, before anybody is looked at."""

    paths: tuple[Path, ...]
    options: Options
    needed: frozenset[str]
    need: Need


def read_question(
    fields: Fields,
    *,
    api: Api,
    lists: Reduction,
    keep: Keep,
    preview: bool,
    min_similarity_score: float | None,
    force_fetch: bool,
    enrich_realtime: bool,
    max_age: str | float | None,
) -> Question:
    one_of("keep", keep, get_args(Keep))
    if min_similarity_score is not None and not 0 <= min_similarity_score <= 1:
        raise SettingError(f"min_similarity_score={min_similarity_score!r} is not between 0 and 1. Nothing was sent.")
    surface = surface_of(api)
    paths = asked_paths(fields, lists=lists, api=api)
    needed = needed_groups(paths)
    if preview:
        if beyond := needed - {"basic_profile"}:
            raise FieldError(
                f"A preview holds basic_profile only, not {', '.join(sorted(beyond))}. Nothing was sent.",
                hint="ask for basic_profile paths, or leave preview out.",
            )
        needed = groups = frozenset({PREVIEW})
    else:
        groups = surface.requested_groups(paths, keep)
    options = surface(groups, min_similarity_score, force_fetch, enrich_realtime)
    options.check()
    age_s = read_age(max_age)
    flags = options.coverage - options.groups
    need = Need(
        needed | flags,
        age_s,
        NO_MATCH_AGE_S if age_s is None else min(age_s, NO_MATCH_AGE_S),
        min_similarity_score,
    )
    return Question(paths, options, needed, need)


def surface_of(api: Api) -> type[Options]:
    """Return the surface of that name."""
    one_of("api", api, get_args(Api))
    return SURFACES[api]


def asked_paths(fields: Fields, *, lists: Reduction, api: Api) -> tuple[Path, ...]:
    """Return the paths that `fields` name on that surface; where nothing was named, its own defaults."""
    surface = surface_of(api)
    is_default = not isinstance(fields, str | Mapping) and tuple(fields) == DEFAULT_FIELDS
    return read_paths(surface.default_fields if is_default else fields, lists=lists, known=surface.catalogue())


def check_verdict(min_verdict: MinVerdict | None) -> None:
    if min_verdict is not None:
        one_of("min_verdict", min_verdict, get_args(MinVerdict))


def one_of(name: str, value: object, allowed: Sequence[str]) -> None:
    if value not in allowed:
        raise SettingError(f"{name}={value!r} is not one of {', '.join(allowed)}. Nothing was sent.")


def check_ceiling(max_credits: float | None) -> None:
    if max_credits is not None:
        read_ceiling(max_credits)
