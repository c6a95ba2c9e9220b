"""Servers of a few lines with odd answers, bills and jobs; what they charged is the truth."""

from __future__ import annotations

import json
import threading
import uuid

from stand_in import Said

SITE = "https://www.linkedin.com/in/"


def people(n: int, start: int = 0) -> list[str]:
    return [f"{SITE}odd-{number:03d}-example" for number in range(start, start + n)]


def found(url: str) -> dict:
    person = {"crustdata_person_id": 1, "basic_profile": {"name": url.rpartition("/")[2]}}
    return {
        "matched_on": url,
        "match_type": "professional_network_profile_url",
        "matches": [{"confidence_score": 1.0, "person_data": person}],
    }


class Calls:
    """Answers ``POST /person/enrich``: `said` gets the URLs and the number of the call."""

    def __init__(self, said, rows=()):
        self.n = 0
        self.credits = 0.0
        self._said = said
        self._rows = rows
        self._lock = threading.Lock()

    def __call__(self, method, path, body):
        if method == "GET":
            return Said(200, {"events": list(self._rows), "has_more": False, "next_cursor": None})
        with self._lock:
            self.n += 1
            answer, charged = self._said(body["professional_network_profile_urls"], self.n)
            self.credits += charged
        return answer


class Jobs:
    """One job after another; `results` are the parts of a file, `status` is what the API says of it in the end."""

    def __init__(self, results=(), *, status="completed", count=None, rows=(), charged=0.0):
        self.results = results
        self.status = status
        self.count = count
        self.rows = rows
        self.credits = 0.0
        self.submits = 0
        self.downloads = 0
        self.url = ""
        self.batch_id = str(uuid.uuid4())
        self._charged = charged

    def __call__(self, method, path, body):
        if method == "POST" and path == "/batch/person/enrich":
            self.submits += 1
            self.credits += self._charged
            return Said(200, {"batch_id": self.batch_id, "status": "pending"}, {"x-request-id": "r-1"})
        if path.startswith("/account/usage"):
            return Said(200, {"events": list(self.rows), "has_more": False, "next_cursor": None})
        if path.startswith("/file"):
            self.downloads += 1
            return self.file(int(path[-1]))
        if path.startswith("/batch/"):
            return self.told()
        return Said(200, {"jobs": [], "has_more": False, "next_cursor": None})

    def file(self, number):
        return Said(200, self.results[number])

    def told(self):
        links = [f"{self.url}/file/{n}" for n in range(len(self.results))]
        whole = {"download_urls": links} if links else {}
        return Said(
            200,
            {"batch_id": self.batch_id, "status": self.status, "result_count": self.count, "action": "enrich", **whole},
        )


def line(url: str) -> bytes:
    return json.dumps({"original_identifier": url, "data": {"basic_profile": {"name": url}}}).encode()
