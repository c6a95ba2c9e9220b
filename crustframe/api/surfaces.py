"""The surfaces of the API, by the names under which ``api=`` asks for them, and by where they stand."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, Literal

from crustframe.api import contact, identify, live, person, screener
from crustframe.api.options import Options

Api = Literal["person", "screener"]

SURFACES: Final[Mapping[Api, type[Options]]] = MappingProxyType(
    {"person": person.Options, "screener": screener.Options}
)
"""``person`` is ``POST /person/enrich``, ``screener`` the legacy ``GET /screener/person/enrich``."""

BY_PATH: Final[Mapping[str, type[Options]]] = MappingProxyType(
    {
        surface.path: surface
        for surface in (person.Options, screener.Options, contact.Options, identify.Options, live.Options)
    }
)
"""Every surface that answers at once; what one of them asked is read by it, too."""
