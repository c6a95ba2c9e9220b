"""The environment of programs that bring a Python of their own, such as LibreOffice."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

_PREFIXES: Final = ("PYTHON", "VIRTUAL_ENV", "CONDA", "_CONDA", "__PYVENV")


def clean_environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment without anything that leads another Python into the virtual environment of this one.

    LibreOffice's own Python takes its library from the first Python on the PATH, and dies of it (std::bad_alloc).
    """
    given = os.environ if environ is None else environ
    homes = {given.get("VIRTUAL_ENV"), given.get("CONDA_PREFIX")}
    if sys.prefix != sys.base_prefix:
        homes.add(sys.prefix)
    folders = [Path(home).resolve() for home in homes if home]
    kept = [
        entry
        for entry in given.get("PATH", "").split(os.pathsep)
        if not entry or not any(Path(entry).resolve().is_relative_to(folder) for folder in folders)
    ]
    clean = {name: value for name, value in given.items() if not name.upper().startswith(_PREFIXES)}
    return clean | {"PATH": os.pathsep.join(kept)}
