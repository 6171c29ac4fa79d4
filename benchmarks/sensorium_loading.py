"""How fast and in how much memory is a large recording of the Sensorium 2023 layout read? Peak resident memory and samples a second.

A folder that looks like 50 GB is written first: ten mice of 8000 neurons, 374 trials each, few distinct ones, the others hard links. Then, each in a process
of its own: training batches of 32 windows of 16 frames, one mouse after the other; batches of whole trials; and windows whose files are put out of the
system's cache before they are read, as when a recording is larger than memory.

python benchmarks/sensorium_loading.py [--distinct 4] [--units 8000] [--batches 176] [--folder KEPT]
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import torch

import neurodyn as nd
from neurodyn.data.sensorium.synthetic import SyntheticMouse, write_synthetic
from neurodyn.training.batches import Batches

MICE, BATCH, WINDOW = 10, 32, 16
VIDEOS = {"train": 350, "oracle": 1, "tests": 1, "repeats": 12}


def _write(folder: Path, units: int, distinct: int) -> None:
    mice = [SyntheticMouse(f"{29000 + n}-1-1", units) for n in range(MICE)]
    write_synthetic(folder, list(zip(mice[::2], mice[1::2], strict=True)), distinct=distinct, **VIDEOS)


def _sizes(folder: Path) -> dict[str, float]:
    """What the files add up to, and what they take on the disk, in GB."""
    files = [path.stat() for path in folder.rglob("*.npy")]
    return {
        "apparent_gb": round(sum(f.st_size for f in files) / 1e9, 1),
        "on_disk_gb": round(sum({f.st_ino: f.st_size for f in files}.values()) / 1e9, 2),
    }


def _evict(files: Iterable[Path]) -> None:
    """Puts files out of the system's cache."""
    for path in files:
        with path.open("rb") as file:
            os.fdatasync(file.fileno())  # what is not on the disk yet stays
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def _measure(what: str, folder: str, batches: int) -> dict[str, float]:
    """Reads batches and says how that went; run in a fresh process."""
    torch.set_num_threads(1)
    start = time.perf_counter()
    sessions = [trials.train for trials in nd.load("sensorium2023", folder=folder, heldout=())]
    loaded = time.perf_counter() - start
    window = None if what == "whole trials" else WINDOW
    source = Batches(sessions, 1 if what == "uncached windows" else BATCH, 0, in_turn=True, window_bins=window)
    distinct = {path.stat().st_ino: path for path in Path(folder).rglob("data/*/*.npy")}.values()
    spent, samples = 0.0, 0
    for index in range(batches):
        if what == "uncached windows":
            _evict(distinct)
        start = time.perf_counter()
        (batch,) = source.at(0, index)
        spent += time.perf_counter() - start
        samples += len(batch.trial)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9  # given in KiB
    return {
        "samples_per_s": round(samples / spent, 1),
        "ms_per_batch": round(1e3 * spent / batches, 2),
        "batches": batches,
        "peak_resident_gb": round(peak, 3),
        "load_s": round(loaded, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--distinct", type=int, default=4, help="distinct trials of each mouse")
    parser.add_argument("--units", type=int, default=8000)
    parser.add_argument("--batches", type=int, default=176, help="batches of windows; of whole trials an eighth")
    parser.add_argument("--folder", type=Path, help="write it here and keep it, or take it from here")
    parser.add_argument("--measure", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(_measure(options.measure, str(options.folder), options.batches)))
        return
    with tempfile.TemporaryDirectory() as temporary:
        folder = options.folder or Path(temporary) / "mice"
        if not folder.exists():
            _write(folder, options.units, options.distinct)
        found: dict[str, object] = {"folder": _sizes(folder)}
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "NEURODYN_CACHE": str(Path(temporary) / "cache")}
        for what, batches in (
            ("windows", options.batches),
            ("whole trials", max(1, options.batches // 8)),
            ("uncached windows", options.batches),
        ):
            command = [sys.executable, __file__, "--measure", what, "--folder", str(folder), "--batches", str(batches)]
            done = subprocess.run(command, env=environment, check=True, stdout=subprocess.PIPE, text=True)
            found[what] = json.loads(done.stdout)
    print(json.dumps(found, indent=2))


if __name__ == "__main__":
    main()
