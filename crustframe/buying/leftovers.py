"""Paid answers that a run which was killed left unread: read before anything else is asked or forgotten. Free."""

from __future__ import annotations

from crustframe.api.surfaces import BY_PATH, SURFACES
from crustframe.client import Client
from crustframe.errors import ResponseError
from crustframe.ledger import Run


def read_left(run: Run) -> None:
    """Read what dead buyers left to this run; a bill that never came is what the people cost who were found."""
    for purchase, endpoint, body, credits in run.unread():
        options = BY_PATH[endpoint].covering(purchase.groups, purchase.min_similarity_score)
        try:
            answer = options.read(body, purchase.identifiers, credits=credits)
        except ResponseError as error:
            run.doubt(purchase, str(error.message))
            continue
        matched = sum(bool(found) for found in answer.matches.values())
        price = purchase.worst_credits / max(1, len(purchase.identifiers))
        run.settle(purchase, answer, credits=price * matched if credits is None else credits)


def read_everything_left(client: Client) -> None:
    """Read what dead buyers left on any surface."""
    for surface in SURFACES.values():
        ledger = client.facing(surface).ledger
        if not ledger.has_left():
            continue
        options = surface(frozenset({"basic_profile"}))
        run = ledger.start(options.coverage, price=options.price, endpoint=options.path)
        try:
            read_left(run)
        finally:
            run.close()
