"""As geopy's manual tells for a column of addresses: RateLimiter around a function, applied to the distinct texts."""

import pandas as pd
import requests
from asking import COLUMNS, FIELDS, HEADERS, INPUT, OUTPUT, URL
from geopy.extra.rate_limiter import RateLimiter

session = requests.Session()
session.headers.update(HEADERS)


def look_up(url):
    body = {"professional_network_profile_urls": [url], "fields": FIELDS}
    response = session.post(f"{URL}/person/enrich", json=body, timeout=120)
    response.raise_for_status()
    matches = response.json()[0]["matches"]
    return matches[0]["person_data"] if matches else None


def cells(person):
    if person is None:
        return (None,) * len(COLUMNS)
    basic, network = person.get("basic_profile") or {}, person.get("professional_network") or {}
    jobs = ((person.get("experience") or {}).get("employment_details") or {}).get("current") or [{}]
    schools = (person.get("education") or {}).get("schools") or [{}]
    mine = basic.get("name"), basic.get("headline"), network.get("connections")
    return *mine, jobs[0].get("title"), schools[0].get("school")


leads = pd.read_csv(INPUT, dtype=str, keep_default_na=False)
limited = RateLimiter(look_up, min_delay_seconds=0)
unique = leads.loc[leads["url"] != "", "url"].drop_duplicates()
table = pd.DataFrame(unique.apply(limited).map(cells).tolist(), columns=COLUMNS, index=unique)
table["connections"] = table["connections"].astype("Int64")
leads.join(table, on="url").to_csv(OUTPUT, index=False)
