"""One task after another, in this process."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from neurodyn.engines.base import Engine, Failure, Finished, check_importable
from neurodyn.errors import InvalidInput, NeurodynError


class Serial(Engine):
    """Runs tasks in turn in this process, with all its threads: for small work, debuggers and machines of one core.

    A task that kills the process kills the whole: only `local` survives that.

    Args:
        workers: 1, if anything.

    Raises:
        InvalidInput: more workers than one.
    """

    def __init__(self, workers: int | None = None) -> None:
        super().__init__(workers)
        if workers not in (None, 1):
            raise InvalidInput("workers", workers, "1, as the engine is serial", "Use engine local for more.")

    def results(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Finished]:
        check_importable(function)
        for index, task in enumerate(tasks):
            value, failure = call(function, task)
            yield Finished(index, value, failure)


def call(function: Callable[[Any], Any], task: Any) -> tuple[Any, Failure | None]:
    """What a function makes of a task: its value, or how it failed. Ctrl-C goes through."""
    try:
        return function(task), None
    except NeurodynError as error:
        return None, Failure("refused", str(error), traceback.format_exc())
    except Exception as error:
        return None, Failure("error", f"{type(error).__name__}: {error}", traceback.format_exc())
