"""What a search shows on stderr: a bar over the epochs of all members, and a line for every generation and failure."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from rich.console import Console, RenderableType
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn


class SearchBar(Progress):
    """Counts the epochs in the members' folders whenever it is drawn, so that no worker has to report them.

    Args:
        shown: false draws and says nothing.
    """

    def __init__(self, shown: bool) -> None:
        self._paths: Sequence[Path] = ()
        self._until = self._before = 0
        columns = (
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.completed:.0f}/{task.total:.0f} epochs"),
            TimeElapsedColumn(),
            TextColumn("{task.fields[best]}"),
        )
        console = Console(stderr=True)
        super().__init__(*columns, console=console, refresh_per_second=1, disable=not (shown and console.is_terminal))
        self._shown = shown
        self._bar = self.add_task("", total=1, best="")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._count()
        super().__exit__(kind, error, trace)

    def begin(self, what: str, folders: Sequence[Path], until: int) -> None:
        """A generation begins.

        Args:
            what: it is called.
            folders: of the members that train in it.
            until: epoch at which each ends.
        """
        self._paths, self._until = [folder / "metrics.jsonl" for folder in folders], until
        self._before = sum(self._epochs())
        self.update(self._bar, description=what, total=max(1, until * len(folders) - self._before), completed=0)

    def best(self, text: str) -> None:
        """Shows the best so far beside the bar."""
        self.update(self._bar, best=text)

    def say(self, line: str) -> None:
        """A line that stays."""
        if self._shown:
            self.console.print(line, highlight=False, markup=False, soft_wrap=True)

    def get_renderable(self) -> RenderableType:
        self._count()
        return super().get_renderable()

    def _count(self) -> None:
        if self._paths:
            self.update(self._bar, completed=sum(self._epochs()) - self._before)

    def _epochs(self) -> list[int]:
        return [min(self._until, path.read_bytes().count(b"\n")) if path.exists() else 0 for path in self._paths]
