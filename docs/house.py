"""Draws the wings and who imports whom, from the code, into CONTRIBUTING.md: ``python docs/house.py``."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from pathlib import Path

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "crustframe"
CONTRIBUTING = ROOT / "CONTRIBUTING.md"
BEGIN, END = "<!-- drawn by docs/house.py -->\n", "<!-- end of the drawing -->\n"


def wings() -> dict[str, Path]:
    """Return the files that say what each wing is."""
    found = {folder.name: folder / "__init__.py" for folder in PACKAGE.iterdir() if (folder / "__init__.py").exists()}
    return found | {file.stem: file for file in PACKAGE.glob("*.py") if not file.stem.startswith("__")}


def imports() -> dict[str, set[str]]:
    """Return, by wing, which other wings it imports, wherever the import stands, but for type checkers alone."""
    names = wings()
    found: dict[str, set[str]] = {name: set() for name in names}
    for name, file in names.items():
        for module in file.parent.rglob("*.py") if file.stem == "__init__" else [file]:
            found[name] |= {wing for wing in _imported(module) if wing in names and wing != name}
    return found


def _imported(module: Path) -> Iterator[str]:
    tree = ast.parse(module.read_text(encoding="utf-8"))
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and id(node) not in for_types and node.module:
            head, _, rest = node.module.partition(".")
            if head == "crustframe":
                yield from [rest.split(".")[0]] if rest else (alias.name for alias in node.names)


def upwards(of: Mapping[str, set[str]]) -> list[str]:
    """Return the wings, each behind whatever it imports, and by name where that leaves a choice."""
    sorter = TopologicalSorter(of)
    sorter.prepare()
    order: list[str] = []
    while sorter.is_active():
        ready = sorted(sorter.get_ready(), reverse=True)
        order += ready
        sorter.done(*ready)
    return order


def arrows(of: Mapping[str, set[str]]) -> list[tuple[str, str]]:
    """Return the imports that no longer way through other wings implies."""
    order = upwards(of)
    reached: dict[str, set[str]] = {}
    found = []
    for wing in order:
        direct = sorted(of[wing], key=order.index, reverse=True)
        reached[wing] = set()
        for other in direct:
            if other not in reached[wing]:
                found.append((wing, other))
            reached[wing] |= {other} | reached[other]
    return sorted(found, key=lambda arrow: (-order.index(arrow[0]), -order.index(arrow[1])))


def drawn() -> str:
    """Return what stands between the marks: the wings with one line each, and the arrows."""
    of = imports()
    order = upwards(of)[::-1]
    rows = []
    for wing in order:
        file = wings()[wing]
        doc = (ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or "").split("\n\n")[0].split("\n")[0]
        name = f"{wing}/" if file.stem == "__init__" else f"{wing}.py"
        rows.append(f"| `{name}` | {doc} |")
    lines = [f"    {wing} --> {other}" for wing, other in arrows(of)]
    table = "\n".join(["| Wing | What it is |", "|---|---|", *rows])
    return f"{BEGIN}{table}\n\n```mermaid\nflowchart TD\n" + "\n".join(lines) + f"\n```\n{END}"


def redrawn(text: str) -> str:
    """Return the page with today's drawing."""
    before, _, rest = text.partition(BEGIN)
    return before + drawn() + rest.partition(END)[2]


if __name__ == "__main__":
    page = CONTRIBUTING.read_text(encoding="utf-8")
    CONTRIBUTING.write_text(redrawn(page), encoding="utf-8")
    sys.stdout.write(f"{CONTRIBUTING.name} is drawn anew.\n")
