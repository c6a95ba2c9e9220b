"""Every candidate that was bought, one row each."""

from __future__ import annotations

from typing import TYPE_CHECKING

from crustframe.client import Client
from crustframe.columns.assembly import verdict_columns
from crustframe.columns.expand import Expansion
from crustframe.people.identifiers import Identifiers
from crustframe.people.records import Match, Record
from crustframe.people.verdict import MinVerdict, Verdict, judged
from crustframe.verbs.question import PersonQuestion
from crustframe.verbs.routed_question import known_of

if TYPE_CHECKING:
    import pandas as pd


def matches_of(
    client: Client, identifiers: Identifiers, question: PersonQuestion, min_verdict: MinVerdict | None
) -> pd.DataFrame:
    """Return one row for each candidate that was bought, best first."""
    import pandas as pd

    from crustframe.columns.schema import validate

    known = known_of(client, identifiers, question)
    by_key = {identifier.key: identifier for identifier in identifiers.unique}
    candidates: list[tuple[Record, int, Match]] = []
    verdicts: list[Verdict] = []
    for recalled in client.ledger.recall(identifiers.unique, known, question.need):
        record, given = judged(recalled, by_key[recalled.key], question.evidence, min_verdict)
        candidates += [(record, rank, match) for rank, match in enumerate(record.matches, 1)]
        verdicts += given
    client.ledger.close()
    expansion = Expansion(question.paths, len(candidates))
    for position, (record, _, match) in enumerate(candidates):
        expansion.put(position, Record(record.key, "matched", (match,)))
    frame, _ = validate(expansion)
    remarks = {
        "crust.identifier": pd.array([by_key[r.key].text for r, _, _ in candidates], dtype="string"),
        "crust.rank": pd.array([rank for _, rank, _ in candidates], dtype="Int64"),
        "crust.confidence_score": pd.array([m.confidence_score for _, _, m in candidates], dtype="Float64"),
        **verdict_columns(verdicts),
    }
    return pd.concat([pd.DataFrame(remarks, index=frame.index), frame], axis=1)
