"""``crustframe contacts``."""

from __future__ import annotations

import contextlib
from typing import Annotated, Any, Unpack

import typer

from crustframe.client import Client
from crustframe.contract import PROFILE_URL
from crustframe.shell.buying import agree, bought, check_waiting
from crustframe.shell.common import (
    PARTIAL_EXIT,
    Breaks,
    CsvSafe,
    Ledger,
    Output,
    UseSandbox,
    Yes,
    check_output,
    client_of,
    exit_code,
    is_about_nobody,
    left_out,
    makes_them_anew,
    planning_client,
    rows_of,
    say,
    write,
)
from crustframe.shell.flags import takes_flags
from crustframe.shell.reading import PeopleReading, reads
from crustframe.verbs.contact_question import KINDS, as_sold, contact_paths, read_contact_question
from crustframe.verbs.contacts import column_names, plan_contacts
from crustframe.verbs.contacts import contacts as find_contacts
from crustframe.verbs.options import ContactOptions, ContactPlanOptions
from crustframe.verbs.signature import part_of


@reads
@takes_flags(ContactOptions)
def contacts(
    reading: PeopleReading,
    kind: Annotated[
        list[str] | None,
        typer.Option(
            help="business_email, personal_contact_info, or of that personal_emails or phone_numbers alone; repeat "
            "it or use commas.",
            show_default="all",
        ),
    ] = None,
    output: Output = "-",
    *,
    csv_safe: CsvSafe = True,
    line_breaks: Breaks = "keep",
    yes: Yes = False,
    plan: Annotated[bool, typer.Option("--plan", help="Only say what it would send and cost.")] = False,
    sandbox: UseSandbox = False,
    ledger: Ledger = None,
    **asked: Unpack[ContactOptions],
) -> None:
    """Add business e-mails, personal e-mails and phone numbers to a table.

    1 credit for business e-mails, 2 for personal ones, 2 for phone numbers, for whoever has them; no base credit.

    Exit codes are those of `crustframe enrich`.
    """
    check_waiting(wait=asked["wait"], sandbox=sandbox)
    question = read_contact_question(kind or KINDS, verified=asked["verified"], max_age_s=None)
    kinds = question.kinds
    table, named = reading.open_people([PROFILE_URL])
    paths = contact_paths(kinds)
    names = column_names(kinds, asked["provenance"])
    asked["overwrite"] = asked["overwrite"] or makes_them_anew(table, named, paths)
    check_output(table, output, names, overwrite=asked["overwrite"])
    rows = rows_of(table, named, [])

    def is_nobody(client: Client) -> bool:
        takes = as_sold(question, client).identifier_kinds
        return is_about_nobody(table, named, rows, takes, preferred=[PROFILE_URL])

    if plan:
        with contextlib.closing(planning_client(sandbox, ledger)) as client:
            asked["client"] = client
            typer.echo(str(plan_contacts(rows, named, kinds, **part_of(ContactPlanOptions, asked))))
            about_nobody = is_nobody(client)
        raise typer.Exit(PARTIAL_EXIT if about_nobody else 0)
    with client_of(sandbox, ledger) as client:
        asked["client"] = client
        agree(client, lambda: plan_contacts(rows, named, kinds, **part_of(ContactPlanOptions, asked)), asked, yes=yes)
        found = bought(lambda: find_contacts(rows, named, kinds, **asked))
        about_nobody = is_nobody(client)
    added: dict[str, Any] = {name: found.frame[name] for name in names} | left_out(table, rows, names)
    write(table, output, added, rows, csv_safe=csv_safe, overwrite=asked["overwrite"], line_breaks=line_breaks)
    say(str(found.report))
    raise typer.Exit(exit_code(found.report, about_nobody=about_nobody))
