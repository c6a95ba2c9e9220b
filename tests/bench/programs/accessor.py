"""crustframe in pandas, with its ledger."""

import pandas as pd
from asking import INPUT, LANE, OUTPUT, PATHS, WORKERS

import crustframe

leads = pd.read_csv(INPUT, dtype=str, keep_default_na=False)
with crustframe.Client(concurrency=WORKERS) as client:
    keep = {"full": "all", "asked": "asked"}[LANE]
    found = leads.crust.enrich("url", PATHS, keep=keep, route="calls", client=client)
found.to_csv(OUTPUT, index=False)
