"""Compare activities, of networks, models and recordings, by measures of similarity, each beside its baselines, chance and noise ceiling.

usage: neurodyn compare A B ... [--measures procrustes,cka,dsa] [--reference NAME] [--window-s FROM TO] [--lags FROM TO] [--out FOLDER] [--json]

A, B, ... are folders of runs that were trained on a task, FILE:KEY, or names of data sets.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from tyro.conf import Positional, arg

from neurodyn.cli._options import Flag, parse
from neurodyn.config import check_range


@dataclass(frozen=True)
class Options:
    """Compare activities by measures of similarity."""

    activities: Positional[tuple[str, ...]] = ()
    """Two or more: the folder of a run that was trained on a task; FILE:KEY, an array (condition, time, unit) or (sample, unit) in an .npz, .h5 or .mat file; a data set's
    name, whose trials are averaged by condition. Options follow after colons: FILE:KEY:order=unit_time_condition, mante2013:half=first."""
    measures: tuple[str, ...] = ("procrustes", "cka", "dsa")
    """Names of measures, with commas between, options after colons: procrustes:alpha=0.5:form=euclidean,cka."""
    reference: str = ""
    """The activity that the others are scored against; empty takes the first."""
    window_s: tuple[float, float] | None = None
    """First and last sample of the reference that are compared, in seconds from the event it is aligned to; the others give the same window."""
    lag_s: float = 0.0
    """How much later the others are looked at than the reference, in seconds; one lag for all."""
    lags: tuple[float, float] | None = None
    """Least and largest lag of a sweep, in seconds: how much the choice of the lag matters."""
    scale: Literal["raw", "zscore", "soft"] = "raw"
    """Raw rates, units of one variance, or units divided by their range plus a tenth of the largest."""
    without_mean: Flag = False
    """Take the mean over conditions out: what is left tells conditions apart."""
    trained_only: Flag = False
    """Leave out the networks as they were before training."""
    draws: int | None = None
    """Bootstrap draws over conditions and units; by default each measure's own number, 0 gives no intervals."""
    seed: int = 0
    """Seed of the draws and of shuffled baselines."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where measures that are computed in batches do so."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """Folder for comparison.json and comparison.html: map, tree and lags."""
    json: Flag = False
    """One JSON object on stdout."""

    def __post_init__(self) -> None:
        check_range("seed", self.seed, 0)
        if self.draws is not None:
            check_range("draws", self.draws, 0)


def run(arguments: Sequence[str]) -> None:
    """Compares the activities, writes the files and prints the tables."""
    options = parse(Options, arguments, "neurodyn compare")
    from neurodyn import api
    from neurodyn.cli._compared import print_comparison
    from neurodyn.cli._console import console, plain, print_json

    found = api.compare(
        options.activities,
        [name for word in options.measures for name in word.split(",") if name],
        reference=options.reference or None,
        window_s=options.window_s,
        lag_s=options.lag_s,
        lags_s=options.lags,
        scale=options.scale,
        without_mean=options.without_mean,
        untrained=not options.trained_only,
        draws=options.draws,
        seed=options.seed,
        progress=True,
        device=options.device,
    )
    written = {"compared": list(found.names), **found.as_mapping()}
    if options.out is not None:
        from neurodyn.data.writing import folder_made, written_whole
        from neurodyn.reporting.similarity import write_comparison

        with folder_made(options.out):
            with written_whole(options.out / "comparison.json") as beside:
                beside.write_text(json.dumps(plain(written), indent=2, allow_nan=False))
            write_comparison(found, options.out / "comparison.html")
    if options.json:
        print_json(written)
    else:
        print_comparison(found)
    if options.out is not None and not options.json:
        console().print(f"page: {options.out / 'comparison.html'}", highlight=False, soft_wrap=True)
