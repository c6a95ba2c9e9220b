"""One run by job in a process of its own, with a clock that runs faster; the last line says what came of it."""

from __future__ import annotations

import hashlib
import json
import sys
import time

import crustframe

url, ledger, began, speed, people = sys.argv[1], sys.argv[2], float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])

client = crustframe.Client(
    api_key="sandbox-key",
    base_url=url,
    ledger=ledger,
    clock=lambda: began + (time.time() - began) * speed,
    sleep=lambda seconds: time.sleep(seconds / speed),
)
print("started", flush=True)
found = crustframe.enrich(
    [f"https://www.linkedin.com/in/lead-{number}" for number in range(people)],
    fields=["basic_profile.name", "crustdata_person_id as id", "experience.employment_details.current.title as title"],
    route="job",
    client=client,
)
text = found.frame.to_csv()
print(
    json.dumps(
        {
            "digest": hashlib.sha256(text.encode()).hexdigest(),
            "statuses": found.report.statuses,
            "rows": len(found.frame),
        }
    )
)
