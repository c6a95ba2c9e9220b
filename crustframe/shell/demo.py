"""The main job on the embedded sandbox: 200 invented leads with repeats, other spellings, blanks and junk."""

from __future__ import annotations

import contextlib
import sys
import tempfile
from importlib import resources
from pathlib import Path
from typing import Any, Final

from crustframe.tables import read_table
from crustframe.verbs.embedded import EmbeddedSandbox
from crustframe.verbs.enrichment import enrich, plan

COLUMN: Final = "contact"
FIELDS: Final = (
    "basic_profile.name as name",
    "basic_profile.current_title as title",
    "experience.employment_details.current.name as employer",
    "professional_network.connections as connections",
    "skills.professional_network_skills | count as skills",
    "basic_profile.location.country as country",
)
_WIDTH: Final = 32
_SHOWN: Final = ("lead_id", COLUMN, "crust.status", "name", "title", "employer", "connections", "skills")


def run(output: Path | None = None) -> None:
    """Run the job; print the plan, the progress, the table and the receipts of two runs.

    Parameters
    ----------
    output : pathlib.Path, optional
        Where to keep the table; by default it is only shown.
    """
    with contextlib.suppress(AttributeError):  # a stream that somebody put in the place of stdout
        sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as folder, EmbeddedSandbox(latency_s=0.3) as sandbox:
        leads = Path(folder) / "leads.csv"
        leads.write_bytes(resources.files("crustframe.shell").joinpath("demo_leads.csv").read_bytes())
        table = read_table(str(leads))
        cells = table.column(COLUMN)
        client = sandbox.client

        _title(f"{table.n_rows} leads; the column {COLUMN!r} holds profile URLs, e-mails, repeats, blanks and junk")
        _title("The plan: nothing is sent yet")
        print(plan(cells, fields=FIELDS, client=client))

        _title("The run, against the embedded sandbox with a ceiling of 150 credits")
        first = enrich(cells, fields=FIELDS, max_credits=150, progress=True, client=client)
        destination = str(output or Path(folder) / "leads_with_people.csv")
        written = table.write(destination, first.frame)
        _show(destination)
        if written.neutralised:
            print(written.defused)

        _title("The receipt")
        print(first.report)

        _title("The same again, with one more column")
        print(enrich(cells, fields=[*FIELDS, "basic_profile.headline as headline"], client=client).report)
        if output is not None:
            _title(f"The whole table is in {output}")


def _title(text: str) -> None:
    sys.stdout.flush()
    print(f"\n== {text}")


def _show(destination: str) -> None:
    import pandas as pd

    rows: Any = pd.read_csv(destination, dtype=str, keep_default_na=False)
    sample = pd.concat([rows.drop_duplicates("crust.status"), rows[rows["crust.status"] == "matched"].head(8)])
    shown = sample[~sample.index.duplicated()].sort_index()[list(_SHOWN)]
    print(f"\n{len(shown)} of {len(rows)} rows, every status among them:\n")
    clean = shown.map(lambda text: "".join(letter if letter.isprintable() else " " for letter in text))
    cut = clean.map(lambda text: text if len(text) <= _WIDTH else text[: _WIDTH - 3] + "...")
    widths = [max(map(len, [name, *cut[name]])) for name in cut.columns]
    for row in [cut.columns, *cut.itertuples(index=False)]:
        print("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())
