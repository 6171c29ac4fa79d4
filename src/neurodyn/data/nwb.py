"""Any NWB file as a `Recording`, its big arrays left on disk; and what a model inferred, written back into a copy."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from neurodyn.data.continuous import ContinuousSignal
from neurodyn.data.inference import Inference
from neurodyn.data.recording import Recording
from neurodyn.data.store import open_hdf5
from neurodyn.data.trials import Trials
from neurodyn.data.writing import written_whole
from neurodyn.errors import InvalidInput

if TYPE_CHECKING:
    from pynwb import NWBFile

_HEAVY = ("spike_times", "obs_intervals", "waveform_mean", "waveform_sd", "waveforms", "electrodes", "electrode_group")


def read_nwb(source: str | Path | NWBFile) -> Recording:
    """A session in an NWB file, or in one that is open already (streamed from an archive, say); that one is left open.

    Units give spike times; `trials` and every other intervals table give tables; every `TimeSeries` (in acquisition, stimulus or
    processing, alone or inside `Position`, `BehavioralTimeSeries`, `Fluorescence`, ...) gives a signal under its own name, or under
    `container/name` where two share a name. A `RoiResponseSeries` is fluorescence. The recording spans the units' observation
    intervals; where units differ, the time common to all of them is what counts as observed.

    Raises:
        MissingData: there is no such file.
        InvalidInput: it is empty, truncated, not HDF5 or not NWB.
    """
    io, nwb = open_nwb(source) if isinstance(source, str | Path) else (None, source)
    name = Path(source).stem if isinstance(source, str | Path) else str(nwb.identifier)
    units = nwb.units
    spikes = _UnitSpikes(units) if units is not None and "spike_times" in units.colnames else ()
    observed = _observed(units) if len(spikes) and "obs_intervals" in units.colnames else None
    signals = _signals(nwb)
    span = None
    if observed:
        moments = np.concatenate([np.ravel(o) for o in observed])
        reach = [s.span for s in signals.values() if s.samples]
        span = (min([moments.min(), *(a for a, _ in reach)]), max([moments.max(), *(b for _, b in reach)]))
    tables = {t.name: table_frame(t) for t in [*nwb.intervals.values(), nwb.epochs, nwb.invalid_times] if t is not None}
    tables.pop("trials", None)
    return Recording(
        spike_times=spikes,
        signals=signals,
        trials=table_frame(nwb.trials) if nwb.trials is not None else pd.DataFrame(),
        intervals=tables,
        span=None if span is None else (float(span[0]), float(span[1])),
        observed=_common(observed) if observed else None,
        unit_names=tuple(str(i) for i in units.id[:]) if len(spikes) else (),
        unit_table=table_frame(units) if units is not None else pd.DataFrame(),
        name=name,
        session=str(nwb.session_id or name),
        provenance={"source": str(source) if io is not None else None, "identifier": str(nwb.identifier)},
        source=io,
    )


def open_nwb(path: str | Path) -> tuple[Any, Any]:
    """An NWB file opened for reading: what closes it, and its content, big arrays left on disk.

    Raises:
        MissingData: there is no such file.
        InvalidInput: it is empty, truncated, not HDF5 or not NWB.
    """
    with open_hdf5(path) as file:
        if "nwb_version" not in file.attrs:
            raise InvalidInput(str(path), f"an HDF5 file that holds {', '.join(file) or 'nothing'}", "an NWB file")
    from pynwb import NWBHDF5IO

    try:
        io = NWBHDF5IO(str(path), "r", load_namespaces=True)
        return io, io.read()
    except Exception as error:  # pynwb raises many kinds for a damaged file
        raise InvalidInput(str(path), f"an NWB file that cannot be read ({error})", "a valid NWB file") from error


def write_inference(
    source: str | Path, out: str | Path, inference: Inference, trials: Trials, *, run: str | Path = ""
) -> Path:
    """A copy of an NWB file with the rates, latents and inputs of some of its trials, and their spread over posterior samples.

    They go into a processing module `neurodyn`, one `TimeSeries` each, `(time, channel)`: the trials one after another in the order
    they start, masked bins left out, time stamps at bin centres. Rates of spikes are in Hz. What else a model reports goes along
    where it has a value for each bin.

    Args:
        source: the recording the trials were cut from; it is only read.
        out: the copy.
        inference: of these trials, in their order.
        trials: aligned or cut from a `Recording`.
        run: what inferred them, for the module's description.

    Raises:
        InvalidInput: the source is not an NWB file; the trials do not say when they start (`start_s` in their table); another number
            of trials; trials of a benchmark's other file; the file has such a module already; both paths are the same; the disk is full.
    """
    source, out = Path(source), Path(out)
    start, arrays = check_inference_target(source, out, trials), _by_bin(inference, trials)
    from pynwb import NWBHDF5IO, TimeSeries

    order = np.argsort(start, kind="stable")
    times = start[:, None] + (np.arange(trials.bins) + 0.5) * trials.bin_s
    inside = trials.mask[order]
    with written_whole(out) as beside:
        shutil.copyfile(source, beside)
        _reserve(beside, sum(v.size for v, _ in arrays.values()) * 4 + times.nbytes * len(arrays) + 2**20)
        with warnings.catch_warnings(), NWBHDF5IO(str(beside), "a", load_namespaces=True) as io:
            warnings.filterwarnings("ignore", "The file path provided")  # it ends in .nwb once it is whole
            nwb = io.read()
            by = f" with the run {run}" if str(run) else ""
            module = nwb.create_processing_module("neurodyn", f"Single-trial inference by neurodyn{by}")
            for name, (values, unit) in arrays.items():
                what = f"standard deviation of the {name[:-3]} over posterior samples" if name.endswith("_sd") else name
                module.add(
                    TimeSeries(
                        name=name,
                        data=np.asarray(values[order][inside], np.float32),
                        unit=unit,
                        timestamps=times[order][inside],
                        description=f"inferred {what}, bins of {trials.bin_s:g} s, time stamps at bin centres",
                    )
                )
            io.write(nwb)
    return out


def check_inference_target(source: Path, out: Path, trials: Trials) -> np.ndarray:
    """Checks, before anything is inferred, that `write_inference` can write; gives back each trial's start in seconds.

    Raises:
        InvalidInput: as `write_inference`.
    """
    if source.suffix.lower() != ".nwb" or not source.is_file():
        raise InvalidInput(
            "out",
            f"{out.name} for trials of {source}, which is not an NWB file",
            "trials of an NWB file, whose copy takes the inference",
            f"Write HDF5 instead ({out.stem}.h5), or name the NWB file as the data.",
        )
    if out.resolve() == source.resolve():
        raise InvalidInput("out", str(out), "another file than the recording's", "The recording is never changed.")
    with open_hdf5(source) as file:
        if "processing/neurodyn" in file:
            raise InvalidInput(
                str(source),
                "a file with a processing module 'neurodyn'",
                "a file without one",
                f"Start from the recording as it was, or write HDF5 ({out.stem}.h5).",
            )
    if "start_s" not in trials.table:
        raise InvalidInput("trials", "a table without start_s", "trials aligned from a Recording")
    others = sorted({*trials.table["file"]} - {source.name}) if "benchmark" in trials.provenance else []
    if others:
        raise InvalidInput(
            "trials",
            f"trials of {', '.join(map(str, others))}, whose clock is another",
            f"trials of {source.name} only",
            f"Write HDF5 instead ({out.stem}.h5).",
        )
    return np.asarray(trials.table["start_s"].to_numpy(float))


def _by_bin(inference: Inference, trials: Trials) -> dict[str, tuple[np.ndarray, str]]:
    """The arrays with a value for each trial and bin, each with its unit."""
    spikes = trials.neural.kind == "spikes"
    found = {}
    for name, values in inference.arrays().items():
        if values.shape[:2] == trials.mask.shape and values.ndim == 3:
            rates = name in ("rates", "rates_sd")
            unit = ("Hz" if spikes else trials.neural.units or "a.u.") if rates else "a.u."
            found[name] = (values / trials.bin_s if rates and spikes else values, unit)
        elif name not in inference.extra:
            raise InvalidInput(name, f"shape {values.shape}", f"(trial, time) {trials.mask.shape}, like the trials")
    return found


def _reserve(path: Path, size: int) -> None:
    """Makes sure that a file can grow: a full disk shows here, as an error, and not inside HDF5, which would crash. HDF5 cuts off what it does not use."""
    with path.open("ab") as file:
        for _ in range(0, size, 2**20):
            file.write(bytes(2**20))


class _UnitSpikes(Sequence[np.ndarray]):
    """Spike times of each unit, read when asked for."""

    def __init__(self, units: Any) -> None:
        self._times = units["spike_times"]
        self._number = len(units)

    def __len__(self) -> int:
        return self._number

    def __getitem__(self, unit: Any) -> Any:
        return np.asarray(self._times[unit], np.float64)


def _observed(units: Any) -> list[np.ndarray]:
    column = units["obs_intervals"]
    given = [np.asarray(column[unit], np.float64).reshape(-1, 2) for unit in range(len(units))]
    return [intervals for intervals in given if len(intervals)]


def _common(observed: list[np.ndarray]) -> np.ndarray:
    """Time within an interval of every unit, as intervals."""
    common = observed[0]
    for other in observed[1:]:
        if np.array_equal(common, other):
            continue
        low = np.maximum(common[:, None, 0], other[None, :, 0])
        high = np.minimum(common[:, None, 1], other[None, :, 1])
        keep = low < high
        common = np.stack([low[keep], high[keep]], 1)
        common = common[np.argsort(common[:, 0])]
    return common


def table_frame(table: Any) -> pd.DataFrame:
    """A table's columns but those that point into other objects or hold a unit's raw data."""
    skip = {c for c in table.colnames if c in _HEAVY or c == "timeseries"}
    frame: pd.DataFrame = table.to_dataframe(exclude=skip)
    return frame.reset_index(drop=True)


def _signals(nwb: Any) -> dict[str, ContinuousSignal]:
    from pynwb import TimeSeries
    from pynwb.ophys import RoiResponseSeries

    found: list[tuple[Any, str]] = []
    stimuli = {id(s) for s in nwb.stimulus.values()}
    for item in nwb.objects.values():
        if isinstance(item, TimeSeries) and _is_numeric(item):
            role = (
                "neural" if isinstance(item, RoiResponseSeries) else "stimulus" if id(item) in stimuli else "behaviour"
            )
            found.append((item, role))
    names = [item.name for item, _ in found]
    signals = {}
    for item, role in found:
        name = item.name if names.count(item.name) == 1 else f"{item.parent.name}/{item.name}"
        fixed = item.timestamps is None
        signals[name] = ContinuousSignal(
            values=item.data,
            timestamps=None if fixed else item.timestamps,
            rate_hz=float(item.rate) if fixed else None,
            start_s=float(item.starting_time or 0.0) if fixed else 0.0,
            role=role,  # type: ignore[arg-type]
            units=str(item.unit),
            scale=float(item.conversion),
            offset=float(item.offset),
        )
    return signals


def _is_numeric(series: Any) -> bool:
    """Whether a series has samples of numbers and times for them (not text, not frames in an outside file)."""
    data = series.data
    timed = series.timestamps is not None or series.rate is not None
    return timed and hasattr(data, "shape") and len(data.shape) > 0 and data.shape[0] > 0 and data.dtype.kind in "biuf"
