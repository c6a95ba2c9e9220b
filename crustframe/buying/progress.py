"""One line on stderr: spent, left, hits, time to go. Quiet in pipes."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any, NamedTuple

from crustframe.wording import counted, noun


class Progress(NamedTuple):
    """How far a run is.

    Attributes
    ----------
    done, total : int
        People settled, and people to ask for.
    found : int
        How many of them matched.
    calls : int
        Requests that left.
    credits : float
        Spent by this run.
    credits_left : float or None
        To the ceiling, if there is one.
    waiting_for : str
        Jobs under way and what the API says of them; empty without jobs.
    """

    done: int
    total: int
    found: int
    calls: int
    credits: float
    credits_left: float | None
    waiting_for: str = ""


ProgressCallback = Callable[[Progress], object]


class Bar:
    """Shows progress with tqdm."""

    def __init__(self, total: int) -> None:
        from tqdm import tqdm

        self._bar: Any = tqdm(
            total=total,
            file=sys.stderr,
            dynamic_ncols=True,
            unit=noun(total, "person", "people"),
            bar_format="{percentage:3.0f}% |{bar}| {n_fmt} of {total_fmt} {unit}{postfix}, {remaining} to go",
        )

    def __call__(self, progress: Progress) -> None:
        """Redraw."""
        left = "" if progress.credits_left is None else f", {progress.credits_left:.12g} left"
        spent = f"{counted(progress.credits, 'credit')} spent{left}, {counted(progress.calls, 'call')}"
        jobs = f", {progress.waiting_for}" if progress.waiting_for else ""
        self._bar.set_postfix_str(f"{progress.found} found, {spent}{jobs}", refresh=False)
        if progress.done == self._bar.n:
            self._bar.refresh()
        else:
            self._bar.update(progress.done - self._bar.n)

    def close(self) -> None:
        """Leave the last state on the screen."""
        self._bar.close()


def is_watched() -> bool:
    """Whether somebody sees stderr: a terminal or a notebook."""
    return (
        sys.stderr is not None and sys.stderr.isatty()
    ) or "ipykernel.zmqshell" in sys.modules  # which a kernel has loaded, and nobody else


def read_progress(progress: bool | ProgressCallback | None, total: int) -> tuple[ProgressCallback, Callable[[], None]]:
    """Return what to call with every step, and what to call at the end."""
    if callable(progress):
        return progress, lambda: None
    if total and sys.stderr is not None and (is_watched() if progress is None else progress):
        bar = Bar(total)
        return bar, bar.close
    return lambda _: None, lambda: None
