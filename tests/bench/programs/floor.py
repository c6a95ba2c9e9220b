"""The floor: sockets, one typed parse, the csv module. Nothing is checked, nothing is kept, any fault ends it."""

import csv
import json
import queue
import socket
import threading
from urllib.parse import urlsplit

from asking import BATCH, COLUMNS, FIELDS, HEADERS, INPUT, OUTPUT, URL, WORKERS
from msgspec import Struct
from msgspec.json import Decoder
from people import Person, cells_of

NOTHING = (None,) * len(COLUMNS)


class Match(Struct, gc=False):
    person_data: Person


class Entry(Struct, gc=False):
    matched_on: str
    matches: list[Match]


def work(batches: queue.SimpleQueue, found: dict) -> None:
    decoder, buffer = Decoder(list[Entry]), bytearray(2**20)
    view, address = memoryview(buffer), urlsplit(URL)
    with socket.create_connection((address.hostname, address.port)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        head = "POST /person/enrich HTTP/1.1\r\nHost: api\r\nContent-Type: application/json\r\n"
        head += "".join(f"{name}: {value}\r\n" for name, value in HEADERS.items())
        while (batch := batches.get()) is not None:
            body = json.dumps({"professional_network_profile_urls": batch, "fields": FIELDS}).encode()
            wire.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            n, start, end = 0, 0, len(buffer)
            while n < end:
                n += (got := wire.recv_into(view[n:]))
                assert got, "the server hung up"
                if not start and (at := buffer.find(b"\r\n\r\n", 0, n)) > 0:
                    headers = bytes(view[:at])
                    assert headers.startswith(b"HTTP/1.1 200"), headers
                    start, end = at + 4, at + 4 + int(headers.split(b"content-length: ")[1].split(b"\r\n")[0])
            for entry in decoder.decode(view[start:end]):
                match = entry.matches
                found[entry.matched_on] = cells_of(match[0].person_data) if match else NOTHING


with open(INPUT, newline="", encoding="utf-8") as file:  # noqa: PTH123
    header, *rows = csv.reader(file)
at = header.index("url")
unique = [*dict.fromkeys(row[at] for row in rows if row[at])]
batches: queue.SimpleQueue = queue.SimpleQueue()
for start in range(0, len(unique), BATCH):
    batches.put(unique[start : start + BATCH])
found: dict[str, tuple] = {"": NOTHING}
threads = [threading.Thread(target=work, args=(batches, found)) for _ in range(WORKERS)]
for thread in threads:
    batches.put(None)
    thread.start()
for thread in threads:
    thread.join()
with open(OUTPUT, "w", newline="", encoding="utf-8") as file:  # noqa: PTH123
    out = csv.writer(file, lineterminator="\n")
    out.writerow([*header, *COLUMNS])
    out.writerows([*row, *found[row[at]]] for row in rows)
