"""One run by job, in a process of its own and in a hurry: the columns go to stdout, the receipt to stderr."""

from __future__ import annotations

import json
import sys
import time

import crustframe

what, n, began, speed = sys.argv[1], int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4])

client = crustframe.Client(
    clock=lambda: began + (time.time() - began) * speed, sleep=lambda seconds: time.sleep(seconds / speed)
)
people = [f"https://www.linkedin.com/in/lead-{number}-example" for number in range(n)]
print("ready", flush=True)
if what == "contacts":
    found = crustframe.contacts(people, client=client)
else:
    fields = ["crustdata_person_id as id", "basic_profile.name as name", "basic_profile.headline as headline"]
    found = crustframe.enrich(people, fields=fields, route="job", client=client)
found.frame.to_csv(sys.stdout)
print(json.dumps(found.report.to_dict()), file=sys.stderr)
