"""What is asked about everybody: read and checked before anybody is looked at."""

from __future__ import annotations

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crustframe import contract
from crustframe.api import contact, live
from crustframe.api.options import Options
from crustframe.api.surfaces import SURFACES, Api
from crustframe.buying.abilities import EMAILS, ENRICH, Abilities
from crustframe.buying.errands import Errand
from crustframe.buying.plan import Plan, make_plan
from crustframe.buying.routes import Route, choose
from crustframe.buying.ways import Calls, ContactJobs, PersonJobs
from crustframe.client import Client
from crustframe.errors import APIError, BadRequestError, FieldError, PermissionDeniedError, SettingError
from crustframe.fields import DEFAULT_FIELDS, PREVIEW, Keep, Path, Reduction, needed_groups, read_paths
from crustframe.ledger import Known, Ledger, Need
from crustframe.people.emails import is_free_mail
from crustframe.people.identifiers import Identifier, Identifiers
from crustframe.people.records import Evidence, Record
from crustframe.settings.config import NO_MATCH_AGE_S, read_age, read_ceiling
from crustframe.verbs.moving import cost_notes
from crustframe.verbs.options import QuestionOptions
from crustframe.wording import counted, noun

Fields = str | Sequence[str] | Mapping[str, str]


@dataclass(frozen=True)
class Part:
    """Columns that are bought together.

    Attributes
    ----------
    paths : tuple of Path
    need : Need
        What a stored answer must hold to fill them.
    nothing : Need or None
        What a stored answer must hold to say that there is nothing to fill them with.
    """

    paths: tuple[Path, ...]
    need: Need
    nothing: Need | None = None

    def known(self, ledger: Ledger, people: Sequence[Identifier], *, since: float | None = None) -> dict[str, Known]:
        """Return, by key, whom the ledger can answer for; whatever came `since` then is fresh."""
        found = ledger.known(people, self.need._replace(since=since))
        if self.nothing is None:
            return found
        nothing = ledger.known(people, self.nothing._replace(since=since))
        newer = {key: known for key, known in nothing.items() if key not in found or known.rows > found[key].rows}
        return found | newer

    def recall(self, ledger: Ledger, people: Iterable[Identifier], known: Mapping[str, Known]) -> Iterator[Record]:
        """Yield what the ledger says of the known ones."""
        for record in ledger.recall(people, known, self.need):
            yield record if self.nothing is None or self._is_there(record) else _nobody(record)

    def _is_there(self, record: Record) -> bool:
        value: Any = record.matches[0].person_data if record.matches else None
        for key in self.paths[0].field.group.split("."):
            value = value.get(key) if isinstance(value, dict) else None
        return bool(value)


def _nobody(record: Record) -> Record:
    return replace(record, status="no_match", matches=()) if record.status == "matched" else record


Lacking = Mapping[str, tuple[int, ...]]
"""By key, which parts of a question the ledger cannot answer."""


@dataclass(frozen=True)
class Standing:
    """How a question stands before anything is bought.

    Attributes
    ----------
    identifiers : Identifiers
    known, in_doubt : set of str
        Keys of people whose every part is known, and who are not bought again unasked.
    new : tuple of Identifier
    lacking : mapping
    """

    identifiers: Identifiers
    known: frozenset[str]
    in_doubt: frozenset[str]
    new: tuple[Identifier, ...]
    lacking: Lacking


class Question(ABC):
    """What is asked about everybody.

    Attributes
    ----------
    parts : tuple of Part
    surface : type of Options
        Whose part of the ledger holds the answers.
    """

    parts: tuple[Part, ...]
    surface: type[Options]

    @property
    def paths(self) -> tuple[Path, ...]:
        """The asked columns."""
        return tuple(path for part in self.parts for path in part.paths)

    @property
    def evidence(self) -> Callable[[Mapping[str, Any]], Evidence]:
        """What a profile of the surface says about who it is."""
        return self.surface.evidence

    def takes(self, identifier: Identifier) -> bool:
        """Whether it can be asked about such an identifier: one free-mail address makes person enrich refuse all."""
        return not is_free_mail(identifier)

    @abstractmethod
    def plan(self, client: Client, standing: Standing, pace: float, route: Route) -> Plan:
        """Return what a run would send and cost, with its errands."""

    def late_notes(self, made: Plan) -> list[str]:
        """Return what a plan says in the end."""
        return []

    def check(self) -> None:
        """Refuse what the account is known to lack altogether."""
        return

    def asks(self, part: int) -> frozenset[str]:
        """Return what is bought for one part: a doubt about any of it is a doubt about the part."""
        return self.parts[part].need.groups

    @property
    def absent(self) -> Mapping[int, Record]:
        """What is said of everybody for parts that the account cannot have; the key is filled in."""
        return {}

    def remarked(self, record: Record, part: int) -> Record:
        """Return what is said on somebody's row."""
        return record

    def makes_good(self, refused: Question) -> bool:
        """Whether this may be answered where another way of asking the same was refused."""
        return self != refused

    @abstractmethod
    def in_words(self, error: APIError) -> APIError:
        """Return a refusal in the words of what was asked; requests name groups."""


@dataclass(frozen=True)
class PersonQuestion(Question):
    """Columns about people, from one surface.

    Attributes
    ----------
    parts : tuple of Part
        One.
    options : Options
        What a request says besides who.
    needed : frozenset of str
        Those of its groups that the columns cannot do without.
    free_mail : bool
        Free-mail addresses are asked about where a surface takes them.
    """

    parts: tuple[Part, ...]
    options: Options
    needed: frozenset[str]
    free_mail: bool = False

    @property
    def takes_free_mail(self) -> bool:
        """Whether free-mail addresses are asked about, at identify."""
        return self.free_mail and self.options.path == ENRICH and not self.options.is_preview

    @property
    def surface(self) -> type[Options]:  # type: ignore[override]
        """The surface of the options."""
        return type(self.options)

    def asks(self, part: int) -> frozenset[str]:
        """Return what a request names."""
        return self.options.coverage | self.need.groups

    @property
    def need(self) -> Need:
        """What a stored answer must hold."""
        return self.parts[0].need

    def makes_good(self, refused: Question) -> bool:
        """Never: what person enrich lacks, other surfaces have."""
        return False

    def plan(self, client: Client, standing: Standing, pace: float, route: Route) -> Plan:
        """Plan calls, jobs, or both."""
        options = self.options
        choice = choose(client, options, self.needed, standing.new, route, pace)
        made = make_plan(
            standing.identifiers,
            known=standing.known,
            in_doubt=standing.in_doubt,
            groups=options.groups,
            price=choice.price,
            requests_per_minute=pace,
            match_rate=client.ledger.match_rate(),
            prices=options.prices,
            max_identifiers=options.max_identifiers,
            seconds_a_person=options.seconds_for(1) if options.is_realtime else 0.0,
            concurrency=client.concurrency,
            credits_left_today=client.ledger.left_today(),
        )
        calls, need = Calls(options), self.need
        errands = [Errand(calls, choice.by_calls, need, self.needed)]
        if choice.by_job:
            errands.insert(0, Errand(PersonJobs(options.groups), choice.by_job, need, self.needed, otherwise=calls))
        notes = [choice.reason] if choice.reason else []
        if gated := [path.field.path for path in self.paths if path.field.access == contract.GATED]:
            refusal = "where it is not granted, the API refuses the whole call, free"
            notes.append(f"not in every plan: {', '.join(gated)}; {refusal}")
        if cheaper := self._cheaper_by_contacts(client, made):
            notes.append(cheaper)
        extra = self._more_elsewhere(client, standing.new, route)
        if extra:
            notes.append(
                f"up to {extra:.12g} of these credits {noun(extra, 'is', 'are')} "
                "spent only if this account's API sells contacts, e-mails or "
                "fresh profiles apart, which is not known yet; `crustframe doctor` asks, free"
            )
        apart = {"if sold apart": extra} if extra else {}
        return replace(
            made,
            credits_high=made.credits_high + extra,
            credits_by_group={**made.credits_by_group, **apart},
            route="job" if choice.by_job else "calls",
            job_minutes=choice.job_minutes,
            errands=tuple(errands),
            notes=(*made.notes, *notes),
        )

    def _cheaper_by_contacts(self, client: Client, made: Plan) -> str:
        """Say so where contact jobs bring the same columns for less: they know no base credit."""
        if not made.n_new or not self.needed or not self.needed <= {*contract.CONTACT_GROUPS}:
            return ""
        price = ContactJobs(self.needed).price(client)
        if price >= made.price:
            return ""
        return (
            f"contact jobs bring the same for up to {counted(price * made.n_new, 'credit')}, in minutes: "
            "`df.crust.contacts`, `crustframe contacts`"
        )

    def _more_elsewhere(self, client: Client, people: Sequence[Identifier], route: Route) -> float:
        """Return what the same may cost more where contacts and e-mails have surfaces of their own (autumn 2026)."""
        options = self.options
        if options.path != ENRICH or options.is_preview or not people:
            return 0.0
        mails = sum(person.kind == contract.BUSINESS_EMAIL for person in people)
        may_identify = route == "calls" or bool(options.flags)
        is_identified = may_identify and Abilities.of(client).is_unknown(ENRICH, EMAILS)
        return sold_apart(client, options, self.needed) * len(people) + contract.IDENTIFY_PRICE * mails * is_identified

    def late_notes(self, made: Plan) -> list[str]:
        """Return how words were read, and what the same would cost on the current surface if this one is retiring."""
        read = [f"{path.word} -> {path.spelled}" for path in self.paths if path.word]
        notes = [f"read as: {', '.join(read)}"] if read else []
        return notes + (cost_notes(self.paths, made.price, made.n_new) if self.options.retirement else [])

    def in_words(self, error: APIError) -> APIError:
        """Return a refusal of groups as one of the paths that were asked."""
        refused = Calls(self.options).refused_by(error)
        asked = [path.field.path for path in self.paths if path.groups & refused]
        if not asked:
            return error
        named = ", ".join(dict.fromkeys(asked))
        facts: dict[str, Any] = {"status": error.status, "request_id": error.request_id}
        if isinstance(error, PermissionDeniedError):
            return PermissionDeniedError(
                f"The account may not ask for {named} ({error.status}). Nothing was charged.",
                denied_fields=error.denied_fields,
                hint=f"leave out {named}, or ask the vendor to grant it.",
                **facts,
            )
        available = error.available_fields if isinstance(error, BadRequestError) else ()
        return BadRequestError(
            f"The API refused the request ({error.status}): it does not offer {named}. Nothing was charged.",
            available_fields=available,
            about_parameters=True,
            hint=f"leave it out; {_on_offer(asked, available)}.",
            **facts,
        )


def sold_apart(client: Client, options: Options, needed: frozenset[str]) -> float:
    """Return what one person costs more if the account sells contacts or fresh profiles apart, which nobody knows."""
    abilities = Abilities.of(client)
    kinds = frozenset(group for group in contract.CONTACT_GROUPS if group in needed)
    rest = replace(options, groups=options.groups - kinds)
    apart = Calls(contact.Options(kinds)).price(client) if kinds else 0.0
    worst = whole = Calls(options).price(client)
    if any(abilities.is_unknown(ENRICH, flag) for flag in options.flags):
        worst = Calls(live.Options(rest.groups)).price(client) + apart
    elif any(abilities.is_unknown(ENRICH, kind) for kind in kinds):
        worst = Calls(rest).price(client) + apart
    return max(0.0, worst - whole)


def _on_offer(asked: Iterable[str], available: Sequence[str]) -> str:
    near = dict.fromkeys(name for path in asked for name in difflib.get_close_matches(path, available, n=3))
    if near:
        return f"the nearest that this account offers: {', '.join([*near][:5])}"
    groups = dict.fromkeys(name.partition(".")[0] for name in available)
    return f"this account offers nothing like it, but {', '.join(groups)}"


def read_question(fields: Fields, asked: QuestionOptions, *, keep: Keep = "all") -> PersonQuestion:
    """Read and check what is asked.

    Raises
    ------
    FieldError, SettingError
        It cannot be asked. Nothing was sent.
    """
    threshold = asked["min_similarity_score"]
    if threshold is not None and not 0 <= threshold <= 1:
        raise SettingError(f"min_similarity_score={threshold!r} is not between 0 and 1. Nothing was sent.")
    surface = SURFACES[asked["api"]]
    paths = asked_paths(fields, lists=asked["lists"], api=asked["api"])
    needed = needed_groups(paths)
    if asked["preview"]:
        if beyond := needed - {"basic_profile"}:
            raise FieldError(
                f"A preview holds basic_profile only, not {', '.join(sorted(beyond))}. Nothing was sent.",
                hint="ask for basic_profile paths, or leave preview out.",
            )
        needed = groups = frozenset({PREVIEW})
    else:
        groups = surface.requested_groups(paths, keep)
    options = surface(groups, threshold, asked["force_fetch"], asked["enrich_realtime"])
    options.check()
    age_s = read_age(asked["max_age"])
    flags = options.coverage - options.groups
    no_match_age_s = NO_MATCH_AGE_S if age_s is None else min(age_s, NO_MATCH_AGE_S)
    return PersonQuestion(
        (Part(paths, Need(needed | flags, age_s, no_match_age_s, threshold)),), options, needed, asked["free_mail"]
    )


def asked_paths(fields: Fields, *, lists: Reduction, api: Api) -> tuple[Path, ...]:
    """Return the paths that `fields` name on that surface; where nothing was named, its own defaults."""
    surface = SURFACES[api]
    is_default = not isinstance(fields, str | Mapping) and tuple(fields) == DEFAULT_FIELDS
    return read_paths(surface.default_fields if is_default else fields, lists=lists, known=surface.catalogue())


def check_limit(limit: int | None) -> None:
    """Refuse what is no number of people."""
    if limit is not None and (type(limit) is bool or not hasattr(limit, "__index__") or limit < 1):
        raise SettingError(
            f"limit={limit!r} is no number of people. Nothing was sent.",
            hint="say how many people to look up first, such as limit=10.",
        )


def check_ceiling(max_credits: float | None) -> None:
    """Refuse what is no number of credits."""
    if max_credits is not None:
        read_ceiling(max_credits)
