"""The weights that a run kept along its training, one step after the other."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.console import Console
from rich.progress import track
from torch import Tensor

from neurodyn.errors import InvalidInput
from neurodyn.training.run import Run


def kept_weights(
    run: Run, what: str, progress: bool
) -> Iterator[tuple[int, Mapping[str, Tensor], Mapping[str, Mapping[str, Tensor]]]]:
    """Every kept step, its weights, and what was kept beside them (`Run.kept`).

    Args:
        run: a run's folder.
        what: is done with them, for the progress bar.
        progress: draw it on stderr.

    Raises:
        InvalidInput: none were kept.
    """
    steps = run.kept_steps()
    if not steps:
        fix = "Fit it again with --train.checkpoint_steps 0 10 100 ... or --train.checkpoint_every 1."
        raise InvalidInput("run", f"{run.path}, which kept no weights along the way", "a run with checkpoints", fix)
    for step in track(steps, what, console=Console(stderr=True), disable=not progress):
        yield (step, *run.kept(step))
