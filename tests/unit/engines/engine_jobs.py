"""What the engines' tests run in workers."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput

_CALLS: list[int] = []


def double(x: int) -> int:
    print("what a task prints goes nowhere near the answers")
    return 2 * x


def identity_and_threads(x: int) -> tuple[int, int, int]:
    """Process, calls so far, and torch's threads."""
    import torch

    _CALLS.append(x)
    time.sleep(0.05)
    return os.getpid(), len(_CALLS), torch.get_num_threads()


def fails(x: int) -> int:
    if x == 1:
        raise ZeroDivisionError("one is bad")
    if x == 2:
        raise InvalidInput("x", 2, "another number")
    if x == 3:
        print("last words", file=sys.stderr, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    if x == 4:
        return lambda: x  # type: ignore[return-value]
    return x


def begins_a_file(where: Any) -> None:
    """Starts to write a file and dawdles."""
    with written_whole(where) as beside:
        beside.write_text("half")
        time.sleep(60)
        beside.write_text("whole")


def beat(where: str) -> None:
    """Says that it lives, for a minute."""
    for _ in range(600):
        Path(where).write_text(f"{os.getpid()} {time.time()}")
        time.sleep(0.1)


def main(where: str) -> None:
    """A script that starts a worker and waits for it."""
    from neurodyn.engines.local import Local

    with Local(1) as engine:
        list(engine.results(beat, [where]))


if __name__ == "__main__":
    import engine_jobs  # by its importable name

    engine_jobs.main(sys.argv[1])
