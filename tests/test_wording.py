"""One of anything is told as one."""

from __future__ import annotations

import re

import pytest
from typer.testing import CliRunner

import crustframe
from crustframe.buying.reconcile import Resolution
from crustframe.errors import OfflineError
from crustframe.shell.cli import app
from crustframe.tables import Written


def test_one_person_is_told_as_one():
    told = str(Resolution(["a"], ["b"], 1.0, ["c", "d"], ["b"], ["d"]))

    assert "1 person" in told
    assert "1 people" not in told
    assert "charged 1 credit," in told
    assert "1 cell that" in Written(1, 1, 1).defused
    assert "2 cells that" in Written(1, 1, 2).defused


def test_what_is_told_of_a_run_about_one_person_tells_it_as_one(client, capfd):
    asked, fields = ["https://www.linkedin.com/in/avery-example"], ["basic_profile.name"]
    offline = crustframe.Client(api_key="key-of-one", ledger=client.ledger.path, offline=True)
    with offline, pytest.raises(OfflineError) as raised:
        crustframe.enrich(asked, fields=fields, client=offline)
    found = crustframe.enrich(asked, fields=fields, client=client, progress=True)
    verified = CliRunner().invoke(app, ["ledger", "verify", "--ledger", str(client.ledger.path)]).output
    told = [str(raised.value), str(found.report), str(crustframe.plan(asked, client=client)), capfd.readouterr().err]

    assert "1 answer read" in verified
    assert "1 of 1 person" in told[0]
    assert "1 of 1 person" in told[-1]
    assert [] == re.findall(r"\b1 (?:people|answers|credits|calls|requests|rows)\b", " ".join([*told, verified]))
