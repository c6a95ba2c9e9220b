"""Ctrl-C in the shell: at any instant, imports included, it ends the command with 130 and a sentence, no traceback.

Where crustframe is a library, or where SIGINT is ignored on purpose (``nohup``, ``cron``), nothing is touched.
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

INTERRUPTED_EXIT: Final = 130


def is_the_command() -> bool:
    """Return whether this process is ``crustframe ...`` or ``python -m crustframe ...``."""
    if sys.argv[0] == "-m":  # so it is called while the packages of the module are imported
        return sys.orig_argv[sys.orig_argv.index("-m") + 1] == "crustframe"
    return Path(sys.argv[0]).stem == "crustframe"


def end_at_once() -> None:
    """From now on Ctrl-C ends the process where it stands: nothing was begun yet, or everything is done."""
    if _guards:
        signal.signal(signal.SIGINT, _end)


def interrupt_work() -> None:
    """From now on Ctrl-C is a ``KeyboardInterrupt``, which work under way answers in its own words."""
    if _guards:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def leave() -> NoReturn:
    """End an interrupted process with 130.

    Python kills itself with SIGINT instead where a ``KeyboardInterrupt`` went through an ``exec`` of text.
    """
    if _guards:
        for stream in (sys.stdout, sys.stderr):
            if stream is not None:
                stream.flush()
        os._exit(INTERRUPTED_EXIT)
    sys.exit(INTERRUPTED_EXIT)


def _end(number: int, frame: FrameType | None) -> None:
    os.write(2, b"Interrupted.\n")
    os._exit(INTERRUPTED_EXIT)


_guards: Final = (
    is_the_command()
    and threading.current_thread() is threading.main_thread()
    and signal.getsignal(signal.SIGINT) is signal.default_int_handler
)
end_at_once()
if _guards:  # Python gives SIGINT its default back in its last milliseconds, unless it is ignored by then
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)
