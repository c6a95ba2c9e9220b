"""``crustframe jobs list | wait | fetch | resume | listen``."""

from __future__ import annotations

import json
import secrets
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Final

import typer

from crustframe.buying.jobs import POLL_S, Ticket, collect
from crustframe.buying.purse import Bought
from crustframe.client import Client
from crustframe.errors import SettingError
from crustframe.ledger.bookkeeping import iso
from crustframe.ledger.jobs import Job
from crustframe.shell.interrupts import INTERRUPTED_EXIT
from crustframe.wording import counted, persons

IN_DOUBT_EXIT = 3
_UNDER_WAY: Final = frozenset({"sent", "running"})

app = typer.Typer(
    help="Jobs that were not waited for: look, wait, fetch their results. Free; they are paid for already.",
    no_args_is_help=True,
    rich_markup_mode=None,
)

LedgerFile = Annotated[Path | None, typer.Option("--ledger", help="File of paid answers.", show_default="one per user")]
Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]...", help="Jobs.", show_default="every open one")]


@app.command("list")
def list_jobs(
    everything: Annotated[bool, typer.Option("--all", help="Those that are done, too.")] = False,
    ledger: LedgerFile = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """List the jobs that the ledger knows. Opens no socket."""
    with Client(ledger=ledger) as client:
        book = client.ledger.jobs(create=False)
        jobs = book.all(open_only=not everything) if book is not None else []
        elsewhere = book.n_elsewhere() if book is not None else 0
    if as_json:
        typer.echo(json.dumps([_facts(job) for job in jobs], indent=1))
        return
    for job in jobs:
        facts = _facts(job)
        words = [facts["batch_id"] or "unanswered submit", facts["endpoint"], facts["state"], facts["submitted_at"]]
        typer.echo("  ".join(words) + f"  {persons(job.n_identifiers)}, {counted(job.lines_read, 'line')} read")
    if not jobs:
        typer.echo("No job of this key is open.", err=True)
    if elsewhere:
        of_others = counted(elsewhere, "job of another key is", "jobs of other keys are")
        typer.echo(f"{of_others} open in this ledger.", err=True)


@app.command()
def wait(ids: Ids = None, ledger: LedgerFile = None) -> None:
    """Wait for jobs and fetch their results."""
    with Client(ledger=ledger) as client:
        _tell(*collect(client, batch_ids=ids or ()))


@app.command()
def fetch(ids: Ids = None, ledger: LedgerFile = None) -> None:
    """Fetch the results of jobs that are done, without waiting for the others."""
    with Client(ledger=ledger) as client:
        _tell(*collect(client, batch_ids=ids or (), wait=False))


@app.command()
def resume(ledger: LedgerFile = None) -> None:
    """Pick up whatever a run that was killed left: submits without an answer, running jobs, half-read files."""
    with Client(ledger=ledger) as client:
        _tell(*collect(client))


@app.command()
def listen(
    host: Annotated[str, typer.Option(help="Where to listen; this machine unless a tunnel needs more.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 0,
    token: Annotated[str | None, typer.Option(help="Secret path of the callback.", show_default="random")] = None,
    once: Annotated[bool, typer.Option("--once", help="End when no job is under way.")] = False,
    ledger: LedgerFile = None,
) -> None:
    """Listen for the API's callbacks and fetch what is done.

    A callback is a hint and no proof: the status is read again with the key, and it is read every minute anyway.
    """
    from crustframe.http.webhook import Receiver

    try:
        receiver = Receiver(host=host, port=port, token=token or secrets.token_urlsafe(24))
    except OSError as error:
        raise SettingError(f"{host}:{port} cannot be listened on ({error.strerror}).") from None
    with receiver, Client(ledger=ledger) as client:
        typer.echo(f"listening: {receiver.url}", err=True)
        while True:
            jobs, bought = collect(client, wait=False)
            if done := [job for job in jobs if job.state not in _UNDER_WAY]:
                _tell(done, bought, ends=False)
            if once and all(job.state not in _UNDER_WAY for job in jobs):
                raise typer.Exit(_exit_code(jobs, bought))
            until = time.monotonic() + POLL_S[1]
            while time.monotonic() < until and not receiver.wait(0.5):
                pass


def say_ticket(ticket: Ticket) -> None:
    """Hand a ticket back: data on stdout, words on stderr."""
    typer.echo(json.dumps(ticket.to_dict()))
    typer.echo(str(ticket), err=True)


def _facts(job: Job) -> dict[str, Any]:
    return {
        "batch_id": job.batch_id,
        "endpoint": job.endpoint,
        "state": job.state,
        "status": job.status,
        "submitted_at": iso(job.submitted_at),
        "people": job.n_identifiers,
        "unsettled": len(job.purchase.identifiers),
        "lines_read": job.lines_read,
        "result_count": job.result_count,
        "matched": job.matched,
        "credits": job.credits,
        "error": job.error,
    }


def _tell(jobs: Sequence[Job], bought: Bought, *, ends: bool = True) -> None:
    for job in jobs:
        words = f"{job.batch_id or 'unanswered submit'}: {job.state}, {job.matched} of {job.n_identifiers} found"
        typer.echo(words + (f"; {job.error}" if job.error else ""), err=True)
    under_way = [job for job in jobs if job.state in _UNDER_WAY]
    in_doubt = sum(len(job.purchase.identifiers) for job in jobs if job.state == "in_doubt")
    typer.echo(
        f"{counted(len(jobs), 'job')}, {len(under_way)} under way, {counted(bought.credits, 'credit')} taken in"
        + (f", {persons(in_doubt)} in doubt" if in_doubt else ""),
        err=True,
    )
    if bought.stopped is not None:
        typer.echo(str(bought.stopped), err=True)
    if ends:
        raise typer.Exit(_exit_code(jobs, bought))


def _exit_code(jobs: Sequence[Job], bought: Bought) -> int:
    if bought.interrupted:
        return INTERRUPTED_EXIT
    is_open = any(job.state == "in_doubt" and len(job.purchase.identifiers) for job in jobs)
    has_failed = any(job.state == "refused" for job in jobs)
    return IN_DOUBT_EXIT if is_open or has_failed or bought.stopped is not None else 0
