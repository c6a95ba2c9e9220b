"""People who change: what a test says about a profile takes the place of what was invented."""

from __future__ import annotations

import re
from copy import deepcopy
from typing import Any


class Edits:
    """Changed values, by canonical person and dot path (``experience.employment_details.current[0].title``)."""

    def __init__(self) -> None:
        self._edits: dict[str, dict[str, Any]] = {}

    def set(self, person: str, path: str, value: Any) -> None:
        """Let the person's next answers carry `value` at `path`."""
        self._edits.setdefault(person, {})[path] = value

    def applied(self, person: str | None, data: dict[str, Any]) -> dict[str, Any]:
        """Return the person's data with the changed values, where the asked sections hold their places."""
        edits = self._edits.get(person or "")
        if not edits:
            return data
        changed = deepcopy(data)
        for path, value in edits.items():
            *way, last = [int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]]+", path)]
            place: Any = changed
            try:
                for step in way:
                    place = place[step]
                place[last] = value
            except (KeyError, IndexError, TypeError):
                continue
        return changed
