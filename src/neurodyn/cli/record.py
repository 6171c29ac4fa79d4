"""Record a task-trained network: spikes of some of its units, with its activity as truth, in a file to fit.

usage: neurodyn record RUN -o FILE.h5 [--units 50 --heldout 10 --trials 1000 --repeats 1 --scaling 2 --offset 0 --sampler poisson --seed 0 --overwrite --json]
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

from tyro.conf import arg

from neurodyn.cli._options import Flag, as_mapping, documented, made, parse, taken_parts, with_parts
from neurodyn.config import from_dict
from neurodyn.errors import InvalidInput


def run(arguments: Sequence[str]) -> None:
    """Writes the trials and says where they are."""
    from neurodyn.populations import RecordConfig

    given = list(arguments)
    folder = given.pop(0) if given and not given[0].startswith("-") else None
    asking = bool({"-h", "--help"} & set(given))
    if folder is None and not asking:
        raise InvalidInput("RUN", "nothing", "the folder of a run", "See `neurodyn record --help`.")
    whole = from_dict(RecordConfig, taken_parts(given, RecordConfig, "--"), "record")
    shown, _ = with_parts(whole)
    fields: dict[str, tuple[Any, Any]] = {
        "out": (Annotated[Path | None, arg(aliases=["-o"], help="File to write, `.h5`.")], None),
        "overwrite": (documented(Flag, "Replace what is there already."), False),
        "json": (documented(Flag, "One JSON object on stdout."), False),
    }
    options: Any = parse(made("record", fields, base=shown), given, f"neurodyn record {folder or 'RUN'}")
    config = as_mapping(whole, options)
    if options.out is None:
        raise InvalidInput("--out", "nothing", "a file to write", "Add -o recorded.h5.")
    if options.out.suffix not in (".h5", ".hdf5"):
        raise InvalidInput("--out", str(options.out), "a file that ends in .h5")
    _record(Path(folder or ""), config, options)


def _record(folder: Path, config: dict[str, Any], options: Any) -> None:
    from neurodyn.cli._console import console, print_json, working
    from neurodyn.cli._data import split_sizes, splits_line
    from neurodyn.data import store
    from neurodyn.data.writing import refuse_existing
    from neurodyn.populations import record

    refuse_existing(options.out, options.overwrite)
    with working(f"Recording {folder} ..."):
        trials = record(folder, **config)
        store.save(trials, options.out)
    mean = float(trials.neural.values[trials.mask].mean())
    if options.json:
        found = {"out": str(options.out), "run": str(folder), "trials": len(trials), "bins": trials.bins}
        found |= {"units": trials.units, "heldout": len(trials.heldout), "splits": split_sizes(trials)}
        print_json({**found, "mean_per_bin": mean, **trials.provenance})
        return
    lines = [
        f"{options.out}: {len(trials)} trials of {trials.bins} bins, {splits_line(trials)}",
        f"{trials.units} neurons, {len(trials.heldout)} held out; {mean:.3g} a bin on average",
        f"Next: neurodyn fit lfads {options.out}",
    ]
    for line in lines:
        console().print(line, highlight=False, soft_wrap=True)
