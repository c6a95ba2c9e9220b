"""Fetching a file from wherever the API says it lies: without the key, from known hosts, within a size."""

from __future__ import annotations

import ipaddress
import logging
import time
from http.cookiejar import DefaultCookiePolicy
from pathlib import Path
from typing import Any, Final
from urllib.parse import urljoin, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import get_environ_proxies
from urllib3.connection import HTTPSConnection
from urllib3.connectionpool import HTTPSConnectionPool

from crustframe import __version__
from crustframe.errors import TransportError
from crustframe.http.transport import ca_bundle
from crustframe.settings.config import STORAGE_HOSTS_VARIABLE, Settings

STORAGE_HOSTS: Final = ("crustdata.com", "amazonaws.com", "storage.googleapis.com", "r2.cloudflarestorage.com")
"""Hosts, and hosts below them, that links may lead to. No key goes there; this only keeps links out of a local net."""

_LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})
_PIECE: Final = 64 * 1024
_REDIRECTS: Final = 3
_CONNECT_S, _READ_S, _LEAST_S = 5.0, 30.0, 120.0
_SLOWEST: Final = 64 * 1024  # bytes a second; reliability notes, section 7

_log: Final = logging.getLogger(__name__)


class LinkExpiredError(TransportError):
    """The link is not good any more: ask for the status again."""


class NoFileError(TransportError):
    """There is nothing behind the link."""


class IncompleteFileError(TransportError):
    """The file ended early; what came is on disk."""


class _NoAuth(AuthBase):
    """Keeps ``.netrc`` and everything else from adding credentials."""

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers.pop("Authorization", None)
        return request


class _PublicOnly(HTTPSConnection):
    """Looks at whom it is connected to before it says a word."""

    def connect(self) -> None:
        super().connect()
        peer = getattr(self.sock, "getpeername", None)
        if peer is None or self.proxy is not None:
            return
        address = ipaddress.ip_address(peer()[0].partition("%")[0])
        mapped = getattr(address, "ipv4_mapped", None)
        if not (mapped or address).is_global:
            self.close()
            raise ValueError("an address of a local net")


class _Pool(HTTPSConnectionPool):
    ConnectionCls = _PublicOnly


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": urllib3.connectionpool.HTTPConnectionPool,
            "https": _Pool,
        }


class Downloader:
    """Fetches result files. Knows no key.

    Parameters
    ----------
    settings : Settings
        Only a sandbox on this machine may hand out links to this machine; others lead to :data:`STORAGE_HOSTS`, or to
        hosts that the settings name.
    """

    def __init__(self, settings: Settings) -> None:
        self._is_sandbox = settings.is_loopback
        self._hosts = (*STORAGE_HOSTS, *settings.storage_hosts)

    def check(self, url: str) -> str:
        """Return a link that may be followed.

        Raises
        ------
        TransportError
            It leads somewhere else. Nothing was sent.
        """
        try:
            parts = urlsplit(url)
            host, port = (parts.hostname or "").lower().rstrip("."), parts.port
        except ValueError:
            parts, host, port = urlsplit(""), "", None
        if self._is_sandbox:
            fine = parts.scheme == "http" and host in _LOOPBACK
        else:
            fine = (
                parts.scheme == "https"
                and port in {None, 443}
                and any(host == one or host.endswith(f".{one}") for one in self._hosts)
            )
        if not fine or "@" in parts.netloc or "\\" in url or not url.isascii():
            raise TransportError(
                f"A link to results leads to {host[:80] or 'nowhere'!r}, which is no storage host of the API. It was "
                "not followed; what was paid for stays with the API for five days.",
                hint=f"if this is where the vendor keeps its files, name the host in {STORAGE_HOSTS_VARIABLE}; then "
                "`crustframe jobs fetch` brings them, free.",
            )
        return url

    def fetch(self, url: str, to: Path, *, at_most: int, append: bool = False) -> None:
        """Stream a file to disk, as its bytes come.

        Raises
        ------
        LinkExpiredError, NoFileError
            Ask for the status again; there is no file.
        IncompleteFileError
            It ended early, or is larger than `at_most`; what came is on disk.
        TransportError
            A link, a host or a redirect that is not followed.
        """
        failed = ""
        try:
            with requests.Session() as session:
                session.trust_env = False
                session.verify = ca_bundle()
                session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
                adapter = _Adapter(max_retries=urllib3.Retry(0, read=False))
                session.mount("https://", adapter)
                session.mount("http://", adapter)
                self._follow(session, url, to, at_most, "ab" if append else "wb")
        except (TimeoutError, requests.exceptions.RequestException, urllib3.exceptions.HTTPError, ValueError) as error:
            if isinstance(error, TransportError):
                raise
            failed = type(error).__name__
        if failed:  # here, so that it carries no link
            raise IncompleteFileError(f"The result file ended early ({failed}). Nothing was charged for reading it.")

    def _follow(self, session: requests.Session, url: str, to: Path, at_most: int, mode: str) -> None:
        for _ in range(_REDIRECTS + 1):
            proxies = {} if self._is_sandbox else get_environ_proxies(self.check(url))
            with session.get(
                self.check(url),
                headers={"User-Agent": f"crustframe/{__version__}", "Accept-Encoding": "identity"},
                auth=_NoAuth(),
                timeout=(_CONNECT_S, _READ_S),
                allow_redirects=False,
                proxies=proxies,
                stream=True,
            ) as response:
                if response.is_redirect:
                    url = urljoin(url, response.headers["location"])
                    continue
                _check_status(response.status_code)
                if "gzip" in response.headers.get("content-encoding", "").lower():
                    _log.warning("The storage host calls its gzip an encoding. The file is kept as its bytes came.")
                with to.open(mode) as file:
                    to.chmod(0o600)
                    _pour(response, file, at_most)
                return
        raise TransportError("A link to results was redirected too often. It was not followed further.")


def _check_status(status: int) -> None:
    match status:
        case 200:
            return
        case 400 | 401 | 403 | 410:
            raise LinkExpiredError(f"The storage host refused the link ({status}). Nothing was charged.", status=status)
        case 404:
            raise NoFileError("There is no file behind the link (404). Nothing was charged.", status=status)
        case _:
            raise IncompleteFileError(f"The storage host answered {status}. Nothing was charged.", status=status)


def _pour(response: requests.Response, file: Any, at_most: int) -> None:
    began, size = time.monotonic(), 0
    for piece in response.raw.stream(_PIECE, decode_content=False):
        size += len(piece)
        if size > at_most:
            raise IncompleteFileError(f"The result file is larger than {at_most:,} bytes; the rest was not fetched.")
        file.write(piece)
        if time.monotonic() - began > max(_LEAST_S, size / _SLOWEST):
            raise IncompleteFileError("The result file trickled and was given up; it can be fetched again.")
