"""Parquet: own columns as Arrow read them, added ones in types of their own, a few rows at a time."""

from __future__ import annotations

import json
from array import array
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import islice
from typing import IO, Any, ClassVar, Final

from crustframe.errors import TableError
from crustframe.people.distinct import DistinctRows, distinct, key_of_values
from crustframe.tables.arrow import filled, replacing_type, require_pyarrow, to_array, type_of
from crustframe.tables.cells import text_of
from crustframe.tables.content import Content, Kind
from crustframe.tables.destination import LeavingSink
from crustframe.tables.placement import Added, Placement, drawn
from crustframe.tables.source import Source

MAGIC: Final = b"PAR1"
_ROWS_AT_ONCE: Final = 2_048
_CELLS_AT_ONCE: Final = 16_384
_ROWS_IN_GROUP: Final = 131_072
_BYTES_IN_GROUP: Final = 32 * 2**20
_BUFFER: Final = 2**20
_CODECS: Final = frozenset({"SNAPPY", "GZIP", "BROTLI", "LZ4", "ZSTD"})


def is_parquet(head: bytes) -> bool:
    """Whether a file that begins with `head` is Parquet."""
    return head.startswith(MAGIC)


class Parquet(Content):
    """A Parquet file, read in pieces of 2,048 rows.

    Parameters
    ----------
    source : Source
        The bytes.

    Attributes
    ----------
    compression : str
        The codec of the first column.
    """

    kind: ClassVar[Kind] = "parquet"

    def __init__(self, source: Source) -> None:
        self._source = source
        with self._file() as file:
            self._schema = file.schema_arrow
            self._n_rows: int = file.metadata.num_rows
            self.compression = _codec(file.metadata)
        self.columns = list(self._schema.names)

    def rows(self) -> Iterator[Sequence[object]]:
        """Yield the cells of every row as Python's own types."""
        with self._file() as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE):
                yield from zip(*map(_cells, batch.columns), strict=True)

    def cells(self, position: int) -> Iterator[object]:
        name = self.columns[position]
        with self._file() as file:
            for batch in file.iter_batches(_ROWS_AT_ONCE, columns=[name]):  # "a.b" brings the b inside an a as well
                yield from _cells(batch.column(batch.schema.get_field_index(name)))

    def distinct(self, positions: Sequence[int], names: Sequence[str]) -> DistinctRows:
        if any(_is_nested(self._schema.field(place).type) for place in positions):
            return super().distinct(positions, names)
        columns = [self._distinct_in(self.columns[place]) for place in positions]
        if len(columns) == 1:
            [(values, codes)] = columns
            return DistinctRows({names[0]: values}, codes)
        found = distinct(names, zip(*(codes for _, codes in columns), strict=True))
        coded: Any = zip(found.columns.items(), columns, strict=True)
        cells = {name: [values[code] for code in codes] for (name, codes), (values, _) in coded}
        return DistinctRows(cells, found.codes)

    def _distinct_in(self, name: str) -> tuple[list[object], array[int]]:
        pa = require_pyarrow()
        codes = array("i")
        values: list[object] = []
        places: dict[Hashable, int] = {}
        with self._file() as file:
            for batch in file.iter_batches(_CELLS_AT_ONCE, columns=[name]):
                column = batch.column(batch.schema.get_field_index(name))
                coded = column.dictionary_encode("encode")
                own = []
                for value in _cells(coded.dictionary):
                    own.append(places.setdefault(key_of_values([value]), len(values)))
                    if own[-1] == len(values):
                        values.append(value)
                taken = pa.array(own, pa.int32()).take(coded.indices)
                codes.frombytes(memoryview(taken.buffers()[1])[: codes.itemsize * len(taken)])
        return values, codes

    def count(self) -> int:
        return self._n_rows

    def extended(self, new: Added, placement: Placement) -> tuple[Any, Iterator[Any]]:
        """Return the schema of the table with the added columns in place, and its record batches."""
        pa = require_pyarrow()
        fields = list(self._schema)
        for position, i in placement.replaced.items():
            kind = replacing_type(fields[position].type, new.columns[i])
            fields[position] = pa.field(fields[position].name, kind)
        fields += [pa.field(new.names[i], type_of(new.columns[i])) for i in placement.appended]
        renaming = {self.columns[position]: None for position in placement.replaced}
        schema = pa.schema(fields, metadata=_metadata(self._schema, renaming))
        return schema, self._extended_batches(schema, new, placement)

    def renamed(self, names: Sequence[str]) -> tuple[Any, Iterator[Any]]:
        """Return the schema under other names, and the record batches as they were."""
        pa = require_pyarrow()
        fields = [field.with_name(name) for field, name in zip(self._schema, names, strict=True)]
        renaming = dict(zip(self.columns, names, strict=True))
        schema = pa.schema(fields, metadata=_metadata(self._schema, renaming))
        return schema, (_batch(batch.columns, schema) for batch in self._batches())

    def _extended_batches(self, schema: Any, new: Added, placement: Placement) -> Iterator[Any]:
        width = len(self.columns)
        places = placement.replaced | {width + n: i for n, i in enumerate(placement.appended)}
        alike = {
            place: to_array(drawn(new.columns[i]), schema.field(place).type)
            for place, i in places.items()
            if new.codes is not None and not new.keeps_some(i)
        }
        rows = new.rows()
        done = 0
        for batch in self._batches():
            columns = [*batch.columns, *([None] * len(placement.appended))]
            if alike:
                codes = _indices(new.codes, done, batch.num_rows)
                for place, values in alike.items():
                    columns[place] = values.take(codes)
            if len(alike) < len(places):
                cells = list(zip(*islice(rows, batch.num_rows), strict=True))
                for place in places.keys() - alike.keys():
                    own, added, kind = columns[place], cells[places[place]], schema.field(place).type
                    columns[place] = to_array(added, kind) if own is None else filled(own, added, kind)
            done += batch.num_rows
            yield _batch(columns, schema)

    def _batches(self) -> Iterator[Any]:
        with self._file() as file:
            yield from (batch for batch in file.iter_batches(_ROWS_AT_ONCE) if batch.num_rows)

    @contextmanager
    def _file(self) -> Iterator[Any]:
        pa = require_pyarrow()
        with self._source.open() as raw:
            try:
                yield pa.parquet.ParquetFile(raw, buffer_size=_BUFFER, pre_buffer=False)
            except TableError:
                raise
            except Exception as error:  # what is damaged, or out of Python's range, fails in many ways
                raise TableError(
                    f"{self._source.name} cannot be read as Parquet: {str(error).partition(chr(10))[0]}. "
                    "Nothing was written.",
                    hint="it may be damaged; make it anew, or save the table as CSV UTF-8.",
                ) from error


def write_batches(sink: IO[bytes], schema: Any, batches: Iterable[Any], *, compression: str = "SNAPPY") -> None:
    """Write record batches as a Parquet file, in row groups of at most 131,072 rows or about 32 MiB.

    Raises
    ------
    OSError
        As it came from `sink`.
    """
    pa = require_pyarrow()
    leaving = LeavingSink(sink)
    try:
        writer = pa.parquet.ParquetWriter(leaving, schema, compression=compression)
        for group in _row_groups(batches):
            writer.write_table(pa.Table.from_batches(group, schema), row_group_size=_ROWS_IN_GROUP)
        writer.close()
    finally:
        leaving.is_gone = True


def typed_batches(schema: Any, rows: Iterable[Sequence[object]]) -> Iterator[Any]:
    """Yield rows of any origin as record batches."""
    drawn = iter(rows)
    while chunk := list(islice(drawn, _ROWS_AT_ONCE)):
        columns = zip(*chunk, strict=True)
        yield _batch([to_array(cells, field.type) for cells, field in zip(columns, schema, strict=True)], schema)


def _row_groups(batches: Iterable[Any]) -> Iterator[list[Any]]:
    group: list[Any] = []
    n_rows = n_bytes = 0
    for batch in batches:
        group.append(batch)
        n_rows += batch.num_rows
        n_bytes += batch.nbytes
        if n_rows >= _ROWS_IN_GROUP or n_bytes >= _BYTES_IN_GROUP:
            yield group
            group, n_rows, n_bytes = [], 0, 0
    if group:
        yield group


def _batch(columns: Iterable[Any], schema: Any) -> Any:
    fitting = [
        column if column.type == field.type else column.cast(field.type)
        for column, field in zip(columns, schema, strict=True)
    ]
    return require_pyarrow().RecordBatch.from_arrays(fitting, schema=schema)


def _is_nested(kind: Any) -> bool:
    types = require_pyarrow().types
    found: bool = types.is_nested(kind) or types.is_null(kind) or types.is_dictionary(kind)
    return found


def _indices(codes: Any, start: int, n: int) -> Any:
    """Return some of the codes as an array, without a copy."""
    pa = require_pyarrow()
    return pa.Array.from_buffers(pa.int32(), n, [None, pa.py_buffer(memoryview(codes)[start : start + n])])


def _cells(column: Any) -> list[object]:
    values: list[object] = column.to_pylist()
    return [text_of(value) if isinstance(value, bytes) else value for value in values]


def _codec(metadata: Any) -> str:
    if metadata.num_row_groups == 0 or metadata.num_columns == 0:
        return "SNAPPY"
    found: str = metadata.row_group(0).column(0).compression
    return found if found in _CODECS else "NONE"


def _metadata(schema: Any, renaming: Mapping[str, str | None]) -> dict[bytes, bytes] | None:
    """Return the metadata of a schema, with what pandas noted there about renamed and, ``None``, replaced columns."""
    found: dict[bytes, bytes] | None = schema.metadata
    if not found or b"pandas" not in found:
        return found
    try:
        noted = json.loads(found[b"pandas"])
        noted["columns"] = [_noted(column, renaming) for column in noted["columns"] if _stays(column, renaming)]
        noted["index_columns"] = [
            renaming.get(name) or name if isinstance(name, str) else name for name in noted["index_columns"]
        ]
    except (ValueError, TypeError, KeyError):  # not written by pandas itself
        return found
    return {**found, b"pandas": json.dumps(noted).encode()}


def _stays(column: dict[str, Any], renaming: Mapping[str, str | None]) -> bool:
    return renaming.get(column["field_name"], "") is not None


def _noted(column: dict[str, Any], renaming: Mapping[str, str | None]) -> dict[str, Any]:
    now = renaming.get(column["field_name"]) or column["field_name"]
    return {**column, "field_name": now, "name": column["name"] if column["name"] != column["field_name"] else now}
