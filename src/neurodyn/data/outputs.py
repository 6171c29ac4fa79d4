"""What a model inferred, written to HDF5 or into a copy of the NWB file it came from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

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


def check_destination(path: Path, trials: Sequence[Trials]) -> None:
    """Checks, before anything is inferred, that the inference of some trials can be written there.

    Raises:
        InvalidInput: as `write`.
    """
    if path.suffix.lower() not in _ENDINGS:
        raise InvalidInput("out", path.name, f"a name that ends in {', '.join(_ENDINGS)}")
    if not path.parent.is_dir():
        raise InvalidInput("out", f"{path} in a folder that does not exist", "a folder that exists", "Create it first.")
    if path.resolve() in {_source(each).resolve() for each in trials}:
        raise InvalidInput("out", str(path), "another file than that of the trials", "Choose another name.")
    if _is_nwb(path):
        if len(trials) > 1:
            got = f"{path.name} for {len(trials)} sessions"
            raise InvalidInput("out", got, "one session", f"Write HDF5 instead: {path.stem}.h5.")
        check_inference_target(_source(trials[0]), path, trials[0])


def write(path: Path, trials: Sequence[Trials], inferred: Sequence[Inference], run: str) -> None:
    """Writes the inference of one session's trials, or of several sessions' (HDF5 only), whole or not at all.

    HDF5: `rates` (expected counts per bin), `latents`, `inputs` and what else the model reports, each `(trial, time, ...)`,
    `time_s` within the window and the trial table's columns in `trials/`; one group a session where there are several.
    NWB: a copy of the NWB file the trials came from, as `neurodyn.data.nwb.write_inference` makes it (rates in Hz).

    Raises:
        InvalidInput: a name that ends otherwise; the trials' own file; several sessions, or trials that came from no NWB file, into NWB;
            the disk is full.
    """
    check_destination(path, trials)
    if _is_nwb(path):
        write_inference(_source(trials[0]), path, inferred[0], trials[0], run=run)
        return
    with hdf5_written_whole(path) as file:
        _write_hdf5(file, trials, inferred, run)


def _is_nwb(path: Path) -> bool:
    return path.suffix.lower() == ".nwb"


def _source(trials: Trials) -> Path:
    """The file the trials came from; a name that is no file where they came from elsewhere."""
    return Path(str(trials.provenance.get("source") or "memory"))


def _write_hdf5(file: Any, trials: Sequence[Trials], inferred: Sequence[Inference], run: str) -> None:
    file.attrs["run"] = run
    for each, inference in zip(trials, inferred, strict=True):
        group = file if len(trials) == 1 else file.create_group(each.session)
        group.attrs.update({"session": each.session, "bin_s": inference.bin_s})
        group["time_s"] = np.arange(each.bins) * inference.bin_s
        for name, values in inference.arrays().items():
            group.create_dataset(name, data=values).attrs["meaning"] = _meaning(name)
        table = group.create_group("trials")
        for column in each.table:
            values = each.table[column].to_numpy()
            table[str(column)] = values if values.dtype.kind in "biuf" else [str(v) for v in values]


def _meaning(name: str) -> str:
    of = _MEANING.get(name.removesuffix("_sd"), "")
    return f"standard deviation over posterior samples of: {of}" if of and name.endswith("_sd") else of
