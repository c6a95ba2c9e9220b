"""Nobody is sent to a name on a public index that the project may not own."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
OF_THE_PROJECT = re.compile(
    r"(?:pip|pipx|uv|conda)[^\n`]*?\binstall\b[^\n`]*?[\s'\"]crustframe\b|crustframe\[[a-z,]+\]"
)


def test_no_text_installs_crustframe_from_an_index():
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    files = [ROOT / name for name in listed.splitlines() if not name.startswith("tests/")]
    found = {
        f"{file.relative_to(ROOT)}: {match}"
        for file in files
        if file.suffix in {".py", ".md", ".ipynb", ".bas", ".bat", ".xcu", ".toml"} and file.exists()
        for match in OF_THE_PROJECT.findall(file.read_text(encoding="utf-8"))
    }

    assert {"pyproject.toml: crustframe[duckdb,excel,keyring,notebook,parquet,polars]"} == found
