"""What of the inputs is identified: inferred inputs of several runs on the same data, beside each other, their states and the truth.

usage: neurodyn identify RUN RUN ... [-o report.html] [--json]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from neurodyn.cli._options import Flag, parse
from neurodyn.errors import InvalidInput


@dataclass(frozen=True)
class Options:
    """What of the inputs is identified."""

    runs: Positional[tuple[Path, ...]] = ()
    """Folders of runs that were fitted to the same data: other seeds, dimensions of the inputs, weights of the KL."""
    session: str = ""
    """Session whose trials are used; empty takes the first."""
    out: Annotated[Path | None, arg(aliases=["-o"])] = None
    """HTML page to write."""
    json: Flag = False
    """One JSON object on stdout."""


def run(arguments: Sequence[str]) -> None:
    """Compares the runs' inputs, writes the page and prints the tables."""
    options = parse(Options, arguments, "neurodyn identify")
    if not options.runs:
        raise InvalidInput("runs", "none", "the folders of one run or more", "neurodyn identify RUN RUN ...")
    from rich.markup import escape
    from rich.table import Table

    from neurodyn import assessment
    from neurodyn.analysis.identifiability import Fit, input_identifiability
    from neurodyn.cli._console import console, print_json, working
    from neurodyn.estimator import Estimator

    fits = []
    with working(f"Looking at the inputs of {len(options.runs)} runs ..."):
        for folder in options.runs:
            estimator = Estimator.load(folder)
            parts = assessment.parts_of(estimator)
            if not parts.test:
                fix = "Load data with splits, or fit to data that have one."
                raise InvalidInput("runs", f"{folder}, without test trials", "runs on data with a test split", fix)
            names = [trials.session for trials in parts.train]
            if options.session and options.session not in names:
                raise InvalidInput("--session", repr(options.session), f"one of {', '.join(names)}")
            place = names.index(options.session) if options.session else 0
            three = parts.train[place], parts.valid[place], parts.test[place]
            fits.append(Fit.of(str(folder), estimator, *three))
        found = input_identifiability(fits)
    if options.out is not None:
        from neurodyn.data.writing import folder_made, written_whole
        from neurodyn.reporting.identifiability import identifiability_html
        from neurodyn.reporting.page import document

        section = {
            "name": "inputs",
            "title": "What of the inputs is identified",
            "lead": "",
            "html": identifiability_html(found),
        }
        with folder_made(options.out.parent), written_whole(options.out) as beside:
            beside.write_text(document("Identifiability of inputs", "", [section]), encoding="utf-8")
    if options.json:
        print_json(found.as_mapping())
        return
    title, headings, rows, _ = found.table()
    table = Table(title=title, title_justify="left")
    for k, heading in enumerate(headings):
        table.add_column(heading, justify="left" if k < 2 else "right", overflow="fold")
    for row in rows:
        table.add_row(*(escape(cell) for cell in row))
    console().print(table)
    for sentence in found.verdict():
        console().print(f"- {sentence}", highlight=False, soft_wrap=True, markup=False)
    if options.out is not None:
        console().print(f"page: {options.out}", highlight=False, soft_wrap=True)
