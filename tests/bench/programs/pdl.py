"""Another vendor's SDK against a bulk call of its own shape: 100 people a call, one call after another."""

import pandas as pd
from asking import COLUMNS, INPUT, KEY, OUTPUT, URL
from peopledatalabs import PDLPY

client = PDLPY(api_key=KEY, base_path=f"{URL}/v5")
leads = pd.read_csv(INPUT, dtype=str, keep_default_na=False)
unique = leads.loc[leads["url"] != "", "url"].drop_duplicates().tolist()
found = []
for start in range(0, len(unique), 100):
    texts = unique[start : start + 100]
    response = client.person.bulk(requests=[{"params": {"profile": [text]}} for text in texts])
    response.raise_for_status()
    for text, item in zip(texts, response.json(), strict=True):
        if item["status"] == 200:
            data = item["data"]
            schools = data["education"]
            school = schools[0]["school"]["name"] if schools else None
            mine = data["full_name"], data["headline"], data["linkedin_connections"]
            found.append((text, *mine, data["job_title"], school))
table = pd.DataFrame(found, columns=["url", *COLUMNS])
table["connections"] = table["connections"].astype("Int64")
leads.merge(table, on="url", how="left").to_csv(OUTPUT, index=False)
