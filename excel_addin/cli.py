"""``crustframe excel``: install, uninstall, doctor, build, template, key. Every command imports what it needs."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(help="Formulas for Excel and LibreOffice Calc.", no_args_is_help=True)

ForCalc = Annotated[bool, typer.Option("--calc", help="LibreOffice Calc instead of Excel.")]


@app.command()
def install(for_calc: ForCalc = False) -> None:
    """Put the add-in into this user's Excel (Windows), or with --calc into LibreOffice."""
    from excel_addin import calc, excel

    if for_calc:
        with tempfile.TemporaryDirectory() as folder:
            calc.install(calc.build(Path(folder) / "crust.oxt"))
        _say("The add-in is in LibreOffice. Restart it; the menu CRUST and =CRUST.ENRICH(...) are there then.")
        return
    _say(f"The add-in is {excel.install()}. Restart Excel; =CRUST.ENRICH(...) is there then.")


@app.command()
def uninstall(for_calc: ForCalc = False) -> None:
    """Take the add-in away; the ledger and the key stay."""
    from excel_addin import calc, excel

    if for_calc:
        calc.uninstall()
        _say("The add-in is out of LibreOffice.")
        return
    gone = excel.uninstall()
    _say("\n".join(f"gone: {path}" for path in gone) or "There was nothing to take away.")


@app.command()
def doctor(for_calc: ForCalc = False) -> None:
    """Say what the add-in needs and whether it is there. Opens no socket, never shows the key."""
    from excel_addin import calc, excel, keys

    found = list(calc.checks() if for_calc else excel.checks())
    found.append(keys.check())
    for check in found:
        typer.echo(f"{'ok  ' if check.is_right else 'WANT'}  {check.what}: {check.said}")
    raise typer.Exit(0 if all(check.is_right for check in found) else 4)


@app.command()
def build(
    output: Annotated[Path, typer.Option("--output", "-o", help="File to write.")] = Path(),
    for_calc: ForCalc = False,
) -> None:
    """Write the add-in to a file: crust.xlam (on Windows, by Excel), or with --calc crust.oxt."""
    from excel_addin import calc, excel

    name = "crust.oxt" if for_calc else "crust.xlam"
    target = output / name if output.is_dir() else output
    typer.echo(str(calc.build(target) if for_calc else excel.build(target.resolve())))


@app.command("template")
def write_template(
    output: Annotated[Path, typer.Argument(help="Workbook to write.")] = Path("crust-template.xlsx"),
) -> None:
    """Write a workbook with examples. It holds no key and no macros."""
    from crustframe.errors import ConfigurationError
    from excel_addin import template

    if output.exists():
        raise ConfigurationError(f"{output} exists already. Nothing was written.", hint="name another file.")
    typer.echo(str(template.write(output)))


@app.command(context_settings={"allow_extra_args": True})
def key(
    context: typer.Context,
    forget: Annotated[bool, typer.Option("--forget", help="Throw the stored key away.")] = False,
) -> None:
    """Store the API key, as `crustframe key set` does, or with --forget throw it away."""
    from crustframe.shell.key_commands import remove, store

    remove(context) if forget else store(context)


def _say(text: str) -> None:
    typer.echo(text, err=True)
