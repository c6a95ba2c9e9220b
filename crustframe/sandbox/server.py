"""Running a sandbox: beside the tests in a thread, or in the foreground for the command line."""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Final, Self, Unpack

import uvicorn

from crustframe import contract
from crustframe.sandbox.app import Service, build_app
from crustframe.sandbox.faults import Faults
from crustframe.sandbox.jobs import Jobs
from crustframe.sandbox.people import canonical
from crustframe.sandbox.settings import Settings, Switches

HOST: Final = "127.0.0.1"
START_TIMEOUT_S: Final = 10.0  # ours: a start takes milliseconds


class Sandbox:
    """A running local stand-in of the API. Contacts nobody, knows invented people, charges invented credits.

    Parameters
    ----------
    port : int
        Where to listen on 127.0.0.1; 0 is any free port.
    key : str
        The only accepted API key.
    requests_per_minute : float, optional
        Size of the sliding window of ``POST /person/enrich``. ``None`` switches all rate windows off.
    snapshot : {"A", "B", "C"}
        Age of the API (contract notes, section 0).
    latency_s : float
        Sandbox seconds between the charge and the answer.
    balance : float
        Credits of the account at the start.
    denied_fields : sequence of str
        Groups or dot paths that the account lacks: asking for them, or for anything below them, is a 403;
        asking for something above them, or for nothing, leaves them out.
    grant : sequence of str
        Gated fields that the account has all the same, such as ``certifications``, ``honors``, ``updated_at`` or, of
        the legacy surface, ``linkedin_joined_date``; see ``contract.gated_fields``.
    credits_gone_status : {402, 403}
        Status when the whole call would cost more than the balance.
    preview : bool
        Whether ``preview: true`` is granted.
    strict_auth : bool
        Refuse the ``Token`` scheme, except on ``/user/credits``.
    refuse : sequence of str
        Identifiers that make the whole call a 400 that does not name them.
    unknown_share : float
        Share of ordinary identifiers that name nobody; see ``people`` for the spellings with a meaning.
    drift : bool
        Let a share of people break the documented types.
    speed : float
        Sandbox seconds per real second, for rate windows, latency and jobs. The rate headers count sandbox seconds.
    job_seconds : float
        Sandbox seconds that a job takes.
    link_seconds : float
        Sandbox seconds for which a link to results is good.
    contact_lines : {"envelope", "flat"}
        Lines of contact results as documented, or as seen in 2026-08.
    legacy : {"served", "retired", "gone"}
        Whether the legacy surface still answers, or is a 404 in one of two forms.
    account_api : {"autumn-2026", "earlier"}
        Age of ``/account/*``: newer rows tell the request and what each part cost, and want the version header.
    plan : {"self-serve", "contact", "full"}, optional
        What the account has beside ``POST /person/enrich`` and its jobs: nothing, contacts, or identify and live, too.
        By default everything of the snapshot.
    account : bool
        Whether ``GET /account/endpoints`` is there.
    contact_billing : {"delivered", "base"}
        Bill contact enrich by what is delivered, or with a base credit beside it.
    identify_rows : {"top-level", "wrapped"}
        Rows of identify as documented, or in ``{"results": [...]}``.

    Attributes
    ----------
    faults : Faults
        The script of faults; see ``faults.Fault``.
    jobs : Jobs
        The jobs, and what goes wrong with them; see ``jobs.Jobs``.

    Examples
    --------
    >>> with Sandbox(requests_per_minute=None) as sandbox:
    ...     sandbox.credits_spent
    0.0
    """

    def __init__(self, *, port: int = 0, **switches: Unpack[Switches]) -> None:
        settings = Settings(**switches)
        self._service = Service(settings)
        self._wanted_port = port
        self._server: _Server | None = None
        self._thread: threading.Thread | None = None
        self._url: str | None = None

    @property
    def key(self) -> str:
        """The accepted API key."""
        return self._service.settings.key

    @property
    def url(self) -> str:
        """Where the sandbox answers, without a trailing slash."""
        if self._url is None:
            raise RuntimeError("The sandbox is not running.\nHint: use it as a context manager, or call start().")
        return self._url

    @property
    def faults(self) -> Faults:
        """The script of faults."""
        return self._service.faults

    @property
    def jobs(self) -> Jobs:
        """The jobs, and the script of what goes wrong with them."""
        return self._service.jobs

    def now(self) -> float:
        """Return sandbox seconds since 1970 UTC."""
        return self._service.now()

    def pass_time(self, seconds: float) -> None:
        """Let so many seconds of the sandbox's own time pass at once."""
        self._service.pass_time(seconds)

    @property
    def calls(self) -> int:
        """How many paid calls came with the right key, whatever came of them: 200, 4xx, 429, a fault."""
        return self._service.meter.calls

    @property
    def credits_spent(self) -> float:
        """Everything that was charged, heard or not."""
        return self._service.meter.credits

    @property
    def people_charged(self) -> dict[str, int]:
        """How many times each person, by the canonical spelling, was charged."""
        return self._service.meter.people_charged()

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The counted calls, oldest first.

        Each has ``body`` (decoded, or the query of a legacy call; ``None`` if it was not read), ``identifiers``,
        ``status`` (``None`` if nothing was answered), ``fault`` (the action or ``None``), ``request_id`` and
        ``headers`` (lower-case names, without the key).
        """
        return list(self._service.requests)

    def meter(self) -> dict[str, Any]:
        """Return what ``GET /sandbox/meter`` answers."""
        return self._service.meter.reading()

    def change(self, identifier: str, path: str, value: Any) -> None:
        """Let a person be different from the next answer on.

        Parameters
        ----------
        identifier : str
            A profile URL or business e-mail.
        path : str
            Dot path with list positions, such as ``experience.employment_details.current[0].title``.
        value : object
            What JSON can hold.
        """
        kind: contract.IdentifierKind = contract.BUSINESS_EMAIL if "@" in identifier else contract.PROFILE_URL
        person = canonical(identifier, kind)
        if person is None:
            raise ValueError(f"{identifier!r} names nobody")
        self._service.edits.set(person, path, value)

    def start(self) -> Self:
        """Start answering. Does nothing if it runs already."""
        if self._thread is not None:
            return self
        listening = _listening(self._wanted_port)
        storage = _listening(0)  # results lie on another origin, as they do at the vendor's
        self._url = f"http://{HOST}:{listening.getsockname()[1]}"
        self._service.storage_port = storage.getsockname()[1]
        self._service.jobs.storage_url = f"http://{HOST}:{self._service.storage_port}"
        self._server = _Server(self._service)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [listening, storage]}, name="crustframe-sandbox", daemon=True
        )
        self._thread.start()
        if not self._server.ready.wait(START_TIMEOUT_S):
            raise RuntimeError(f"The sandbox did not start within {START_TIMEOUT_S:g} s.")
        return self

    def close(self) -> None:
        """Stop answering; what was measured stays readable. Does nothing if it does not run."""
        if self._thread is None or self._server is None:
            return
        self._server.stop()
        self._thread.join()
        self._thread = self._server = self._url = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def serve(*, port: int = 0, **switches: Unpack[Switches]) -> None:
    """Run a sandbox in the foreground until it is interrupted. The parameters are those of ``Sandbox``.

    The address and the key go to stderr as two lines, ``url: ...`` and ``key: ...``, once it answers.
    """
    ends: SimpleQueue[int] = SimpleQueue()
    with _interrupts_into(ends):
        with Sandbox(port=port, **switches) as sandbox:
            print(f"url: {sandbox.url}\nkey: {sandbox.key}", file=sys.stderr, flush=True)
            while not _has_come(ends):
                pass
        print("The sandbox is closed.", file=sys.stderr, flush=True)


@contextmanager
def _interrupts_into(queue: SimpleQueue[int]) -> Iterator[None]:
    """Put Ctrl-C into a queue, so that it interrupts nothing; where it is ignored on purpose it stays so."""
    before = signal.getsignal(signal.SIGINT)
    if before is signal.SIG_IGN or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda number, frame: queue.put(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _has_come(queue: SimpleQueue[int]) -> bool:
    with suppress(Empty):
        queue.get(timeout=1.0)  # an endless wait cannot be interrupted on Windows
        return True
    return False


class _Server(uvicorn.Server):
    """A uvicorn server that says when it answers and ends on request from another thread."""

    def __init__(self, service: Service) -> None:
        super().__init__(
            uvicorn.Config(
                build_app(service),
                http=service.wires.protocol(),
                ws="none",
                loop="asyncio",
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                date_header=False,  # the sandbox has a time of its own
                timeout_graceful_shutdown=1,  # a client that stopped in the middle of a request holds nobody up
            )
        )
        self._service = service
        self._loop: asyncio.AbstractEventLoop | None = None
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then say so."""
        self._loop = asyncio.get_running_loop()
        self._service.stopping = asyncio.Event()
        await super().startup(sockets)
        self.ready.set()

    async def main_loop(self) -> None:
        """Wait until the end is asked for; uvicorn's own loop sees that 0.1 s later."""
        ticks = 0
        while not await self.on_tick(ticks):
            ticks += 1
            with suppress(TimeoutError):
                await asyncio.wait_for(self._service.stopping.wait(), 0.1)

    def stop(self) -> None:
        """End the server, and with it all scripted waiting."""
        self.should_exit = True
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._service.stopping.set)


def _listening(port: int) -> socket.socket:
    # asyncio switches Nagle's delay off only for sockets that name their protocol: 40 ms per answer otherwise.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    if sys.platform != "win32":  # there the option would let two servers share a port
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((HOST, port))
    except OSError:
        listening.close()
        raise
    return listening
