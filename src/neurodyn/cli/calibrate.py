"""Add subjects to a trained run by a few of their trials, in closed form, into a new run.

usage: neurodyn calibrate RUN DATA [--trials K --data.* --out DIR --json]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from neurodyn.cli._data import data_name, data_options, load_options
from neurodyn.cli._options import Flag, documented, made, parse
from neurodyn.errors import InvalidInput


def run(arguments: Sequence[str]) -> None:
    """Calibrates the run's model to the subjects it does not know and says where the new run is."""
    given = list(arguments)
    names: list[str] = []
    while given and not given[0].startswith("-") and len(names) < 2:
        names.append(given.pop(0))
    if len(names) < 2:
        if {"-h", "--help"} & set(given):
            print(__doc__)
            print("`neurodyn calibrate RUN DATA --help` lists every option.")
            return
        missing = "DATA" if names else "RUN"
        raise InvalidInput(missing, "nothing", "neurodyn calibrate RUN DATA", "See `neurodyn calibrate --help`.")
    folder, source = Path(names[0]), names[1]
    options = _options(folder, source, given)
    out = options.out or folder.with_name(f"{folder.name}-calibrated-{options.trials or 'all'}-{data_name(source)}")
    _calibrate(folder, source, options, out)


def _options(folder: Path, source: str, given: list[str]) -> Any:
    from neurodyn.training.run import Run

    fields: dict[str, tuple[Any, Any]] = {
        "trials": (
            documented(int | None, "Calibration trials of each new subject, the first ones; all by default."),
            None,
        ),
        "out": (documented(Path | None, "The new run's folder; by default <RUN>-calibrated-<trials>-<data>."), None),
        "json": (documented(Flag, "One JSON object on stdout."), False),
    }
    if folder.exists() or not {"-h", "--help"} & set(given):
        fields["data"] = data_options(source, Run.open(folder).config["data"], given)
    return parse(made("calibrate", fields), given, f"neurodyn calibrate {folder} {source}")


def _calibrate(folder: Path, source: str, options: Any, out: Path) -> None:
    from neurodyn import api
    from neurodyn.cli._console import console, print_json, working
    from neurodyn.estimator import Estimator

    with working(f"Loading {source} ..."):
        loaded = api.load(source, **load_options(options.data))
    fitted = Estimator.load(folder)
    known = {session.name for session in fitted.model_.spec.sessions}
    new = [trials for trials in (loaded if isinstance(loaded, list) else [loaded]) if trials.session not in known]
    if not new:
        raise InvalidInput("DATA", f"only sessions that the run knows: {', '.join(known)}", "a new subject's trials")
    fitted.calibrate(new, count=options.trials, out=out)
    sessions = [trials.session for trials in new]
    if options.json:
        print_json(
            {"run": str(out), "from": str(folder), "data": source, "sessions": sessions, "trials": options.trials}
        )
    else:
        said = f"run: {out} (sessions {', '.join(sessions)})\nNext: neurodyn evaluate {out}"
        console().print(said, highlight=False, soft_wrap=True)
