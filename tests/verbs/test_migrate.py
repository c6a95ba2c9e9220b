"""Moving over: legacy names are refused with the current path, old files are renamed, prices stand side by side."""

from __future__ import annotations

import json

import openpyxl
import pytest

from crustframe.api import screener
from crustframe.errors import FieldError
from crustframe.fields import catalogue, read_paths
from crustframe.fields.legacy import CURRENT_PATHS, WITHOUT
from crustframe.fields.synonyms import SYNONYMS
from crustframe.shell import cli
from crustframe.verbs.moving import counterpart, counterparts, rename_columns

SAME_HERE = {"languages", "skills", *(p for p in CURRENT_PATHS if p == CURRENT_PATHS[p])}


@pytest.fixture
def shell(monkeypatch, capfdbinary):
    """Run the command line; return exit code, stdout and stderr."""

    def run(*arguments):
        monkeypatch.setattr("sys.argv", ["crustframe", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capfdbinary.readouterr()
        return ended.value.code, out, err.decode()

    return run


# Refusals ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"), [pair for pair in CURRENT_PATHS.items() if pair[0] in SYNONYMS.keys() - SAME_HERE]
)
def test_legacy_names_that_people_type_are_taken_for_the_current_path(old, new):
    assert read_paths([new])[0].field == read_paths([old])[0].field


REFUSED = [(old, new) for old, new in CURRENT_PATHS.items() if old not in SAME_HERE and old not in SYNONYMS]


@pytest.mark.parametrize(("old", "new"), REFUSED)
def test_legacy_names_are_refused_with_the_current_path(old, new):
    with pytest.raises(FieldError) as refused:
        read_paths([old])

    assert f"'{old}' is the legacy name of '{new}'" in str(refused.value)
    assert new == refused.value.candidates[0]
    assert read_paths([new])


@pytest.mark.parametrize("old", sorted(SAME_HERE))
def test_names_that_both_surfaces_take(old):
    """They mean the same on the current one, or (skills) the group around it."""
    assert CURRENT_PATHS[old].startswith(read_paths([old])[0].field.path)


@pytest.mark.parametrize("old", sorted(WITHOUT.keys() - SYNONYMS.keys()))
def test_names_without_a_counterpart_say_what_to_do(old):
    with pytest.raises(FieldError) as refused:
        read_paths([old])

    assert WITHOUT[old] in str(refused.value)


# Columns -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("title", "basic_profile.current_title"),
        ("score", "crust.confidence_score"),
        ("current_employers.employer_name", "experience.employment_details.current.name"),
        ("current_employers[0].employer_name", "experience.employment_details.current[0].name"),
        ("current_employers.1.employer_name", "experience.employment_details.current[1].name"),
        ("past_employers[-1].employee_title", "experience.employment_details.past[-1].title"),
        ("past_employers[*].employee_title | join", "experience.employment_details.past[*].title | join"),
        (
            "current_employers[0].employer_company_id[0]",
            "experience.employment_details.current[0].crustdata_company_id",
        ),
        ("skills | count", "skills.professional_network_skills | count"),
        ("all_schools", "education.schools[*].school"),
        ("all_schools[0]", "education.schools[0].school"),
        ("business_email", "contact.business_emails[*].email"),
    ],
)
def test_columns(old, new):
    renaming = rename_columns(["lead", old])

    assert ["lead", new] == renaming.columns
    assert new.startswith("crust.") or read_paths([new])[0].name == new


@pytest.mark.parametrize("column", ["lead_id", "Title", "all_titles", "title of the book", "", "crust.status"])
def test_other_columns_stay(column):
    renaming = rename_columns([column])

    assert [column] == renaming.columns
    assert not renaming.renamed
    assert bool(renaming.without) == (column in WITHOUT)


def test_two_columns_of_one_name_are_refused():
    with pytest.raises(FieldError, match=r"basic_profile\.name"):
        rename_columns(["name", "basic_profile.name"])


# The shell ---------------------------------------------------------------------------------------------------------


def test_migrate_changes_the_header_and_no_other_byte(shell, tmp_path):
    old, new = tmp_path / "old.csv", tmp_path / "new.csv"
    rows = b'a;" VP ";"x;y";=1;\r\n\r\n007;;;"two\nlines"\r\n'
    old.write_bytes(
        b"\xef\xbb\xbf" + 'lead;title;"current_employers[0].employer_name";all_titles;söma\r\n'.encode() + rows
    )

    code, out, err = shell("migrate", old, "-o", new)

    header = 'lead;"basic_profile.current_title";"experience.employment_details.current[0].name";all_titles;söma\r\n'
    assert (0, b"") == (code, out)
    assert b"\xef\xbb\xbf" + header.encode() + rows == new.read_bytes()
    assert "title -> basic_profile.current_title" in err
    assert "all_titles stays" in err
    assert "2 of 5 columns renamed" in err


def test_migrate_to_stdout(shell, tmp_path):
    old = tmp_path / "old.tsv"
    old.write_bytes(b"name\tlead\nJane\t1\n")

    assert b'"basic_profile.name"\tlead\nJane\t1\n' == shell("migrate", old)[1]


def test_migrate_a_workbook(shell, tmp_path):
    old, new = tmp_path / "old.xlsx", tmp_path / "new.xlsx"
    book = openpyxl.Workbook()
    book.active.append(["lead", "headline"])
    book.active.append([7, "x"])
    book.save(old)

    code, _, _ = shell("migrate", old, "-o", new)

    written = openpyxl.load_workbook(new)
    rows = [*written.active.values]
    written.close()
    assert 0 == code
    assert [("lead", "basic_profile.headline"), (7, "x")] == rows
    assert 6 == shell("migrate", old, "-o", tmp_path / "new.csv")[0]


def test_migrate_never_overwrites_its_input(shell, tmp_path):
    old = tmp_path / "old.csv"
    old.write_bytes(b"name\nJane\n")

    assert 6 == shell("migrate", old, "-o", old)[0]
    assert b"name\nJane\n" == old.read_bytes()


def test_fields_legacy(shell):
    code, out, _ = shell("fields", "--legacy", "title", "business_email", "all_titles")

    lines = out.decode().splitlines()
    assert 0 == code
    assert ["title", "basic_profile.current_title", "3", "1"] == lines[1].split()
    assert ["business_email", "contact.business_emails[*].email", "2", "2"] == lines[2].split()
    assert ["all_titles", "-", "3", "-"] == lines[3].split()[:4]


def test_fields_legacy_lists_everything(shell):
    rows = [json.loads(line) for line in shell("fields", "--legacy", "--json")[1].decode().splitlines()]

    assert list(screener.catalogue().fields) == [row["legacy"] for row in rows]
    assert all(row["current"] or row["note"] for row in rows)
    assert 2 == shell("fields", "--legacy", "salary")[0]


def test_counterparts_cost_what_the_price_lists_say():
    for row in counterparts():
        if row.credits is not None:
            assert row.credits <= row.legacy_credits
    assert (5, 3) == counterpart("personal_contact_info.phone_numbers")[2:4]


def test_the_current_catalogue_is_as_it_was():
    assert "person_data" == catalogue().holder
