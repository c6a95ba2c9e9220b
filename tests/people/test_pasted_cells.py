"""Cells as people paste them: marks behind, links wrapped in links, text around, formulas, pages of other kinds."""

from __future__ import annotations

import base64
import random
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import crustframe
from crustframe.contract import MAX_IDENTIFIERS
from crustframe.people.emails import free_mail_domains
from crustframe.people.identifiers import REASONS, is_address, read_identifiers

AVERY = "https://www.linkedin.com/in/avery-tester-example"
MAIL = "avery@corp.example"
BLAKE = "https://www.linkedin.com/in/blake-example"
MEMBER_ID = "ACwAABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh0123"
MEMBER = f"https://www.linkedin.com/in/{MEMBER_ID}"
CODED = quote(AVERY, safe="")
OUTLOOK = f"https://nam02.safelinks.protection.outlook.com/?url={CODED}&data=05%7C01%7C&reserved=0"

MARKS = [
    ".",
    "…",
    "...",
    ")",
    ",",
    "!",
    '"',
    "'",
    ";",
    ">",
    ":",
    "?",
    "]",
    "}",
    "*",
    "|",
    "`",
    "’",
    "”",
    "»",
    "。",
    "、",
]
MARKS += ['".', ").", "),", "!!", '">', "';", ".)", "%2E", "%22", "%E2%80%A6", "&", "–"]


def spelling_v3(url: str, hidden: str = "*") -> str:
    """Wrap a URL as the third form does: these characters become stars, and a token says what they were."""
    shown = "".join("*" if letter in hidden else letter for letter in url)
    token = base64.urlsafe_b64encode("".join(letter for letter in url if letter in hidden).encode()).decode()
    return f"https://urldefense.com/v3/__{shown}__;{token.rstrip('=')}!!AbC-d_e!xyz$"


def spelling_v2(url: str) -> str:
    coded = quote(url, safe=":/").replace("-", "%2D").replace("_", "%5F").replace(":", "%3A")
    return f"https://urldefense.proofpoint.com/v2/url?u={coded.replace('%', '-').replace('/', '_')}&d=DwMF&c=x"


WRAPPINGS = {
    "safelinks": lambda url: f"https://nam02.safelinks.protection.outlook.com/?url={quote(url, safe='')}&data=05",
    "safelinks elsewhere": lambda url: f"https://eur05.safelinks.protection.outlook.com/ap/x?url={quote(url, safe='')}",
    "safelinks of governments": lambda url: (
        f"https://gcc02.safelinks.protection.office365.us/?url={quote(url, safe='')}"
    ),
    "safelinks in Teams": lambda url: (
        f"https://statics.teams.cdn.office.net/assets/safelinks/1/atp.html?locale=en&url={quote(url, safe='')}"
    ),
    "google": lambda url: f"https://www.google.com/url?q={url}",
    "google, coded": lambda url: f"https://www.google.co.uk/url?sa=t&q=avery+tester&url={quote(url, safe='')}&usg=x",
    "google, in HTML": lambda url: f"https://google.de/url?sa=t&amp;url={quote(url, safe='')}&amp;usg=x",
    "urldefense 1": lambda url: f"https://urldefense.proofpoint.com/v1/url?u={quote(url, safe='')}&k=x",
    "urldefense 2": spelling_v2,
    "urldefense 3": spelling_v3,
    "urldefense 3, with stars": lambda url: spelling_v3(url, ":*"),
    "mimecast": lambda url: f"https://protect-eu.mimecast.com/redirect?url={quote(url, safe='')}",
    "facebook": lambda url: f"https://l.facebook.com/l.php?u={quote(url, safe='')}&h=x",
    "facebook, mobile": lambda url: f"https://lm.facebook.com/l.php?u={quote(url, safe='')}",
    "instagram": lambda url: f"https://l.instagram.com/?u={quote(url, safe='')}&e=x",
    "slack": lambda url: f"https://slack-redir.net/link?url={quote(url, safe='')}&v=3",
    "fireeye": lambda url: f"https://protect2.fireeye.com/v1/url?k=x&u={quote(url, safe='')}",
    "barracuda": lambda url: f"https://linkprotect.cudasvc.com/url?a={quote(url, safe='')}&c=E",
    "redir": lambda url: f"https://www.linkedin.com/redir/redirect?url={quote(url, safe='')}&urlhash=x",
    "safety": lambda url: f"https://www.linkedin.com/safety/go?url={quote(url, safe='')}&trk=x",
    "authwall": lambda url: f"https://www.linkedin.com/authwall?trk=bf&sessionRedirect={quote(url, safe='')}",
    "uas": lambda url: f"https://www.linkedin.com/uas/login?session_redirect={quote(url, safe='')}",
    "login": lambda url: f"https://de.linkedin.com/login/de?session_redirect={quote(url, safe='')}&fromSignIn=true",
}
CODING = {name: wrap for name, wrap in WRAPPINGS.items() if name != "google"}  # what is not coded does not nest
AROUND = [
    ("LinkedIn: ", ""),
    ("LinkedIn:", ""),
    ("Avery Tester - ", ""),
    ("Avery Tester | ", " | Tester Corp"),
    ("Avery Tester\n", "\nHead of Testing"),
    ("[Avery](", ")"),
    ("[Avery Tester](", ' "a title")'),
    ("<", "|Avery Tester>"),
    ('<a href="', '">Avery Tester</a>'),
    ('=HYPERLINK("', '","Avery Tester")'),
    ('=HYPERLINK("', '";"Avery Tester")'),
    ('=hyperlink( "', '" )'),
    ('=LIEN_HYPERTEXTE("', '";"Avery")'),
    ('="', '"'),
    ("(see ", ")"),
    ("see ", ", thanks"),
    ("“", "”"),
    ("**", "**"),
    ("https://corp.example, ", ""),
    ("https://www.linkedin.com/company/corp-example ", ""),
]


def outcome(cell: str) -> str:
    """Who is asked about, or the reason why nobody is."""
    found = read_identifiers([cell])
    return found.unique[0].text if found.unique else found.refusals[0].reason


# Marks ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mark", MARKS, ids=ascii)
@pytest.mark.parametrize("person", [AVERY, f"{AVERY}/", f"{AVERY}/de", f"{AVERY}?trk=x", "linkedin.com/in/%C3%A9lan"])
def test_a_mark_behind_a_profile_url_belongs_to_the_sentence(person, mark):
    assert outcome(person) == outcome(person + mark)


@pytest.mark.parametrize("mark", [mark for mark in MARKS if mark not in {"&", "`", "*", "|", "}"} and "%" not in mark])
def test_a_mark_behind_an_address_belongs_to_the_sentence(mark):
    assert MAIL == outcome(MAIL + mark)


@pytest.mark.parametrize("mark", ["-", "1", "_", "é", "日", "\u2010", "%2D", "✨"], ids=ascii)
def test_a_letter_a_digit_or_a_hyphen_behind_is_somebody_else(mark):
    assert 2 == len(read_identifiers([AVERY, AVERY + mark]).unique)


@pytest.mark.parametrize("slug", ["avery'example", "avery(example", "avery…example", "avery“example", "avery!example"])
def test_a_mark_inside_is_not_guessed_away(slug):
    assert "bad_slug" == outcome("linkedin.com/in/" + slug) == outcome("linkedin.com/in/" + quote(slug))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from([m for m in MARKS if "%" not in m]), max_size=4), st.sampled_from(["", "/", "?a=b"]))
def test_any_marks_behind_name_the_same_person(marks, end):
    assert AVERY == outcome(AVERY + end + "".join(marks))


# Wrapping ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wrap", WRAPPINGS.values(), ids=WRAPPINGS)
def test_a_wrapped_link_is_unwrapped(wrap):
    assert AVERY == outcome(wrap(AVERY)) == outcome(wrap(AVERY + "/?trk=x")) == outcome(wrap(AVERY).partition("//")[2])
    assert MEMBER == outcome(wrap(MEMBER))
    assert "company" == outcome(wrap("https://www.linkedin.com/company/corp-example"))
    assert "other_site" == outcome(wrap("https://corp.example/avery"))


@pytest.mark.parametrize("cell", [
    "https://www.linkedin.com/uas/login?session_redirect=%2Fin%2Favery-tester-example%2F",
    "https://urldefense.com/v3/__https:/www.linkedin.com/in/avery-tester-example__;!!abc",
    "https://urldefense.com/v3/__https://www.linkedin.com/in/avery-tester-example__;!!abc",
])  # fmt: skip
def test_what_a_wrapped_link_cuts_short_is_understood(cell):
    assert AVERY == outcome(cell)


def test_runs_of_stars_are_as_long_as_the_letter_says():
    token = base64.urlsafe_b64encode(b"--").decode().rstrip("=")
    starred = f"https://urldefense.com/v3/__https://www.linkedin.com/in/avery**Aexample__;{token}!!x$"

    assert "https://www.linkedin.com/in/avery--example" == outcome(starred)
    assert "other_site" == outcome(starred.replace(token, token + "LS0t"))


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(sorted(CODING)), max_size=4), st.sampled_from([AVERY, BLAKE, MEMBER]))
def test_wrapping_nests(names, person):
    cell = person
    for name in names:
        cell = WRAPPINGS[name](cell)

    assert person == outcome(cell)


def test_wrapping_nests_a_few_levels_and_no_more():
    cell = AVERY
    for _ in range(12):
        cell = WRAPPINGS["slack"](cell)

    assert "other_site" == outcome(cell)


@pytest.mark.parametrize("cell", [
    f"https://safelinks.protection.outlook.com.evil.example/?url={CODED}",
    f"https://www.google.com.evil.example/url?q={CODED}",
    f"https://www.google.com/search?q={CODED}",
    f"https://slack-redir.net/link?url={CODED}&url={quote(BLAKE, safe='')}",
    f"https://tracker.example/click?url={CODED}",
    f"https://corp.example/login?session_redirect={CODED}",
])  # fmt: skip
def test_what_merely_looks_like_a_wrapped_link_is_another_site(cell):
    assert "other_site" == outcome(cell)


@pytest.mark.parametrize("cell", [
    "https://protect-us.mimecast.com/s/AbCdEf?domain=linkedin.com",
    "https://url.uk.m.mimecastprotect.com/s/AbCdEf?domain=linkedin.com",
    "https://lnkd.in/abc",
    "Avery: https://lnkd.in/abc",
])  # fmt: skip
def test_a_link_that_hides_the_address_says_what_to_do(cell):
    assert "short_link" == outcome(cell)


# Text around ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("person", [AVERY, OUTLOOK, AVERY + "/", AVERY + "?trk=x"])
@pytest.mark.parametrize(("before", "behind"), AROUND)
def test_exactly_one_profile_in_a_text_is_that_person(person, before, behind):
    assert AVERY == outcome(before + person + behind)


@pytest.mark.parametrize(("before", "behind"), AROUND)
def test_exactly_one_address_in_a_text_is_that_person(before, behind):
    may_be_cut = "see " in before  # "see avery@corp.example" may be an address with a blank in it
    assert ("bad_email" if may_be_cut else MAIL) == outcome(before + MAIL + behind)


@pytest.mark.parametrize("cell", [
    "Avery Example avery@corp.example",
    "avery@corp.example Avery Example",
    "Please write to avery@corp.example",
    "E-mail avery@corp.example",
    "e-mail: avery@corp.example (work)",
    "Avery Example <avery@corp.example>, https://corp.example",
    '=HYPERLINK("mailto:avery@corp.example","Avery")',
    '=HYPERLINK("https://crm.example/7","avery@corp.example")',
    "avery @corp.example",
    "avery@ corp.example",
    "avery @ corp.example",
    "avery@corp.example.",
    "Avery <avery @corp.example>",
    "'avery@corp.example",
    "(avery@corp.example",
    "|avery@corp.example",
    "•avery@corp.example",
    "* avery@corp.example",
    "CTO @ Corp - avery@corp.example",
    "avery@corp.example, AVERY@corp.example",
    "Avery <avery@corp.example>; avery@corp.example",
])  # fmt: skip
def test_an_address_as_people_paste_it_is_that_address(cell):
    found = read_identifiers([cell])

    assert [MAIL] == [identifier.key for identifier in found.unique]


@pytest.mark.parametrize("cell", [
    f"{AVERY} {AVERY}/",
    f"{AVERY}, www.linkedin.com/in/Avery-Tester-Example",
    f"{AVERY}\n{AVERY}?trk=x",
    f"{AVERY};{AVERY}",
    f"[{AVERY}]({AVERY})",
    f"'{AVERY}','{AVERY}'",
    f'<a href="{AVERY}">{AVERY}</a>',
    f"{AVERY} {OUTLOOK}",
    f'=HYPERLINK("{AVERY}","{AVERY}/")',
    f"{AVERY} (not https://www.linkedin.com/in/me)",
])  # fmt: skip
def test_the_same_person_twice_is_that_person(cell):
    assert AVERY == outcome(cell)


@pytest.mark.parametrize("cell", [
    f"{AVERY} {BLAKE}",
    f"{AVERY} and {BLAKE}",
    f"{AVERY},{BLAKE}",
    f"{AVERY}({BLAKE})",
    f"{AVERY}?trk=x;{BLAKE}",
    f"[{AVERY}]({BLAKE})",
    f'=HYPERLINK("{AVERY}","{BLAKE}")',
    f'=HYPERLINK("{AVERY}";"{MAIL}")',
    f"{AVERY} {MAIL}",
    f"{AVERY},{MAIL}",
    f"{AVERY};{MAIL}",
    f"{MAIL} {AVERY}",
    f"{MAIL}, {AVERY}",
    f"{MAIL}\n{AVERY}",
    f"{MAIL} / {AVERY}",
    f"Avery {AVERY} <{MAIL}>",
    f"{AVERY} avery@gmail.com",
    f"{AVERY} https://lnkd.in/abc",
    f"{AVERY} linkedin.com/in/%ff",
    f"{AVERY} {MEMBER}",
    f"{OUTLOOK} {BLAKE}",
    "Avery <avery@corp.example>, Blake <blake@corp.example>",
    "mailto:avery@corp.example,blake@corp.example",
    f"{AVERY}?trk=x({MAIL}",
    f"{AVERY}|{MAIL}",
    f"-{AVERY.removeprefix('https://www.')}/ {MAIL}",
    f"{MAIL} -linkedin.com/in/blake-example",
    f"{MAIL}:http://blake@corp.example",
    f"{MAIL}[@linkedin.com/in/blake-example/",
    f"/linkedin.com/in/blake-example/{MAIL}",
])  # fmt: skip
def test_two_people_in_a_cell_are_several(cell):
    assert "several" == outcome(cell)


@pytest.mark.parametrize(("cell", "expected"), {
    "linkedin.com/in/avery example": "bad_slug",
    "https://www.linkedin.com/in/avery Example": "bad_slug",
    "https://www.linkedin.com/in/avery-\nexample": "bad_slug",
    "https://www.linkedin.com/in/avery\u00a0example": "bad_slug",
    "see https://www.linkedin.com/in/avery example": "bad_slug",
    "https://www.linkedin.com/in/ Avery Example": "bad_slug",
    "avery example@corp.example": "bad_email",
    "avery.\nexample@corp.example": "bad_email",
    "avery@corp.co m": "bad_email",
    "Avery Tester @corp.example": "bad_email",
    "avery@linkedin.com/in/avery-example": "bad_email",
    "avery@corp.examplehttps://": "bad_email",
    "avery@corp.exampleavery@corp.example": "several",
    "#avery@corp.example": "bad_email",
    "-avery@corp.example": "bad_email",
}.items(), ids=ascii)  # fmt: skip
def test_where_a_blank_may_have_cut_a_name_nobody_is_guessed(cell, expected):
    assert expected == outcome(cell)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(AROUND), st.sampled_from(sorted(WRAPPINGS)), st.sampled_from([AVERY, BLAKE, MEMBER]))
def test_any_text_around_any_wrapping_is_that_person(around, name, person):
    assert person == outcome(around[0] + WRAPPINGS[name](person) + around[1])


@settings(max_examples=300, deadline=None)
@given(st.permutations([AVERY, BLAKE, MAIL, OUTLOOK]), st.sampled_from([" ", ", ", "; ", "\n", " | ", " and ", " / "]))
def test_several_people_in_any_order_are_several(people, separator):
    assert "several" == outcome(separator.join(people)) == outcome("Leads: " + separator.join(people[:3]))


@pytest.mark.parametrize("header", [f"Profile, such as {AVERY}", f"LinkedIn: {AVERY}", f'=HYPERLINK("{AVERY}")'])
def test_a_text_around_a_person_is_no_address_and_may_be_a_header(header):
    assert not is_address(header)
    assert is_address(AVERY)


# Invisible characters ---------------------------------------------------------------------------------------------

INVISIBLE = ["\u200b", "\u200c", "\u00ad", "\ufeff", "\u200e", "\u202a", "\u2060", "%E2%80%8B", "%C2%AD"]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(INVISIBLE), st.integers(0, len("avery-tester-example")), st.sampled_from(sorted(WRAPPINGS)))
def test_something_invisible_anywhere_inside_changes_nobody(invisible, at, name):
    slug = "avery-tester-example"
    cell = f"https://www.linkedin.com/in/{slug[:at]}{invisible}{slug[at:]}"

    assert AVERY == outcome(cell) == outcome(WRAPPINGS[name](cell))


@pytest.mark.parametrize("blank", ["\u00a0", "\u202f", "\u2007"], ids=ascii)
def test_a_blank_that_does_not_break_is_a_blank(blank):
    assert AVERY == outcome(f"{blank}{AVERY}{blank}") == outcome(f"LinkedIn:{blank}{AVERY}{blank}-{blank}Avery")
    assert AVERY == outcome(AVERY.replace("/in/", f"/in/{blank}") + f"{blank}/")
    assert MAIL == outcome(f"avery{blank}@corp.example")


# Pages ------------------------------------------------------------------------------------------------------------

PAGES = {
    "https://www.linkedin.com/in/me": "not_a_profile",
    "https://www.linkedin.com/in/me.": "not_a_profile",
    "https://www.linkedin.com/mwlite/in/me": "not_a_profile",
    "https://www.linkedin.com/search/results/people/?keywords=avery": "not_a_profile",
    "https://www.linkedin.com/sales/lead/ACwAAA,NAME_SEARCH,x": "sales_navigator",
    "https://www.linkedin.com/sales/profile/1234567,AbCd,NAME_SEARCH": "sales_navigator",
    "https://www.linkedin.com/sales/people/": "sales_navigator",
    "https://www.linkedin.com/sales/search/people?query=x": "sales_navigator",
    "https://www.linkedin.com/pub/avery-tester/12/345/678": "old_url",
    "https://www.linkedin.com/profile/view?id=1234": "old_url",
    "https://www.linkedin.com/talent/profile/AEMAAA": "recruiter",
    "https://www.linkedin.com/recruiter/profile/1234,AbCd,CAP": "recruiter",
    "https://www.linkedin.com/company/corp-example/people/": "company",
    "https://www.linkedin.com/showcase/corp-example": "company",
    "https://www.linkedin.com/school/example-university/": "school",
    "https://www.linkedin.com/posts/avery-tester_testing-activity-7000-AbCd": "post",
    "https://www.linkedin.com/feed/update/urn:li:activity:7000/": "post",
    "https://www.linkedin.com/pulse/how-we-test-avery-tester": "post",
    "https://www.linkedin.com/jobs/view/1234": "job",
    "https://www.linkedin.com/groups/1234/": "group",
    "https://www.linkedin.com/in/avery-example/in/blake-example": "bad_slug",
    "https://www.linkedin.com/in/avery–example": "bad_slug",
    "=A2": "formula",
    '=VLOOKUP(A2,Leads!A:B,2,FALSE)': "formula",
    '=CONCATENATE("https://www.linkedin.com/in/",B2)': "formula",
    '=HYPERLINK("https://www.linkedin.com/in/"&B2,"Avery")': "formula",
    "=HYPERLINK(A2)": "formula",
    '=HYPERLINK("")': "formula",
    "=avery@corp.example": "formula",
    '=HYPERLINK("https://www.linkedin.com/company/corp-example","Corp")': "company",
}  # fmt: skip
PEOPLE = {
    f"https://www.linkedin.com/sales/lead/{MEMBER_ID},NAME_SEARCH,x": MEMBER,
    f"https://www.linkedin.com/sales/lead/{MEMBER_ID}%2CNAME_SEARCH%2Cx?_ntb=y": MEMBER,
    f"https://www.linkedin.com/sales/people/{MEMBER_ID},NAME_SEARCH": MEMBER,
    f"https://www.linkedin.com/sales/people/{MEMBER_ID}": MEMBER,
    "https://www.linkedin.com/mwlite/in/avery-tester-example": AVERY,
    "https://www.linkedin.com/mwlite/profile/in/avery-tester-example": AVERY,
    "https://www.linkedin.com/comm/in/avery-tester-example?midToken=x": AVERY,
    "https://www.linkedin.com/in/avery-tester-example&trk=y": AVERY,
    "https://www.linkedin.com/in/avery-tester-example&trk=y&lipi=urn%3Ali": AVERY,
    "https://www.linkedin.com/in/avery-tester-example&amp;trk=y": AVERY,
    "https://www.linkedin.com/in/avery-tester-example/in": AVERY,
}


@pytest.mark.parametrize(("cell", "expected"), (PAGES | PEOPLE).items(), ids=[*PAGES, *PEOPLE])
def test_a_page_is_its_person_or_a_reason_of_its_own(cell, expected):
    assert expected == outcome(cell)


def test_every_reason_says_what_it_means_and_those_of_pages_what_to_do():
    assert set(PAGES.values()) <= set(REASONS)
    for reason in set(PAGES.values()) - {"not_a_profile", "bad_slug"}:
        assert ("(/in/...)" in REASONS[reason]) != (reason == "formula")


def test_the_docs_explain_every_reason():
    readme = (Path(__file__).parents[2] / "docs" / "pandas.md").read_text(encoding="utf-8")

    assert [] == [reason for reason, words in REASONS.items() if f"| `{reason}` | {words} |" not in readme]


def test_two_profile_names_that_a_lost_question_mark_does_not_explain_stay_refused():
    assert "bad_slug" == outcome("linkedin.com/in/avery&blake") == outcome("linkedin.com/in/avery%26trk%3Dy")


# Free mail --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("domain", [
    "gmx.at", "outlook.de", "t-online.de", "orange.fr", "libero.it", "naver.com", "yahoo.co.jp", "hotmail.it", "web.de",
    "seznam.cz", "wp.pl", "laposte.net", "hey.com", "tuta.io", "protonmail.ch",
])  # fmt: skip
def test_free_mail_is_known_wherever_it_is_from(domain):
    assert "free_mail" == outcome(f"avery@{domain}") == outcome(f"Mail: avery@{domain.upper()}.")
    assert f"avery@mail.{domain}.example" == outcome(f"avery@mail.{domain}.example")


def test_the_kept_list_holds_domains_and_no_large_employer():
    known = free_mail_domains()

    assert len(known) > 4_000
    assert all(domain == domain.strip().lower() and "." in domain for domain in known)
    employers = {"google.com", "microsoft.com", "apple.com", "amazon.com", "ibm.com", "siemens.com", "alibaba.com"}
    assert not known & (employers | {"cox.com", "linkedin.com", "example.com", "mit.edu", "harvard.edu"})


# Money ------------------------------------------------------------------------------------------------------------


def spelt(chance: random.Random, slug: str) -> str:
    """One of the many ways in which a profile comes into a cell."""
    name = "".join(chance.choice((letter, letter.upper())) for letter in slug)
    if chance.random() < 0.2:
        at = chance.randrange(len(name) + 1)
        name = name[:at] + chance.choice(INVISIBLE) + name[at:]
    elif chance.random() < 0.2:
        name = "".join(
            f"%{ord(letter):02x}" if chance.random() < 0.3 and letter.isalnum() else letter for letter in name
        )
    site = chance.choice(["https://www.linkedin.com", "http://de.linkedin.com", "https://m.linkedin.com/mwlite"])
    url = f"{site}/in/{name}{chance.choice(['', '/', '?trk=x', '/en-US', '&trk=y'])}"
    for _ in range(chance.choice([0, 0, 1, 2])):
        url = chance.choice(list(CODING.values()))(url)
    before, behind = chance.choice([("", ""), *AROUND])
    mark = "" if behind else chance.choice(["", *(m for m in MARKS if "%" not in m and m not in {"|", "&"})])
    return before + url + mark + behind


def test_ten_thousand_spellings_of_five_hundred_people_are_five_hundred_people():
    chance = random.Random(7)
    slugs = [f"lead-{number}-example" for number in range(1, 251)] + [
        f"lead-{number}-exampl" for number in range(1, 251)
    ]
    drawn = [*slugs, *chance.choices(slugs, k=9_500)]

    found = read_identifiers([spelt(chance, slug) for slug in drawn])

    assert not found.refusals
    assert 500 == len(found.unique)
    named = [found.unique[position].text.rpartition("/")[2] for position in found.per_row]
    assert drawn == named


def test_spellings_of_people_are_paid_once_each(sandbox, client):
    chance = random.Random(11)
    slugs = [f"lead-{number}-example" for number in range(1, MAX_IDENTIFIERS + 1)]

    found = crustframe.enrich(
        [spelt(chance, slug) for slug in chance.choices(slugs, k=300)], fields=["basic_profile.name"], client=client
    )

    assert {"matched"} == set(found.frame["crust.status"])
    assert set(slugs) == set(sandbox.people_charged)
    assert {1} == set(sandbox.people_charged.values())


def test_two_hundred_cells_that_name_nobody_or_several_ask_for_nobody(sandbox, client):
    chance = random.Random(13)
    pages = [cell for cell, expected in PAGES.items() if expected in REASONS]
    junk = [
        "Avery Tester",
        "n/a",
        "https://corp.example",
        "avery example@corp.example",
        "linkedin.com/in/avery example",
    ]
    pairs = [f"{one}{chance.choice([', ', ' and ', ' | '])}{other}" for one, other in
             (chance.sample([AVERY, BLAKE, MEMBER, MAIL, "blake@corp.example"], 2) for _ in range(120))]  # fmt: skip
    cells = (pairs + pages + junk + [f"avery@{domain}" for domain in sorted(free_mail_domains())])[:200]

    with pytest.warns(match="refused: 200"):
        found = crustframe.enrich(cells, fields=["basic_profile.name"], provenance="full", client=client)

    assert 200 == len(cells) == found.report.statuses["invalid"]
    assert set(found.frame["crust.reason"]) <= set(REASONS)
    assert (0, 0) == (sandbox.calls, sandbox.credits_spent)
