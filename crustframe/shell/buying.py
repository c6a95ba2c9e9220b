"""What the commands that buy share: what only the user can settle before, and how a run ends."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import typer

from crustframe.client import Client
from crustframe.errors import SettingError
from crustframe.settings.config import ASK_ABOVE_CREDITS
from crustframe.shell.common import BUDGET_EXIT, say
from crustframe.shell.job_commands import say_ticket
from crustframe.shell.streams import is_terminal
from crustframe.verbs.report import Interrupted
from crustframe.verbs.steps import ceiling_of
from crustframe.wording import counted, persons

if TYPE_CHECKING:
    from crustframe.buying.plan import Plan
    from crustframe.verbs.contacts import Contacts
    from crustframe.verbs.enrichment import Enrichment

F = TypeVar("F", "Enrichment", "Contacts")


def check_waiting(*, wait: bool, sandbox: bool) -> None:
    """Refuse to leave a job with a sandbox that ends with the command.

    Raises
    ------
    SettingError
        Nothing was sent.
    """
    if sandbox and not wait:
        raise SettingError(
            "The sandbox of --sandbox ends with the command, and its jobs with it. Nothing was sent.",
            hint="leave --no-wait out, or keep one running with `crustframe sandbox`.",
        )


def agree(client: Client, make_plan: Callable[[], Plan], asked: Any, *, yes: bool) -> None:
    """Say what a run would cost, and put into `asked` what the user answers: doubts to buy again, and the ceiling.

    Parameters
    ----------
    client : Client
    make_plan : callable
        Plans what `asked` says at the time.
    asked : dict
        The options of the run; `on_doubt` and `max_credits` may change.
    yes : bool
        A larger sum is not asked about.

    Raises
    ------
    ConfigurationError
        There is no key. Nothing was sent.
    BudgetError
        It may cost more than `max_credits`. Nothing was sent.
    """
    plan = make_plan()
    say(str(plan))
    if plan.new:
        client.settings.require_key()
    if plan.in_doubt and asked["on_doubt"] == "ask" and _confirmed_doubt(plan.in_doubt):
        asked["on_doubt"] = "resend"
        plan = make_plan()
        say(str(plan))
    asked["max_credits"] = _agreed_ceiling(client, plan.credits_high, asked["max_credits"], yes=yes)


def is_attended() -> bool:
    """Whether somebody can be asked."""
    return is_terminal(sys.stdin) and is_terminal(sys.stderr)


def _confirmed_doubt(n_people: int) -> bool:
    question = f"{persons(n_people)} may have been paid for without an answer. Buy them again?"
    return is_attended() and typer.confirm(question, err=True)


def _agreed_ceiling(client: Client, credits_high: float, max_credits: float | None, *, yes: bool) -> float | None:
    """Return the ceiling of the run; a larger sum without one is asked about, and the answer is the ceiling."""
    ceiling = ceiling_of(client, max_credits)
    if ceiling is not None or credits_high <= ASK_ABOVE_CREDITS or not (yes or is_attended()):
        return ceiling
    if not yes and not typer.confirm(f"Spend up to {counted(credits_high, 'credit')}?", err=True):
        say("Nothing was sent, nothing was charged.")
        raise typer.Exit(BUDGET_EXIT)
    return credits_high


def bought(buy: Callable[[], F]) -> F:
    """Buy, and return what was found, also where Ctrl-C ended it; where jobs go on, hand back their ticket instead."""
    try:
        found = buy()
    except Interrupted as stopped:
        found = stopped.found
    if found.ticket is not None and found.ticket.batch_ids:
        say_ticket(found.ticket)
        raise typer.Exit
    return found
