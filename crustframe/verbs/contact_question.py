"""Contacts as a question: kinds, each a part of its own. Profile URLs go by job, e-mails by call. Opens no socket."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Final, Literal, get_args

from crustframe import contract
from crustframe.api import contact, person
from crustframe.api.contact import BUSINESS_EMAILS, nothing_of
from crustframe.api.jobs import VERIFIED
from crustframe.api.options import Options
from crustframe.buying.abilities import Abilities
from crustframe.buying.errands import Errand
from crustframe.buying.plan import Plan, n_calls
from crustframe.buying.routes import Route
from crustframe.buying.ways import Calls, ContactJobs, Way
from crustframe.client import Client
from crustframe.errors import APIError, SettingError
from crustframe.fields import Path, read_paths
from crustframe.ledger import Need
from crustframe.people.identifiers import Identifier
from crustframe.settings.config import NO_MATCH_AGE_S
from crustframe.verbs.question import Part, Question, Standing

Kind = Literal["business_email", "personal_emails", "phone_numbers"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
Kinds = str | Iterable[str]

_GROUPS: Final[Mapping[Kind, str]] = {
    "business_email": BUSINESS_EMAILS,
    "personal_emails": "contact.personal_emails",
    "phone_numbers": "contact.phone_numbers",
}
_FIELDS: Final[Mapping[Kind, tuple[str, ...]]] = {
    "business_email": (
        "contact.business_emails[0].email as business_email",
        "contact.business_emails[*].email as business_emails | join",
        "contact.business_emails[0].status as business_email_status",
    ),
    "personal_emails": (
        "contact.personal_emails[0].email as personal_email",
        "contact.personal_emails[*].email as personal_emails | join",
        "contact.personal_emails[0].status as personal_email_status",
    ),
    "phone_numbers": (
        "contact.phone_numbers[0] as phone_number",
        "contact.phone_numbers[*] as phone_numbers | join",
    ),
}
_API_WORDS: Final[Mapping[str, tuple[Kind, ...]]] = {  # seed 004: the supported set of `fields`
    "business_email": ("business_email",),
    "personal_contact_info": ("personal_emails", "phone_numbers"),
    "personal_contact_info.personal_emails": ("personal_emails",),
    "personal_contact_info.phone_numbers": ("phone_numbers",),
}
_WORDS: Final[Mapping[str, tuple[Kind, ...]]] = {
    **_API_WORDS,
    **{kind: (kind,) for kind in KINDS},
    **{group: (kind,) for kind, group in _GROUPS.items()},
    "contact": KINDS,
}


_BY_CALL: Final = f"e-mails go to {contract.CONTACT_ENRICH_PATH}; an account without it refuses them, free"


@dataclass(frozen=True)
class ContactQuestion(Question):
    """Kinds of contact about people: jobs take profile URLs alone, contact enrich takes e-mails too.

    Attributes
    ----------
    kinds : tuple of str
    parts : tuple of Part
        One for each kind.
    verified : bool
        Business addresses are checked anew, which jobs alone do.
    by_call, by_job : bool
        Whether the account may have contact enrich, and its job.
    """

    kinds: tuple[Kind, ...]
    parts: tuple[Part, ...]
    verified: bool
    by_call: bool = False
    by_job: bool = True
    surface: type[Options] = person.Options

    @property
    def identifier_kinds(self) -> tuple[contract.IdentifierKind, ...]:
        """What the account may take."""
        return (contract.PROFILE_URL, contract.BUSINESS_EMAIL) if self.by_call else (contract.PROFILE_URL,)

    def takes(self, identifier: Identifier) -> bool:
        """Whether the account may take it."""
        return identifier.kind in self.identifier_kinds

    def plan(self, client: Client, standing: Standing, pace: float, route: Route) -> Plan:
        """Plan everybody once, for whatever the ledger lacks of them."""
        groups: dict[tuple[bool, tuple[int, ...]], list[Identifier]] = {}
        for identifier in standing.new:
            is_job = identifier.kind == contract.PROFILE_URL and (self.by_job or not self.by_call)
            groups.setdefault((is_job, standing.lacking[identifier.key]), []).append(identifier)
        errands = tuple(self._errand(is_job, parts, people) for (is_job, parts), people in groups.items())
        calls = sum(n_calls(errand.people) for errand in errands if isinstance(errand.way, Calls))
        jobs = [errand for errand in errands if isinstance(errand.way, ContactJobs)]
        prices = [errand.way.price(client) for errand in errands]
        high = sum(price * len(errand.people) for price, errand in zip(prices, errands, strict=True))
        identifiers = standing.identifiers
        takes = [self.takes(identifier) for identifier in identifiers.unique]
        others = identifiers.count([row for row, at in enumerate(identifiers.per_row) if at >= 0 and not takes[at]])
        most = contract.MAX_JOB_IDENTIFIERS[contract.CONTACT_JOB_PATH]
        return Plan(
            rows=len(identifiers),
            blank=identifiers.n_blank,
            invalid=identifiers.n_invalid + others,
            people=sum(takes),
            known=len(standing.known),
            in_doubt=len(standing.in_doubt),
            new=standing.new,
            calls=calls,
            price=max(prices, default=0.0),
            credits_low=0.0,
            credits_likely=None,
            credits_high=high,
            minutes=max(0.0, (math.ceil(calls / max(1.0, pace)) - 1) * contract.RATE_WINDOW_S / 60),
            requests_per_minute=pace,
            credits_left_today=client.ledger.left_today(),
            credits_by_group=_by_part(client, errands, high),
            invalid_reasons={"without a profile URL": n} if (n := identifiers.n_invalid + others) else {},
            route="job" if jobs else "calls",
            jobs=sum(math.ceil(len(errand.people) / most) for errand in jobs),
            notes=(_BY_CALL,) if calls else (),
            errands=errands,
            about="contacts of ",
        )

    def _errand(self, is_job: bool, parts: tuple[int, ...], people: list[Identifier]) -> Errand:
        asked = frozenset().union(*(self.parts[number].need.groups for number in parts))
        need = Need(asked, self.parts[0].need.max_age_s, 0.0)
        way: Way = ContactJobs(asked) if is_job else Calls(contact.Options(asked))
        return Errand(way, tuple(people), need, asked, parts=parts)

    def in_words(self, error: APIError) -> APIError:
        """Return the refusal with a hint at the kinds that it is about, whether it names fields or groups."""
        offered = set(getattr(error, "available_fields", ()))
        denied = set(getattr(error, "denied_fields", ()))
        fields = {group: field for field, group in contract.CONTACT_FIELDS.items()}
        refused: list[Kind] = []
        for kind in self.kinds:
            names = {_GROUPS[kind], fields[_GROUPS[kind]]}
            is_denied = any(name == lacking or name.startswith(f"{lacking}.") for name in names for lacking in denied)
            if is_denied or (offered and not names & offered):
                refused.append(kind)
        if refused:
            error.hint = f"leave out {', '.join(refused)}, or ask the vendor to grant it."
        return error


def read_contact_question(kinds: Kinds, *, verified: bool, max_age_s: float | None) -> ContactQuestion:
    """Read and check what is asked.

    Raises
    ------
    SettingError
        A word that is no kind, or none at all.
    """
    asked = read_kinds(kinds)
    nothing_age_s = NO_MATCH_AGE_S if max_age_s is None else min(max_age_s, NO_MATCH_AGE_S)
    parts = []
    for kind in asked:
        group = _GROUPS[kind]
        is_verified = verified and group == BUSINESS_EMAILS
        groups = frozenset({group, VERIFIED}) if is_verified else frozenset({group})
        nothing = Need(frozenset({nothing_of(group, is_verified)}), nothing_age_s, 0.0)
        parts.append(Part(tuple(read_paths(_FIELDS[kind])), Need(groups, max_age_s, 0.0), nothing))
    return ContactQuestion(asked, tuple(parts), verified)


def as_sold(question: ContactQuestion, client: Client) -> ContactQuestion:
    """Return the question as this account can answer it, by what is known of the account today."""
    abilities = Abilities.of(client)
    kinds = [_GROUPS[kind] for kind in question.kinds]
    lacks_calls = any(abilities.lacks(contract.CONTACT_ENRICH_PATH, kind) for kind in kinds)
    lacks_jobs = any(abilities.lacks(contract.CONTACT_JOB_PATH, kind) for kind in kinds)
    return replace(question, by_call=not (question.verified or lacks_calls), by_job=not lacks_jobs)


def contact_paths(kinds: Kinds) -> list[Path]:
    """Return the columns that these kinds become, as paths."""
    return [path for kind in read_kinds(kinds) for path in read_paths(_FIELDS[kind])]


def read_kinds(kinds: Kinds) -> tuple[Kind, ...]:
    """Return the asked kinds, each once: a list or a comma text of our words, the API's own, or groups.

    Raises
    ------
    SettingError
        A word that is no kind, or none at all.
    """
    words = [kinds] if isinstance(kinds, str) or not isinstance(kinds, Iterable) else kinds
    named = [part.strip() for word in words for part in str(word).split(",") if part.strip()]
    strange = [word for word in named if word.casefold() not in _WORDS]
    if strange or not named:
        near = difflib.get_close_matches(strange[0].casefold(), _WORDS, n=1) if strange else []
        raise SettingError(
            f"{strange[0]!r} is no kind of contact. Nothing was sent." if strange else "No kind is named.",
            hint=(f"did you mean {near[0]!r}? " if near else "") + f"kinds are {', '.join(_API_WORDS)}.",
        )
    return tuple(dict.fromkeys(kind for word in named for kind in _WORDS[word.casefold()]))


def _by_part(client: Client, errands: Iterable[Errand], high: float) -> dict[str, float]:
    billed = client.ledger.prices_of_parts(contract.CONTACT_JOB_PATH)
    found: dict[str, float] = {}
    for errand in errands:
        for part, price in errand.way.prices.items():
            found[part] = found.get(part, 0.0) + max(price, billed.get(part, 0.0)) * len(errand.people)
    if (more := high - sum(found.values())) > 1e-6:
        found["as billed before"] = more
    return found
