"""Standard streams, of which a service or a window without a console may lack some."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, TextIO

_STANDARD: Final = range(3)


def is_terminal(stream: TextIO | None) -> bool:
    """Whether somebody sits at the other end."""
    return stream is not None and stream.isatty()


def leave_stdout() -> None:
    """Write no more to whoever read stdout and went away, not even at the end."""
    if sys.stdout is not None:
        with suppress(OSError):  # a stream that somebody put in its place has no number
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def hold_closed_places() -> None:
    """Keep files of ours from taking the numbers of standard streams that are closed: words would end up in them.

    Words for a stderr that is closed are dropped.
    """
    for number in _STANDARD:
        try:
            os.fstat(number)
        except OSError:
            with suppress(OSError):
                os.open(os.devnull, os.O_RDWR)  # takes the lowest number that is free
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - as long as the process
