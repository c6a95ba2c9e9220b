"""What the tests of jobs share."""

from __future__ import annotations

FIELDS = ["crustdata_person_id as id", "basic_profile.name as name"]


def people(n: int, start: int = 0) -> list[str]:
    return [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(start, start + n)]


def statuses(found) -> dict[str, int]:
    return {status: n for status, n in found.report.statuses.items() if n}
