"""The floor of jobs: submit all, stream each file through zlib and one typed parse, write with the csv module."""

import csv
import json
import time
import zlib
from urllib.request import Request, urlopen

from asking import COLUMNS, FIELDS, HEADERS, INPUT, OUTPUT, URL
from msgspec import Struct
from msgspec.json import Decoder
from people import Person, cells_of


class Line(Struct, gc=False):
    original_identifier: str
    data: Person


def ask(path, body=None):
    headers = HEADERS | {"Content-Type": "application/json"}
    return json.load(urlopen(Request(URL + path, body and json.dumps(body).encode(), headers)))  # noqa: S310


with open(INPUT, newline="", encoding="utf-8") as file:  # noqa: PTH123
    header, *rows = csv.reader(file)
at = header.index("url")
unique = [*dict.fromkeys(row[at] for row in rows if row[at])]
parts = [unique[start : start + 10_000] for start in range(0, len(unique), 10_000)]
jobs = [ask("/batch/person/enrich", {"professional_network_profile_urls": part, "fields": FIELDS}) for part in parts]
found, decoder = {}, Decoder(Line)
for job in jobs:
    while (status := ask(f"/batch/{job['batch_id']}"))["status"] != "completed":
        time.sleep(0.25)
    with urlopen(status["download_url"]) as packed:  # noqa: S310
        unpack, rest = zlib.decompressobj(31), b""
        while piece := packed.read(2**18):
            *lines, rest = (rest + unpack.decompress(piece)).split(b"\n")
            for text in lines:
                line = decoder.decode(text)
                found[line.original_identifier] = cells_of(line.data)
with open(OUTPUT, "w", newline="", encoding="utf-8") as file:  # noqa: PTH123
    out, nothing = csv.writer(file, lineterminator="\n"), (None,) * len(COLUMNS)
    out.writerow([*header, *COLUMNS])
    out.writerows([*row, *found.get(row[at], nothing)] for row in rows)
