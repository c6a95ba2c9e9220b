"""Frames of every make: the same rows, values and credits as of pandas, and the same make back."""

from __future__ import annotations

import datetime
import itertools
import warnings
from decimal import Decimal

import duckdb
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from polars.testing import assert_frame_equal

import crustframe
from crustframe.errors import ColumnExistsError, ColumnNotFoundError, PartialResultWarning, SettingError

AVERY = "https://www.linkedin.com/in/avery-stone-example"
BLAKE = "linkedin.com/in/blake-stone-example"
NAME, STATUS = "basic_profile.name", "crust.status"
FIELDS = [
    NAME,
    "professional_network.connections",
    "skills.professional_network_skills",
    "experience.employment_details.current.start_date",
    "experience.employment_details.past[*].start_date | list as starts",
]

COLUMNS = {
    "url": [
        AVERY,
        "",
        None,
        "linkedin.com/in/AVERY-stone-example/",
        "junk",
        BLAKE,
        AVERY,
    ],
    "email": ["drew@corp.example", "nobody@corp.example", None, "kit@corp.example", None, None, "x@gmail.com"],
    "n": [7, 7, 9, None, 1, 2, 3],
}

CONNECTION = duckdb.connect()


def _relation(table: pa.Table) -> duckdb.DuckDBPyRelation:
    return CONNECTION.from_arrow(table)


MAKES = {
    "polars": (pl.DataFrame, pl.from_arrow, pl.DataFrame.to_arrow),
    "polars lazy": (pl.LazyFrame, lambda table: pl.from_arrow(table).lazy(), lambda lazy: lazy.collect().to_arrow()),
    "arrow": (pa.Table, lambda table: table, lambda table: table),
    "arrow in pieces": (
        pa.Table,
        lambda table: pa.concat_tables([table[:2], table[2:2], table[2:]]),
        lambda table: table,
    ),
    "arrow batch": (
        pa.RecordBatch,
        lambda table: pa.RecordBatch.from_arrays([c.combine_chunks() for c in table.columns], schema=table.schema),
        lambda batch: pa.Table.from_batches([batch]),
    ),
    "arrow reader": (pa.RecordBatchReader, pa.Table.to_reader, pa.RecordBatchReader.read_all),
    "duckdb": (duckdb.DuckDBPyRelation, _relation, duckdb.DuckDBPyRelation.to_arrow_table),
}


@pytest.fixture(params=MAKES)
def make(request):
    """Make a frame of Arrow, and read one back; it is of the kind that was made."""
    kind, made, read = MAKES[request.param]

    class Make:
        name = request.param

        def __call__(self, columns: object) -> object:
            return made(columns if isinstance(columns, pa.Table) else pa.table(columns))

        def read(self, frame: object) -> pa.Table:
            assert isinstance(frame, kind)
            return read(frame)

    return Make()


@pytest.fixture
def ask(sandbox, tmp_path):
    """Ask with a ledger of its own; return what came and what it cost."""

    def ask(number, verb, *arguments, **how):
        with sandbox.make_client(ledger=tmp_path / f"{number}.sqlite3") as client:
            before = sandbox.credits_spent
            found = verb(*arguments, client=client, **how)
            return found, sandbox.credits_spent - before

    return ask


def cells(frame: object) -> dict[str, list[object]]:
    """Return the cells by column, every kind of missing as None."""
    if isinstance(frame, pd.DataFrame):
        found = {name: frame[name].tolist() for name in frame.columns}
    else:
        found = frame.to_pydict()
    return {name: [None if _is_missing(cell) else cell for cell in column] for name, column in found.items()}


def _is_missing(cell: object) -> bool:
    return not isinstance(cell, list) and pd.isna(cell)


def told(report: object) -> dict[str, object]:
    of_this_run = {"seconds", "request_ids"}
    return {name: said for name, said in report.to_dict().items() if name not in of_this_run}


OPTIONS = {
    "plain": {},
    "full": {"provenance": "full"},
    "no remarks": {"provenance": "none"},
    "lists": {"lists": "list"},
    "limit": {"limit": 1},
    "verdict": {"min_verdict": "accept", "provenance": "full"},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_rows_values_and_credits_are_those_of_pandas(make, ask, options):
    for column in ("url", ["url", "email"], ["email", "url"]):
        theirs, paid = ask(f"theirs {column}", crustframe.enrich, pd.DataFrame(COLUMNS), column, FIELDS, **options)
        ours, paid_too = ask(f"ours {column}", crustframe.enrich, make(COLUMNS), column, FIELDS, **options)

        expected, found = cells(theirs.frame), cells(make.read(ours.frame))
        for of_a_run in ("crust.fetched_at", "crust.request_id"):
            assert [cell is None for cell in expected.pop(of_a_run, [])] == [c is None for c in found.pop(of_a_run, [])]
        assert list(expected) == list(found)
        assert expected == found
        assert told(theirs.report) == told(ours.report)
        assert paid == paid_too > 0
        assert cells(theirs.matches) == cells(make.read(ours.matches))


def test_rows_go_on_to_their_next_cell_as_in_pandas(make, ask):
    columns = {
        "email": ["nobody@corp.example", "nobody@corp.example", "drew@corp.example", "nobody@corp.example", None],
        "url": [AVERY, BLAKE, AVERY, AVERY, ""],
    }
    how = {"fallback": True, "provenance": "full"}
    theirs, paid = ask(1, crustframe.enrich, pd.DataFrame(columns), ["email", "url"], [NAME], **how)
    ours, paid_too = ask(2, crustframe.enrich, make(columns), ["email", "url"], [NAME], **how)

    expected, found = cells(theirs.frame), cells(make.read(ours.frame))
    for name in (NAME, STATUS, "crust.identifier"):
        assert expected[name] == found[name]
    assert told(theirs.report) == told(ours.report)
    assert 3 == paid == paid_too


def test_plans_are_those_of_pandas_and_free(make, ask, sandbox):
    for verb, column in itertools.product([crustframe.plan, crustframe.plan_contacts], ["url", ["email", "url"]]):
        theirs, _ = ask(1, verb, pd.DataFrame(COLUMNS), column)
        ours, _ = ask(2, verb, make(COLUMNS), column)

        assert str(theirs) == str(ours)
        assert (theirs.rows, theirs.blank, theirs.invalid) == (ours.rows, ours.blank, ours.invalid)
    assert 0 == sandbox.calls


@pytest.fixture
def quick():
    """A sandbox whose jobs are done at once."""
    with crustframe.sandbox(requests_per_minute=None, job_seconds=0.05) as sandbox:
        yield sandbox


def test_contacts_are_those_of_pandas(make, quick, tmp_path):
    came = []
    for number, data in enumerate((pd.DataFrame(COLUMNS), make(COLUMNS))):
        with quick.make_client(ledger=tmp_path / f"{number}.sqlite3") as client:
            before = quick.credits_spent
            found = crustframe.contacts(data, "url", client=client)
        frame = make.read(found.frame) if number else found.frame
        came.append((cells(frame), told(found.report), quick.credits_spent - before))

    assert came[0] == came[1]
    assert came[0][2] > 0


def test_what_changed_comes_as_the_same_make(make, ask):
    found, _ = ask(1, crustframe.changes, make(COLUMNS), "url")

    assert ["identifier", "path", "old", "new", "changed_at"] == make.read(found).column_names


# Types --------------------------------------------------------------------------------------------------------------

TYPES = {
    NAME: pa.string(),
    "professional_network.connections": pa.int64(),
    "skills.professional_network_skills": pa.list_(pa.string()),
    "experience.employment_details.current.start_date": pa.timestamp("us", "UTC"),
    "starts": pa.list_(pa.timestamp("us", "UTC")),
    STATUS: pa.string(),
    "crust.confidence_score": pa.float64(),
}


def _plain(kind: pa.DataType) -> str:
    """Return a type by name: Polars and DuckDB call strings large ones, elements l, and UTC otherwise."""
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return f"list of {_plain(kind.value_type)}"
    if pa.types.is_timestamp(kind):
        return f"time in {kind.unit}, {'aware' if kind.tz else 'naive'}"
    return str(kind).removeprefix("large_").removesuffix("_view")


def test_new_columns_have_the_types_of_the_schema_whatever_is_in_them(make, client, sandbox):
    for rows in ([], ["", None], [AVERY]):
        frame = make({"url": pa.array(rows, pa.string())})

        found = make.read(crustframe.enrich(frame, "url", FIELDS, lists="list", client=client).frame)

        assert {name: _plain(kind) for name, kind in TYPES.items()} == {
            name: _plain(found.schema.field(name).type) for name in TYPES
        }
        assert len(rows) == found.num_rows
        assert (1 if AVERY in rows else 0) == sandbox.calls == sandbox.credits_spent


OWN = pa.table(
    {
        "url": pa.array([AVERY, None, AVERY], pa.string()).dictionary_encode(),
        "int8": pa.array([1, None, 3], pa.int8()),
        "decimal": pa.array([Decimal("1.50"), None, Decimal("-2.25")], pa.decimal128(9, 2)),
        "day": pa.array([datetime.date(2026, 1, 2), None, None]),
        "time": pa.array([1, 2, None], pa.timestamp("us", "UTC")),
        "list": pa.array([[1], [], None], pa.list_(pa.int64())),
        "struct": pa.array([{"a": 1}, None, {"a": 2}], pa.struct([("a", pa.int64())])),
        "bytes": pa.array([b"\xff", b"", None], pa.binary()),
        "nan": pa.array([float("nan"), None, 1.5]),
        "category": pa.array(["b", None, "a"]).dictionary_encode(),
    }
)


def test_the_users_own_columns_stay_as_they_are(make, client):
    before = make.read(make(OWN))

    found = make.read(crustframe.enrich(make(OWN), "url", [NAME], client=client).frame)

    assert before.schema == found.select(before.column_names).schema
    assert str(before.to_pydict()) == str(found.select(before.column_names).to_pydict())
    assert ["matched", "blank", "matched"] == found[STATUS].to_pylist()


def test_categories_and_enumerations_of_polars_stay(client):
    frame = pl.DataFrame(
        {"url": [AVERY, None], "c": ["x", "y"], "e": ["x", None], "o": [object(), 1]},
        schema={"url": pl.Categorical, "c": pl.Categorical, "e": pl.Enum(["y", "x"]), "o": pl.Object},
    )

    found = crustframe.enrich(frame, "url", [NAME], client=client).frame

    assert frame.schema == found.select(frame.columns).schema
    assert_frame_equal(frame.drop("o"), found.select("url", "c", "e"))
    assert ["matched", "blank"] == found[STATUS].to_list()


def test_a_column_of_python_objects_is_read(client):
    frame = pl.DataFrame({"url": pl.Series([AVERY, 5, None], dtype=pl.Object)})

    assert ["matched", "invalid", "blank"] == crustframe.enrich(frame, "url", [NAME], client=client).frame[
        STATUS
    ].to_list()


@pytest.mark.parametrize(
    "column", [[[AVERY], None], [{"a": AVERY}, None], [1, None], [1.5, float("nan")], [b"x", None]]
)
def test_a_column_that_is_no_text_names_nobody(make, client, sandbox, column):
    with pytest.warns(PartialResultWarning, match="refused: 1"):
        found = crustframe.enrich(make({"url": column}), "url", [NAME], client=client)

    assert ["invalid", "blank"] == make.read(found.frame)[STATUS].to_pylist()
    assert 0 == sandbox.calls


def test_arrow_keeps_its_metadata_and_names_that_stand_twice(client):
    table = pa.Table.from_arrays([pa.array([AVERY]), pa.array([1]), pa.array([2])], ["url", "n", "n"])
    table = table.replace_schema_metadata({"of": "mine"})

    found = crustframe.enrich(table, "url", [NAME], client=client).frame

    assert ["url", "n", "n", NAME, STATUS, "crust.confidence_score"] == found.column_names
    assert ([1], [2]) == (found[1].to_pylist(), found[2].to_pylist())
    assert {b"of": b"mine"} == found.schema.metadata


def test_duckdb_keeps_its_types_names_that_stand_twice_and_its_connection(client):
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE other AS SELECT 1 AS one")
        relation = connection.sql(
            f"""SELECT '{AVERY}' AS url, 1 AS n, 2 AS n, 'x'::ENUM('x', 'y') AS e, 3::HUGEINT AS h, 4::UHUGEINT AS u,
            '101'::BIT AS b, uuid '00000000-0000-0000-0000-000000000001' AS id, '10:00:00+01'::TIMETZ AS at,
            interval '1 day 2 hours' AS i, map {{'k': 1}} AS m, [1]::INT[1] AS a, '{{"k": 1}}'::JSON AS j,
            1.5::DECIMAL(5, 2) AS d, 'a'::BLOB AS raw, 7 AS "odd ""name" """
        )
        found = crustframe.enrich(relation, "url", [NAME], client=client).frame
        width = len(relation.columns)

        assert [*relation.columns, NAME, STATUS, "crust.confidence_score"] == found.columns
        assert relation.types == found.types[:width]
        assert relation.fetchall()[0] == found.fetchall()[0][:width]
        assert [(1,)] == found.query("found", "SELECT one FROM found, other").fetchall()
        again = crustframe.enrich(found, "url", [NAME], client=client).frame
        assert found.columns == again.columns
        assert found.fetchall() == again.fetchall()


def test_frames_derived_from_those_of_pandas_stay_what_they_are(client):
    class Mine(pd.DataFrame):
        @property
        def _constructor(self):
            return Mine

    found = crustframe.enrich(Mine({"url": [AVERY]}, index=[9]), "url", [NAME], client=client).frame

    assert isinstance(found, Mine)
    assert [9] == found.index.tolist()


def test_a_table_of_duckdb_with_a_name_of_ours_is_not_mistaken(client):
    with duckdb.connect() as connection:
        for name in ("answers", "mine", "made", "rows", "crust"):
            connection.execute(f"CREATE TABLE {name} AS SELECT '{AVERY}' AS url, 5 AS n")
            found = crustframe.enrich(connection.table(name), "url", [NAME], client=client).frame
            assert [(AVERY, 5, "Avery Stone", "matched")] == [row[:4] for row in found.fetchall()]


# Rows and their order -----------------------------------------------------------------------------------------------


def test_many_rows_come_back_in_their_order_each_with_its_own_person(make, client, sandbox):
    people = [f"linkedin.com/in/lead-{number}-example" for number in range(40)]
    rows = [people[number * number % 41 - 1] if number % 3 else None for number in range(30_000)]
    known = crustframe.enrich(people, fields=["crustdata_person_id as id"], client=client).frame["id"].tolist()
    by_person = dict(zip(people, known, strict=True)) | {None: None}

    found = make.read(
        crustframe.enrich(
            make({"url": rows, "row": range(30_000)}), "url", ["crustdata_person_id as id"], client=client
        ).frame
    )

    assert list(range(30_000)) == found["row"].to_pylist()
    assert [by_person[row] for row in rows] == found["id"].to_pylist()
    assert 40 == sandbox.credits_spent


def test_a_reader_is_read_once_and_a_lazy_frame_is_collected_once(client):
    reads = []

    def batches():
        reads.append("reader")
        yield from pa.table({"url": [AVERY]}).to_batches()

    def seen(frame: pl.DataFrame) -> pl.DataFrame:
        reads.append("lazy")
        return frame

    reader = pa.RecordBatchReader.from_batches(pa.schema([("url", pa.string())]), batches())
    lazy = pl.LazyFrame({"url": [AVERY]}).map_batches(seen)
    for frame in (reader, lazy):
        found = crustframe.enrich(frame, ["url"], [NAME], provenance="full", client=client)
        assert (1, 0) == (found.report.statuses["matched"], found.report.statuses["blank"])

    assert ["reader", "lazy"] == reads


@pytest.mark.parametrize(
    "series",
    [
        pl.Series("url", [AVERY, None, "junk", AVERY]),
        pl.Series("url", [AVERY, None, "junk", AVERY], dtype=pl.Categorical),
        pa.chunked_array([[AVERY, None], ["junk", AVERY]]),
        pa.array([AVERY, None, "junk", AVERY]),
        pa.array([AVERY, None, "junk", AVERY]).dictionary_encode(),
    ],
    ids=["polars", "polars category", "arrow chunks", "arrow", "arrow dictionary"],
)
def test_a_series_becomes_a_frame_of_its_make(client, sandbox, series):
    found = crustframe.enrich(series, fields=[NAME], client=client)

    assert isinstance(found.frame, pl.DataFrame if isinstance(series, pl.Series) else pa.Table)
    table = found.frame.to_arrow() if isinstance(series, pl.Series) else found.frame
    assert [NAME, STATUS, "crust.confidence_score"] == table.column_names
    assert ["matched", "blank", "invalid", "matched"] == table[STATUS].to_pylist()
    assert (4, 1) == (found.report.rows, sandbox.credits_spent)
    assert 1 == len(crustframe.matches(series, fields=[NAME], client=client))


# A frame that has the columns already -------------------------------------------------------------------------------

HALF = {
    "url": [AVERY, BLAKE, AVERY, None],
    NAME: ["mine", None, "", None],
    STATUS: ["matched", "failed", "matched", "blank"],
    "n": [1, 2, 3, 4],
}


def test_only_some_rows_are_looked_up_and_other_cells_stay(make, ask):
    for only in ("missing", "failed", "stale"):
        fields = [NAME, "professional_network.connections as connections"] if only == "stale" else [NAME]
        theirs, paid = ask(f"theirs {only}", crustframe.enrich, pd.DataFrame(HALF), "url", fields, only=only)
        ours, paid_too = ask(f"ours {only}", crustframe.enrich, make(HALF), "url", fields, only=only)

        assert cells(theirs.frame) == cells(make.read(ours.frame))
        assert told(theirs.report) == told(ours.report)
        assert paid == paid_too > 0


def test_only_leaves_the_users_own_cells_and_widens_a_type_that_is_too_narrow(client):
    frame = pl.DataFrame(
        {"url": [AVERY, AVERY], NAME: ["mine", None], "crustdata_person_id": [5, None]},
        schema_overrides={NAME: pl.Categorical, "crustdata_person_id": pl.Int32},
    )
    found = crustframe.enrich(frame, "url", [NAME, "crustdata_person_id"], only="missing", client=client).frame

    assert ["mine", "Avery Stone"] == found[NAME].to_list()
    assert 5 == found["crustdata_person_id"][0] != found["crustdata_person_id"][1]
    assert pl.Int64 == found.schema["crustdata_person_id"]  # Int32 is too narrow for the new one


def test_a_frame_that_is_asked_again_is_the_same_and_free(make, client, sandbox):
    once = make.read(crustframe.enrich(make(COLUMNS), "url", [NAME], provenance="full", client=client).frame)
    spent = sandbox.credits_spent
    again = make.read(crustframe.enrich(make(once), "url", [NAME], client=client).frame)

    assert ["url", "email", "n", NAME, STATUS, "crust.confidence_score"] == again.column_names
    assert once.select(again.column_names).to_pydict() == again.to_pydict()
    assert 2 == spent == sandbox.credits_spent


def test_a_column_of_the_users_own_is_replaced_in_its_place_or_refused(make, client, sandbox):
    frame = {"url": [AVERY], "id": ["mine"], "n": [1]}
    with pytest.raises(ColumnExistsError, match=r"'id' already\. Nothing was sent"):
        crustframe.enrich(make(frame), "url", ["crustdata_person_id as id"], client=client)
    assert 0 == sandbox.calls

    found = crustframe.enrich(make(frame), "url", ["crustdata_person_id as id"], overwrite=True, client=client)

    table = make.read(found.frame)
    assert ["url", "id", "n", STATUS, "crust.confidence_score"] == table.column_names
    assert pa.int64() == table.schema.field("id").type


# Words --------------------------------------------------------------------------------------------------------------


def test_a_missing_column_is_refused_in_the_same_words(make, client, sandbox):
    for column in (None, "uri", ["url", "mail"], []):
        said = []
        for frame in (pd.DataFrame(COLUMNS), make(COLUMNS)):
            with pytest.raises((ColumnNotFoundError, SettingError)) as raised:
                crustframe.enrich(frame, column, [NAME], client=client)
            said.append((type(raised.value), str(raised.value)))

        assert said[0] == said[1]
    assert 0 == sandbox.calls


def test_a_column_that_names_nobody_is_told_in_the_same_words(make, client):
    columns = {"name": ["Avery", "Blake", "Avery", None], "url": [AVERY, None, AVERY, None]}
    said = []
    for frame in (pd.DataFrame(columns), make(columns)):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            crustframe.enrich(frame, "name", [NAME], client=client)
        said.append([str(warning.message) for warning in caught])

    assert said[0] == said[1]
    assert "column 'url' holds 2 profile URLs" in said[1][0]


# Polars: the namespace ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [pl.DataFrame, pl.LazyFrame])
def test_frames_of_polars_have_a_crust(quick, kind):
    client = quick.client
    frame = kind({"url": [AVERY, None]})

    assert 1 == frame.crust.plan("url", [NAME], client=client).n_new
    found = frame.crust.enrich("url", [NAME], client=client)
    matches = frame.crust.matches("url", [NAME], client=client)
    reached = frame.crust.contacts("url", "phone_numbers", client=client)

    assert {kind} == {type(found), type(matches), type(reached), type(frame.crust.changes("url", client=client))}
    assert ["Avery Stone", None] == found.lazy().collect()[NAME].to_list()
    assert ["Avery Stone"] == matches.lazy().collect()[NAME].to_list()
    assert ["url", "phone_number", "phone_numbers", STATUS] == reached.lazy().collect().columns
    assert 0 == frame.crust.plan_contacts("url", "phone_numbers", client=client).n_new


def test_series_of_polars_have_a_crust(quick):
    client = quick.client
    series = pl.Series("url", [AVERY, None])

    assert 1 == series.crust.plan([NAME], client=client).n_new
    assert ["Avery Stone", None] == series.crust.enrich([NAME], client=client)[NAME].to_list()
    assert ["Avery Stone"] == series.crust.matches([NAME], client=client)[NAME].to_list()
    assert 2 == len(series.crust.contacts("phone_numbers", client=client))
