"""What a run returns is carried elsewhere: pickled, copied, written; and fields are written the same way everywhere."""

from __future__ import annotations

import copy
import pickle

import pandas as pd
import pytest

import crustframe
from crustframe.errors import FieldError
from crustframe.shell.common import fields_of
from excel_addin.cells import read_texts

AVERY = "https://www.linkedin.com/in/avery-example"
NAMES = ["basic_profile.name", "basic_profile.headline"]
WAYS = {"pickle": lambda one: pickle.loads(pickle.dumps(one)), "deepcopy": copy.deepcopy, "copy": copy.copy}  # noqa: S301


@pytest.fixture(params=WAYS.values(), ids=WAYS)
def carried(request):
    return request.param


@pytest.mark.parametrize("between", [", ", ",", "; ", ";", "\n", "\r\n", ",\n", " ,, "], ids=ascii)
def test_fields_in_one_text_are_the_same_in_python_the_shell_and_a_cell(client, between):
    text = between.join(NAMES) + between

    assert NAMES == fields_of([text]) == read_texts(text)
    found = crustframe.enrich([AVERY], fields=text, client=client)
    assert NAMES == found.frame.columns[:2].tolist()
    assert found.frame["basic_profile.name"].notna().all()


def test_fields_in_one_text_keep_their_names_and_picks(sandbox, client):
    frame = pd.DataFrame({"who": [AVERY]})
    fields = "basic_profile.name as Full name, skills.professional_network_skills | count as n"

    assert ["who", "Full name", "n"] == frame.crust.enrich("who", fields=fields, client=client).columns[:3].tolist()
    assert 1 == sandbox.credits_spent


@pytest.mark.parametrize("text", ["", " ", ",", "\n"], ids=ascii)
def test_a_text_that_names_no_field_is_refused(sandbox, client, text):
    with pytest.raises(FieldError, match="Nothing was sent"):
        crustframe.enrich([AVERY], fields=text, client=client)

    assert 0 == sandbox.calls


def test_what_enrich_found_is_carried_with_its_candidates(sandbox, client, carried, tmp_path):
    frame = pd.DataFrame({"who": ["j.smith@corp.example", AVERY, "junk"]})
    found = crustframe.enrich(frame, "who", fields="basic_profile.name as name", provenance="full", client=client)
    spent = sandbox.credits_spent

    again = carried(found)

    pd.testing.assert_frame_equal(found.frame, again.frame)
    assert found.frame.attrs == again.frame.attrs
    assert str(found.report) == str(again.report)
    pd.testing.assert_frame_equal(found.matches, again.matches)
    assert 2 <= len(again.matches)
    again.frame.to_parquet(tmp_path / "again.parquet")
    read = pd.read_parquet(tmp_path / "again.parquet")
    assert found.frame["crust.status"].tolist() == read["crust.status"].tolist()
    assert spent == sandbox.credits_spent


def test_what_was_found_in_a_sandbox_that_is_gone_is_carried(carried):
    with crustframe.sandbox() as sandbox:
        found = crustframe.enrich([AVERY], fields=NAMES, client=sandbox.client)

    pd.testing.assert_frame_equal(found.frame, carried(found).frame)


@pytest.mark.filterwarnings("ignore::crustframe.PartialResultWarning")
def test_plans_contacts_tickets_and_warnings_are_carried(sandbox, client, carried):
    plan = crustframe.plan([AVERY, "junk"], fields=NAMES, client=client)
    sandbox.jobs.job_seconds = 0.1
    contacts = crustframe.contacts([AVERY], client=client, max_credits=10)
    waited = crustframe.enrich([AVERY], fields=NAMES, route="job", wait=False, client=client, max_credits=10)

    assert plan == carried(plan)
    assert str(plan) == str(carried(plan))
    pd.testing.assert_frame_equal(contacts.frame, carried(contacts).frame)
    assert contacts.report == carried(contacts).report
    assert waited.ticket is not None
    assert waited.ticket == carried(waited).ticket


def test_no_key_goes_along(sandbox, client):
    found = crustframe.enrich([AVERY], fields=NAMES, client=client)

    assert sandbox.key.encode() not in pickle.dumps(found)
