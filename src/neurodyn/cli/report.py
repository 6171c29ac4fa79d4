"""Write one self-contained HTML page of one or many runs: scores, learning curves, rates, latents, diagnosis.

usage: neurodyn report RUN ... [-o report.html]
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from tyro.conf import Positional, arg

from neurodyn.cli._options import Flag, parse


@dataclass(frozen=True)
class Options:
    """Write one self-contained HTML page of one or many runs."""

    runs: Positional[tuple[Path, ...]]
    """Folders of runs on the same data; the first is the one shown in detail."""
    out: Annotated[Path, arg(aliases=["-o"])] = Path("report.html")
    """The page to write."""
    json: Flag = False
    """One JSON object on stdout: `{"report": path}`."""


def run(arguments: Sequence[str]) -> None:
    """Writes the page and says where it is."""
    options = parse(Options, arguments, "neurodyn report")
    from neurodyn import api
    from neurodyn.cli._console import console, print_json, working
    from neurodyn.errors import InvalidInput
    from neurodyn.estimator import Estimator

    if not options.runs:
        raise InvalidInput("RUN", "none", "at least one folder of a run")
    with working("Writing the report ..."):
        path = api.report([Estimator.load(folder) for folder in options.runs], options.out)
    if options.json:
        print_json({"report": str(path)})
    else:
        console().print(f"report: {path.resolve()}", highlight=False, soft_wrap=True)
