"""Cells become people: two spellings of one person are one identifier, two people never are."""

from __future__ import annotations

import sys
import unicodedata
from urllib.parse import quote

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import crustframe
from crustframe.errors import CrustframeError, IdentifierError
from crustframe.people.identifiers import REASONS, Identifiers, read_identifier, read_identifiers

AVERY = "https://www.linkedin.com/in/avery-example"
MEMBER_ID = "ACoAABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh0123"

SPELLINGS = [
    AVERY,
    "linkedin.com/in/avery-example",
    "www.linkedin.com/in/avery-example",
    "http://linkedin.com/in/avery-example",
    "http://www.linkedin.com/in/avery-example",
    "HTTPS://WWW.LINKEDIN.COM/in/AVERY-EXAMPLE",
    "https://LinkedIn.com/IN/Avery-Example",
    "https://de.linkedin.com/in/avery-example",
    "https://uk.linkedin.com/in/avery-example/",
    "m.linkedin.com/in/avery-example",
    "https://mobile.linkedin.com/in/avery-example/",
    "https://www.linkedin.com:443/in/avery-example",
    "http://www.linkedin.com:80/in/avery-example",
    "https://www.linkedin.com./in/avery-example",
    "//www.linkedin.com/in/avery-example",
    "https:/www.linkedin.com/in/avery-example",
    "https//www.linkedin.com/in/avery-example",
    "/in/avery-example",
    "in/avery-example",
    AVERY + "/",
    AVERY + "//",
    "https://www.linkedin.com//in//avery-example",
    AVERY + "?",
    AVERY + "?trk=public_profile&miniProfileUrn=urn%3Ali%3Afs",
    AVERY + "/?originalSubdomain=de",
    AVERY + "#experience",
    AVERY + "/?a=b#c",
    "https://www.linkedin.com/in/avery%2Dexample",
    "https://www.linkedin.com/in/%61very-example",
    "https://www.linkedin.com/in/avery%252Dexample",
    "https://www.linkedin.com/in/avery%25252dexample",
    "  " + AVERY + "  ",
    "\t" + AVERY + "\r\n",
    "\u00a0" + AVERY + "\u00a0",
    "\ufeff" + AVERY,
    "\u200b" + AVERY + "\u200e",
    "\u202a" + AVERY + "\u202c",
    "https://www.linkedin.com/in/ave\u200bry-example",
    "https://www.linkedin.com/in/avery\u00ad-example",
    "https://www.linkedin.com/in/\u2060avery-example\u200d/",
    "https://www.linkedin.com/in/avery-exam\ufeffple/de",
    "https://www.linkedin.com/in/avery%E2%80%8B-example",
    "https://www.linkedin.com/in/avery%c2%ad-example?trk=x",
    "https://www.linkedin.com/in/avery%25E2%2580%258B-example",
    "https://www.linkedin.com/in/avery%2D%e2%80%8dexample",
    "https://www.linked\u200bin.com/in/avery-example",
    "https://www.linkedin.com%E2%80%8B/in%E2%80%8B/avery-example",
    "ht\u200btps://www.linkedin.com/in/avery-example/\ufe0fde",
    "\u2066https://www.linkedin.com/in/avery-example\u2069",
    "\u1680" + AVERY + "\u2800",
    "\x1f" + AVERY + "\x7f",
    "https://www.linkedin.com/in/\u00a0avery-example\u202f/",
    AVERY + "%20",
    AVERY + "%E2%80%8B",
    f'"{AVERY}"',
    f"'{AVERY}'",
    f"<{AVERY}>",
    f"({AVERY})",
    f'" <{AVERY}> "',
    AVERY + ",",
    AVERY + ";",
    AVERY + "/de",
    AVERY + "/en-US",
    AVERY + "/pt_BR/",
    AVERY + "/details/skills/",
    AVERY + "/detail/contact-info/",
    AVERY + "/overlay/contact-info/",
    AVERY + "/recent-activity/all/",
]

REFUSED = {
    "Avery Example": "not_an_identifier",
    "12345": "not_an_identifier",
    "n/a": "not_an_identifier",
    "\ud800": "not_an_identifier",
    "http://[::1": "not_an_identifier",
    "example.com": "other_site",
    "https://corp.example/in/avery-example": "other_site",
    "https://evil-linkedin.com/in/avery-example": "other_site",
    "https://linkedin.com.evil.example/in/avery-example": "other_site",
    "https://avery@linkedin.com/in/avery-example": "other_site",
    "https://avery:secret@linkedin.com/in/avery-example": "other_site",
    "https://www.linkedin.com:8080/in/avery-example": "other_site",
    "https://tracker.example/url?q=https://www.linkedin.com/in/avery-example": "other_site",
    "https://www.linkedin.com/": "not_a_profile",
    "https://www.linkedin.com/in/": "not_a_profile",
    "https://www.linkedin.com/company/corp-example": "company",
    "https://www.linkedin.com/pub/avery-example/1/2/3": "old_url",
    "https://www.linkedin.com/sales/lead/ACwAAA": "sales_navigator",
    "https://www.linkedin.com/in/me": "not_a_profile",
    "https://www.linkedin.com/in/me/": "not_a_profile",
    "linkedin.com/in/ME?trk=x": "not_a_profile",
    "https://www.linkedin.com/in/m%65/de": "not_a_profile",
    "https://de.linkedin.com/in/me/en-US/": "not_a_profile",
    "https://www.linkedin.com/in/me/details/skills/": "not_a_profile",
    "https://www.linkedin.com/in/me/edit/intro/": "not_a_profile",
    "/in/m\u200be": "not_a_profile",
    "https://www.linkedin.com/in/unavailable/": "not_a_profile",
    "https://www.linkedin.com/in/edit/intro/": "not_a_profile",
    "https://lnkd.in/abc": "short_link",
    "lnkd.in/abc": "short_link",
    "linkedin.com/in/avery example": "bad_slug",
    "linkedin.com/in/avery-example/edit/photo": "bad_slug",
    "linkedin.com/in/a%2Fb": "bad_slug",
    "linkedin.com/in/a%3Fb": "bad_slug",
    "linkedin.com/in/100%": "bad_slug",
    "linkedin.com/in/%ff": "bad_slug",
    "linkedin.com/in/avery%2525252Dexample": "bad_slug",
    "linkedin.com/in/..": "bad_slug",
    "linkedin.com/in/../company/corp": "bad_slug",
    "linkedin.com/in/\ud800": "bad_slug",
    "linkedin.com/in/a\x00b": "bad_slug",
    "linkedin.com/in/" + "a" * 201: "bad_slug",
    "linkedin.com/in/a linkedin.com/in/b": "several",
    "linkedin.com/in/a, linkedin.com/in/b": "several",
    "linkedin.com/in/a\nlinkedin.com/in/b": "several",
    "https://linkedin.com/in/a;https://linkedin.com/in/b": "several",
    "avery@corp.example; blake@corp.example": "several",
    "avery@corp.example,blake@corp.example": "several",
    "avery@corp.example blake@corp.example": "several",
    "avery@corp.example / blake@corp.example": "several",
    "avery@corp.example\nblake@corp.example": "several",
    "avery@corp": "bad_email",
    "avery@corp.1": "bad_email",
    "avery@@corp.example": "bad_email",
    "@corp.example": "bad_email",
    "avery@": "bad_email",
    "avery@[127.0.0.1]": "bad_email",
    "avery@corp..example": "bad_email",
    "avery..x@corp.example": "bad_email",
    ".avery@corp.example": "bad_email",
    "avery example@corp.example": "bad_email",
    "avery@-corp.example": "bad_email",
    "avery@gmail.com": "free_mail",
    "Avery@GMAIL.COM": "free_mail",
    "mailto:avery@hotmail.com": "free_mail",
    "Avery Example <avery@yahoo.com>": "free_mail",
    "avery@agency.gov": "government_mail",
    "avery@mail.agency.gov": "government_mail",
    "avery@army.mil": "government_mail",
    "avery@dept.gov.uk": "government_mail",
    "avery@dept.gouv.fr": "government_mail",
}


def key(cell: object) -> str:
    return read_identifier(cell).key


def reason(cell: object) -> str:
    return read_identifiers([cell]).refusals[0].reason


@pytest.mark.parametrize("cell", SPELLINGS, ids=ascii)
def test_a_spelling_of_a_profile_is_that_profile(cell):
    found = read_identifier(cell)

    assert ("professional_network_profile_url", AVERY, AVERY) == tuple(found)


def test_all_spellings_of_one_profile_are_one_person():
    found = read_identifiers(SPELLINGS)

    assert [AVERY] == [identifier.key for identifier in found.unique]
    assert {0} == set(found.per_row)
    assert [len(SPELLINGS)] == found.spellings


@pytest.mark.parametrize(("cell", "expected"), REFUSED.items(), ids=map(ascii, REFUSED))
def test_a_cell_that_names_nobody_says_why(cell, expected):
    assert expected == reason(cell)


def test_every_reason_of_the_table_is_a_documented_one():
    assert set(REFUSED.values()) <= set(REASONS)


@pytest.mark.parametrize("cell", ["", "   ", "\u200b", "\ufeff\u00a0", '""', "''", "()", ",", ";", "\x00"], ids=ascii)
def test_a_cell_of_nothing_but_wrapping_is_blank(cell):
    assert "blank" == reason(cell)


@pytest.mark.parametrize("cell", [None, float("nan"), np.float64("nan"), pd.NA, pd.NaT], ids=repr)
def test_a_missing_cell_is_blank(cell):
    assert "blank" == reason(cell)


@pytest.mark.parametrize(
    "cell", [b"linkedin.com/in/avery-example", ["linkedin.com/in/avery-example"], 7, 7.5, True, {}]
)
def test_a_cell_that_is_not_text_says_so(cell):
    assert "not_text" == reason(cell)


def test_a_member_id_keeps_its_case():
    """URN-like slugs differ by case: lower-casing one would name somebody else."""
    found = read_identifiers(["linkedin.com/in/" + MEMBER_ID, "linkedin.com/in/" + MEMBER_ID.lower()])

    assert 2 == len(found.unique)
    assert found.unique[0].text.endswith("/in/" + MEMBER_ID)


def test_a_name_that_merely_begins_like_a_member_id_is_case_blind():
    assert key("linkedin.com/in/acoa-example") == key("linkedin.com/in/ACoA-Example")


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("strauß", "strauss"),
        ("avery", "ａｖｅｒｙ"),
        ("sam", "ſam"),
        ("renee", "renée"),
        ("avery-example", "avery_example"),
        ("avery-example", "avery.example"),
        ("avery-example", "averyexample"),
        ("avery-example", "avery-example-1"),
        ("avery-example", "avery\u2010example"),
        ("avery", "аvery"),  # the second begins with a Cyrillic letter
        ("fi", "ﬁ"),
        ("12", "１２"),
        ("istanbul", "ıstanbul"),
        ("avery", "avery\u200bx"),
    ],
)
def test_names_that_merely_look_alike_stay_two_people(one, other):
    assert 2 == len(read_identifiers(["linkedin.com/in/" + one, "linkedin.com/in/" + other]).unique)


@pytest.mark.parametrize(
    "cell",
    [
        "élan-example",
        "e\u0301lan-example",
        "%C3%A9lan-example",
        "e%CC%81lan-example",
        "%c3%a9lan-example",
        "ÉLAN-example",
    ],
)
def test_composed_decomposed_and_coded_letters_are_one_person_sent_coded(cell):
    assert "https://www.linkedin.com/in/%C3%A9lan-example" == read_identifier("linkedin.com/in/" + cell).text


@pytest.mark.parametrize(
    "cell",
    [
        "avery@corp.example",
        "Avery@Corp.Example",
        "AVERY@CORP.EXAMPLE",
        " avery@corp.example ",
        "mailto:avery@corp.example",
        "MAILTO:avery@corp.example?subject=hello",
        "<avery@corp.example>",
        "Avery Example <avery@corp.example>",
        '"Example, Avery" <avery@corp.example>',
        "avery@corp.example,",
        "'avery@corp.example'",
        "\ufeffavery@corp.example\u200b",
        "ave\u200bry@corp.example",
        "avery\u00ad@corp.example",
        "avery@co\u2060rp.exam\u200dple",
        "avery@corp\u200e.example",
        "avery%E2%80%8B@corp.example",
        "mailto:%E2%80%8Bavery@corp.example",
        "mailto:\u00a0avery@corp.example",
        "mailto:%20avery%40corp.example%20?subject=hello",
        "Avery <\u200bavery@corp.example\u200b>",
        "\u2068avery@corp.example\u2069",
    ],
    ids=ascii,
)
def test_a_spelling_of_an_address_is_that_address(cell):
    assert ("business_email", "avery@corp.example") == tuple(read_identifier(cell))[:2]


@pytest.mark.parametrize("joiner", ["\u200c", "\u200d", "%E2%80%8C"], ids=ascii)
def test_a_name_whose_script_has_joiners_is_one_person_with_and_without(joiner):
    """A slug never needs them: keyboards and pages add or drop them."""
    with_joiner = read_identifier(f"linkedin.com/in/نمونه{joiner}ای")

    assert read_identifier("linkedin.com/in/نمونهای") == with_joiner
    assert with_joiner.text.isascii()
    assert "%E2%80" not in with_joiner.text


def test_letters_that_something_invisible_kept_apart_are_composed():
    assert key("linkedin.com/in/élan-example") == key("linkedin.com/in/e\u200b\u0301lan-example")


@pytest.mark.parametrize("slug", ["me2", "mee", "me-example", "m-e", "edit-example", "unavailable-1", "meé"])
def test_a_name_that_merely_begins_like_a_page_is_a_profile(slug):
    assert "professional_network_profile_url" == read_identifier(f"linkedin.com/in/{slug}").kind


def test_every_character_that_unicode_calls_a_format_character_is_no_part_of_a_name():
    invisible = [chr(n) for n in range(sys.maxunicode + 1) if unicodedata.category(chr(n)) == "Cf"]
    invisible += "\u034f\u115f\u1160\u3164\uffa0\ufe00\ufe0f\u180b\U000e0100"

    found = read_identifiers(
        [
            *(f"linkedin.com/in/avery{character}-example" for character in invisible),
            *(f"linkedin.com/in/avery{quote(character)}-example" for character in invisible),
        ]
    )

    assert [AVERY] == [identifier.text for identifier in found.unique]
    assert ["avery@corp.example"] == [
        identifier.text for identifier in read_identifiers([f"avery{c}@corp.example" for c in invisible]).unique
    ]


def test_letters_that_stand_beside_something_invisible_in_one_code_are_kept():
    assert key("linkedin.com/in/%C3%A9%E2%80%8Blan") == key("linkedin.com/in/élan")
    assert "bad_slug" == reason("linkedin.com/in/%E2%80%8B%ff")
    assert "not_a_profile" == reason("linkedin.com/in/%E2%80%8B")


def test_the_local_part_is_sent_as_it_came():
    """Only the ledger's key folds it; the mail system decides whether case counts."""
    assert "Avery.Example@corp.example" == read_identifier("Avery.Example@Corp.Example").text


def test_an_international_domain_and_its_ascii_form_are_one_person():
    cells = ["avery@bücher.example", "avery@BÜCHER.example", "avery@xn--bcher-kva.example"]

    assert {"avery@xn--bcher-kva.example"} == {key(cell) for cell in cells}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("avery@corp.example", "avery+sales@corp.example"),
        ("avery+a@corp.example", "avery+b@corp.example"),
        ("avery.x@corp.example", "averyx@corp.example"),
        ("avery@corp.example", "avery@mail.corp.example"),
        ("avery@straße.example", "avery@strasse.example"),
        ("strauß@corp.example", "strauss@corp.example"),
        ("avery@corp.example", "linkedin.com/in/avery"),
    ],
)
def test_addresses_that_differ_by_more_than_case_stay_two_people(one, other):
    assert 2 == len(read_identifiers([one, other]).unique)


def test_a_local_part_longer_than_the_standard_allows_is_refused():
    """RFC 5321: 64 octets. One malformed address would cost 24 others their request."""
    assert "bad_email" == reason("a" * 65 + "@corp.example")
    assert "a" * 64 + "@corp.example" == key("a" * 64 + "@corp.example")


@pytest.mark.parametrize(
    "address", ["avery@gov.example", "avery@govern.example", "avery@gmail.example", "avery@mil.example"]
)
def test_a_domain_that_merely_resembles_a_refused_one_is_business(address):
    assert address == key(address)


def test_one_cell_read_alone_raises_with_a_hint_and_the_reason():
    with pytest.raises(IdentifierError, match=r"free-mail") as raised:
        read_identifier("avery@gmail.com")

    assert isinstance(raised.value, ValueError)
    assert "Nothing was sent" in str(raised.value)
    assert "\nHint: " in str(raised.value)


def test_a_blank_cell_read_alone_raises_too():
    with pytest.raises(IdentifierError, match="empty"):
        read_identifier(None)


# What is asked and paid ---------------------------------------------------------------------------------------------


def test_one_person_with_and_without_something_invisible_is_asked_once_by_name(sandbox, client):
    column = [AVERY, AVERY[:-3] + "\u200b" + AVERY[-3:], AVERY[:-3] + "%C2%AD" + AVERY[-3:], "av\u200bery@corp.example"]

    found = crustframe.enrich(column, fields=["basic_profile.name"], client=client)

    assert ["matched"] * 4 == found.frame["crust.status"].tolist()
    assert 1 == found.frame["basic_profile.name"][:3].nunique()
    assert 2 == sandbox.credits_spent == found.report.people
    assert {"avery-example": 1, "avery@corp.example": 1} == sandbox.people_charged


def test_pages_that_are_nobodys_are_not_asked_about(sandbox, client):
    column = ["linkedin.com/in/me/", "https://www.linkedin.com/in/me/en-us", "linkedin.com/in/unavailable"]

    with pytest.warns(match="refused: 3"):
        found = crustframe.enrich(column, fields=["basic_profile.name"], provenance="full", client=client)

    assert ["invalid"] * 3 == found.frame["crust.status"].tolist()
    assert ["not_a_profile"] * 3 == found.frame["crust.reason"].tolist()
    assert (0, 0) == (sandbox.calls, sandbox.credits_spent)


# Whatever comes ---------------------------------------------------------------------------------------------------

ANYTHING = st.one_of(
    st.text(),
    st.text().map("linkedin.com/in/".__add__),
    st.text().map("https://www.linkedin.com/".__add__),
    st.text().map(lambda text: text + "@corp.example"),
    st.text().map("avery@".__add__),
    st.text("a%20258BEAD@.", max_size=30).map(lambda text: f"mailto:{text}@corp.example"),
    st.text("aA%@:/.?#[] \u200b\u0130ßé\u0301,;<>\"'", max_size=30),
    st.none(),
    st.integers(),
    st.floats(),
    st.binary(),
    st.booleans(),
    st.lists(st.text()),
    st.dates(),
)


@settings(max_examples=600, deadline=None)
@given(ANYTHING)
def test_any_cell_is_read_or_refused_with_a_known_reason_and_never_raises(cell):
    found = read_identifiers([cell])

    assert 1 == len(found.unique) + len(found.refusals)
    assert all(refusal.reason in {*REASONS, "blank"} for refusal in found.refusals.values())


@settings(max_examples=600, deadline=None)
@given(ANYTHING)
def test_what_was_read_reads_as_itself(cell):
    """The key of a key is that key, and what is sent names the same person."""
    for identifier in read_identifiers([cell]).unique:
        assert identifier.key == key(identifier.key)
        assert identifier.key == key(identifier.text)
        assert identifier.text == read_identifier(identifier.text).text
        assert identifier.text.isprintable()
        assert "\n" not in identifier.text


# Letters that are lower-case and composed already; ß, ſ, ﬁ and full-width ones have look-alikes that are others.
LETTERS = st.sampled_from("abiksxyz019-_.ßſéüñçøαςσжяﬁａ１ıåǆ日")
SLUGS = st.text(LETTERS, min_size=1, max_size=12).filter(lambda slug: not slug.endswith("."))


@st.composite
def spelt(draw: st.DrawFn, slug: str) -> str:
    """One of the ways in which people and programs write a slug."""
    out = []
    for letter in slug:
        raised = letter.upper()
        if len(raised) == 1 and raised.lower() == letter and draw(st.booleans()):
            letter = raised
        if draw(st.booleans()):
            letter = unicodedata.normalize("NFD", letter)
        coded = "".join(f"%{byte:02x}" for byte in letter.encode())
        out.append(draw(st.sampled_from([letter, coded, quote(coded, safe="")])))
        if draw(st.integers(0, 5)) == 0:
            out.append(draw(st.sampled_from(["\u200b", "\u00ad", "\ufeff", "%E2%80%8D", "%25e2%2581%25a0"])))
    before = draw(st.sampled_from(["", "https://", "http://www.", "https://de.", "//m.", " "]))
    after = draw(st.sampled_from(["", "/", "?a=b", "#c", "/de/", " ", "/details/skills"]))
    return f"{before}linkedin.com/in/{''.join(out)}{after}"


@settings(max_examples=250, deadline=None)
@given(st.data(), SLUGS)
def test_every_spelling_of_a_slug_is_one_person(data, slug):
    one, other = data.draw(spelt(slug)), data.draw(spelt(slug))

    assert [0, 0] == read_identifiers([one, other]).per_row


@settings(max_examples=250, deadline=None)
@given(st.data(), SLUGS, SLUGS)
def test_slugs_that_differ_by_more_than_spelling_are_never_merged(data, slug, another):
    assume(slug != another)
    one, other = data.draw(spelt(slug)), data.draw(spelt(another))

    assert [0, 1] == read_identifiers([one, other]).per_row


CELLS = st.lists(
    st.sampled_from(
        [
            "linkedin.com/in/a",
            "linkedin.com/in/A/",
            "linkedin.com/in/b",
            "b@corp.example",
            "B@corp.example",
            "",
            None,
            3,
            "junk",
            "x@gmail.com",
            float("nan"),
            b"bytes",
        ]
    ),
    max_size=30,
)


@given(CELLS)
def test_the_books_of_a_column_add_up(cells):
    found = read_identifiers(cells)

    assert len(cells) == len(found) == len(found.per_row)
    assert {row for row, position in enumerate(found.per_row) if position == -1} == set(found.refusals)
    assert sorted({position for position in found.per_row if position >= 0}) == list(range(len(found.unique)))
    assert len(found.unique) == len({(i.kind, i.key) for i in found.unique}) == len(found.spellings)
    assert len(found.refusals) == found.n_blank + found.n_invalid
    named = {cell for row, cell in enumerate(cells) if found.per_row[row] >= 0}
    assert len(named) == sum(found.spellings)
    first_rows = [found.per_row.index(position) for position in range(len(found.unique))]
    assert sorted(first_rows) == first_rows


def test_the_books_of_a_small_column_are_these():
    found = read_identifiers(["linkedin.com/in/a", "", "x@gmail.com", "LINKEDIN.com/in/A", "b@corp.example", None, "?"])

    assert [0, -1, -1, 0, 1, -1, -1] == found.per_row
    assert {1: "blank", 2: "free_mail", 5: "blank", 6: "not_an_identifier"} == {
        row: refusal.reason for row, refusal in found.refusals.items()
    }
    assert [2, 1] == found.spellings
    assert (2, 2) == (found.n_blank, found.n_invalid)


def test_no_cells_are_nobody():
    assert Identifiers([], [], {}, []) == read_identifiers([])


@pytest.mark.parametrize("dtype", ["object", "string", "str", "category", "string[pyarrow]", "large_string[pyarrow]"])
def test_a_column_of_any_text_dtype_reads_the_same(dtype):
    values = pd.Series(["linkedin.com/in/a", None, "linkedin.com/in/A/", "b@corp.example"]).astype(dtype)

    assert [0, -1, 0, 1] == read_identifiers(values).per_row
    assert "blank" == read_identifiers(values).refusals[1].reason


def test_a_column_of_mixed_objects_reads_cell_by_cell():
    values = pd.Series(["linkedin.com/in/a", None, float("nan"), pd.NA, b"x", ["linkedin.com/in/a"], 7], dtype=object)

    found = read_identifiers(values)

    assert [0, -1, -1, -1, -1, -1, -1] == found.per_row
    assert ["blank"] * 3 + ["not_text"] * 3 == [found.refusals[row].reason for row in range(1, 7)]


def test_a_refusal_is_an_error_of_this_package():
    with pytest.raises(CrustframeError):
        read_identifier(["linkedin.com/in/a"])
