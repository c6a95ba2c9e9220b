"""The shell: ``crustframe enrich | plan | contacts | jobs | changes | fields | ledger | budget | key | doctor | ...``.

stdout is data, stderr is words.
"""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, Unpack

import typer

from crustframe import __version__
from crustframe.client import DEFAULT_CONCURRENCY
from crustframe.columns.assembly import provenance_names
from crustframe.columns.frames import ASKED_BY, STATUS_COLUMN, cells_of
from crustframe.errors import CrustframeError, PartialResultWarning, RetirementWarning, SettingError
from crustframe.fields import catalogue, describe
from crustframe.shell import interrupts
from crustframe.shell.buying import agree, bought, check_waiting
from crustframe.shell.common import (
    PARTIAL_EXIT,
    Breaks,
    Concurrency,
    CsvSafe,
    Field,
    Ledger,
    Output,
    UseSandbox,
    Yes,
    check_output,
    client_of,
    exit_code,
    fields_of,
    is_about_nobody,
    left_out,
    makes_them_anew,
    planning_client,
    rows_of,
    say,
    write,
)
from crustframe.shell.contact_commands import contacts
from crustframe.shell.doctor_command import doctor
from crustframe.shell.flags import takes_flags
from crustframe.shell.job_commands import app as jobs_app
from crustframe.shell.key_commands import app as key_app
from crustframe.shell.ledger_commands import app as ledger_app
from crustframe.shell.ledger_commands import budget
from crustframe.shell.reading import PeopleReading, Reading, reads
from crustframe.shell.sandbox_command import run_sandbox
from crustframe.shell.streams import hold_closed_places, is_terminal, leave_stdout
from crustframe.verbs.changes import changes as find_changes
from crustframe.verbs.enrichment import enrich as enrich_column
from crustframe.verbs.enrichment import plan as plan_column
from crustframe.verbs.moving import counterparts, rename_columns
from crustframe.verbs.options import EnrichOptions, PlanOptions
from crustframe.verbs.question import asked_paths
from crustframe.verbs.signature import part_of
from crustframe.wording import counted
from excel_addin.cli import app as excel_app

if TYPE_CHECKING:
    from crustframe.people.distinct import DistinctRows
    from crustframe.tables import Table
    from crustframe.verbs.enrichment import Enrichment

# Some releases of typer bring their own click, others import it.
_UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

app = typer.Typer(
    help="A column of profile URLs or business e-mails becomes typed columns about those people: paid once, within a "
    "ceiling, with nothing lost.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)
app.add_typer(ledger_app, name="ledger")
app.add_typer(jobs_app, name="jobs")
app.add_typer(key_app, name="key")
app.add_typer(excel_app, name="excel")


@app.command()
@reads
@takes_flags(EnrichOptions)
def enrich(
    reading: PeopleReading,
    field: Field = None,
    output: Output = "-",
    *,
    matches: Annotated[Path | None, typer.Option(help="Write every candidate there, one row each.")] = None,
    receipt: Annotated[Path | None, typer.Option(help="Write the receipt there, as JSON.")] = None,
    csv_safe: CsvSafe = True,
    line_breaks: Breaks = "keep",
    yes: Yes = False,
    concurrency: Concurrency = DEFAULT_CONCURRENCY,
    sandbox: UseSandbox = False,
    ledger: Ledger = None,
    **asked: Unpack[EnrichOptions],
) -> None:
    """Add columns about people to a table.

    The rows and your own columns come out as they went in. crust.status says in every row what happened.

    Exit codes: 0 all resolved, 2 usage, 3 some rows failed or in doubt, or no cell names anybody, 4 key or credits,
    5 network or server, 6 local storage, 7 budget, 130 interrupted.
    """
    from crustframe.tables import refuse_kind, write_rows
    from crustframe.tables.destination import opened

    check_waiting(wait=asked["wait"], sandbox=sandbox)
    table, named = reading.open_people()
    fields = fields_of(field)
    paths = asked_paths(fields, lists=asked["lists"], api=asked["api"])
    names = [*(path.name for path in paths), *provenance_names(asked["provenance"])]
    names += [ASKED_BY] if isinstance(named, list) and asked["provenance"] == "full" else []
    is_whole = asked["only"] == "all"
    asked["overwrite"] = asked["overwrite"] or not is_whole or makes_them_anew(table, named, paths)
    check_output(table, output, names, overwrite=asked["overwrite"])
    _check_extras(table, output, receipt, matches)
    if matches is not None:
        refuse_kind(matches)
    rows = rows_of(table, named, [] if is_whole else names)
    about_nobody = is_about_nobody(table, named, rows)
    with client_of(sandbox, ledger, concurrency) as client:
        asked["client"] = client
        agree(client, lambda: plan_column(rows, named, fields, **part_of(PlanOptions, asked)), asked, yes=yes)
        found = bought(lambda: enrich_column(rows, named, fields, **asked))
        candidates = None if matches is None else found.matches
    added = _added(rows, found, names) | (left_out(table, rows, names) if is_whole else {})
    write(table, output, added, rows, csv_safe=csv_safe, overwrite=asked["overwrite"], line_breaks=line_breaks)
    if matches is not None and candidates is not None:
        write_rows(matches, candidates)
    say(str(found.report))
    if receipt is not None:
        text = json.dumps(found.report.to_dict(), indent=1, ensure_ascii=False) + "\n"
        with opened(receipt) as file:
            file.write(text.encode())
    raise typer.Exit(exit_code(found.report, about_nobody=about_nobody))


@app.command()
@reads
@takes_flags(PlanOptions)
def plan(
    reading: PeopleReading,
    field: Field = None,
    *,
    sandbox: UseSandbox = False,
    ledger: Ledger = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    **asked: Unpack[PlanOptions],
) -> None:
    """Say what `enrich` would send and cost. Opens no socket, costs nothing."""
    table, named = reading.open_people()
    fields = fields_of(field)
    paths = asked_paths(fields, lists=asked["lists"], api=asked["api"])
    names = [*(path.name for path in paths), STATUS_COLUMN]
    rows = rows_of(table, named, [] if asked["only"] == "all" else names)
    about_nobody = is_about_nobody(table, named, rows)
    asked["client"] = planning_client(sandbox, ledger)
    made = plan_column(rows, named, fields, **asked)
    typer.echo(json.dumps(made.to_dict(), indent=1) if as_json else str(made))
    raise typer.Exit(PARTIAL_EXIT if about_nobody else 0)


app.command("contacts")(contacts)


@app.command()
@reads
def changes(
    reading: PeopleReading,
    field: Field = None,
    output: Output = "-",
    ledger: Ledger = None,
    sandbox: UseSandbox = False,
) -> None:
    """List what changed about people since last time.

    One row for each person and path, each time somebody was bought anew. From the ledger, 0 credits.

    Buy anew first: `crustframe enrich --max-age 0 ...` or a shorter age.
    """
    from crustframe.tables import write_rows

    table, named = reading.open_people()
    table.refuse(output)
    rows = rows_of(table, named, [])
    about_nobody = is_about_nobody(table, named, rows)
    with contextlib.closing(planning_client(sandbox, ledger)) as client:
        found = find_changes(cells_of(rows, named), fields=fields_of(field) if field else None, client=client)
    write_rows(output, found, beside=table)
    say(counted(len(found), "change"))
    raise typer.Exit(PARTIAL_EXIT if about_nobody else 0)


@app.command()
def fields(
    words: Annotated[list[str] | None, typer.Argument(metavar="[FILTER]", help="Words the path must hold.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON lines.")] = False,
    legacy: Annotated[
        bool, typer.Option("--legacy", help="Name legacy paths instead; prints their current paths and both prices.")
    ] = False,
) -> None:
    """List every path with its type, group and price."""
    if legacy:
        _list_counterparts(words or [], as_json)
        return
    found = [describe(field) for field in catalogue().search(" ".join(words or []))]
    if not found:
        near = catalogue().nearest(" ".join(words or []))
        say("No path holds these words." + (f" Near: {', '.join(near)}." if near else ""))
        raise typer.Exit(2)
    if as_json:
        for row in found:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    headings = {"path": "path", "type": "type", "group": "group", "credits": "credits"}
    rows = [headings, *({**row, "credits": f"{row['credits']:.12g}"} for row in found)]
    widths = {name: max(len(str(row[name])) for row in rows) for name in headings}
    for row in rows:
        note = f"  {row['access']}" if row.get("access", "base") == "gated" else ""
        typer.echo("  ".join(str(row[name]).ljust(widths[name]) for name in headings).rstrip() + note)
    if is_terminal(sys.stdout):
        say("credits: what one matched person costs if only this is asked; base groups share one credit")


@app.command()
@reads
def migrate(
    reading: Reading,
    output: Output = "-",
) -> None:
    """Rename the columns of an old file from legacy names to current paths; every cell stays as it is. No cost."""
    table = reading.open()
    renaming = rename_columns(table.columns)
    table.write_renamed(output, renaming.columns)
    for old, new in renaming.renamed.items():
        say(f"{old} -> {new}")
    for old, instead in renaming.without.items():
        say(f"{old} stays: no current path means the same; {instead}")
    say(f"{len(renaming.renamed)} of {counted(len(table.columns), 'column')} renamed")


@app.command()
def demo(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Keep the resulting table there.")] = None,
) -> None:
    """Run the main job on 200 invented leads: no key, no cost."""
    from crustframe.shell.demo import run

    run(output)


app.command("budget")(budget)
app.command("doctor")(doctor)
app.command("sandbox")(run_sandbox)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", "-V", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Hold the options of every command, and begin its work."""
    interrupts.interrupt_work()
    if version:
        typer.echo(f"crustframe {__version__}")
        raise typer.Exit


def main() -> NoReturn:
    """Run the command line; every error says what happened, what it cost and what to do next."""
    import warnings

    warnings.simplefilter("ignore", PartialResultWarning)  # the receipt says the same
    warnings.simplefilter("ignore", RetirementWarning)  # and so does the plan
    hold_closed_places()
    try:
        code = _run()
        interrupts.end_at_once()
    except (KeyboardInterrupt, typer.Abort):
        interrupts.end_at_once()
        say("Interrupted. What was paid for is in the ledger; run the same again to go on.")
        interrupts.leave()
    sys.exit(code or 0)


def _run() -> int | None:
    try:
        code: int | None = app(prog_name="crustframe", standalone_mode=False)
        return code
    except CrustframeError as error:
        say(f"Error: {error}")
        return error.exit_code
    except _UsageError as error:
        error.show()
        return int(error.exit_code)
    except BrokenPipeError:
        leave_stdout()
        return 0


def _list_counterparts(names: list[str], as_json: bool) -> None:
    rows = counterparts(names)
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row._asdict(), ensure_ascii=False))
        return
    widths = [max(len(row.legacy) for row in rows), max(len(row.current or "-") for row in rows)]
    typer.echo(f"{'legacy'.ljust(widths[0])}  {'current'.ljust(widths[1])}  credits there  here")
    for row in rows:
        here = "-" if row.credits is None else f"{row.credits:.12g}"
        paths = f"{row.legacy.ljust(widths[0])}  {(row.current or '-').ljust(widths[1])}"
        typer.echo(f"{paths}  {row.legacy_credits:>13g}  {here:>4}  {row.note}".rstrip())


def _check_extras(table: Table, output: str, *extras: Path | None) -> None:
    """Refuse, before anything is bought, what cannot be written beside the table."""
    from crustframe.tables.destination import is_stream

    taken = [] if is_stream(output) else [Path(output).resolve()]
    for extra in extras:
        if extra is None:
            continue
        table.refuse(extra)
        if is_stream(extra):
            continue
        if extra.resolve() in taken:
            raise SettingError(
                f"Two outputs of this command go to {extra.name}. Nothing was sent, nothing was charged.",
                hint="name another file for one of them.",
            )
        taken.append(extra.resolve())


def _added(rows: DistinctRows, found: Enrichment, names: Sequence[str]) -> dict[str, Any]:
    from crustframe.tables import KEEP

    added: dict[str, Any] = {name: found.frame[name] for name in names}
    for name in set(names) & set(rows.columns):
        cells = zip(added[name].tolist(), rows.columns[name], strict=True)
        added[name] = [KEEP if now is was else now for now, was in cells]
    return added
