"""``crust_enrich`` in the SQL of DuckDB: one purchase for each query, never one for each row.

Relations need none of this: :func:`crustframe.enrich` takes and gives them.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Unpack

from crustframe.columns.others import quoted
from crustframe.errors import SettingError
from crustframe.fields import DEFAULT_FIELDS
from crustframe.settings.config import read_age
from crustframe.tables.arrow import require_pyarrow
from crustframe.verbs.enrichment import enrich
from crustframe.verbs.options import SqlOptions
from crustframe.verbs.question import Fields
from crustframe.verbs.signature import takes

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["register"]

_KEY = "crust.key"


@takes(SqlOptions)
def register(
    connection: DuckDBPyConnection,
    fields: Fields = DEFAULT_FIELDS,
    *,
    name: str = "crust_enrich",
    **options: Unpack[SqlOptions],
) -> None:
    """Let a connection say ``FROM crust_enrich('leads', 'linkedin_url', max_credits := 50)``.

    The function returns the table or view of that name with the new columns beside. DuckDB runs Python for values, and
    not for tables, so it is a macro: it collects the distinct values of the column, hands all of them to Python in one
    call, and joins what comes back. Which columns there are is settled here, since a query must know its columns before
    it runs; ``max_credits`` and ``partial`` can be named in each query.

    Registering costs nothing and opens no socket, nor does ``EXPLAIN``, or making a view; a query costs what
    :func:`crustframe.enrich` does. What is paid for is in the ledger at once: the same query again, a view that is read
    twice, and a query after one that failed half-way are answered from there.

    Parameters
    ----------
    connection : duckdb.DuckDBPyConnection
        The macro is temporary: it goes with the connection, and nothing of it is left in a database file.
    fields : str, sequence of str, or mapping of new name to str
        As :func:`crustframe.enrich` takes them.
    name : str
        Of the function; with several names, several sets of fields.
    **options

    Raises
    ------
    FieldError, SettingError
        Something to mend first.

    Examples
    --------
    >>> import crustframe, crustframe.duckdb, duckdb
    >>> connection = duckdb.connect()
    >>> _ = connection.execute("CREATE TABLE leads AS SELECT 'linkedin.com/in/avery-example' AS url")
    >>> with crustframe.sandbox() as sandbox:
    ...     crustframe.duckdb.register(connection, ["crustdata_person_id as id"], client=sandbox.client)
    ...     query = "SELECT \"crust.status\" FROM crust_enrich('leads', 'url', max_credits := 5)"
    ...     connection.sql(query).fetchall()
    [('matched',)]
    """
    pa = require_pyarrow("DuckDB needs")
    if read_age(options["max_age"]) == 0:
        raise SettingError(
            "max_age=0 would buy everybody anew each time that a view is read. Nothing was sent.",
            hint="name an age, such as max_age='1d', or buy anew with crustframe.enrich(..., max_age=0) first.",
        )
    one_at_a_time = threading.Lock()

    def found(keys: Any, **asked: Any) -> Any:
        told = enrich(keys, fields=fields, **{**options, **asked}).frame
        return pa.Table.from_arrays([keys, *told.columns], [_KEY, *told.column_names])

    def people(keys: Any, max_credits: Any, partial: Any) -> Any:
        """Return one list of answers for one list of keys."""
        if len(keys) != 1:
            raise SettingError(
                f"{inside} was called for {len(keys)} rows; it takes a whole column at once. Nothing was sent.",
                hint=f"say FROM {name}('table', 'column').",
            )
        given = {"max_credits": max_credits[0].as_py(), "partial": partial[0].as_py()}
        with one_at_a_time:
            table = found(
                pa.chunked_array([keys.combine_chunks().flatten()], pa.string()),
                **{option: value for option, value in given.items() if value is not None},
            )
        arrays = [column.combine_chunks() for column in table.columns]
        return pa.ListArray.from_arrays([0, len(table)], pa.StructArray.from_arrays(arrays, table.column_names))

    nobody = found(pa.chunked_array([], pa.string()))
    columns = dict(zip(nobody.column_names, connection.from_arrow(nobody).types, strict=True))
    answer = ", ".join(f"{quoted(column)} {kind}" for column, kind in columns.items())
    inside = f"{name}_people"
    if connection.execute("FROM duckdb_functions() WHERE function_name = ?", [inside]).fetchall():
        connection.remove_function(inside)
    create: Any = connection.create_function  # whose stubs want the enumerations
    create(
        inside,
        people,
        ["VARCHAR[]", "DOUBLE", "BOOLEAN"],
        f"STRUCT({answer})[]",
        type="arrow",
        null_handling="special",
        side_effects=True,  # so that no plan makes a constant of it: EXPLAIN would buy
    )
    told = ", ".join(f"answer.{quoted(column)}" for column in columns if column != _KEY)
    connection.execute(f"""
        CREATE OR REPLACE TEMP MACRO {quoted(name)}(source, identifiers, max_credits := NULL, partial := NULL) AS TABLE
        WITH mine AS (
            SELECT *, COLUMNS(lambda own: own = identifiers)::VARCHAR AS "{_KEY}" FROM query_table(source)
        ),
        answers AS MATERIALIZED (
            SELECT unnest({quoted(inside)}((SELECT list(DISTINCT "{_KEY}") FROM mine), max_credits, partial)) AS answer
        )
        SELECT mine.* EXCLUDE ("{_KEY}"), {told}
        FROM mine LEFT JOIN answers ON mine."{_KEY}" IS NOT DISTINCT FROM answer."{_KEY}"
    """)  # noqa: S608
