"""The shell tells a refusal once, and writes what was paid for."""

from __future__ import annotations

import json

import pandas as pd
from refusing import emails, shell, urls

import crustframe


def test_the_shell_says_it_once_and_ends_with_two(tmp_path):
    (tmp_path / "leads.csv").write_text("email\n" + "\n".join(emails(30)) + "\n")
    asked = ["enrich", "leads.csv", "--column", "email", "--route", "calls", "-o", "out.csv"]
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", plan="self-serve") as sandbox:
        ran = shell(tmp_path, sandbox, *asked)

    assert 2 == ran.returncode
    assert 1 == ran.stderr.count("about the request")
    assert "Traceback" not in ran.stderr


def test_the_shell_writes_what_was_paid_for_and_ends_with_two(tmp_path):
    (tmp_path / "leads.csv").write_text("lead\n" + "\n".join([*urls(5), *emails(3)]) + "\n")
    asked = ["leads.csv", "--column", "lead", "--field", "basic_profile.name", "--route", "calls"]
    with crustframe.sandbox(requests_per_minute=None, snapshot="C", plan="self-serve") as sandbox:
        ran = shell(tmp_path, sandbox, "enrich", *asked, "-o", "out.csv")
        planned = shell(tmp_path, sandbox, "plan", *asked, "--json")

        assert 5.0 == sandbox.credits_spent

    assert (2, 0) == (ran.returncode, planned.returncode)
    assert 1 == ran.stderr.count("about the request")
    found = pd.read_csv(tmp_path / "out.csv")
    assert ["matched"] * 5 + ["failed"] * 3 == found["crust.status"].tolist()
    assert 0 == json.loads(planned.stdout)["credits_high"]
    assert "not granted: e-mails of 3 people" in planned.stdout


def test_the_shell_names_a_missing_field_and_ends_with_two(tmp_path):
    (tmp_path / "leads.csv").write_text("url\n" + "\n".join(urls(3)) + "\n")
    asked = ["enrich", "leads.csv", "--column", "url", "--field", "updated_at", "-o", "out.csv"]
    with crustframe.sandbox(requests_per_minute=None, snapshot="C") as sandbox:
        ran = shell(tmp_path, sandbox, *asked)

    assert 2 == ran.returncode
    assert "does not offer updated_at" in ran.stderr
    assert not (tmp_path / "out.csv").exists()
