"""``crustframe key set | show | remove``: keep the API key for the shell, notebooks and spreadsheets alike."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from crustframe.errors import ConfigurationError, SettingError
from crustframe.settings.config import API_KEY_VARIABLE, BASE_URL_VARIABLE, key_store, read_settings, read_target
from crustframe.settings.keys import FoundKey, KeyStore, read_key
from crustframe.shell.streams import is_terminal


class _Unquoting(TyperGroup):
    """A group that never repeats what it does not know: it may be a key."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and self.get_command(ctx, args[0]) is None:
            raise _given_openly("What stands behind `crustframe key` is neither set nor show nor remove.")
        return super().resolve_command(ctx, args)


app = typer.Typer(
    help="Keep the API key: in the keyring, else in a private file; for one origin, and no other.",
    cls=_Unquoting,
    no_args_is_help=True,
    rich_markup_mode=None,
)

BaseUrl = Annotated[
    str | None, typer.Option(help="Origin of the key.", show_default=f"{BASE_URL_VARIABLE}, else the API")
]
UNQUOTED: Final = {"allow_extra_args": True}
"""Settings of a command that refuses stray words itself, since the usual message would repeat them."""


@app.command("set", context_settings=UNQUOTED)
def store(
    context: typer.Context,
    base_url: BaseUrl = None,
    in_file: Annotated[
        bool, typer.Option("--file", help="Keep it in a private file, also where a keyring works.")
    ] = False,
) -> None:
    """Store the key: asked for unseen, or read from stdin. Never an argument, which the shell would remember."""
    _refuse_stray_words(context)
    origin, keys = read_target(base_url), key_store()
    secret = read_key(_typed_or_piped(origin))
    old = _old(keys, origin)
    stored = keys.put(origin, secret, use_keyring=not in_file)
    _say(f"The key is stored in {stored.place}, for {origin} and no other origin.")
    if stored.why_no_keyring:
        _say(f"It is in a file that only you can read, since the keyring {stored.why_no_keyring}.")
    if old is not None and old.secret.reveal() != secret.reveal():
        _say("It replaces another key. What was bought with that one answers for that one only.")
    if os.environ.get(API_KEY_VARIABLE):
        _say(f"{API_KEY_VARIABLE} is set and goes before it.")


@app.command(context_settings=UNQUOTED)
def show(context: typer.Context, as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Say which origin has a key, from where, and how it ends; never the key. Exit code 4: none is there to use."""
    _refuse_stray_words(context)
    settings = read_settings()
    used = settings.key.find()
    rows = [_facts(settings.origin, used, is_used=True)] if used is not None else []
    for origin in settings.key.store.origins():
        if used is None or used.source == "environment" or origin != settings.origin:
            rows += _stored_facts(settings.key.store, origin)
    if as_json:
        typer.echo(json.dumps(rows, indent=1))
    for row in () if as_json else rows:
        ends = f", ends in {row['ends_in']}" if row["ends_in"] else ""
        typer.echo(f"{row['origin']}: in {row['place']}{ends}{'' if row['is_used'] else ' (not in use)'}")
    if used is None:
        _say(f"There is no key for {settings.origin}. Store one with `crustframe key set`, or set {API_KEY_VARIABLE}.")
        raise typer.Exit(ConfigurationError.exit_code)


@app.command(context_settings=UNQUOTED)
def remove(context: typer.Context, base_url: BaseUrl = None) -> None:
    """Throw the stored key away. The ledger and what was bought stay."""
    _refuse_stray_words(context)
    origin = read_target(base_url)
    was_there = key_store().remove(origin)
    _say(f"The key for {origin} is gone." if was_there else f"There was no stored key for {origin}.")
    if os.environ.get(API_KEY_VARIABLE):
        _say(f"{API_KEY_VARIABLE} is still set, and goes on being used.")


def _stored_facts(keys: KeyStore, origin: str) -> list[dict[str, Any]]:
    try:
        found = keys.get(origin)
    except ConfigurationError as error:  # of a key that is not in use
        _say(str(error))
        return []
    return [] if found is None else [_facts(origin, found, is_used=False)]


def _typed_or_piped(origin: str) -> str:
    if is_terminal(sys.stdin):
        text = str(typer.prompt(f"API key for {origin}", hide_input=True, err=True))
    else:
        text = "" if sys.stdin is None else sys.stdin.read()
    text = text.strip().removeprefix("\ufeff")
    if not text:
        raise ConfigurationError(
            "No key was given. Nothing was stored.", hint="paste it, or pipe it into this command."
        )
    return text


def _old(keys: KeyStore, origin: str) -> FoundKey | None:
    try:
        return keys.get(origin)
    except ConfigurationError:
        return None


def _facts(origin: str, found: FoundKey, *, is_used: bool) -> dict[str, Any]:
    return {
        "origin": origin,
        "source": found.source,
        "place": found.place,
        "ends_in": found.secret.hint(),
        "is_used": is_used,
    }


def _refuse_stray_words(context: typer.Context) -> None:
    if context.args:
        raise _given_openly("A key is not taken as an argument.")


def _given_openly(what: str) -> SettingError:
    return SettingError(
        f"{what} Nothing was stored, nothing was sent.",
        hint="run `crustframe key set` and paste the key when asked; if you typed the key just now, take that line "
        "out of the shell's history.",
    )


def _say(text: str) -> None:
    typer.echo(text, err=True)
