"""``crustframe ledger ...`` and ``crustframe budget``: the account book, for people."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from crustframe.buying.leftovers import read_everything_left
from crustframe.client import Client
from crustframe.errors import LedgerError, SettingError
from crustframe.people.identifiers import read_identifier
from crustframe.settings.config import read_age
from crustframe.wording import counted, persons

app = typer.Typer(
    help="Look into the account book: what was bought, what it cost, what is in doubt.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LedgerFile = Annotated[Path | None, typer.Option("--ledger", help="File of paid answers.", show_default="one per user")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def stats(ledger: LedgerFile = None, as_json: AsJson = False) -> None:
    """Count people, requests and credits, account by account."""
    found = _existing(ledger).ledger.stats()
    if as_json:
        _print_json(found)
        return
    typer.echo(
        f"{found['ledger']}, {found['bytes'] / 2**20:.1f} MiB, answers from {found['oldest']} to {found['newest']}"
    )
    for account in found["accounts"]:
        people = ", ".join(f"{n} {outcome}" for outcome, n in account["people"].items())
        typer.echo(
            f"{account['origin']} (account {account['account']}): {people}; {counted(account['requests'], 'request')}, "
            f"{counted(account['credits'], 'credit')}, {account['credits_today']:.12g} of them today"
        )
        if account["people_in_doubt"]:
            typer.echo(f"  in doubt: {persons(account['people_in_doubt'])}; see `crustframe ledger resolve`")
    if found["daily_ceiling"] is not None:
        typer.echo(f"standing ceiling: {counted(found['daily_ceiling'], 'credit')} a day")
    if found["suppressed"]:
        typer.echo(f"never to be bought again: {counted(found['suppressed'], 'identifier')}")


@app.command()
def show(
    identifier: Annotated[str | None, typer.Argument(metavar="[ID]", help="Profile URL or e-mail.")] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many purchases.")] = 20,
    ledger: LedgerFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the latest purchases, or what is kept about one person."""
    client = _existing(ledger)
    if identifier is None:
        rows: list[dict[str, Any]] = client.ledger.purchases(limit)
    else:
        rows = list(client.ledger.entries([read_identifier(identifier, free_mail=True)]))
        if not rows:
            typer.echo("Nothing is kept about this person.", err=True)
            raise typer.Exit(3)
    if as_json:
        _print_json(rows)
    elif identifier is None:
        for row in rows:
            charge = "charge unknown" if row["credits"] is None else counted(row["credits"], "credit")
            words = [f"{row['opened_at']}  {row['endpoint']}  {row['state']}", persons(row["identifiers"]), charge]
            typer.echo(", ".join(words) + (f"  ({row['error']})" if row["error"] else ""))
    else:
        for row in rows:
            old = f", until {row['superseded_at']}" if row["superseded_at"] else ""
            typer.echo(f"{row['identifier']}: {row['outcome']}, answered {row['answered_at']}{old}")
            typer.echo(f"  groups: {', '.join(row['groups'])}; request {row['request_id']}; {row['origin']}")
            for match in row["matches"]:
                typer.echo(f"  {json.dumps(match, ensure_ascii=False)}")


@app.command()
def export(
    output: Annotated[str, typer.Option("--output", "-o", help="File to write; - is stdout.")] = "-",
    ledger: LedgerFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON array in place of JSON lines.")] = False,
) -> None:
    """Write everything that was answered, one JSON line for each person and answer."""
    from crustframe.tables.destination import opened, refuse_unwritable

    refuse_unwritable(output)
    rows = _existing(ledger).ledger.entries()
    lines = [json.dumps(list(rows), ensure_ascii=False)] if as_json else _lines(rows)
    with opened(output) as file:
        file.writelines(f"{line}\n".encode() for line in lines)


@app.command()
def forget(
    identifiers: Annotated[list[str], typer.Argument(metavar="ID...", help="Profile URLs, e-mails or person ids.")],
    suppress: Annotated[bool, typer.Option("--suppress", help="Never buy them again.")] = False,
    ledger: LedgerFile = None,
    as_json: AsJson = False,
) -> None:
    """Take people out of every table and every byte of the ledger.

    Files that you wrote before are not touched; clean them by hand.
    """
    for text in identifiers:
        if not text.strip().isdigit():
            read_identifier(text, free_mail=True)
    client = _existing(ledger)
    read_everything_left(client)  # what was paid for is not thrown away with the one person
    _tell(client.ledger.forget(identifiers, suppress=suppress), as_json)
    if copies := client.ledger.set_aside_copies():
        named = ", ".join(map(str, copies))
        typer.echo(f"Copies that were set aside as damaged are as they were: {named}. Delete them by hand.", err=True)


@app.command()
def purge(
    older_than: Annotated[str, typer.Option(help="Age, such as 180d.")],
    ledger: LedgerFile = None,
    as_json: AsJson = False,
) -> None:
    """Take out every answer older than an age. Those people would be paid for again."""
    age_s = read_age(older_than, "--older-than")
    _tell(_existing(ledger).ledger.purge(age_s or 0.0), as_json)


@app.command()
def verify(ledger: LedgerFile = None, as_json: AsJson = False) -> None:
    """Check every page of the file and every answer in it."""
    found = _existing(ledger).ledger.verify()
    if as_json:
        _print_json(found)
    else:
        verdict = (
            "sound" if found["ok"] else f"damaged: {', '.join(found['pages'])}, {len(found['unreadable'])} unreadable"
        )
        typer.echo(f"{counted(found['answers'], 'answer')} read in {found['seconds']:g} s: {verdict}")
    if not found["ok"]:
        raise typer.Exit(LedgerError.exit_code)


@app.command()
def resolve(
    resend: Annotated[bool, typer.Option("--resend", help="Let the next run buy again who is still in doubt.")] = False,
    skip: Annotated[bool, typer.Option("--skip", help="Leave them; only look into the usage log.")] = False,
    ledger: LedgerFile = None,
    as_json: AsJson = False,
) -> None:
    """Settle what is in doubt by the account's own usage log. Free: nothing is bought here."""
    from crustframe.buying.reconcile import resolve as settle

    if resend and skip:
        raise SettingError("--resend and --skip say different things. Nothing was sent.", hint="give one of them.")
    with Client(ledger=ledger) as client:
        client.settings.require_key()
        found = settle(client, resend=resend)
    _print_json(found.to_dict()) if as_json else typer.echo(str(found))


@app.command("start-anew")
def start_anew(ledger: LedgerFile = None) -> None:
    """Put the ledger out of the way and begin a new one. Everybody would be paid for again."""
    with Client(ledger=ledger) as client:
        old, is_complete = client.ledger.start_anew()
    typer.echo(f"the old ledger is now {old}" if old else "the next purchase begins a new ledger")
    if not is_complete:
        typer.echo(
            "It cannot be read. Its daily ceiling, what was spent today and who must never be stored are lost. Set the "
            "ceiling again with `crustframe budget --daily N`.",
            err=True,
        )


def budget(
    daily: Annotated[float | None, typer.Option(min=0, help="Credits a day, over all front ends.")] = None,
    off: Annotated[bool, typer.Option("--off", help="Take the ceiling away.")] = False,
    show: Annotated[bool, typer.Option("--show", help="Say what is set and what is spent.")] = False,
    ledger: LedgerFile = None,
    as_json: AsJson = False,
) -> None:
    """Set the standing ceiling: what shell, notebooks and spreadsheets together may spend in a day (UTC)."""
    if daily is not None and off:
        raise SettingError("--daily and --off say different things.", hint="give one of them.")
    with Client(ledger=ledger) as client:
        if daily is not None or off:
            client.ledger.set_daily_ceiling(daily)
        ceiling, spent, left = client.ledger.daily_ceiling(), client.ledger.spent_today(), client.ledger.left_today()
        knows_account = client.settings.api_key is not None
    facts = {"daily_ceiling": ceiling, "spent_today": spent if knows_account else None, "left_today": left}
    if as_json:
        _print_json(facts)
        return
    typer.echo(
        "no standing ceiling" if ceiling is None else f"standing ceiling: {counted(ceiling, 'credit')} a day (UTC)"
    )
    if knows_account:
        typer.echo(f"spent today: {counted(spent, 'credit')}" + ("" if left is None else f", left: {left:.12g}"))
    elif show:
        typer.echo("spent today: unknown without the account's key")


def _existing(ledger: Path | None) -> Client:
    client = Client(ledger=ledger)
    if not client.ledger.exists():
        raise LedgerError(f"There is no ledger at {client.ledger.path} yet.", hint="it begins with the first purchase.")
    return client


def _lines(rows: Iterable[Mapping[str, Any]]) -> Iterable[str]:
    return (json.dumps(row, ensure_ascii=False) for row in rows)


def _tell(counts: Mapping[str, int], as_json: bool) -> None:
    if as_json:
        _print_json(counts)
    else:
        typer.echo(", ".join(f"{n} {what}" for what, n in counts.items()) + " taken out")


def _print_json(value: object) -> None:
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))
