"""One row per person while the records come in; one row per cell, or per candidate, at the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal

from crustframe.columns.expand import JOINT, Expansion
from crustframe.columns.frames import STATUS_COLUMN
from crustframe.fields import Path
from crustframe.people.identifiers import Identifiers
from crustframe.people.records import Evidence, Record, Status
from crustframe.people.verdict import MinVerdict, Verdict, judged

if TYPE_CHECKING:
    import pandas as pd

Provenance = Literal["none", "status", "full"]

_UNSETTLED: Final = frozenset({"failed", "in_doubt"})
_NOT_RUN: Final[Status] = "not_run"
_RANKS: Final[Mapping[Status, int]] = {
    "invalid": 0,
    "in_doubt": 2,
    "failed": 3,
    "not_run": 4,
    "matched": 5,
    "no_match": 6,
}
"""Which of several parts decides on a person: whatever is open, then whoever was found."""


def _rank(remark: Record | None) -> int:
    if remark is None:
        return _RANKS[_NOT_RUN]
    is_under_way = remark.status == _NOT_RUN and remark.request_id is not None
    return 1 if is_under_way else _RANKS[remark.status]


class PeopleTable:
    """One row per person while the records come in; one row per cell at the end.

    Parameters
    ----------
    identifiers : Identifiers
    parts : sequence of sequence of Path
        Columns that are bought together; a person may be found for one part and not for another.
    evidence : callable, optional
        What a profile says about who it is; with it, candidates are judged.
    min_verdict : str, optional
        Candidates below it are left out.
    """

    def __init__(
        self,
        identifiers: Identifiers,
        parts: Sequence[Sequence[Path]],
        evidence: Callable[[Mapping[str, Any]], Evidence] | None = None,
        min_verdict: MinVerdict | None = None,
    ) -> None:
        self.identifiers = identifiers
        self._positions = {identifier.key: n for n, identifier in enumerate(identifiers.unique)}
        length = len(identifiers.unique)
        self._expansions = [Expansion(paths, length) for paths in parts]
        self._evidence = evidence
        self._min_verdict = min_verdict
        self._verdicts: list[Verdict | None] = [None] * length
        self._remarks: list[list[Record | None]] = [[None] * length for _ in parts]
        self._scores: list[float | None] = [None] * length
        self._match_counts: list[int | None] = [None] * length

    def put(self, record: Record, part: int = 0) -> None:
        """Take in what is known of one person for one part."""
        position = self._positions[record.key]
        if self._evidence is not None:
            record, verdicts = judged(record, self.identifiers.unique[position], self._evidence, self._min_verdict)
            if not part:
                self._verdicts[position] = verdicts[0] if verdicts else None
        self._remarks[part][position] = replace(record, matches=())
        if not part:  # who somebody is, the first part tells
            self._match_counts[position] = len(record.matches)
            self._scores[position] = record.matches[0].confidence_score if record.matches else None
        self._expansions[part].put(position, record)

    @property
    def statuses(self) -> list[Status]:
        """What happened to each person: where parts differ, what is still open."""
        return [_NOT_RUN if remark is None else remark.status for remark in self._decisive()]

    def _decisive(self) -> list[Record | None]:
        if len(self._remarks) == 1:
            return self._remarks[0]
        return [min(remarks, key=_rank) for remarks in zip(*self._remarks, strict=True)]

    def rows(self) -> tuple[list[Status], list[list[Any]]]:
        """Return the status and the checked cells of every row, without pandas."""
        columns = [
            column if path.limits is None else [_within(value, *path.limits) for value in column]
            for expansion in self._expansions
            for path, column in zip(expansion.paths, expansion.columns, strict=True)
        ]
        of_people = self.statuses
        statuses: list[Status] = []
        values: list[list[Any]] = []
        for row, position in enumerate(self.identifiers.per_row):
            if position < 0:
                statuses.append(self.identifiers.refusals[row].status)
                values.append([None] * len(columns))
            else:
                statuses.append(of_people[position])
                values.append([column[position] for column in columns])
        return statuses, values

    def problems(self) -> Counter[str]:
        """Return why people are not settled, with how many."""
        return Counter(
            remark.reason for remark in self._decisive() if remark and remark.reason and remark.status in _UNSETTLED
        )

    def columns(self, provenance: Provenance) -> tuple[pd.DataFrame, Mapping[tuple[str, str], int]]:
        """Return the new columns, one row per cell, and the count of values that broke the schema."""
        import pandas as pd

        from crustframe.columns.schema import validate

        drift: Counter[tuple[str, str]] = Counter()
        frames: list[pd.DataFrame] = []
        for expansion in self._expansions:
            frame, wrong = validate(expansion)
            frames.append(frame)
            drift.update(wrong)
        people = frames[0] if len(frames) == 1 else pd.concat(frames, axis=1)
        people.index = pd.RangeIndex(len(people))
        for name, values in self._provenance(provenance).items():
            people[name] = values
        codes = pd.array(self.identifiers.per_row, dtype="int64").to_numpy()
        rows = {name: _take(people[name], codes) for name in people.columns}
        frame = pd.DataFrame(rows, index=pd.RangeIndex(len(codes)))
        if provenance != "none":
            self._remark_on_refusals(frame)
        return frame, drift

    def _provenance(self, provenance: Provenance) -> dict[str, Any]:
        import pandas as pd

        if provenance == "none":
            return {}
        columns: dict[str, Any] = {
            STATUS_COLUMN: pd.array(self.statuses, dtype="string"),
            "crust.confidence_score": pd.array(self._scores, dtype="Float64"),
        }
        if provenance == "full":
            seen = [Record("", _NOT_RUN) if remark is None else remark for remark in self._decisive()]
            at = [r.fetched_at for r in seen]
            times = [None if t is None else pd.Timestamp(t, unit="s", tz="UTC").floor("us") for t in at]
            columns |= {
                "crust.source": pd.array([r.source for r in seen], dtype="string"),
                "crust.fetched_at": pd.array(times, dtype=pd.DatetimeTZDtype("us", "UTC")),
                "crust.request_id": pd.array([r.request_id for r in seen], dtype="string"),
                "crust.match_count": pd.array(self._match_counts, dtype="Int64"),
                "crust.reason": pd.array([r.reason for r in seen], dtype="string"),
                **verdict_columns(self._verdicts),
            }
        return columns

    def _remark_on_refusals(self, frame: pd.DataFrame) -> None:
        import pandas as pd

        refusals = self.identifiers.refusals
        if not refusals:
            return
        rows = list(refusals)
        status = frame[STATUS_COLUMN].array.copy()
        status[rows] = [refusal.status for refusal in refusals.values()]
        frame[STATUS_COLUMN] = pd.Series(status, index=frame.index)
        if "crust.reason" in frame.columns:
            reason = frame["crust.reason"].array.copy()
            reason[rows] = [None if r.reason == "blank" else r.reason for r in refusals.values()]
            frame["crust.reason"] = pd.Series(reason, index=frame.index)


def _within(value: Any, least: float, greatest: float) -> Any:
    return value if value is not None and least <= value <= greatest else None


def _take(series: pd.Series[Any], codes: Any) -> Any:
    import pandas as pd

    if series.dtype == object:
        return pd.api.extensions.take(series.to_numpy(), codes, allow_fill=True, fill_value=pd.NA)
    return series.array.take(codes, allow_fill=True)


def verdict_columns(verdicts: Sequence[Verdict | None]) -> dict[str, Any]:
    """Return the columns that tell what was judged of each candidate."""
    import pandas as pd

    return {
        "crust.match_verdict": pd.array([None if v is None else v.word for v in verdicts], dtype="string"),
        "crust.match_reasons": pd.array(
            [None if v is None else JOINT.join(v.reasons) for v in verdicts], dtype="string"
        ),
    }


def provenance_names(provenance: Provenance) -> list[str]:
    """Return the ``crust.`` columns that come along."""
    status = [STATUS_COLUMN, "crust.confidence_score"]
    full = ["crust.source", "crust.fetched_at", "crust.request_id", "crust.match_count", "crust.reason"]
    full += ["crust.match_verdict", "crust.match_reasons"]
    return {"none": [], "status": status, "full": status + full}[provenance]
