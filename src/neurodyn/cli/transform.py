"""Infer rates, latents and inputs of new trials with a fitted run, into HDF5 or back into NWB.

usage: neurodyn transform RUN [DATA|FILE] -o out.h5|out.nwb [--online] [--data.* ...]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import arg

from neurodyn.cli._data import data_options, load_options
from neurodyn.cli._options import Flag, documented, made, parse
from neurodyn.config import check_range
from neurodyn.errors import InvalidInput


def run(arguments: Sequence[str]) -> None:
    """Writes the arrays beside a description of each and says where they are."""
    given = list(arguments)
    names: list[str] = []
    while given and not given[0].startswith("-") and len(names) < 2:
        names.append(given.pop(0))
    if not names:
        if not {"-h", "--help"} & set(given):
            raise InvalidInput("RUN", "nothing", "the folder of a run", "See `neurodyn transform --help`.")
        names = ["RUN"]
    fields: dict[str, tuple[Any, Any]] = {
        "out": (Annotated[Path | None, arg(aliases=["-o"], help="File to write: `.h5` or `.nwb`.")], None),
        "samples": (
            documented(
                int | None,
                "Posterior samples to average; 0 uses the posterior means. By default 50, and 0 with --online.",
            ),
            None,
        ),
        "online": (
            documented(
                Flag,
                "Infer bin by bin, one trial after the other, as on a stream, and say how long a bin takes; for a langevin_flow with model.causal.",
            ),
            False,
        ),
        "merge": (documented(Flag, "Join the windows of a continuous recording into stretches (HDF5)."), False),
        "merge_power": (
            documented(float, "Where windows overlap: 1 joins linearly, more prefers the earlier one's end."),
            2.0,
        ),
        "json": (documented(Flag, "One JSON object on stdout."), False),
    }
    if {"-h", "--help"} & set(given) and not Path(names[0]).exists():
        parse(made("transform", fields), given, "neurodyn transform RUN [DATA|FILE]")
    from neurodyn.training.run import Run

    recorded = Run.open(Path(names[0])).config["data"]
    source = names[1] if len(names) > 1 else recorded["source"]
    fields["data"] = data_options(source, recorded, given)
    command = f"neurodyn transform {' '.join(names)}"
    options: Any = parse(made("transform", fields), given, command)
    if options.out is None:
        raise InvalidInput("--out", "nothing", "a file to write", "Add -o rates.h5, or -o inferred.nwb.")
    if options.samples is not None:
        check_range("samples", options.samples, 0)
    if options.online and options.samples:
        raise InvalidInput("samples", options.samples, "0 with --online, which follows the posterior means")
    _write(Path(names[0]), source, options)


def _write(folder: Path, source: str, options: Any) -> None:
    from neurodyn import api
    from neurodyn.analysis.online import run_online
    from neurodyn.cli._console import console, print_json, working
    from neurodyn.data.outputs import check_destination, write
    from neurodyn.estimator import Estimator

    with working(f"Inferring the trials of {source} ..."):
        trials = api.load(source, **load_options(options.data))
        several = trials if isinstance(trials, list) else [trials]
        merge = options.merge_power if options.merge else None
        check_destination(options.out, several, merge)
        fitted = Estimator.load(folder)
        inferred: list[Any]
        took: list[Any] = []
        if options.online:
            inferred, took = map(list, zip(*(run_online(fitted.model_, each) for each in several)))
        else:
            found = fitted.transform(several, samples=50 if options.samples is None else options.samples)
            inferred = found if isinstance(found, list) else [found]
        write(options.out, several, inferred, run=str(folder), merge=merge)
    number = sum(map(len, several))
    shapes = {name: list(values.shape) for name, values in inferred[0].arrays().items()}
    latency = _latency_ms(took) if options.online else {}
    if options.json:
        more = {"latency_ms": latency} if options.online else {}
        print_json({"out": str(options.out), "trials": number, "arrays": shapes, **more})
        return
    lines = [f"{', '.join(shapes)} of {number} trials: {options.out}"]
    if options.online:
        text = (
            "a bin took {median:.2f} ms (median), {p99:.2f} ms (99th percentile), {largest:.2f} ms (largest of {bins})"
        )
        lines.append(text.format(**latency))
    for line in lines:
        console().print(line, highlight=False, soft_wrap=True)


def _latency_ms(took: Sequence[Any]) -> dict[str, float]:
    """How long bins took, from seconds of each session."""
    import numpy as np

    each = 1000 * np.concatenate(took)
    median, p99, largest = np.percentile(each, [50, 99, 100])
    return {"median": median, "p99": p99, "largest": largest, "bins": len(each)}
