"""Every option of every way to buy, drawn by chance: what is asked must never pass a plan or a ceiling."""

from __future__ import annotations

import inspect
import random
from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import crustframe
from crustframe.api.surfaces import SURFACES
from crustframe.verbs.lookup import buy

PAID: Final = {
    "person": (
        "contact.business_emails",
        "contact.personal_emails",
        "contact.phone_numbers",
        "dev_platform_profiles",
    ),
    "screener": (
        "business_email",
        "current_employers.business_emails",
        "personal_contact_info.personal_emails",
        "personal_contact_info.phone_numbers",
        "github_profiles",
    ),
}
KINDS: Final = (
    "business_email",
    "personal_emails",
    "phone_numbers",
    "personal_contact_info",
    "personal_contact_info.personal_emails",
    "contact.business_emails",
)

Dice = random.Random
DRAWN: Final[Mapping[str, Callable[[Dice], Any]]] = {
    "limit": lambda dice: dice.choice([None, None, 1, 5, 40]),
    "partial": lambda dice: dice.random() < 0.8,
    "errors": lambda dice: dice.choice(["coerce", "coerce", "raise"]),
    "min_similarity_score": lambda dice: dice.choice([None, None, 0.0, 0.5, 0.8, 1.0]),
    "min_verdict": lambda dice: dice.choice([None, None, "review", "accept"]),
    "force_fetch": lambda dice: dice.random() < 0.2,
    "enrich_realtime": lambda dice: dice.random() < 0.3,
    "preview": lambda dice: dice.random() < 0.15,
    "keep": lambda dice: dice.choice(["all", "asked"]),
    "max_age": lambda dice: dice.choice([None, "30d", "30d", 0, "1h"]),
    "free_mail": lambda dice: dice.random() < 0.3,
    "fallback": lambda dice: dice.random() < 0.5,
    "only": lambda dice: dice.choice(["all", "all", "missing", "failed", "stale"]),
    "on_doubt": lambda dice: dice.choice(["ask", "resend", "skip"]),
    "route": lambda dice: dice.choice(["auto", "calls", "job"]),
    "lists": lambda dice: dice.choice(["join", "list", "json", "count"]),
    "overwrite": lambda _: True,
    "wait": lambda dice: dice.random() < 0.7,
    "webhook_url": lambda dice: dice.choice([None, None, None, "http://127.0.0.1:9/over"]),
    "chunk_size": lambda dice: dice.choice([None, None, 10, 137, 1000]),
    "verified": lambda dice: dice.random() < 0.4,
}
GIVEN: Final = frozenset({"data", "cells", "column", "max_credits", "client", "progress"})
"""What a campaign hands over itself."""


class Asked(NamedTuple):
    """One way to buy, and everything that can be said about it but for whom, the ceiling and the client."""

    verb: Callable[..., Any]
    options: dict[str, Any]

    @property
    def plan(self) -> Callable[..., Any]:
        """What says beforehand what it costs."""
        return crustframe.plan_contacts if self.verb is crustframe.contacts else crustframe.plan

    @property
    def planned(self) -> dict[str, Any]:
        """The same options as far as a plan takes them; one that would be refused for its sum is wanted, too."""
        known = inspect.signature(self.plan).parameters
        options = {name: value for name, value in self.options.items() if name in known}
        return options | {"partial": True}


def draw(dice: Dice) -> Asked:
    """Draw a way to buy and a value for each of its options."""
    verb = dice.choices([crustframe.enrich, crustframe.contacts, buy], [8, 2, 1])[0]
    api = dice.choice(["person", "screener"]) if verb is crustframe.enrich else "person"
    options: dict[str, Any] = {}
    for name in inspect.signature(verb).parameters:
        if name == "api":
            options[name] = api
        elif name == "kinds":
            options[name] = dice.sample(KINDS, dice.randint(1, len(KINDS)))
        elif name == "provenance":
            options[name] = dice.choice(["none", "status"] if verb is crustframe.contacts else ["status", "full"])
        elif name not in GIVEN | {"fields"}:
            options[name] = DRAWN[name](dice)
    if verb is not crustframe.contacts:
        options["fields"] = _fields(dice, api, is_preview=options.get("preview", False))
    return Asked(verb, options)


def _fields(dice: Dice, api: str, *, is_preview: bool) -> list[str]:
    known = list(SURFACES[api].catalogue().fields)
    if is_preview and dice.random() < 0.9:
        known = [path for path, field in SURFACES[api].catalogue().fields.items() if field.group == "basic_profile"]
        paths = dice.sample(known, 2)
    elif dice.random() < 0.2:
        paths = [dice.choice(PAID[api])]
    else:
        paths = dice.sample(known, dice.randint(1, 3)) + [path for path in PAID[api] if dice.random() < 0.3]
    return [f"{path} as asked_{number}" for number, path in enumerate(dict.fromkeys(paths))]
