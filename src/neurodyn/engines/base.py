"""What every engine is: it calls one function on many tasks, somewhere, and hands back what comes of each."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

from neurodyn.config import check_range
from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class Failure:
    """Why a task has no value."""

    kind: Literal["refused", "error", "died"]
    """`refused`: the input could not be used (a `NeurodynError`); `error`: any other exception; `died`: the process ended, e.g. for want of memory."""
    message: str
    """What to tell people, in a line or two."""
    traceback: str
    """The worker's traceback; for a process that died, the last it wrote to stderr."""

    def __str__(self) -> str:
        return f"{self.message}\n{self.traceback}".rstrip()


@dataclass(frozen=True)
class Finished:
    """What came of one task: a value, or a failure."""

    index: int
    """The task's place in what was given."""
    value: Any = None
    """What the function returned; None where it failed."""
    failure: Failure | None = None


class Engine(ABC):
    """Where jobs run. A context manager: its workers live from its first use until it is closed.

    Nothing outside this package knows how jobs run, so an engine on other machines needs no change elsewhere.

    Args:
        workers: tasks at a time; None takes as many as the engine has room for.

    Raises:
        InvalidInput: fewer than one worker.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None:
            check_range("workers", workers, 1)

    @abstractmethod
    def results(self, function: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Finished]:
        """Calls `function` on every task and yields what comes of each, in order of completion.

        A task that fails is a `Finished` with a `Failure`, and the others go on. Leaving the loop early (an exception, Ctrl-C) stops what still runs.

        Args:
            function: at the top level of a module that can be imported anywhere.
            tasks: one picklable argument each.

        Raises:
            InvalidInput: a function that cannot be imported by name.
        """

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Stops the workers."""
        return None


def check_importable(function: Callable[[Any], Any]) -> None:
    """Whether a function can be found by name in another process.

    Raises:
        InvalidInput: it is defined inside another, or in the script that is being run.
    """
    name = getattr(function, "__qualname__", repr(function))
    if "<" in name or getattr(function, "__module__", None) in (None, "__main__"):
        raise InvalidInput(
            "function", name, "a function at the top level of a module that can be imported", "Move it into a file."
        )
