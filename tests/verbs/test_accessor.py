"""``df.crust`` and ``series.crust``: one set of keywords, and a frame that comes back as it was, plus columns."""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable

import pandas as pd
import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal, assert_index_equal

import crustframe
from crustframe.errors import ColumnExistsError, ColumnNotFoundError, ConfigurationError
from crustframe.shell.cli import app
from crustframe.verbs.accessor import DataFrameCrust, SeriesCrust

AVERY = "https://www.linkedin.com/in/avery-stone-example"
BLAKE = "https://www.linkedin.com/in/blake-stone-example"
NAME = "basic_profile.name"
STATUS = "crust.status"
NEW = [NAME, STATUS, "crust.confidence_score"]

# Keywords -------------------------------------------------------------------------------------------------------


def keywords(function: Callable[..., object], *without: str) -> dict[str, object]:
    """Names and defaults, without the data themselves."""
    parameters = inspect.signature(function).parameters
    assert not [p for p in parameters.values() if p.kind in {p.VAR_KEYWORD, p.VAR_POSITIONAL}]
    return {name: p.default for name, p in parameters.items() if name not in {"self", "data", "column", *without}}


def options(command: str) -> dict[str, object]:
    """Options of a command of the shell by the keyword that each stands for, with their defaults."""
    click_command = typer.main.get_command(app).commands[command]
    found = {}
    for parameter in click_command.params:
        if parameter.param_type_name == "option":
            long = max((text for text in parameter.opts if text.startswith("--")), key=len)
            found[long.removeprefix("--").replace("-", "_")] = parameter.default
    return found


def test_the_accessor_of_a_frame_takes_the_keywords_of_enrich():
    assert keywords(crustframe.enrich) == keywords(DataFrameCrust.enrich)


OF_FRAMES = ("overwrite", "only", "fallback")
"""What concerns other columns of the frame."""


def test_the_accessor_of_a_series_takes_the_keywords_of_enrich_but_for_what_needs_a_frame():
    assert keywords(crustframe.enrich, *OF_FRAMES) == keywords(SeriesCrust.enrich)


def test_a_plan_takes_the_keywords_of_enrich_but_for_what_only_a_run_does():
    without = ("errors", "provenance", "overwrite", "wait", "webhook_url", "chunk_size", "progress")

    assert keywords(crustframe.enrich, *without) == keywords(crustframe.plan, "prices")
    assert keywords(crustframe.plan) == keywords(DataFrameCrust.plan)
    assert keywords(crustframe.plan, "min_verdict", *OF_FRAMES) == keywords(SeriesCrust.plan)


def test_keywords_are_keywords_only():
    for function in (crustframe.enrich, crustframe.plan, DataFrameCrust.enrich, SeriesCrust.plan):
        loose = [p.name for p in inspect.signature(function).parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
        assert {"self", "data", "column", "fields"} >= set(loose)


def test_contacts_and_their_plan_take_the_same_keywords_everywhere():
    of_runs = ("provenance", "overwrite", "wait", "webhook_url", "chunk_size", "progress")

    assert keywords(crustframe.contacts) == keywords(DataFrameCrust.contacts)
    assert keywords(crustframe.contacts, "overwrite") == keywords(SeriesCrust.contacts)
    assert keywords(crustframe.contacts, *of_runs) == keywords(crustframe.plan_contacts)
    assert keywords(crustframe.plan_contacts) == keywords(DataFrameCrust.plan_contacts)
    assert keywords(crustframe.plan_contacts) == keywords(SeriesCrust.plan_contacts)


@pytest.mark.parametrize("command", ["enrich", "plan", "contacts"])
def test_the_options_of_the_shell_are_the_keywords_with_dashes(command):
    """``--field`` and ``--kind`` repeat where Python takes lists, and a client is configured by the environment."""
    python, shell = keywords(getattr(crustframe, command), "fields", "kinds", "client"), options(command)

    assert set(python) <= set(shell)
    assert python == {name: shell[name] for name in python}


@pytest.mark.parametrize("command", ["enrich", "plan", "contacts"])
def test_the_shell_has_no_further_option_that_python_lacks(command):
    of_files = {"column", "field", "output", "receipt", "csv_safe", "yes", "sandbox", "ledger", "delimiter", "encoding"}
    of_files |= {"sheet", "table", "header_row", "no_header", "line_breaks", "json", "help", "matches", "kind", "plan"}
    of_files |= {"concurrency"}  # of the client

    assert set() == set(options(command)) - of_files - set(keywords(getattr(crustframe, command)))


# A frame comes back as it was -------------------------------------------------------------------------------------


def enriched(frame: pd.DataFrame, column, client, **how) -> pd.DataFrame:
    before = copy.deepcopy(frame)
    found = frame.crust.enrich(column, [NAME], client=client, **how)
    assert_frame_equal(before, frame, check_exact=True)
    return found


def same_plus_columns(frame: pd.DataFrame, found: pd.DataFrame, new=NEW) -> None:
    assert [*frame.columns, *new] == list(found.columns)
    assert_frame_equal(frame, found.iloc[:, : frame.shape[1]], check_exact=True, check_column_type=False)
    assert_index_equal(frame.index, found.index, exact=True)
    assert frame.index.equals(found.index)


CELLS = [AVERY, "", BLAKE, "linkedin.com/in/AVERY-stone-example/"]
NAMES = ["Avery Stone", None, "Blake Stone", "Avery Stone"]

INDEXES = {
    "range": pd.RangeIndex(4),
    "duplicated": pd.Index([7, 7, 9, 7]),
    "named": pd.Index(list("dcba"), name="row"),
    "multi": pd.MultiIndex.from_tuples([("a", 1), ("a", 1), ("b", 2), ("b", 3)], names=["letter", None]),
    "dates": pd.DatetimeIndex(["2026-01-04", "2026-01-03", "2026-01-02", "2026-01-01"], tz="UTC", name="day"),
    "with missing": pd.Index([1.0, float("nan"), float("nan"), 2.0]),
    "categorical": pd.CategoricalIndex(list("aabb")),
    "intervals": pd.interval_range(0, 4),
}


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_the_index_and_the_order_of_the_rows_stay(client, index):
    frame = pd.DataFrame({"url": CELLS, "n": [3, 1, 2, 0]}, index=index)

    found = enriched(frame, "url", client)

    same_plus_columns(frame, found)
    assert NAMES == [None if pd.isna(name) else name for name in found[NAME]]
    assert ["matched", "blank", "matched", "matched"] == found[STATUS].tolist()


@pytest.mark.parametrize("index", INDEXES.values(), ids=INDEXES)
def test_a_series_gives_its_index_to_the_columns(client, index):
    values = pd.Series(CELLS, index=index, name="url")

    found = values.crust.enrich([NAME], client=client)

    assert NEW == list(found.columns)
    assert_index_equal(index, found.index, exact=True)
    assert NAMES == [None if pd.isna(name) else name for name in found[NAME]]


@pytest.mark.parametrize("dtype", ["object", "str", "string", "string[pyarrow]", "category"])
def test_a_column_of_any_text_dtype_stays_of_it(client, dtype):
    frame = pd.DataFrame({"url": pd.Series([*CELLS, None], dtype=object).astype(dtype)})

    found = enriched(frame, "url", client)

    same_plus_columns(frame, found)
    last = "blank" if frame["url"].isna().iloc[-1] else "invalid"  # pandas 2 makes the text "None" of a missing str
    assert ["matched", "blank", "matched", "matched", last] == found[STATUS].tolist()


def test_other_columns_of_every_kind_stay(client):
    frame = pd.DataFrame(
        {
            "url": CELLS,
            "int8": pd.array([1, 2, 3, 4], dtype="int8"),
            "Int64": pd.array([1, None, 3, 4], dtype="Int64"),
            "time": pd.date_range("2026-01-01", periods=4, tz="Europe/Berlin"),
            "category": pd.Categorical(list("abca"), ordered=True),
            "objects": [[1], {"a": 1}, None, object],
            "zip": ["00731", "NA", "", "1e5"],
            "sparse": pd.arrays.SparseArray([0, 0, 1, 0]),
            "arrow": pd.array([1.5, None, 2.5, 3.5], dtype="double[pyarrow]"),
        }
    )

    same_plus_columns(frame, enriched(frame, "url", client))


@pytest.mark.parametrize(
    "columns",
    [
        ["url", 7],
        [0, 1],
        ["url", ("a", "tuple")],
        [("a", 1), "other"],
        ["url", None],
        ["url", float("nan")],
        ["url", ""],
        [pd.Timestamp("2026-01-01"), "other"],
        ["url", "doubled", "doubled"],
    ],
    ids=repr,
)
def test_columns_of_odd_names_stay(client, columns):
    frame = pd.DataFrame([[cell, *range(len(columns) - 1)] for cell in CELLS])
    frame.columns = pd.Index(columns, tupleize_cols=False)

    found = enriched(frame, frame.columns[0], client)

    assert [repr(name) for name in [*frame.columns, *NEW]] == [repr(name) for name in found.columns]
    assert frame.to_numpy().tolist() == found.iloc[:, : len(columns)].to_numpy().tolist()
    assert ["matched", "blank", "matched", "matched"] == found[STATUS].tolist()


def test_column_names_of_two_levels_stay(client):
    columns = pd.MultiIndex.from_tuples([("lead", "url"), ("lead", "n")])
    frame = pd.DataFrame([[cell, n] for n, cell in enumerate(CELLS)], columns=columns)

    found = enriched(frame, ("lead", "url"), client)

    assert_frame_equal(frame["lead"], found["lead"])
    assert (4, 5) == found.shape


def test_named_columns_keep_their_name(client):
    frame = pd.DataFrame({"url": CELLS}).rename_axis(columns="what")

    assert "what" == enriched(frame, "url", client).columns.name


def test_an_empty_frame_comes_back_empty_with_typed_columns_and_asks_nobody(client, sandbox):
    frame = pd.DataFrame({"url": pd.Series(dtype="string"), "n": pd.Series(dtype="int64")})

    found = enriched(frame, "url", client)

    same_plus_columns(frame, found)
    assert ["string", "string", "Float64"] == [str(dtype) for dtype in found[NEW].dtypes]
    assert 0 == sandbox.calls


@pytest.mark.parametrize("blank", ["", None, float("nan"), pd.NA, "  "], ids=repr)
def test_a_column_of_blanks_comes_back_and_asks_nobody(client, sandbox, blank):
    frame = pd.DataFrame({"url": pd.Series([blank] * 3, dtype=object)})

    found = enriched(frame, "url", client)

    same_plus_columns(frame, found)
    assert ["blank"] * 3 == found[STATUS].tolist()
    assert 0 == sandbox.calls


def test_a_slice_and_a_view_are_frames_like_others(client):
    whole = pd.DataFrame({"url": CELLS, "n": range(4)})

    same_plus_columns(whole[1:3], enriched(whole[1:3], "url", client))
    same_plus_columns(whole[whole["n"] > 1], enriched(whole[whole["n"] > 1], "url", client))


def test_writing_into_the_result_does_not_reach_the_input(client):
    frame = pd.DataFrame({"url": CELLS})
    found = enriched(frame, "url", client)

    found.loc[:, "url"] = "changed"

    assert CELLS == frame["url"].tolist()


ROWS = st.lists(
    st.tuples(
        st.sampled_from([*CELLS, "junk", None, "x@gmail.com", "nobody@corp.example", "drew@corp.example"]),
        st.sampled_from(["a", "b"]),
        st.integers(0, 2),
    ),
    max_size=12,
)
EXPECTED = {
    AVERY: "matched",
    BLAKE: "matched",
    CELLS[3]: "matched",
    "drew@corp.example": "matched",
    "": "blank",
    None: "blank",
    "junk": "invalid",
    "x@gmail.com": "invalid",
    "nobody@corp.example": "no_match",
}


@pytest.mark.filterwarnings("ignore:No cell of column")
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(ROWS)
def test_any_rows_come_back_in_order_each_with_its_own_status(client, rows):
    frame = pd.DataFrame(rows, columns=["url", "x", "n"]).set_index("x")

    found = enriched(frame, "url", client)

    same_plus_columns(frame, found)
    assert [EXPECTED[row[0]] for row in rows] == found[STATUS].tolist()
    assert [row[0] in {AVERY, CELLS[3]} for row in rows] == [name == "Avery Stone" for name in found[NAME].fillna("")]


# Names that are there already -------------------------------------------------------------------------------------


@pytest.mark.parametrize("taken", ["name", "url", "crust"])
def test_a_column_that_exists_already_is_refused_before_anything_is_sent(client, sandbox, taken):
    frame = pd.DataFrame({"url": CELLS} | {taken: CELLS})

    with pytest.raises(ColumnExistsError, match="Nothing was sent") as raised:
        frame.crust.enrich("url", [f"{NAME} as {taken}"], client=client)

    assert taken in str(raised.value)
    assert "overwrite=True" in raised.value.hint
    assert 0 == sandbox.calls


def test_overwrite_replaces_a_column_in_its_place(client):
    frame = pd.DataFrame({"url": CELLS, NAME: "mine", "n": range(4)}, index=[7, 7, 9, 7])

    found = enriched(frame, "url", client, overwrite=True)

    assert ["url", NAME, "n", *NEW[1:]] == list(found.columns)
    assert NAMES == [None if pd.isna(name) else name for name in found[NAME]]
    assert "string" == str(found[NAME].dtype)


def test_enriching_twice_with_overwrite_is_the_same_and_free(client, sandbox):
    frame = pd.DataFrame({"url": CELLS})
    once = enriched(frame, "url", client)
    spent = sandbox.credits_spent

    twice = enriched(once, "url", client, overwrite=True)

    assert_frame_equal(once, twice)
    assert 2 == spent == sandbox.credits_spent


def test_a_field_named_like_a_remark_is_refused(client, sandbox):
    """Two columns crust.status would come back, one of them not saying what happened."""
    with pytest.raises(crustframe.CrustframeError):
        pd.DataFrame({"url": CELLS}).crust.enrich("url", [f"{NAME} as {STATUS}"], client=client)

    assert 0 == sandbox.calls


def test_a_column_of_identifiers_named_twice_is_refused(client, sandbox):
    frame = pd.DataFrame([[AVERY, BLAKE]], columns=["url", "url"])

    with pytest.raises(ColumnNotFoundError, match="2 columns named 'url'"):
        frame.crust.enrich("url", [NAME], client=client)

    assert 0 == sandbox.calls


@pytest.mark.parametrize(("typed", "meant"), [("Url", "url"), ("linkedin", "linkedin_url"), ("e-mail", "email")])
def test_a_missing_column_is_answered_with_what_was_meant(client, sandbox, typed, meant):
    frame = pd.DataFrame({meant: CELLS, "other column": 1})

    with pytest.raises(ColumnNotFoundError, match=f"did you mean '{meant}'") as raised:
        frame.crust.enrich(typed, [NAME], client=client)

    assert isinstance(raised.value, KeyError)
    assert "other column" in str(raised.value)
    assert 0 == sandbox.calls


def test_a_missing_column_of_a_frame_without_any_is_said(client):
    with pytest.raises(ColumnNotFoundError, match="columns: none"):
        pd.DataFrame().crust.enrich("url", [NAME], client=client)


@pytest.mark.parametrize("data", [AVERY, pd.Series(CELLS), CELLS], ids=["text", "series", "list"])
def test_data_and_column_must_fit_each_other(client, data):
    with pytest.raises(ConfigurationError):
        crustframe.enrich(data, "url", [NAME], client=client)


def test_one_text_is_not_taken_for_a_column_of_letters(client):
    with pytest.raises(ConfigurationError, match="one text"):
        crustframe.enrich(AVERY, fields=[NAME], client=client)


# What comes along ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("provenance", "remarks"),
    [
        ("none", []),
        ("status", ["crust.status", "crust.confidence_score"]),
        (
            "full",
            [
                "crust.status",
                "crust.confidence_score",
                "crust.source",
                "crust.fetched_at",
                "crust.request_id",
                "crust.match_count",
                "crust.reason",
                "crust.match_verdict",
                "crust.match_reasons",
            ],
        ),
    ],
)
def test_provenance_says_which_remarks_come_along(client, provenance, remarks):
    frame = pd.DataFrame({"url": [*CELLS, "x@gmail.com"]})

    found = enriched(frame, "url", client, provenance=provenance)

    same_plus_columns(frame, found, [NAME, *remarks])
    if provenance == "full":
        assert ["free_mail"] == found["crust.reason"].dropna().tolist()
        assert "datetime64[us, UTC]" == str(found["crust.fetched_at"].dtype)
        assert {"api"} == set(found["crust.source"].dropna())


def test_the_attrs_of_a_frame_stay(client):
    frame = pd.DataFrame({"url": CELLS})
    frame.attrs["source"] = "trade fair"

    assert {"source": "trade fair"} == enriched(frame, "url", client).attrs


def test_the_accessor_holds_no_state_of_an_earlier_frame(client):
    frame = pd.DataFrame({"url": [AVERY]})
    accessor = frame.crust
    frame.loc[0, "url"] = BLAKE

    assert "Blake Stone" == accessor.enrich("url", [NAME], client=client)[NAME][0]
    assert "Blake Stone" == frame.crust.enrich("url", [NAME], client=client)[NAME][0]
