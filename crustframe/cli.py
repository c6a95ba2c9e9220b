"""The shell: ``crustframe enrich | plan | contacts | jobs | changes | fields | ledger | budget | sandbox | demo``.

stdout is data, stderr is words.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NoReturn

import typer

from crustframe import __version__
from crustframe.api.surfaces import Api
from crustframe.assembly import Provenance, provenance_names
from crustframe.changes import changes as find_changes
from crustframe.client import DEFAULT_CONCURRENCY, MAX_CONCURRENCY, Client
from crustframe.enrichment import Errors, Interrupted, Prices
from crustframe.enrichment import enrich as enrich_column
from crustframe.enrichment import plan as plan_column
from crustframe.errors import (
    ColumnNotFoundError,
    CrustframeError,
    PartialResultWarning,
    RetirementWarning,
    SettingError,
)
from crustframe.fields import DEFAULT_FIELDS, Keep, Reduction, catalogue, describe
from crustframe.frames import STATUS_COLUMN, Only
from crustframe.job_commands import app as jobs_app
from crustframe.job_commands import say_ticket
from crustframe.ledger_commands import app as ledger_app
from crustframe.ledger_commands import budget
from crustframe.moving import counterparts, rename_columns
from crustframe.purchasing import OnDoubt
from crustframe.question import asked_paths
from crustframe.routes import Route
from crustframe.verdict import MinVerdict
from excel_addin.cli import app as excel_app

if TYPE_CHECKING:
    import pandas as pd

    from crustframe.enrichment import Enrichment
    from crustframe.plan import Plan
    from crustframe.report import Report
    from crustframe.tables import Table

# Some releases of typer bring their own click, others import it.
_UsageError: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")

ASK_ABOVE_CREDITS: Final = 100.0  # reliability notes, section 7
PARTIAL_EXIT, BUDGET_EXIT, INTERRUPTED_EXIT = 3, 7, 130

app = typer.Typer(
    help="A column of profile URLs or business e-mails becomes typed columns about those people: paid once, within a "
    "ceiling, with nothing lost.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
app.add_typer(ledger_app, name="ledger")
app.add_typer(jobs_app, name="jobs")
app.command("budget")(budget)

app.add_typer(excel_app, name="excel")

Input = Annotated[str, typer.Argument(help="CSV, TSV or xlsx file; - reads stdin.", show_default=False)]
Column = Annotated[str | None, typer.Option(help="Column of profile URLs or business e-mails.", show_default=False)]
Field = Annotated[
    list[str] | None,
    typer.Option(
        help="Dot path, such as 'basic_profile.name' or 'skills.professional_network_skills | count as skills'; "
        "repeat it or separate with commas. See `crustframe fields`.",
        show_default="name, headline, title, employer, location",
    ),
]
ApiOption = Annotated[
    Api, typer.Option(help="person, or screener for the legacy surface, with its own paths and prices.")
]
MaxCredits = Annotated[float | None, typer.Option(help="Ceiling in credits; never passed.", show_default="none")]
Partial = Annotated[bool, typer.Option("--partial", help="Buy what surely fits under the ceiling.")]
MinScore = Annotated[
    float | None, typer.Option(help="For e-mails: candidates below it (0 to 1) are neither returned nor charged.")
]
MinVerdictOption = Annotated[
    MinVerdict | None, typer.Option(help="Leave out matches whose verdict is worse.", show_default="none")
]
ForceFetch = Annotated[bool, typer.Option("--force-fetch", help="Ask for a fresh fetch, as far as the API does it.")]
Realtime = Annotated[bool, typer.Option("--enrich-realtime", help="Ask for realtime data, as far as the API does it.")]
Preview = Annotated[bool, typer.Option("--preview", help="Basic profile only, 0 credits, where the account has it.")]
KeepOption = Annotated[Keep, typer.Option(help="Ask for all groups of the base credit, or only for what fields need.")]
MaxAge = Annotated[str, typer.Option(help="How old a stored person may be: 30d, 12h, or none.")]
OnlyOption = Annotated[
    Only,
    typer.Option(
        help="In a table that has the columns: all rows, rows with empty cells, rows that failed, stale ones."
    ),
]
OnDoubtOption = Annotated[
    OnDoubt, typer.Option(help="People whose earlier request got no answer: ask, buy them again, or leave them.")
]
RouteOption = Annotated[
    Route, typer.Option(help="Calls of 25, jobs of up to 10,000, or what ends first; the plan says why.")
]
Lists = Annotated[Reduction, typer.Option(help="How a list becomes a cell.")]
UseSandbox = Annotated[bool, typer.Option("--sandbox", help="Invented people of the embedded sandbox; no cost.")]
Delimiter = Annotated[str | None, typer.Option(help="Delimiter of the input.", show_default="auto")]
Encoding = Annotated[str | None, typer.Option(help="Encoding of the input.", show_default="utf-8")]
Sheet = Annotated[str | None, typer.Option(help="Sheet of an xlsx input.", show_default="the first")]
Concurrency = Annotated[
    int,
    typer.Option(
        min=1, max=MAX_CONCURRENCY, help="Requests in flight at most; a crash puts up to 25 people for each in doubt."
    ),
]
Ledger = Annotated[Path | None, typer.Option(help="File of paid answers.", show_default="one per user")]


@app.command()
def enrich(
    source: Input,
    column: Column = None,
    field: Field = None,
    output: Annotated[str, typer.Option("--output", "-o", help="File to write; - is stdout.")] = "-",
    api: ApiOption = "person",
    max_credits: MaxCredits = None,
    partial: Partial = False,
    errors: Annotated[Errors, typer.Option(help="Finish and tell row by row, or stop at a failure.")] = "coerce",
    min_similarity_score: MinScore = None,
    min_verdict: MinVerdictOption = None,
    force_fetch: ForceFetch = False,
    enrich_realtime: Realtime = False,
    preview: Preview = False,
    keep: KeepOption = "all",
    max_age: MaxAge = "30d",
    only: OnlyOption = "all",
    on_doubt: OnDoubtOption = "ask",
    route: RouteOption = "auto",
    provenance: Annotated[Provenance, typer.Option(help="Which crust. columns come along.")] = "status",
    lists: Lists = "join",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace columns that exist already.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait for jobs, or print a ticket and write no table.")] = True,
    progress: Annotated[bool | None, typer.Option(help="A line on stderr.", show_default="on a terminal")] = None,
    matches: Annotated[Path | None, typer.Option(help="Write every candidate there, one row each, as CSV.")] = None,
    receipt: Annotated[Path | None, typer.Option(help="Write the receipt there, as JSON.")] = None,
    csv_safe: Annotated[bool, typer.Option(help="Defuse formulas in the added columns.")] = True,
    yes: Annotated[bool, typer.Option("--yes", "-y", help=f"Do not ask above {ASK_ABOVE_CREDITS:g} credits.")] = False,
    concurrency: Concurrency = DEFAULT_CONCURRENCY,
    sandbox: UseSandbox = False,
    ledger: Ledger = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
) -> None:
    """Add columns about people to a table.

    The rows and your own columns come out as they went in. crust.status says in every row what happened.

    Exit codes: 0 all resolved, 2 usage, 3 some rows failed or in doubt, 4 key or credits, 5 network or server,
    6 local storage, 7 budget, 130 interrupted.
    """
    from crustframe.tables import write_rows
    from crustframe.tables.destination import replacing

    table = _open(source, delimiter, encoding, sheet)
    fields = _fields(field)
    names = [*(path.name for path in asked_paths(fields, lists=lists, api=api)), *provenance_names(provenance)]
    column = _column(table, column)
    overwrite = overwrite or only != "all"
    table.check(output, names, overwrite_columns=overwrite)
    for extra in (receipt, matches):
        if extra is not None:
            table.refuse(extra)
    frame = _frame(table, column, names if only != "all" else [])
    asked: dict[str, Any] = {
        "api": api,
        "max_credits": max_credits,
        "partial": partial,
        "min_similarity_score": min_similarity_score,
        "force_fetch": force_fetch,
        "enrich_realtime": enrich_realtime,
        "preview": preview,
        "keep": keep,
        "max_age": _age(max_age),
        "only": only,
        "lists": lists,
        "route": route,
    }
    with _client(sandbox, ledger, concurrency) as client:
        plan = plan_column(frame, column, fields, on_doubt=on_doubt, client=client, **asked)
        _say(str(plan))
        if plan.new:
            client.settings.require_key()
        if plan.in_doubt and on_doubt == "ask" and _confirmed_doubt(plan):
            on_doubt = "resend"
        if max_credits is None and plan.credits_high > ASK_ABOVE_CREDITS and not yes:
            _confirm(plan)
        interrupted = False
        try:
            found = enrich_column(
                frame,
                column,
                fields,
                errors=errors,
                min_verdict=min_verdict,
                on_doubt=on_doubt,
                provenance=provenance,
                overwrite=overwrite,
                progress=progress,
                wait=wait,
                client=client,
                **asked,
            )
        except Interrupted as stopped:
            found, interrupted = stopped.enrichment, True
        if found.ticket is not None and found.ticket.batch_ids:
            say_ticket(found.ticket)
            raise typer.Exit
        if matches is not None:
            write_rows(matches, found.matches)
    _write(table, output, _added(frame, found, names), csv_safe=csv_safe, overwrite=overwrite)
    _say(str(found.report))
    if receipt is not None:
        text = json.dumps(found.report.to_dict(), indent=1, ensure_ascii=False) + "\n"
        with replacing(receipt) as file:
            file.write(text.encode())
    raise typer.Exit(INTERRUPTED_EXIT if interrupted else exit_code(found.report))


@app.command()
def plan(
    source: Input,
    column: Column = None,
    field: Field = None,
    api: ApiOption = "person",
    max_credits: MaxCredits = None,
    partial: Partial = False,
    min_similarity_score: MinScore = None,
    force_fetch: ForceFetch = False,
    enrich_realtime: Realtime = False,
    preview: Preview = False,
    keep: KeepOption = "all",
    max_age: MaxAge = "30d",
    only: OnlyOption = "all",
    on_doubt: OnDoubtOption = "ask",
    route: RouteOption = "auto",
    lists: Lists = "join",
    prices: Annotated[Prices, typer.Option(help="Published limits, or ask the account (free).")] = "list",
    sandbox: UseSandbox = False,
    ledger: Ledger = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
) -> None:
    """Say what `enrich` would send and cost. Opens no socket, costs nothing."""
    table = _open(source, delimiter, encoding, sheet)
    column, fields = _column(table, column), _fields(field)
    names = [*(path.name for path in asked_paths(fields, lists=lists, api=api)), STATUS_COLUMN]
    made = plan_column(
        _frame(table, column, names if only != "all" else []),
        column,
        fields,
        api=api,
        max_credits=max_credits,
        partial=partial,
        min_similarity_score=min_similarity_score,
        force_fetch=force_fetch,
        enrich_realtime=enrich_realtime,
        preview=preview,
        keep=keep,
        max_age=_age(max_age),
        only=only,
        on_doubt=on_doubt,
        route=route,
        lists=lists,
        prices=prices,
        client=_planning_client(sandbox, ledger),
    )
    typer.echo(json.dumps(made.to_dict(), indent=1) if as_json else str(made))


@app.command()
def contacts(
    source: Input,
    column: Column = None,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="business_email, personal_emails, phone_numbers; repeat it or use commas.", show_default="all"
        ),
    ] = None,
    output: Annotated[str, typer.Option("--output", "-o", help="File to write; - is stdout.")] = "-",
    max_credits: MaxCredits = None,
    verified: Annotated[bool, typer.Option("--verified", help="Check business addresses anew, +0.5 credits.")] = False,
    max_age: MaxAge = "30d",
    on_doubt: OnDoubtOption = "ask",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace columns that exist already.")] = False,
    wait: Annotated[bool, typer.Option(help="Wait for the jobs, or print a ticket and write no table.")] = True,
    webhook_url: Annotated[str | None, typer.Option(help="Whom the API tells when a job ends.")] = None,
    csv_safe: Annotated[bool, typer.Option(help="Defuse formulas in the added columns.")] = True,
    sandbox: UseSandbox = False,
    ledger: Ledger = None,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
) -> None:
    """Add business e-mails, personal e-mails and phone numbers to a table.

    1 credit for business e-mails, 2 for personal ones, 2 for phone numbers, for whoever has them; no base credit.
    Above 100 credits name a ceiling with --max-credits.
    """
    from crustframe.contacts import KINDS, column_names
    from crustframe.contacts import contacts as find_contacts

    table = _open(source, delimiter, encoding, sheet)
    kinds: Any = [part.strip() for text in kind or KINDS for part in text.split(",") if part.strip()]
    column = _column(table, column)
    names = column_names(kinds)
    table.check(output, names, overwrite_columns=overwrite)
    frame = _frame(table, column, [])
    with _client(sandbox, ledger) as client:
        found = find_contacts(
            frame,
            column,
            kinds,
            max_credits=max_credits,
            verified=verified,
            max_age=_age(max_age),
            on_doubt=on_doubt,
            overwrite=overwrite,
            wait=wait,
            webhook_url=webhook_url,
            client=client,
        )
    if found.ticket is not None and found.ticket.batch_ids:
        say_ticket(found.ticket)
        raise typer.Exit
    added = {name: found.frame[name].tolist() for name in names}
    _write(table, output, added, csv_safe=csv_safe, overwrite=overwrite)
    _say(str(found.report))
    raise typer.Exit(exit_code(found.report))


@app.command()
def changes(
    source: Input,
    column: Column = None,
    field: Field = None,
    output: Annotated[str, typer.Option("--output", "-o", help="File to write; - is stdout.")] = "-",
    ledger: Ledger = None,
    sandbox: UseSandbox = False,
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
) -> None:
    """List what changed about people since last time.

    One CSV line for each person and path, each time somebody was bought anew. From the ledger, 0 credits.

    Buy anew first: `crustframe enrich --max-age 0 ...` or a shorter age.
    """
    from crustframe.tables import write_rows

    table = _open(source, delimiter, encoding, sheet)
    cells = table.column(_column(table, column))
    with contextlib.closing(_planning_client(sandbox, ledger)) as client:
        found = find_changes(cells, fields=_fields(field) if field else None, client=client)
    write_rows(output, found)
    _say(f"{len(found)} changes")


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
        _say("No path holds these words." + (f" Near: {', '.join(near)}." if near else ""))
        raise typer.Exit(2)
    if as_json:
        for row in found:
            typer.echo(json.dumps(row, ensure_ascii=False))
        return
    headings = {"path": "path", "type": "type", "group": "group", "credits": "credits"}
    rows = [headings, *({**row, "credits": f"{row['credits']:g}"} for row in found)]
    widths = {name: max(len(str(row[name])) for row in rows) for name in headings}
    for row in rows:
        note = f"  {row['access']}" if row.get("access", "base") == "gated" else ""
        typer.echo("  ".join(str(row[name]).ljust(widths[name]) for name in headings).rstrip() + note)
    if sys.stdout.isatty():
        _say("credits: what one matched person costs if only this is asked; base groups share one credit")


@app.command()
def migrate(
    source: Input,
    output: Annotated[str, typer.Option("--output", "-o", help="File to write; - is stdout.")] = "-",
    delimiter: Delimiter = None,
    encoding: Encoding = None,
    sheet: Sheet = None,
) -> None:
    """Rename the columns of an old file from legacy names to current paths; every cell stays as it is. No cost."""
    table = _open(source, delimiter, encoding, sheet)
    renaming = rename_columns(table.columns)
    table.write_renamed(output, renaming.columns)
    for old, new in renaming.renamed.items():
        _say(f"{old} -> {new}")
    for old, instead in renaming.without.items():
        _say(f"{old} stays: no current path means the same; {instead}")
    _say(f"{len(renaming.renamed)} of {len(table.columns)} columns renamed")


@app.command("sandbox")
def run_sandbox(
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    key: Annotated[str, typer.Option(help="The only key it takes; never a real one.")] = "sandbox-key",
    requests_per_minute: Annotated[
        float, typer.Option("--rpm", "--requests-per-minute", min=0, help="0 is no limit.")
    ] = 15,
    snapshot: Annotated[Literal["A", "B", "C"], typer.Option(help="Age of the API it plays.")] = "A",
    latency_s: Annotated[float, typer.Option("--latency", help="Seconds before an answer.")] = 0.0,
    balance: Annotated[float, typer.Option(help="Credits of the account.")] = 1_000_000.0,
    deny: Annotated[list[str] | None, typer.Option(help="Group or path that the account lacks; repeat it.")] = None,
    credits_gone_status: Annotated[int, typer.Option(min=402, max=403, help="Status without credits.")] = 402,
    preview: Annotated[bool, typer.Option("--preview", help="Grant free previews.")] = False,
    strict_auth: Annotated[bool, typer.Option("--strict-auth", help="Take the Bearer scheme only.")] = False,
    refuse: Annotated[list[str] | None, typer.Option(help="Identifier that makes a call a 400; repeat it.")] = None,
    unknown_share: Annotated[float, typer.Option(help="Share of ordinary identifiers that name nobody.")] = 0.05,
    drift: Annotated[bool, typer.Option("--drift", help="Let some values have wrong types.")] = False,
    speed: Annotated[float, typer.Option(help="Sandbox seconds per real second.")] = 1.0,
    job_seconds: Annotated[float, typer.Option(min=0, help="Sandbox seconds that a job takes.")] = 60.0,
) -> None:
    """Run a local API with invented people.

    It listens on 127.0.0.1 only, takes no real key and contacts nobody.

    Slugs and addresses beginning with `nobody` are always unknown; slugs ending in `-example` and addresses at
    `.example` domains are always known.
    """
    from crustframe.sandbox.server import serve

    try:
        serve(
            port=port,
            key=key,
            requests_per_minute=requests_per_minute or None,
            snapshot=snapshot,
            latency_s=latency_s,
            balance=balance,
            denied_fields=deny or (),
            credits_gone_status=403 if credits_gone_status == 403 else 402,
            preview=preview,
            strict_auth=strict_auth,
            refuse=refuse or (),
            unknown_share=unknown_share,
            drift=drift,
            speed=speed,
            job_seconds=job_seconds,
        )
    except OSError as error:
        raise SettingError(
            f"Port {port} cannot be used ({error.strerror}).", hint="leave --port out: a free one is taken."
        ) from None


@app.command()
def demo(
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Keep the resulting table there.")] = None,
) -> None:
    """Run the main job on 200 invented leads: no key, no cost."""
    from crustframe.demo import run

    run(output)


@app.callback(invoke_without_command=True)
def options(
    version: Annotated[bool, typer.Option("--version", help="Print the version.", is_eager=True)] = False,
) -> None:
    """Hold the options of every command."""
    if version:
        typer.echo(f"crustframe {__version__}")
        raise typer.Exit


def exit_code(report: Report) -> int:
    """Return how a run ended, as scripts read it."""
    if report.stopped_exit_code is not None:
        return report.stopped_exit_code
    if report.hit_ceiling:
        return BUDGET_EXIT
    return 0 if report.is_complete else PARTIAL_EXIT


def main() -> NoReturn:
    """Run the command line; every error says what happened, what it cost and what to do next."""
    import warnings

    warnings.simplefilter("ignore", PartialResultWarning)  # the receipt says the same
    warnings.simplefilter("ignore", RetirementWarning)  # and so does the plan
    try:
        code = app(prog_name="crustframe", standalone_mode=False)
    except CrustframeError as error:
        _say(f"Error: {error}")
        code = error.exit_code
    except _UsageError as error:
        error.show()
        code = error.exit_code
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    except (KeyboardInterrupt, typer.Abort):
        _say("Interrupted. What was paid for is in the ledger; run the same again to go on.")
        code = INTERRUPTED_EXIT
    sys.exit(code or 0)


def _list_counterparts(names: list[str], as_json: bool) -> None:
    rows = counterparts(names)
    if as_json:
        for row in rows:
            typer.echo(json.dumps(row._asdict(), ensure_ascii=False))
        return
    widths = [max(len(row.legacy) for row in rows), max(len(row.current or "-") for row in rows)]
    typer.echo(f"{'legacy'.ljust(widths[0])}  {'current'.ljust(widths[1])}  credits there  here")
    for row in rows:
        here = "-" if row.credits is None else f"{row.credits:g}"
        paths = f"{row.legacy.ljust(widths[0])}  {(row.current or '-').ljust(widths[1])}"
        typer.echo(f"{paths}  {row.legacy_credits:>13g}  {here:>4}  {row.note}".rstrip())


def _open(source: str, delimiter: str | None, encoding: str | None, sheet: str | None) -> Table:
    from crustframe.tables import read_table

    return read_table(source, delimiter=delimiter, encoding=encoding, sheet=sheet)


def _column(table: Table, column: str | None) -> str:
    if column is not None:
        return column
    if len(table.columns) == 1:
        return table.columns[0]
    raise ColumnNotFoundError(
        "No column is named. Nothing was sent, nothing was charged.",
        hint=f"name the one with profile URLs or e-mails with --column; columns: {', '.join(table.columns[:20])}.",
    )


def _fields(field: list[str] | None) -> list[str]:
    named = [part.strip() for text in field or [] for part in text.split(",") if part.strip()]
    return named or list(DEFAULT_FIELDS)


def _age(text: str) -> str | None:
    return None if text.strip().lower() == "none" else text


@contextlib.contextmanager
def _client(sandbox: bool, ledger: Path | None, concurrency: int = DEFAULT_CONCURRENCY) -> Iterator[Client]:
    if not sandbox:
        with Client(ledger=ledger, concurrency=concurrency) as client:
            yield client
        return
    from crustframe.embedded import EmbeddedSandbox

    with (
        EmbeddedSandbox(ledger=_planning_client(True, ledger).ledger.path) as running,
        running.make_client(concurrency=concurrency) as client,
    ):
        yield client


def _planning_client(sandbox: bool, ledger: Path | None) -> Client:
    if not sandbox:
        return Client(ledger=ledger)
    return Client(api_key="sandbox-key", base_url="http://127.0.0.1", account="sandbox", ledger=ledger)


def _is_attended() -> bool:
    return sys.stdin.isatty() and sys.stderr.isatty()


def _confirm(plan: Plan) -> None:
    if _is_attended() and not typer.confirm(f"Spend up to {plan.credits_high:g} credits?", err=True):
        _say("Nothing was sent, nothing was charged.")
        raise typer.Exit(BUDGET_EXIT)


def _confirmed_doubt(plan: Plan) -> bool:
    risk = plan.in_doubt * plan.price
    question = (
        f"{plan.in_doubt} people may have been paid for without an answer. Buy them again, up to {risk:g} credits?"
    )
    return _is_attended() and typer.confirm(question, err=True)


def _frame(table: Table, column: str, names: Sequence[str]) -> pd.DataFrame:
    """Return the asked column, and those of the columns to fill that are there already."""
    import pandas as pd

    there = [column, *(name for name in names if name in table.columns and name != column)]
    return pd.DataFrame({name: pd.Series(table.column(name), dtype=object) for name in there})


def _added(frame: pd.DataFrame, found: Enrichment, names: Sequence[str]) -> dict[str, list[object]]:
    from crustframe.tables import KEEP

    added = {name: found.frame[name].tolist() for name in names}
    for name in set(names) & set(frame.columns):
        old = frame[name].tolist()
        added[name] = [KEEP if now is was else now for now, was in zip(added[name], old, strict=True)]
    return added


def _write(
    table: Table, output: str, added: Mapping[str, Sequence[object]], *, csv_safe: bool, overwrite: bool
) -> None:
    try:
        written = table.write(output, added, csv_safe=csv_safe, overwrite_columns=overwrite)
    except BrokenPipeError:  # who read stdout has seen enough; the receipt is still told
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return
    if written.neutralised:
        _say(f"{written.neutralised} cells that a spreadsheet would run as formulas were defused with a leading '")
    if written.cut:
        _say(f"{written.cut} texts were longer than a cell of a workbook and were cut")


def _say(text: str) -> None:
    """Write words to stderr, without anything that a terminal would act on."""
    clean = "".join(letter if letter in "\n\t" or letter.isprintable() else " " for letter in text)
    typer.echo(clean, err=True)
