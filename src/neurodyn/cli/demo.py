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
QUICK_EPOCHS = 25


@dataclass(frozen=True)
class Options:
    """Load data, fit LFADS beside simple baselines, score them, and write a report. Run again, it goes on where it stopped."""

    data: str | None = None
    """Data set or file; by default the recording m1_stevenson where it is on this machine, else the simulated two_area."""
    out: Path = Path("demo")
    """Folder of the run and of report.html."""
    quick: Flag = False
    """Train for 25 epochs only: to see that all works, not for the scores."""
    json: Flag = False
    """One JSON object on stdout: `{"run": ..., "report": ..., "scores": [...]}`."""


def run(arguments: Sequence[str]) -> None:
    """Prints the table of scores and the report's path."""
    options = parse(Options, arguments, "neurodyn demo")
    from neurodyn import api
    from neurodyn.cli._console import console, print_json, print_scores, working
    from neurodyn.reporting.overview import overview_figure
    from neurodyn.reporting.page import write

    out = console()
    source = options.data or _available()
    with working(f"Loading {source} ..."):
        trials = api.load(source)
    for each in trials if isinstance(trials, list) else [trials]:
        out.print(each, highlight=False, soft_wrap=True)
    folder = options.out / data_name(source) / "lfads"
    out.print("Fitting LFADS; Ctrl-C stops, and the same command goes on.")
    fitted = api.fit(
        "lfads", trials, out=folder, train={"epochs": QUICK_EPOCHS} if options.quick else None, resume=True
    )
    with working("Fitting the baselines, scoring on the test trials, drawing the report ..."):
        subjects = api.subjects(fitted)
        page = write(subjects, options.out / "report.html")
        overview_figure(subjects[0], options.out / "overview.png")
    scores = [score for subject in subjects for score in subject.scores]
    if options.json:
        print_json({"run": str(folder), "report": str(page), "scores": [score.as_mapping() for score in scores]})
        return
    print_scores(scores, f"lfads on {source}, held-out test trials")
    out.print(f"figure: {page.resolve().with_name('overview.png')}", highlight=False, soft_wrap=True)
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
