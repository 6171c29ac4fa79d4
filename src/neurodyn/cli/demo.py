"""Load data, fit LFADS beside simple baselines, score them, and write a report: a few minutes on two cores.

usage: neurodyn demo [--data NAME] [--quick] [--out demo]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from neurodyn import registry
from neurodyn.cli._data import data_name
from neurodyn.cli._options import Flag, parse
from neurodyn.errors import MissingData

RECORDED, SIMULATED = "m1_stevenson", "two_area"
SECONDS, QUICK_SECONDS = 180.0, 20.0


@dataclass(frozen=True)
class Options:
    """Load data, fit LFADS beside simple baselines, score them, and write a report. Run again, it goes on where it stopped."""

    data: str | None = None
    """Data set or file; by default the recording m1_stevenson where it is on this machine, else the simulated two_area."""
    out: Path = Path("demo")
    """Folder of the run and of report.html."""
    quick: Flag = False
    """Train for 20 CPU seconds instead of 180: to see that all works, not for the scores."""
    json: Flag = False
    """One JSON object on stdout: `{"run": ..., "report": ..., "scores": [...]}`."""


def run(arguments: Sequence[str]) -> None:
    """Prints the table of scores and the report's path."""
    options = parse(Options, arguments, "neurodyn demo")
    from neurodyn import api
    from neurodyn.cli._console import console, print_json, print_scores, working

    out = console()
    source = options.data or _available()
    with working(f"Loading {source} ..."):
        trials = api.load(source)
    for each in trials if isinstance(trials, list) else [trials]:
        out.print(each, highlight=False, soft_wrap=True)
    folder = options.out / data_name(source) / "lfads"
    seconds = QUICK_SECONDS if options.quick else SECONDS
    out.print(
        f"Fitting LFADS for at most {seconds:g} CPU seconds; Ctrl-C stops, and the same command goes on.",
        highlight=False,
    )
    fitted = api.fit("lfads", trials, out=folder, train={"max_cpu_s": seconds}, resume=True)
    with working("Fitting the baselines, scoring on the test trials, drawing the report ..."):
        page = api.report(fitted, options.out / "report.html")
    scores = fitted.run_.scores() if fitted.run_ else []
    if options.json:
        print_json({"run": str(folder), "report": str(page), "scores": [score.as_mapping() for score in scores]})
        return
    print_scores(scores, f"lfads on {source}, held-out test trials")
    out.print(f"report: {page.resolve()}", highlight=False, soft_wrap=True)


def _available() -> str:
    """The recording where it is on this machine, else the simulation."""
    cls = registry.load("datasets", RECORDED)
    try:
        for remote in cls.remotes:
            cls(cls.Config()).find(remote.file)
    except MissingData:
        return SIMULATED
    return RECORDED
