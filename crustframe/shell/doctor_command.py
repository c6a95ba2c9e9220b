"""``crustframe doctor``: what works, what does not, and what to do next."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from crustframe.shell.common import Ledger, UseSandbox, client_of
from crustframe.shell.doctor import examine, exit_code


def doctor(
    sandbox: UseSandbox = False,
    ledger: Ledger = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what works here and what does not, and what to do next. Costs 0 credits, never shows the key.

    Exit codes: 0 usable, 4 key, rights or credits, 5 network or server, 6 ledger.
    """
    findings = []
    with client_of(sandbox, ledger) as client:
        for finding in examine(client):
            findings.append(finding)
            if not as_json:
                typer.echo(str(finding))
    code = exit_code(findings)
    if as_json:
        told = {"usable": code == 0, "exit_code": code, "findings": [finding.to_dict() for finding in findings]}
        typer.echo(json.dumps(told, indent=1))
    raise typer.Exit(code)
