"""The process that answers LibreOffice: the user's own Python, asked through its standard input.

One line of JSON for a question, one for the answer. In between the helper may ask back, once, what the other
formulas of the sheet ask: ``{"ask": "ahead"}``, answered with ``{"ahead": [[identifier, fields], ...]}``.
"""

from __future__ import annotations

import json
import logging
import os
import sys
from collections.abc import Callable
from datetime import datetime
from typing import Any, Final, TextIO

from excel_addin.cells import Cell, CellError, Grid, serial
from excel_addin.functions import Desk

Answer = dict[str, Any]


class Helper:
    """Answers questions about one office process until its input ends.

    Parameters
    ----------
    desk : Desk
    questions, answers : file
    """

    def __init__(self, desk: Desk, questions: TextIO, answers: TextIO) -> None:
        self._desk = desk
        self._questions = questions
        self._answers = answers

    def run(self) -> None:
        """Answer until there are no more questions."""
        try:
            for line in self._questions:
                question = json.loads(line)
                self._say(_COMMANDS[question["call"]](self, [_from_wire(value) for value in question["arguments"]]))
        finally:
            self._desk.close()

    def enrich(self, arguments: list[object]) -> Answer:
        """Answer ENRICH."""
        identifiers, fields, headers, refresh_token = arguments
        return _values(self._desk.enrich(identifiers, fields, headers, refresh_token, read_ahead=self._read_ahead))

    def cost(self, arguments: list[object]) -> Answer:
        """Answer COST."""
        return _values(self._desk.cost(*arguments))

    def fields(self, arguments: list[object]) -> Answer:
        """Answer FIELDS."""
        return _values(self._desk.fields(*arguments))

    def status(self, arguments: list[object]) -> Answer:
        """Answer STATUS."""
        return _values(self._desk.status())

    def survey(self, arguments: list[object]) -> Answer:
        """Begin to gather whom the formulas miss."""
        self._desk.survey()
        return {}

    def offer(self, arguments: list[object]) -> Answer:
        """Say whom the formulas miss and what they may cost."""
        people, credits = self._desk.offer()
        return {"people": people, "credits": credits, "question": self._desk.question}

    def buy(self, arguments: list[object]) -> Answer:
        """Buy them for at most the credits that the user agreed to."""
        (max_credits,) = arguments
        return {"said": self._desk.buy(float(str(max_credits)))}

    def _read_ahead(self) -> list[tuple[object, object]]:
        self._say({"ask": "ahead"})
        return [(identifier, fields) for identifier, fields in json.loads(next(self._questions))["ahead"]]

    def _say(self, answer: Answer) -> None:
        self._answers.write(json.dumps(answer) + "\n")
        self._answers.flush()


_COMMANDS: Final[dict[str, Callable[[Helper, list[object]], Answer]]] = {
    "ENRICH": Helper.enrich,
    "COST": Helper.cost,
    "FIELDS": Helper.fields,
    "STATUS": Helper.status,
    "survey": Helper.survey,
    "offer": Helper.offer,
    "buy": Helper.buy,
}


def _values(grid: Grid) -> Answer:
    return {"values": [[_to_wire(cell) for cell in row] for row in grid]}


def _to_wire(cell: Cell) -> object:
    match cell:
        case CellError():
            return {"error": cell.value}
        case datetime():
            return serial(cell)
        case _:
            return cell


def _from_wire(value: object) -> object:
    if isinstance(value, dict):
        return CellError.VALUE
    return [_from_wire(inner) for inner in value] if isinstance(value, list) else value


def main() -> None:
    """Answer the office that started this process."""
    from excel_addin.desk import open_desk

    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # whatever a library prints is no answer
    questions = os.fdopen(os.dup(sys.stdin.fileno()), encoding="utf-8")
    logging.basicConfig(level=logging.WARNING, stream=sys.stderr)
    Helper(open_desk(), questions, answers).run()


if __name__ == "__main__":
    main()
