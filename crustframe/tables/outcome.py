"""What became of a table that was written."""

from __future__ import annotations

from dataclasses import dataclass

from crustframe.wording import counted


@dataclass(frozen=True)
class Written:
    """What was written.

    Attributes
    ----------
    rows : int
        Rows below the header.
    columns : int
        All columns, the table's own and the added ones.
    neutralised : int
        Cells defused because a spreadsheet could have run them: added ones, and those that a change of kind
        from workbook to text or back would have brought to life.
    cut : int
        Texts cut at Excel's 32,767 characters; 0 but for workbooks.
    sums : int
        Phone numbers of a delimited text that Excel would take for sums, such as ``+1-555-0148``.
    joined : int
        Texts of several lines that were put on one.
    """

    rows: int
    columns: int
    neutralised: int
    cut: int = 0
    sums: int = 0
    joined: int = 0

    @property
    def defused(self) -> str:
        """What to say of the cells that were neutralised."""
        what = (
            "cell that a spreadsheet would run as a formula was",
            "cells that a spreadsheet would run as formulas were",
        )
        return f"{counted(self.neutralised, *what)} defused with a leading '"
