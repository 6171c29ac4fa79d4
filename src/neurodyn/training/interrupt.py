"""Ctrl-C during training: once ends the epoch, twice ends at once."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType


class StopNow(Exception):
    """A second Ctrl-C. Not a KeyboardInterrupt, on which Lightning would end the process with code 1."""


class Interrupt:
    """Whether Ctrl-C was pressed."""

    pressed = False


@contextlib.contextmanager
def interruptible() -> Iterator[Interrupt]:
    """Within, the first Ctrl-C sets `pressed` and the second raises `StopNow`. Outside the main thread nothing changes."""
    interrupt = Interrupt()
    if threading.current_thread() is not threading.main_thread():
        yield interrupt
        return

    def handle(number: int, frame: FrameType | None) -> None:
        if interrupt.pressed:
            raise StopNow
        interrupt.pressed = True
        print("\nStopping after this epoch; Ctrl-C again stops at once.", file=sys.stderr)

    before = signal.signal(signal.SIGINT, handle)
    try:
        yield interrupt
    finally:
        signal.signal(signal.SIGINT, before)
