"""What the tests of refusals share."""

from __future__ import annotations

import sqlite3
import subprocess
import sys

from stand_in import Said

NAME = ["basic_profile.name"]


def urls(n: int) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(n)]


def emails(n: int) -> list[str]:
    return [f"lead-{number}@corp.example" for number in range(n)]


def kept_as_refused(client) -> int:
    connection = sqlite3.connect(client.ledger.path)
    try:
        return connection.execute("SELECT count(*) FROM people WHERE outcome = 'refused'").fetchone()[0]
    finally:
        connection.close()


def statuses(found) -> dict[str, int]:
    return {status: n for status, n in found.report.statuses.items() if n}


def refusal(message: str, **metadata) -> Said:
    return Said(400, {"error": {"type": "invalid_request", "message": message, "metadata": [metadata]}})


def entries(body) -> list[dict]:
    """Return what the API says of people who are all found."""
    kind = next(key for key in ("professional_network_profile_urls", "business_emails") if key in body)
    person = {"confidence_score": 1.0, "person_data": {"basic_profile": {"name": "Avery Example"}}}
    singular = {"professional_network_profile_urls": "professional_network_profile_url"}.get(kind, "business_email")
    return [{"matched_on": text, "match_type": singular, "matches": [person]} for text in body[kind]]


def found_all(body) -> Said:
    return Said(200, entries(body), {"x-credits-used": str(len(entries(body)))})


def shell(tmp_path, sandbox, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "crustframe", *arguments],
        cwd=tmp_path,
        env={
            "CRUSTDATA_API_KEY": sandbox.key,
            "CRUSTFRAME_BASE_URL": sandbox.url,
            "CRUSTFRAME_LEDGER": str(tmp_path / "l.sqlite3"),
            "CRUSTFRAME_CONFIG": str(tmp_path / "config"),
            "PYTHON_KEYRING_BACKEND": "keyring.backends.null.Keyring",
            "HOME": str(tmp_path),
            "PATH": "/usr/bin:/bin",
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
