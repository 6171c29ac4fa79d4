"""Any file as trials: the reader is picked by what the file holds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import h5py
import numpy as np

from neurodyn.config import check_choices, check_range
from neurodyn.data import store
from neurodyn.data.arrays import NamedArrays, binned_arrays, is_ready_split, read_ready_split
from neurodyn.data.binned import Binned
from neurodyn.data.recording import Recording
from neurodyn.data.splits import hold_out_units, parse_fractions, split_trials
from neurodyn.data.trials import Trials
from neurodyn.errors import InvalidInput, MissingData, UnknownName

if TYPE_CHECKING:
    from neurodyn.data.nlb.dataset import NLBDataset

_SPLITTING = {"heldout", "heldout_seed", "split", "split_by", "seed"}
_WINDOWS = {"fluorescence", "behaviour", "bin_s", "condition", "window", "stride", "forward"}
READERS = {
    "trials": {"lazy"},
    "ready": set(),
    "nwb": {"align", "table", "window_s", "lag_s", "outside", "drop_missing"} | _WINDOWS | _SPLITTING,
    "benchmark": {"benchmark", "phase", "bin_s"},
    "arrays": {"counts", "segment_id", "trial_id", "lag_bins"} | _WINDOWS | _SPLITTING,
    "nlb": {"bin_s"},
    "lfads_torch": {"bin_s"},
    "blend": {"bin_s"},
}
"""Options each reader uses; another option that is set is an error."""
_HOLDS = {
    "trials": "a file of trials that neurodyn wrote",
    "ready": "a file that comes split",
    "nwb": "an NWB file",
    "benchmark": "an NWB file of the benchmark (with benchmark)",
    "arrays": "a file of arrays",
    "nlb": "a file in the benchmark's layout",
    "lfads_torch": "a data file of lfads-torch",
    "blend": "a data file of BLEND",
}
Kind = Literal["trials", "ready", "nwb", "arrays", "nlb", "lfads_torch", "blend"]


@dataclass(frozen=True)
class FileOptions:
    """How a file becomes trials. An option that the file's reader does not use is an error, never ignored."""

    align: str | None = None
    """NWB: column of the trial table to align to; without it the recording is cut into windows."""
    table: str = "trials"
    """NWB: the intervals table with a row a trial."""
    window_s: tuple[float | str, ...] = ()
    """NWB: start and stop of the window around the event, in seconds; the stop may be a column's name (trials of different length)."""
    bin_s: float | None = None
    """Bin width in seconds. Arrays: the width they are in, unless the file has an array `bin_s`."""
    counts: str | None = None
    """Arrays: name of the spike counts, `(time, unit)` or `(trial, time, unit)`."""
    fluorescence: str | None = None
    """Name of the fluorescence, instead of counts or spikes."""
    behaviour: tuple[str, ...] = ()
    """Names of the behaviour arrays or signals."""
    condition: str | None = None
    """NWB: column that says what condition a trial is. Arrays: array with one label a trial."""
    lag_s: float = 0.0
    """NWB: behaviour is taken so much after the activity, in seconds."""
    lag_bins: int = 0
    """Arrays: the same, in bins."""
    segment_id: str | None = None
    """Arrays: array with the segment of each bin; windows never cross a segment."""
    trial_id: str | None = None
    """Arrays: array with the trial of each bin; one trial for each, of the length it has."""
    window: int | None = None
    """Bins of the windows a continuous recording is cut into, forward ones included."""
    stride: int | None = None
    """Bins from one window's start to the next's (default: no overlap)."""
    forward: int = 0
    """Bins at the end of each window that are predicted, never seen."""
    outside: Literal["error", "mask", "drop"] = "error"
    """NWB: what to do with windows that leave the recording."""
    drop_missing: bool = False
    """NWB: leave out trials without the event."""
    benchmark: str | None = None
    """NWB: name of a data set of the Neural Latents Benchmark, which says how its files are cut, split and held out."""
    phase: Literal["val", "test"] = "val"
    """NWB with `benchmark`: whether the validation trials are predicted, or the test trials."""
    heldout: float = 0.0
    """Fraction of the units that are held out."""
    heldout_seed: int | None = None
    """Seed of the held-out units (default: `seed`)."""
    split: str | None = "70/15/15"
    """Shares of train/valid/test trials; none leaves the trials unsplit."""
    split_by: Literal["block", "random"] | None = None
    """Splits in blocks in recorded order, or drawn; by default blocks for windows of a continuous recording, else drawn."""
    seed: int = 0
    """Seed of the draws."""
    lazy: bool = False
    """Trials that neurodyn wrote: leave signals on disk."""

    def __post_init__(self) -> None:
        check_choices(self, "data")
        if self.bin_s is not None:
            check_range("data.bin_s", self.bin_s, 0, open_low=True)
        check_range("data.heldout", self.heldout, 0, 1, open_high=True)
        check_range("data.forward", self.forward, 0)
        if self.window is not None:
            check_range("data.window", self.window, 1)
        if self.window_s and (len(self.window_s) != 2 or isinstance(self.window_s[0], str)):
            raise InvalidInput("data.window_s", list(self.window_s), "start and stop, the start in seconds")
        if self.split is not None and self.split.lower() == "none":  # as one types it
            object.__setattr__(self, "split", None)
        if self.split is not None:
            parse_fractions(self.split)


def load_file(path: str | Path, options: FileOptions | None = None) -> Trials:
    """Trials from a file: one that `store.save` wrote, NWB, one of `data.layouts`, or named arrays in `.npz`, `.h5` or `.mat`.

    Raises:
        MissingData: there is no such file.
        InvalidInput: it is empty, damaged or of another format; an option it does not use; whatever the reader finds.
        UnknownName: an array, signal or column it does not hold.
    """
    options = options or FileOptions()
    kind = kind_of(path)
    benchmark = kind == "nwb" and options.benchmark is not None
    _refuse_unused(options, "benchmark" if benchmark else kind)
    if kind == "trials":
        trials = store.load(path, lazy=options.lazy)
    elif kind == "ready":
        trials = read_ready_split(NamedArrays(path))
    elif benchmark:
        trials = benchmark_of(path, options).load()
    elif kind == "nwb":
        trials = _split(*_from_nwb(path, options), options)
    elif kind == "arrays":
        trials = _split(*_from_arrays(NamedArrays(path), options), options)
    else:
        trials = _from_layout(path, kind, options.bin_s)
    if kind == "trials":
        return trials
    given = {
        f.name: getattr(options, f.name) for f in dataclasses.fields(options) if getattr(options, f.name) != f.default
    }
    return dataclasses.replace(trials, provenance={"source": str(path), "options": given, **trials.provenance})


def kind_of(path: str | Path) -> Kind:
    """What a file holds, by its content: trials, arrays that come split, NWB, one of the field's layouts, or other arrays."""
    path = Path(path)
    if not path.is_file():
        raise MissingData(f"{path}: there is no such file.")
    if path.suffix == ".nwb" or (h5py.is_hdf5(path) and path.stat().st_size > 0):
        with store.open_hdf5(path) as file:
            if file.attrs.get("format") == store.FORMAT:
                return "trials"
            if "nwb_version" in file.attrs:
                return "nwb"
            if any(f"{name}/eval_spikes_heldout" in file for name in file):
                fix = "Fit to a benchmark's train_input.h5 or NWB file; `neurodyn submit --score` opens targets."
                raise InvalidInput(str(path), "targets a benchmark scores with", "data to fit a model to", fix)
            if "train_encod_data" in file:
                return "lfads_torch"
            parts = [{f"{part}_{word}_heldin" for word in ("spikes", "data")} & set(file) for part in ("train", "eval")]
            if any(parts):
                flat = all(parts) and all(isinstance(each, h5py.Dataset) for each in file.values())
                return "blend" if flat else "nlb"
    return "ready" if is_ready_split(NamedArrays(path)) else "arrays"


def usable(path: str | Path, options: Mapping[str, Any]) -> dict[str, Any]:
    """Those of some options that the reader of a file uses."""
    kind = kind_of(path)
    used = READERS["benchmark" if kind == "nwb" and options.get("benchmark") else kind]
    return {name: value for name, value in options.items() if name in used}


def benchmark_of(path: str | Path, options: FileOptions) -> NLBDataset:
    """The data set of the benchmark that an NWB file belongs to, as `options.benchmark` names it; its other file lies beside it.

    Raises:
        UnknownName: no data set of the benchmark is called so.
        MissingData: the files beside it are not called as the archive calls them.
        InvalidInput: an option it does not use; the file is not the one that would be read.
    """
    from neurodyn import registry

    _refuse_unused(options, "benchmark")
    if options.benchmark not in benchmarks():
        raise UnknownName("data set of the benchmark", str(options.benchmark), benchmarks())
    dataset: type[NLBDataset] = registry.load("datasets", options.benchmark)
    width = {} if options.bin_s is None else {"bin_s": options.bin_s}
    found = dataset(dataset.Config(phase=options.phase, folder=str(Path(path).parent), **width))
    names = [file.name for file in found.files()]
    if Path(path).name not in names:
        raise InvalidInput(
            str(path),
            f"a file that is not called as the archive calls those of {found.name}",
            f"one of {', '.join(names)}, which lie beside it",
            "Name one of these, or move them elsewhere and rename yours.",
        )
    return found


def benchmarks() -> list[str]:
    """Names of the data sets of the Neural Latents Benchmark."""
    from neurodyn import registry
    from neurodyn.data.nlb.dataset import NLBDataset

    return [name for name in registry.names("datasets") if issubclass(registry.load("datasets", name), NLBDataset)]


def open_continuous(path: str | Path, options: FileOptions | None = None) -> Recording | Binned | Trials:
    """A file as it was recorded, before windows are cut: what `check.check` looks at.

    Named arrays `(time, unit)` come as `Binned`, NWB as `Recording`, everything that is trials already as `Trials`.
    """
    options = options or FileOptions()
    kind = kind_of(path)
    if kind == "nwb":
        from neurodyn.data.nwb import read_nwb

        return read_nwb(path)
    if kind == "arrays":
        arrays = NamedArrays(path)
        neural, activity, bin_s = _neural(arrays, options)
        if arrays[neural].ndim == 2:
            return binned_arrays(arrays, neural, activity, bin_s, options.behaviour, options.segment_id)
    return load_file(path, options)


def _refuse_unused(options: FileOptions, kind: str) -> None:
    for field in dataclasses.fields(options):
        if getattr(options, field.name) != field.default and field.name not in READERS[kind]:
            users = [_HOLDS[k] for k, used in READERS.items() if field.name in used]
            raise InvalidInput(
                f"data.{field.name}",
                f"an option that {_HOLDS[kind]} does not use",
                f"only with {' or '.join(users)}",
                "Leave it out.",
            )


def _from_layout(path: str | Path, kind: str, bin_s: float | None) -> Trials:
    from neurodyn.data.layouts import blend, lfads_torch, nlb
    from neurodyn.data.nlb.trials import to_trials

    if kind == "nlb":
        return to_trials(nlb.read(path, bin_s))
    return lfads_torch.read(path, bin_s) if kind == "lfads_torch" else blend.read(path, bin_s)


def _from_nwb(path: str | Path, options: FileOptions) -> tuple[Trials, bool]:
    from neurodyn.data.nwb import read_nwb

    recording = read_nwb(path)
    try:
        return _cut(recording, options), options.align is None
    finally:
        recording.close()


def _cut(recording: Recording, options: FileOptions) -> Trials:
    """Trials around an event, or windows."""
    if options.align is None and options.window is None:
        columns = ", ".join(map(str, recording.trials.columns)) or "none"
        benchmark = "For a recording of the Neural Latents Benchmark name it: --data.benchmark mc_maze_small."
        raise InvalidInput(
            "data.align",
            "neither align nor window",
            f"a column of the trial table ({columns}) with window_s, or window for a continuous recording",
            benchmark if "heldout" in recording.unit_table else "",
        )
    if options.bin_s is None:
        raise InvalidInput("data.bin_s", "nothing", "a bin width in seconds", "`neurodyn data check` advises one.")
    if options.align is None:
        assert options.window is not None
        return recording.windows(
            options.window,
            options.bin_s,
            behaviour=options.behaviour,
            lag_s=options.lag_s,
            forward=options.forward,
            stride=options.stride,
            neural=options.fluorescence,
        )
    if not options.window_s:
        raise InvalidInput(
            "data.window_s", "nothing", "start and stop in seconds around the event", "For example -0.25 0.45."
        )
    start, stop = options.window_s
    return recording.align(
        options.align,
        (float(start), stop),
        options.bin_s,
        behaviour=options.behaviour,
        condition=options.condition,
        lag_s=options.lag_s,
        forward=options.forward,
        neural=options.fluorescence,
        table=options.table,
        drop_missing=options.drop_missing,
        outside=options.outside,
    )


def _neural(arrays: NamedArrays, options: FileOptions) -> tuple[str, Literal["spikes", "fluorescence"], float]:
    """Name and kind of the population's array, and its bin width."""
    if options.counts and options.fluorescence:
        raise InvalidInput("data.fluorescence", "both counts and fluorescence", "one of them")
    name = options.counts or options.fluorescence
    if name is None:
        raise InvalidInput(
            "data.counts",
            "neither counts nor fluorescence",
            f"the name of an array of {arrays.path.name}: {', '.join(arrays)}",
        )
    if options.bin_s is None and "bin_s" not in arrays:
        raise InvalidInput("data.bin_s", "nothing", "the bin width of the arrays in seconds")
    bin_s = arrays.number("bin_s") if options.bin_s is None else options.bin_s
    return name, "spikes" if options.counts else "fluorescence", bin_s


def _from_arrays(arrays: NamedArrays, options: FileOptions) -> tuple[Trials, bool]:
    neural, kind, bin_s = _neural(arrays, options)
    condition = None if options.condition is None else arrays.row(options.condition)
    if arrays[neural].ndim == 3:
        for name in ("window", "stride", "segment_id", "trial_id", "lag_bins"):
            if getattr(options, name):
                raise InvalidInput(
                    f"data.{name}", f"{neural}, which is cut into trials already", "a continuous (time, unit) array"
                )
        trials = Trials.from_arrays(
            arrays[neural] if kind == "spikes" else None,
            fluorescence=None if kind == "spikes" else arrays[neural],
            bin_s=bin_s,
            behaviour={name: arrays[name] for name in options.behaviour},
            conditions=condition,
            forward=options.forward,
            name=arrays.path.stem,
            session=arrays.path.stem,
        )
        return trials, False
    recording = binned_arrays(arrays, neural, kind, bin_s, options.behaviour, options.segment_id)
    if options.trial_id is not None:
        if options.window is not None or options.segment_id is not None:
            raise InvalidInput("data.trial_id", "trial_id with window or segment_id", "one way of cutting")
        trials = recording.trials(arrays.row(options.trial_id), forward=options.forward, lag_bins=options.lag_bins)
        if condition is not None:
            trials = _with_condition(trials, condition)
        return trials, False
    if options.window is None:
        raise InvalidInput("data.window", f"nothing, for a continuous array {neural}", "window (in bins) or trial_id")
    if condition is not None:
        raise InvalidInput("data.condition", "a condition for windows", "trials", "Give trial_id.")
    return recording.windows(
        options.window, forward=options.forward, stride=options.stride, lag_bins=options.lag_bins
    ), True


def _with_condition(trials: Trials, condition: np.ndarray) -> Trials:
    if len(condition) != len(trials):
        raise InvalidInput("data.condition", f"{len(condition)} labels", f"{len(trials)}, one a trial")
    return dataclasses.replace(trials, table=trials.table.assign(condition=condition))


def _split(trials: Trials, windows: bool, options: FileOptions) -> Trials:
    """Holds out units and splits the trials."""
    if options.heldout:
        seed = options.seed if options.heldout_seed is None else options.heldout_seed
        trials = hold_out_units(trials, options.heldout, seed)
    if options.split is None:
        return trials
    by: Any = options.split_by or ("block" if windows else "random")
    return split_trials(trials, parse_fractions(options.split), by, options.seed)
