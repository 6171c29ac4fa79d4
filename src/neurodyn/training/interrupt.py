"""Ctrl-C during training: once ends the epoch, twice ends at once. SIGTERM ends the epoch, and then the process."""

from __future__ import annotations

import contextlib
import signal
import sys
import threading
from collections.abc import Iterator
from types import FrameType


class StopNow(Exception):
    """A second Ctrl-C. Not a KeyboardInterrupt, on which Lightning would end the process with code 1."""


class Terminated(SystemExit):
    """SIGTERM ended a training. Uncaught, it ends the process with code 143, the code of one that the signal kills."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)


class Interrupt:
    """What was asked of a training from outside.

    Args:
        speaks: say so on stderr; one of several processes does.
    """

    def __init__(self, speaks: bool = True) -> None:
        self._speaks = speaks
        self.pressed = False
        """Whether to stop after this epoch."""
        self.terminated = False
        """Whether SIGTERM said so."""
        self._handlers = {signal.SIGINT: self._press}
        if signal.getsignal(signal.SIGTERM) is signal.SIG_DFL:
            self._handlers[signal.SIGTERM] = self._terminate

    def listen(self) -> None:
        """Takes the signals, also back from whoever took them since the last call. Outside the main thread Python allows nobody to."""
        if threading.current_thread() is threading.main_thread():
            for number, handler in self._handlers.items():
                signal.signal(number, handler)

    def _press(self, number: int, frame: FrameType | None) -> None:
        if self.pressed:
            raise StopNow
        self.pressed = True
        self._say("\nStopping after this epoch; Ctrl-C again stops at once.")

    def _terminate(self, number: int, frame: FrameType | None) -> None:
        if not self.terminated:  # `timeout` sends it twice, so a second one cannot mean more
            self._say("\nTerminated: stopping after this epoch; Ctrl-C stops at once.")
        self.pressed = self.terminated = True

    def _say(self, what: str) -> None:
        if self._speaks:
            print(what, file=sys.stderr)


@contextlib.contextmanager
def interruptible(speaks: bool = True) -> Iterator[Interrupt]:
    """Within, the first Ctrl-C or SIGTERM sets `pressed` and a further Ctrl-C raises `StopNow`.

    Outside the main thread nothing changes, and a handler that the process has for SIGTERM keeps it.
    """
    interrupt, numbers = Interrupt(speaks), (signal.SIGINT, signal.SIGTERM)
    before = [signal.getsignal(number) for number in numbers]
    interrupt.listen()
    try:
        yield interrupt
    finally:
        if threading.current_thread() is threading.main_thread():
            for number, handler in zip(numbers, before):
                signal.signal(number, handler)
