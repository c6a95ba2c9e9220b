"""Encodings that nobody named: seen in the bytes, told, and never taken where the words look wrong."""

from __future__ import annotations

import pytest
from delimited import table_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crustframe.errors import TableError

URL = "https://www.linkedin.com/in/avery-tester-example"
WESTERN = ["Søren", "Peña", "Zürich – West", "O’Brien", "20 €", "“Müller”", "naïve", "João", "À la carte", "«Ça va»"]
OTHERS = [
    ("cp1251", "Иван Петров"),
    ("cp1250", "Łukasz Wójcik, Małgorzata"),
    ("cp932", "山田太郎"),
    ("gb18030", "王小明"),
    ("cp949", "김철수"),
    ("cp1253", "Γιώργος"),
    ("mac_roman", "José Peña"),
    ("cp437", "Müller"),
]


@pytest.mark.parametrize("name", WESTERN)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_words_of_an_older_excel(tmp_path, name, newline):
    data = newline.join(["id;name;url", "1;Avery;x", f"2;{name};{URL}", ""]).encode("cp1252")
    table = table_of(tmp_path, data)

    assert (["Avery", name], ["x", URL]) == (table.column("name"), table.column("url"))
    [told] = table.reading_notes
    assert "is not UTF-8 and is read as cp1252" in told
    assert "--encoding" in told
    assert "UTF-8 with a byte order mark" in table.writing_notes(tmp_path / "out.csv")[0]
    table.write(tmp_path / "out.csv", {"new": ["李", "Ł"]})
    expected = newline.join(['id;name;url;"new"', '1;Avery;x;"李"', f'2;{name};{URL};"Ł"', ""])
    assert expected.encode("utf-8-sig") == (tmp_path / "out.csv").read_bytes()


@pytest.mark.parametrize(("codec", "name"), OTHERS)
def test_words_of_another_encoding_are_not_guessed(tmp_path, codec, name):
    data = f"id;name;url\n1;{name};{URL}\n".encode(codec)

    with pytest.raises(TableError, match=r"not utf-8: line 2, byte \d+(?s:.*)--encoding"):
        table_of(tmp_path, data)
    assert [name] == table_of(tmp_path, data, encoding=codec).column("name")


@pytest.mark.parametrize("where", [0, 1])
def test_damaged_utf8_is_no_other_encoding(tmp_path, where):
    names = ["Zoë".encode(), b"S\xf8ren"]

    with pytest.raises(TableError, match=r"not utf-8: line (2|3), byte"):
        table_of(tmp_path, b"name\n" + names[where] + b"\n" + names[1 - where] + b"\n")


def test_a_stray_byte_far_down_is_found_before_anything_is_read(tmp_path):
    rows = b"x\n" * 900_000

    assert "cp1252" in table_of(tmp_path, b"name\n" + rows + "Søren\n".encode("cp1252")).reading_notes[0]
    with pytest.raises(TableError, match=r"line 900003, byte 1800011"):
        table_of(tmp_path, b"name\n" + rows + "Zoë\n".encode() + b"S\xf8ren\n")


@pytest.mark.parametrize("codec", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("name", ["Avery", "Zoë", "王小明 李华", "一"])
def test_utf16_without_its_mark(tmp_path, codec, name):
    own = f"id\tname\turl\r\n1\t{name}\t{URL}\r\n"
    table = table_of(tmp_path, own.encode(codec))

    assert ([name], [URL]) == (table.column("name"), table.column("url"))
    assert f"is read as {codec}" in table.reading_notes[0]
    table.write(tmp_path / "out.csv", {"new": ["李"]})
    expected = own.replace("url\r\n", 'url\t"new"\r\n').replace(f"{URL}\r\n", f'{URL}\t"李"\r\n')
    assert expected.encode(codec) == (tmp_path / "out.csv").read_bytes()


@pytest.mark.parametrize("codec", ["utf-8-sig", "utf-16", "utf-32"])
def test_a_mark_needs_no_words(tmp_path, codec):
    own = f"id;name\r\n1;Zoë {URL}\r\n"
    table = table_of(tmp_path, own.encode(codec), encoding="cp1252")

    assert ([f"Zoë {URL}"], []) == (table.column("name"), table.reading_notes)
    table.write(tmp_path / "out.csv", {"new": ["李"]})
    assert own.replace("name\r", 'name;"new"\r').replace(f"{URL}\r", f'{URL};"李"\r') == (
        tmp_path / "out.csv"
    ).read_bytes().decode(codec)


def test_zero_bytes_alone_are_no_utf16(tmp_path):
    table = table_of(tmp_path, f"id,url\n1,{URL}\n2\0,x\n".encode())

    assert (["1", "2\0"], []) == (table.column("id"), table.reading_notes)


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters='\r\n"\0\ufeff'), min_size=1))
def test_utf8_is_never_taken_for_anything_else(tmp_path, text):
    table = table_of(tmp_path, f'name\n"{text}"\n'.encode())

    assert ([text], []) == (table.column("name"), table.reading_notes)
