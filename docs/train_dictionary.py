"""Makes ``crustframe/ledger/people.dictionary`` of the sandbox's people: ``python docs/train_dictionary.py``.

Stored answers can be read with the very dictionary alone that packed them: a new one needs a name of its own beside it.
"""

from __future__ import annotations

from pathlib import Path

import crustframe
from crustframe.api import person
from crustframe.people.identifiers import read_identifiers
from crustframe.people.records import write_json

try:
    from compression import zstd
except ImportError:
    from backports import zstd

TARGET = Path(__file__).parents[1] / "crustframe" / "ledger" / "people.dictionary"
SIZE = 2**15
N_PEOPLE, A_CALL = 2_000, 25
BASE = ("basic_profile", "experience", "education", "skills", "professional_network", "social_handles")
PAID = ("contact.business_emails", "contact.personal_emails", "contact.phone_numbers", "dev_platform_profiles")
GROUPS = frozenset({*BASE, *PAID})


def samples() -> list[bytes]:
    """Return packed-to-be answers about invented people."""
    found: list[bytes] = []
    with crustframe.sandbox(requests_per_minute=None) as sandbox:
        options = person.Options(GROUPS)
        for start in range(0, N_PEOPLE, A_CALL):
            urls = [f"https://www.linkedin.com/in/{n}-someone-{n * 7919}-example" for n in range(start, start + A_CALL)]
            asked = read_identifiers(urls).unique
            answer = options.read(options.send(sandbox.client.transport, asked).body, asked, credits=None)
            found += [write_json(matches) for matches in answer.matches.values()]
    return found


if __name__ == "__main__":
    TARGET.write_bytes(zstd.train_dict(samples(), SIZE).dict_content)
    print(f"{TARGET.name} is trained anew.")
