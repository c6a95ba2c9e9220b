"""The second origin: result files behind signed links, on a host that knows no API key, and what goes wrong there."""

from __future__ import annotations

import gzip
import hashlib
import hmac
import secrets
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from crustframe.sandbox.wire import DRIP_PIECES, Wires

WHOLE: Final = "results.jsonl.gz"
BOMB_MEMBER: Final = 4 * 2**20

FileAction = Literal["cut", "drip", "wrong_crc", "plain", "content_encoding", "double", "bomb", "status", "redirect"]


@dataclass(frozen=True, kw_only=True)
class FileFault:
    """What happens to a download.

    Parameters
    ----------
    action : str
        ``cut`` sends `at` bytes and hangs up; ``drip`` sends the file in pieces spread over `seconds`; ``wrong_crc``
        spoils the last bytes; ``plain`` sends the lines without gzip; ``content_encoding`` names the file's own gzip
        in a header; ``double`` packs the file once more, under that header; ``bomb`` sends a file that unpacks to
        `at` bytes, or a little more, of nothing but `text`; ``status`` answers `status`; ``redirect`` leads to
        `location`.
    seconds : float
        Sandbox seconds.
    times : int, optional
        Acts at most so often.
    """

    action: FileAction
    at: int = 0
    seconds: float = 1.0
    text: bytes = b" "
    status: int = 403
    location: str = "http://storage.example/results.jsonl.gz"
    times: int | None = None


class Storage(ABC):
    """Hands out the files of jobs.

    Parameters
    ----------
    clock : callable
        Sandbox seconds since 1970.
    wait : callable
        Waits sandbox seconds; returns early when the server closes.
    link_seconds : float
        Sandbox seconds for which a link is good.

    Attributes
    ----------
    storage_url : str
        Scheme, host and port of the second origin.
    downloads : int
        How often a file was asked for.
    """

    def __init__(self, clock: Callable[[], float], wait: Callable[[float], Any], link_seconds: float) -> None:
        self._clock = clock
        self._wait = wait
        self.link_seconds = link_seconds
        self.storage_url = ""
        self.downloads = 0
        self._secret = secrets.token_bytes(16)
        self._file_faults: deque[FileFault] = deque()

    @abstractmethod
    def parts_of(self, batch_id: str) -> list[bytes]:
        """Return the part files of a job."""

    def spoil(self, action: FileAction, **how: Any) -> None:
        """Script ``FileFault(action=action, **how)`` for the downloads from now on."""
        self._file_faults.append(FileFault(action=action, **how))

    def link(self, batch_id: str, name: str) -> str:
        """Return a signed link to a file of a job."""
        place = f"/jobs/{batch_id}/output/{name}"
        expires = int(self._clock() + self.link_seconds)
        return f"{self.storage_url}{place}?expires={expires}&signature={self._signature(place, str(expires))}"

    def _signature(self, place: str, expires: str) -> str:
        return hmac.new(self._secret, f"{place}?{expires}".encode(), hashlib.sha256).hexdigest()

    def download(self, request: Request, wires: Wires) -> Response:
        """Answer a request of the storage host."""
        self.downloads += 1
        if "authorization" in request.headers:
            return _denied(400, "InvalidArgument", "Only one auth mechanism allowed")
        place, expires = request.url.path, request.query_params.get("expires", "")
        signature = request.query_params.get("signature", "")
        if not hmac.compare_digest(signature, self._signature(place, expires)):
            return _denied(403, "SignatureDoesNotMatch", "The request signature does not match")
        if self._clock() > float(expires):
            return _denied(403, "AccessDenied", "Request has expired")
        batch_id, _, name = place.removeprefix("/jobs/").partition("/output/")
        whole = self.parts_of(batch_id)
        parts = whole if name == WHOLE else whole[int(name[5:8]) : int(name[5:8]) + 1]
        if not parts:  # docs: a completed job without results may carry a link that answers 404
            return _denied(404, "NoSuchKey", "The specified key does not exist")
        return self._file(b"".join(parts), wires)

    def _file(self, body: bytes, wires: Wires) -> Response:
        fault = self._next_file_fault()
        headers: dict[str, str] = {}
        match fault.action if fault else None:
            case "cut":
                return _Cut(body, fault.at if fault else 0, wires)
            case "drip":
                return _Drip(body, fault.seconds if fault else 0.0, self._wait)
            case "wrong_crc":
                body = body[:-8] + bytes(byte ^ 0xFF for byte in body[-8:-4]) + body[-4:]
            case "plain":
                body = gzip.decompress(body)
            case "content_encoding":
                headers["content-encoding"] = "gzip"
            case "double":
                body, headers["content-encoding"] = gzip.compress(body), "gzip"
            case "bomb":
                body = _bomb(fault.text, fault.at) if fault else b""
            case "status":
                return _denied(fault.status if fault else 403, "AccessDenied", "Scripted fault")
            case "redirect":
                return Response(b"", 302, {"location": fault.location if fault else ""})
            case _:
                pass
        return Response(body, 200, headers, media_type="application/gzip")

    def _next_file_fault(self) -> FileFault | None:
        if not self._file_faults:
            return None
        fault = self._file_faults.popleft()
        if fault.times is None:
            self._file_faults.appendleft(fault)
        elif fault.times > 1:
            self._file_faults.appendleft(FileFault(**{**fault.__dict__, "times": fault.times - 1}))
        return fault


class _Cut(Response):
    """The length of a whole file, and a piece of it."""

    def __init__(self, whole: bytes, at: int, wires: Wires) -> None:
        super().__init__(whole, 200, media_type="application/gzip")
        self._at = at
        self._wires = wires

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a piece, then hang up."""
        transport = self._wires.of(scope)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body)[: self._at], "more_body": True})
        transport.close()
        while (await receive())["type"] != "http.disconnect":
            pass


class _Drip(Response):
    """A whole file, in pieces."""

    def __init__(self, whole: bytes, seconds: float, wait: Callable[[float], Any]) -> None:
        super().__init__(whole, 200, media_type="application/gzip")
        self._seconds = seconds
        self._wait = wait

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a piece, wait, send the next."""
        whole = bytes(self.body)
        step = max(1, -(-len(whole) // DRIP_PIECES))
        begins = range(0, len(whole), step)
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        for begin in begins:
            await send({"type": "http.response.body", "body": whole[begin : begin + step], "more_body": True})
            if await self._wait(self._seconds / len(begins)):
                return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def _bomb(text: bytes, size: int) -> bytes:
    """Pack `text` over and over, in equal members, so that nobody here holds what it unpacks to."""
    member = text * max(1, min(size, BOMB_MEMBER) // len(text))
    return gzip.compress(member, 9) * -(-size // len(member))


def _denied(status: int, code: str, message: str) -> Response:
    text = f'<?xml version="1.0" encoding="UTF-8"?><Error><Code>{code}</Code><Message>{message}</Message></Error>'
    return Response(text, status, media_type="application/xml")
