"""An analyst's job: one after another, the file unpacked whole, read_json, json_normalize, merge."""

import gzip
import io
import time

import pandas as pd
import requests
from asking import COLUMNS, FIELDS, HEADERS, INPUT, OUTPUT, PATHS, URL

session = requests.Session()
session.headers.update(HEADERS)
leads = pd.read_csv(INPUT, dtype=str, keep_default_na=False)
unique = leads.loc[leads["url"] != "", "url"].drop_duplicates().tolist()
tables = []
for start in range(0, len(unique), 10_000):
    body = {"professional_network_profile_urls": unique[start : start + 10_000], "fields": FIELDS}
    response = session.post(f"{URL}/batch/person/enrich", json=body, timeout=120)
    response.raise_for_status()
    job = response.json()["batch_id"]
    while (status := session.get(f"{URL}/batch/{job}", timeout=60).json())["status"] != "completed":
        time.sleep(0.25)
    lines = gzip.decompress(requests.get(status["download_url"], timeout=120).content)
    found = pd.read_json(io.BytesIO(lines), lines=True)
    people = pd.json_normalize(found["data"].tolist())
    table = people[[PATHS["name"], PATHS["headline"], PATHS["connections"]]].set_axis(COLUMNS[:3], axis=1)
    table["connections"] = table["connections"].astype("Int64")
    table["title"] = people["experience.employment_details.current"].str[0].str.get("title")
    table["school"] = people["education.schools"].str[0].str.get("school")
    tables.append(table.assign(url=found["original_identifier"]))
leads.merge(pd.concat(tables), on="url", how="left").to_csv(OUTPUT, index=False)
