"""What works here and what does not, one finding a line, each with what to do next. It costs 0 credits."""

from __future__ import annotations

import contextlib
import os
import platform
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from crustframe import __version__, contract
from crustframe.api import screener
from crustframe.api.account import Endpoint, read_endpoints
from crustframe.api.surfaces import SURFACES
from crustframe.buying.abilities import told_by_list
from crustframe.errors import APIError, ConfigurationError, CrustframeError, LedgerError, NoAnswerError
from crustframe.ledger.abilities import Facts
from crustframe.settings.config import OFFLINE_VARIABLE
from crustframe.wording import counted, noun, persons

if TYPE_CHECKING:
    from crustframe.client import Client

State = Literal["ok", "note", "WANT"]

_PACKAGES: Final = ("pandas", "pandera", "requests", "urllib3", "keyring", "xlwings")
_OPTIONAL: Final = frozenset({"keyring", "xlwings"})
_READ_WHOLE_BYTES: Final = 64 * 2**20  # some seconds at most; `crustframe ledger verify` reads any
_SYNCHRONISED: Final = ("onedrive", "dropbox", "google drive", "icloud", "mobile documents", "nextcloud", "owncloud")
_NAMED: Final = 6
_NO_KEY_EXIT: Final = ConfigurationError.exit_code


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at.

    Attributes
    ----------
    what, said : str
        Its name, and what is the case.
    state : {"ok", "note", "WANT"}
        ``note``: worth knowing, and no reason not to start. ``WANT``: nothing can be bought like this.
    next_step : str
        What to do; empty where there is nothing to do.
    exit_code : int
        Of the shell's, 0 unless something is wanting.
    facts : mapping
        The same for programs.
    """

    what: str
    said: str
    state: State = "ok"
    next_step: str = ""
    exit_code: int = 0
    facts: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def wanting(cls, what: str, error: CrustframeError) -> Finding:
        """Return the finding that an error is."""
        if isinstance(error, NoAnswerError):  # its own words are about paid requests
            said, next_step = "no complete answer came back. The question is free.", "check the network, and ask again."
            return cls(what, said, "WANT", next_step, error.exit_code)
        return cls(what, error.message, "WANT", error.hint, error.exit_code)

    def to_dict(self) -> dict[str, Any]:
        """Return it as JSON takes it."""
        told = {"what": self.what, "state": self.state, "said": self.said, "next": self.next_step}
        return {**told, "exit_code": self.exit_code, **self.facts}

    def __str__(self) -> str:
        line = f"{self.state:<4}  {self.what}: {self.said}"
        return " ".join((f"{line} Next: {self.next_step}" if self.next_step else line).split("\n"))


_SURFACES: Final = (
    contract.CONTACT_ENRICH_PATH,
    contract.IDENTIFY_PATH,
    contract.LIVE_PATH,
    contract.PERSON_JOB_PATH,
    contract.CONTACT_JOB_PATH,
    contract.IDENTIFY_JOB_PATH,
)


def examine(client: Client) -> Iterator[Finding]:
    """Look at everything that a run needs, and yield what is found, as soon as it is found.

    Costs 0 credits: three free questions, none when offline.

    Parameters
    ----------
    client : Client

    Yields
    ------
    Finding
    """
    yield _versions()
    ledger = _ledger(client)
    yield ledger
    key = _key(client)
    yield key
    has_answered = False
    for finding in _account(client, has_key=key.state == "ok"):
        has_answered = has_answered or "credits" in finding.facts
        yield finding
    yield _legacy(client, may_ask=has_answered)
    yield from _books(client, is_readable=not ledger.exit_code and key.state == "ok")


def exit_code(findings: Iterable[Finding]) -> int:
    """Return 0 where everything needed is there, else the code of the first thing that is wanting."""
    return next((finding.exit_code for finding in findings if finding.exit_code), 0)


def _versions() -> Finding:
    versions = {name: version for name in _PACKAGES if (version := _version(name))}
    missing = [name for name in _PACKAGES if name not in versions and name not in _OPTIONAL]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    facts = {"python": platform.python_version(), "crustframe": __version__, "packages": versions}
    said = f"Python {platform.python_version()}, crustframe {__version__}, {named}."
    if missing:
        return Finding(
            "versions", f"{said} Missing: {', '.join(missing)}.", "WANT", "install crustframe anew.", 2, facts
        )
    return Finding("versions", said, facts=facts)


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


# The ledger --------------------------------------------------------------------------------------------------------


def _ledger(client: Client) -> Finding:
    path = client.ledger.path
    facts: dict[str, Any] = {"ledger": str(path), "exists": client.ledger.exists()}
    try:
        if not client.ledger.exists():
            return _ledger_to_come(path, facts)
        client.ledger.daily_ceiling()  # opens it, which checks its layout
        if path.stat().st_size > _READ_WHOLE_BYTES:
            said, next_step = "opens; too large to be read whole here.", "`crustframe ledger verify` reads all of it."
            return Finding("ledger", f"{path} {said}", next_step=next_step, facts=facts)
        found = client.ledger.verify()
    except LedgerError as error:
        return Finding.wanting("ledger", error)
    facts["answers"] = found["answers"]
    if not found["ok"]:
        said = f"{path} is damaged: {counted(len(found['unreadable']), 'answer')} unreadable"
        next_step = "`crustframe ledger verify --json` names them; bring back a copy, or take them out with "
        next_step += "`crustframe ledger forget`."
        said += "." if found["pages"] == ["ok"] else f", {'; '.join(found['pages'])}."
        return Finding("ledger", said, "WANT", next_step, LedgerError.exit_code, facts)
    return _ledger_in_place(path, f"{path}, sound, {counted(found['answers'], 'answer')}.", facts)


def _ledger_to_come(path: Path, facts: Mapping[str, Any]) -> Finding:
    folder = next((parent for parent in path.absolute().parents if parent.exists()), None)
    if folder is None or not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        return Finding(
            "ledger",
            f"none yet at {path}, and none can be made there.",
            "WANT",
            "name a file in a folder of yours with CRUSTFRAME_LEDGER.",
            LedgerError.exit_code,
            facts,
        )
    return _ledger_in_place(path, f"none yet at {path}; it begins with the first purchase.", facts)


def _ledger_in_place(path: Path, said: str, facts: Mapping[str, Any]) -> Finding:
    place = str(path.absolute())
    shared = next((name for name in _SYNCHRONISED if name in place.lower()), None)
    if shared is None and not place.startswith(r"\\"):
        return Finding("ledger", said, facts=facts)
    return Finding(
        "ledger",
        f"{said} It seems to lie in a folder that is shared or synchronised, where locks are lost and people may be "
        "paid for twice.",
        "note",
        "put it on a disk of this machine, and name it in CRUSTFRAME_LEDGER.",
        facts=facts,
    )


# The key and the account -------------------------------------------------------------------------------------------


def _key(client: Client) -> Finding:
    origin = client.settings.origin
    try:
        found = client.settings.key.find()
        client.settings.require_key()
    except ConfigurationError as error:
        return Finding.wanting("key", error)
    assert found is not None  # noqa: S101
    facts = {"origin": origin, "source": found.source, "ends_in": found.secret.hint()}
    return Finding("key", f"{found}; it goes to {origin} only.", facts=facts)


def _account(client: Client, *, has_key: bool) -> Iterator[Finding]:
    if client.settings.offline:
        yield Finding("account", "not asked: offline.", "note", f"take {OFFLINE_VARIABLE} away to buy anything.")
        return
    if not has_key:
        yield Finding("account", "not asked, for want of a key.", "note")
        return
    try:
        balance = client.credits()
    except APIError as error:
        yield Finding.wanting("account", error)
        return
    yield _balance(client.settings.origin, balance)
    yield from _rights_and_surfaces(client)


def _balance(origin: str, balance: float) -> Finding:
    said = f"{origin} answers and takes the key; balance {balance:,.10g} {noun(balance, 'credit')}."
    if balance > 0:
        return Finding("account", said, facts={"credits": balance})
    return Finding("account", said, "WANT", "buy credits from the vendor.", _NO_KEY_EXIT, {"credits": balance})


def _rights_and_surfaces(client: Client) -> Iterator[Finding]:
    try:
        endpoints = read_endpoints(client.transport)
    except APIError as error:
        next_step = "what the account lacks shows in the first run."
        yield Finding("rights", f"not told: {error.message}", "note", next_step)
        endpoints = {}
    else:
        yield _rights(client, endpoints.get(contract.PERSON_ENRICH_PATH))
    yield _surfaces(client, told_by_list(endpoints))


def _rights(client: Client, endpoint: Endpoint | None) -> Finding:
    path = contract.PERSON_ENRICH_PATH
    if endpoint is None:
        return Finding("rights", f"the account's list does not name {path}.", "note")
    facts = {"requests_per_minute": endpoint.requests_per_minute, "lacking": _outermost(endpoint.disabled_fields)}
    if not endpoint.enabled:
        said = f"the account may not use {path}."
        return Finding("rights", said, "WANT", "ask the vendor to enable it.", _NO_KEY_EXIT, facts)
    said = f"{_pace(endpoint, client.settings.requests_per_minute)} for {path}; "
    everything = _outermost(endpoint.disabled_fields)
    lacking = [path for path in everything if path not in contract.gated_fields()]
    if not lacking:
        gated = f", but for {', '.join(everything)}, which few plans have" if everything else ""
        return Finding("rights", f"{said}every group is granted{gated}.", facts=facts)
    more = f" and {len(lacking) - _NAMED} more" if len(lacking) > _NAMED else ""
    next_step = "leave these out of the fields, or ask the vendor to grant them."
    return Finding("rights", f"{said}lacking: {', '.join(lacking[:_NAMED])}{more}.", "note", next_step, facts=facts)


def _surfaces(client: Client, told_now: Facts) -> Finding:
    """Tell which surfaces of today's API the account has: from its list, else from what earlier runs learnt."""
    facts = dict(told_now)
    with contextlib.suppress(LedgerError):  # told by itself
        client.ledger.learn_abilities(told_now)
        facts = {**client.ledger.abilities(), **told_now}
    named = {path: facts.get((path, "")) for path in _SURFACES}
    has = [path for path, is_there in named.items() if is_there]
    lacks = [path for path, is_there in named.items() if is_there is False]
    contacts = {facts.get((contract.PERSON_ENRICH_PATH, group)) for group in contract.CONTACT_GROUPS}
    age = "not told yet"
    if contacts & {True, False}:
        age = "contacts in person enrich" if True in contacts else "autumn 2026, contacts apart"
    told = {"age": age, "has": has, "lacks": lacks}
    if not (has or lacks):
        said = "nobody knows yet which surfaces beside person enrich this account has; the first run finds out, free."
        return Finding("surfaces", said, facts=told)
    said = f"age of the API: {age}; has {', '.join(has) or 'none'}; lacks {', '.join(lacks) or 'none'}."
    return Finding("surfaces", said, facts=told)


def _pace(endpoint: Endpoint, own: float | None) -> str:
    told = endpoint.requests_per_minute
    pace = "no limit told" if told is None else f"{counted(told, 'request')} a minute"
    return f"{pace} (held to {own:.12g} here)" if own is not None and (told is None or own < told) else pace


def _legacy(client: Client, *, may_ask: bool) -> Finding:
    until = contract.SCREENER_RETIRED_ON
    is_served = _asked_whether_served(client) if may_ask else None
    is_over = datetime.fromtimestamp(client.clock(), UTC).date().isoformat() > until
    facts = {"legacy_served": is_served, "legacy_until": until}
    if is_served:
        prices = f"{contract.SCREENER_PRICE:g} credits a person, the current surface {contract.BASE_PRICE:g}"
        last_day = f"although the vendor's last day for it was {until}" if is_over else f"until {until}"
        return Finding("legacy surface", f"still answers, {last_day}; {prices}.", facts=facts)
    if is_served is None and not is_over:
        return Finding("legacy surface", f"not asked; the vendor serves it until {until}.", facts=facts)
    said = "has ended: the API does not serve it."
    if is_served is None:
        said = f"not told; the vendor's last day for it, {until}, is past."
    next_step = "leave api='screener' out; `crustframe fields --legacy NAME` names the current path."
    return Finding("legacy surface", said, "note", next_step, facts=facts)


def _asked_whether_served(client: Client) -> bool | None:
    try:
        return screener.is_served(client.transport)
    except APIError:
        return None


def _outermost(paths: Iterable[str]) -> list[str]:
    """Return the paths that lie below no other one."""
    names = set(paths)
    return sorted(path for path in names if not any(path.startswith(f"{other}.") for other in names if other != path))


# What is under way, in doubt, and left for today -------------------------------------------------------------------


def _books(client: Client, *, is_readable: bool) -> Iterator[Finding]:
    if not is_readable:
        yield Finding("jobs, doubts, ceiling", "unknown without the ledger and the account's key.", "note")
        return
    try:
        yield _jobs(client)
        yield _doubts(client)
        yield _ceiling(client)
    except LedgerError as error:
        yield Finding.wanting("jobs, doubts, ceiling", error)


def _jobs(client: Client) -> Finding:
    book = client.ledger.jobs(create=False)
    jobs = [] if book is None else [job for job in book.all(open_only=True) if job.state in {"sent", "running"}]
    facts = {"jobs_under_way": len(jobs)}
    if not jobs:
        return Finding("jobs", "none under way.", facts=facts)
    people = sum(job.n_identifiers for job in jobs)
    said = f"{counted(len(jobs), 'job')} under way, with {persons(people)}."
    return Finding("jobs", said, "note", "`crustframe jobs wait` fetches the results, free.", facts=facts)


def _doubts(client: Client) -> Finding:
    doubts = [doubt for surface in SURFACES.values() for doubt in client.facing(surface).ledger.doubts()]
    at_risk = sum(doubt.credits_at_risk for doubt in doubts)
    facts = {"people_in_doubt": len(doubts), "credits_at_risk": at_risk}
    if not doubts:
        return Finding("doubts", "none open.", facts=facts)
    said = f"{persons(len(doubts))} in doubt, up to {counted(at_risk, 'credit')} at risk."
    next_step = "`crustframe ledger resolve` reads the usage log, free."
    if client.ledger.jobs(create=False) is not None:
        next_step += " Who is in a job: `crustframe jobs fetch` reads its results again."
    return Finding("doubts", said, "note", next_step, facts=facts)


def _ceiling(client: Client) -> Finding:
    ceiling, left, spent = client.ledger.daily_ceiling(), client.ledger.left_today(), client.ledger.spent_today()
    each = client.settings.max_credits
    facts = {"daily_ceiling": ceiling, "left_today": left, "spent_today": spent, "max_credits": each}
    of_runs = "a run above 100 credits needs max_credits" if each is None else f"each run: {counted(each, 'credit')}"
    if ceiling is None or left is None:
        said = f"none for the day; spent today: {counted(spent, 'credit')}; {of_runs}."
        return Finding("ceiling", said, next_step="`crustframe budget --daily 100` sets one.", facts=facts)
    said = f"{counted(ceiling, 'credit')} a day (UTC), {left:.12g} left today."
    if left > 0:
        return Finding("ceiling", said, facts=facts)
    return Finding(
        "ceiling", said, "note", "wait for tomorrow (UTC), or raise it with `crustframe budget`.", facts=facts
    )
