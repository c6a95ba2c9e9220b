"""The shell command as tests run it, and the words that they give it."""

from __future__ import annotations

import csv
import io
import random
import subprocess
import sys

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


STATUSES = {"matched", "no_match", "invalid", "blank", "failed", "not_run", "in_doubt"}
JUNK = (
    "n/a",
    "https://lnkd.in/e9xyz",
    "https://www.linkedin.com/company/northwind-example",
    "https://corp.example/team/avery",
    "avery@",
    "somebody@gmail.com",
    "ask Avery",
    "a@corp.example; b@corp.example",
)
NOTES = ("", "NA", 'said "yes", twice', " kept ", "0.10", "Zoë; später", "null", "=1+1")
OTHER_SPELLINGS = (
    lambda slug: f"linkedin.com/in/{slug}",
    lambda slug: f"http://WWW.LinkedIn.com/in/{slug.title()}/",
    lambda slug: f"{PROFILE}{slug}?utm_source=mail#top",
    lambda slug: f"https://de.linkedin.com/in/{slug}/",
    lambda slug: f"  {PROFILE}{slug.replace('-', '%2D')}  ",
    lambda slug: f"{PROFILE}{slug}/details/experience/",
)


def shell(*arguments, **options):
    """Run ``crustframe ...`` as a process of its own."""
    ended = subprocess.run(
        [sys.executable, "-m", "crustframe", *map(str, arguments)],
        capture_output=True,
        check=False,
        timeout=60,
        **options,
    )
    return Ran(ended.returncode, ended.stdout, ended.stderr)


def hard_column():
    """240 people found (35 by e-mail), 120 repeats (60 spelled otherwise), 20 unknown, 12 blank, 8 junk."""
    slugs = [f"avery-{n:03d}-example" for n in range(205)]
    mails = [f"avery.{n:03d}@corp.example" for n in range(35)]
    people = [PROFILE + slug for slug in slugs] + mails
    same = people[:50] + mails[:10]
    other = [OTHER_SPELLINGS[n % 6](slug) for n, slug in enumerate(slugs[60:115])]
    other += [mail.upper() for mail in mails[20:25]]
    unknown = [f"{PROFILE}nobody-{n:02d}-example" for n in range(20)]
    cells = people + same + other + unknown + [""] * 8 + ["   "] * 4 + list(JUNK)
    assert 400 == len(cells)
    assert 60 == len(same) == len(other)
    random.Random(2).shuffle(cells)
    return cells


def write(path, cells, *, encoding="utf-8", delimiter=","):
    """Write leads with texts that a careless tool would change."""
    with path.open("w", encoding=encoding, newline="") as file:
        sheet = csv.writer(file, delimiter=delimiter)
        sheet.writerow(["id", "profile", "zip", "note"])
        for n, cell in enumerate(cells):
            sheet.writerow([f"{n:05d}", cell, f"{n % 100:05d}", NOTES[n % len(NOTES)]])
    return path
