"""``crustframe sandbox``: a local API, and what can be said about it."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from crustframe.contract import JOB_LINK_S
from crustframe.errors import SettingError


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
    link_seconds: Annotated[
        float, typer.Option(help="Sandbox seconds for which a link to results is good.")
    ] = JOB_LINK_S,
    contact_lines: Annotated[
        Literal["envelope", "flat"], typer.Option(help="Lines of contact results: documented, or seen in 2026-08.")
    ] = "envelope",
    grant: Annotated[
        list[str] | None, typer.Option(help="Gated field that the account has all the same; repeat it.")
    ] = None,
    legacy: Annotated[
        Literal["served", "retired", "gone"], typer.Option(help="Whether the legacy surface still answers.")
    ] = "served",
    account_api: Annotated[
        Literal["autumn-2026", "earlier"], typer.Option(help="Age of the account's own endpoints.")
    ] = "autumn-2026",
    plan: Annotated[
        Literal["self-serve", "contact", "full"] | None,
        typer.Option(help="What the account has beside person enrich.", show_default="everything of the snapshot"),
    ] = None,
    account: Annotated[
        bool, typer.Option("--account/--no-account", help="Whether /account/endpoints is there.")
    ] = True,
    contact_billing: Annotated[
        Literal["delivered", "base"], typer.Option(help="Bill contacts as delivered, or with a base credit.")
    ] = "delivered",
    identify_rows: Annotated[
        Literal["top-level", "wrapped"], typer.Option(help="Rows of identify as documented, or in `results`.")
    ] = "top-level",
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
            link_seconds=link_seconds,
            contact_lines=contact_lines,
            grant=grant or (),
            legacy=legacy,
            account_api=account_api,
            plan=plan,
            account=account,
            contact_billing=contact_billing,
            identify_rows=identify_rows,
        )
    except ValueError as error:
        said, _, hint = str(error).partition("\nHint: ")
        raise SettingError(said, hint=hint) from None
    except OSError as error:
        raise SettingError(
            f"Port {port} cannot be used ({error.strerror}).", hint="leave --port out: a free one is taken."
        ) from None
