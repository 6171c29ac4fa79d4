"""The process behind `local`: takes tasks from its standard input one by one and answers on its standard output."""

from __future__ import annotations

import os
import pickle
import queue
import signal
import sys
import threading
import traceback
from types import FrameType
from typing import Any, BinaryIO

from neurodyn.engines.base import Failure
from neurodyn.engines.serial import call


def main() -> None:
    """Serves until the other end is closed. What tasks print goes to stderr: stdout is for answers."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(2, 1)
    signal.signal(signal.SIGTERM, _leave)
    waiting: queue.SimpleQueue[bytes] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()
    try:
        while True:
            answers.write(_answer(waiting.get()))
            answers.flush()
    finally:
        os._exit(0)  # the listening thread cannot be joined


def _listen(requests: BinaryIO, waiting: queue.SimpleQueue[bytes]) -> None:
    """Passes requests on. When the other end is gone, so is whoever wanted the answer: the work in hand ends at once."""
    while True:
        try:
            waiting.put(pickle.load(requests))
        except EOFError:
            os._exit(1)


def _answer(request: bytes) -> bytes:
    def unpickled_and_called(request: bytes) -> Any:
        function, task = pickle.loads(request)
        return function(task)

    value, failure = call(unpickled_and_called, request)
    try:
        return pickle.dumps((value, failure))
    except Exception as error:
        failure = Failure("error", f"a value that cannot be pickled: {error}", traceback.format_exc())
        return pickle.dumps((None, failure))


def _leave(number: int, frame: FrameType | None) -> None:
    """Ends through every `finally`, so that no half-written file stays."""
    sys.exit()


if __name__ == "__main__":
    main()
