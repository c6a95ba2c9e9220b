"""What is asked about everybody: read and checked before anybody is looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crustframe.api.options import Options
from crustframe.api.surfaces import SURFACES, Api
from crustframe.errors import FieldError, SettingError
from crustframe.fields import DEFAULT_FIELDS, PREVIEW, Keep, Path, Reduction, needed_groups, read_paths
from crustframe.ledger import Need
from crustframe.settings.config import NO_MATCH_AGE_S, read_age, read_ceiling
from crustframe.verbs.options import QuestionOptions

Fields = str | Sequence[str] | Mapping[str, str]


@dataclass(frozen=True)
class Question:
    """What is asked about everybody: read and checked, before anybody is looked at."""

    paths: tuple[Path, ...]
    options: Options
    needed: frozenset[str]
    need: Need


def read_question(fields: Fields, asked: QuestionOptions, *, keep: Keep = "all") -> Question:
    """Read and check what is asked.

    Raises
    ------
    FieldError, SettingError
        It cannot be asked. Nothing was sent.
    """
    threshold = asked["min_similarity_score"]
    if threshold is not None and not 0 <= threshold <= 1:
        raise SettingError(f"min_similarity_score={threshold!r} is not between 0 and 1. Nothing was sent.")
    surface = SURFACES[asked["api"]]
    paths = asked_paths(fields, lists=asked["lists"], api=asked["api"])
    needed = needed_groups(paths)
    if asked["preview"]:
        if beyond := needed - {"basic_profile"}:
            raise FieldError(
                f"A preview holds basic_profile only, not {', '.join(sorted(beyond))}. Nothing was sent.",
                hint="ask for basic_profile paths, or leave preview out.",
            )
        needed = groups = frozenset({PREVIEW})
    else:
        groups = surface.requested_groups(paths, keep)
    options = surface(groups, threshold, asked["force_fetch"], asked["enrich_realtime"])
    options.check()
    age_s = read_age(asked["max_age"])
    flags = options.coverage - options.groups
    need = Need(
        needed | flags,
        age_s,
        NO_MATCH_AGE_S if age_s is None else min(age_s, NO_MATCH_AGE_S),
        threshold,
    )
    return Question(paths, options, needed, need)


def asked_paths(fields: Fields, *, lists: Reduction, api: Api) -> tuple[Path, ...]:
    """Return the paths that `fields` name on that surface; where nothing was named, its own defaults."""
    surface = SURFACES[api]
    is_default = not isinstance(fields, str | Mapping) and tuple(fields) == DEFAULT_FIELDS
    return read_paths(surface.default_fields if is_default else fields, lists=lists, known=surface.catalogue())


def check_ceiling(max_credits: float | None) -> None:
    if max_credits is not None:
        read_ceiling(max_credits)
