"""What a model inferred, written to HDF5 or into a copy of the NWB file it came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from neurodyn.data.chopping import Stretch, check_windows, stretches
from neurodyn.data.inference import Inference
from neurodyn.data.nwb import check_inference_target, write_inference
from neurodyn.data.trials import Trials
from neurodyn.data.writing import hdf5_written_whole
from neurodyn.errors import InvalidInput

_MEANING = {
    "rates": "expected counts per bin, (trial, time, unit), units in recorded order",
    "latents": "latent trajectories, (trial, time, latent)",
    "inputs": "inferred inputs, (trial, time, input)",
}
_ENDINGS = (".h5", ".hdf5", ".nwb")


def check_destination(path: Path, trials: Sequence[Trials], merge: float | None = None) -> None:
    """Checks, before anything is inferred, that the inference of some trials can be written there, joined where `merge` is given.

    Raises:
        InvalidInput: as `write`.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise InvalidInput("out", path.name, f"a name that ends in {', '.join(_ENDINGS)}")
    if not path.parent.is_dir():
        raise InvalidInput("out", f"{path} in a folder that does not exist", "a folder that exists", "Create it first.")
    if path.resolve() in {_source(each).resolve() for each in trials}:
        raise InvalidInput("out", str(path), "another file than that of the trials", "Choose another name.")
    if merge is not None:
        if _is_nwb(path):
            raise InvalidInput("merge", path.name, "an HDF5 file", f"Write {path.stem}.h5.")
        for each in trials:
            check_windows(each, merge)
    if _is_nwb(path):
        if len(trials) > 1:
            got = f"{path.name} for {len(trials)} sessions"
            raise InvalidInput("out", got, "one session", f"Write HDF5 instead: {path.stem}.h5.")
        check_inference_target(_source(trials[0]), path, trials[0])


def write(
    path: Path, trials: Sequence[Trials], inferred: Sequence[Inference], run: str, merge: float | None = None
) -> None:
    """Writes the inference of one session's trials, or of several sessions' (HDF5 only), whole or not at all.

    HDF5: `rates` (expected counts per bin), `latents`, `inputs` and what else the model reports, each `(trial, time, ...)`,
    `time_s` within the window and the trial table's columns in `trials/`; one group a session where there are several.
    With `merge`, windows of a continuous recording are joined (`chopping.stretches`, with this power): one group `stretch_<k>` for each
    uninterrupted stretch, its arrays `(time, channel)` and `time_s` of every bin's start.
    NWB: a copy of the NWB file the trials came from, as `neurodyn.data.nwb.write_inference` makes it (rates in Hz).

    Raises:
        InvalidInput: a name that ends otherwise; the trials' own file; several sessions, or trials that came from no NWB file, into NWB;
            the disk is full.
    """
    check_destination(path, trials, merge)
    if _is_nwb(path):
        write_inference(_source(trials[0]), path, inferred[0], trials[0], run=run)
        return
    with hdf5_written_whole(path) as file:
        _write_hdf5(file, trials, inferred, run, merge)


def _is_nwb(path: Path) -> bool:
    return path.suffix.lower() == ".nwb"


def _source(trials: Trials) -> Path:
    """The file the trials came from; a name that is no file where they came from elsewhere."""
    return Path(str(trials.provenance.get("source") or "memory"))


def _write_hdf5(
    file: Any, trials: Sequence[Trials], inferred: Sequence[Inference], run: str, merge: float | None
) -> None:
    file.attrs["run"] = run
    for each, inference in zip(trials, inferred, strict=True):
        group = file if len(trials) == 1 else file.create_group(each.session)
        group.attrs.update({"session": each.session, "bin_s": inference.bin_s})
        if merge is not None:
            _write_stretches(group, stretches(inference, each, power=merge), inference.bin_s)
            continue
        group["time_s"] = np.arange(each.bins) * inference.bin_s
        for name, values in inference.arrays().items():
            group.create_dataset(name, data=values).attrs["meaning"] = _meaning(name)
        table = group.create_group("trials")
        for column in each.table:
            values = each.table[column].to_numpy()
            table[str(column)] = values if values.dtype.kind in "biuf" else [str(v) for v in values]


def _write_stretches(group: Any, found: Sequence[Stretch], bin_s: float) -> None:
    for number, stretch in enumerate(found):
        part = group.create_group(f"stretch_{number}")
        part.attrs.update({"segment": stretch.segment, "start_bin": stretch.start_bin})
        begins = stretch.start_bin * bin_s if stretch.start_s is None else stretch.start_s
        for name, values in stretch.arrays.items():
            part.create_dataset(name, data=values).attrs["meaning"] = _meaning(name).replace("(trial, ", "(")
        part["time_s"] = begins + np.arange(len(next(iter(stretch.arrays.values())))) * bin_s


def _meaning(name: str) -> str:
    of = _MEANING.get(name.removesuffix("_sd"), "")
    return f"standard deviation over posterior samples of: {of}" if of and name.endswith("_sd") else of
