"""The door of the sandbox: this machine only, and the headers that every answer has."""

from __future__ import annotations

import uuid
from email.utils import formatdate
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from fastapi import Request
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from crustframe import contract
from crustframe.sandbox.questions import Refusal
from crustframe.sandbox.wire import Reply

if TYPE_CHECKING:
    from crustframe.sandbox.app import Service

LOOPBACK: Final = frozenset({"127.0.0.1", "localhost", "::1"})


class FrontDoor:
    """Lets in this machine only, and puts on every response the headers that every response has."""

    def __init__(self, app: ASGIApp, service: Service) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        state["request_id"] = str(uuid.uuid4())
        state["rate_headers"] = True

        def stamps() -> dict[str, str]:
            rate = self._service.window(scope["path"]).headers() if state["rate_headers"] else {}
            date = formatdate(self._service.now(), usegmt=True)
            return {"date": date, contract.REQUEST_ID_HEADER: state["request_id"], **rate}

        async def stamped(message: Message) -> None:
            if message["type"] == "http.response.start":
                extra = [(name.encode(), value.encode()) for name, value in stamps().items()]
                message = {**message, "headers": [*message["headers"], *extra]}
            await send(message)

        state["stamps"] = stamps
        headers = Headers(scope=scope)
        if self._service.storage_port is not None and scope["server"][1] == self._service.storage_port:
            await self._service.jobs.download(Request(scope, receive), self._service.wires)(scope, receive, send)
            return
        if _is_here("//" + headers.get("host", "")) and _is_here(headers.get("origin", "//localhost")):
            await self._app(scope, receive, stamped)
        else:
            text = "The sandbox answers programs on this machine only."
            refusal = Refusal(403, "permission_error", text)
            await Reply(refusal.status, refusal.body)(scope, receive, stamped)


def _is_here(url: str) -> bool:
    try:
        return urlsplit(url).hostname in LOOPBACK
    except ValueError:
        return False
