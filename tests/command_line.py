"""The shell command as tests run it, and the words that they give it."""

from __future__ import annotations

import csv
import io

PROFILE = "https://www.linkedin.com/in/"
NAME = "basic_profile.name"


class Ran:
    """How a command ended."""

    def __init__(self, code, stdout, stderr):
        self.code = code
        self.stdout = stdout
        self.stderr = stderr

    @property
    def rows(self):
        return list(csv.DictReader(io.StringIO(self.stdout.decode("utf-8-sig"))))

    @property
    def words(self):
        return self.stderr.decode()


def account_of(sandbox, monkeypatch):
    monkeypatch.setenv("CRUSTDATA_API_KEY", sandbox.key)
    monkeypatch.setenv("CRUSTFRAME_BASE_URL", sandbox.url)
    return sandbox


def ask(table, *more):
    return ("enrich", table, "--column", "profile", "--field", NAME, *more)
