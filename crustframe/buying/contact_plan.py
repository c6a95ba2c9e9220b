"""Whom to ask for which kinds of contact, in how many jobs, and what that costs at most. Opens no socket."""

from __future__ import annotations

import difflib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, Literal, get_args

from crustframe import contract
from crustframe.api import jobs as api
from crustframe.buying.jobs import nothing_of
from crustframe.buying.plan import check_brake, check_ceilings
from crustframe.buying.terms import OnDoubt
from crustframe.errors import APIError, SettingError
from crustframe.ledger import Need
from crustframe.people.identifiers import Identifier, Identifiers
from crustframe.settings.config import NO_MATCH_AGE_S
from crustframe.wording import as_html, counted, persons

if TYPE_CHECKING:
    from crustframe.ledger import Ledger

Kind = Literal["business_email", "personal_emails", "phone_numbers"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

_BUSINESS: Final = "contact.business_emails"
_GROUPS: Final[Mapping[Kind, str]] = {
    "business_email": _BUSINESS,
    "personal_emails": "contact.personal_emails",
    "phone_numbers": "contact.phone_numbers",
}

Kinds = str | Iterable[str]
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


@dataclass(frozen=True, slots=True)
class ContactQuestion:
    """What is asked about everybody.

    Attributes
    ----------
    kinds : tuple of str
    verified : bool
        Business addresses are checked anew.
    max_age_s : float or None
        How old a stored contact may be, in seconds.
    """

    kinds: tuple[Kind, ...]
    verified: bool
    max_age_s: float | None

    def reaching_back(self, seconds: float) -> ContactQuestion:
        """Return the question that takes whatever was answered in the last `seconds`, too."""
        return replace(self, max_age_s=self.max_age_s if self.max_age_s is None else max(self.max_age_s, seconds))

    def need(self, kind: Kind) -> Need:
        """Return what a stored answer must hold to tell contacts of one kind."""
        return Need(self.asked(frozenset({_GROUPS[kind]})), self.max_age_s, 0.0)

    def asked(self, groups: frozenset[str]) -> frozenset[str]:
        """Return what a job that asks for these groups names."""
        return groups | ({api.VERIFIED} if self.verified and _BUSINESS in groups else frozenset())

    def prices(self, groups: frozenset[str]) -> dict[str, float]:
        """Return the credits of each part that one person costs who has all of them, by the list."""
        prices = {**contract.ADD_ON_PRICES, api.VERIFIED: contract.VERIFIED_PRICE}
        return {part: prices[part] for part in sorted(self.asked(groups))}

    def price(self, groups: frozenset[str], ledger: Ledger) -> float:
        """Return the credits that such a person costs at most: by the list, or as this account was billed."""
        parts = self.prices(groups)
        billed = ledger.observed_price(self.asked(groups), contract.CONTACT_JOB_PATH, parts=parts)
        return max(sum(parts.values()), billed or 0.0)

    def refused_by(self, error: APIError) -> list[Kind]:
        """Return those of the kinds that a refusal is about, whether it names fields or groups."""
        offered = set(getattr(error, "available_fields", ()))
        denied = set(getattr(error, "denied_fields", ()))
        fields = {group: field for field, group in contract.CONTACT_FIELDS.items()}
        refused: list[Kind] = []
        for kind in self.kinds:
            names = {_GROUPS[kind], fields[_GROUPS[kind]]}
            is_denied = any(name == lacking or name.startswith(f"{lacking}.") for name in names for lacking in denied)
            if is_denied or (offered and not names & offered):
                refused.append(kind)
        return refused

    def lacking(self, ledger: Ledger, people: Sequence[Identifier]) -> dict[str, frozenset[str]]:
        """Return, by person, the groups that the ledger knows nothing of."""
        found: dict[str, frozenset[str]] = {}
        for kind in self.kinds:
            group = _GROUPS[kind]
            there = {**ledger.known(people, self.need(kind)), **ledger.known(people, self._nothing_need(group))}
            for identifier in people:
                if identifier.key not in there:
                    found[identifier.key] = found.get(identifier.key, frozenset()) | {group}
        return found

    def _nothing_need(self, group: str) -> Need:
        at_most = NO_MATCH_AGE_S if self.max_age_s is None else min(self.max_age_s, NO_MATCH_AGE_S)
        is_verified = api.VERIFIED in self.asked(frozenset({group}))
        return Need(frozenset({nothing_of(group, is_verified)}), at_most, 0.0)


@dataclass(frozen=True, slots=True)
class ContactPlan:
    """What a look-up of contacts would send and cost.

    Attributes
    ----------
    rows, blank, invalid : int
        Rows in all, with an empty cell, and with a cell that is no profile URL.
    people : int
        Distinct people behind the other rows.
    known : int
        People of whom the ledger holds every asked kind; they cost nothing.
    in_doubt : int
        People whose charge is unknown and who are not bought again unasked.
    new : mapping of frozenset of str to tuple of Identifier
        Whom to ask for, by the groups that are missing.
    jobs : int
        Submits, 300 people each at most.
    credits_high : float
        If everybody has everything that is asked for; nothing found is free.
    credits_by_group : dict of str to float
        How `credits_high` comes about.
    credits_left_today : float or None
        Under the standing ceiling of a day; ``None``: nobody set one.
    doubtful : frozenset of str
        Keys of those in doubt.
    """

    rows: int
    blank: int
    invalid: int
    people: int
    known: int
    in_doubt: int
    new: Mapping[frozenset[str], tuple[Identifier, ...]] = field(repr=False)
    jobs: int
    credits_high: float
    credits_by_group: Mapping[str, float]
    credits_left_today: float | None
    doubtful: frozenset[str] = field(repr=False)

    @property
    def n_new(self) -> int:
        """How many people would be asked for."""
        return sum(map(len, self.new.values()))

    def within(self, max_credits: float | None, *, partial: bool = False) -> ContactPlan:
        """Return the plan if it surely stays within the ceilings, or may be cut to them.

        Raises
        ------
        BudgetError
            It may cost more. Nothing was sent.
        """
        if not partial:
            what = f"Contacts of {persons(self.n_new)}"
            check_ceilings(what, self.credits_high, max_credits, self.credits_left_today)
        return self

    def allowed_by(self, max_credits: float | None, *, partial: bool = False) -> ContactPlan:
        """Return the plan if it may be bought as :meth:`within` says, and a larger sum has a ceiling at all.

        Raises
        ------
        BudgetError
            It may cost more, or more than 100 credits without a ceiling. Nothing was sent.
        """
        left = self.credits_left_today if partial else None
        most = self.credits_high if left is None else min(left, self.credits_high)
        check_brake(f"Contacts of {persons(self.n_new)}", most, max_credits)
        return self.within(max_credits, partial=partial)

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as JSON takes it."""
        facts = {name: getattr(self, name) for name in self.__slots__ if name not in {"new", "doubtful"}}
        return facts | {"credits_by_group": dict(self.credits_by_group), "new": self.n_new}

    def __str__(self) -> str:
        rows = [f"{persons(self.people)} in {counted(self.rows, 'row')}"]
        if self.blank or self.invalid:
            rows.append(f"{self.blank} blank, {self.invalid} without a profile URL")
        if self.known:
            rows.append(f"contacts of {persons(self.known)} known already: free")
        if self.in_doubt:
            rows.append(f"{persons(self.in_doubt)} in doubt: not bought again unless on_doubt='resend'")
        if not self.new:
            return "\n".join([*rows, "nobody to ask for: 0 jobs, 0 credits"])
        parts = " + ".join(f"{credits:.12g} {group}" for group, credits in self.credits_by_group.items())
        rows.append(f"{persons(self.n_new)} to ask for in {counted(self.jobs, 'job')}, minutes each")
        rows.append(f"credits: {self.credits_high:.12g} at most ({parts}); what nobody has is free")
        if self.credits_left_today is not None:
            rows.append(f"standing ceiling: {self.credits_left_today:.12g} credits left today")
        return "\n".join(rows)

    def _repr_html_(self) -> str:
        return as_html("<strong>Plan</strong> (nothing sent)", str(self))


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


def make_contact_plan(
    ledger: Ledger, identifiers: Identifiers, question: ContactQuestion, *, on_doubt: OnDoubt
) -> ContactPlan:
    """Return what a look-up of contacts would send and cost."""
    people = urls_of(identifiers)
    lacking = question.lacking(ledger, people)
    doubts = [] if on_doubt == "resend" else ledger.doubts(people)
    doubtful = frozenset(d.identifier.key for d in doubts if d.told or on_doubt == "skip") & lacking.keys()
    new: dict[frozenset[str], list[Identifier]] = {}
    for identifier in people:
        if identifier.key in lacking and identifier.key not in doubtful:
            new.setdefault(lacking[identifier.key], []).append(identifier)
    most = contract.MAX_JOB_IDENTIFIERS[contract.CONTACT_JOB_PATH]
    by_group: dict[str, float] = {}
    billed = ledger.prices_of_parts(contract.CONTACT_JOB_PATH)
    for groups, asked in new.items():
        for part, price in question.prices(groups).items():
            by_group[part] = by_group.get(part, 0.0) + max(price, billed.get(part, 0.0)) * len(asked)
    high = sum(question.price(groups, ledger) * len(asked) for groups, asked in new.items())
    if (more := high - sum(by_group.values())) > 1e-6:
        by_group["as billed before"] = more
    no_url = sum(1 for code in identifiers.per_row if code >= 0 and not _is_url(identifiers.unique[code]))
    return ContactPlan(
        rows=len(identifiers),
        blank=identifiers.n_blank,
        invalid=identifiers.n_invalid + no_url,
        people=len(people),
        known=len(people) - len(lacking),
        in_doubt=len(doubtful),
        new={groups: tuple(asked) for groups, asked in new.items()},
        jobs=sum(math.ceil(len(asked) / most) for asked in new.values()),
        credits_high=high,
        credits_by_group=by_group,
        credits_left_today=ledger.left_today(),
        doubtful=doubtful,
    )


def urls_of(identifiers: Identifiers) -> list[Identifier]:
    """Return the people whom the endpoint can be asked about: it takes profile URLs alone."""
    return [identifier for identifier in identifiers.unique if _is_url(identifier)]


def _is_url(identifier: Identifier) -> bool:
    return identifier.kind == contract.PROFILE_URL
