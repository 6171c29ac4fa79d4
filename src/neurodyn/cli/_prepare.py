"""`neurodyn data prepare`: trials or the benchmark's splits, written for neurodyn or for the field's other tools."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from tyro.conf import arg

from neurodyn import registry
from neurodyn.cli._data import benchmark_named, loaded, source_of, split_sizes, splits_line
from neurodyn.cli._options import Flag, documented, made, parse
from neurodyn.errors import InvalidInput, MissingData

if TYPE_CHECKING:
    from neurodyn.data.nlb.dataset import NLBDataset
    from neurodyn.data.trials import Trials

Layout = Literal["trials", "nlb", "lfads_torch", "blend"]
ALL = "nlb"
"""Stands for every data set of the benchmark."""
_BIN_WIDTHS_S = (0.005, 0.02)
_PHASES: tuple[Literal["val", "test"], ...] = ("val", "test")
_OUT = Annotated[
    Path | None, arg(aliases=["-o"], help="File to write; for layout nlb the folder that gets one folder a split.")
]
_OVERWRITE = documented(Flag, "Replace what is there already.")
_JSON = documented(Flag, "One JSON object on stdout.")


def prepare(arguments: Sequence[str]) -> None:
    """Writes what NAME or FILE holds; `nlb` stands for all of the benchmark."""
    from neurodyn.data.files import benchmarks

    if arguments[:1] == [ALL]:
        fields = {"out": (_OUT, None), "layout": (Literal["nlb"], "nlb"), "overwrite": (_OVERWRITE, False)}
        options: Any = parse(
            made("prepare", {**fields, "json": (_JSON, False)}), arguments[1:], "neurodyn data prepare"
        )
        _write_splits([registry.load("datasets", name).with_options() for name in benchmarks()], options, every=True)
        return
    source, config, options = source_of(
        "prepare",
        arguments,
        out=(_OUT, None),
        layout=(documented(Layout, "What to write: trials (read by every verb), or another tool's files."), "trials"),
        every_split=(documented(Flag, "Layout nlb: both bin widths and both phases."), False),
        overwrite=(_OVERWRITE, False),
    )
    if options.layout == "nlb":
        _write_splits([_benchmark(source, config)], options, every=options.every_split)
        return
    if options.every_split:
        raise InvalidInput("--every-split", f"layout {options.layout}", "layout nlb", "Add --layout nlb.")
    _write_trials(source, config, options)


def _write_trials(source: str, config: Any, options: Any) -> None:
    from neurodyn.cli._console import console, print_json
    from neurodyn.data.writing import refuse_existing

    out = _out(options)
    if out.suffix.lower() not in (".h5", ".hdf5"):
        raise InvalidInput("--out", out.name, "a name that ends in .h5 or .hdf5", "For example -o prepared.h5.")
    if Path(source).exists() and out.resolve() == Path(source).resolve():
        raise InvalidInput("--out", str(out), "another file than the recording", "It is only read.")
    refuse_existing(out, options.overwrite)
    trials = loaded(source, config)
    if isinstance(trials, list):
        raise InvalidInput("FILE", f"{source}, which holds {len(trials)} sessions", "one session a file")
    left_out = _write(trials, out, options.layout, options.overwrite)
    if options.json:
        sizes = {"trials": len(trials), "bins": trials.bins, "units": trials.units, "forward": trials.forward}
        more = {"heldout": len(trials.heldout), "split": split_sizes(trials), "left_out": left_out}
        print_json({"out": str(out), "layout": options.layout, **sizes, **more})
        return
    lines = [repr(trials), splits_line(trials), str(out)]
    if left_out:
        lines.append(f"Left out, for want of a key: {', '.join(left_out)}")
    if options.layout == "trials":
        lines.append(f"Next: neurodyn fit lfads {out}")
    console().print("\n".join(lines), highlight=False, soft_wrap=True)


def _write(trials: Trials, out: Path, layout: Layout, overwrite: bool) -> list[str]:
    """Writes trials and says what the layout has no place for."""
    from neurodyn.data import store
    from neurodyn.data.layouts import blend, lfads_torch

    if layout == "trials":
        store.save(trials, out)
        return []
    if layout == "blend":
        blend.write(trials, out, overwrite)
        return blend.left_out(trials)
    lfads_torch.write(trials, out, overwrite)
    return lfads_torch.left_out(trials)


def _write_splits(datasets: Sequence[NLBDataset], options: Any, *, every: bool) -> None:
    """Writes splits of the benchmark; several go on where an earlier run stopped."""
    from rich.progress import Progress

    from neurodyn.cli._console import console, print_json
    from neurodyn.data.layouts import nlb

    out = _out(options)
    written: list[str] = []
    kept: list[str] = []
    absent: dict[str, str] = {}
    people = console()
    with Progress(console=people, disable=not people.is_terminal) as bar:
        task = bar.add_task("", total=len(datasets) * (4 if every else 1))
        for dataset in datasets:
            for split in _every_split(dataset) if every else [dataset]:
                name = f"{split.name}-{split.bin_ms:02d}ms-{split.config.phase}"
                bar.update(task, description=name)
                if every and not options.overwrite and nlb.is_whole(out / name):
                    kept.append(name)
                    bar.console.print(f"{name}: there already")
                else:
                    nlb.refuse_existing_split(out / name, options.overwrite)
                    try:
                        nlb.write(split.tensors(), out, options.overwrite)
                        written.append(name)
                        bar.console.print(f"{name}: written")
                    except MissingData as error:
                        absent[name] = str(error)
                        if len(datasets) > 1:
                            bar.console.print(f"{name}: absent, neurodyn data get {split.name}")
                bar.advance(task)
    if absent and (len(datasets) == 1 or not (written or kept)):
        raise MissingData(next(iter(absent.values())))
    if options.json:
        print_json({"out": str(out), "layout": "nlb", "written": written, "kept": kept, "absent": absent})


def _every_split(dataset: NLBDataset) -> list[NLBDataset]:
    """The data set in both bin widths and both phases."""
    config = dataset.config
    return [
        type(dataset)(dataclasses.replace(config, bin_s=bin_s, phase=phase))
        for bin_s in _BIN_WIDTHS_S
        for phase in _PHASES
    ]


def _benchmark(source: str, config: Any) -> NLBDataset:
    """The data set of the benchmark that a name or a file stands for."""
    from neurodyn.data.files import benchmarks

    found = benchmark_named(source, config)
    if found is None:
        raise InvalidInput(
            "--layout",
            f"nlb for {source}",
            f"a data set of the benchmark ({', '.join(benchmarks())}) or one of its NWB files",
            "For such a file add --benchmark NAME; other data are written with --layout trials, lfads_torch or blend.",
        )
    return found


def _out(options: Any) -> Path:
    if options.out is None:
        raise InvalidInput("--out", "nothing", "where to write", "Add -o prepared.h5.")
    out: Path = options.out
    return out
