"""The analyst's script with requests-cache in place of a plain Session: its SQLite file is what a second run knows."""

import os

import requests_cache
from analyst import main
from asking import HEADERS

with requests_cache.CachedSession(
    os.environ["RACE_CACHE"], backend="sqlite", allowable_methods=["POST"], expire_after=30 * 86400
) as session:
    session.headers.update(HEADERS)
    main(session)
