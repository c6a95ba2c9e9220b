"""One exchange with the API: what leaves, what comes back, and whether it may have cost something.

Three phases decide about money. Never connected: surely free. Left, and no complete answer: unknown. Answered:
the answer says. Nothing is ever sent again from here.
"""

from __future__ import annotations

import contextlib
import os
import socket
import threading
import time
import weakref
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from email.utils import parsedate_to_datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final, NamedTuple

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from crustframe import __version__, contract
from crustframe.errors import APIConnectionError, APIError, NoAnswerError, ResponseError, TransportError
from crustframe.settings.config import Settings
from crustframe.settings.keys import Secret

_BODY_CAP: Final = 64 * 2**20
_IDLE_S: Final = 1.0
"""How long a connection may lie idle before the next request takes a fresh one: whoever is at its other end may close
it just as a paid request leaves, and nobody would know whether that was charged."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait. Short ones cost money: a slow success that is cut off is paid and lost.

    Attributes
    ----------
    connect_s, read_s, total_s : float
        To connect, between two bytes, and for the whole exchange.
    """

    connect_s: float = 5.0
    read_s: float = 120.0
    total_s: float = 180.0

    def longer_by(self, seconds: float) -> Timeouts:
        """Return the patience for a request over which the API takes so much longer."""
        return replace(self, read_s=self.read_s + seconds, total_s=self.total_s + seconds) if seconds else self

    @classmethod
    def for_free_calls(cls) -> Timeouts:
        """Return shorter ones, for calls that may be repeated."""
        return cls(read_s=30.0, total_s=60.0)


class Exchange(NamedTuple):
    """A complete answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def request_id(self) -> str | None:
        """``x-request-id``, cut to what the contract allows."""
        value = self.headers.get(contract.REQUEST_ID_HEADER)
        return value[:256] if value else None


class _Authorization(AuthBase):
    """Sets the key as late as possible, and in place of anything a .netrc would add."""

    def __init__(self, key: Secret, scheme: str = "Bearer") -> None:
        self._key = key
        self._scheme = scheme

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"{self._scheme} {self._key.reveal()}"
        return request


class _Wire(threading.local):
    """The connection that this thread's exchange runs on, so that a deadline can end it."""

    connection: weakref.ref[HTTPConnection] | None = None


_wire = _Wire()


class _Noted:
    def request(self, *args: Any, **kwargs: Any) -> None:
        _wire.connection = weakref.ref(self)  # type: ignore[arg-type]
        super().request(*args, **kwargs)  # type: ignore[misc]


class _NotedHTTP(_Noted, HTTPConnection):
    pass


class _NotedHTTPS(_Noted, HTTPSConnection):
    pass


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _NotedHTTP


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _NotedHTTPS


class _Adapter(HTTPAdapter):
    """One try, never a second: urllib3 must not send a paid POST again."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _HTTPPool, "https": _HTTPSPool}


def ca_bundle() -> bool | str:
    """Return whose certificates are trusted: those of a proxy that opens TLS, where one is named, else the usual."""
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


class Transport:
    """Speaks to one origin with one key.

    Parameters
    ----------
    settings : Settings
        Must hold a key.
    timeouts : Timeouts
        For paid calls.
    """

    def __init__(self, settings: Settings, timeouts: Timeouts | None = None) -> None:
        self._origin = settings.origin
        self._key = settings.require_key()
        self._timeouts = timeouts or Timeouts()
        self._local = threading.local()
        self._proxies = {} if settings.is_loopback else get_environ_proxies(settings.origin)
        self._verify = ca_bundle()
        self._sessions: list[requests.Session] = []
        self._told: tuple[float, float] | None = None

    def server_time(self) -> float | None:
        """Return the time by the server's clock, as its latest answer told it; None where none did.

        This machine's clock has no part in it.
        """
        if self._told is None:
            return None
        at, then = self._told
        return at + time.monotonic() - then

    def post(self, path: str, body: bytes, *, takes_s: float = 0.0) -> Exchange:
        """Send a request that may cost credits, once; `takes_s` is how much longer than others it may take."""
        headers = {"Content-Type": "application/json", contract.VERSION_HEADER: contract.API_VERSION}
        return self._exchange("POST", path, headers=headers, body=body, timeouts=self._timeouts.longer_by(takes_s))

    def query(
        self, path: str, params: Mapping[str, str], *, scheme: str, takes_s: float = 0.0, is_free: bool = False
    ) -> Exchange:
        """Ask by GET for something that may cost credits, once, with the key under another scheme than Bearer."""
        auth = _Authorization(self._key, scheme)
        timeouts = Timeouts.for_free_calls() if is_free else self._timeouts.longer_by(takes_s)
        return self._exchange("GET", path, params=params, timeouts=timeouts, auth=auth)

    def get(self, path: str, params: Mapping[str, str] | None = None) -> Exchange:
        """Read something that is free."""
        headers = {contract.VERSION_HEADER: contract.API_VERSION}
        return self._exchange("GET", path, headers=headers, params=params, timeouts=Timeouts.for_free_calls())

    def close(self) -> None:
        """Close every connection."""
        for session in self._sessions:
            session.close()
        self._sessions.clear()
        self._local = threading.local()

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None or self._local.pid != os.getpid():  # a connection does not survive a fork
            session = requests.Session()
            session.trust_env = False  # no .netrc; proxies and CA bundles are read once, above
            session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
            session.headers.update({"User-Agent": f"crustframe/{__version__}", "Accept-Encoding": "gzip"})
            adapter = _Adapter(max_retries=urllib3.Retry(0, read=False), pool_connections=1, pool_maxsize=1)
            session.mount("https://", adapter)
            session.mount("http://", adapter)
            self._local.session, self._local.pid, self._local.used_at = session, os.getpid(), time.time()
            self._sessions.append(session)
        elif abs(time.time() - self._local.used_at) > _IDLE_S:  # this clock goes on while a laptop sleeps
            session.close()  # its connections; the next request opens one
        return session

    def _exchange(
        self,
        method: str,
        path: str,
        *,
        timeouts: Timeouts,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        body: bytes | None = None,
        auth: AuthBase | None = None,
    ) -> Exchange:
        failed: APIError
        with _deadline(timeouts.total_s) as deadline:
            try:
                return self._answer(deadline, method, path, timeouts, headers, params, body, auth)
            except (requests.exceptions.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
                failed = self._typed(error, deadline, timeouts)
        raise failed  # here, so that it carries nothing of an error that knows the key

    def _answer(
        self,
        deadline: _Deadline,
        method: str,
        path: str,
        timeouts: Timeouts,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        body: bytes | None,
        auth: AuthBase | None,
    ) -> Exchange:
        response = self._session().request(
            method,
            self._origin + path,
            params=params,
            data=body,
            headers=dict(headers or {}),
            auth=auth or _Authorization(self._key),
            timeout=(timeouts.connect_s, timeouts.read_s),
            allow_redirects=False,
            proxies=dict(self._proxies),
            verify=self._verify,
            stream=True,
        )
        try:
            content = response.raw.read(_BODY_CAP + 1, decode_content=True)
        finally:
            response.close() if deadline.expired else response.raw.release_conn()
            self._local.used_at = time.time()
        if deadline.expired:  # headers cut by our own deadline read like a complete answer
            raise requests.exceptions.ReadTimeout("deadline")
        if len(content) > _BODY_CAP:
            raise ResponseError(f"The answer is larger than {_BODY_CAP:,} bytes; it may have been charged.")
        self._note_time(response.headers.get("date"))
        return Exchange(response.status_code, response.headers, content)

    def _note_time(self, date: str | None) -> None:
        with contextlib.suppress(TypeError, ValueError):
            self._told = parsedate_to_datetime(date or "").timestamp(), time.monotonic()

    def _typed(self, error: Exception, deadline: _Deadline, timeouts: Timeouts) -> APIError:
        match error:
            case APIError():
                return error
            case requests.exceptions.SSLError() if _wire.connection is None:  # before the request: TLS comes first
                return TransportError(
                    f"The TLS certificate of {self._origin} cannot be trusted ({_cause(error)}). Nothing was sent.",
                    hint="behind a company proxy, name its certificate file in REQUESTS_CA_BUNDLE.",
                )
            case requests.exceptions.ProxyError() | requests.exceptions.ConnectTimeout():
                return self._unreachable(error)
            case requests.exceptions.ConnectionError() if _never_connected(error):
                return self._unreachable(error)
            case ValueError() if (
                _wire.connection is None
            ):  # a URL or a header that was refused before anything was sent
                return TransportError(
                    f"The request to {self._origin} could not be made ({type(error).__name__}). Nothing was sent.",
                    hint="check the base URL and the proxy settings.",
                )
            case _:
                return self._no_answer(error, deadline, timeouts)

    def _unreachable(self, error: Exception) -> APIConnectionError:
        return APIConnectionError(
            f"{self._origin} cannot be reached ({_cause(error)}). Nothing was sent, nothing was charged.",
            hint="check the network and the proxy, then run the same again.",
        )

    def _no_answer(self, error: Exception, deadline: _Deadline, timeouts: Timeouts) -> NoAnswerError:
        why = f"after {timeouts.total_s:g} s" if deadline.expired else f"({_cause(error)})"
        return NoAnswerError(
            f"The request left and no complete answer came back {why}. It may have been charged.",
            hint="the rows are marked in_doubt; pass on_doubt='resend' to buy them again.",
        )


def _never_connected(error: requests.exceptions.ConnectionError) -> bool:
    reason = error.args[0] if error.args else None
    cause = getattr(reason, "reason", reason)
    return isinstance(cause, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _cause(error: Exception) -> str:
    """Name what went wrong without URLs, headers or bodies, any of which could carry a secret or a person."""
    seen: BaseException | None = error
    innermost: BaseException = error
    while seen is not None:
        innermost = seen
        inner = seen.args[0] if seen.args and isinstance(seen.args[0], BaseException) else None
        seen = getattr(seen, "reason", None) if isinstance(getattr(seen, "reason", None), BaseException) else inner
    if isinstance(innermost, OSError) and innermost.strerror:
        return innermost.strerror
    cause = innermost.__cause__ or innermost.__context__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return type(innermost).__name__


class _Deadline:
    """Ends an exchange that trickles: no timeout of the libraries below does."""

    def __init__(self, seconds: float) -> None:
        self.expired = False
        self._seconds = seconds
        self._thread_wire = _wire
        self._timer: threading.Timer | None = None

    def start(self) -> None:
        _wire.connection = None
        slot = _wire.__dict__
        self._timer = threading.Timer(self._seconds, self._expire, args=(slot,))
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _expire(self, slot: dict[str, Any]) -> None:
        self.expired = True
        noted = slot.get("connection")
        connection = noted() if noted is not None else None
        sock = getattr(connection, "sock", None)
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def _deadline(seconds: float) -> Iterator[_Deadline]:
    deadline = _Deadline(seconds)
    deadline.start()
    try:
        yield deadline
    finally:
        deadline.stop()
