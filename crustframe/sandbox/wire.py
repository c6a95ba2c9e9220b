"""Answers that know the wire: whole, cut, dripping, or none at all."""

from __future__ import annotations

import asyncio
import json
import socket
import struct
import sys
from collections.abc import Mapping
from typing import Any, Final

import orjson
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from uvicorn.protocols.http.h11_impl import H11Protocol

from crustframe.sandbox.faults import PAGE, Fault

DRIP_PIECES: Final = 20
_LINGER_ZERO: Final = struct.pack(
    "hh" if sys.platform == "win32" else "ii", 1, 0
)  # close() then sends RST instead of FIN


class Wires:
    """The open connections of one server, by the client's address."""

    def __init__(self) -> None:
        self._transports: dict[Any, asyncio.Transport] = {}

    def protocol(self) -> type[H11Protocol]:
        """Return a protocol class that notes each connection here."""
        transports = self._transports

        class Noted(H11Protocol):
            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                transports[self.client] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                super().connection_lost(exc)
                transports.pop(self.client, None)

        return Noted

    def of(self, scope: Scope) -> asyncio.Transport:
        """Return the connection on which a request came."""
        return self._transports[scope["client"]]


class Reply(Response):
    """A JSON answer.

    Parameters
    ----------
    status : int
        HTTP status.
    value : object
        Becomes the body.
    headers : mapping, optional
        Headers beyond those of every response.
    """

    media_type = "application/json"

    def __init__(self, status: int, value: Any, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(encoded(value), status_code=status, headers=headers)


def encoded(value: Any) -> bytes:
    """Return `value` as JSON bytes; half surrogate pairs of the sender come back as they came."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return json.dumps(value).encode()


class Broken(Response):
    """An answer as a fault sends it.

    Parameters
    ----------
    fault : Fault
        What the server does.
    answer : Response
        The true answer, from which the sent one is made.
    wires : Wires
        Where to find the connection.
    stopping : asyncio.Event
        Ends ``hang`` and ``drip`` when the server closes.
    """

    def __init__(self, fault: Fault, answer: Response, wires: Wires, stopping: asyncio.Event) -> None:
        super().__init__()
        self._fault = fault
        self._answer = answer
        self._wires = wires
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Do to the wire what the fault says."""
        transport = self._wires.of(scope)
        match self._fault.action:
            case "reset":
                transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _LINGER_ZERO)
                transport.abort()
                await _gone(receive)
            case "close":
                transport.close()
                await _gone(receive)
            case "hang":
                await self._pause(self._fault.seconds, receive)
                transport.close()
                await _gone(receive)
            case "cut":
                await send(self._start())
                await send({"type": "http.response.body", "body": self._half(), "more_body": True})
                transport.close()
                await _gone(receive)
            case "cut_silently":
                # The protocol class would send chunks, whose missing end every client notices.
                kept = [header for header in self._stamped(scope) if header[0] != b"content-length"]
                lines = [b"HTTP/1.1 200 OK", *(name + b": " + value for name, value in kept), b"connection: close"]
                transport.write(b"\r\n".join(lines) + b"\r\n\r\n" + self._half())
                transport.close()
                await _gone(receive)
            case "drip":
                await self._drip(receive, send)
            case _:
                await self._answer(scope, receive, send)

    def _start(self) -> dict[str, Any]:
        headers = self._answer.raw_headers
        return {"type": "http.response.start", "status": self._answer.status_code, "headers": headers}

    def _stamped(self, scope: Scope) -> list[tuple[bytes, bytes]]:
        stamps: dict[str, str] = scope["state"]["stamps"]()
        return [*self._answer.raw_headers, *((name.encode(), value.encode()) for name, value in stamps.items())]

    def _half(self) -> bytes:
        body = bytes(self._answer.body)
        return body[: len(body) // 2]

    async def _drip(self, receive: Receive, send: Send) -> None:
        body = bytes(self._answer.body)
        step = max(1, -(-len(body) // DRIP_PIECES))
        await send(self._start())
        for begin in range(0, len(body), step):
            await self._pause(self._fault.seconds / DRIP_PIECES, receive)
            await send({"type": "http.response.body", "body": body[begin : begin + step], "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pause(self, seconds: float, receive: Receive) -> None:
        """Wait, but no longer than the client or the server stays."""
        waits = [asyncio.ensure_future(_gone(receive)), asyncio.ensure_future(self._stopping.wait())]
        await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def distorted(fault: Fault, answer: Response) -> Response:
    """Return the answer that `fault` puts in the place of the true one, before the wire has its turn."""
    headers = {name: value for name, value in answer.headers.items() if not name.startswith("content-")}
    match fault.action:
        case "status" | "redirect":
            status = fault.status or (307 if fault.action == "redirect" else 500)
            place = {"location": fault.location} if fault.action == "redirect" else {}
            if fault.html or fault.body is not None:
                media = "text/html" if fault.html else "text/plain"
                return Response(fault.body if fault.body is not None else PAGE, status, place, media_type=media)
            return Reply(status, fault.error_body(status), place)
        case "empty":
            return Response(b"", 200, headers, media_type="application/json")
        case "garbage":
            text = fault.body if fault.body is not None else '[{"matched_on": "https://www.linkedin.com/in/'
            return Response(text, 200, headers, media_type="application/json")
        case "html":
            return Response(PAGE, 200, headers, media_type="text/html")
        case _:
            return answer
