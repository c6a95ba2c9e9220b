"""Whom to ask, with which key, at which pace, and where paid answers are kept."""

from __future__ import annotations

import copy
import os
import random
import time
from collections.abc import Callable
from functools import cached_property
from types import TracebackType
from typing import TYPE_CHECKING, Final, Self

from crustframe import contract
from crustframe.api import person
from crustframe.api.options import Options
from crustframe.errors import SettingError
from crustframe.ledger import Ledger
from crustframe.settings.config import Settings, read_settings

if TYPE_CHECKING:
    from crustframe.http.download import Downloader
    from crustframe.http.rate_limit import Pace
    from crustframe.http.transport import Timeouts, Transport

MAX_CONCURRENCY: Final = 8
DEFAULT_CONCURRENCY: Final = 2


class Client:
    """A way to the API: an origin, a key, a ledger and a pace.

    Nothing is opened or created before it is needed.

    Parameters
    ----------
    api_key : str, optional
        Default: ``CRUSTDATA_API_KEY``, else what `crustframe key set` stored for this origin. It is shown nowhere.
    base_url : str, optional
        Scheme and host. Default: ``CRUSTFRAME_BASE_URL``, else the API itself.
    ledger : path, optional
        The file of paid answers. Default: ``CRUSTFRAME_LEDGER``, else one file of this user.
    offline : bool, optional
        Answer from the ledger or not at all. Default: ``CRUSTFRAME_OFFLINE``.
    requests_per_minute : float, optional
        Keep below the account's own limit. Default: ``CRUSTFRAME_REQUESTS_PER_MINUTE``, else what the server says.
    concurrency : int
        Requests in flight at most, 1 to 8. What a crash puts in doubt is at most 25 people for each.
    timeouts : Timeouts, optional
        For paid calls; cutting one off early can cost its credits.
    account : str, optional
        Under which name the ledger files answers; by default the origin.
    clock, sleep, jitter : callable
        Seconds since 1970 UTC; wait; a number from 0 to 1.

    Raises
    ------
    ConfigurationError
        A key or an origin that cannot be used. Nothing was sent.
    """

    def __init__(
        self,
        *,
        api_key: str | None = None,
        base_url: str | None = None,
        ledger: str | os.PathLike[str] | None = None,
        offline: bool | None = None,
        requests_per_minute: float | None = None,
        concurrency: int = DEFAULT_CONCURRENCY,
        timeouts: Timeouts | None = None,
        account: str | None = None,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        if not 1 <= concurrency <= MAX_CONCURRENCY:
            raise SettingError(f"concurrency={concurrency!r} is not between 1 and {MAX_CONCURRENCY}. Nothing was sent.")
        self.settings: Settings = read_settings(
            api_key=api_key, base_url=base_url, ledger=ledger, offline=offline, requests_per_minute=requests_per_minute
        )
        self.concurrency = concurrency
        self.clock = clock
        self.sleep = sleep
        self.jitter = jitter
        self._timeouts = timeouts
        self.ledger = Ledger(
            self.settings.ledger,
            origin=account or self.settings.origin,
            find_key=self.settings.key.secret,
            clock=clock,
        )
        self._path = person.ENDPOINT
        self._lender: Client | None = None

    def facing(self, surface: type[Options]) -> Client:
        """Return this client before one surface: the same key and connections, that surface's answers and pace."""
        if surface.path == self._path:
            return self
        other = copy.copy(self)
        for made in ("pace", "transport"):
            other.__dict__.pop(made, None)
        other.ledger = self.ledger.of(surface.api_version)
        other._path = surface.path
        other._lender = self
        return other

    def sleeping(self, sleep: Callable[[float], None]) -> Client:
        """Return this client with another way to wait: the same key, connections and ledger."""
        other = copy.copy(self)
        other.sleep = sleep
        other._lender = self
        return other

    @cached_property
    def transport(self) -> Transport:
        """The connection; made when the first request leaves."""
        from crustframe.http.transport import Transport

        return self._lender.transport if self._lender else Transport(self.settings, self._timeouts)

    @cached_property
    def downloader(self) -> Downloader:
        """What fetches the result files of jobs; it knows no key."""
        from crustframe.http.download import Downloader

        return Downloader(self.settings)

    @cached_property
    def pace(self) -> Pace:
        """When the next request may leave."""
        from crustframe.http.rate_limit import Pace

        return Pace(self.ledger.pace(self._path), clock=self.clock, own_limit=self.settings.requests_per_minute)

    @property
    def requests_per_minute(self) -> float:
        """The pace that a plan reckons with."""
        return self.settings.requests_per_minute or float(contract.REQUESTS_PER_MINUTE)

    def credits(self) -> float:
        """Return the balance of the account (``GET /user/credits``). Free."""
        from crustframe.api.account import read_balance

        return read_balance(self.transport)

    def close(self) -> None:
        """Close connections and the ledger's file."""
        if "transport" in self.__dict__:
            self.transport.close()
            del self.__dict__["transport"]
        self.ledger.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Client({self.settings.origin}, ledger={str(self.ledger.path)!r})"
