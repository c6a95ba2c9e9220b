"""Where a table begins: titles before its header, ``sep=``, no header, a name twice, and what told otherwise."""

from __future__ import annotations

import openpyxl
import pytest
from delimited import table_of
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crustframe.errors import ColumnNotFoundError, TableError
from crustframe.tables import read_table

URLS = ["https://www.linkedin.com/in/avery-tester-example", "linkedin.com/in/nils-muster-example"]
EXPORT = (
    'Notes:\n"When exporting, you may notice, that some addresses are missing."\n\n'
    "First Name,Last Name,URL,Company\n"
    f'Avery,Tester,{URLS[0]},"Corp, Inc."\nNils,Muster,{URLS[1]},Nimbus\n'
)
ODD = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
LINE = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=30)
DELIMITER = st.characters(exclude_categories=["Cs", "L", "N"], exclude_characters='\r\n"\0 -./:@\ufeff')


def written(table, tmp_path, added=("x", "y"), out="out.csv"):
    table.write(tmp_path / out, {"new": list(added)})
    return (tmp_path / out).read_bytes().decode()


# Titles ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("asked", [{"columns": ["URL"]}, {"header_row": 4}, {}], ids=["named", "told", "nothing"])
def test_notes_before_the_header_go_out_as_they_are(tmp_path, asked):
    table = table_of(tmp_path, EXPORT.encode(), **asked)

    assert ["First Name", "Last Name", "URL", "Company"] == table.columns
    assert URLS == table.column("URL") == table.column("3")
    assert ["Line 4 of in.csv is its header; the 3 lines before it are no rows."] == table.reading_notes
    expected = EXPORT.replace("Company\n", 'Company,"new"\n').replace('Inc."\n', 'Inc.","x"\n')
    assert expected.replace("Nimbus\n", 'Nimbus,"y"\n') == written(table, tmp_path)


def test_another_kind_leaves_them_out_and_says_so(tmp_path):
    table = table_of(tmp_path, EXPORT.encode(), columns=["URL"])

    assert [] == table.writing_notes(tmp_path / "out.csv")
    for out in ("out.tsv", "out.jsonl"):
        assert "What stands before the header of in.csv is left out" in table.writing_notes(tmp_path / out)[0]
        table.write(tmp_path / out, {"new": ["x", "y"]})
        assert URLS == read_table(tmp_path / out).column("URL")


@ODD
@given(st.lists(LINE, max_size=20), DELIMITER, st.sampled_from(["\n", "\r\n", "\r"]), st.booleans())
@example(['"an open quote', "and more"], ";", "\n", True)
@example(['a "word" in quotes', '"', '""', '","'], ",", "\n", False)
@example(["1;2;3;4;5;6;7", "Profile"], ",", "\r\n", False)
def test_any_preamble_any_delimiter(tmp_path, preamble, delimiter, newline, says_so):
    """The delimiter is seen where it is a usual one, and said otherwise, by the caller or by the file."""
    rows = [["1", URLS[0], f'"a{delimiter} ""b"""'], ["2", URLS[1], f'"two{newline}lines"']]
    first = [f"sep={delimiter}"] if says_so else []
    own = [*first, *preamble, *(delimiter.join(row) for row in [["id", "Profile Link", "note"], *rows])]
    data = newline.join([*own, ""]).encode()
    options = {} if says_so else {"delimiter": delimiter}

    table = table_of(tmp_path, data, columns=["Profile Link"], **options)

    assert ["id", "Profile Link", "note"] == table.columns
    assert URLS == table.column("Profile Link")
    assert [f'a{delimiter} "b"', f"two{newline}lines"] == table.column("note")
    added = [*own[:-3], own[-3] + f'{delimiter}"new"', own[-2] + f'{delimiter}"x"', own[-1] + f'{delimiter}"y"']
    assert newline.join([*added, ""]).encode() == written(table, tmp_path).encode()


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_seen_behind_a_title(tmp_path, delimiter):
    own = ["", delimiter.join(["id", "url"]), delimiter.join(["1", URLS[0]])]

    for title, columns in (("Leads, of March; all | of\tthem", ["url"]), ("Leads of March", [])):
        assert [URLS[0]] == table_of(tmp_path, "\n".join([title, *own]).encode(), columns=columns).column("url")


def test_the_first_row_that_holds_all_names_is_the_header(tmp_path):
    data = f"url of the file,email\nurl,x\nurl,email\n{URLS[0]},a@corp.example\n"

    assert [URLS[0]] == table_of(tmp_path, data.encode(), columns=["url", "email"]).column("url")
    assert ["x", "email", "a@corp.example"] == table_of(tmp_path, data.encode(), columns=["email"]).column("email")


def test_only_the_first_50_rows_are_looked_at_unless_told(tmp_path):
    data = ("note\n" * 50 + f"url,n\n{URLS[0]},1\n").encode()

    with pytest.raises(ColumnNotFoundError, match=r"no column 'url'; it has 'note'"):
        table_of(tmp_path, data, columns=["url"]).column("url")
    assert [URLS[0]] == table_of(tmp_path, data, header_row=51).column("url")
    assert [URLS[0]] == table_of(tmp_path, data[5:], columns=["url"]).column("url")


def test_a_row_of_people_is_never_taken_for_the_header(tmp_path):
    data = f"id,what\n1,url\n2,{URLS[0]}\nurl,{URLS[1]}\n".encode()

    with pytest.raises(ColumnNotFoundError, match="has no column 'link'"):
        table_of(tmp_path, data, columns=["link"]).column("link")
    assert ["url", URLS[0], URLS[1]] == table_of(tmp_path, data, columns=["what"]).column("what")


@pytest.mark.parametrize(("row", "words"), [(9, "has no line 9"), (3, "Line 3 of in.csv is empty")])
def test_a_header_row_that_names_nothing_is_refused(tmp_path, row, words):
    with pytest.raises(TableError, match=words):
        table_of(tmp_path, EXPORT.encode(), header_row=row)


def test_a_long_cell_below_makes_no_title_of_the_header(tmp_path):
    data = f'id,url\n1,"one\na,b,c,d\n{URLS[0]}"\n2,{URLS[1]}\n'

    assert ["id", "url"] == table_of(tmp_path, data.encode()).columns


@pytest.mark.parametrize("asked", [{"columns": ["url"]}, {"header_row": 3}, {}])
def test_title_rows_of_a_sheet(tmp_path, asked):
    book = openpyxl.Workbook()
    for row in (["Leads of March"], [], ["id", "url", "n"], [1, URLS[0], 2], ["0012", URLS[1], 3]):
        book.active.append(row)
    book.active.merge_cells("A1:C1")
    book.save(tmp_path / "in.xlsx")

    table = read_table(tmp_path / "in.xlsx", **asked)

    assert (["id", "url", "n"], URLS, [1, "0012"]) == (table.columns, table.column("url"), table.column("id"))
    assert "3 of in.xlsx is its header" in table.reading_notes[0]
    assert [] == table.writing_notes(tmp_path / "out.xlsx")
    assert "left out" in table.writing_notes(tmp_path / "out.csv")[0]
    table.write(tmp_path / "out.xlsx", {"new": ["x", "y"]})
    out = [list(row) for row in openpyxl.load_workbook(tmp_path / "out.xlsx").active.iter_rows(values_only=True)]
    assert [["Leads of March"], ["id", "url", "n", "new"]] == [out[0][:1], out[2]]


# sep= -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", ["sep={}", '"sep={}"', "SEP={}", "sep={0}{0}"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", "#", "¦"])
@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16"])
def test_sep_is_obeyed_and_kept(tmp_path, line, delimiter, codec):
    own = [line.format(delimiter), delimiter.join(["id", "url"]), delimiter.join(["1", URLS[0]])]
    table = table_of(tmp_path, "\r\n".join([*own, ""]).encode(codec))

    assert ["id", "url"] == table.columns
    assert [] == table.reading_notes
    table.write(tmp_path / "out.csv", {"new": ["x"]})
    expected = [own[0], own[1] + f'{delimiter}"new"', own[2] + f'{delimiter}"x"', ""]
    assert "\r\n".join(expected).encode(codec) == (tmp_path / "out.csv").read_bytes()
    again = read_table(tmp_path / "out.csv")
    assert ["x"] == again.column("new")


def test_sep_does_not_stay_where_it_would_be_wrong(tmp_path):
    table_of(tmp_path, f"sep=;\nid;url\n1;{URLS[0]}\n".encode()).write(tmp_path / "out.tsv", {"new": ["x"]})

    assert f'"id"\t"url"\t"new"\n"1"\t"{URLS[0]}"\t"x"\n' == (tmp_path / "out.tsv").read_text()


def test_what_is_said_goes_before_sep(tmp_path):
    assert ["a|b"] == table_of(tmp_path, b"sep=|\na|b\n1\n", delimiter=",").columns


# No header ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", ["name", "Köln", "", '"two\nlines"'])
def test_no_header_is_read_and_none_is_written(tmp_path, first):
    data = f"{first},{URLS[0]},1\nb,{URLS[1]},2,\n"
    table = table_of(tmp_path, data.encode(), has_header=False)

    assert (URLS, 2) == (table.column("2"), table.n_rows)
    assert ["column_1", "column_2", "column_3", "column_4"] == table.columns
    assert [] == table.reading_notes
    assert f'{first},{URLS[0]},1,,"x"\nb,{URLS[1]},2,,"y"\n' == written(table, tmp_path)


@pytest.mark.parametrize("out", ["out.tsv", "out.xlsx", "out.parquet", "out.jsonl", "out.json"])
def test_no_header_in_other_kinds(tmp_path, out):
    table = table_of(tmp_path, f"x,{URLS[0]}\ny,{URLS[1]}\n".encode(), has_header=False)

    table.write(tmp_path / out, {"new": ["p", "q"]})

    is_named_by_value = not out.endswith((".tsv", ".xlsx"))
    found = read_table(tmp_path / out, has_header=is_named_by_value)
    assert (URLS, ["p", "q"]) == (found.column("2"), found.column("3"))
    assert is_named_by_value == ("new" in found.columns)


def test_no_header_in_a_sheet(tmp_path):
    book = openpyxl.Workbook()
    for row in (["a", "b"], [1, URLS[0], "more"]):
        book.active.append(row)
    book.save(tmp_path / "in.xlsx")

    table = read_table(tmp_path / "in.xlsx", has_header=False)

    assert (["a", 1], ["b", URLS[0]]) == (table.column("1"), table.column("2"))
    assert ["column_1", "column_2", "column_3"] == table.columns


@pytest.mark.parametrize("asked", [{"has_header": False}, {"header_row": 2}])
@pytest.mark.parametrize("name", ["in.jsonl", "in.json", "in.parquet"])
def test_what_names_each_value_has_no_header_to_tell_of(tmp_path, name, asked):
    table_of(tmp_path, b"a\n1\n").write(tmp_path / name, {"n": [1]})

    with pytest.raises(TableError, match="no header to tell of"):
        read_table(tmp_path / name, **asked)


# Numbers --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["in.csv", "in.xlsx"])
def test_a_name_twice_is_picked_by_number(tmp_path, name):
    rows = [["url", "url", "id"], [URLS[0], "x", "1"], [URLS[1], "y", "2"]]
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(tmp_path / "in.xlsx")
    (tmp_path / "in.csv").write_text("".join(",".join(row) + "\n" for row in rows), encoding="utf-8")

    table = read_table(tmp_path / name)

    assert (URLS, ["x", "y"]) == (table.column("1"), table.column("2"))
    assert ("1", "id") == (table.named("1"), table.named("3"))
    assert {"1": URLS, "2": ["x", "y"], "id": ["1", "2"]} == table.sample(9)
    with pytest.raises(TableError, match=r"2 columns 'url'(?s:.*)--column 1"):
        table.column("url")


def test_a_name_goes_before_a_number(tmp_path):
    table = table_of(tmp_path, b"2,1,x\na,b,c\n")

    assert (["a"], ["b"], ["c"]) == (table.column("2"), table.column("1"), table.column("3"))
    for wrong in ("4", "0", "-1", "1.0", "²", ""):
        with pytest.raises(ColumnNotFoundError, match="has no column"):
            table.column(wrong)
