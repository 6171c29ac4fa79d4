"""What a model inferred, written to HDF5 or into an NWB file."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.data.inference import Inference
from neurodyn.data.trials import Trials
from neurodyn.data.writing import hdf5_written_whole, written_whole
from neurodyn.errors import InvalidInput

_MEANING = {
    "rates": "expected counts per bin, (trial, time, unit), units in recorded order",
    "latents": "latent trajectories, (trial, time, latent)",
    "inputs": "inferred inputs, (trial, time, input)",
}
_ENDINGS = (".h5", ".hdf5", ".nwb")


def check_destination(path: Path) -> None:
    """Checks, before anything is computed, that a file can be written there.

    Raises:
        InvalidInput: another ending than `.h5`, `.hdf5` or `.nwb`, or a folder that does not exist.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise InvalidInput("out", path.name, f"a name that ends in {', '.join(_ENDINGS)}")
    if not path.parent.is_dir():
        raise InvalidInput("out", f"{path} in a folder that does not exist", "a folder that exists", "Create it first.")


def write(path: Path, trials: Sequence[Trials], inferred: Sequence[Inference], run: str) -> None:
    """Writes the inference of one session's trials, or of several sessions' (HDF5 only), whole or not at all.

    HDF5: `rates` (expected counts per bin), `latents`, `inputs` and what else the model reports, each `(trial, time, ...)`,
    `time_s` within the window and the trial table's columns in `trials/`; one group a session where there are several.
    NWB: a copy of the file the trials came from (or a new file) with a `TimeSeries` an array in the processing module
    `neurodyn`, samples in recording time.

    Raises:
        InvalidInput: a name that ends otherwise; several sessions into NWB; the disk is full.
    """
    check_destination(path)
    nwb = path.suffix.lower() == ".nwb"
    if nwb and len(trials) > 1:
        raise InvalidInput(
            "out", f"{path.name} for {len(trials)} sessions", "one session", "Write HDF5 instead: -o out.h5."
        )
    if nwb:
        with written_whole(path) as beside, warnings.catch_warnings():  # the name ends in .nwb once the file is whole
            warnings.filterwarnings("ignore", "The file path provided")
            _write_nwb(beside, trials[0], inferred[0], run)
    else:
        with hdf5_written_whole(path) as file:
            _write_hdf5(file, trials, inferred, run)


def _write_hdf5(file: Any, trials: Sequence[Trials], inferred: Sequence[Inference], run: str) -> None:
    file.attrs["run"] = run
    for each, inference in zip(trials, inferred, strict=True):
        group = file if len(trials) == 1 else file.create_group(each.session)
        group.attrs.update({"session": each.session, "bin_s": inference.bin_s})
        group["time_s"] = np.arange(each.bins) * inference.bin_s
        for name, values in inference.arrays().items():
            group.create_dataset(name, data=values).attrs["meaning"] = _MEANING.get(name, "")
        table = group.create_group("trials")
        for column in each.table:
            values = each.table[column].to_numpy()
            table[str(column)] = values if values.dtype.kind in "biuf" else [str(v) for v in values]


def _write_nwb(path: Path, trials: Trials, inference: Inference, run: str) -> None:
    from pynwb import NWBHDF5IO

    source = str(trials.provenance.get("source", ""))
    if source.endswith(".nwb") and Path(source).is_file():
        with NWBHDF5IO(source, "r") as read:
            file = read.read()
            _add_module(file, trials, inference, run)
            with NWBHDF5IO(path, "w") as written:
                written.export(src_io=read, nwbfile=file)
    else:
        file = _new_file(trials)
        _add_module(file, trials, inference, run)
        with NWBHDF5IO(path, "w") as written:
            written.write(file)


def _new_file(trials: Trials) -> Any:
    from datetime import UTC, datetime
    from uuid import uuid4

    from pynwb import NWBFile

    file = NWBFile(
        session_description=f"Inference of {trials.name}; the recording itself is elsewhere.",
        identifier=str(uuid4()),
        session_start_time=datetime.fromtimestamp(0, UTC),
        session_id=trials.session,
    )
    for start in _starts(trials):
        file.add_trial(start_time=float(start), stop_time=float(start + trials.bins * trials.bin_s))
    return file


def _add_module(file: Any, trials: Trials, inference: Inference, run: str) -> None:
    from pynwb import TimeSeries

    if "neurodyn" in file.processing:
        raise InvalidInput(
            "out", "a recording that has a processing module `neurodyn`", "one without", "Write HDF5 instead."
        )
    module = file.create_processing_module("neurodyn", f"Inferred by neurodyn with the run {run}")
    order = np.argsort(_starts(trials), kind="stable")
    for name, values in inference.arrays().items():
        if values.ndim != 3 or values.shape[1] != trials.bins:
            continue
        within = np.arange(trials.bins) * inference.bin_s
        seen = trials.mask[order]
        module.add(
            TimeSeries(
                name=name,
                data=values[order][seen],
                timestamps=(_starts(trials)[order][:, None] + within)[seen],
                unit="counts/bin" if name.startswith("rates") else "a.u.",
                description=_MEANING.get(name, name) + "; trials one after the other",
            )
        )


def _starts(trials: Trials) -> np.ndarray:
    """Start of each trial's window in recording time; where that is not known, windows follow one another."""
    if "start_s" in trials.table:
        return np.asarray(trials.table["start_s"].to_numpy(float))
    return np.arange(len(trials)) * trials.bins * trials.bin_s
