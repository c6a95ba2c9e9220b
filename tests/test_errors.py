"""Every error says what happened, what it cost and what to do next, and survives the way between processes."""

from __future__ import annotations

import json
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crustframe import errors
from crustframe.errors import (
    APIConnectionError,
    APIError,
    AuthenticationError,
    BadRequestError,
    ColumnNotFoundError,
    CrustframeError,
    FieldError,
    InsufficientCreditsError,
    NoAnswerError,
    OutputSchemaError,
    PermissionDeniedError,
    RateLimitError,
    ResponseError,
    ServiceError,
    SurfaceError,
    TransportError,
    error_from_answer,
)

CLASSES = sorted(
    (c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, CrustframeError)),
    key=lambda c: c.__name__,
)
EXTRAS = {
    FieldError: {"candidates": ("a", "b")},
    OutputSchemaError: {"failure_cases": [{"path": "a", "found": "b"}]},
    BadRequestError: {"identifiers": ("a",), "available_fields": ("b",), "about_parameters": True},
    PermissionDeniedError: {"denied_fields": ("a",)},
}


def made(kind):
    facts = {"status": 418, "request_id": "req-1", "wait_s": 2.5} if issubclass(kind, APIError) else {}
    facts |= EXTRAS.get(kind, {})
    return kind("Something happened.", hint="do this", **facts), facts


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_survives_pickle_with_everything_it_knows(kind):
    error, facts = made(kind)

    again = pickle.loads(pickle.dumps(error))  # noqa: S301

    assert kind is type(again)
    assert {"message": "Something happened.", "hint": "do this", **facts} == {
        name: getattr(again, name) for name in ("message", "hint", *facts)
    }
    assert (str(error), error.args) == (str(again), again.args)


@pytest.mark.parametrize("kind", CLASSES)
def test_the_text_of_an_error_is_what_happened_and_a_hint_on_its_own_line(kind):
    assert "Something happened.\nHint: do this" == str(made(kind)[0])
    assert "Something happened." == str(kind("Something happened."))


@pytest.mark.parametrize("kind", CLASSES)
def test_every_error_can_be_made_of_nothing_and_has_an_exit_code(kind):
    assert "" == str(kind())
    assert kind.exit_code in {2, 3, 4, 5, 6, 7}


def test_a_missing_column_prints_no_repr():
    assert "it's gone" == str(ColumnNotFoundError("it's gone"))


@pytest.mark.parametrize(
    ("kind", "builtin"),
    [
        ("ConfigurationError", ValueError),
        ("ColumnNotFoundError", KeyError),
        ("IdentifierError", ValueError),
        ("FieldError", ValueError),
        ("APIConnectionError", ConnectionError),
        ("NoAnswerError", TimeoutError),
        ("ResponseError", ValueError),
    ],
)
def test_an_error_is_caught_as_python_people_catch_it(kind, builtin):
    assert issubclass(getattr(errors, kind), builtin)


def test_only_what_surely_cost_nothing_is_sent_again():
    """Reliability notes, section 4: a retry is a spending decision."""
    api = [kind for kind in CLASSES if issubclass(kind, APIError)]

    assert {RateLimitError, ServiceError, APIConnectionError} == {kind for kind in api if kind.retryable}
    assert {NoAnswerError, ResponseError} == {kind for kind in api if kind.charged == "unknown"}


# What an answer stands for: contract notes, section 1.1 -----------------------------------------------------------


def api_error(kind: str, message: str, metadata: object = ()) -> bytes:
    return json.dumps({"error": {"type": kind, "message": message, "metadata": metadata or []}}).encode()


PAGE = b"<!DOCTYPE html><html><title>Sign in</title></html>"
ANSWERS = [
    # status, body, class, charged
    (400, api_error("invalid_request", "Exactly one identifier type must be provided."), BadRequestError, "no"),
    (400, b'{"error": "Something"}', BadRequestError, "no"),
    (400, b"", BadRequestError, "no"),
    (401, b'{"message": "Missing API key in request"}', AuthenticationError, "no"),
    (401, b'{"message": "Invalid API key in request"}', AuthenticationError, "no"),
    (401, PAGE, AuthenticationError, "no"),
    (402, api_error("insufficient_credits", "No credits"), InsufficientCreditsError, "no"),
    (402, b"", InsufficientCreditsError, "no"),
    (403, api_error("insufficient_credits", "x"), InsufficientCreditsError, "no"),
    (403, api_error("permission_error", "You have insufficient credits."), InsufficientCreditsError, "no"),
    (403, api_error("permission_error", "Endpoint not in plan"), PermissionDeniedError, "no"),
    (403, b"", PermissionDeniedError, "no"),
    (404, api_error("not_found", "nothing"), SurfaceError, "no"),
    (413, b"", BadRequestError, "no"),
    (422, b"{}", BadRequestError, "no"),
    (429, b"", RateLimitError, "no"),
    (429, api_error("rate_limit_exceeded", "slow down"), RateLimitError, "no"),
    (500, api_error("internal_error", "x"), ServiceError, "no"),
    (503, b'{"message": "maintenance"}', NoAnswerError, "unknown"),
    (500, b"", NoAnswerError, "unknown"),
    (500, PAGE, NoAnswerError, "unknown"),
    (500, b"{}", NoAnswerError, "unknown"),
    (500, b"[]", NoAnswerError, "unknown"),
    (502, PAGE, NoAnswerError, "unknown"),
    (503, b"\xff\xfe", NoAnswerError, "unknown"),
    (504, b"upstream request timeout", NoAnswerError, "unknown"),
    (524, b"", NoAnswerError, "unknown"),
    (408, b"", NoAnswerError, "unknown"),
    (301, b"", TransportError, "no"),
    (307, PAGE, TransportError, "no"),
    (410, b"", SurfaceError, "no"),
    (418, PAGE, TransportError, "no"),
]


@pytest.mark.parametrize(("status", "body", "kind", "charged"), ANSWERS, ids=[f"{a[0]} {a[1][:40]!r}" for a in ANSWERS])
def test_an_answer_is_the_documented_error(status, body, kind, charged):
    error = error_from_answer(status, body, request_id="req-1", wait_s=3.0)

    assert (kind, charged) == (type(error), error.charged)
    assert (status, "req-1", 3.0) == (error.status, error.request_id, error.wait_s)
    assert str(status) in str(error)


def test_a_gateway_that_speaks_for_the_api_leaves_the_charge_open():
    """Reliability notes, F35: 502, 504 and 52x never come from the API itself, whatever their body says."""
    assert "unknown" == error_from_answer(504, b'{"message": "Endpoint request timed out"}').charged


@pytest.mark.parametrize(
    "metadata", [[{"denied_fields": ["contact", "honors"]}], {"denied_fields": ["contact", "honors"]}]
)
def test_denied_fields_are_read_from_the_metadata(metadata):
    error = error_from_answer(403, api_error("permission_error", "Access denied", metadata))

    assert ("contact", "honors") == error.denied_fields
    assert "contact, honors" in error.hint


def test_denied_fields_are_read_from_the_words_where_there_is_no_metadata():
    error = error_from_answer(403, api_error("permission_error", "Access denied to fields: contact, honors"))

    assert ("contact", "honors") == error.denied_fields


def test_denied_fields_read_from_the_words_end_with_the_sentence():
    error = error_from_answer(403, api_error("permission_error", "Access denied to fields: contact, honors."))

    assert ("contact", "honors") == error.denied_fields


@pytest.mark.parametrize("metadata", [[{"available_fields": ["a", "b"]}], {"available_fields": ["a", "b"]}])
def test_available_fields_make_it_a_refusal_of_the_parameters(metadata):
    error = error_from_answer(400, api_error("invalid_request", "Unknown field", metadata))

    assert (("a", "b"), True) == (error.available_fields, error.about_parameters)


def test_addresses_that_the_api_refuses_are_named():
    error = error_from_answer(400, api_error("invalid_request", "Invalid business emails: a@gmail.com, b@x.example"))

    assert (("a@gmail.com", "b@x.example"), False) == (error.identifiers, error.about_parameters)


def test_an_address_with_a_telling_name_is_not_a_refusal_of_the_parameters():
    """Otherwise one such address would stop the run instead of being left out."""
    error = error_from_answer(400, api_error("invalid_request", "Invalid business emails: json@x.example"))

    assert (("json@x.example",), False) == (error.identifiers, error.about_parameters)


@pytest.mark.parametrize(
    "said", ["Exactly one identifier type must be provided.", "Preview feature is not available for your account"]
)
def test_a_refusal_of_the_form_is_known_as_such(said):
    assert error_from_answer(400, api_error("invalid_request", said)).about_parameters


def test_what_a_terminal_would_act_on_is_not_quoted():
    error = error_from_answer(400, api_error("x", "\x1b[31mred\x07\r\n\x9b\x00end"))

    assert not [letter for letter in error.message if ord(letter) < 32 or 127 <= ord(letter) < 160]
    assert "end" in error.message


def test_a_book_of_an_answer_is_cut():
    assert len(str(error_from_answer(400, api_error("x", "a" * 10_000)))) < 3_000


@given(
    st.integers(100, 599).filter(lambda status: status != 200),
    st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["error", "message", "type", "metadata", "denied_fields"]), inner, max_size=4
            )
        ),
    ).map(lambda value: json.dumps(value).encode()),
)
def test_any_answer_is_some_error_that_survives_pickle(status, body):
    error = error_from_answer(status, body)

    assert status == error.status
    assert str(error) == str(pickle.loads(pickle.dumps(error)))  # noqa: S301


def test_deeply_nested_bodies_are_no_trap():
    body = b'{"error":' + b"[" * 50_000

    assert "unknown" == error_from_answer(500, body).charged
