"""An expert's client: aiohttp and orjson, a semaphore, a dict of futures; every text is asked for once."""

import asyncio
import csv

import aiohttp
import orjson
from asking import BATCH, COLUMNS, FIELDS, HEADERS, INPUT, OUTPUT, URL, WORKERS

NOTHING = (None,) * len(COLUMNS)


def cells(entry):
    if not entry["matches"]:
        return NOTHING
    person = entry["matches"][0]["person_data"]
    basic, network = person.get("basic_profile") or {}, person.get("professional_network") or {}
    jobs = ((person.get("experience") or {}).get("employment_details") or {}).get("current") or [{}]
    schools = (person.get("education") or {}).get("schools") or [{}]
    mine = basic.get("name"), basic.get("headline"), network.get("connections")
    return *mine, jobs[0].get("title"), schools[0].get("school")


async def ask(session, semaphore, batch, futures):
    body = orjson.dumps({"professional_network_profile_urls": batch, "fields": FIELDS})
    async with semaphore:
        for attempt in range(4):
            async with session.post(f"{URL}/person/enrich", data=body) as response:
                if response.status == 429 or response.status >= 500:
                    await asyncio.sleep(2**attempt)
                    continue
                response.raise_for_status()
                answer = await response.read()
                break
        else:
            raise RuntimeError("the API keeps refusing")
    for text, entry in zip(batch, orjson.loads(answer), strict=True):
        futures[text].set_result(cells(entry))


async def main():
    with open(INPUT, newline="", encoding="utf-8") as file:  # noqa: PTH123
        header, *rows = csv.reader(file)
    at, loop = header.index("url"), asyncio.get_running_loop()
    futures = {text: loop.create_future() for text in dict.fromkeys(row[at] for row in rows if row[at])}
    unique, semaphore = list(futures), asyncio.Semaphore(WORKERS)
    headers = HEADERS | {"Content-Type": "application/json"}
    connector = aiohttp.TCPConnector(limit=WORKERS)
    async with aiohttp.ClientSession(headers=headers, connector=connector) as session, asyncio.TaskGroup() as tasks:
        for start in range(0, len(unique), BATCH):
            tasks.create_task(ask(session, semaphore, unique[start : start + BATCH], futures))
    with open(OUTPUT, "w", newline="", encoding="utf-8") as file:  # noqa: PTH123
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*header, *COLUMNS])
        out.writerows([*row, *(futures[row[at]].result() if row[at] else NOTHING)] for row in rows)


asyncio.run(main())
