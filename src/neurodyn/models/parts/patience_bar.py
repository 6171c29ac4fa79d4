"""A progress bar for steps of a closed-form fit, drawn on a terminal once they take long."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from typing import TypeVar

T = TypeVar("T")
_AFTER_S = 2.0


def with_bar(steps: Iterator[T], name: str, most: int) -> Iterator[T]:
    """The same steps, at most `most` of them, with a bar on stderr after two seconds.

    >>> list(with_bar(iter("abc"), "letters", 2))
    ['a', 'b']
    """
    from rich.console import Console
    from rich.progress import Progress

    began = time.monotonic()
    bar = Progress(console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty())
    task = bar.add_task(name, total=most)
    try:
        for number, step in zip(range(1, most + 1), steps):
            if time.monotonic() - began > _AFTER_S:
                bar.start()
                bar.update(task, completed=number)
            yield step
    finally:
        bar.stop()
