"""A progress bar on stderr, drawn a few times a second at most."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Column

REDRAW_S = 0.25


class EpochBar:
    """Epochs done, the training and validation loss, the score and the best so far.

    Args:
        name: what is being trained.
        epochs: most epochs to run.
        shown: false draws nothing.
    """

    def __init__(self, name: str, epochs: int, shown: bool) -> None:
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=12),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[numbers]}", table_column=Column(no_wrap=True)),
        )
        self._bar = Progress(*columns, console=Console(stderr=True), auto_refresh=False, disable=not shown)
        self._task = self._bar.add_task(name, total=epochs, numbers="")
        self._drawn = 0.0

    def __enter__(self) -> EpochBar:
        self._bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.refresh()
        self._bar.stop()

    def update(self, row: Mapping[str, Any], best: float) -> None:
        """Takes the row of an epoch and the best score so far."""
        numbers = (
            f"train {row.get('train/total', float('nan')):.4g} valid {row['valid/total']:.4g} "
            f"score {row['valid/score']:.4f} (best {best:.4f})"
        )
        self._bar.update(self._task, completed=row["epoch"] + 1, numbers=numbers)
        if time.monotonic() - self._drawn > REDRAW_S:
            self._bar.refresh()
            self._drawn = time.monotonic()
