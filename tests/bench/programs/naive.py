"""What many write first: apply over the rows, one request each."""

import pandas as pd
import requests
from asking import COLUMNS, FIELDS, HEADERS, INPUT, OUTPUT, URL


def look_up(row):
    if not row["url"]:
        return pd.Series([None] * len(COLUMNS), COLUMNS)
    body = {"professional_network_profile_urls": [row["url"]], "fields": FIELDS}
    response = requests.post(f"{URL}/person/enrich", headers=HEADERS, json=body, timeout=120)
    response.raise_for_status()
    matches = response.json()[0]["matches"]
    if not matches:
        return pd.Series([None] * len(COLUMNS), COLUMNS)
    person = matches[0]["person_data"]
    basic, network = person.get("basic_profile") or {}, person.get("professional_network") or {}
    jobs = ((person.get("experience") or {}).get("employment_details") or {}).get("current") or [{}]
    schools = (person.get("education") or {}).get("schools") or [{}]
    found = [basic.get("name"), basic.get("headline"), network.get("connections")]
    return pd.Series([*found, jobs[0].get("title"), schools[0].get("school")], COLUMNS)


leads = pd.read_csv(INPUT, dtype=str, keep_default_na=False)
leads[COLUMNS] = leads.apply(look_up, axis=1)
leads.to_csv(OUTPUT, index=False)
