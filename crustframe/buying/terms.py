"""On which terms a run buys."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from crustframe.api.jobs import SubmitOptions
from crustframe.buying.progress import ProgressCallback

OnDoubt = Literal["ask", "resend", "skip"]


@dataclass(frozen=True, kw_only=True)
class Terms:
    """On which terms a run buys.

    Attributes
    ----------
    max_credits : float or None
        Never passed: the worst case of a request is set aside before it leaves.
    on_doubt : {"ask", "resend", "skip"}
        What becomes of people whose earlier request got no answer.
    stop_at_failure : bool
        Stop at the first request that fails.
    wait : bool
        Wait for jobs.
    submit : SubmitOptions
        What the submit of a job says besides who and what.
    progress : bool or callable, optional
        Who hears how far it is; ``None``: whoever watches.
    """

    max_credits: float | None = None
    on_doubt: OnDoubt = "ask"
    stop_at_failure: bool = False
    wait: bool = True
    submit: SubmitOptions = SubmitOptions()  # noqa: RUF009  (a named tuple)
    progress: bool | ProgressCallback | None = False
