"""What the commands of the shell share: options, the table, the client, words on stderr."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from crustframe.client import DEFAULT_CONCURRENCY, MAX_CONCURRENCY, Client
from crustframe.columns.frames import (
    ANYBODY,
    STATUS_COLUMN,
    cells_of,
    columns_named,
    is_named_by_itself,
    is_ours,
    nobody_named,
)
from crustframe.contract import IdentifierKind
from crustframe.fields import DEFAULT_FIELDS, split_fields
from crustframe.fields import Path as FieldPath
from crustframe.settings.config import ASK_ABOVE_CREDITS
from crustframe.shell.interrupts import INTERRUPTED_EXIT
from crustframe.shell.streams import leave_stdout
from crustframe.wording import counted

if TYPE_CHECKING:
    from crustframe.people.distinct import DistinctRows
    from crustframe.tables import Table
    from crustframe.verbs.report import Report

SANDBOX_JOB_S: Final = 3.0
"""How long a job of ``--sandbox`` takes: whoever tries something out does not want to wait for minutes."""
PARTIAL_EXIT, BUDGET_EXIT = 3, 7

Named = str | list[str]
LineBreaks = Literal["keep", "space"]
Field = Annotated[
    list[str] | None,
    typer.Option(
        "--field",
        "-f",
        help="Everyday word or dot path, such as name, 'basic_profile.headline' or "
        "'skills.professional_network_skills | count as skills'; repeat it or separate with commas. "
        "See `crustframe fields`.",
        show_default="name, headline, title, employer, location",
    ),
]
UseSandbox = Annotated[bool, typer.Option("--sandbox", help="Invented people of the embedded sandbox; no cost.")]
Concurrency = Annotated[
    int,
    typer.Option(
        min=1, max=MAX_CONCURRENCY, help="Requests in flight at most; a crash puts up to 25 people for each in doubt."
    ),
]
Ledger = Annotated[Path | None, typer.Option(help="File of paid answers.", show_default="one per user")]
Output = Annotated[
    str, typer.Option("--output", "-o", help="File to write, of the kind that its suffix says; - is stdout.")
]
Breaks = Annotated[
    LineBreaks, typer.Option("--line-breaks", help="Keep line breaks in the added texts, or make spaces of them.")
]
CsvSafe = Annotated[bool, typer.Option(help="Defuse formulas in the added columns of CSV.")]
Yes = Annotated[bool, typer.Option("--yes", "-y", help=f"Do not ask above {ASK_ABOVE_CREDITS:.12g} credits.")]


def fields_of(field: list[str] | None) -> list[str]:
    """Return the named paths, or the usual ones."""
    named = [path for text in field or [] for path in split_fields(text)]
    return named or list(DEFAULT_FIELDS)


@contextlib.contextmanager
def client_of(sandbox: bool, ledger: Path | None, concurrency: int = DEFAULT_CONCURRENCY) -> Iterator[Client]:
    """Use a client of the environment, or of a sandbox that runs as long."""
    if not sandbox:
        with Client(ledger=ledger, concurrency=concurrency) as client:
            yield client
        return
    from crustframe.verbs.embedded import EmbeddedSandbox

    with (
        EmbeddedSandbox(ledger=planning_client(True, ledger).ledger.path, job_seconds=SANDBOX_JOB_S) as running,
        running.make_client(concurrency=concurrency) as client,
    ):
        yield client


def planning_client(sandbox: bool, ledger: Path | None) -> Client:
    """Return a client that opens no socket: for plans and whatever the ledger alone tells."""
    if not sandbox:
        return Client(ledger=ledger)
    return Client(api_key="sandbox-key", base_url="http://127.0.0.1", account="sandbox", ledger=ledger)


def rows_of(table: Table, column: Named, names: Sequence[str]) -> DistinctRows:
    """Return the asked columns, and those of the columns to fill that are there already."""
    asked = [str(name) for name in columns_named(column)]
    return table.distinct([*dict.fromkeys([*asked, *(name for name in names if name in table.columns)])])


def makes_them_anew(table: Table, column: Named, paths: Sequence[FieldPath]) -> bool:
    """Whether every asked column that is there already is ours: named by its path, or made by the same question.

    A file remembers no question. The block that a run writes does: the asked columns in their order, right before
    crust.status.
    """
    there = [path for path in paths if path.name in table.columns and not is_named_by_itself(path)]
    names = [path.name for path in paths]
    if not set(names).isdisjoint(map(str, columns_named(column))):
        return False
    if not there:
        return True
    at = table.columns.index(STATUS_COLUMN) if STATUS_COLUMN in table.columns else 0
    return table.columns[max(0, at - len(names)) : at] == names


def left_out(table: Table, rows: DistinctRows, names: Sequence[str]) -> dict[str, list[None]]:
    """Return empty cells for remarks of an earlier run that this one does not make."""
    stale = [name for name in table.columns if is_ours(name) and name not in names]
    return {name: [None] * len(rows.counts) for name in stale} if any(map(is_ours, names)) else {}


def check_output(table: Table, output: str, names: Sequence[str], *, overwrite: bool) -> None:
    """Settle, before anything is bought, that the table with its new columns can be written; say in which encoding."""
    table.check(output, names, overwrite_columns=overwrite)
    for note in table.writing_notes(output):
        say(note)


def is_about_nobody(
    table: Table,
    column: Named,
    rows: DistinctRows,
    kinds: Collection[IdentifierKind] = ANYBODY,
    *,
    preferred: Collection[IdentifierKind] = ANYBODY,
) -> bool:
    """Whether no cell of the column names anybody; says so, with the column that does."""
    words = nobody_named(cells_of(rows, column, preferred), column, table.sample, kinds, rows.counts)
    if words:
        say(words)
    return bool(words)


def write(
    table: Table,
    output: str,
    added: Mapping[str, Sequence[object]],
    rows: DistinctRows,
    *,
    csv_safe: bool,
    overwrite: bool,
    line_breaks: LineBreaks,
) -> None:
    """Write the table with its new columns, and say what a spreadsheet would have made of some cells."""
    try:
        written = table.write(
            output, added, rows.codes, csv_safe=csv_safe, overwrite_columns=overwrite, line_breaks=line_breaks
        )
    except BrokenPipeError:  # who read it has seen enough; the receipt is still told
        leave_stdout()
        return
    if written.joined:
        what = counted(written.joined, "text of several lines was", "texts of several lines were")
        say(f"{what} put on one line (--line-breaks keep leaves them as they are)")
    if written.neutralised:
        say(f"{written.defused} (--no-csv-safe leaves them as they are)")
    if written.sums:
        what = counted(written.sums, "phone number looks like a sum", "phone numbers look like sums")
        say(f"{what} to Excel, such as +1-555-0148: open the file with Data > From Text and take the column as text")
    if written.cut:
        say(f"{counted(written.cut, 'text was', 'texts were')} cut to what a cell of a workbook holds")


def say(text: str) -> None:
    """Write words to stderr, without anything that a terminal would act on."""
    clean = "".join(letter if letter in "\n\t" or letter.isprintable() else " " for letter in text)
    typer.echo(clean, err=True)


def exit_code(report: Report, *, about_nobody: bool = False) -> int:
    """Return how a run ended, as scripts read it."""
    if report.interrupted:
        return INTERRUPTED_EXIT
    if about_nobody:
        return PARTIAL_EXIT
    if report.stopped_exit_code is not None:
        return report.stopped_exit_code
    if report.hit_ceiling:
        return BUDGET_EXIT
    return 0 if report.is_complete else PARTIAL_EXIT
