"""``crust_enrich`` in SQL: what a query costs, once, and what it never costs."""

from __future__ import annotations

import duckdb
import pytest

import crustframe
import crustframe.duckdb
from crustframe.errors import FieldError, PartialResultWarning, SettingError

AVERY = "https://www.linkedin.com/in/avery-stone-example"
FIELDS = [
    "basic_profile.name as name",
    "professional_network.connections as connections",
    "skills.professional_network_skills | list as skills",
]
LEADS = [AVERY, "linkedin.com/in/AVERY-stone-example/", "", None, "junk", "linkedin.com/in/blake-stone-example"]


@pytest.fixture
def connection(client):
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE leads (url VARCHAR, n INTEGER)")
        connection.executemany("INSERT INTO leads VALUES (?, ?)", [[url, n] for n, url in enumerate(LEADS)])
        crustframe.duckdb.register(connection, FIELDS, client=client)
        yield connection


def test_a_query_returns_the_table_with_typed_columns_beside(connection, client, sandbox):
    found = connection.sql("FROM crust_enrich('leads', 'url', max_credits := 5) ORDER BY n")
    rows = found.fetchall()

    expected = crustframe.enrich(LEADS, fields=FIELDS, client=client).frame
    assert ["url", "n", "name", "connections", "skills", "crust.status", "crust.confidence_score"] == found.columns
    assert ["VARCHAR", "INTEGER", "VARCHAR", "BIGINT", "VARCHAR[]", "VARCHAR", "DOUBLE"] == [*map(str, found.types)]
    assert list(enumerate(LEADS)) == [(n, url) for url, n, *_ in rows]
    assert expected["crust.status"].tolist() == [row[5] for row in rows]
    assert expected["name"].astype(object).where(expected["name"].notna(), None).tolist() == [row[2] for row in rows]
    assert expected["skills"].iloc[0] == rows[0][4]
    assert (1, 2) == (sandbox.calls, sandbox.credits_spent)


def test_it_is_one_purchase_for_a_query_whatever_the_number_of_rows(connection, sandbox):
    connection.execute(
        "CREATE TABLE many AS SELECT 'linkedin.com/in/lead-' || (n % 30) || '-example' AS url, n FROM range(20000) r(n)"
    )

    statuses = "SELECT \"crust.status\", count(*) FROM crust_enrich('many', 'url', max_credits := 30) GROUP BY ALL"
    assert [("matched", 20_000)] == connection.sql(statuses).fetchall()
    assert (2, 30) == (sandbox.calls, sandbox.credits_spent)


def test_explain_a_view_and_its_columns_ask_for_nothing(connection, sandbox):
    connection.execute("CREATE VIEW enriched AS FROM crust_enrich('leads', 'url')")

    assert connection.sql("EXPLAIN FROM enriched").fetchall()
    assert 7 == len(connection.sql("DESCRIBE enriched").fetchall()) == len(connection.table("enriched").columns)
    assert 0 == sandbox.calls


def test_a_view_that_is_read_again_and_beside_itself_is_paid_for_once(connection, sandbox):
    connection.execute("CREATE VIEW enriched AS FROM crust_enrich('leads', 'url', max_credits := 2)")

    assert [(6,)] == connection.sql("SELECT count(*) FROM enriched a JOIN enriched b USING (n)").fetchall()
    assert 6 == len(connection.sql("FROM enriched").fetchall())
    assert [(1,)] == connection.sql("SELECT 1 FROM enriched LIMIT 1").fetchall()
    assert (1, 2) == (sandbox.calls, sandbox.credits_spent)


def test_what_a_query_paid_for_before_it_failed_is_kept(connection, sandbox):
    connection.execute("CREATE VIEW enriched AS FROM crust_enrich('leads', 'url')")
    with pytest.raises(duckdb.Error, match="too late"):
        connection.sql("SELECT CASE WHEN name IS NOT NULL THEN error('too late') END FROM enriched").fetchall()
    assert 2 == sandbox.credits_spent

    assert 6 == len(connection.sql("FROM enriched").fetchall())
    assert (1, 2) == (sandbox.calls, sandbox.credits_spent)


def test_a_ceiling_is_named_in_the_query_and_never_passed(connection, sandbox):
    with pytest.raises(duckdb.Error, match=r"up to 2 credits; max_credits is 1\. Nothing was sent"):
        connection.sql("FROM crust_enrich('leads', 'url', max_credits := 1)").fetchall()
    assert 0 == sandbox.calls

    with pytest.warns(PartialResultWarning, match="1 not_run"):
        rows = connection.sql("FROM crust_enrich('leads', 'url', max_credits := 1, partial := true)").fetchall()
    assert 1 == sandbox.credits_spent == sum(row[5] == "not_run" for row in rows)


def test_an_empty_table_comes_back_empty(connection, sandbox):
    connection.execute("CREATE TABLE nobody AS FROM leads LIMIT 0")

    assert [] == connection.sql("FROM crust_enrich('nobody', 'url')").fetchall()
    assert 0 == sandbox.calls


def test_a_missing_column_or_table_is_refused(connection, sandbox):
    for table, column in (("leads", "uri"), ("lead", "url")):
        with pytest.raises(duckdb.Error, match=f"'{column}'|{table}"):
            connection.sql(f"FROM crust_enrich('{table}', '{column}')").fetchall()
    assert 0 == sandbox.calls


def test_it_is_registered_anew_and_under_other_names(connection, client, sandbox):
    crustframe.duckdb.register(connection, ["crustdata_person_id as id"], client=client, provenance="none")
    crustframe.duckdb.register(connection, FIELDS[:1], name="who is it", client=client)

    assert ["url", "n", "id"] == connection.sql("FROM crust_enrich('leads', 'url')").columns
    assert "name" in connection.sql("FROM \"who is it\"('leads', 'url')").columns
    assert 0 == sandbox.calls


def test_nothing_of_it_is_left_in_a_database_file(client, tmp_path):
    with duckdb.connect(tmp_path / "mine.duckdb") as connection:
        crustframe.duckdb.register(connection, FIELDS, client=client)
    with duckdb.connect(tmp_path / "mine.duckdb") as connection:
        assert [] == connection.sql("FROM duckdb_functions() WHERE function_name LIKE 'crust%'").fetchall()


def test_what_would_buy_at_every_look_is_refused(connection, client, sandbox):
    with pytest.raises(SettingError, match="each time that a view is read"):
        crustframe.duckdb.register(connection, FIELDS, max_age=0, client=client)
    with pytest.raises(FieldError):
        crustframe.duckdb.register(connection, ["nothing.of_the_kind"], client=client)
    with pytest.raises(duckdb.Error, match=r"it takes a whole column at once\. Nothing was sent"):
        connection.sql("SELECT crust_enrich_people([url], NULL, NULL) FROM leads").fetchall()
    assert 0 == sandbox.calls
