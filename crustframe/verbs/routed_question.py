"""A question on an account whose person enrich lacks something of it: e-mails, contacts or refresh flags.

Each part goes to a surface that has it, the cheapest first: contacts to contact enrich or its job, e-mails to a person
job or to identify and then by profile URL, fresh profiles to live enrich. Opens no socket.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from crustframe import contract
from crustframe.api import contact, identify, live
from crustframe.api.contact import nothing_of
from crustframe.api.options import Options
from crustframe.buying.abilities import EMAILS, ENRICH, WHOLE, Abilities
from crustframe.buying.errands import Errand
from crustframe.buying.plan import MATCH_RATE, Plan, make_plan, n_calls
from crustframe.buying.routes import Route, choose
from crustframe.buying.ways import Calls, ContactJobs, IdentifyJobs, Jobs, PersonJobs, Way
from crustframe.client import Client
from crustframe.errors import APIError, PermissionDeniedError
from crustframe.fields import Path
from crustframe.ledger import Known, Need
from crustframe.people.emails import is_free_mail
from crustframe.people.identifiers import Identifier, Identifiers, read_identifiers
from crustframe.people.records import Record
from crustframe.settings.config import NO_MATCH_AGE_S
from crustframe.verbs.question import Part, PersonQuestion, Question, Standing, sold_apart
from crustframe.wording import counted, persons


def for_account(question: PersonQuestion, client: Client) -> PersonQuestion | RoutedQuestion:
    """Return the question as this account can answer it, by what is known of the account today."""
    options = question.options
    if options.path != ENRICH or options.is_preview:
        return question
    abilities = Abilities.of(client)
    contacts = [group for group in contract.CONTACT_GROUPS if group in question.needed]
    lacking = frozenset(g for g in options.groups if any(abilities.lacks(path, g) for path in WHOLE))
    flags = [flag for flag in options.flags if abilities.lacks(ENRICH, flag)]
    whole = not (abilities.lacks(ENRICH, EMAILS) or question.takes_free_mail)
    if whole and not (lacking.intersection(contacts) or flags):
        spare = lacking - question.needed
        return replace(question, options=replace(options, groups=options.groups - spare)) if spare else question
    apart = [group for group in contacts if flags or group in lacking]
    return _routed(question, abilities, apart, lacking - question.needed, is_live=bool(flags))


def known_of(client: Client, identifiers: Identifiers, question: PersonQuestion) -> dict[str, Known]:
    """Return whom the ledger knows for a question; of whoever has no contact of some kind, what there is."""
    known = client.ledger.known(identifiers.unique, question.need)
    routed = for_account(question, client)
    if isinstance(routed, PersonQuestion):
        return known
    base = routed.parts[0]
    left = [identifier for identifier in identifiers.unique if identifier.key not in known]
    return known | base.known(client.ledger, left)


def _routed(
    question: PersonQuestion, abilities: Abilities, apart: Sequence[str], spare: frozenset[str], *, is_live: bool
) -> RoutedQuestion:
    [whole] = question.parts
    need = whole.need
    base = question.needed - frozenset(apart)
    groups = question.options.groups - frozenset(apart) - spare
    options: Options = replace(question.options, groups=groups)
    if is_live:
        options = live.Options(groups)
    paths = tuple(path for path in whole.paths if not path.groups & frozenset(apart))
    parts = [Part(paths, need._replace(groups=need.groups - frozenset(apart)))] if paths else []
    age_s = NO_MATCH_AGE_S if need.max_age_s is None else min(need.max_age_s, NO_MATCH_AGE_S)
    for group in apart:
        own = tuple(path for path in whole.paths if group in path.groups)
        nothing = Need(frozenset({nothing_of(group)}), age_s, 0.0)
        parts.append(Part(own, Need(frozenset({group}), need.max_age_s, need.no_match_age_s), nothing))
    return RoutedQuestion(question, tuple(parts), options, base if paths else frozenset(), tuple(apart), abilities)


@dataclass
class _Draft:
    """A plan in the making: errands with their lines, and whom nothing takes."""

    client: Client
    errands: list[Errand] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)
    high: float = 0.0
    likely: float = 0.0
    by_person: dict[str, float] = field(default_factory=dict)
    calls: int = 0
    jobs: int = 0
    minutes: float = 0.0
    credits_by_surface: dict[str, float] = field(default_factory=dict)
    unavailable: dict[str, str] = field(default_factory=dict)
    goes_on: bool = False

    def add(
        self, errand: Errand, *, later: float = 0.0, likely: float | None = None, after: str = "then by profile URL"
    ) -> None:
        """Take an errand in; `later` is what the next step may cost for each of its people, `after` says when."""
        if not errand.people:
            return
        self.errands.append(errand)
        self.goes_on |= errand.is_step
        price, n = errand.way.price(self.client), len(errand.people)
        self.high += (price + later) * n
        self.likely += ((price if likely is None else likely) + later * errand.is_step) * n
        for key in _rows_of(errand):
            self.by_person[key] = self.by_person.get(key, 0.0) + price + later
        self.credits_by_surface[errand.way.endpoint] = (
            self.credits_by_surface.get(errand.way.endpoint, 0.0) + (price + later) * n
        )
        if isinstance(errand.way, Jobs):
            jobs = math.ceil(n / errand.way.most(errand.people[0].kind))
            self.jobs += jobs
            how = f"{counted(jobs, 'job')}, minutes"
        else:
            calls = n_calls(errand.people, errand.way.most)
            self.calls += calls
            windows = math.ceil(calls / contract.pace_of(errand.way.endpoint)) - 1
            self.minutes = max(self.minutes, windows * contract.RATE_WINDOW_S / 60)
            how = counted(calls, "call")
        next_step = f", {after} for up to {later:.12g} more each" if later else ""
        self.lines.append(
            f"{errand.way.endpoint}: {persons(n)} in {how}, up to {counted(price * n, 'credit')}{next_step}"
        )

    def expect(self, people: Iterable[Identifier], price: float) -> None:
        """Count what people cost in a later round."""
        for person in people:
            self.goes_on = True
            self.high += price
            self.likely += price
            self.by_person[person.key] = self.by_person.get(person.key, 0.0) + price


@dataclass(frozen=True)
class RoutedQuestion(Question):
    """A question in parts that go to different surfaces.

    Attributes
    ----------
    asked : PersonQuestion
        As the user put it.
    parts : tuple of Part
        The base, if any column is of it, then each kind of contact that person enrich lacks.
    options : Options
        What the base asks, of person enrich or of live enrich.
    needed : frozenset of str
        Those of its groups that the columns cannot do without.
    apart : tuple of str
        Kinds of contact.
    abilities : Abilities
    """

    asked: PersonQuestion
    parts: tuple[Part, ...]
    options: Options
    needed: frozenset[str]
    apart: tuple[str, ...]
    abilities: Abilities

    @property
    def surface(self) -> type[Options]:  # type: ignore[override]
        """Whose part of the ledger holds the answers."""
        return self.asked.surface

    @property
    def paths(self) -> tuple[Path, ...]:
        """The asked columns, in the user's order."""
        return self.asked.paths

    def asks(self, part: int) -> frozenset[str]:
        """Return what is bought for one part."""
        own = self.parts[part].need.groups
        return own if part in self._contact_parts else own | self.options.coverage

    def takes(self, identifier: Identifier) -> bool:
        """Anybody: identify takes free mail, too."""
        return True

    @property
    def _contact_parts(self) -> range:
        return range(len(self.parts) - len(self.apart), len(self.parts))

    @property
    def lacking(self) -> tuple[str, ...]:
        """Kinds of contact that no surface of this account has."""
        surfaces = (contract.CONTACT_ENRICH_PATH, contract.CONTACT_JOB_PATH)
        return tuple(kind for kind in self.apart if all(self.abilities.lacks(surface, kind) for surface in surfaces))

    @property
    def lacks_live(self) -> bool:
        """Whether fresh profiles cannot be had."""
        return self.options.path == contract.LIVE_PATH and self.abilities.lacks(contract.LIVE_PATH)

    def makes_good(self, refused: Question) -> bool:
        """Whether it goes another way, and not to a surface that is lacking, too."""
        return self != refused and not self.lacks_live

    def check(self) -> None:
        """Refuse what this account is known to lack altogether.

        Raises
        ------
        PermissionDeniedError
            Nothing was sent, nothing was charged.
        """
        if self.lacking:
            asked = (path for part in self.parts for path in part.paths if path.groups & set(self.lacking))
            raise not_granted(", ".join(dict.fromkeys(path.field.path for path in asked)))
        if self.lacks_live:
            raise not_granted("fresh profiles (force_fetch, enrich_realtime)")

    @property
    def absent(self) -> Mapping[int, Record]:
        """Contacts that no surface of this account has: told on the row, whose other columns are filled."""
        said = Record("", "no_match" if self.needed else "failed", reason=f"not_granted: {', '.join(self.lacking)}")
        return {n: said for n in self._contact_parts if self.parts[n].need.groups & set(self.lacking)}

    def remarked(self, record: Record, part: int) -> Record:
        """Say on the row of somebody who was found what else could not be had."""
        if self.lacking and record.status == "matched" and record.reason is None:
            return replace(record, reason=f"not_granted: {', '.join(self.lacking)}")
        return record

    # The plan --------------------------------------------------------------------------------------------------

    def plan(self, client: Client, standing: Standing, pace: float, route: Route) -> Plan:
        """Plan the cheapest surfaces that this account has, line by line."""
        draft = _Draft(client)
        urls = self._urls_of(client, standing.new)
        if self.needed:
            lacking = [person for person in standing.new if 0 in standing.lacking[person.key]]
            self._plan_base(draft, lacking, urls, route, pace)
        by_parts: dict[tuple[int, ...], list[Identifier]] = {}
        for person in standing.new:
            lacks = tuple(n for n in self._contact_parts if n in standing.lacking[person.key] and n not in self.absent)
            if lacks:
                by_parts.setdefault(lacks, []).append(person)
        for lacks, people in by_parts.items():
            self._plan_contacts(draft, lacks, people, urls, route)
        new = tuple(person for person in standing.new if person.key in draft.by_person)
        made = make_plan(
            standing.identifiers,
            known=standing.known,
            in_doubt=standing.in_doubt,
            groups=self.options.groups,
            price=max(draft.by_person.values(), default=0.0),
            requests_per_minute=pace,
            prices={},
            credits_left_today=client.ledger.left_today(),
        )
        rate = client.ledger.match_rate()
        notes = list(draft.lines)
        if self.lacking:
            notes.append(f"not granted: {', '.join(self.lacking)}; ask the vendor, or leave the field out")
        if draft.unavailable:
            notes.append(f"not granted: e-mails of {persons(len(draft.unavailable))}; ask by profile URL")
        return replace(
            made,
            new=new,
            calls=draft.calls,
            jobs=draft.jobs,
            credits_high=draft.high,
            credits_likely=round(draft.likely * (MATCH_RATE if rate is None else rate)),
            credits_by_group=draft.credits_by_surface,
            minutes=draft.minutes,
            route="job" if draft.jobs and not draft.calls else "calls",
            errands=tuple(draft.errands),
            notes=(*made.notes, *notes),
            unavailable=draft.unavailable,
            goes_on=draft.goes_on,
        )

    def _urls_of(self, client: Client, people: Sequence[Identifier]) -> Mapping[str, Identifier]:
        """Return, by key of an e-mail, the profile URL under which its owner is known."""
        mails = [person for person in people if person.kind == contract.BUSINESS_EMAIL]
        others = client.ledger.other_names(mails)
        found = {key: read_identifiers(names).unique for key, names in others.items()}
        return {key: named[0] for key, named in found.items() if named and named[0].kind == contract.PROFILE_URL}

    def _plan_base(
        self,
        draft: _Draft,
        people: Sequence[Identifier],
        urls: Mapping[str, Identifier],
        route: Route,
        pace: float,
    ) -> None:
        takes_emails = self.options.path == ENRICH and not self.abilities.lacks(ENRICH, EMAILS)
        direct = [
            p
            for p in people
            if p.kind == contract.PROFILE_URL or (takes_emails and p.key not in urls and not is_free_mail(p))
        ]
        taken = {person.key for person in direct}
        mails = [person for person in people if person.key not in taken]
        known = [person for person in mails if person.key in urls]
        stands: dict[str, tuple[str, ...]] = {person.key: (person.key,) for person in direct}
        for person in known:
            stands[urls[person.key].key] = (*stands.get(urls[person.key].key, ()), person.key)
        named = {urls[person.key].key: urls[person.key] for person in known}
        asked = [*direct, *(one for key, one in named.items() if key not in taken)]
        price = self._plan_direct(draft, asked, stands, route, pace)
        rest = [person for person in mails if person.key not in urls]
        for some in ([p for p in rest if not is_free_mail(p)], [p for p in rest if is_free_mail(p)]):
            if some:
                self._plan_mails(draft, some, route, price)

    def _plan_mails(self, draft: _Draft, rest: Sequence[Identifier], route: Route, price: float) -> None:
        """Plan addresses, all of them free mail or none, that person enrich does not take; `price` is a profile's."""
        need = self.parts[0].need
        is_plain = need.min_similarity_score is None and not self.options.is_realtime
        is_free = is_free_mail(rest[0])
        by_job = is_plain and not is_free and route != "calls" and not self.abilities.lacks(contract.PERSON_JOB_PATH)
        can_identify = need.min_similarity_score is None and not self.abilities.lacks(contract.IDENTIFY_PATH)
        is_enough = is_plain and self.needed <= identify.GROUPS
        way = Calls(identify.Options(identify.GROUPS))
        if can_identify and is_enough and route != "job":
            draft.add(Errand(way, tuple(rest), need, identify.GROUPS))
        elif by_job:
            jobs = PersonJobs(self.options.groups)
            draft.add(Errand(jobs, tuple(rest), need, self.needed))
        elif route == "job" and is_enough and not self.abilities.lacks(contract.IDENTIFY_JOB_PATH):
            draft.add(Errand(IdentifyJobs(), tuple(rest), need, identify.GROUPS))
        elif can_identify:
            step = need._replace(groups=identify.GROUPS)
            draft.add(Errand(way, tuple(rest), step, identify.GROUPS, is_step=True), later=price)
        else:
            what = "e-mails" if need.min_similarity_score is None else "e-mails with min_similarity_score"
            draft.unavailable |= {person.key: f"not_granted: {what}" for person in rest}

    def _plan_direct(
        self,
        draft: _Draft,
        people: Sequence[Identifier],
        stands: Mapping[str, tuple[str, ...]],
        route: Route,
        pace: float,
    ) -> float:
        """Plan whom the surface of the base takes as they are; return what one person costs there."""
        client, need, calls = draft.client, self.parts[0].need, Calls(self.options)
        if self.options.path != ENRICH:
            draft.add(Errand(calls, tuple(people), need, self.needed, stands_for=stands))
            return calls.price(client)
        choice = choose(client, self.options, self.needed, people, route, pace)
        jobs = PersonJobs(self.options.groups)
        more, apart = sold_apart(client, self.options, self.needed), "or where parts of it are sold apart,"
        errand = Errand(jobs, choice.by_job, need, self.needed, otherwise=calls, stands_for=stands)
        draft.add(errand, later=more, likely=jobs.price(client), after=apart)
        errand = Errand(calls, choice.by_calls, need, self.needed, stands_for=stands)
        draft.add(errand, later=more, likely=calls.price(client), after=apart)
        if choice.reason:
            draft.lines.append(choice.reason)
        return calls.price(client) + more

    def _plan_contacts(
        self,
        draft: _Draft,
        lacks: tuple[int, ...],
        people: Sequence[Identifier],
        urls: Mapping[str, Identifier],
        route: Route,
    ) -> None:
        groups = frozenset().union(*(self.parts[n].need.groups for n in lacks))
        need = Need(groups, self.parts[lacks[0]].need.max_age_s, 0.0)
        calls, jobs = Calls(contact.Options(groups)), ContactJobs(groups)
        by_job = self._goes_by_job(draft.client, calls, jobs, route)
        lacks_calls = self.abilities.lacks(contract.CONTACT_ENRICH_PATH)
        stands: dict[str, tuple[str, ...]] = {}
        named: dict[str, Identifier] = {}
        later: list[Identifier] = []
        for person in people:
            is_url = person.kind == contract.PROFILE_URL
            needs_url = not is_url and (by_job or lacks_calls or is_free_mail(person))
            name = urls.get(person.key, person) if needs_url else person
            if needs_url and name is person and (lacks_calls or is_free_mail(person)):
                later.append(person)
                continue
            named[name.key] = name
            stands[name.key] = (*stands.get(name.key, ()), person.key)
        for way in (jobs, calls):
            some = tuple(i for i in named.values() if (way is jobs) == (by_job and i.kind == contract.PROFILE_URL))
            errand = Errand(way, some, need, groups, parts=lacks, stands_for=stands)
            draft.add(errand, likely=sum(jobs.prices.values()))
        self._identify_first(draft, later, need, lacks, calls.price(draft.client))

    def _identify_first(
        self, draft: _Draft, people: Sequence[Identifier], need: Need, parts: tuple[int, ...], price: float
    ) -> None:
        """Plan contacts of people whom only a profile URL can name, which the base tells, or identify."""
        told = [person for person in people if person.key in draft.by_person]
        draft.expect(told, price + contract.IDENTIFY_PRICE)
        unknown = tuple(person for person in people if person.key not in draft.by_person)
        if self.abilities.lacks(contract.IDENTIFY_PATH):
            draft.unavailable |= {person.key: "not_granted: contacts of e-mails" for person in unknown}
            return
        way = Calls(identify.Options(identify.GROUPS))
        step = need._replace(groups=identify.GROUPS)
        draft.add(Errand(way, unknown, step, identify.GROUPS, parts=parts, is_step=True), later=price)

    def _goes_by_job(self, client: Client, calls: Way, jobs: Way, route: Route) -> bool:
        lacks = [
            any(self.abilities.lacks(way.endpoint, group) for group in way.groups or {""}) for way in (calls, jobs)
        ]
        if any(lacks):
            return lacks[0]
        if route != "auto":
            return route == "job"
        billed = client.ledger.observed_price(calls.asked, calls.endpoint, parts=calls.prices)
        return billed is not None and billed > jobs.price(client)

    def late_notes(self, made: Plan) -> list[str]:
        """Return how words were read."""
        return self.asked.late_notes(made)

    def in_words(self, error: APIError) -> APIError:
        """Return a refusal in the words of what was asked."""
        return self.asked.in_words(error)


def _rows_of(errand: Errand) -> Iterable[str]:
    for person in errand.people:
        yield from errand.stands_for.get(person.key, (person.key,))


def not_granted(what: str) -> PermissionDeniedError:
    """Return the refusal of what no surface of the account has."""
    return PermissionDeniedError(
        f"This account has no surface of the API for {what}; that was found out within the last day. "
        "Nothing was charged for it.",
        denied_fields=[what],
        hint="leave it out, or ask the vendor to grant it; `crustframe doctor` asks the account again.",
    )


def refusal_of(plan: Plan) -> PermissionDeniedError | None:
    """Return why some of the people of a plan cannot be asked about on this account, if there are any."""
    what = sorted({reason.partition(": ")[2] for reason in plan.unavailable.values()})
    return not_granted(", ".join(what)) if what else None
