"""Infer rates, latents and inputs of new trials with a fitted run, into HDF5 or back into NWB.

usage: neurodyn transform RUN [DATA|FILE] -o out.h5|out.nwb [--data.* ...]
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
        "samples": (documented(int, "Posterior samples to average; 0 uses the posterior means."), 50),
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
    fields["data"] = data_options(source, recorded)
    command = f"neurodyn transform {' '.join(names)}"
    options: Any = parse(made("transform", fields), given, command)
    if options.out is None:
        raise InvalidInput("--out", "nothing", "a file to write", "Add -o rates.h5, or -o inferred.nwb.")
    check_range("samples", options.samples, 0)
    _write(Path(names[0]), source, options)


def _write(folder: Path, source: str, options: Any) -> None:
    from neurodyn import api
    from neurodyn.cli._console import console, print_json, working
    from neurodyn.data.outputs import check_destination, write
    from neurodyn.estimator import Estimator

    with working(f"Inferring the trials of {source} ..."):
        trials = api.load(source, **load_options(options.data))
        several = trials if isinstance(trials, list) else [trials]
        merge = options.merge_power if options.merge else None
        check_destination(options.out, several, merge)
        found = Estimator.load(folder).transform(several, samples=options.samples)
        inferred = found if isinstance(found, list) else [found]
        write(options.out, several, inferred, run=str(folder), merge=merge)
    number = sum(map(len, several))
    shapes = {name: list(values.shape) for name, values in inferred[0].arrays().items()}
    if options.json:
        print_json({"out": str(options.out), "trials": number, "arrays": shapes})
    else:
        console().print(f"{', '.join(shapes)} of {number} trials: {options.out}", highlight=False, soft_wrap=True)
