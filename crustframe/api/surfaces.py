"""The surfaces of the API, by the names under which ``api=`` asks for them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from crustframe.api import person, screener
from crustframe.api.options import Options

Api = Literal["person", "screener"]

SURFACES: Final[Mapping[Api, type[Options]]] = MappingProxyType(
    {"person": person.Options, "screener": screener.Options}
)
"""``person`` is ``POST /person/enrich``, ``screener`` the legacy ``GET /screener/person/enrich``."""
