"""Delimited tables: the user's bytes come back."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
import tracemalloc

import pandas as pd
import pytest
from delimited import table_of, written
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crustframe.errors import ColumnNotFoundError, TableError
from crustframe.tables import Written, read_table

# --- the user's own cells -------------------------------------------------------------------------------------


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("last", [True, False], ids=["ends", "open"])
@pytest.mark.parametrize(
    ("codec", "bom"),
    [("utf-8", b""), ("utf-8", b"\xef\xbb\xbf"), ("utf-16-le", b"\xff\xfe"), ("utf-16-be", b"\xfe\xff")],
)
def test_own_bytes_survive_every_spelling(tmp_path, newline, delimiter, last, codec, bom):
    lines = [
        ["id", '"the ""name"""', "url"],
        ["00731", "NA", " https://a.example "],
        ['"007"', f'"two{newline}lines {delimiter} one cell"', "null"],
        ["1.0", 'say "hi"', '"Zoë 李 😀"'],
    ]
    ending = newline if last else ""
    text = newline.join(delimiter.join(line) for line in lines) + ending
    spliced = newline.join(
        delimiter.join([*line, cell]) for line, cell in zip(lines, ['"n"', '"1"', '""', '"3"'], strict=True)
    )

    table = table_of(tmp_path, bom + text.encode(codec))
    urls = table.column("url")
    table.write(tmp_path / "out.csv", pd.DataFrame({"n": pd.array([1, None, 3], dtype="Int64")}))

    assert ["id", 'the "name"', "url"] == table.columns
    assert [" https://a.example ", "null", "Zoë 李 😀"] == urls
    assert bom + (spliced + ending).encode(codec) == (tmp_path / "out.csv").read_bytes()


CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\r\n"), max_size=8)


SPICY = st.one_of(CELL, st.text('ab ,;|\t"\n\r', max_size=8))


def spelled(cell: str, quote: bool, delimiter: str) -> str:
    if quote or any(mark in cell for mark in '"\r\n' + delimiter) or cell == "":
        return '"' + cell.replace('"', '""') + '"'
    return cell


@st.composite
def tables(draw):
    """Header, rows and delimiter, with every cell's spelling chosen at random."""
    delimiter = draw(st.sampled_from(",;\t|"))
    width = draw(st.integers(1, 4))
    rows = draw(st.lists(st.lists(st.tuples(SPICY, st.booleans()), min_size=width, max_size=width), max_size=6))
    newline = draw(st.sampled_from(["\n", "\r\n"]))
    header = [f"c{i}" for i in range(width)]
    records = [header] + [[spelled(cell, quote, delimiter) for cell, quote in row] for row in rows]
    ending = draw(st.sampled_from([newline, ""]))
    return delimiter, newline, records, ending, [[cell for cell, _ in row] for row in rows]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.data())
def test_without_the_added_cells_the_input_is_back(tmp_path, table, data):
    delimiter, newline, records, ending, values = table
    original = newline.join(delimiter.join(record) for record in records) + ending
    added = [data.draw(st.text(max_size=6)) for _ in values]

    out = written(tmp_path, original.encode(), {"new": added}, delimiter=delimiter).decode()

    position, kept = 0, ""
    for record in records:
        own = delimiter.join(record)
        assert out.startswith(own + delimiter + '"', position)
        position += len(own)
        end = position + len(delimiter) + 1
        while out[end] != '"' or out[end + 1 : end + 2] == '"':
            end += 2 if out[end] == '"' else 1
        following = ending if record is records[-1] else newline
        assert out.startswith(following, end + 1)
        position = end + 1 + len(following)
        kept += own + following
    assert original == kept
    assert len(out) == position
    assert values == [row[:-1] for row in list(csv.reader(io.StringIO(out, newline=""), delimiter=delimiter))[1:]]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tables(), st.data())
def test_overwriting_changes_that_cell_only(tmp_path, table, data):
    delimiter, newline, records, ending, values = table
    original = newline.join(delimiter.join(record) for record in records) + ending
    target = data.draw(st.integers(0, len(records[0]) - 1))
    expected = [records[0]] + [
        ['"x"' if i == target else cell for i, cell in enumerate(record)] for record in records[1:]
    ]

    out = written(
        tmp_path, original.encode(), {f"c{target}": ["x"] * len(values)}, delimiter=delimiter, overwrite_columns=True
    )

    assert newline.join(delimiter.join(record) for record in expected) + ending == out.decode()


@pytest.mark.parametrize(
    "oddity", [b'"ab"c', b'a"b', b'a""', b'"a" ', b' "a', b'"a""', b"'a'", b"\xc2\xa0", b"nul\0nul", b"\x0b\x0c\x1c"]
)
def test_odd_spellings_are_not_tidied(tmp_path, oddity):
    if oddity == b'"a""':
        oddity += b'"'
    out = written(tmp_path, b"a,b\n" + oddity + b",x\nlast,y\n", {"n": [1, 2]})

    assert b'a,b,"n"\n' + oddity + b',x,"1"\nlast,y,"2"\n' == out


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "iso8859-15", "mac-roman", "cp865"])
@pytest.mark.parametrize("out", ["out.csv", "out.tsv"])
def test_an_encoding_that_lacks_characters_gives_way_to_utf_8(tmp_path, encoding, out):
    data = "navn,by\r\nSøren,Århus\r\n".encode(encoding)

    found = written(tmp_path, data, {"n": ["李 ł 😀"]}, encoding=encoding, out=out)

    assert found.startswith(b"\xef\xbb\xbf")
    again = table_of(tmp_path, found, name=out, encoding=encoding)  # the mark says more than a name
    assert [["Søren"], ["Århus"], ["李 ł 😀"]] == [again.column(name) for name in ("navn", "by", "n")]
    assert b"\r\n" in found


@pytest.mark.parametrize(
    ("encoding", "told"),
    [(None, False), ("cp1252", True), ("latin-1", True), ("utf-16", False), ("gb18030", False), ("ascii", True)],
)
def test_another_encoding_is_told_before(tmp_path, encoding, told):
    table = table_of(tmp_path, "a\nx\n".encode("utf-16-le" if encoding == "utf-16" else "ascii"), encoding=encoding)

    assert told == ("UTF-8 with a byte order mark" in " ".join(table.writing_notes(tmp_path / "out.csv")))
    assert [] == table.writing_notes(tmp_path / "out.xlsx")


def test_renamed_columns_keep_their_encoding(tmp_path):
    table = table_of(tmp_path, "navn;by\nSøren;Århus\n".encode("cp1252"), encoding="cp1252")

    table.write_renamed(tmp_path / "out.csv", ["name", "by"])

    assert '"name";by\nSøren;Århus\n'.encode("cp1252") == (tmp_path / "out.csv").read_bytes()


def test_utf_16_named_without_a_mark(tmp_path):
    out = written(tmp_path, "a,b\n1,2\n".encode("utf-16-le"), {"n": [3]}, encoding="utf-16")

    assert 'a,b,"n"\n1,2,"3"\n'.encode("utf-16-le") == out


def test_wrong_encoding_names_line_and_byte(tmp_path):
    with pytest.raises(TableError, match=r"line 50002, byte 100006(?s:.*)--encoding cp1252"):
        table_of(tmp_path, b"name\n" + b"x\n" * 50_000 + b"S\xf8ren\n" + "Zoë\n".encode())
    table = table_of(tmp_path, b"name\n" + b"x\n" * 50_000 + b"S\xf8ren\n", encoding="ascii")
    with pytest.raises(TableError, match=r"not ascii: line 50002, byte 100006"):
        table.column("name")


@pytest.mark.parametrize("encoding", ["klingon", "rot13"])
def test_unusable_encodings_are_refused(tmp_path, encoding):
    with pytest.raises(TableError, match="not an encoding"):
        table_of(tmp_path, b"a\n1\n", encoding=encoding)


# --- delimiters, ragged rows, empty lines ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("a,b,c", ["a", "b", "c"]),
        ("a;b;c", ["a", "b", "c"]),
        ("a\tb", ["a", "b"]),
        ("a|b", ["a", "b"]),
        ("url", ["url"]),
        ("a, b, c", ["a", " b", " c"]),
        ("a; b", ["a", " b"]),
        ('"x,y,z";b', ["x,y,z", "b"]),
        ("Name, first;Name, last;URL", ["Name, first", "Name, last", "URL"]),
        ('"two\nlines";b', ["two\nlines", "b"]),
    ],
)
def test_delimiter_is_seen_in_the_header(tmp_path, header, columns):
    assert columns == table_of(tmp_path, header.encode() + b"\n").columns


def test_delimiter_comes_from_the_suffix_or_the_argument(tmp_path):
    assert ["a,b,c", "d"] == table_of(tmp_path, b"a,b,c\td\n", name="in.tsv").columns
    assert ["a,b", "c"] == table_of(tmp_path, b"a,b:c\n", delimiter=":").columns
    assert ["a,b,c", "d"] == table_of(tmp_path, b"a,b,c\td\n", delimiter="tab").columns
    with pytest.raises(TableError, match="cannot be a delimiter"):
        table_of(tmp_path, b"a\n", delimiter="::")


def test_short_rows_are_filled_up(tmp_path):
    assert b'a,b,c,"n"\n1,,,"1"\n1,2,,"2"\n" ",,,"3"\n' == written(tmp_path, b'a,b,c\n1\n1,2\n" "\n', {"n": [1, 2, 3]})


def test_short_rows_can_be_overwritten(tmp_path):
    out = written(tmp_path, b"a,b,c\n1\n1,2,3\n", {"n": [7, 8], "c": ["x", "y"]}, overwrite_columns=True)

    assert b'a,b,c,"n"\n1,,"x","7"\n1,2,"y","8"\n' == out


def test_long_rows_are_refused_with_their_line(tmp_path):
    table = table_of(tmp_path, b'a,b\n"x\ny",2\n1,2,3\n')

    with pytest.raises(TableError, match=r"Line 4 of in.csv has 3 cells, the header 2(?s:.*)Hint: "):
        table.column("a")


def test_empty_lines_are_people_only_in_a_single_column(tmp_path):
    single = table_of(tmp_path, b"url\nx\n\ny\n", name="single.csv")
    wide = table_of(tmp_path, b"url,b\n\nx,1\n\r\n\ny,2\n\n", name="wide.csv")
    single.write(tmp_path / "s.csv", {"n": [1, 2, 3]})
    wide.write(tmp_path / "w.csv", {"n": [1, 2]})

    assert ["x", "", "y"] == single.column("url")
    assert ["x", "y"] == wide.column("url")
    assert b'url,"n"\nx,"1"\n,"2"\ny,"3"\n' == (tmp_path / "s.csv").read_bytes()
    assert b'url,b,"n"\n\nx,1,"1"\n\r\n\ny,2,"2"\n\n' == (tmp_path / "w.csv").read_bytes()


def test_header_only(tmp_path):
    table = table_of(tmp_path, b"a,b")

    assert [] == table.column("a")
    assert Written(rows=0, columns=3, neutralised=0) == table.write(tmp_path / "o.csv", {"n": []})
    assert b'a,b,"n"' == (tmp_path / "o.csv").read_bytes()


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\na,b\n1,2\n", "Line 1 of in.csv is empty(?s:.*)--header-row"),
        (b"a\0,b\n1,2\n", "NUL"),
        (b"PAR1....", "cannot be read as Parquet"),
        (b"PARE....", "an encrypted Parquet file"),
        (b"\x1f\x8b....", "compressed"),
        (b"\xd0\xcf\x11\xe0....", "old .xls"),
    ],
)
def test_what_is_no_table_is_called_so(tmp_path, data, words):
    with pytest.raises(TableError, match=words):
        table_of(tmp_path, data)


@pytest.mark.parametrize(
    ("body", "line"), [(b'1,"open\nand\non\n', 2), (b'1,2\n"x\ny","z\nand on', 4), (b'1,2\n"', 3), (b'"a""\n', 2)]
)
def test_open_quote_names_the_line_where_it_began(tmp_path, body, line):
    with pytest.raises(TableError, match=f"quote that begins on line {line} of in.csv is never closed"):
        table_of(tmp_path, b"a,b\n" + body).column("a")


@pytest.mark.parametrize("newline", [b"", b"\n"], ids=["one-line", "many-lines"])
def test_giant_cells_are_refused_and_large_ones_are_not(tmp_path, newline):
    chunk = b"x" * 2**20 + newline
    large = table_of(tmp_path, b'a\n"' + chunk * 12 + b'"\n')
    giant = table_of(tmp_path, b'a\nx\n"' + chunk * 40 + b'"\n', name="giant.csv")

    assert 12 * len(chunk) == len(str(large.column("a")[0]))
    with pytest.raises(TableError, match=r"line 3 of giant.csv is larger than 16 MiB"):
        giant.column("a")


def test_a_missing_column_is_answered_with_the_nearest(tmp_path):
    table = table_of(tmp_path, b"Name,LinkedIn URL\nx,y\n")

    with pytest.raises(ColumnNotFoundError, match=r"'Name', 'LinkedIn URL'(?s:.*)did you mean 'LinkedIn URL'"):
        table.column("linkedin url")


def test_the_asked_column_has_one_meaning(tmp_path):
    table = table_of(tmp_path, b"a,a,b\n1,2,3\n")

    assert ["3"] == table.column("b")
    with pytest.raises(TableError, match="2 columns 'a'"):
        table.column("a")


def test_a_column_that_is_there_already_needs_permission(tmp_path):
    table = table_of(tmp_path, b"a,b,b\n1,2,3\n")

    with pytest.raises(TableError, match="has a column 'a' already"):
        table.check(tmp_path / "out.csv", ["a"])
    with pytest.raises(TableError, match="more than one column 'b'"):
        table.write(tmp_path / "out.csv", {"b": ["x"]}, overwrite_columns=True)
    with pytest.raises(TableError, match="Two added columns are named 'n'"):
        table.write(tmp_path / "out.csv", pd.DataFrame([[1, 2]], columns=["n", "n"]))
    assert not (tmp_path / "out.csv").exists()


def test_added_columns_must_fit_the_rows(tmp_path):
    table = table_of(tmp_path, b"a\n1\n2\n")

    with pytest.raises(TableError, match="2 rows, but n has 1"):
        table.write(tmp_path / "out.csv", {"n": [1]})


# --- other kinds, pipes ---------------------------------------------------------------------------------------


def test_another_suffix_writes_every_cell_anew(tmp_path):
    data = b'\xef\xbb\xbfid,t\r\n007,"a,""b"\r\n'

    assert b'\xef\xbb\xbf"id"\t"t"\t"n"\r\n"007"\t"a,""b"\t"1"\r\n' == written(
        tmp_path, data, {"n": [1]}, out="out.tsv"
    )
    assert b'"a","b","n"\n"=1","2","3"\n' == written(tmp_path, b"a\tb\n=1\t2\n", {"n": [3]}, name="in.tsv")
    assert b'a;b;"n"\n1;2;"3"\n' == written(tmp_path, b"a;b\n1;2\n", {"n": [3]})
    assert b'a\tb\t"n"\n1\t2\t"3"\n' == written(tmp_path, b"a\tb\n1\t2\n", {"n": [3]})


def test_rewriting_replaces_columns_too(tmp_path):
    out = written(tmp_path, b"a,b\n1,2\n3\n", {"b": ["x", "y"]}, out="out.tsv", overwrite_columns=True)

    assert b'"a"\t"b"\n"1"\t"x"\n"3"\t"y"\n' == out


def test_stdin_to_stdout(monkeypatch, capsysbinary):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"a;b\r\n1;2")))
    table = read_table("-")

    assert ["2"] == table.column("b")
    table.write("-", {"n": [3]})
    assert b'a;b;"n"\r\n1;2;"3"' == capsysbinary.readouterr().out


def test_a_named_pipe_is_read_once(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = subprocess.Popen([sys.executable, "-c", f"open({str(pipe)!r}, 'w').write('a,b\\n1,2\\n')"])

    table = read_table(pipe)
    writer.wait()

    assert ["1"] == table.column("a")
    assert ["2"] == table.column("b")


def test_a_reader_that_left_is_a_broken_pipe(tmp_path, monkeypatch):
    reading, writing = os.pipe()
    os.close(reading)
    with io.TextIOWrapper(io.FileIO(writing, "w")) as gone:
        monkeypatch.setattr(sys, "stdout", gone)
        with pytest.raises(BrokenPipeError):
            table_of(tmp_path, b"a\n1\n").write("-", {"n": [1]})


# --- size and start-up ----------------------------------------------------------------------------------------


def test_memory_does_not_grow_with_the_file(tmp_path):
    n = 50_000
    row = b"https://linkedin.example/in/%05d," + b"padding " * 25 + b'," 007 "\n'
    data = b"url,pad,id\n" + b"".join(row % i for i in range(n))
    (tmp_path / "in.csv").write_bytes(data)
    added = pd.DataFrame({"n": pd.array(range(n), dtype="Int64"), "t": pd.array(["text"] * n, dtype="string")})
    table = read_table(tmp_path / "in.csv")
    assert len(data) > 10 * 2**20

    tracemalloc.start()
    table.write(tmp_path / "out.csv", added)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert n == table.n_rows
    assert peak < 3 * 2**20


def test_starting_loads_no_heavy_library():
    program = "import sys, crustframe.tables; print({'openpyxl', 'xlsxwriter', 'pyarrow.parquet'} & set(sys.modules))"

    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert "set()" == done.stdout.strip()
